/** Several workers serve one module, and a worker that says nothing is ended. */
import { expect, test, vi } from "vitest";
import { type Host, LimitError, TenonError, TrapError, UnloadedError } from "../../../host/node/index.ts";
import { component, counter, poker, things } from "../host/fixtures.ts";
import { loop, onceStarted } from "./fixtures.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import { workerEngine } from "../../../host/worker/engine.ts";
import type { Threads } from "../../../host/worker/messages.ts";
import { type Any, caught, gate, host, sleep, until } from "../host/support.ts";

const TWO = { isolation: "worker", instances: 2 } as const;

async function gated(options: object = {}): Promise<{ module: Any; at: ReturnType<typeof gate> }> {
  const at = gate();
  const imports = { "demo:poke/host": { poke: at.poke } };
  const module: Any = await host().load(await poker(), { name: "p", imports, ...TWO, ...options });
  return { module, at };
}

test("calls go to a worker that is free, and the rest wait in their order", async () => {
  const { module, at } = await gated();
  const calls = [1, 2, 3, 4].map((value) => module.exports.run(value));
  await until(() => at.inside.length === 2);
  await sleep(20);
  expect(at.inside.toSorted()).toEqual([1, 2]);
  expect(module.info().activity).toEqual([{ kind: "call", owner: "p", count: 4 }]);
  at.open();
  expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
  expect(at.inside.slice(2).toSorted()).toEqual([3, 4]);
});

test("a call beyond the queue is refused with the code queue-full, and the others are served", async () => {
  const { module, at } = await gated({ queue: 1 });
  const calls = [1, 2, 3].map((value) => module.exports.run(value));
  const refused = await caught(module.exports.run(4));
  expect(refused).toBeInstanceOf(TenonError);
  expect(refused).toMatchObject({ code: "queue-full", name: "QueueFullError" });
  expect(refused.message).toBe('Cannot call export "run" of "p": 1 calls wait already, and no worker is free');
  at.open();
  expect(await Promise.all(calls)).toEqual([1, 2, 3]);
});

