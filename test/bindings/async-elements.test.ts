/**
 * What streams and futures of AssemblyScript modules carry: every element type, resources and ends of others among them, also
 * inside of other types; error contexts; and what of it comes back when nobody takes it.
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, type Instance } from "../../host/node/index.ts";
import { type Exports, jcoHost, Workshop } from "./harness.ts";
import { typeErrors } from "./typescript.ts";

const folder = fileURLToPath(new URL("asynchronous/elements", import.meta.url));
let workshop: Workshop;
let component: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  const dir = await workshop.folder({}, join(folder, "module"));
  await cp(join(folder, "world.wit"), join(dir, "world.wit"));
  const built = await workshop.build(dir);
  expect(built.warnings).toEqual([]);
  component = built.component;
}, 240_000);
afterAll(() => workshop.close());

async function* items<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield value;
  }
}

/** All that a stream brings, in one list. */
async function all(stream: AsyncIterable<Iterable<unknown>>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const chunk of stream) values.push(...chunk);
  return values;
}

let disposed: number[] = [];
class Thing {
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
  number(): number {
    return this.n;
  }
  async later(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return this.n * 2;
  }
  static async make(n: number): Promise<Thing> {
    return new Thing(n);
  }
  static async all(n: number): Promise<AsyncIterable<Thing>> {
    return items(Array.from({ length: n }, (_, i) => new Thing(i)));
  }
  static async take(things: AsyncIterable<Thing[]>): Promise<number> {
    return ((await all(things)) as Thing[]).reduce((sum, { n }) => sum + n, 0);
  }
  static async one(it: Promise<Thing>): Promise<number> {
    return (await it).n;
  }
  [Symbol.dispose](): void {
    disposed.push(this.n);
  }
}
const things = (...numbers: number[]): Thing[] => numbers.map((n) => new Thing(n));

async function started(): Promise<{ api: Exports; Counter: any; instance: Instance }> {
  disposed = [];
  const instance = await (
    await compile(component)
  ).instantiate({
    pairs: async () =>
      items([
        ["öß", "😀"],
        ["a", ""],
      ]),
    "test:elements/src@1.0.0": {
      Thing,
      keep: async (a: Thing, b: Thing | undefined) => a.n + (b?.n ?? 0),
      explain: async ({ debugMessage }: { debugMessage: string }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return { debugMessage: `${debugMessage}, I say` };
      },
    },
  });
  const api = (instance.exports as Exports)["api"];
  return { api, Counter: api.Counter, instance };
}

test.each<[string, unknown[]]>([
  ["strings", ["a", "", "öß😀", "b"]],
  ["lists", [Uint16Array.of(1, 2, 3), new Uint16Array(0), Uint16Array.of(65535)]],
  ["points", [1, -2, 3].map((x) => ({ x, name: `p${x}` }))],
  ["shapes", [{ tag: "dot" }, { tag: "line", val: "long" }, { tag: "area", val: { x: 1, name: "q" } }]],
  ["colors", ["red", "green", "red"]],
  ["manyMarks", [{ a: true, b: false, c: true }]],
  ["ints", [-1, 0, 2 ** 31 - 1]],
  ["numbers", [1, 2 ** 32 - 1, 3]],
  ["bools", [true, false, true]],
  ["options", ["a", undefined, ""]],
  [
    "results",
    [
      { tag: "ok", val: 1 },
      { tag: "err", val: "no" },
    ],
  ],
  [
    "tuples",
    [
      [1, "a"],
      [255, "b"],
    ],
  ],
  ["contexts", [{ debugMessage: "why" }, { debugMessage: "öß😀" }, { debugMessage: "" }]],
])("a stream of %s goes through", async (name, values) => {
  const { api } = await started();
  const back = await all(await api[name]!(items(values)));
  if (name === "contexts") {
    expect(back.map((one) => ({ debugMessage: (one as { debugMessage: string }).debugMessage }))).toEqual(values);
  } else expect(back).toEqual(values);
});

test("strings of streams and futures of the world's own functions are whole", async () => {
  const { instance } = await started();
  const { swapped, asked } = instance.exports as Exports;
  const given = [
    ["where", "öß😀"],
    ["", "b"],
  ];
  expect(await all(await swapped(items(given)))).toEqual(given.map(([a, b]) => [b, a]));
  expect(await asked()).toEqual(["öß😀", "a"]);
});

