;; Validation: what is refused before anything is compiled.

(component definition (import "a:b/c@1.2.3" (instance)) (export "x" (instance 0)))

;; Names
(assert_invalid (component (import "Not-a-Name-" (func))) "is not in kebab case")
(assert_invalid (component (import "a" (func)) (import "A" (func))) "conflicts with previous name")
(assert_invalid (component (import "a:b/c@one" (func))) "unexpected character 'o'")
(assert_invalid (component (import "[method]nothing" (func))) "failed to find `.` character")
(assert_invalid (component (import "[static]nothing.f" (func))) "static resource name is not known in this context")

;; Index spaces
(assert_invalid (component (core instance (instantiate 0))) "unknown module")
(assert_invalid (component (type (list 7))) "unknown type")
(assert_invalid (component (alias export 0 "x" (func))) "unknown instance")
(assert_invalid (component (alias outer 3 0 (type))) "invalid outer alias count")

;; Types
(assert_invalid (component (type (record))) "record type must have at least one field")
(assert_invalid (component (type (enum))) "enum type must have at least one variant")
(assert_invalid (component (type (record (field "a" u8) (field "A" u8))))
  "record field name `A` conflicts with previous field name `a`")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (type (func (result (borrow $r)))))
  "function result cannot contain a `borrow` type")
(assert_invalid
  (component (type (record (field "x" u8))) (import "f" (func (param "x" 0))))
  "func not valid to be used as import")

;; Canonical options
(assert_invalid
  (component
    (core module $m (func (export "f") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "f") (result string) (canon lift (core func $i "f"))))
  "canonical option `memory` is required")
(assert_invalid
  (component
    (core module $m (func (export "f") (param i64)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "x" u32) (canon lift (core func $i "f"))))
  "lowered parameter types do not match")
(assert_invalid
  (component
    (core module $m
      (memory (export "memory") 1)
      (func (export "f") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "x" string) (canon lift (core func $i "f") (memory (core memory $i "memory")))))
  "canonical option `realloc` is required")

;; Instantiation
(assert_invalid
  (component
    (core module $m (import "a" "b" (func)))
    (core instance (instantiate $m)))
  "missing module instantiation argument")
(assert_invalid
  (component
    (core module $a (func (export "b") (param i32)))
    (core module $m (import "a" "b" (func)))
    (core instance $a (instantiate $a))
    (core instance (instantiate $m (with "a" (instance $a)))))
  "expected: (func)")
(assert_invalid
  (component
    (component $c (import "x" (func (param "a" u32))))
    (import "f" (func $f (param "a" u64)))
    (instance (instantiate $c (with "x" (func $f)))))
  "type mismatch in function parameter `a`")
(assert_invalid
  (component
    (component $c
      (import "r" (type $r (sub resource)))
      (import "make" (func (result (own $r)))))
    (import "r1" (type $r1 (sub resource)))
    (import "r2" (type $r2 (sub resource)))
    (import "make" (func $make (result (own $r1))))
    (instance (instantiate $c (with "r" (type $r2)) (with "make" (func $make)))))
  "resource types are not the same")

;; Core modules inside
(assert_invalid (component (core module (func (result i32)))) "type mismatch")

;; The text and the bytes themselves
(assert_malformed (component quote "(import \"x\" (func)") "expected `)`")
(assert_malformed (component quote "(nonsense)") "expected valid component field")
(assert_malformed (component binary "") "unexpected end")
(assert_malformed (component binary "\00asm\0d\00\02\00") "unknown binary version")
(assert_malformed (component binary "\00asm\0d\00\01\00" "\0a\01") "unexpected end")
(assert_malformed (component binary "\00asm\0d\00\01\00" "\7f\00") "malformed section id")
(assert_malformed (component binary "\00asm\0d\00\01\00" "\07\02\01\20") "invalid leading byte")
(component binary "\00asm\0d\00\01\00" "\00\04\03abc")
