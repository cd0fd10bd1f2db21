/** Guests in WAT that pass streams, futures and error contexts. */
import { abi, libcOf } from "./libc.ts";

const libc = libcOf(16, 262_144);

export interface Pipe {
  /** Of an element, in WAT; empty for none. */
  readonly type: string;
  /** Bytes of an element. */
  readonly size: number;
  /** Elements that are read at once. Default 1,024 */
  readonly count?: number;
  /** What comes before the types. */
  readonly before?: string;
}

/**
 * `copy` gives the stream that it is given on, through its memory; `same` gives it on as it is; `count` reads it to the end; `hold`
 * keeps it and `let-go` drops it; `future` gives a future on, `value` the value of one; `never` gives a stream that it does not
 * write to; `sync-same` is synchronous; `break` traps.
 */
export function pipeGuest({ type, size, count = 1024, before = "" }: Pipe): string {
  const stream = type === "" ? "(stream)" : `(stream ${type})`;
  const future = type === "" ? "(future)" : `(future ${type})`;
  const names = ["return", "return-future", "return-count", "return-none", "new", "read", "write", "drop-r", "drop-w"];
  const tasks = ["set-new", "set-drop", "join", "future-read", "future-drop", "future-new", "future-write"];
  return `(component
  ${before}
  (type $S ${stream})
  (type $F ${future})
  ${libc}
  (core func $return (canon task.return (result $S) (memory (core memory $libc "memory"))))
  (core func $return-future (canon task.return (result $F) (memory (core memory $libc "memory"))))
  (core func $return-count (canon task.return (result u32) (memory (core memory $libc "memory"))))
  (core func $return-none (canon task.return (memory (core memory $libc "memory"))))
  (core func $new (canon stream.new $S))
  (core func $read (canon stream.read $S async ${abi}))
  (core func $write (canon stream.write $S async ${abi}))
  (core func $drop-r (canon stream.drop-readable $S))
  (core func $drop-w (canon stream.drop-writable $S))
  (core func $future-new (canon future.new $F))
  (core func $future-read (canon future.read $F async ${abi}))
  (core func $future-write (canon future.write $F async ${abi}))
  (core func $future-drop (canon future.drop-readable $F))
  (core func $set-new (canon waitable-set.new))
  (core func $set-drop (canon waitable-set.drop))
  (core func $join (canon waitable.join))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "return" (func $return (param i32)))
    (import "" "return-future" (func $return-future (param i32)))
    (import "" "return-count" (func $return-count (param i32)))
    (import "" "return-none" (func $return-none))
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "drop-r" (func $drop-r (param i32)))
    (import "" "drop-w" (func $drop-w (param i32)))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "set-drop" (func $set-drop (param i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "future-new" (func $future-new (result i64)))
    (import "" "future-read" (func $future-read (param i32 i32) (result i32)))
    (import "" "future-write" (func $future-write (param i32 i32) (result i32)))
    (import "" "future-drop" (func $future-drop (param i32)))
    (global $in (mut i32) (i32.const 0))
    (global $out (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))
    (global $left (mut i32) (i32.const 0))
    (global $at (mut i32) (i32.const 0))
    (global $ended (mut i32) (i32.const 0))
    (global $counts (mut i32) (i32.const 0))
    (global $total (mut i32) (i32.const 0))
    (global $held (mut i32) (i32.const 0))
    (func $begin (param i32)
      (global.set $in (local.get 0))
      (global.set $set (call $set-new))
      (global.set $left (i32.const 0))
      (global.set $total (i32.const 0))
      (global.set $ended (i32.const 0)))
    (func $was-read (param $result i32)
      (global.set $left (i32.shr_u (local.get $result) (i32.const 4)))
      (global.set $total (i32.add (global.get $total) (global.get $left)))
      (if (global.get $counts) (then (global.set $left (i32.const 0))))
      (global.set $at (i32.const 1024))
      (global.set $ended (i32.and (local.get $result) (i32.const 15))))
    (func $was-written (param $result i32)
      (local $n i32)
      (local.set $n (i32.shr_u (local.get $result) (i32.const 4)))
      (global.set $at (i32.add (global.get $at) (i32.mul (local.get $n) (i32.const ${size}))))
      (global.set $left (i32.sub (global.get $left) (local.get $n)))
      (if (i32.and (local.get $result) (i32.const 15)) (then
        (global.set $left (i32.const 0)) (global.set $ended (i32.const 1)))))
    (func $wait (param i32) (result i32)
      (call $join (local.get 0) (global.get $set))
      (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func $go-on (result i32)
      (local $result i32)
      (loop $again
        (if (global.get $left)
          (then
            (local.set $result (call $write (global.get $out) (global.get $at) (global.get $left)))
            (if (i32.eq (local.get $result) (i32.const -1)) (then (return (call $wait (global.get $out)))))
            (call $was-written (local.get $result))
            (br $again))
          (else (if (i32.eqz (global.get $ended)) (then
            (local.set $result (call $read (global.get $in) (i32.const 1024) (i32.const ${count})))
            (if (i32.eq (local.get $result) (i32.const -1)) (then (return (call $wait (global.get $in)))))
            (call $was-read (local.get $result))
            (br $again))))))
      (call $drop-r (global.get $in))
      (if (global.get $counts)
        (then (call $return-count (global.get $total)))
        (else (call $drop-w (global.get $out))))
      (call $set-drop (global.get $set))
      (i32.const 0))
    (func (export "copy") (param i32) (result i32)
      (local $ends i64)
      (call $begin (local.get 0))
      (global.set $counts (i32.const 0))
      (local.set $ends (call $new))
      (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (call $return (i32.wrap_i64 (local.get $ends)))
      (call $go-on))
    (func (export "count") (param i32) (result i32)
      (call $begin (local.get 0))
      (global.set $counts (i32.const 1))
      (call $go-on))
    (func (export "event") (param $code i32) (param $index i32) (param $payload i32) (result i32)
      (call $join (local.get $index) (i32.const 0))
      (if (i32.eq (local.get $code) (i32.const 2))
        (then (call $was-read (local.get $payload)))
        (else (call $was-written (local.get $payload))))
      (call $go-on))
    (func (export "same") (param i32) (result i32) (call $return (local.get 0)) (i32.const 0))
    (func (export "sync-same") (param i32) (result i32) (local.get 0))
    (func (export "hold") (param i32) (result i32)
      (global.set $held (local.get 0)) (call $return-none) (i32.const 0))
    (func (export "let-go") (result i32) (call $drop-r (global.get $held)) (call $return-none) (i32.const 0))
    (func (export "never") (result i32) (call $return (i32.wrap_i64 (call $new))) (i32.const 0))
    (func (export "future") (param i32) (result i32) (call $return-future (local.get 0)) (i32.const 0))
    ;; A future of its own, with the value of the one that it is given.
    (func (export "value") (param i32) (result i32)
      (local $ends i64)
      (global.set $set (call $set-new))
      (global.set $in (local.get 0))
      (local.set $ends (call $future-new))
      (global.set $out (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (call $return-future (i32.wrap_i64 (local.get $ends)))
      (if (i32.eq (call $future-read (local.get 0) (i32.const 1024)) (i32.const -1))
        (then (return (call $wait (local.get 0)))))
      (drop (call $future-write (global.get $out) (i32.const 1024)))
      (i32.const 0))
    (func (export "value-event") (param i32 i32 i32) (result i32)
      (drop (call $future-write (global.get $out) (i32.const 1024)))
      (i32.const 0))
    (func (export "break") unreachable))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    ${[...names, ...tasks].map((name) => `(export "${name}" (func $${name}))`).join(" ")}))))
  ${["copy", "count", "same", "hold"]
    .map(
      (name) =>
        `(func (export "${name}") async (param "in" $S) ${
          name === "count" ? "(result u32)" : name === "hold" ? "" : "(result $S)"
        } (canon lift (core func $m "${name}") async ${abi} (callback (core func $m "event"))))`,
    )
    .join("\n  ")}
  (func (export "let-go") async (canon lift (core func $m "let-go") async ${abi} (callback (core func $m "event"))))
  (func (export "never") async (result $S)
    (canon lift (core func $m "never") async ${abi} (callback (core func $m "event"))))
  (func (export "future") async (param "in" $F) (result $F)
    (canon lift (core func $m "future") async ${abi} (callback (core func $m "event"))))
  (func (export "value") async (param "in" $F) (result $F)
    (canon lift (core func $m "value") async ${abi} (callback (core func $m "value-event"))))
  (func (export "sync-same") (param "in" $S) (result $S) (canon lift (core func $m "sync-same")))
  (func (export "break") (canon lift (core func $m "break"))))`;
}

