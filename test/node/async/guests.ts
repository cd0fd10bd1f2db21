/** Asynchronous guests in WAT: what the tests of asynchronous calls run. */
import { abi, libcOf } from "./libc.ts";

const libc = libcOf(4, 131_072);

/**
 * `now` answers at once; `later` waits for the import `fetch` with a callback and returns what it gave plus one; `turns` yields
 * a number of times; `fail` traps in its callback; `never` waits for ever and can be cancelled; `sum` is synchronous.
 */
export const callsGuest = `(component
  (import "fetch" (func $fetch async (param "n" u32) (result u32)))
  ${libc}
  (core func $fetch' (canon lower (func $fetch) async ${abi}))
  (core func $return (canon task.return (result u32)))
  (core func $return-string (canon task.return (result string) (memory (core memory $libc "memory"))))
  (core func $cancel (canon task.cancel))
  (core func $set-new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $drop-subtask (canon subtask.drop))
  (core func $drop-set (canon waitable-set.drop))
  (core func $get (canon context.get i32 0))
  (core func $set (canon context.set i32 0))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "fetch" (func $fetch (param i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "return-string" (func $return-string (param i32 i32)))
    (import "" "cancel" (func $cancel))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "drop-subtask" (func $drop-subtask (param i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (import "" "get" (func $get (result i32)))
    (import "" "set" (func $set (param i32)))
    ;; Cells of eight bytes, those that are free in a list.
    (global $cells (mut i32) (i32.const 64))
    (global $free (mut i32) (i32.const 0))
    (func $cell-new (result i32)
      (local $cell i32)
      (if (global.get $free) (then
        (local.set $cell (global.get $free))
        (global.set $free (i32.load (local.get $cell)))
        (return (local.get $cell))))
      (local.set $cell (global.get $cells))
      (global.set $cells (i32.add (global.get $cells) (i32.const 8)))
      (local.get $cell))
    (func $cell-drop (param $cell i32) (result i32)
      (local $value i32)
      (local.set $value (i32.load (local.get $cell)))
      (i32.store (local.get $cell) (global.get $free))
      (global.set $free (local.get $cell))
      (local.get $value))
    (func (export "now") (param i32) (result i32)
      (call $return (i32.add (local.get 0) (i32.const 1))) (i32.const 0))
    (func (export "echo") (param i32 i32) (result i32)
      (call $return-string (local.get 0) (local.get 1)) (i32.const 0))
    ;; The cell that the result goes to and the set are kept together in the context.
    (func (export "later") (param i32) (result i32)
      (local $cell i32) (local $status i32) (local $set i32)
      (local.set $cell (call $cell-new))
      (local.set $status (call $fetch (local.get 0) (local.get $cell)))
      (if (i32.eq (local.get $status) (i32.const 2)) (then
        (call $return (i32.add (call $cell-drop (local.get $cell)) (i32.const 1)))
        (return (i32.const 0))))
      (local.set $set (call $set-new))
      (i32.store offset=4 (local.get $cell) (local.get $set))
      (call $join (i32.shr_u (local.get $status) (i32.const 4)) (local.get $set))
      (call $set (local.get $cell))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "later-event") (param $code i32) (param $index i32) (param $state i32) (result i32)
      (local $cell i32)
      (if (i32.eq (local.get $code) (i32.const 6)) (then (call $cancel) (return (i32.const 0))))
      (if (i32.or (i32.ne (local.get $code) (i32.const 1)) (i32.ne (local.get $state) (i32.const 2))) (then unreachable))
      (local.set $cell (call $get))
      (call $drop-subtask (local.get $index))
      (call $drop-set (i32.load offset=4 (local.get $cell)))
      (call $return (i32.add (call $cell-drop (local.get $cell)) (i32.const 1)))
      (i32.const 0))
    (func (export "turns") (param i32) (result i32)
      (call $set (local.get 0)) (i32.const 1))
    (func (export "turns-event") (param $code i32) (param i32 i32) (result i32)
      (if (i32.eq (local.get $code) (i32.const 6)) (then (call $cancel) (return (i32.const 0))))
      (if (i32.eqz (call $get)) (then (call $return (i32.const 7)) (return (i32.const 0))))
      (call $set (i32.sub (call $get) (i32.const 1)))
      (i32.const 1))
    (func (export "fail") (result i32) (i32.const 1))
    (func (export "fail-event") (param i32 i32 i32) (result i32) unreachable)
    (func (export "forgets") (result i32) (i32.const 0))
    (func (export "break") unreachable)
    (func (export "sum") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "fetch" (func $fetch')) (export "return" (func $return)) (export "return-string" (func $return-string))
    (export "cancel" (func $cancel)) (export "set-new" (func $set-new)) (export "join" (func $join))
    (export "drop-subtask" (func $drop-subtask)) (export "drop-set" (func $drop-set))
    (export "get" (func $get)) (export "set" (func $set))))))
  (func (export "now") async (param "n" u32) (result u32)
    (canon lift (core func $m "now") async (callback (core func $m "fail-event"))))
  (func (export "echo") async (param "text" string) (result string)
    (canon lift (core func $m "echo") async (callback (core func $m "fail-event")) ${abi}))
  (func (export "later") async (param "n" u32) (result u32)
    (canon lift (core func $m "later") async (callback (core func $m "later-event"))))
  (func (export "turns") async (param "n" u32) (result u32)
    (canon lift (core func $m "turns") async (callback (core func $m "turns-event"))))
  (func (export "fail") async (result u32)
    (canon lift (core func $m "fail") async (callback (core func $m "fail-event"))))
  (func (export "forgets") async (result u32)
    (canon lift (core func $m "forgets") async (callback (core func $m "fail-event"))))
  (func (export "break") (canon lift (core func $m "break")))
  (func (export "sum") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $m "sum"))))`;

