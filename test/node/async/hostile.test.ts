/** What hostile guests do with the built-ins of tasks: each ends in a typed error, and takes nobody else with it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LimitError, TrapError, UnloadedError } from "../../../host/errors.ts";
import { instantiateWat } from "../runtime/support.ts";
import { attack, attacker, start } from "./attacker.ts";

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

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
const future = "(global.set $ends (call $future-new))";
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
    [
      "a thread resumed twice",
      "(call $resume (local.tee $i (call $thread (i32.const 0) (i32.const 1)))) (call $resume (local.get $i))",
      "invalid-thread",
    ],
    [
      "a thread that begins beyond the table",
      "(drop (call $thread (i32.const 3) (i32.const 1)))",
      "table-out-of-bounds",
    ],
    ["a thread that begins with nothing", "(drop (call $thread (i32.const 2) (i32.const 1)))", "indirect-call-to-null"],
    ["a thread of another signature", "(drop (call $thread (i32.const 1) (i32.const 1)))", "bad-signature"],
    ["a task.return of another signature", "(call $return-none)", "invalid-task-return"],
    ["an end handed on twice", `${stream} (call $give (call $r)) (call $give (call $r))`, "invalid-handle"],
    ["an end handed on while it is read", `${reading} (call $give (call $r))`, "stream-busy"],
    ["a writable end handed on", `${stream} (call $give (call $w))`, "invalid-handle"],
    [
      "an end handed on in a set",
      `${stream} (call $join (call $r) (call $set-new)) (call $give (call $r))`,
      "waitable-in-set",
    ],
    [
      "an end handed on that was told of the end",
      `${stream} (call $drop-writable (call $w)) (drop (call $read (call $r) (i32.const 16) (i32.const 1))) (call $give (call $r))`,
      "stream-done",
    ],
    [
      "a stream dropped while it is written",
      `${stream} (drop (call $write (call $w) (i32.const 16) (i32.const 1))) (call $drop-writable (call $w))`,
      "stream-busy",
    ],
    [
      "a stream dropped after its read was cancelled twice",
      `${reading} (drop (call $cancel-read (call $r))) (drop (call $cancel-read (call $r)))`,
      "stream-busy",
    ],
    [
      "a future written twice",
      `${future} (drop (call $future-read (call $r) (i32.const 16))) (drop (call $future-write (call $w) (i32.const 16))) (drop (call $future-write (call $w) (i32.const 16)))`,
      "stream-done",
    ],
    [
      "a future dropped while it is read",
      `${future} (drop (call $future-read (call $r) (i32.const 16))) (call $future-drop-readable (call $r))`,
      "stream-busy",
    ],
    [
      "a future dropped after its read was cancelled, unwritten",
      `${future} (drop (call $future-read (call $r) (i32.const 16))) (drop (call $future-cancel-read (call $r))) (call $future-drop-readable (call $r)) (call $future-drop-writable (call $w))`,
      "future-not-written",
    ],
    [
      "a subtask cancelled after its end",
      `${subtask} (drop (call $subtask-cancel (local.get $i))) (call $subtask-drop (local.get $i)) (drop (call $subtask-cancel (local.get $i)))`,
      "invalid-handle",
    ],
    ["a subtask read as a stream", `${subtask} (call $drop-readable (local.get $i))`, "invalid-handle"],
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

describe("a callback that gives nonsense traps by its rule:", () => {
  const yielding = "(return (i32.const 1))";
  const cases: readonly (readonly [string, string, string])[] = [
    ["codes that mean nothing", "(return (i32.const 3))", "invalid-callback-code"],
    ["a set with a code that means nothing", "(return (i32.const 0x1f))", "invalid-callback-code"],
    ["an end without a result", "", "invalid-task-return"],
    ["a set that does not exist", "(return (i32.const 0x12))", "invalid-handle"],
    [
      "a stream for a set",
      `${stream} (return (i32.or (i32.const 2) (i32.shl (call $r) (i32.const 4))))`,
      "invalid-handle",
    ],
    ["no set at all", "(return (i32.const 2))", "invalid-handle"],
  ];
  test.each(cases)("%s", async (_, event, trap) => {
    expect(await attack(attacker(yielding, event))).toMatchObject({ trap });
  });
});

describe("a call that is cancelled", () => {
  const waits = "(global.set $set (call $set-new)) (return (call $wait))";

  test.each([
    ["ends without a result", "", "invalid-task-return"],
    ["cancels twice", "(call $cancel) (call $cancel)", "invalid-task-return"],
    ["cancels and returns", "(call $cancel) (call $return (i32.const 1))", "invalid-task-return"],
    ["returns and cancels", "(call $return (i32.const 1)) (call $cancel)", "invalid-task-return"],
    ["gives nonsense", "(return (i32.const 9))", "invalid-callback-code"],
    ["traps", "unreachable", "unreachable"],
  ])("and then %s: its caller has the reason of the signal, and the instance is locked", async (_, event, trap) => {
    const instance = await start(attacker(waits, event));
    const controller = new AbortController();
    const call = instance.exports.run(1, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await expect(instance.exports.run(1)).rejects.toMatchObject({ cause: { trap } });
  });

  test.each([
    ["cancels", "(call $cancel)"],
    ["returns all the same", "(call $return (i32.const 1))"],
    ["drops its set first", "(call $set-drop (global.get $set)) (call $cancel)"],
  ])("and then %s: the instance serves on", async (_, event) => {
    const instance = await start(attacker(`(if (local.get $n) (then ${waits})) (call $return (i32.const 5))`, event));
    const controller = new AbortController();
    const call = instance.exports.run(1, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(await instance.exports.run(0)).toBe(5);
  });

  test("that goes on waiting ends for its caller alone, and with the instance for the guest", async () => {
    const instance = await start(
      attacker(`(if (local.get $n) (then ${waits})) (call $return (i32.const 5))`, "(return (call $wait))"),
    );
    const controller = new AbortController();
    const call = instance.exports.run(1, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    expect(await instance.exports.run(0)).toBe(5);
    instance.dispose();
    await expect(instance.exports.run(0)).rejects.toBeInstanceOf(UnloadedError);
  });
});

test("a set dropped while another task waits for it traps, and the other call is given up", async () => {
  const { exports } = await start(
    attacker(
      "(if (global.get $set) (then (call $set-drop (global.get $set)))) (global.set $set (call $set-new)) (return (call $wait))",
    ),
  );
  const [waiting, dropping] = await Promise.allSettled([exports.run(1), exports.run(2)]);
  expect(dropping).toMatchObject({ reason: { trap: "waitable-set-in-use" } });
  expect((waiting as PromiseRejectedResult).reason).toBeInstanceOf(UnloadedError);
});

describe("a memory that grows while a read is under way gets what is read where it is then", () => {
  const grow = "(drop (memory.grow (i32.const 20)))";

  test("from another end of the guest's", async () => {
    const { exports } = await start(
      attacker(
        `${reading} ${grow} (i32.store (i32.const 64) (local.get $n)) (drop (call $write (call $w) (i32.const 64) (i32.const 1))) (call $return (call $load))`,
      ),
    );
    expect(await exports.run(42)).toBe(42);
  });

  test("from the host, and a read beyond what it was is within it", async () => {
    const feed = async function* (): AsyncGenerator<number> {
      await new Promise((resolve) => setTimeout(resolve));
      yield 43;
    };
    const { exports } = await start(
      attacker(
        `(global.set $ends (i64.extend_i32_u (call $feed))) (drop (call $read (call $r) (i32.const 16) (i32.const 1))) ${grow}
         (global.set $set (call $set-new)) (call $join (call $r) (global.get $set)) (return (call $wait))`,
        "(call $return (call $load))",
      ),
      undefined,
      { feed },
    );
    expect(await exports.run(1)).toBe(43);
  });
});

describe("a guest that yields for ever", () => {
  const forever = attacker("(return (i32.const 1))", "(return (i32.const 1))");

  test.each([
    ["timeoutMs", { timeoutMs: 30 }, "timeout"],
    ["fuel", { fuel: 2000 }, "fuel"],
  ])("ends by %s", async (_, limits, limit) => {
    const instance = await start(forever, undefined, { limits });
    const error = await instance.exports.run(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit });
    instance.dispose();
  });
});

describe("a realloc that leaves the component while arguments are lowered traps", () => {
  const hostile = (body: string): string => `(component
    (import "touch" (func $touch))
    (import "later" (func $later async))
    (core module $Libc (memory (export "memory") 1))
    (core instance $libc (instantiate $Libc))
    (core func $touch' (canon lower (func $touch)))
    (core func $later' (canon lower (func $later)))
    (core func $return (canon task.return))
    (core func $set-new (canon waitable-set.new))
    (core func $set-wait (canon waitable-set.wait (memory (core memory $libc "memory"))))
    (core func $yield (canon thread.yield))
    (core module $M
      (import "" "touch" (func $touch)) (import "" "later" (func $later)) (import "" "return" (func $return))
      (import "" "set-new" (func $set-new (result i32))) (import "" "set-wait" (func $set-wait (param i32 i32) (result i32)))
      (import "" "yield" (func $yield (result i32)))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) ${body} (i32.const 256))
      (func (export "run") (param i32 i32) (result i32) (call $return) (i32.const 0))
      (func (export "event") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance
      (export "touch" (func $touch')) (export "later" (func $later')) (export "return" (func $return))
      (export "set-new" (func $set-new)) (export "set-wait" (func $set-wait)) (export "yield" (func $yield))))))
    (func (export "run") async (param "words" string) (canon lift (core func $m "run") async
      (memory (core memory $libc "memory")) (realloc (core func $m "realloc")) (callback (core func $m "event")))))`;

  test.each([
    ["by an import", "(call $touch)"],
    ["by one that blocks", "(call $later)"],
    ["by a result", "(call $return)"],
    ["by a new set", "(drop (call $set-new))"],
    ["by a wait", "(drop (call $set-wait (i32.const 1) (i32.const 0)))"],
    ["by a yield", "(drop (call $yield))"],
  ])("%s", async (_, body) => {
    let touched = false;
    const { exports } = await instantiateWat(hostile(body), { touch: () => void (touched = true), later() {} });
    await expect(exports.run("words")).rejects.toMatchObject({ trap: "cannot-leave-component" });
    await expect(exports.run("words")).rejects.toBeInstanceOf(UnloadedError);
    expect(touched).toBe(false);
  });
});
