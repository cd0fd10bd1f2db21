/** Imports of a module in a worker are met at the host: functions that may return promises, and resources. */
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test, vi } from "vitest";
import { ComponentError, type GuestStream, LowerError, TrapError } from "../../../host/node/index.ts";
import { component, counter, keeper, math, poker, things, twice } from "../host/fixtures.ts";
import { type Any, caught, host, sleep } from "../host/support.ts";
import { blockingGuest } from "../async/guests.ts";
import { filesGuest, guestBytes } from "../runtime/guests.ts";

const WORKER = { isolation: "worker" } as const;
const FILES = "demo:res/files@1.0.0";

test("an import is called at the host with the guest's values, and the guest waits for its promise", async () => {
  const seen: number[] = [];
  const poke = async (value: number): Promise<void> => {
    await sleep(5);
    seen.push(value);
  };
  const module: Any = await host().load(await poker(), {
    name: "p",
    imports: { "demo:poke/host": { poke } },
    ...WORKER,
  });
  expect(await module.exports.run(7)).toBe(7);
  expect(seen).toEqual([7]);
  expect(module.info().activity).toEqual([]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no");
    },
  ],
  ["returns a promise that is rejected", () => Promise.reject(new Error("no"))],
])("an import that %s is a trap whose cause is the program's own error", async (_, poke) => {
  let thrown: unknown;
  const noted = async (): Promise<void> => {
    try {
      await poke();
    } catch (error) {
      thrown = error;
      throw error;
    }
  };
  const module: Any = await host().load(await poker(), {
    name: "p",
    imports: { "demo:poke/host": { poke: noted } },
    ...WORKER,
  });
  const error = await caught(module.exports.run(1));
  expect(error).toBeInstanceOf(TrapError);
  expect(error.trap).toBe("import-threw");
  expect(error.message).toContain('import "demo:poke/host#poke" threw: no');
  expect(error.cause).toBe(thrown);
});

test("an import gives err by a ComponentError, and what fits no type is a trap", async () => {
  const here = host();
  const load = async (name: string, poke: () => unknown): Promise<Any> =>
    here.load(await poker("result"), { name, imports: { "demo:poke/host": { poke } }, ...WORKER });
  const err = await load("err", () => {
    throw new ComponentError(undefined);
  });
  expect(await err.exports.run(3)).toBe(3);
  const wrong = await here.load(await twice(), {
    name: "wrong",
    imports: { "demo:math/api@1.0.0": { add: () => () => 1 } },
    ...WORKER,
  });
  const error = await caught((wrong as Any).exports["demo:twice/api@1.0.0"].twice(1));
  expect(error).toMatchObject({ name: "TrapError", trap: "import-threw" });
});

test("the teardown of a module runs before its worker ends, and its imports are there", async () => {
  const notes: number[] = [];
  const imports = { "demo:counter/host": { note: (value: number) => void notes.push(value) } };
  const module: Any = await host().load(await counter({ teardown: "note" }), { name: "counter", imports, ...WORKER });
  await module.exports.api.increment();
  expect(await module.unload()).toMatchObject({ teardown: "ran", errors: [] });
  expect(notes).toEqual([1]);
});

test("a call that an import makes of its own module is refused, as in this thread, and nothing hangs", async () => {
  const refused: unknown[] = [];
  const poke = async (): Promise<void> => void refused.push(await caught(module.exports.run(2)));
  const module: Any = await host().load(await poker(), {
    name: "p",
    imports: { "demo:poke/host": { poke } },
    ...WORKER,
  });
  expect(await module.exports.run(1)).toBe(1);
  expect(refused).toMatchObject([{ name: "TrapError", trap: "cannot-enter-component" }]);
  expect(module.state).toBe("live");
});

const POKE = "demo:poke/host";