/** A consumer whose asynchronous `run` calls a provider's `double`, which waits for a turn; both give the value through memory. */
export const pairGuest = `(component
  (component $Provider
    (core func $return (canon task.return (result u32)))
    (core func $get (canon context.get i32 0))
    (core func $set (canon context.set i32 0))
    (core module $M
      (import "" "return" (func $return (param i32)))
      (import "" "get" (func $get (result i32)))
      (import "" "set" (func $set (param i32)))
      (func (export "double") (param i32) (result i32) (call $set (local.get 0)) (i32.const 1))
      (func (export "event") (param i32 i32 i32) (result i32)
        (call $return (i32.mul (call $get) (i32.const 2))) (i32.const 0)))
    (core instance $m (instantiate $M (with "" (instance
      (export "return" (func $return)) (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "double") async (param "n" u32) (result u32)
      (canon lift (core func $m "double") async (callback (core func $m "event")))))
  (component $Consumer
    (import "double" (func $double async (param "n" u32) (result u32)))
    ${libc}
    (core func $double' (canon lower (func $double) async ${abi}))
    (core func $return (canon task.return (result u32)))
    (core func $set-new (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core module $M
      (import "libc" "memory" (memory 1))
      (import "" "double" (func $double (param i32 i32) (result i32)))
      (import "" "return" (func $return (param i32)))
      (import "" "set-new" (func $set-new (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (global $set (mut i32) (i32.const 0))
      (func (export "run") (param i32) (result i32)
        (local $status i32)
        (local.set $status (call $double (local.get 0) (i32.const 16)))
        (if (i32.ne (i32.and (local.get $status) (i32.const 15)) (i32.const 1)) (then unreachable))
        (global.set $set (call $set-new))
        (call $join (i32.shr_u (local.get $status) (i32.const 4)) (global.get $set))
        (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
      (func (export "event") (param i32 i32 i32) (result i32)
        (call $return (i32.load (i32.const 16))) (i32.const 0)))
    (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
      (export "double" (func $double')) (export "return" (func $return))
      (export "set-new" (func $set-new)) (export "join" (func $join))))))
    (func (export "run") async (param "n" u32) (result u32)
      (canon lift (core func $m "run") async (callback (core func $m "event")))))
  (instance $provider (instantiate $Provider))
  (instance $consumer (instantiate $Consumer (with "double" (func $provider "double"))))
  (export "run" (func $consumer "run")))`;

/** `run` is lifted and lowers synchronously: it blocks in the import `fetch`. */
export const blockingGuest = `(component
  (import "fetch" (func $fetch async (param "n" u32) (result u32)))
  (core func $fetch' (canon lower (func $fetch)))
  (core module $M
    (import "" "fetch" (func $fetch (param i32) (result i32)))
    (func (export "run") (param i32) (result i32)
      (i32.add (call $fetch (local.get 0)) (call $fetch (i32.add (local.get 0) (i32.const 1))))))
  (core instance $m (instantiate $M (with "" (instance (export "fetch" (func $fetch'))))))
  (func (export "run") async (param "n" u32) (result u32) (canon lift (core func $m "run"))))`;

