/** What hostile guests do with the built-ins of tasks: each ends in a typed error, and takes nobody else with it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LimitError, TrapError } from "../../../host/errors.ts";
import { compileWat, type Dynamic } from "../runtime/support.ts";
import type { Instance } from "../../../host/runtime/types.ts";

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

/**
 * A guest with all built-ins of streams, futures, sets and tasks. `body` is that of the function `run`, `event` that of its callback.
 */
function attacker(body: string, event = "unreachable"): string {
  const builtins: Readonly<Record<string, readonly [canon: string, type: string]>> = {
    return: ["task.return (result u32)", "(param i32)"],
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
    "drop-readable": ["stream.drop-readable $S", "(param i32)"],
    "drop-writable": ["stream.drop-writable $S", "(param i32)"],
    "future-new": ["future.new $F", "(result i64)"],
    "future-read": [`future.read $F async (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
    "future-drop-writable": ["future.drop-writable $F", "(param i32)"],
    thread: [`thread.new-indirect $start (core table $libc "table")`, "(param i32 i32) (result i32)"],
    resume: ["thread.resume-later", "(param i32)"],
    fetch: [`lower (func $fetch) async (memory (core memory $libc "memory"))`, "(param i32 i32) (result i32)"],
  };
  const names = Object.keys(builtins);
  const canon = (name: string, text: string): string =>
    name === "fetch" ? `(core func $${name}' (canon ${text}))` : `(core func $${name} (canon ${text}))`;
  return `(component
  (import "fetch" (func $fetch async (param "n" u32) (result u32)))
  (type $S (stream u32))
  (type $F (future u32))
  (core type $start (func (param i32)))
  (core module $Libc
    (memory (export "memory") 1) (table (export "table") 2 funcref) (func $nothing (param i32)) (elem (i32.const 0) func $nothing))
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
    (func (export "event") (param i32 i32 i32) (result i32) ${event} (i32.const 0)))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    ${names.map((name) => `(export "${name}" (func $${name}${name === "fetch" ? "'" : ""}))`).join(" ")}))))
  (func (export "run") async (param "n" u32) (result u32)
    (canon lift (core func $m "run") async (callback (core func $m "event")))))`;
}

const honest = attacker("(call $return (local.get 0))");

type Fetch = (n: number) => unknown;

async function start(text: string, fetch: Fetch = () => new Promise(() => {})): Promise<Instance<Dynamic>> {
  const component = await compileWat(text);
  return component.instantiateSync({ fetch }, { limits: { resources: 200 } });
}

/** Runs an attack, and gives what it ends with; another instance serves afterwards. */
async function attack(text: string, fetch?: Fetch): Promise<Error> {
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

describe("a flood", () => {
  test.each([
    ["waitable sets", "(drop (call $set-new))"],
    ["streams", "(drop (call $stream-new))"],
    ["futures", "(drop (call $future-new))"],
    ["subtasks", "(drop (call $fetch (i32.const 1) (i32.const 16)))"],
    ["threads", "(drop (call $thread (i32.const 0) (i32.const 1)))"],
  ])("of %s ends at the limit of handles", async (_, one) => {
    const error = await attack(attacker(`(loop $more ${one} (br $more))`));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "resources", allowed: 200 });
  });

  test("of tasks that have returned and go on ends at the limit of handles", async () => {
    const { exports } = await start(
      attacker(
        "(if (i32.eqz (global.get $set)) (then (global.set $set (call $set-new)))) (call $return (i32.const 7)) (return (call $wait))",
      ),
    );
    const ended: unknown[] = [];
    for (let i = 0; i < 300; i++) ended.push(await exports.run(1).catch((error: unknown) => error));
    expect(ended.find((value) => value !== 7)).toBeInstanceOf(LimitError);
  });
});

const stream = "(global.set $ends (call $stream-new))";
const reading = `${stream} (drop (call $read (call $r) (i32.const 16) (i32.const 1)))`;
const subtask = "(local.set $i (i32.shr_u (call $fetch (i32.const 1) (i32.const 16)) (i32.const 4)))";

describe("a misuse traps by its rule:", () => {
  test.each([
    ["an end without a result", "", "invalid-task-return"],
    ["a cancellation that nobody asked for", "(call $cancel)", "invalid-task-return"],
    ["a code that means nothing", "(return (i32.const 15))", "invalid-callback-code"],
    ["a wait for a set that is none", "(return (i32.const 0x7ffffff2))", "invalid-handle"],
    [
      "a set dropped with an end in it",
      `${stream} (global.set $set (call $set-new)) (call $join (call $r) (global.get $set)) (call $set-drop (global.get $set))`,
      "waitable-set-in-use",
    ],
    ["a set in a set", "(call $join (call $set-new) (call $set-new))", "invalid-handle"],
    ["a subtask dropped while it runs", `${subtask} (call $subtask-drop (local.get $i))`, "subtask-not-resolved"],
    [
      "a subtask cancelled twice",
      `${subtask} (drop (call $subtask-cancel (local.get $i))) (drop (call $subtask-cancel (local.get $i)))`,
      "subtask-not-resolved",
    ],
    ["a stream dropped while it is read", `${reading} (call $drop-readable (call $r))`, "stream-busy"],
    [
      "a stream read twice at once",
      `${reading} (drop (call $read (call $r) (i32.const 16) (i32.const 1)))`,
      "stream-busy",
    ],
    ["a read cancelled that is none", `${stream} (drop (call $cancel-read (call $r)))`, "stream-busy"],
    [
      "an end dropped twice",
      `${stream} (call $drop-readable (call $r)) (call $drop-readable (call $r))`,
      "invalid-handle",
    ],
    ["the wrong end", `${stream} (drop (call $read (call $w) (i32.const 16) (i32.const 1)))`, "invalid-handle"],
    ["a stream used as a future", `${stream} (drop (call $future-read (call $r) (i32.const 16)))`, "invalid-handle"],
    ["a stream dropped as a subtask", `${stream} (call $subtask-drop (call $r))`, "invalid-handle"],
    [
      "a future that is never written",
      "(global.set $ends (call $future-new)) (call $future-drop-writable (call $w))",
      "future-not-written",
    ],
    [
      "2^28 elements",
      `${stream} (drop (call $read (call $r) (i32.const 16) (i32.const 0x10000000)))`,
      "list-out-of-bounds",
    ],
    [
      "2^28 - 1 elements",
      `${stream} (drop (call $read (call $r) (i32.const 16) (i32.const 0x0fffffff)))`,
      "list-out-of-bounds",
    ],
    [
      "2^32 - 1 elements",
      `${stream} (drop (call $write (call $w) (i32.const 16) (i32.const -1)))`,
      "list-out-of-bounds",
    ],
    [
      "a buffer beyond the memory",
      `${stream} (drop (call $read (call $r) (i32.const 65532) (i32.const 2)))`,
      "list-out-of-bounds",
    ],
    [
      "a buffer far beyond it",
      `${stream} (drop (call $read (call $r) (i32.const -4) (i32.const 1)))`,
      "list-out-of-bounds",
    ],
    [
      "a buffer that is not aligned",
      `${stream} (drop (call $read (call $r) (i32.const 17) (i32.const 1)))`,
      "unaligned-pointer",
    ],
    [
      "an event told beyond the memory",
      "(drop (call $poll (call $set-new) (i32.const 65532)))",
      "memory-out-of-bounds",
    ],
    [
      "an event told where nothing is aligned",
      "(drop (call $poll (call $set-new) (i32.const 2)))",
      "unaligned-pointer",
    ],
    ["backpressure without an end", "(loop $more (call $inc) (br $more))", "backpressure-overflow"],
    ["backpressure below zero", "(call $dec)", "backpressure-overflow"],
    ["a thread that is none", "(call $resume (i32.const 99))", "invalid-thread"],
    ["a thread that runs", "(call $resume (i32.const 1))", "invalid-thread"],
  ])("%s", async (_, body, trap) => {
    const error = await attack(attacker(body));
    expect(error).toBeInstanceOf(TrapError);
    expect(error).toMatchObject({ trap });
  });
});

test("a second task.return traps: the call has its result already, and the next is refused", async () => {
  const { exports } = await start(attacker("(call $return (i32.const 1)) (call $return (i32.const 2))"));
  expect(await exports.run(1)).toBe(1);
  await expect(exports.run(1)).rejects.toMatchObject({ cause: { trap: "invalid-task-return" } });
});