test("a stream without a type is a count", async () => {
  const { api } = await started();
  let count = 0;
  for await (const chunk of await api["units"](items([3, 4]))) count += chunk as number;
  expect(count).toBe(7);
});

test("a read of nothing ends when something is there, a write of nothing when somebody reads", async () => {
  const { api } = await started();
  expect(await api["ready"](items([Uint8Array.of(1, 2, 3)]))).toEqual([0, 3]);
  const bytes = Uint8Array.from((await all(await api["wanted"]())) as number[]);
  expect(new TextDecoder().decode(bytes)).toBe("made when it was wanted");
});

test("a stream of imported resources carries them in both directions", async () => {
  const { api } = await started();
  const given = things(1, 2, 3);
  expect(await all(await api["things"](items(given)))).toEqual(given);
  expect(disposed).toEqual([]);
  expect(await api["allThings"](5)).toBe(10);
  expect(await api["takesThings"](5)).toBe(10);
  expect(await api["takesOne"](5)).toBe(5);
  expect(await api["kept"]()).toBe(23);
});

test("streams of streams and of futures carry them on", async () => {
  const { api } = await started();
  const inner = [1, 2, 3].map((n) => items([Uint8Array.of(n), Uint8Array.of(n + 10)]));
  const got = (await all(await api["streams"](items(inner)))) as AsyncIterable<Uint8Array>[];
  expect(await Promise.all(got.map(all))).toEqual([
    [1, 11],
    [2, 12],
    [3, 13],
  ]);
  // An asynchronous generator would await the promises that it yields.
  const futures = await all(await api["futures"]([Promise.resolve("a"), Promise.resolve("b")]));
  expect(await Promise.all(futures)).toEqual(["a", "b"]);
});

test("futures carry resources, error contexts and nothing", async () => {
  const { api } = await started();
  expect((await api["laterThing"](new Thing(4))).n).toBe(5);
  expect(await api["laterContext"]({ debugMessage: "gone" })).toMatchObject({
    tag: "err",
    val: { debugMessage: "gone" },
  });
  expect(await api["nothing"](Promise.resolve())).toBeUndefined();
});

test("records, tuples, lists, options, variants and results have streams and futures in them", async () => {
  const { api } = await started();
  const bytes = (n: number): AsyncIterable<Uint8Array> => items([Uint8Array.of(n)]);
  const record = await api["inRecord"]({ bytes: bytes(1), word: Promise.resolve("w") });
  expect([await all(record.bytes), await record.word]).toEqual([[1], "w"]);
  const [stream, number] = await api["inTuple"]([bytes(2), 3]);
  expect([await all(stream), number]).toEqual([[2], 4]);
  expect(await Promise.all((await api["inList"]([bytes(1), bytes(2)])).map(all))).toEqual([[2], [1]]);
  expect(await api["inOption"](undefined)).toBeUndefined();
  expect(await all(await api["inOption"](bytes(5)))).toEqual([5]);
  expect(await api["inVariant"]({ tag: "text", val: "t" })).toEqual({ tag: "none" });
  expect(await all((await api["inVariant"]({ tag: "bytes", val: bytes(6) })).val)).toEqual([6]);
  expect(await api["inResult"]({ tag: "ok", val: "x" })).toBe("x");
});

test("error contexts are parameters and results, also of calls of imports", async () => {
  const { api } = await started();
  expect(api["context"]({ debugMessage: "it broke" }).debugMessage).toBe("because it broke");
  expect(api["said"]({ debugMessage: "öß😀" })).toBe("öß😀");
  const list = await api["contextsList"]([{ debugMessage: "a" }, { debugMessage: "b" }]);
  expect(list.map(({ debugMessage }: { debugMessage: string }) => debugMessage)).toEqual(["0: a", "1: b"]);
  expect(await api["explained"]("no")).toBe("no, I say");
  await expect(api["inResult"]({ tag: "err", val: { debugMessage: "bad" } })).rejects.toMatchObject({
    payload: { debugMessage: "bad" },
  });
});