test("a call that an import makes of its own module after it has waited is refused too, in Node, and the import goes on", async () => {
  const refused: unknown[] = [];
  const poke = async (): Promise<void> => {
    await sleep(5);
    refused.push(await caught(module.exports.run(2)));
  };
  const module: Any = await host().load(await poker(), { name: "p", imports: { [POKE]: { poke } }, ...WORKER });
  expect(await module.exports.run(1)).toBe(1);
  expect(refused).toMatchObject([{ name: "TrapError", trap: "cannot-enter-component", module: "p", export: "run" }]);
  expect(String(refused[0])).toContain("called from an import that the module's worker waits for");
  expect(module.state).toBe("live");
});

test("what goes on after an import has returned, and calls that come from elsewhere, wait for the worker as any call", async () => {
  const later: Promise<unknown>[] = [];
  let inside: () => void = () => {};
  const entered = new Promise<void>((resolve) => (inside = resolve));
  const poke = async (value: number): Promise<void> => {
    inside();
    await sleep(20);
    if (value === 1) later.push(sleep(5).then(() => module.exports.run(3)));
  };
  const module: Any = await host().load(await poker(), { name: "p", imports: { [POKE]: { poke } }, ...WORKER });
  const first = module.exports.run(1);
  await entered;
  const second = module.exports.run(2);
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  expect(await Promise.all(later)).toEqual([3]);
});

test("a circle of calls through two modules in workers is refused where it closes", async () => {
  const here = host();
  const refused: unknown[] = [];
  const back = async (value: number): Promise<void> => {
    await sleep(1);
    if (value > 0) refused.push(await caught(first.exports.run(0)));
  };
  const second: Any = await here.load(await poker(), { name: "b", imports: { [POKE]: { poke: back } }, ...WORKER });
  const on = async (value: number): Promise<void> => {
    await sleep(1);
    await second.exports.run(value);
  };
  const first: Any = await here.load(await poker(), { name: "a", imports: { [POKE]: { poke: on } }, ...WORKER });
  expect(await first.exports.run(1)).toBe(1);
  expect(refused).toMatchObject([{ trap: "cannot-enter-component", module: "a" }]);
});

test("workers that wait for each other are told apart from those that are busy: the call that closes the circle is refused", async () => {
  let both = 0;
  const outcomes: unknown[] = [];
  const poke = async (value: number): Promise<void> => {
    if (value < 10) return;
    both++;
    while (both < 2) await sleep(1);
    // Each of the two workers waits for a third.
    outcomes.push(await module.exports.run(1).catch((error: unknown) => error));
  };
  const options = { name: "p", imports: { [POKE]: { poke } }, ...WORKER, instances: 2 };
  const module: Any = await host().load(await poker(), options);
  expect(await Promise.all([module.exports.run(10), module.exports.run(20)])).toEqual([10, 20]);
  expect(outcomes).toHaveLength(2);
  expect(outcomes.filter((it) => it === 1)).toHaveLength(1);
  expect(outcomes.find((it) => it !== 1)).toMatchObject({ trap: "cannot-enter-component" });
});

test("a call that is ended in an import leaves the import to its program: it goes on, and its answer goes nowhere", async () => {
  let finish: () => void = () => {};
  const until = new Promise<void>((resolve) => (finish = resolve));
  let finished: () => void = () => {};
  const done = new Promise<void>((resolve) => (finished = resolve));
  const poke = async (): Promise<void> => {
    await until;
    finished();
  };
  const module: Any = await host().load(await poker(), { name: "p", imports: { [POKE]: { poke } }, ...WORKER });
  expect(await caught(module.with({ timeoutMs: 20 }).exports.run(1))).toMatchObject({ name: "LimitError" });
  await module.reload();
  finish();
  await done;
  await sleep(5);
  expect(module.state).toBe("live");
});

test("promises are followed only while an import is open: an ended worker leaves nothing on", async () => {
  const poke = (): Promise<void> => new Promise(() => {});
  const options = { name: "p", imports: { [POKE]: { poke } }, ...WORKER };
  const module: Any = await host().load(await poker(), options);
  const disable = vi.spyOn(AsyncLocalStorage.prototype, "disable");
  const call = caught(module.exports.run(1));
  while (module.info().activity.length === 0) await sleep(1);
  await sleep(50);
  expect(disable).not.toHaveBeenCalled();
  await module.unload({ force: true });
  await call;
  expect(disable).toHaveBeenCalled();
  disable.mockRestore();
});

