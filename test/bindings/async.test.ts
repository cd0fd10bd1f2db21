/**
 * Asynchronous modules in AssemblyScript: functions that return at once, that block, tasks that go on, streams and futures;
 * under tenon, and under jco where the engine has what its glue needs.
 */
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import { BuildError, generate } from "../../scripts/toolchain/build/index.ts";
import { sections } from "../../scripts/toolchain/core-sections.ts";
import { parseWat, print } from "../../scripts/toolchain/wasm-tools.ts";
import { readWorld } from "../../scripts/toolchain/wit/world.ts";
import { type Exports, type Host, jcoHost, tenonHost, Workshop } from "./harness.ts";
import { typeErrors } from "./typescript.ts";

const folder = fileURLToPath(new URL("asynchronous", import.meta.url));
/** JavaScript Promise Integration: what blocks needs it, and all that jco makes of an asynchronous export. */
const suspends = "Suspending" in WebAssembly;
let workshop: Workshop;
const built = new Map<string, string>();

beforeAll(async () => {
  workshop = await Workshop.open();
  // Here, where there is time for it: each takes asc some seconds, and the first loads it.
  for (const name of ["calls", "streams", "blocking"]) built.set(name, await build(name));
}, 240_000);
afterAll(() => workshop.close());

/** The component of a folder here. */
async function build(name: string): Promise<string> {
  const dir = await workshop.folder({}, join(folder, name, "module"));
  await cp(join(folder, name, "world.wit"), join(dir, "world.wit"));
  const { component: file, warnings } = await workshop.build(dir);
  expect(warnings).toEqual([]);
  return file;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What the module of `calls` imports; the calls in the order they begin and end. */
function net(log: string[] = []): object {
  const waiting: (() => void)[] = [];
  const said = async <T>(what: string, value: T): Promise<T> => {
    log.push(`begin ${what}`);
    await sleep(5);
    log.push(`end ${what}`);
    return value;
  };
  class Conn {
    readonly port: number;
    constructor(port: number) {
      this.port = port;
    }
    send(bytes: Uint8Array): Promise<number> {
      return said(`send ${this.port}`, bytes.length);
    }
  }
  return {
    "test:calls/net@1.0.0": {
      Conn,
      double: (n: number) => {
        if (n === 0) return 0;
        if (n > 1000) return sleep(n).then(() => n * 2);
        if (n < 10) return said(`double ${n}`, n * 2);
        // All together: none of four ends before the last has begun.
        return new Promise((resolve) => {
          waiting.push(() => resolve(n * 2));
          if (waiting.length === 4) for (const end of waiting.splice(0)) end();
        });
      },
      get: (url: string) => said(url, `<${url}>`),
      many: (a: number, b: string, c: string[], d: bigint, e: number) =>
        said("many", { status: a, body: `${b}${c.join("")}${d}${e}` }),
      tick: () => said("tick", undefined),
    },
    "get-async": () => 1,
  };
}

/** What holds under every host; the strings are left to tenon, for jco 1.35 takes half of those that a task gives. */
async function checkCalls(host: Host): Promise<Exports> {
  const log: string[] = [];
  const exports = await host.instantiate(net(log));
  const { api } = exports;
  expect(await api.divide(7, 2)).toBe(3);
  expect(await api.noResult(1)).toBeUndefined();
  expect(await exports["later"](4n)).toBe(8n);
  expect(await api.turns(3)).toBeUndefined();
  expect(await api.addDoubles(0, 4)).toBe(8);
  expect(log).toEqual([]);
  expect(await api.addDoubles(1, 2)).toBe(6);
  expect(log).toEqual(["begin double 1", "begin double 2", "end double 1", "end double 2"]);
  expect(await Promise.all([api.addDoubles(10, 20), api.addDoubles(30, 40)])).toEqual([60, 140]);
  expect(await api.ticks(3)).toBe(3);
  const job = new api.Job("a");
  await job.go();
  expect(await job.sum(5, 6)).toBe(22);
  return exports;
}

describe("a module with asynchronous functions", () => {
  test("runs in jco", async ({ skip }) => {
    if (!suspends) skip("jco's glue of asynchronous exports needs JavaScript Promise Integration");
    const exports = await checkCalls(await jcoHost(built.get("calls")!));
    expect(await exports["api"].blocking(4)).toBe(18);
  });

  test("runs in tenon", async () => {
    const host = await tenonHost(built.get("calls")!);
    const exports = await checkCalls(host);
    const { api } = exports;
    await expect(api.divide(1, 0)).rejects.toMatchObject({ payload: "Division by zero" });
    expect(await api.long()).toEqual([1, 2, 3, 4n, 5, 6, "a", "b", "c", "d", "e", "f"]);
    expect(await api.both("a", "öß😀")).toBe("<a>|<öß😀>");
    expect(await api.fetch(["x", "y", "z"])).toEqual(["<x>", "<y>", "<z>"]);
    expect(await api.askMany(7)).toBe("7bcd56");
    expect(await api.send(1000)).toBe(1000);
    const job = await api.Job.make(2);
    await job.go();
    expect(await job.run(4)).toBe("made2!4");
  });

  test("Subtask.cancel gives up the slower of two calls, in tenon", async () => {
    const host = await tenonHost(built.get("calls")!);
    const { api } = await host.instantiate(net());
    expect(await api.race(2, 60_000)).toBe(1004);
    expect(await api.race(60_000, 3)).toBe(1006);
    // Both have ended at once: of the one that is given up the task is not told.
    expect(await api.race(0, 0)).toBe(0);
  });

  test("Task.cancelled: a call that is given up cancels what it has begun, in tenon", async () => {
    const host = await tenonHost(built.get("calls")!);
    const { api } = await host.instantiate(net());
    const controller = new AbortController();
    const call = api.addDoubles(50_000, 60_000, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(api.seen()).toBe(1);
    expect(await api.addDoubles(1, 2)).toBe(6);
  });

  test("a task that waits for nothing and never resolves is a trap that says so, in tenon", async () => {
    const host = await tenonHost(built.get("calls")!);
    const { api } = await host.instantiate(net());
    await expect(api.stuck()).rejects.toMatchObject({
      guestMessage: "The task waits for nothing and has not been resolved",
    });
  });

  test("a call that blocks waits where the engine can suspend it, in tenon", async ({ skip }) => {
    if (!suspends) skip("what blocks is suspended by JavaScript Promise Integration");
    const host = await tenonHost(built.get("calls")!);
    const { api } = await host.instantiate(net());
    expect(await api.blocking(4)).toBe(18);
  });
});

const all = async (stream: AsyncIterable<unknown>): Promise<unknown[]> => {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const bytesOf = (chunks: unknown[]): number[] => chunks.flatMap((chunk) => [...(chunk as Uint8Array)]);
async function* items<T>(...values: T[]): AsyncGenerator<T> {
  for (const value of values) {
    await sleep(1);
    yield value;
  }
}

const source = {
  "test:streams/src@1.0.0": {
    numbers: async (n: number) => items(...Array.from({ length: n }, (_, i) => i + 1)),
    sink: async (data: AsyncIterable<Uint8Array>) => {
      let count = 0;
      for await (const chunk of data) count += chunk.length;
      return count;
    },
    word: () => sleep(1).then(() => 77n),
  },
};

/** What holds under every host; how large chunks are is the host's affair. */
async function checkStreams(host: Host): Promise<Exports> {
  const exports = await host.instantiate(source);
  const { api } = exports;
  expect(bytesOf(await all(await api.hello()))).toEqual([...new TextEncoder().encode("hello")]);
  expect(bytesOf(await all(await api.shift(items(...[1, 2, 3].map((n) => Uint8Array.of(n))))))).toEqual([2, 3, 4]);
  expect(await api.sum(items(1, 2, 3, 4, 5, -6))).toBe(9n);
  expect(await api.takePoints(items({ x: 1, y: 2, name: "abc" }, { x: 1, y: 0.5, name: "" }))).toBe(7.5);
  expect(await exports["addUp"](10)).toBe(55n);
  expect(await exports["push"](100_000)).toBe(100_000);
  expect(await exports["word"]()).toBe(77n);
  // jco gives an object to await once more.
  const later = await api.later(Promise.resolve(4));
  expect(await later).toBe(5);
  return exports;
}

describe("a module with streams and futures", () => {
  test("runs in jco", async ({ skip }) => {
    if (!suspends) skip("jco's glue of asynchronous exports needs JavaScript Promise Integration");
    await checkStreams(await jcoHost(built.get("streams")!));
  });

  test("runs in tenon", async () => {
    const host = await tenonHost(built.get("streams")!);
    const { api } = await checkStreams(host);
    expect((await all(await api.points(3))).flat()).toEqual([
      { x: 0, y: 0, name: "p0" },
      { x: 1, y: 0.5, name: "p1" },
      { x: 2, y: 1, name: "p2" },
    ]);
    expect(await api.drain(items(Uint8Array.of(1, 2, 3, 4)))).toBe(3);
  });

  test("a task whose reader goes early lets its own source go, and takes no memory along", async () => {
    const instance = await (await compile(built.get("streams")!)).instantiate(source);
    const { api } = instance.exports as Exports;
    let open = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      open++;
      try {
        for (;;) yield new Uint8Array(10_000);
      } finally {
        open--;
      }
    }
    const early = async (): Promise<void> => {
      const stream = await api.shift(endless());
      expect((await stream.read()).every((byte: number) => byte === 1)).toBe(true);
      await stream.cancel();
      await expect.poll(() => open, { timeout: 30_000, interval: 1 }).toBe(0);
    };
    for (let i = 0; i < 20; i++) await early();
    const before = instance.memoryBytes;
    for (let i = 0; i < 200; i++) await early();
    // What a call took and never gave back would be 4 MB.
    expect(instance.memoryBytes).toBeLessThan(before + 2 ** 20);
  });
});

describe("a call between two modules of one component", () => {
  /** One component of both, of which one calls the other without a host between them. */
  async function composed(): Promise<Exports> {
    const texts: string[] = [];
    for (const name of ["slow", "user"]) {
      const dir = await workshop.folder({}, join(folder, "cancel", name, "module"));
      await cp(join(folder, "cancel", "world.wit"), join(dir, "world.wit"));
      const { component: file } = await workshop.build(dir, { world: name });
      texts.push((await print(await readFile(file))).replace("(component", `(component $${name}`));
    }
    const component = await parseWat(`(component
      (import "tidy" (func $tidy async))
      (import "forever" (func $forever async))
      (import "tick" (func $tick async))
      ${texts.join("\n")}
      (instance $s (instantiate $slow (with "tidy" (func $tidy)) (with "forever" (func $forever))))
      (alias export $s "wait" (func $wait))
      (instance $u (instantiate $user (with "wait" (func $wait)) (with "tick" (func $tick))))
      (export "tidied" (func $s "tidied"))
      (export "ask" (func $u "ask"))
      (export "hold" (func $u "hold"))
      (export "cancelled" (func $u "cancelled")))`);
    const instance = await (
      await compile(component)
    ).instantiate({
      tidy: () => new Promise<void>((resolve) => tidyings.push(resolve)),
      forever: () => new Promise<void>(() => {}),
      tick: () => sleep(1),
    });
    return instance.exports as Exports;
  }
  const tidyings: (() => void)[] = [];

  test("that is given up is told so, and ends in its own time: cancelled, or with a value all the same", async () => {
    const exports = await composed();
    for (const n of [0, 7]) {
      expect(await exports["ask"](n)).toBe("busy true done false cancelled false");
      expect(exports["tidied"]()).toBe(n / 7);
      await expect.poll(() => tidyings.length, { interval: 1 }).toBe(1);
      tidyings.pop()!();
      await expect.poll(() => exports["tidied"](), { interval: 1 }).toBe(n / 7 + 1);
    }
    const abort = new AbortController();
    const held = exports["hold"](0, { signal: abort.signal });
    await sleep(1);
    abort.abort();
    await expect(held).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(() => tidyings.length, { interval: 1 }).toBe(1);
    // The task that was given up is there until what it has begun has ended.
    expect(exports["cancelled"]()).toBe(0);
    tidyings.pop()!();
    await expect.poll(() => exports["cancelled"](), { interval: 1 }).toBe(1);
    expect(exports["tidied"]()).toBe(3);
  });
});

describe("a module written line by line", () => {
  class Conn {
    async lines(): Promise<AsyncIterable<string[]>> {
      return items(["a", "b"], ["c"]);
    }
  }
  const net = {
    "test:blocking/net@1.0.0": {
      Conn,
      get: async (url: string) => `<${await sleep(1).then(() => url)}>`,
      sink: async (data: AsyncIterable<Uint8Array>) => bytesOf(await all(data)).length,
      word: (ms: number) => sleep(ms).then(() => `w${ms}`),
      tell: async (it: Promise<number>) => it,
    },
  };

  test("waits for each call, read and write where the engine can suspend it, in tenon", async ({ skip }) => {
    if (!suspends) skip("what blocks is suspended by JavaScript Promise Integration");
    const exports = await (await tenonHost(built.get("blocking")!)).instantiate(net);
    expect(await exports["oneByOne"](["a", "b"])).toBe("<a><b>");
    expect(await exports["together"](["a", "b"])).toBe("<b><a>");
    expect(await exports["count"](items("abc", "", "de"))).toBe(5);
    expect(await exports["lines"]()).toEqual(["a+b", "c"]);
    expect(await exports["send"]("hello")).toBe("true true 4 9");
    expect(await exports["words"]()).toBe("w0 w20 w20");
    expect(await exports["tell"](7)).toBe(1007);
    const mixed = bytesOf(await all(await exports["mixed"]("m")));
    expect(new TextDecoder().decode(Uint8Array.from(mixed))).toBe("<m><last>");
  });

  test("is told which engines can where this one cannot, in tenon", async ({ skip }) => {
    if (suspends) skip("the engine has JavaScript Promise Integration");
    const exports = await (await tenonHost(built.get("blocking")!)).instantiate(net);
    await expect(exports["together"](["a", "b"])).rejects.toMatchObject({
      trap: "cannot-block",
      message: expect.stringContaining("Node 24"),
    });
  });
});

describe("the bindings of an asynchronous world", () => {
  test("the README's module with tasks does what the README says", async () => {
    const readme = await readFile(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
    const block = (start: string): string =>
      new RegExp(`^\`\`\`\\w+\n(// ${start}[^]*?)^\`\`\`$`, "m").exec(readme)![1]!;
    const dir = await workshop.folder({
      "world.wit": block("pages/world.wit"),
      "index.ts": block("pages/index.ts"),
    });
    const { component: file, warnings } = await workshop.build(dir);
    expect(warnings).toEqual([]);
    expect(await typeErrors(dir)).toEqual([]);
    const host = await tenonHost(file);
    const exports = await host.instantiate({ get: async (url: string) => `<${url}>` });
    expect(await exports["both"]("a", "b")).toBe("<a><b>");
    const text = await all(
      await exports["shout"](items(new TextEncoder().encode("Hello, "), new TextEncoder().encode("you"))),
    );
    expect(new TextDecoder().decode(Uint8Array.from(bytesOf(text)))).toBe("HELLO, YOU");
  });

  test.each(["calls", "streams", "blocking"])("%s: are right in an editor", async (name) => {
    const dir = join(built.get(name)!, "../..");
    expect(await typeErrors(dir)).toEqual([]);
    expect(await readdir(join(dir, "bindings"))).toContain("async.ts");
  });

  const world =
    "package a:b; world w { import g: async func() -> u32; export f: async func(n: u32) -> u32; export v: async func(); }";
  const right = { f: "export function f(n: u32): u32 { return n; }", v: "export function v(): void {}" };
  test.each([
    [{ f: "export function f(n: u32): u8 { return 1; }" }, "Type 'u8' is not assignable to type 'u32'"],
    [{ f: "export function f(n: u32): string { return ''; }" }, "Type 'string' is not assignable to type 'u32'"],
    [{ f: "export function f(n: u32): void {}" }, "Type 'void' is not assignable"],
    [{ f: "export function f(n: u32): Task<u64> { return resolved<u64>(1); }" }, "Type 'Task<u64>' is not assignable"],
    [{ v: "export function v(): u32 { return 1; }" }, "is not assignable to type 'void'"],
    [{ v: "" }, "The export `v` is missing, which the world wants for v"],
  ])("%j is refused in the author's words", async (change, message) => {
    const text = Object.values({ ...right, ...change }).join("\n");
    const dir = await workshop.folder({
      "world.wit": world,
      "index.ts": `import { resolved, Task } from "./bindings/w";\n${text}\n`,
    });
    const error = (await workshop.build(dir).catch((reason: unknown) => reason)) as BuildError;
    expect(error).toBeInstanceOf(BuildError);
    expect(error.issues).toHaveLength(1);
    expect(error.issues[0]!.message).toContain(message);
    expect(error.issues[0]!.file).toBe(join(dir, "index.ts"));
  });

  test("tenon new writes the first function as a task, and of the others how they may wait; all of it builds", async () => {
    const more = "interface a { f: async func(x: list<u8>, y: option<string>); } interface b { f: async func(); }";
    const wit = `${world} ${more} world x { export a; export b; export s: func() -> stream<u8>; }`;
    const other = await workshop.folder({ "world.wit": wit });
    for (const [file, text] of generate(await readWorld(join(other, "world.wit"), { world: "x" })).skeleton) {
      await writeFile(join(other, file), text);
    }
    expect((await workshop.build(other, { world: "x" })).warnings).toEqual([]);
    expect(await typeErrors(other)).toEqual([]);
    expect(await readFile(join(other, "index.ts"), "utf8")).toContain("// Not `async` in the WIT: it cannot leave");
    const dir = await workshop.folder({ "world.wit": world });
    const { skeleton } = generate(await readWorld(join(dir, "world.wit")));
    expect(skeleton.get("index.ts")).toContain(
      'export function v(): void {\n  // To wait for something, return a Task<Unit>.\n  throw new Error("Not implemented");',
    );
    for (const [file, text] of skeleton) await writeFile(join(dir, file), text);
    const built = await workshop.build(dir);
    expect(built.warnings).toEqual([]);
    const { exports } = await (await compile(built.component)).instantiate({ g: () => 1 });
    await expect((exports as Exports)["f"](1)).rejects.toMatchObject({ guestMessage: "Not implemented" });
    expect(await typeErrors(dir)).toEqual([]);
  });

  test("a function that returns at once brings no loop along", async () => {
    const dir = await workshop.folder({
      "world.wit": "package a:b; world w { export f: async func(n: u32) -> u32; }",
      "index.ts": "export function f(n: u32): u32 {\n  return n + 1;\n}\n",
    });
    const { component: file } = await workshop.build(dir);
    const bytes = await readFile(file);
    // The first core module of a component is the one that asc has made.
    const { start, end } = sections(bytes).find(({ id }) => id === 1)!;
    const core = new WebAssembly.Module(bytes.subarray(start, end));
    expect(WebAssembly.Module.imports(core).map(({ name }) => name)).toEqual(["[task-return]f"]);
    expect(WebAssembly.Module.exports(core).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["[async-lift]f", "[callback][async-lift]f"]),
    );
  });
});