test("resources of the module have asynchronous methods, also without a result, and streams of them go both ways", async () => {
  const { api, Counter } = await started();
  const counter = new Counter(5);
  expect(await counter.next()).toBe(6);
  expect(await all(await counter.numbers())).toEqual([0, 1, 2, 3, 4, 5]);
  // One returns nothing, and one that it inherits a task.
  await counter.waitReset();
  expect(counter.value()).toBe(0);
  await counter.next();
  await counter.reset();
  expect(counter.value()).toBe(0);
  expect((await Counter.open(3)).value()).toBe(3);
  await expect(Counter.open(0)).rejects.toMatchObject({ payload: "Nothing to count" });
  const many = (await all(await Counter.many(4))) as { value(): number }[];
  expect(many.map((one) => one.value())).toEqual([0, 10, 20, 30]);
  expect(await Counter.addUp(items(many))).toBe(60);
  expect(api["said"]({ debugMessage: "alive" })).toBe("alive");
});

test("a task keeps what its call was lent until it has its value", async () => {
  const { api } = await started();
  const thing = new Thing(21);
  expect(await api["lent"](thing)).toBe(42);
  expect(await Promise.all([api["lent"](thing), api["lentNothing"](thing), api["lent"](new Thing(1))])).toEqual([
    42,
    undefined,
    2,
  ]);
  // Of what was lent, nothing: only what the module made itself is its to drop.
  expect(disposed.filter((n) => n !== 7)).toEqual([]);
});

describe("what nobody takes", () => {
  test("is the module's again: resources it imports", async () => {
    const { api } = await started();
    const [stream, left] = await api["unreadThings"](things(1, 2, 3, 4));
    expect((await stream.read(1)).map(({ n }: Thing) => n)).toEqual([1]);
    await stream.cancel();
    expect([...(await left)]).toEqual([2, 3, 4]);
  });

  test("is the module's again: its own resources, of which none is dropped", async () => {
    const { api } = await started();
    const [stream, left] = await api["unreadCounters"](4);
    const [first] = await stream.read(1);
    await stream.cancel();
    expect(await left).toBe(0);
    expect(first.value()).toBe(0);
  });

  test("is the module's again: streams", async () => {
    const { api } = await started();
    const texts = ["a", "b", "c"].map((text) => items([new TextEncoder().encode(text)]));
    const [stream, left] = await api["unreadStreams"](texts);
    await (await stream.read(1))[0].cancel();
    await stream.cancel();
    expect(await left).toBe("c");
  });

  test("is closed by the collector, when it is a stream that the module has lost", async () => {
    const { api } = await started();
    let open = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      open++;
      try {
        for (;;) yield new Uint8Array(1);
      } finally {
        open--;
      }
    }
    for (let i = 0; i < 50; i++) await api["lost"](source());
    // Each of these makes garbage, which makes the collector run.
    for (let i = 0; i < 2000; i++) api["said"]({ debugMessage: "x".repeat(100) });
    await expect.poll(() => open, { interval: 1 }).toBeLessThan(50);
  });
});

test("jco runs what it has: streams of numbers and resources, tasks that were lent something", async ({ skip }) => {
  if (!("Suspending" in WebAssembly)) skip("jco's glue of asynchronous exports needs JavaScript Promise Integration");
  const { api } = await (
    await jcoHost(component)
  ).instantiate({
    "test:elements/src@1.0.0": { Thing, keep: async (a: Thing, b: Thing) => a.n + b.n, explain: () => undefined },
    pairs: async () => items([]),
  });
  const flat = async (stream: AsyncIterable<unknown>): Promise<unknown[]> => {
    const values: unknown[] = [];
    for await (const chunk of stream) values.push(...(ArrayBuffer.isView(chunk) ? (chunk as Uint32Array) : [chunk]));
    return values;
  };
  expect(await flat(await api.numbers(items([1, 2, 3])))).toEqual([1, 2, 3]);
  expect(await flat(await api.colors(items(["red", "green"])))).toEqual(["red", "green"]);
  const given = things(1, 2, 3);
  expect(await flat(await api.things(items(given)))).toEqual(given);
  expect(await api.allThings(5)).toBe(10);
  expect(await api.takesOne(5)).toBe(5);
  expect(await api.kept()).toBe(23);
  expect(await api.lent(new Thing(4))).toBe(8);
});

test("the module is right in an editor", async () => {
  expect(await typeErrors(join(component, "../.."))).toEqual([]);
});
