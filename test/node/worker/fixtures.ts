/** Components for the tests of workers, in Node and in the page. */
import { component } from "../host/fixtures.ts";

/** `fine` gives 1; `spin` never ends. */
export function loop(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (core module $m
      (memory (export "memory") 1)
      (func (export "fine") (result i32) (i32.const 1))
      (func (export "spin") (loop $l (br $l))))
    (core instance $i (instantiate $m))
    (func (export "fine") (result u32) (canon lift (core func $i "fine")))
    (func (export "spin") (canon lift (core func $i "spin"))))`);
}

/** Calls an import when it starts; `boom` traps. */
export function onceStarted(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "demo:once/host" (instance $host (export "once" (func))))
    (core func $once (canon lower (func $host "once")))
    (core module $m
      (import "host" "once" (func $once))
      (memory (export "memory") 1)
      (func $start (call $once))
      (start $start)
      (func (export "boom") unreachable))
    (core instance $i (instantiate $m (with "host" (instance (export "once" (func $once))))))
    (func (export "boom") (canon lift (core func $i "boom"))))`);
}

/**
 * Passes streams and futures between its caller and asynchronous imports: `give` gives the stream that it is given to `sink`, `get`
 * gives what `source` gives, `promise` gives a future to `promised` and gives back what that gives. A call that is cancelled cancels its import.
 */
export function passing({ element = "u8", before = "" }: { element?: string; before?: string } = {}): Promise<
  Uint8Array<ArrayBuffer>
> {
  const call = (kind: number, args: string): string =>
    `(call $begun (i32.const ${kind}) (call $${names[kind]}${args} (i32.const 16)))`;
  const names = ["sink", "source", "promised"];
  const results = ["count", "stream", "future"];
  const exported = [
    ["give", `(param "in" $S) (result u32)`],
    ["get", `(result $S)`],
    ["promise", `(param "in" $F) (result $F)`],
  ];
  return component(`(component
    ${before}
    (type $S (stream ${element}))
    (type $F (future ${element}))
    (import "sink" (func $sink async (param "in" $S) (result u32)))
    (import "source" (func $source async (result $S)))
    (import "promised" (func $promised async (param "in" $F) (result $F)))
    (core module $Libc (memory (export "memory") 1))
    (core instance $libc (instantiate $Libc))
    ${names.map((name) => `(core func $${name}' (canon lower (func $${name}) async (memory (core memory $libc "memory"))))`).join("\n    ")}
    (core func $count (canon task.return (result u32)))
    (core func $stream (canon task.return (result $S)))
    (core func $future (canon task.return (result $F)))
    (core func $stop (canon task.cancel))
    (core func $set-new (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core func $cancel (canon subtask.cancel))
    (core func $drop (canon subtask.drop))
    (core module $M
      (import "libc" "memory" (memory 1))
      (import "" "sink" (func $sink (param i32 i32) (result i32)))
      (import "" "source" (func $source (param i32) (result i32)))
      (import "" "promised" (func $promised (param i32 i32) (result i32)))
      ${results.map((name) => `(import "" "${name}" (func $${name} (param i32)))`).join("\n      ")}
      (import "" "stop" (func $stop))
      (import "" "set-new" (func $set-new (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (import "" "cancel" (func $cancel (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (global $kind (mut i32) (i32.const 0))
      (global $subtask (mut i32) (i32.const 0))
      (func $finish (result i32)
        ${results.map((name, kind) => `(if (i32.eq (global.get $kind) (i32.const ${kind})) (then (call $${name} (i32.load (i32.const 16)))))`).join("\n        ")}
        (i32.const 0))
      (func $begun (param $kind i32) (param $status i32) (result i32)
        (local $set i32)
        (global.set $kind (local.get $kind))
        (if (i32.eq (local.get $status) (i32.const 2)) (then (return (call $finish))))
        (local.set $set (call $set-new))
        (global.set $subtask (i32.shr_u (local.get $status) (i32.const 4)))
        (call $join (global.get $subtask) (local.get $set))
        (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
      (func (export "event") (param $code i32) (param i32 i32) (result i32)
        (call $join (global.get $subtask) (i32.const 0))
        (if (i32.eq (local.get $code) (i32.const 6)) (then
          (drop (call $cancel (global.get $subtask))) (call $drop (global.get $subtask)) (call $stop) (return (i32.const 0))))
        (call $drop (global.get $subtask))
        (call $finish))
      (func (export "give") (param i32) (result i32) ${call(0, " (local.get 0)")})
      (func (export "get") (result i32) ${call(1, "")})
      (func (export "promise") (param i32) (result i32) ${call(2, " (local.get 0)")}))
    (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
      ${names.map((name) => `(export "${name}" (func $${name}'))`).join(" ")}
      ${[...results, "stop", "set-new", "join", "cancel", "drop"].map((name) => `(export "${name}" (func $${name}))`).join(" ")}))))
    ${exported
      .map(
        ([name, type]) =>
          `(func (export "${name}") async ${type}
      (canon lift (core func $m "${name}") async (memory (core memory $libc "memory")) (callback (core func $m "event"))))`,
      )
      .join("\n    ")})`);
}