test("a worker that traps is replaced while the others serve, and the module stays live", async () => {
  const here = host();
  const module: Any = await here.load(await counter(), { name: "counter", ...TWO });
  const { increment, boom } = module.exports.api;
  const results = await Promise.allSettled([boom(), increment(), increment(), increment()]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
  expect((results[0] as PromiseRejectedResult).reason).toBeInstanceOf(TrapError);
  expect(module.state).toBe("live");
  await Promise.allSettled([boom(), boom()]);
  expect(await increment()).toBe(1);
  expect((await module.unload()).errors).toEqual([]);
});

test("when no worker can be put in the place of those that trapped, the module is trapped", async () => {
  const at = { calls: 0 };
  const imports = { "demo:once/host": { once: () => void (++at.calls > 2 && fail()) } };
  const module: Any = await host().load(await onceStarted(), { name: "once", imports, ...TWO });
  await Promise.allSettled([module.exports.boom(), module.exports.boom()]);
  await until(() => module.state === "trapped");
  expect(module.trap).toMatchObject({ name: "TrapError", trap: "unreachable" });
  expect(() => module.exports.boom()).toThrow(UnloadedError);
});

test("resources are used where they live, and are gone with their worker alone", async () => {
  const module: Any = await host().load(await things({ bias: 0 }), { name: "things", ...TWO });
  const { Thing, peek } = module.exports.api;
  const all = await Promise.all([1, 2, 3, 4].map((value) => new Thing(value)));
  expect(await Promise.all(all.map((thing) => thing.value()))).toEqual([1, 2, 3, 4]);
  expect(await Promise.all(all.map((thing) => peek(thing)))).toEqual([1001, 1002, 1003, 1004]);
  expect((await module.unload({ force: true })).guestResourcesCut).toBe(4);
});

test("a reload rolls through all workers with no call lost, and hands over the state of each", async () => {
  const module: Any = await host().load(await counter({ restore: "take" }), { name: "counter", ...TWO });
  const { increment, value } = module.exports.api;
  await Promise.all([increment(), increment()]);
  const before = (await Promise.all([value(), value()])).sort();
  const calls: Promise<number>[] = [];
  const reloading = module.reload(await counter({ step: 10 }));
  for (let i = 0; i < 20; i++) {
    calls.push(increment());
    await sleep(1);
  }
  const receipt = await reloading;
  expect(receipt).toMatchObject({ state: "moved", old: { memoryBytes: 2 * 65536 } });
  expect(await receipt.old.collected).toMatchObject({ reclaimed: true, memories: 2 });
  for (const call of calls) expect(await call).toBeGreaterThan(0);
  expect(before.reduce((sum, n) => sum + n, 0)).toBe(2);
});

test("worker-sync has workers for calls that imports make of their own module", async () => {
  const imports = { "demo:poke/host": { poke: (n: number) => void (n > 1 && inner.push(module.exports.run(n - 1))) } };
  const inner: number[] = [];
  const options = { name: "p", imports, isolation: "worker-sync", instances: 2 } as const;
  const module: Any = await host().load(await poker(), options);
  expect(module.exports.run(2)).toBe(2);
  expect(inner).toEqual([1]);
  expect(() => module.exports.run(3)).toThrow("import-threw");
});

test("what an unload cuts short is rejected with an UnloadedError", async () => {
  const { module } = await gated();
  const calls = [1, 2, 3].map((value) => caught(module.exports.run(value)));
  const receipt = await module.unload({ force: true });
  expect(receipt.cut).toEqual([{ kind: "call", owner: "p", count: 3 }]);
  for (const call of calls) expect(await call).toBeInstanceOf(UnloadedError);
});

test.each([
  ["a forced unload", (module: Any) => module.unload({ force: true })],
  ["the end of the host", (_: Any, here: Host) => here.close().then(([receipt]) => receipt!)],
])("%s ends a worker that hangs at once: nothing is waited for", async (_, end) => {
  const here = host();
  const module: Any = await here.load(await hanging(), { name: "hanging", isolation: "worker" });
  const call = caught(module.exports.spin());
  await sleep(20);
  // Whoever waits for a deadline waits for ever: the clock stands.
  const now = performance.now() + 2;
  const clock = vi.spyOn(performance, "now").mockReturnValue(now);
  const receipt = await end(module, here).finally(() => clock.mockRestore());
  expect(await call).toBeInstanceOf(UnloadedError);
  expect(receipt).toMatchObject({ teardown: "failed", cut: [{ kind: "call", owner: "hanging", count: 1 }] });
  expect(receipt.errors.map(String)).toEqual([
    "UnloadedError: Did not call tenon:module/teardown#before-unload: the worker is at a call, and is ended",
  ]);
  expect(await receipt.collected).toMatchObject({ reclaimed: true });
});

test("a worker ends its endless call by the limit that it was given", async () => {
  const options = { name: "loop", isolation: "worker", limits: { timeoutMs: 50 } } as const;
  const module: Any = await host().load(await loop(), options);
  expect(await module.exports.fine()).toBe(1);
  expect(module.usage()).toMatchObject({ memoryBytes: 65_536, fuel: expect.any(Number) });
  const error = await caught(module.exports.spin());
  expect(error).toBeInstanceOf(LimitError);
  expect(error).toMatchObject({ limit: "timeout", allowed: 50, trap: "limit-exceeded" });
  expect(error.message).not.toContain("worker was ended");
  expect(module.state).toBe("trapped");
  await module.reload();
  expect(await module.exports.fine()).toBe(1);
});

test("a worker that is silent past its limit is ended without being asked", async () => {
  // It waits in an import for an answer that never comes: no code of its own runs that could look at a clock.
  const imports = { "demo:poke/host": { poke: () => new Promise(() => {}) } };
  const options = { name: "p", imports, isolation: "worker", limits: { timeoutMs: 50 } } as const;
  const module: Any = await host().load(await poker(), options);
  const error = await caught(module.exports.run(1));
  expect(error).toBeInstanceOf(LimitError);
  expect(error).toMatchObject({ limit: "timeout", allowed: 50, module: "p", export: "run" });
  expect(error.message).toContain(
    "no end within 50 ms, but waiting for the import demo:poke/host#poke; the worker was ended",
  );
  expect(module.trap).toBe(error);
  expect(await (await module.unload()).collected).toMatchObject({ reclaimed: true });
});

test("worker-sync: a thread that waits for a silent worker goes on when the limit has passed", async () => {
  let ended = 0;
  const engine = workerEngine({ cannotWait: undefined, cannotBlock: undefined, start: silent(() => ended++) });
  const content = { body: await loop(), limits: { maxBytes: Infinity } };
  const recipe = { isolation: "worker-sync", limits: { timeoutMs: 20 } } as const;
  const component = await (await engine.open(content, recipe, nodePlatform)).prepare("loop");
  const traps: unknown[] = [];
  const instance = await component.start({}, { onTrap: (trap) => traps.push(trap) });
  const { spin } = instance.exports as { spin(): void };
  expect(spin).toThrow(LimitError);
  expect(spin).toThrow(UnloadedError);
  expect(traps).toEqual([instance.trap]);
  expect([instance.state, ended]).toEqual(["trapped", 1]);
});

/** A worker that starts and says nothing ever after. */
function silent(ended: () => void): Threads["start"] {
  return (_, { reply }) => ({
    post([kind]) {
      if (kind !== "start") return;
      queueMicrotask(() => reply(["prepared", []]));
      queueMicrotask(() => reply(["started", { memoryBytes: 65_536 }, 1]));
    },
    answer: () => {},
    hold: () => {},
    wait(timeoutMs) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeoutMs);
      return undefined;
    },
    terminate: async () => ended(),
  });
}

/** `spin` never ends; it wants to be told before it is unloaded. */
function hanging(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (core module $m (func (export "spin") (loop $l (br $l))) (func (export "before")))
    (core instance $i (instantiate $m))
    (func (export "spin") (canon lift (core func $i "spin")))
    (func $before (canon lift (core func $i "before")))
    (instance $teardown (export "before-unload" (func $before)))
    (export "tenon:module/teardown" (instance $teardown)))`);
}

function fail(): never {
  throw new Error("not again");
}
