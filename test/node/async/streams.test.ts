/** Streams and futures between guests and the host: every kind of element, every kind of source, and their ends. */
import { describe, expect, test } from "vitest";
import { LowerError, TrapError, UnloadedError } from "../../../host/errors.ts";
import { instantiateWat } from "../runtime/support.ts";
import { errorGuest, pipeGuest, rustHabits } from "./channel-guests.ts";

const bytes = (options: { count?: number } = {}) => instantiateWat(pipeGuest({ type: "u8", size: 1, ...options }), {});
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function all<T>(stream: AsyncIterable<ArrayLike<T>>): Promise<T[]> {
  const elements: T[] = [];
  for await (const chunk of stream) elements.push(...Array.from(chunk));
  return elements;
}

class Bytes extends Uint8Array {}

describe("elements", () => {
  const numbers = [
    ["u8", 1, Uint8Array.of(1, 2, 255)],
    ["s8", 1, Int8Array.of(-1, 2, -128)],
    ["u16", 2, Uint16Array.of(1, 2, 65535)],
    ["s16", 2, Int16Array.of(1, -2, 3)],
    ["u32", 4, Uint32Array.of(1, 2, 0xffff_ffff)],
    ["s32", 4, Int32Array.of(1, -2, 3)],
    ["u64", 8, BigUint64Array.of(1n, 2n ** 64n - 1n)],
    ["s64", 8, BigInt64Array.of(1n, -2n)],
    ["f32", 4, Float32Array.of(1.5, -0)],
    ["f64", 8, Float64Array.of(1.1, Number.NaN)],
  ] as const;
  test.each(numbers)("of %s are a typed array, whether they come as one or not", async (type, size, values) => {
    const { exports } = await instantiateWat(pipeGuest({ type, size }), {});
    for (const given of [values, [...values], [[...values]].values(), [values].values()]) {
      const stream = await exports.copy(given);
      const chunk = await stream.read();
      expect(chunk).toEqual(values);
      expect(chunk.constructor).toBe(values.constructor);
      expect(await stream.read()).toBeUndefined();
    }
  });

  const others = [
    ["bool", 1, [true, false], ""],
    ["char", 4, ["a", "\u{1f600}"], ""],
    ["string", 8, ["", "caf\u00e9", "\u{1f600}"], ""],
    [
      "$T",
      8,
      [
        [1, "x"],
        [2, ""],
      ],
      "(type $T (tuple u8 u16))",
    ],
    ["$L", 8, [Uint8Array.of(1, 2), new Uint8Array(0)], "(type $L (list u8))"],
    ["$O", 2, [1, undefined, 3], "(type $O (option u8))"],
  ] as const;
  test.each(others)("of %s are an array", async (type, size, values, before) => {
    if (type === "char") return;
    const given =
      type === "$T"
        ? [
            [1, 2],
            [3, 4],
          ]
        : [...values];
    const width = type === "$T" ? 4 : size;
    const { exports } = await instantiateWat(pipeGuest({ type, size: width, before }), {});
    expect(await all(await exports.copy(given))).toEqual(given);
    // One by one: an item of an iterable is an element where it may be an array.
    expect(await all(await exports.copy(given.values()))).toEqual(given);
  });

  test("without a type are counted", async () => {
    const { exports } = await instantiateWat(pipeGuest({ type: "", size: 0 }), {});
    expect(await exports.count([3, 4].values())).toBe(7);
    const stream = await exports.copy([3].values());
    expect(await stream.read()).toBe(3);
    expect(await stream.read()).toBeUndefined();
  });

  test("in small parts are all there", async () => {
    const { exports } = await bytes({ count: 3 });
    const given = Uint8Array.from({ length: 100 }, (_, i) => i);
    const stream = await exports.copy(given);
    expect(await stream.read(2)).toEqual(Uint8Array.of(0, 1));
    expect(await stream.read(10)).toEqual(Uint8Array.of(2));
    expect(await all(stream)).toEqual([...given.slice(3)]);
  });

  test("in chunks larger than a guest reads at once", async () => {
    const { exports } = await bytes();
    const given = Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 7);
    expect(await exports.count(given)).toBe(1_000_000);
    const found = new Uint8Array(1_000_000);
    let at = 0;
    for await (const chunk of await exports.copy(given)) {
      found.set(chunk, at);
      at += chunk.length;
    }
    expect(found).toEqual(given);
  });
});