/** `words` makes an error context of a text and gives it, `told` gives the text of one, `same` gives one on; `drop` drops one twice. */
export const errorGuest = `(component
  ${libc}
  (core func $new (canon error-context.new ${abi}))
  (core func $message (canon error-context.debug-message ${abi}))
  (core func $drop (canon error-context.drop))
  (core module $M
    (import "" "new" (func $new (param i32 i32) (result i32)))
    (import "" "message" (func $message (param i32 i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "words") (param i32 i32) (result i32) (call $new (local.get 0) (local.get 1)))
    (func (export "told") (param i32) (result i32)
      (call $message (local.get 0) (i32.const 8)) (call $drop (local.get 0)) (i32.const 8))
    (func (export "same") (param i32) (result i32) (local.get 0))
    (func (export "drop-twice") (param i32) (call $drop (local.get 0)) (call $drop (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "message" (func $message)) (export "drop" (func $drop))))))
  (func (export "words") (param "text" string) (result error-context) (canon lift (core func $m "words") ${abi}))
  (func (export "told") (param "error" error-context) (result string) (canon lift (core func $m "told") ${abi}))
  (func (export "same") (param "error" error-context) (result error-context) (canon lift (core func $m "same")))
  (func (export "drop-twice") (param "error" error-context) (canon lift (core func $m "drop-twice"))))`;

