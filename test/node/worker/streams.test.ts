/** Streams and futures of a module in a worker: every way that they cross, what is asked of a source, and their ends. */
import { describe, expect, test } from "vitest";
import {
  type GuestStream,
  type ImportCall,
  LowerError,
  TrapError,
  UnloadedError,
  UnsupportedError,
} from "../../../host/node/index.ts";
import { errorGuest, type Pipe, pipeGuest } from "../async/channel-guests.ts";
import { component } from "../host/fixtures.ts";
import { type Any, caught, host } from "../host/support.ts";
import { passing } from "./fixtures.ts";

const load = async (bytes: Promise<Uint8Array>, options: object = {}): Promise<Any> =>
  (await host().load(await bytes, { name: "m", isolation: "worker", ...options } as object)) as Any;
const pipe = (of: Partial<Pipe> = {}, options: object = {}): Promise<Any> =>
  load(component(pipeGuest({ type: "u8", size: 1, ...of })), options);
const imports = { sink: () => 0, source: () => [], promised: (value: unknown) => value };

async function all<T>(stream: AsyncIterable<ArrayLike<T>>): Promise<T[]> {
  const elements: T[] = [];
  for await (const chunk of stream) elements.push(...Array.from(chunk));
  return elements;
}

/** A source that tells what was asked of it, and gives one chunk a question for ever. */
function asked<T>(chunk: T): {
  readonly count: () => number;
  readonly closed: () => boolean;
  readonly source: AsyncIterable<T>;
} {
  let [count, closed] = [0, false];
  const iterator = {
    next: async () => (count++, { done: false as const, value: chunk }),
    return: async () => ((closed = true), { done: true as const, value: undefined }),
  };
  return { count: () => count, closed: () => closed, source: { [Symbol.asyncIterator]: () => iterator } };
}

describe("elements", () => {
  test.each([
    ["u8", 1, Uint8Array.of(1, 2, 255)],
    ["s16", 2, Int16Array.of(1, -2, 3)],
    ["u64", 8, BigUint64Array.of(1n, 2n ** 64n - 1n)],
    ["f64", 8, Float64Array.of(1.1, Number.NaN)],
  ])("of %s are a typed array, whether they come as one or not", async (type, size, values) => {
    const { exports } = await pipe({ type, size });
    for (const given of [values, [...values], [[...values]].values(), [values].values()]) {
      const stream = await exports.copy(given);
      const chunk = await stream.read();
      expect(chunk).toEqual(values);
      expect(chunk.constructor).toBe(values.constructor);
      expect(await stream.read()).toBeUndefined();
    }
  });

  test.each([
    ["string", 8, ["", "caf\u00e9", "\u{1f600}"], ""],
    ["$L", 8, [Uint8Array.of(1, 2), new Uint8Array(0)], "(type $L (list u8))"],
    [
      "$T",
      4,
      [
        [1, 2],
        [3, 4],
      ],
      "(type $T (tuple u8 u16))",
    ],
    ["$O", 2, [1, undefined, 3], "(type $O (option u8))"],
  ] as const)("of %s are an array", async (type, size, given, before) => {
    const { exports } = await pipe({ type, size, before });
    expect(await all(await exports.copy([...given]))).toEqual(given);
    expect(await all(await exports.copy(given.values()))).toEqual(given);
    // One that a component gave is given chunk by chunk, whatever its elements are.
    const other = await pipe({ type, size, before });
    expect(await all(await exports.copy(await other.exports.copy([...given])))).toEqual(given);
  });

  test("without a type are counted", async () => {
    const { exports } = await pipe({ type: "", size: 0 });
    expect(await exports.count([3, 4].values())).toBe(7);
    const stream = await exports.copy([3].values());
    expect(await stream.read(2)).toBe(2);
    expect(await stream.read()).toBe(1);
    expect(await stream.read()).toBeUndefined();
  });

  test("in chunks larger than a guest reads at once, or is asked for, are all there and leave the program's alone", async () => {
    const { exports } = await pipe();
    const given = Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 7);
    const before = given.slice();
    expect(await exports.count(given)).toBe(1_000_000);
    const found = new Uint8Array(1_000_000);
    let at = 0;
    const stream: GuestStream<number, Uint8Array> = await exports.copy(given);
    for (let chunk = await stream.read(300); chunk !== undefined; chunk = await stream.read(30_000)) {
      expect(chunk.length).toBeLessThanOrEqual(30_000);
      found.set(chunk, at);
      at += chunk.length;
    }
    expect(at).toBe(1_000_000);
    expect(found).toEqual(before);
    expect(given).toEqual(before);
  });

  test("that are resources of the host's come back the same, and are disposed of by the guest that keeps them", async () => {
    class Item {
      disposed = 0;
      [Symbol.dispose](): void {
        this.disposed++;
      }
    }
    const before = `(import "item" (type $R (sub resource)))`;
    const options = { imports: { Item } };
    const bytes = component(pipeGuest({ type: "(own $R)", size: 4, count: 2, before }));
    if (typeof SharedArrayBuffer === "undefined") {
      // A guest that drops a resource waits for its disposal.
      await expect(load(bytes, options)).rejects.toThrow(UnsupportedError);
      return;
    }
    const module = await load(bytes, options);
    const items = [new Item(), new Item(), new Item()];
    const found = await all(await module.exports.copy(items));
    expect(found.map((item, i) => item === items[i])).toEqual([true, true, true]);
    expect(await module.exports.count(items)).toBe(3);
    expect(await module.exports.value(items[0])).toBe(items[0]);
    await module.unload({ force: true });
    expect(items.map(({ disposed }) => disposed)).toEqual([1, 1, 1]);
  });
});

