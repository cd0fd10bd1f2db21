/** What a program passes to calls, and may use once only: streams and resources, given twice, or given away while the call waits. */
import { describe, expect, test } from "vitest";
import { LowerError } from "../../../host/errors.ts";
import { instantiateWat } from "../runtime/support.ts";
import { pipeGuest } from "./channel-guests.ts";

/**
 * `two` and `pair` take two streams and drop them, `two-now` synchronously; `handles` gives how many the table has left room for, as
 * the index of the next; `slow` has other calls wait until `tick` has settled.
 */
const guest = `(component
  (import "tick" (func $tick async))
  (import "touch" (func $touch))
  (type $S (stream u8))
  (type $P (tuple (stream u8) (stream u8)))
  (type $R (resource (rep i32)))
  (core module $Libc (memory (export "memory") 1))
  (core instance $libc (instantiate $Libc))
  (core func $return (canon task.return))
  (core func $drop (canon stream.drop-readable $S))
  (core func $drop-r (canon resource.drop $R))
  (core func $new-r (canon resource.new $R))
  (core func $set-new (canon waitable-set.new))
  (core func $set-drop (canon waitable-set.drop))
  (core func $join (canon waitable.join))
  (core func $subtask-drop (canon subtask.drop))
  (core func $inc (canon backpressure.inc))
  (core func $dec (canon backpressure.dec))
  (core func $touch' (canon lower (func $touch)))
  (core func $tick' (canon lower (func $tick) async (memory (core memory $libc "memory"))))
  (core module $M
    (import "" "return" (func $return))
    (import "" "drop" (func $drop (param i32)))
    (import "" "drop-r" (func $drop-r (param i32)))
    (import "" "new-r" (func $new-r (param i32) (result i32)))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "set-drop" (func $set-drop (param i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "subtask-drop" (func $subtask-drop (param i32)))
    (import "" "inc" (func $inc))
    (import "" "dec" (func $dec))
    (import "" "tick" (func $tick (result i32)))
    (import "" "touch" (func $touch))
    (func (export "two") (param i32 i32) (result i32)
      (call $drop (local.get 0)) (call $drop (local.get 1)) (call $return) (i32.const 0))
    (func (export "two-now") (param i32 i32) (call $drop (local.get 0)) (call $drop (local.get 1)))
    (func (export "take") (param i32) (result i32) (call $drop-r (local.get 0)) (call $return) (i32.const 0))
    (func (export "make") (result i32) (call $new-r (i32.const 1)))
    (func (export "next") (result i32) (local i32)
      (call $set-drop (local.tee 0 (call $set-new))) (local.get 0))
    (func (export "touching") (result i32) (call $touch) (call $return) (i32.const 0))
    (global $subtask (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))
    (func (export "slow") (result i32) (call $inc) (global.set $subtask (i32.shr_u (call $tick) (i32.const 4)))
      (global.set $set (call $set-new)) (call $join (global.get $subtask) (global.get $set))
      (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    (func (export "event") (param i32 i32 i32) (result i32)
      (call $dec) (call $subtask-drop (global.get $subtask)) (call $set-drop (global.get $set)) (call $return) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    ${["return", "drop", "drop-r", "new-r", "set-new", "set-drop", "join", "subtask-drop", "inc", "dec"]
      .map((name) => `(export "${name}" (func $${name}))`)
      .join(" ")}
    (export "tick" (func $tick')) (export "touch" (func $touch'))))))
  (export $R' "r" (type $R))
  (func (export "make") (result (own $R')) (canon lift (core func $m "make")))
  (func (export "next") (result u32) (canon lift (core func $m "next")))
  (func (export "two-now") (param "a" $S) (param "b" $S) (canon lift (core func $m "two-now")))
  (func (export "two") async (param "a" $S) (param "b" $S)
    (canon lift (core func $m "two") async (callback (core func $m "event"))))
  (func (export "pair") async (param "both" $P)
    (canon lift (core func $m "two") async (callback (core func $m "event"))))
  (func (export "take") async (param "r" (own $R'))
    (canon lift (core func $m "take") async (callback (core func $m "event"))))
  (func (export "touching") async (canon lift (core func $m "touching") async (callback (core func $m "event"))))
  (func (export "slow") async (canon lift (core func $m "slow") async (callback (core func $m "event")))))`;

type Exports = Awaited<ReturnType<typeof instantiateWat>>["exports"];

const start = (imports: { tick?: () => unknown; touch?: () => void } = {}): Promise<Exports> =>
  instantiateWat(guest, { tick() {}, touch() {}, ...imports }).then(({ exports }) => exports);
const source = (): Promise<Exports> =>
  instantiateWat(pipeGuest({ type: "u8", size: 1 }), {}).then(({ exports }) => exports);
const error = async (call: () => unknown): Promise<Error> => {
  try {
    await call();
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error("Nothing was thrown");
};

describe("one stream passed twice in one call", () => {
  test.each(["two", "pair", "twoNow"])("to %s is a value that does not fit, and stays the caller's", async (name) => {
    const exports = await start();
    const call = (a: unknown, b: unknown): unknown => (name === "pair" ? exports.pair([a, b]) : exports[name](a, b));
    const stream = await (await source()).copy(Uint8Array.of(1, 2, 3));
    const readable = new ReadableStream({ type: "bytes" });
    const before = exports.next();
    for (const given of [stream, readable]) {
      const refused = await error(() => call(given, given));
      expect(refused).toBeInstanceOf(LowerError);
      expect(refused).toMatchObject({ path: name === "pair" ? "both[1]" : "b" });
      expect(refused.message).toContain("that the same call has already");
    }
    expect(readable.locked).toBe(false);
    expect(await stream.read()).toEqual(Uint8Array.of(1, 2, 3));
    expect(exports.next()).toBe(before);
    await call(stream, readable);
  });

  test("is told of the argument that is wrong, where another is a stream that fits", async () => {
    const exports = await start();
    const stream = await (await source()).copy([]);
    expect((await error(() => exports.two(stream, 7))).message).toContain("at b, got 7");
    expect((await error(() => exports.two(7, stream))).message).toContain("at a, got 7");
    await exports.two(stream, []);
    expect((await error(() => exports.two([], stream))).message).toContain("has ended, was cancelled or given away");
  });
});

describe("what is given away while the call waits", () => {
  test("for the guest that is on the stack: the call is refused, and the guest goes on", async () => {
    let waiting: Promise<Error> | undefined;
    const given = await (await source()).copy([]);
    let closed = false;
    const other = new ReadableStream({ cancel: () => void (closed = true) });
    const exports: Exports = await start({
      touch: () => {
        waiting ??= error(() => exports.two(other, given));
        void given.cancel();
      },
    });
    const before = exports.next();
    await exports.touching();
    expect(await waiting).toBeInstanceOf(LowerError);
    // What was given beside it is not left open.
    expect(closed).toBe(true);
    expect(exports.next()).toBe(before);
    await exports.two([], []);
  });

  test("for an instance that has too much to do: a stream, and a resource", async () => {
    let settle!: () => void;
    const exports = await start({ tick: () => new Promise<void>((resolve) => (settle = resolve)) });
    const given = await (await source()).copy([]);
    const resource = exports.make();
    const slow = exports.slow();
    const refused = [error(() => exports.two([], given)), error(() => exports.take(resource))];
    await given.cancel();
    resource[Symbol.dispose]();
    settle();
    await slow;
    for (const call of refused) expect(await call).toBeInstanceOf(LowerError);
    await exports.take(exports.make());
    await exports.two([], []);
  });
});
