/** The receipt's proof: what it says when memory goes, and whom it names when something holds on. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { attempt, createHost, type CollectionReport, type ImportScope, type Module } from "../../host/node/index.ts";
import { component, math, poker, things } from "../node/host/fixtures.ts";
import { settle } from "./helpers.ts";

type Any = Module<{ imports: object; exports: any }>;
const linux = process.platform === "linux";

test("unload({ collect: true }) proves that the memory is gone, in the address space too", async () => {
  const host = createHost();
  const module: Any = await host.load(await math(), { name: "math" });
  expect(module.exports.api.grow(100)).toBe(101);
  const receipt = await module.unload({ collect: true });
  const report = await receipt.collected;
  expect(report).toMatchObject({ reclaimed: true, memories: 1, pending: 0, asked: true, holders: [] });
  // By the engine's word, not by the deadline.
  expect(report.waitedMs).toBeLessThan(10_000);
  if (linux) expect(report.reservations!.after).toBeLessThan(report.reservations!.before);
  expect(await receipt.collected).toBe(report);
});

test("collected settles by itself when the engine collects, without being asked", async () => {
  const module: Any = await createHost().load(await math(), { name: "math" });
  const receipt = await module.unload();
  const collected = receipt.collected;
  await settle();
  expect(await collected).toMatchObject({ reclaimed: true, asked: false, holders: [] });
});

test("without a collection the deadline passes, and the report admits that nobody was asked", async () => {
  // An error that nobody has read keeps the memory, so that no collection by chance can come before the deadline.
  const kept: Error[] = [];
  const imports = { "demo:poke/host": { poke: () => void kept.push(new Error("Noted")) } };
  const module: Any = await createHost().load(await poker(), { name: "poker", imports });
  module.exports.run(1);
  const receipt = await module.unload({ collectDeadlineMs: 1 });
  const report = await receipt.collected;
  expect(report).toMatchObject({ reclaimed: false, asked: false, pending: 1 });
  expect(report.holders[0]).toMatch(/not asked for a collection and may only be late/);
  for (const error of kept) void error.stack;
});

async function unloadAndProve(module: Any): Promise<CollectionReport> {
  const receipt = await module.unload({ force: true, collect: true, collectDeadlineMs: 300 });
  return receipt.collected;
}

test("planted leak: an error made in an import and never read is reported; reading it lets the memory go", async () => {
  const kept: Error[] = [];
  const imports = { "demo:poke/host": { poke: () => void kept.push(new Error("Noted")) } };
  const before = await settle();
  const module: Any = await createHost().load(await poker(), { name: "poker", imports });
  module.exports.run(1);
  const report = await unloadAndProve(module);
  expect(report).toMatchObject({ reclaimed: false, memories: 1, pending: 1, asked: true });
  expect(report.holders).toEqual([
    "something that reaches the instance: an error made during a call whose stack nobody has read, or a function of the engine's own",
  ]);
  for (const error of kept) void error.stack;
  expect((await settle()).memories).toBe(before.memories);
});

test("planted leak: a view of the linear memory, taken between the host and the engine, is reported", async () => {
  const before = await settle();
  const views: Uint8Array[] = [];
  const host = createHost();
  const engine = WebAssembly as { Instance: typeof WebAssembly.Instance };
  const original = engine.Instance;
  // The only way to the memory of a module is to stand between the host and the engine.
  engine.Instance = new Proxy(original, {
    construct(target, args) {
      const instance = Reflect.construct(target, args) as WebAssembly.Instance;
      views.push(new Uint8Array((instance.exports["memory"] as WebAssembly.Memory).buffer));
      return instance;
    },
  });
  let module: Any;
  try {
    module = await host.load(await math(), { name: "math" });
  } finally {
    engine.Instance = original;
  }
  const report = await unloadAndProve(module);
  expect(report).toMatchObject({ reclaimed: false, pending: 1 });
  expect(report.holders).toEqual(["a view of the memory, or the memory itself: the instance has gone"]);
  expect(views.splice(0)).toHaveLength(1);
  expect((await settle()).memories).toBe(before.memories);
});

test("planted leak: a function of the engine's own is reported as what reaches the instance", async () => {
  const before = await settle();
  const kept: unknown[] = [];
  const engine = WebAssembly as { Instance: typeof WebAssembly.Instance };
  const original = engine.Instance;
  engine.Instance = new Proxy(original, {
    construct(target, args) {
      const instance = Reflect.construct(target, args) as WebAssembly.Instance;
      kept.push(instance.exports["add"]);
      return instance;
    },
  });
  let module: Any;
  try {
    module = await createHost().load(await math(), { name: "math" });
  } finally {
    engine.Instance = original;
  }
  const report = await unloadAndProve(module);
  expect(report).toMatchObject({ reclaimed: false, pending: 1 });
  expect(report.holders).toEqual([expect.stringMatching(/^something that reaches the instance: .* or a function/)]);
  expect(kept.splice(0)).toEqual([expect.any(Function)]);
  expect((await settle()).memories).toBe(before.memories);
});

test("prevented: an import's own error kept by its thrower, a pending promise, a timer, a live resource, a held call result", async () => {
  const held: unknown[] = [];
  const host = createHost();
  const before = await settle();
  const thrower: Any = await host.load(await poker(), {
    name: "thrower",
    imports: {
      "demo:poke/host": {
        poke: () => {
          const error = new Error("Pulled out", { cause: new Error("Deeper") });
          held.push(error);
          throw error;
        },
      },
    },
  });
  expect(() => thrower.exports.run(1)).toThrow(/Pulled out/);
  const waiter: Any = await host.load(await poker(), {
    name: "waiter",
    imports: (scope: { setTimeout: (task: () => void, ms: number) => unknown }) => ({
      "demo:poke/host": {
        poke: () => {
          held.push(scope.setTimeout(() => undefined, 60_000));
          const never = new Promise(() => undefined);
          held.push(never);
          return never;
        },
      },
    }),
  });
  waiter.exports.run(1);
  const owner: Any = await host.load(await things(), { name: "owner" });
  held.push(new owner.exports.api.Thing(1));
  for (const module of [thrower, waiter, owner]) {
    expect(await unloadAndProve(module), module.name).toMatchObject({ reclaimed: true, holders: [] });
  }
  expect(held).toHaveLength(4);
  expect((await settle()).memories).toBe(before.memories);
});

test("prevented: bound handles, suspended functions, weak references, the errors of traps and overflows, refused calls", async () => {
  const held: unknown[] = [];
  const host = createHost();
  const overflow = await component(`(component
    (core module $m (memory (export "memory") 1) (func $f (export "f") (param i32) (result i32) (call $f (local.get 0)) (i32.const 1) i32.add))
    (core instance $i (instantiate $m)) (alias core export $i "memory" (core memory $memory))
    (func (export "f") (param "value" u32) (result u32) (canon lift (core func $i "f") (memory $memory))))`);
  await Promise.all([math(), things()]);
  const before = await settle();
  const deep: Any = await host.load(overflow, { name: "deep" });
  held.push(
    attempt(() => deep.exports.f(1)),
    deep.trap,
    attempt(() => deep.exports.f(1)),
  );
  expect(held[0]).toMatchObject({ ok: false, error: { trap: "stack-overflow" } });
  const sums: Any = await host.load(await math(), { name: "sums" });
  held.push(sums.exports.api.add.bind(undefined, 1), new WeakRef(sums.exports.api.add), sums.exports);
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const suspended = (async () => {
    // Locals of a suspended function live as long as it does.
    const { api } = sums.exports;
    const sum: number = api.add(1, 2);
    await gate;
    return [sum, attempt(() => api.add(1, 2)).ok];
  })();
  for (const bad of ["x", {}, undefined]) {
    try {
      sums.exports.api.add(bad, 1);
    } catch (error) {
      held.push(error);
    }
  }
  const failed: Any = await host.load(await math(), { name: "failed" });
  held.push(await failed.reload(overflow, { integrity: "0".repeat(64) }).catch((error: unknown) => error));
  for (const module of [deep, sums, failed]) {
    expect(await unloadAndProve(module), module.name).toMatchObject({ reclaimed: true, holders: [] });
  }
  expect((await settle()).memories).toBe(before.memories);
  open();
  expect(await suspended).toEqual([3, false]);
  expect(held).toHaveLength(10);
});

test("what was cut while it was pending names itself among the holders, and nothing else does", async () => {
  const kept: Error[] = [];
  const never = new Promise<void>(() => undefined);
  const bytes = await poker();
  const load = (name: string, poke: () => unknown, start?: (scope: ImportScope) => void): Promise<Any> =>
    createHost().load(bytes, {
      name,
      imports: (scope) => {
        start?.(scope);
        const noted = (): unknown => {
          kept.push(new Error("Noted"));
          return poke();
        };
        return { "demo:poke/host": { poke: noted } };
      },
    });
  const holders = async (module: Any): Promise<readonly string[]> => {
    module.exports.run(1);
    const report = await unloadAndProve(module);
    expect(report.reclaimed).toBe(false);
    for (const error of kept.splice(0)) void error.stack;
    return report.holders.slice(1);
  };
  expect(await holders(await load("quiet", () => undefined))).toEqual([]);
  expect(await holders(await load("promising", () => never))).toEqual([
    "a promise of demo:poke/host#poke that was still pending",
  ]);
  const beat = (scope: ImportScope): void => {
    scope.setInterval(() => undefined, 1000, "heartbeat");
    scope.setTimeout(() => undefined, 60_000, "alarm");
    scope.setTimeout(() => undefined, 60_000, "alarm");
  };
  expect(await holders(await load("beating", () => undefined, beat))).toEqual([
    "a timer of heartbeat that was still pending",
    "2 timers of alarm that were still pending",
  ]);
  await settle();
});

test("a host can watch for leaks by itself and says so in an event and by tenon:leak", async () => {
  const kept: Error[] = [];
  // Longer than a collection takes on a machine that has other things to do.
  const host = createHost({ leakDeadlineMs: 6_000 });
  const leaks: string[] = [];
  host.on("leaked", ({ module, report }) => leaks.push(`${module} ${report.pending}`));
  const published: unknown[] = [];
  const heard = (message: unknown): void => void published.push(message);
  subscribe("tenon:leak", heard);
  const imports = { "demo:poke/host": { poke: () => void kept.push(new Error("Noted")) } };
  const leaky: Any = await host.load(await poker(), { name: "leaky", imports });
  leaky.exports.run(1);
  const tidy: Any = await host.load(await math(), { name: "tidy" });
  await leaky.unload();
  await tidy.unload();
  await settle();
  await new Promise((resolve) => setTimeout(resolve, 6_100));
  unsubscribe("tenon:leak", heard);
  expect(leaks).toEqual(["leaky 1"]);
  // As the channel has it, which tells of no unload that was clean.
  expect(published).toEqual([{ module: "leaky", report: expect.objectContaining({ reclaimed: false, pending: 1 }) }]);
  for (const error of kept) void error.stack;
});

test("a reload's receipt proves the end of the old version in the same way", async () => {
  const module: Any = await createHost().load(await math(), { name: "math" });
  const { old } = await module.reload(await math({ bias: 1 }));
  const collected = old.collected;
  await settle();
  expect(await collected).toMatchObject({ reclaimed: true, memories: 1 });
  await module.unload();
});
