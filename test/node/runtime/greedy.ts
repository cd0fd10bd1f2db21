/** Components that take as much of the host's heap as they are let, as text. */

/** Returns a list of any type: pointer and length are the arguments. */
export const lists = (type: string, pages: number): string => `(component
  (core module $M (memory (export "memory") ${pages})
    (func (export "list") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
    ;; \`count\` descriptors from 64 on, each of the same \`size\` bytes.
    (func (export "aliased") (param $count i32) (param $size i32) (result i32) (local $i i32)
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (i32.store (i32.add (i32.const 64) (i32.mul (local.get $i) (i32.const 8))) (i32.const 64))
        (i32.store (i32.add (i32.const 68) (i32.mul (local.get $i) (i32.const 8))) (local.get $size))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (local.get $count)) (i32.const 0))
    (func (export "text") (result i32)
      (i32.store8 (i32.const 16) (i32.const 97)) (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 1)) (i32.const 0)))
  (core instance $m (instantiate $M))
  (func (export "list") (param "at" u32) (param "n" u32) (result (list ${type}))
    (canon lift (core func $m "list") (memory (core memory $m "memory"))))
  (func (export "aliased") (param "count" u32) (param "size" u32) (result (list (list u8)))
    (canon lift (core func $m "aliased") (memory (core memory $m "memory"))))
  (func (export "strings") (param "count" u32) (param "size" u32) (result (list string))
    (canon lift (core func $m "aliased") (memory (core memory $m "memory"))))
  (func (export "text") (result string) (canon lift (core func $m "text") (memory (core memory $m "memory")))))`;

/** Makes handles of a resource: `make` keeps them, `churn` drops each. */
export const handles = `(component
  (type $r' (resource (rep i32)))
  (core func $new (canon resource.new $r'))
  (core func $drop (canon resource.drop $r'))
  (core module $M (import "h" "new" (func $new (param i32) (result i32))) (import "h" "drop" (func $drop (param i32)))
    (func (export "make") (param i32) (loop $next
      (if (local.get 0) (then (drop (call $new (i32.const 1)))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $next)))))
    (func (export "churn") (param i32) (loop $next
      (if (local.get 0) (then (call $drop (call $new (i32.const 1)))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br $next))))))
  (core instance $c (instantiate $M (with "h" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "make") (param "n" u32) (canon lift (core func $c "make")))
  (func (export "churn") (param "n" u32) (canon lift (core func $c "churn"))))`;