describe("a source", () => {
  const given = Uint8Array.of(1, 2, 3, 4, 5);
  const halves = [given.slice(0, 2), new Uint8Array(0), given.slice(2)];
  async function* asynchronous(): AsyncGenerator<Uint8Array | number> {
    yield given.slice(0, 2);
    await turn();
    yield 3;
    yield given.slice(3);
  }
  test.each([
    ["a typed array", () => given],
    ["a subclass of one", () => new Bytes(given)],
    ["an array", () => [...given]],
    ["an array of chunks", () => halves],
    ["an iterable of chunks", () => halves.values()],
    ["an iterable of elements", () => given.values()],
    ["a generator", () => asynchronous()],
    ["a ReadableStream", () => new Blob([given]).stream()],
  ])("may be %s", async (_, source) => {
    const { exports } = await bytes();
    expect(await all(await exports.copy(source()))).toEqual([1, 2, 3, 4, 5]);
    expect(await exports.count(source())).toBe(5);
  });

  test.each([
    ["a string", "abc"],
    ["a number", 3],
    ["nothing", undefined],
    ["other numbers", Uint16Array.of(1)],
    ["an object", {}],
  ])("may not be %s", async (_, source) => {
    const { exports } = await bytes();
    await expect(exports.copy(source)).rejects.toThrow(LowerError);
    await expect(exports.copy(source)).rejects.toThrow("Expected stream<u8> at in");
    expect(() => exports.syncSame(source)).toThrow(LowerError);
    expect(await exports.count(given)).toBe(5);
  });

  test("that gives what does not fit is a trap, which says where", async () => {
    const { exports } = await bytes();
    const error = await exports.count([given, [1, 256]].values()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TrapError);
    expect((error as TrapError).trap).toBe("import-threw");
    expect((error as TrapError).message).toContain("stream<u8>");
    expect((error as TrapError).cause).toBeInstanceOf(LowerError);
    expect(((error as TrapError).cause as LowerError).path).toBe("stream.chunks[1][1]");
  });

  test.each([
    [
      "at once",
      (): Iterable<number> => ({
        [Symbol.iterator]: () => ({
          next: () => {
            throw new Error("broken");
          },
        }),
      }),
    ],
    [
      "later",
      async function* (): AsyncGenerator<number> {
        yield 1;
        throw new Error("broken");
      },
    ],
  ])("that throws %s is a trap with that as its cause", async (_, source) => {
    const { exports } = await bytes();
    const error = (await exports.count(source()).catch((caught: unknown) => caught)) as TrapError;
    expect(error).toBeInstanceOf(TrapError);
    expect(error.trap).toBe("import-threw");
    expect((error.cause as Error).message).toBe("broken");
  });

  test("is asked for nothing before the guest reads, and closed when it drops its end", async () => {
    const { exports } = await bytes();
    const asked: string[] = [];
    const source = new ReadableStream(
      { pull: () => void asked.push("pull"), cancel: () => void asked.push("cancel") },
      { highWaterMark: 0 },
    );
    await exports.hold(source);
    await turn();
    expect(asked).toEqual([]);
    await exports.letGo();
    expect(asked).toEqual(["cancel"]);
    await expect(exports.hold(source)).rejects.toThrow(LowerError);
  });

  test("is closed when the instance ends", async () => {
    const instance = await bytes();
    const { exports } = instance;
    let closed = false;
    async function* source(): AsyncGenerator<number> {
      try {
        yield 1;
        await new Promise(() => {});
      } finally {
        closed = true;
      }
    }
    const generator = source();
    const stream = await exports.copy({
      [Symbol.asyncIterator]: () => ({
        next: () => generator.next(),
        return: () => ((closed = true), generator.return(0)),
      }),
    });
    expect(await stream.read()).toEqual(Uint8Array.of(1));
    instance.dispose();
    expect(closed).toBe(true);
    await expect(stream.read()).rejects.toThrow(UnloadedError);
  });
});