/** `run` sleeps for 5 by the import `sleep`, which has no result, and answers 7 when it has been woken. */
export const sleepsGuest = `(component
  (import "sleep" (func $sleep async (param "ms" u64)))
  (core func $sleep' (canon lower (func $sleep) async))
  (core func $return (canon task.return (result u32)))
  (core func $set-new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core module $M
    (import "" "sleep" (func $sleep (param i64) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (func (export "run") (result i32)
      (local $status i32) (local $set i32)
      (local.set $status (call $sleep (i64.const 5)))
      (if (i32.eq (local.get $status) (i32.const 2)) (then (call $return (i32.const 0)) (return (i32.const 0))))
      (local.set $set (call $set-new))
      (call $join (i32.shr_u (local.get $status) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "event") (param i32 i32 i32) (result i32) (call $return (i32.const 7)) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "sleep" (func $sleep')) (export "return" (func $return))
    (export "set-new" (func $set-new)) (export "join" (func $join))))))
  (func (export "run") async (result u32)
    (canon lift (core func $m "run") async (callback (core func $m "event")))))`;

const doubled = (name: string, body: string): string => `
  (func (export "${name}") (param i32) (result i32)
    (local $sum i32)
    (loop $more
      ${body}
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $more (local.get 0)))
    (local.get $sum))`;

/** Calls another guest a number of times: `asynchronous` one that returns with `task.return` at once, `synchronous` a plain one. */
export const eagerPair = `(component
  (component $Provider
    (core func $return (canon task.return (result u32)))
    (core module $M
      (import "" "return" (func $return (param i32)))
      (func (export "later") (param i32) (result i32)
        (call $return (i32.mul (local.get 0) (i32.const 2))) (i32.const 0))
      (func (export "event") (param i32 i32 i32) (result i32) unreachable)
      (func (export "now") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
    (func (export "later") async (param "n" u32) (result u32)
      (canon lift (core func $m "later") async (callback (core func $m "event"))))
    (func (export "now") (param "n" u32) (result u32) (canon lift (core func $m "now"))))
  (component $Consumer
    (import "later" (func $later async (param "n" u32) (result u32)))
    (import "now" (func $now (param "n" u32) (result u32)))
    ${libc}
    (core func $later' (canon lower (func $later) async ${abi}))
    (core func $now' (canon lower (func $now)))
    (core module $M
      (import "libc" "memory" (memory 1))
      (import "" "later" (func $later (param i32 i32) (result i32)))
      (import "" "now" (func $now (param i32) (result i32)))
      ${doubled(
        "asynchronous",
        `(if (i32.ne (call $later (local.get 0) (i32.const 16)) (i32.const 2)) (then unreachable))
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 16))))`,
      )}
      ${doubled("synchronous", `(local.set $sum (i32.add (local.get $sum) (call $now (local.get 0))))`)})
    (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
      (export "later" (func $later')) (export "now" (func $now'))))))
    (func (export "asynchronous") (param "n" u32) (result u32) (canon lift (core func $m "asynchronous")))
    (func (export "synchronous") (param "n" u32) (result u32) (canon lift (core func $m "synchronous"))))
  (instance $provider (instantiate $Provider))
  (instance $consumer (instantiate $Consumer
    (with "later" (func $provider "later")) (with "now" (func $provider "now"))))
  (export "asynchronous" (func $consumer "asynchronous"))
  (export "synchronous" (func $consumer "synchronous")))`;

/** `stubborn` answers 7 when it is cancelled; `tidy` returns its argument by itself and tells `tidied` in its post-return function. */
export const answeringGuest = `(component
  (core func $return (canon task.return (result u32)))
  (core func $set-new (canon waitable-set.new))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (import "" "set-new" (func $set-new (result i32)))
    (global $tidied (mut i32) (i32.const 0))
    (func (export "stubborn") (result i32) (i32.or (i32.const 2) (i32.shl (call $set-new) (i32.const 4))))
    (func (export "callback") (param i32 i32 i32) (result i32)
      (if (i32.ne (local.get 0) (i32.const 6)) (then unreachable))
      (call $return (i32.const 7))
      (i32.const 0))
    (func (export "tidy") (param i32) (result i32) (local.get 0))
    (func (export "post") (param i32) (global.set $tidied (local.get 0)))
    (func (export "tidied") (result i32) (global.get $tidied)))
  (core instance $m (instantiate $M (with "" (instance
    (export "return" (func $return)) (export "set-new" (func $set-new))))))
  (func (export "stubborn") async (result u32)
    (canon lift (core func $m "stubborn") async (callback (core func $m "callback"))))
  (func (export "tidy") async (param "n" u32) (result u32)
    (canon lift (core func $m "tidy") (post-return (core func $m "post"))))
  (func (export "tidied") (result u32) (canon lift (core func $m "tidied"))))`;
