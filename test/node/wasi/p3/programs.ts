/** Components of WASI 0.3 that need no compiler: what a program of it does, by the callback form of asynchronous functions. */
import { parseWat } from "../../../../scripts/toolchain/wasm-tools.ts";

/** A command that waits as many nanoseconds as it is told to. */
export function sleepCommand(ns: number): Promise<Uint8Array<ArrayBuffer>> {
  return parseWat(`(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (core func $wait-for (canon lower (func $clock "wait-for") async))
  (core func $set (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $drop-subtask (canon subtask.drop))
  (core func $return (canon task.return (result (result))))
  (core module $program
    (import "w" "wait-for" (func $wait-for (param i64) (result i32)))
    (import "w" "set" (func $make-set (result i32)))
    (import "w" "join" (func $join (param i32 i32)))
    (import "w" "drop-subtask" (func $drop-subtask (param i32)))
    (import "w" "return" (func $return (param i32)))
    (func (export "run") (result i32) (local $status i32) (local $set i32)
      (local.set $status (call $wait-for (i64.const ${ns})))
      ;; RETURNED is 2: it has not waited.
      (if (i32.eq (i32.and (local.get $status) (i32.const 15)) (i32.const 2))
        (then (call $return (i32.const 0)) (return (i32.const 0))))
      (local.set $set (call $make-set))
      (call $join (i32.shr_u (local.get $status) (i32.const 4)) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "callback") (param $event i32) (param $waitable i32) (param $result i32) (result i32)
      (call $drop-subtask (local.get $waitable))
      (call $return (i32.const 0))
      (i32.const 0)))
  (core instance $program (instantiate $program
    (with "w" (instance
      (export "wait-for" (func $wait-for))
      (export "set" (func $set))
      (export "join" (func $join))
      (export "drop-subtask" (func $drop-subtask))
      (export "return" (func $return))))))
  (func $run async (result (result))
    (canon lift (core func $program "run") async (callback (core func $program "callback"))))
  (instance $exports (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $exports)))`);
}