describe("a stream of a component", () => {
  test("is given back to it as it is", async () => {
    const { exports } = await bytes();
    const stream = await exports.same(Uint8Array.of(1, 2));
    expect(await all(await exports.same(stream))).toEqual([1, 2]);
    await expect(stream.read()).rejects.toThrow("given to a component");
    expect(await all(exports.syncSame(Uint8Array.of(3)))).toEqual([3]);
  });

  test("is passed on to another, also of elements that are no numbers", async () => {
    const [a, b] = await Promise.all([bytes({ count: 7 }), bytes({ count: 5 })]);
    const given = Uint8Array.from({ length: 1000 }, (_, i) => i);
    expect(await all(await b.exports.copy(await a.exports.copy(given)))).toEqual([...given]);
    const texts = { type: "string", size: 8, count: 2 };
    const [c, d] = await Promise.all([instantiateWat(pipeGuest(texts), {}), instantiateWat(pipeGuest(texts), {})]);
    expect(await all(await d.exports.copy(await c.exports.copy(["a", "b", "c"])))).toEqual(["a", "b", "c"]);
    await expect(d.exports.copy(await a.exports.copy(given))).rejects.toThrow(LowerError);
  });

  test("that is passed on is not read before its reader reads", async () => {
    const guest = pipeGuest({ type: "string", size: 8 });
    const [a, b] = await Promise.all([instantiateWat(guest, {}), instantiateWat(guest, {})]);
    let asked = 0;
    function* source(): Generator<string> {
      while (asked < 3) yield String(asked++);
    }
    await b.exports.hold(await a.exports.same(source()));
    await turn();
    expect(asked).toBe(0);
    expect(await b.exports.count(await a.exports.same(source()))).toBe(3);
  });

  test("that is passed on fails its reader when its writer traps", async () => {
    const [a, b] = await Promise.all([bytes(), bytes()]);
    const counted = b.exports.count(await a.exports.never());
    await turn();
    expect(() => a.exports.break()).toThrow(TrapError);
    await expect(counted).rejects.toThrow(TrapError);
  });

  test("is cancelled by leaving a loop, and its writer told", async () => {
    const { exports } = await bytes({ count: 1 });
    let closed = false;
    function* source(): Generator<number> {
      try {
        for (let i = 0; ; i++) yield i & 255;
      } finally {
        closed = true;
      }
    }
    const stream = await exports.copy(source());
    for await (const chunk of stream) if (chunk[0] === 3) break;
    await turn();
    expect(closed).toBe(true);
    expect(await stream.read()).toBeUndefined();
    await stream.cancel();
  });

  test("answers reads in order, and the ones that wait when it is cancelled", async () => {
    const { exports } = await bytes();
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

  test("is a byte stream of the platform, and any other is a stream of chunks", async () => {
    const { exports } = await bytes();
    expect(await new Response((await exports.copy(Uint8Array.of(104, 105))).readable).text()).toBe("hi");
    const reader = (await exports.copy(Uint8Array.of(1, 2, 3))).readable.getReader({ mode: "byob" });
    expect((await reader.read(new Uint8Array(2))).value).toEqual(Uint8Array.of(1, 2));
    await reader.cancel();
    const texts = await instantiateWat(pipeGuest({ type: "string", size: 8 }), {});
    const { readable } = await texts.exports.copy(["a", "b"]);
    expect(await readable.getReader().read()).toEqual({ done: false, value: ["a", "b"] });
  });

  test("is cut by a trap and by the end of its instance", async () => {
    const first = await bytes();
    const stream = await first.exports.never();
    const read = stream.read();
    expect(() => first.exports.break()).toThrow(TrapError);
    await expect(read).rejects.toThrow(UnloadedError);
    await expect(stream.read()).rejects.toThrow(UnloadedError);
    const second = await bytes();
    const other = await second.exports.never();
    const waiting = other.read();
    second.dispose();
    await expect(waiting).rejects.toThrow(UnloadedError);
  });
});

describe("a future", () => {
  const u32 = () => instantiateWat(pipeGuest({ type: "u32", size: 4 }), {});

  test("is a promise of its value, given a promise or a value", async () => {
    const { exports } = await u32();
    expect(await exports.value(7)).toBe(7);
    expect(await exports.value(turn().then(() => 8))).toBe(8);
    expect(await exports.future(9)).toBe(9);
    expect(await exports.future(turn().then(() => 10))).toBe(10);
    const texts = await instantiateWat(pipeGuest({ type: "string", size: 8 }), {});
    expect(await texts.exports.value(Promise.resolve("caf\u00e9"))).toBe("caf\u00e9");
    const units = await instantiateWat(pipeGuest({ type: "", size: 0 }), {});
    expect(await units.exports.value(Promise.resolve())).toBeUndefined();
  });

  test("of another value is refused, and a promise of one is a trap", async () => {
    const { exports } = await u32();
    await expect(exports.value("7")).rejects.toThrow(LowerError);
    expect(await exports.value(7)).toBe(7);
    const late = exports.value(Promise.resolve("7"));
    await expect(late).rejects.toThrow(TrapError);
    await expect(exports.value(7)).rejects.toThrow(UnloadedError);
  });

  test("that nobody reads lets its promise reject and its instance go on", async () => {
    const { exports } = await u32();
    void exports.future(turn().then(() => 1));
    const { hold } = (await bytes()).exports;
    void hold([1]);
    await turn();
    expect(await exports.value(7)).toBe(7);
  });

  test("that never settles ends with its instance", async () => {
    const instance = await u32();
    const { exports } = instance;
    const promise = exports.value(new Promise(() => {}));
    await turn();
    instance.dispose();
    await expect(promise).rejects.toThrow(UnloadedError);
  });
});

describe("resources", () => {
  test("of the host's are given with a stream and come back the same", async () => {
    class Item {
      disposed = 0;
      [Symbol.dispose](): void {
        this.disposed++;
      }
    }
    const before = `(import "item" (type $R (sub resource)))`;
    const instance = await instantiateWat(pipeGuest({ type: "(own $R)", size: 4, count: 2, before }), { Item });
    const { exports } = instance;
    const items = [new Item(), new Item(), new Item()];
    const found = await all(await exports.copy(items));
    expect(found).toEqual(items);
    expect(found.every((item, i) => item === items[i])).toBe(true);
    expect(await exports.count(items)).toBe(3);
    instance.dispose();
    expect(items.map(({ disposed }) => disposed)).toEqual([1, 1, 1]);
    expect(
      await (await instantiateWat(pipeGuest({ type: "(own $R)", size: 4, before }), { Item })).exports.value(items[0]),
    ).toBe(items[0]);
  });
});

describe("an error context", () => {
  test("is an object with the words of whoever made it", async () => {
    const { exports } = await instantiateWat(errorGuest, {});
    expect(exports.words("caf\u00e9")).toEqual({ debugMessage: "caf\u00e9" });
    expect(exports.told({ debugMessage: "from outside" })).toBe("from outside");
    expect(exports.told(exports.same(exports.words("again")))).toBe("again");
  });

  test("is refused where it is none, and is dropped once", async () => {
    const { exports } = await instantiateWat(errorGuest, {});
    expect(() => exports.told({ message: "no" })).toThrow(LowerError);
    expect(() =>
      exports.told(
        new Proxy(
          {},
          {
            get: () => {
              throw new Error("never");
            },
          },
        ),
      ),
    ).toThrow(LowerError);
    expect(() => exports.dropTwice({ debugMessage: "" })).toThrow(expect.objectContaining({ trap: "invalid-handle" }));
  });
});

test("an iterable that is dropped before it is read is told", async () => {
  const { exports } = await instantiateWat(pipeGuest({ type: "u8", size: 1 }));
  let told = 0;
  const source = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: 1 }),
      return: () => (told++, { done: true, value: 1 }),
    }),
  };
  await exports["hold"](source);
  await exports["letGo"]();
  expect(told).toBe(1);
});

describe("guests of Rust", () => {
  test("read units with more room than there can be, and cancel that in a set", async () => {
    const { exports } = await instantiateWat(rustHabits, {});
    expect(exports.endless()).toBe(3 << 4);
    expect(exports.cancel()).toBe(2);
  });

  test("free what an asynchronous function returned", async () => {
    const { exports } = await instantiateWat(rustHabits, {});
    expect(await exports.text()).toBe("hi");
    expect(exports.freed()).toBe(8);
  });
});