test("modules in workers import from each other and from those in this thread, resources too", async () => {
  const here = host();
  await here.load(await math({ bias: 1 }), { name: "math", ...WORKER });
  const doubling: Any = await here.load(await twice(), { name: "twice", ...WORKER });
  expect(await doubling.exports["demo:twice/api@1.0.0"].twice(4)).toBe(9);
  const made: Any = await here.load(await things({ bias: 2 }), { name: "things", ...WORKER });
  const keeping: Any = await here.load(await keeper(), { name: "keeper", ...WORKER });
  expect(await keeping.exports.keep(5)).toBe(7);
  expect(await keeping.exports.ask()).toBe(7);
  expect(await made.exports.api.live()).toBe(1);
  expect(made.info().usedBy).toEqual(["keeper"]);
  await keeping.exports.dropIt();
  expect(await made.exports.api.live()).toBe(0);
  await keeping.exports.keep(6);
  await keeping.unload();
  await sleep(10);
  expect(await made.exports.api.live()).toBe(0);
});

class File implements Disposable {
  static made: File[] = [];
  disposed = 0;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
    File.made.push(this);
  }
  async size(): Promise<number> {
    if (this.name === "broken") throw new ComponentError("cannot read");
    return this.name.length;
  }
  touch(): void {}
  static async open(name: string): Promise<File> {
    return new File(`opened ${name}`);
  }
  [Symbol.dispose](): void {
    this.disposed++;
  }
}

async function files(overrides: object = {}, isolation: string = "worker"): Promise<{ module: Any; seen: unknown[] }> {
  File.made = [];
  const seen: unknown[] = [];
  const functions = {
    inspect: (it: File) => it.name.length,
    consume: (it: File) => void seen.push(it),
    both: (...them: File[]) => void seen.push(...them),
    latest: () => File.made.at(-1),
    pair: () => [new File("left"), new File("right")],
  };
  const imports = { [FILES]: { File, ...functions, ...overrides } };
  const options = { name: "files", imports, isolation } as object;
  return { module: (await host().load(await guestBytes(filesGuest), options)) as Any, seen };
}

test("a guest uses a class of the host: makes, asks, gives, lends and drops its objects", async () => {
  const { module, seen } = await files();
  const { exports } = module;
  await exports.make();
  await exports.open();
  expect(File.made.map(({ name }) => name)).toEqual(["made by the guest", "opened made"]);
  const mine = new File("mine");
  expect(await exports.size(mine)).toBe(4);
  expect(await exports.inspectTwice(mine)).toBe(8);
  const failed = await caught(exports.size(new File("broken")));
  expect(failed).toBeInstanceOf(ComponentError);
  expect(failed.payload).toBe("cannot read");
  await exports.take(mine);
  expect(await exports.give()).toBe(mine);
  await exports.take(mine);
  await exports.consumeKept();
  expect(seen).toEqual([mine]);
  await exports.take(mine);
  await exports.dropKept();
  expect(mine.disposed).toBe(1);
  expect(module.state).toBe("live");
});

test("objects of the host that a guest leaks are disposed of at the unload, and counted", async () => {
  const { module } = await files();
  await module.exports.make();
  await module.exports.pair();
  const receipt = await module.unload();
  expect(receipt.hostResourcesDisposed).toBe(3);
  expect(File.made.map(({ disposed }) => disposed)).toEqual([1, 1, 1]);
});

test("what is no object of the host's class is refused before the call, and given back", async () => {
  const { module } = await files();
  const mine = new File("mine");
  expect(await caught(module.exports.take({ name: "no file" }))).toMatchObject({ name: "LowerError", path: "it" });
  expect(await caught(module.exports.takeAll([mine, 5]))).toBeInstanceOf(LowerError);
  await module.exports.takeAll([mine]);
  expect((await module.unload()).hostResourcesDisposed).toBe(1);
});

test("a borrow that the guest keeps is a trap, in a worker as here", async () => {
  const { module } = await files();
  const error = await caught(module.exports.leak(new File("mine")));
  expect(error).toMatchObject({ name: "TrapError", trap: "invalid-handle" });
});

