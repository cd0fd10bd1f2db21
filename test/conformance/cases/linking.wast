;; Linking: modules and components inside components, and instances given to scripts by name.

;; Two instances of one module share nothing.
(component $twins
  (core module $m
    (global $count (mut i32) (i32.const 0))
    (func (export "next") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count)))
  (core instance $left (instantiate $m))
  (core instance $right (instantiate $m))
  (func (export "left") (result u32) (canon lift (core func $left "next")))
  (func (export "right") (result u32) (canon lift (core func $right "next"))))
(assert_return (invoke "left") (u32.const 1))
(assert_return (invoke "left") (u32.const 2))
(assert_return (invoke "right") (u32.const 1))

;; A shared memory module, reached under another name through an instance made of exports.
(component
  (core module $store (memory (export "m") 1) (func (export "size") (result i32) (memory.size)))
  (core module $write
    (import "env" "ram" (memory 1))
    (func (export "poke") (param i32) (i32.store (i32.const 4) (local.get 0))))
  (core module $read
    (import "env" "ram" (memory 1))
    (func (export "peek") (result i32) (i32.load (i32.const 4))))
  (core instance $store (instantiate $store))
  (alias core export $store "m" (core memory $m))
  (core instance $env (export "ram" (memory $m)))
  (core instance $write (instantiate $write (with "env" (instance $env))))
  (core instance $read (instantiate $read (with "env" (instance $env))))
  (func (export "poke") (param "x" u32) (canon lift (core func $write "poke")))
  (func (export "peek") (result u32) (canon lift (core func $read "peek"))))
(assert_return (invoke "poke" (u32.const 77)))
(assert_return (invoke "peek") (u32.const 77))
;; The earlier instance is still there.
(assert_return (invoke $twins "right") (u32.const 2))

;; A module and a component as imports of a nested component.
(component
  (core module $Two (func (export "value") (result i32) (i32.const 2)))
  (core module $Three (func (export "value") (result i32) (i32.const 3)))
  (component $Scale
    (import "base" (core module $Base (export "value" (func (result i32)))))
    (core module $m
      (import "base" "value" (func $value (result i32)))
      (func (export "scale") (param i32) (result i32) (i32.mul (call $value) (local.get 0))))
    (core instance $base (instantiate $Base))
    (core instance $i (instantiate $m (with "base" (instance $base))))
    (func (export "scale") (param "x" u32) (result u32) (canon lift (core func $i "scale"))))
  (component $Make
    (import "module" (core module $M (export "value" (func (result i32)))))
    (import "scale" (component $S
      (import "base" (core module (export "value" (func (result i32)))))
      (export "scale" (func (param "x" u32) (result u32)))))
    (instance $s (instantiate $S (with "base" (core module $M))))
    (export "scale" (func $s "scale")))
  (instance $a (instantiate $Make (with "module" (core module $Two)) (with "scale" (component $Scale))))
  (instance $b (instantiate $Make (with "module" (core module $Three)) (with "scale" (component $Scale))))
  (export "double" (func $a "scale"))
  (export "triple" (func $b "scale")))
(assert_return (invoke "double" (u32.const 21)) (u32.const 42))
(assert_return (invoke "triple" (u32.const 14)) (u32.const 42))

;; An outer module, reached two components down.
(component
  (core module $Far (func (export "f") (result i32) (i32.const 9)))
  (component $Middle
    (component $Inner
      (alias outer 2 $Far (core module $M))
      (core instance $i (instantiate $M))
      (func (export "f") (result u32) (canon lift (core func $i "f"))))
    (instance $inner (instantiate $Inner))
    (export "f" (func $inner "f")))
  (instance $middle (instantiate $Middle))
  (export "f" (func $middle "f")))
(assert_return (invoke "f") (u32.const 9))

;; A registered instance is an import of later components by its name.
(component $maths
  (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))
(register "maths" $maths)
(component
  (import "maths" (instance $maths (export "add" (func (param "a" u32) (param "b" u32) (result u32)))))
  (canon lower (func $maths "add") (core func $add))
  (core module $m
    (import "" "add" (func $add (param i32 i32) (result i32)))
    (func (export "twice") (param i32) (result i32) (call $add (local.get 0) (local.get 0))))
  (core instance $i (instantiate $m (with "" (instance (export "add" (func $add))))))
  (func (export "twice") (param "x" u32) (result u32) (canon lift (core func $i "twice"))))
(assert_return (invoke "twice" (u32.const 21)) (u32.const 42))

(assert_unlinkable
  (component (import "nowhere" (func)))
  "unknown import")
(assert_unlinkable
  (component (import "maths" (instance (export "subtract" (func (param "a" u32))))))
  "incompatible import type")

;; A component cannot be entered again while it calls out to a part of itself.
(component
  (component $Child
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))
  (instance $child (instantiate $Child))
  (canon lower (func $child "f") (core func $f))
  (core module $m (import "" "f" (func $f)) (func (export "run") (call $f)))
  (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
  (func (export "run") (canon lift (core func $i "run"))))
(assert_trap (invoke "run") "cannot enter component instance")