describe("a source", () => {
  const given = Uint8Array.of(1, 2, 3, 4, 5);
  test.each([
    ["a typed array", () => given],
    ["a part of one", () => new Uint8Array([0, 1, 2, 3, 4, 5, 6]).subarray(1, 6)],
    ["an array", () => [...given]],
    ["an array of chunks", () => [given.slice(0, 2), new Uint8Array(0), given.slice(2)]],
    ["an iterable of elements", () => given.values()],
    [
      "a generator",
      async function* () {
        yield given.slice(0, 2);
        yield* [3, 4, 5];
      },
    ],
    ["a ReadableStream", () => new Blob([given]).stream()],
  ])("may be %s", async (_, source) => {
    const { exports } = await pipe();
    expect(await all(await exports.copy(source()))).toEqual([1, 2, 3, 4, 5]);
    expect(await exports.count(source())).toBe(5);
    expect(given.length).toBe(5);
  });

  test.each([
    ["a string", "abc"],
    ["nothing", undefined],
    ["other numbers", Uint16Array.of(1)],
    ["an object", {}],
    ["a function", () => {}],
  ])("may not be %s", async (_, source) => {
    const { exports } = await pipe();
    const error = await caught(exports.copy(source));
    expect(error).toBeInstanceOf(LowerError);
    expect(error.message).toContain("Expected stream<u8> at in");
    expect(await exports.count(given)).toBe(5);
  });

  test("that gives what does not fit is a trap, which says where", async () => {
    const cases: readonly (readonly [Partial<Pipe>, unknown, string])[] = [
      [{}, [given, [1, 256]].values(), "stream.chunks[1][1]"],
      [{ type: "string", size: 8 }, [["a"], ["b", () => {}]].values(), "stream.chunks[1][1]"],
      [{ type: "", size: 0 }, [1, "two"].values(), "stream.chunks[1]"],
    ];
    for (const [type, source, path] of cases) {
      const { exports } = await pipe(type);
      const error = await caught(exports.count(source));
      expect(error).toBeInstanceOf(TrapError);
      expect(error.trap).toBe("import-threw");
      expect(error.cause).toBeInstanceOf(LowerError);
      expect(error.cause.path).toBe(path);
    }
  });

  test("that throws is a trap with the same error as its cause", async () => {
    const broken = new Error("broken");
    const { exports } = await pipe();
    const error = await caught(
      exports.count(
        (async function* () {
          yield 1;
          throw broken;
        })(),
      ),
    );
    expect(error).toBeInstanceOf(TrapError);
    expect(error.message).toContain("stream<u8>");
    expect(error.cause).toBe(broken);
  });

  test("is asked for nothing before the guest reads, and closed when it drops its end", async () => {
    const { exports } = await pipe();
    const events: string[] = [];
    const source = new ReadableStream(
      { pull: () => void events.push("pull"), cancel: () => void events.push("cancel") },
      { highWaterMark: 0 },
    );
    await exports.hold(source);
    expect(events).toEqual([]);
    await exports.letGo();
    await expect.poll(() => events).toEqual(["cancel"]);
    // It is locked.
    await expect(exports.hold(source)).rejects.toThrow(LowerError);
  });

  test("gives no more than is read, whatever stands between", async () => {
    const [{ exports }, other] = await Promise.all([pipe({ count: 10 }), pipe({ count: 10 })]);
    const { source, count, closed } = asked(Uint8Array.of(1, 2, 3));
    const stream = await exports.copy(await other.exports.copy(source));
    let read = 0;
    for (let i = 0; i < 5; i++) read += (await stream.read()).length;
    // However long nobody reads: each of the two copies in a guest, and each crossing, has one chunk at most.
    for (let i = 0; i < 20; i++) await exports.never();
    expect(count() * 3 - read).toBeLessThanOrEqual(3 * 8);
    await stream.cancel();
    await expect.poll(closed).toBe(true);
  });

  test("of a call that is refused is left alone", async () => {
    const module = await load(passing(), { imports });
    const guest = await pipe();
    const stream = await guest.exports.copy(given);
    expect(await caught(guest.exports.value(stream))).toBeInstanceOf(LowerError);
    await module.unload();
    await expect(async () => module.exports.give(stream)).rejects.toThrow(UnloadedError);
    expect(await all(stream)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("a stream of a component", () => {
  test("is given back, and to another in this thread or in a worker, and read by one alone", async () => {
    const { exports } = await pipe();
    const stream = await exports.same(Uint8Array.of(1, 2));
    expect(await all(await exports.same(stream))).toEqual([1, 2]);
    await expect(stream.read()).rejects.toThrow("given to a component");
    await expect(exports.same(stream)).rejects.toThrow(LowerError);
    expect(await all(await exports.syncSame(Uint8Array.of(3)))).toEqual([3]);
    const other = await pipe();
    const here = await pipe({}, { isolation: "thread" });
    const sent = Uint8Array.from({ length: 5000 }, (_, i) => i);
    const back = await exports.copy(await here.exports.copy(await other.exports.copy(await exports.same(sent))));
    expect(await all(back)).toEqual([...sent]);
  });

  test("is cancelled by leaving a loop, and its writer told", async () => {
    const { exports } = await pipe({ count: 1 });
    const { source, closed } = asked([7]);
    const stream = await exports.copy(source);
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 4) break;
    await expect.poll(closed).toBe(true);
    expect(await stream.read()).toBeUndefined();
    await stream.cancel();
  });

  test("answers reads in order, and the ones that wait when it is cancelled", async () => {
    const { exports } = await pipe();
    const stream = await exports.copy([[1], [2]].values());
    expect(await Promise.all([stream.read(), stream.read(), stream.read()])).toEqual([
      Uint8Array.of(1),
      Uint8Array.of(2),
      undefined,
    ]);
    const silent = await exports.never();
    const read = silent.read();
    await silent.cancel();
    expect(await read).toBeUndefined();
    await expect(silent.read(0)).rejects.toThrow(RangeError);
  });

  test("is a byte stream of the platform", async () => {
    const { exports } = await pipe();
    expect(await new Response((await exports.copy(Uint8Array.of(104, 105))).readable).text()).toBe("hi");
    const reader = (await exports.copy(Uint8Array.of(1, 2, 3))).readable.getReader({ mode: "byob" });
    expect((await reader.read(new Uint8Array(2))).value).toEqual(Uint8Array.of(1, 2));
    await reader.cancel();
  });
});

describe("asynchronous imports", () => {
  test("take and give streams and futures, by a worker that goes on meanwhile", async () => {
    const sent = Uint8Array.from({ length: 100_000 }, (_, i) => i);
    const module = await load(passing(), {
      imports: {
        sink: async (stream: GuestStream<number, Uint8Array>) => (await all(stream)).length,
        source: () => new Blob([sent]).stream(),
        promised: async (value: Promise<number>) => (await value) + 1,
      },
    });
    const { give, get, promise } = module.exports;
    expect(await give(sent)).toBe(100_000);
    expect(Uint8Array.from(await all(await get()))).toEqual(sent);
    expect(await promise(Promise.resolve(7))).toBe(8);
    // What they give back may be what they were given.
    const same = await load(passing(), { imports: { ...imports, source: () => get() } });
    expect((await all(await same.exports.get())).length).toBe(100_000);
    expect(await same.exports.promise(9)).toBe(9);
  });

  test("may leave a stream unread, which its writer is told", async () => {
    const { source, closed } = asked([1]);
    const sink = async (stream: GuestStream<number, Uint8Array>): Promise<number> => {
      const [first] = (await stream.read())!;
      await stream.cancel();
      return first!;
    };
    const { exports } = await load(passing(), { imports: { ...imports, sink } });
    expect(await exports.give(source)).toBe(1);
    await expect.poll(closed).toBe(true);
  });

  test("that give no stream are faults which say so", async () => {
    const { exports } = await load(passing(), { imports: { ...imports, source: () => 7 } });
    const error = await caught(exports.get());
    expect(error).toBeInstanceOf(TrapError);
    expect(error.cause).toMatchObject({ name: "LowerError", path: "result", expected: "stream<u8>" });
  });

  test("hear of a call that is given up, whose guest cancels it, and others go on", async () => {
    const signals: AbortSignal[] = [];
    const sink = (_: unknown, { signal }: ImportCall): Promise<number> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const module = await load(passing(), { imports: { ...imports, sink } });
    const controller = new AbortController();
    const { source, closed } = asked([1]);
    const given = module.exports.give(source, { signal: controller.signal });
    await expect.poll(() => signals.length).toBe(1);
    controller.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    await expect.poll(() => signals[0]!.aborted).toBe(true);
    expect(await module.exports.promise(5)).toBe(5);
    expect(closed()).toBe(false);
    await module.unload({ force: true });
    expect(closed()).toBe(true);
  });
});

describe("a future", () => {
  const u32 = (): Promise<Any> => pipe({ type: "u32", size: 4 });
  const later = <T>(value: T, ms = 5): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), ms));

  test("is a promise of its value, given a promise or a value", async () => {
    const { exports } = await u32();
    expect(await exports.value(7)).toBe(7);
    expect(await exports.value(later(8))).toBe(8);
    expect(await exports.future(9)).toBe(9);
    expect(await exports.future(later(10))).toBe(10);
    const texts = await pipe({ type: "string", size: 8 });
    expect(await texts.exports.value(Promise.resolve("caf\u00e9"))).toBe("caf\u00e9");
    const units = await pipe({ type: "", size: 0 });
    expect(await units.exports.value(Promise.resolve())).toBeUndefined();
  });

  test("of another value is refused, a promise of one is a trap, and one that rejects has its reason as cause", async () => {
    const { exports } = await u32();
    await expect(exports.value("7")).rejects.toThrow(LowerError);
    expect(await exports.value(7)).toBe(7);
    const reason = new Error("not today");
    const error = await caught((await u32()).exports.value(Promise.reject(reason)));
    expect(error).toBeInstanceOf(TrapError);
    expect(error.cause).toBe(reason);
    await expect(exports.value(Promise.resolve("7"))).rejects.toThrow(TrapError);
  });

  test("that is not there yet keeps no call from its end, and nobody has to read it", async () => {
    const module = await pipe({ type: "u32", size: 4 }, { limits: { timeoutMs: 200 } });
    let settle!: (value: number) => void;
    const future = module.exports.future(new Promise((resolve) => (settle = resolve)));
    await later(undefined, 600);
    settle(3);
    expect(await future).toBe(3);
    void module.exports.future(new Promise(() => {})).catch(() => {});
    expect(await module.exports.value(7)).toBe(7);
  });
});

describe("the end of a worker", () => {
  test("by a trap rejects what is read with the trap, and closes sources", async () => {
    const module = await pipe();
    const { source, closed } = asked([1]);
    await module.exports.hold(source);
    const stream = await module.exports.never();
    const read = stream.read();
    const error = await caught(module.exports.break());
    expect(error).toBeInstanceOf(TrapError);
    expect(await caught(read)).toBe(error);
    expect(await caught(stream.read())).toBe(error);
    expect(closed()).toBe(true);
  });

  test("by unload is refused while a stream is open, and when forced ends reads and futures with an UnloadedError", async () => {
    const module = await pipe();
    const { source, closed } = asked([1]);
    await module.exports.hold(source);
    const stream = await module.exports.never();
    const read = caught(stream.read());
    const futures = await pipe({ type: "u32", size: 4 });
    const value = caught(futures.exports.value(new Promise(() => {})));
    await expect(module.unload()).rejects.toThrow("1 call under way (never)");
    const receipt = await module.unload({ force: true });
    expect(receipt.cut).toEqual([{ kind: "call", owner: "never", count: 1 }]);
    expect(await read).toMatchObject({
      name: "UnloadedError",
      message: expect.stringContaining("A stream or future of"),
    });
    expect(closed()).toBe(true);
    await futures.unload({ force: true });
    expect(await value).toBeInstanceOf(UnloadedError);
    expect(await caught(stream.read())).toBeInstanceOf(UnloadedError);
  });

  test("by a limit of time rejects the call that waits for a source, and closes that", async () => {
    const module = await pipe({}, { limits: { timeoutMs: 100 } });
    let closed = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: async () => ((closed = true), { done: true as const, value: undefined }),
      }),
    };
    const error = await caught(module.exports.count(source));
    expect(error).toMatchObject({ name: "LimitError", limit: "timeout" });
    await module.unload({ force: true });
    expect(closed).toBe(true);
  });

  test("does not wait for a reader: a reload serves at once, and the old stream is cut when its time has passed", async () => {
    const bytes = component(pipeGuest({ type: "u8", size: 1 }));
    const module = await load(bytes);
    const old = await module.exports.never();
    await module.reload(await bytes, { drain: 50 });
    await expect(old.read()).rejects.toThrow(UnloadedError);
    expect(await module.exports.count([1])).toBe(1);
  });
});

test("with instances, each stream stays with its worker, and one that traps cuts its own alone", async () => {
  const { exports } = await pipe({}, { instances: 2 });
  const [first, second] = await Promise.all([exports.never(), exports.copy(asked([1]).source)]);
  expect(await second.read()).toEqual(Uint8Array.of(1));
  const reads = [first.read(), first.read()].map(caught);
  await caught(exports.break());
  const outcomes = await Promise.race([Promise.all(reads), second.read()]);
  expect(outcomes).toBeDefined();
  await Promise.all([first.cancel(), second.cancel()]);
  await expect.poll(() => caught(exports.count([1, 2]))).toBeUndefined();
});

test("worker-sync refuses a component that passes streams, and says what to do", async () => {
  const error = await caught(pipe({}, { isolation: "worker-sync" }));
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.message).toContain('isolation: "worker"');
});

test("error contexts cross with their words", async () => {
  const { exports } = await load(component(errorGuest));
  expect(await exports.words("caf\u00e9")).toEqual({ debugMessage: "caf\u00e9" });
  expect(await exports.told(Object.assign(new Error("m"), { debugMessage: "of an error" }))).toBe("of an error");
  expect(await caught(exports.told({ message: "no" }))).toBeInstanceOf(LowerError);
});
