/**
 * Texts of components that hold every kind of section and definition at least once: what mutations start from. Each is
 * the fields of a component.
 */
export const crafted: readonly string[] = [
  `(core module $m (memory (export "mem") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
     (func (export "f") (param i32 i32) (result i32) unreachable) (func (export "post") (param i32)))
   (core instance $i (instantiate $m))
   (type $p (record (field "x" u32) (field "y" (option string)))) (export $p2 "p" (type $p))
   (func $f (param "s" string) (result (list $p2)) (canon lift (core func $i "f") string-encoding=utf16
     (memory (core memory $i "mem")) (realloc (core func $i "realloc")) (post-return (core func $i "post"))))
   (export "f" (func $f))`,
  `(type $r (resource (rep i32))) (core func $new (canon resource.new $r)) (core func $drop (canon resource.drop $r))
   (export $r2 "r" (type $r)) (func $m (param "self" (borrow $r2)) (canon lift (core func $drop)))
   (export "[method]r.touch" (func $m))
   (component $c (import "x" (type $x (sub resource))) (import "f" (func $f (param "v" (own $x)))) (export "g" (func $f)))
   (component $d (import "c" (component (import "x" (type $x (sub resource))) (import "f" (func (param "v" (own $x)))))))
   (instance (instantiate $d (with "c" (component $c))))`,
  `(import "demo:log/log@0.1.0" (instance $log (type $e (enum "low" "high")) (export "level" (type $l (eq $e)))
     (export "write" (func (param "text" string)))))
   (import "m" (core module $m (import "a" "b" (func (param i32))) (export "c" (memory 1 2))))
   (alias export $log "level" (type $level)) (type (variant (case "a" $level) (case "b" (tuple u8 s64))))
   (type (component (type $t (flags "x" "y")) (export "t" (type $u (eq $t))) (import "f" (func (result (list u8))))))
   (component (component (type (instance (export "r" (type (sub resource)))))))`,
  `(type $s (stream u8)) (core module $m (memory (export "mem") 1)) (core instance $i (instantiate $m))
   (core func (canon stream.new $s)) (core func (canon stream.read $s async (memory (core memory $i "mem"))))
   (core func (canon waitable-set.wait (memory (core memory $i "mem")))) (core func (canon task.return (result u32)))
   (core func (canon subtask.drop)) (type (future (result u8 (error string)))) (type (map string (list u8 4)))`,
];
