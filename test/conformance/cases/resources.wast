;; Resources: handles of a component's own type, passed within and between components.

(component definition $Counter
  (component $Owner
    (core module $count
      (global $dropped (mut i32) (i32.const 0))
      (func (export "drop") (param i32) (global.set $dropped (i32.add (global.get $dropped) (local.get 0))))
      (func (export "dropped") (result i32) (global.get $dropped)))
    (core instance $count (instantiate $count))
    (type $R' (resource (rep i32) (dtor (core func $count "drop"))))
    (export $R "r" (type $R'))
    (canon resource.new $R' (core func $new))
    (canon resource.rep $R' (core func $rep))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      ;; A borrow of the component's own resource arrives as its representation.
      (func (export "read") (param i32) (result i32) (local.get 0))
      (func (export "take") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
    (func (export "make") (param "rep" u32) (result (own $R)) (canon lift (core func $i "make")))
    (func (export "read") (param "r" (borrow $R)) (result u32) (canon lift (core func $i "read")))
    (func (export "take") (param "r" (own $R)) (result u32) (canon lift (core func $i "take")))
    (func (export "dropped") (result u32) (canon lift (core func $count "dropped"))))

  (component $User
    (import "owner" (instance $owner
      (export "r" (type $R (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $R))))
      (export "read" (func (param "r" (borrow $R)) (result u32)))
      (export "take" (func (param "r" (own $R)) (result u32)))))
    (alias export $owner "r" (type $R))
    (canon lower (func $owner "make") (core func $make))
    (canon lower (func $owner "read") (core func $read))
    (canon lower (func $owner "take") (core func $take))
    (canon resource.drop $R (core func $drop))
    (core module $m
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "read" (func $read (param i32) (result i32)))
      (import "" "take" (func $take (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "make") (param i32) (result i32) (call $make (local.get 0)))
      (func (export "read") (param i32) (result i32) (call $read (local.get 0)))
      (func (export "take") (param i32) (result i32) (call $take (local.get 0)))
      (func (export "drop") (param i32) (call $drop (local.get 0))))
    (core instance $i (instantiate $m (with "" (instance
      (export "make" (func $make)) (export "read" (func $read))
      (export "take" (func $take)) (export "drop" (func $drop))))))
    ;; The indices themselves are what the tests look at.
    (func (export "make") (param "rep" u32) (result u32) (canon lift (core func $i "make")))
    (func (export "read") (param "handle" u32) (result u32) (canon lift (core func $i "read")))
    (func (export "take") (param "handle" u32) (result u32) (canon lift (core func $i "take")))
    (func (export "drop") (param "handle" u32) (canon lift (core func $i "drop"))))

  (instance $owner (instantiate $Owner))
  (instance $user (instantiate $User (with "owner" (instance $owner))))
  (export "make" (func $user "make"))
  (export "read" (func $user "read"))
  (export "take" (func $user "take"))
  (export "drop" (func $user "drop"))
  (export "dropped" (func $owner "dropped"))
)

(component instance $life $Counter)
(assert_return (invoke "make" (u32.const 100)) (u32.const 1))
(assert_return (invoke "make" (u32.const 200)) (u32.const 2))
(assert_return (invoke "read" (u32.const 2)) (u32.const 200))
(assert_return (invoke "read" (u32.const 1)) (u32.const 100))
(assert_return (invoke "drop" (u32.const 1)))
(assert_return (invoke "dropped") (u32.const 100))
;; A freed index is given out again, the latest first.
(assert_return (invoke "make" (u32.const 300)) (u32.const 1))
(assert_return (invoke "drop" (u32.const 2)))
(assert_return (invoke "drop" (u32.const 1)))
(assert_return (invoke "make" (u32.const 4)) (u32.const 1))
(assert_return (invoke "make" (u32.const 5)) (u32.const 2))
(assert_return (invoke "dropped") (u32.const 600))
(assert_return (invoke "take" (u32.const 1)) (u32.const 4))
(assert_trap (invoke "read" (u32.const 1)) "unknown handle index 1")

(component instance $zero $Counter)
(assert_trap (invoke "read" (u32.const 0)) "unknown handle index 0")
(component instance $beyond $Counter)
(assert_trap (invoke "drop" (u32.const 4294967295)) "unknown handle index 4294967295")
(component instance $twice $Counter)
(assert_return (invoke "make" (u32.const 1)) (u32.const 1))
(assert_return (invoke "drop" (u32.const 1)))
(assert_trap (invoke "drop" (u32.const 1)) "unknown handle index 1")

;; Two types share the table, and a handle of the one is not one of the other.
(component
  (type $A (resource (rep i32)))
  (type $B (resource (rep i32)))
  (canon resource.new $A (core func $new-a))
  (canon resource.new $B (core func $new-b))
  (canon resource.rep $A (core func $rep-a))
  (canon resource.drop $B (core func $drop-b))
  (core module $m
    (import "" "new-a" (func $new-a (param i32) (result i32)))
    (import "" "new-b" (func $new-b (param i32) (result i32)))
    (import "" "rep-a" (func $rep-a (param i32) (result i32)))
    (import "" "drop-b" (func $drop-b (param i32)))
    (func (export "right") (result i32)
      (drop (call $new-a (i32.const 30)))
      (drop (call $new-b (i32.const 40)))
      (call $drop-b (i32.const 2))
      (call $rep-a (i32.const 1)))
    (func (export "wrong") (call $drop-b (i32.const 1))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new-a" (func $new-a)) (export "new-b" (func $new-b))
    (export "rep-a" (func $rep-a)) (export "drop-b" (func $drop-b))))))
  (func (export "right") (result u32) (canon lift (core func $i "right")))
  (func (export "wrong") (canon lift (core func $i "wrong")))
)
(assert_return (invoke "right") (u32.const 30))
(assert_trap (invoke "wrong") "handle index 1 used with the wrong type, expected guest-defined resource but found a different guest-defined resource")

;; A borrow must be given back before the call returns.
(component
  (component $Owner
    (type $R' (resource (rep i32)))
    (export $R "r" (type $R'))
    (canon resource.new $R' (core func $new))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (result i32) (call $new (i32.const 5))))
    (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
    (func (export "make") (result (own $R)) (canon lift (core func $i "make"))))
  (component $Keeper
    (import "r" (type $R (sub resource)))
    (core module $m (func (export "keep") (param i32)))
    (core instance $i (instantiate $m))
    (func (export "keep") (param "r" (borrow $R)) (canon lift (core func $i "keep"))))
  (component $Lender
    (import "r" (type $R (sub resource)))
    (import "make" (func $make (result (own $R))))
    (import "keep" (func $keep (param "r" (borrow $R))))
    (canon lower (func $make) (core func $make'))
    (canon lower (func $keep) (core func $keep'))
    (core module $m
      (import "" "make" (func $make (result i32)))
      (import "" "keep" (func $keep (param i32)))
      (func (export "run") (call $keep (call $make))))
    (core instance $i (instantiate $m (with "" (instance (export "make" (func $make')) (export "keep" (func $keep'))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $owner (instantiate $Owner))
  (alias export $owner "r" (type $R))
  (instance $keeper (instantiate $Keeper (with "r" (type $R))))
  (instance $lender (instantiate $Lender
    (with "r" (type $R)) (with "make" (func $owner "make")) (with "keep" (func $keeper "keep"))))
  (export "run" (func $lender "run"))
)
(assert_trap (invoke "run") "borrow handles still remain at the end of the call")
