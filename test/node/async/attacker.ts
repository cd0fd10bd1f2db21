/** Guests that misuse the built-ins of tasks, and what becomes of them. */
import { expect } from "vitest";
import type { Instance } from "../../../host/runtime/types.ts";
import type { Limits } from "../../../host/runtime/engine.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compileBytes } from "../../compile.ts";
import type { Dynamic } from "../runtime/support.ts";

/**
 * A guest with all built-ins of streams, futures, sets and tasks. `body` is that of the function `run`, `event` that of its callback.
 */
export function attacker(body: string, event = "unreachable"): string {
  const builtins: Readonly<Record<string, readonly [canon: string, type: string]>> = {
    return: ["task.return (result u32)", "(param i32)"],
    "return-none": ["task.return", ""],
    cancel: ["task.cancel", ""],
    "set-new": ["waitable-set.new", "(result i32)"],
    "set-drop": ["waitable-set.drop", "(param i32)"],
    poll: [`waitable-set.poll (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
    join: ["waitable.join", "(param i32 i32)"],
    "subtask-drop": ["subtask.drop", "(param i32)"],
    "subtask-cancel": ["subtask.cancel async", "(param i32) (result i32)"],
    inc: ["backpressure.inc", ""],
    dec: ["backpressure.dec", ""],
    "stream-new": ["stream.new $S", "(result i64)"],
    read: [`stream.read $S async (memory (core memory $libc "memory"))`, "(param i32 i32 i32) (result i32)"],
    write: [`stream.write $S async (memory (core memory $libc "memory"))`, "(param i32 i32 i32) (result i32)"],
    "cancel-read": ["stream.cancel-read $S", "(param i32) (result i32)"],
    "cancel-write": ["stream.cancel-write $S", "(param i32) (result i32)"],
    "drop-readable": ["stream.drop-readable $S", "(param i32)"],
    "drop-writable": ["stream.drop-writable $S", "(param i32)"],
    "future-new": ["future.new $F", "(result i64)"],
    "future-read": [`future.read $F async (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
    "future-write": [`future.write $F async (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
    "future-cancel-read": ["future.cancel-read $F", "(param i32) (result i32)"],
    "future-drop-readable": ["future.drop-readable $F", "(param i32)"],
    "future-drop-writable": ["future.drop-writable $F", "(param i32)"],
    thread: [`thread.new-indirect $start (core table $libc "table")`, "(param i32 i32) (result i32)"],
    resume: ["thread.resume-later", "(param i32)"],
    give: ["lower (func $give)", "(param i32)"],
    feed: ["lower (func $feed)", "(result i32)"],
    fetch: [`lower (func $fetch) async (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
  };
  const names = Object.keys(builtins);
  const imported = new Set(["fetch", "give", "feed"]);
  const canon = (name: string, text: string): string =>
    imported.has(name) ? `(core func $${name}' (canon ${text}))` : `(core func $${name} (canon ${text}))`;
  return `(component
  (import "fetch" (func $fetch async (param "n" u32) (result u32)))
  (type $S (stream u32))
  (type $F (future u32))
  (import "give" (func $give (param "s" $S)))
  (import "feed" (func $feed (result $S)))
  (core type $start (func (param i32)))
  (core module $Libc
    (memory (export "memory") 1) (table (export "table") 3 funcref)
    (func $nothing (param i32)) (func $other) (elem (i32.const 0) func $nothing $other))
  (core instance $libc (instantiate $Libc))
  ${names.map((name) => canon(name, builtins[name]![0])).join("\n  ")}
  (core module $M
    (import "libc" "memory" (memory 1))
    ${names.map((name) => `(import "" "${name}" (func $${name} ${builtins[name]![1]}))`).join("\n    ")}
    (global $ends (mut i64) (i64.const 0))
    (global $set (mut i32) (i32.const 0))
    (func $r (result i32) (i32.wrap_i64 (global.get $ends)))
    (func $w (result i32) (i32.wrap_i64 (i64.shr_u (global.get $ends) (i64.const 32))))
    (func $wait (result i32) (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func (export "run") (param $n i32) (result i32) (local $i i32) ${body} (i32.const 0))
    (func $load (result i32) (i32.load (i32.const 16)))
    (func (export "event") (param i32 i32 i32) (result i32) ${event} (i32.const 0)))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    ${names.map((name) => `(export "${name}" (func $${name}${imported.has(name) ? "'" : ""}))`).join(" ")}))))
  (func (export "run") async (param "n" u32) (result u32)
    (canon lift (core func $m "run") async (callback (core func $m "event")))))`;
}

const honest = attacker("(call $return (local.get 0))");

export type Fetch = (n: number) => unknown;

export async function start(
  text: string,
  fetch: Fetch = () => new Promise(() => {}),
  { limits, ...imports }: { readonly limits?: Limits; give?(stream: unknown): void; feed?(): unknown } = {},
): Promise<Instance<Dynamic>> {
  const component = await compileBytes(await parseWat(text), text, { name: "test", limits });
  const given = { fetch, give() {}, feed: () => [], ...imports };
  return component.instantiateSync(given, { limits: { resources: 200 } }) as Instance<Dynamic>;
}

/** Runs an attack, and gives what it ends with; another instance serves afterwards. */
export async function attack(text: string, fetch?: Fetch): Promise<Error> {
  const instance = await start(text, fetch);
  const error = await instance.exports.run(1).then(
    (value: unknown) => new Error(`The attack ended with ${String(value)}`),
    (thrown: Error) => thrown,
  );
  const other = await start(honest);
  expect(await other.exports.run(3)).toBe(3);
  // The instance that trapped is locked, and says so.
  await expect(instance.exports.run(1)).rejects.toThrow();
  return error;
}