test("worker-sync: calls and imports are synchronous, resources live there, and a fault is a failed call", async () => {
  class Plain extends File {
    override size(): never {
      return this.name.length as never;
    }
  }
  const { module, seen } = await files({ File: Plain, pair: () => [new Plain("l"), new Plain("r")] }, "worker-sync");
  const { exports } = module;
  exports.make();
  const mine = new Plain("mine");
  expect(exports.size(mine)).toBe(4);
  exports.take(mine);
  exports.consumeKept();
  expect(seen).toEqual([mine]);
  expect(() => exports.take({})).toThrow(LowerError);
  expect(() => exports.leak(new Plain("x"))).toThrow(TrapError);
  expect(module.state).toBe("trapped");
  await module.reload();
  expect(exports.inspectTwice(new Plain("xy"))).toBe(4);
});

test("worker-sync: an import's promise cannot be waited for, and a call of the module from its import is refused", async () => {
  const here = host();
  const imports = { "demo:math/api@1.0.0": { add: async () => 1 } };
  const promising: Any = await here.load(await twice(), { name: "twice", imports, isolation: "worker-sync" });
  expect(() => promising.exports["demo:twice/api@1.0.0"].twice(1)).toThrow(
    expect.objectContaining({ cause: expect.objectContaining({ name: "UnsupportedError", feature: "worker" }) }),
  );
  let refused: unknown;
  const poke = (): void => {
    try {
      module.exports.run(2);
    } catch (error) {
      refused = error;
    }
  };
  const module: Any = await here.load(await poker(), {
    name: "p",
    imports: { "demo:poke/host": { poke } },
    isolation: "worker-sync",
  });
  expect(module.exports.run(1)).toBe(1);
  expect(refused).toMatchObject({ name: "TrapError", trap: "cannot-enter-component" });
});

/** Gives the stream that it is given to a synchronous import, and what that returns back. */
const giver = (): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (type $S (stream u8))
    (import "plain" (func $plain (param "in" $S) (result u32)))
    (core func $lowered (canon lower (func $plain)))
    (core module $M
      (import "" "plain" (func $plain (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $plain (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "plain" (func $lowered))))))
    (func (export "run") (param "in" $S) (result u32) (canon lift (core func $m "run"))))`);

test("a guest that waits for an asynchronous import in the middle of a function does so where nothing can suspend it", async () => {
  const fetch = async (n: number): Promise<number> => {
    await sleep(2);
    return n * 10;
  };
  const module: Any = await host().load(await component(blockingGuest), { name: "b", imports: { fetch }, ...WORKER });
  expect(await module.exports.run(1)).toBe(30);
  const broken = new Error("broken");
  const other: Any = await host().load(await component(blockingGuest), {
    name: "b",
    imports: { fetch: () => Promise.reject(broken) },
    ...WORKER,
  });
  expect((await caught(other.exports.run(1))).cause).toBe(broken);
});

test("a synchronous import may keep a stream and read it later, but not have its guest wait for what it reads", async () => {
  let kept!: GuestStream<number, Uint8Array>;
  const plain = (stream: GuestStream<number, Uint8Array>): number => {
    kept = stream;
    return 3;
  };
  const module: Any = await host().load(await giver(), { name: "g", imports: { plain }, ...WORKER });
  expect(await module.exports.run(Uint8Array.of(1, 2))).toBe(3);
  expect(await kept.read()).toEqual(Uint8Array.of(1, 2));
  expect(await kept.read()).toBeUndefined();
  const waiting = async (stream: GuestStream<number, Uint8Array>): Promise<number> => (await stream.read())!.length;
  const other: Any = await host().load(await giver(), { name: "g", imports: { plain: waiting }, ...WORKER });
  const error = await caught(other.exports.run(Uint8Array.of(1)));
  expect(error).toBeInstanceOf(TrapError);
  expect(error.cause).toMatchObject({ name: "UnsupportedError", feature: "worker" });
  expect(error.cause.message).toContain("return before anything is read, declare it async in WIT");
});