/**
 * What Rust guests do with streams of units: `endless` reads one with more room than there can be elements, `cancel` puts a read
 * in a set and cancels it there. `text` is an asynchronous function that returns its result, with a post-return function.
 */
export const rustHabits = `(component
  (type $S (stream))
  ${libc}
  (core func $new (canon stream.new $S))
  (core func $read (canon stream.read $S async))
  (core func $write (canon stream.write $S async))
  (core func $cancel (canon stream.cancel-read $S))
  (core func $set-new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (global $freed (mut i32) (i32.const 0))
    (func (export "endless") (result i32)
      (local $ends i64)
      (local.set $ends (call $new))
      (drop (call $read (i32.wrap_i64 (local.get $ends)) (i32.const 0) (i32.const -1)))
      (call $write (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))) (i32.const 0) (i32.const 3)))
    (func (export "cancel") (result i32)
      (local $end i32)
      (local.set $end (i32.wrap_i64 (call $new)))
      (drop (call $read (local.get $end) (i32.const 0) (i32.const 1)))
      (call $join (local.get $end) (call $set-new))
      (call $cancel (local.get $end)))
    (func (export "text") (result i32)
      (i32.store (i32.const 8) (i32.const 16)) (i32.store (i32.const 12) (i32.const 2))
      (i32.store (i32.const 16) (i32.const 0x6968))
      (i32.const 8))
    (func (export "free") (param i32) (global.set $freed (local.get 0)))
    (func (export "freed") (result i32) (global.get $freed)))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "new" (func $new)) (export "read" (func $read)) (export "write" (func $write)) (export "cancel" (func $cancel))
    (export "set-new" (func $set-new)) (export "join" (func $join))))))
  (func (export "endless") (result u32) (canon lift (core func $m "endless")))
  (func (export "cancel") (result u32) (canon lift (core func $m "cancel")))
  (func (export "text") async (result string)
    (canon lift (core func $m "text") (memory (core memory $libc "memory")) (post-return (core func $m "free"))))
  (func (export "freed") (result u32) (canon lift (core func $m "freed"))))`;
