/** Reads of no elements, by which a guest waits until there is something: what the host answers. */
import { describe, expect, test } from "vitest";
import { createHost, type Module, type World } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

const BLOCKED = 0xffff_ffff;
const COMPLETED = 0;
const DROPPED = 1;

/** Keeps the stream that it is given; `read` reads as many, `poll` gives the payload of the event that is there, or `BLOCKED`. */
const reader = `(component
  (type $S (stream u8))
  (core module $Libc (memory (export "memory") 1))
  (core instance $libc (instantiate $Libc))
  (core func $read (canon stream.read $S async (memory (core memory $libc "memory"))))
  (core func $set (canon waitable-set.new))
  (core func $poll (canon waitable-set.poll (memory (core memory $libc "memory"))))
  (core func $join (canon waitable.join))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "set" (func $new-set (result i32)))
    (import "" "poll" (func $poll (param i32 i32) (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (global $end (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))
    (func (export "take") (param i32)
      (global.set $end (local.get 0))
      (global.set $set (call $new-set))
      (call $join (global.get $end) (global.get $set)))
    (func (export "read") (param i32) (result i32) (call $read (global.get $end) (i32.const 16) (local.get 0)))
    (func (export "poll") (result i32)
      (if (result i32) (call $poll (global.get $set) (i32.const 0))
        (then (i32.load (i32.const 4))) (else (i32.const -1)))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "read" (func $read)) (export "set" (func $set)) (export "poll" (func $poll)) (export "join" (func $join))))))
  (func (export "take") (param "s" $S) (canon lift (core func $m "take")))
  (func (export "read") (param "count" u32) (result u32) (canon lift (core func $m "read")))
  (func (export "poll") (result u32) (canon lift (core func $m "poll"))))`;

interface Reader extends World {
  exports: {
    take(stream: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>): void;
    read(count: number): number;
    poll(): number;
  };
}

async function reading(): Promise<Module<Reader>> {
  return createHost().load<Reader>(await parseWat(reader), { name: "reader" });
}

const settled = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

describe("a read of nothing", () => {
  test("is answered when there is something, which stays to be read", async () => {
    const { exports } = await reading();
    exports.take([Uint8Array.of(1, 2, 3)]);
    expect([exports.read(0), exports.read(0)]).toEqual([COMPLETED, COMPLETED]);
    expect([exports.read(2) >> 4, exports.read(2) >> 4]).toEqual([2, 1]);
  });

  test("is answered at the end of what the program gives, which the read after it is told of", async () => {
    const module = await reading();
    const { exports } = module;
    exports.take([]);
    expect([exports.read(0), exports.read(1)]).toEqual([COMPLETED, DROPPED]);
    expect(() => exports.read(0)).toThrow("stream-done");
  });

  test("is the last one where another has been answered at the end, for guests that go on so until the end", async () => {
    const { exports } = await reading();
    exports.take([Uint8Array.of(1)]);
    expect([exports.read(0), exports.read(1) >> 4]).toEqual([COMPLETED, 1]);
    expect([exports.read(0), exports.read(0)]).toEqual([COMPLETED, DROPPED]);
  });

  test.each([
    ["an asynchronous iterable", () => (async function* (): AsyncGenerator<Uint8Array> {})()],
    ["a ReadableStream", () => new ReadableStream<Uint8Array>({ start: (it) => it.close() })],
  ])("is answered at the end of %s, which the read after it is told of", async (_, source) => {
    const { exports } = await reading();
    exports.take(source());
    for (const [count, result] of [
      [0, COMPLETED],
      [1, DROPPED],
    ] as const) {
      expect(exports.read(count)).toBe(BLOCKED);
      await settled();
      expect(exports.poll()).toBe(result);
    }
  });
});
