/** What the host tells of itself: diagnostics channels, and tracks of the developer tools. Node only: pages have no channels. */
import { AsyncLocalStorage } from "node:async_hooks";
import diagnostics from "node:diagnostics_channel";
import { PerformanceObserver, type PerformanceMeasure } from "node:perf_hooks";
import { afterEach, describe, expect, test } from "vitest";
import { type ObservedCall, TrapError } from "../../../host/node/index.ts";
import { math, poker, twice } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

type Told = [event: string, context: Record<string, unknown>];

const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
});

/** Subscribes to what an operation tells. */
function listen(operation: string): Told[] {
  const told: Told[] = [];
  for (const event of ["start", "end", "asyncStart", "asyncEnd", "error"]) {
    const name = `tracing:tenon:${operation}:${event}`;
    const heard = (context: unknown): void => void told.push([event, context as Record<string, unknown>]);
    diagnostics.subscribe(name, heard);
    ending.push(() => diagnostics.unsubscribe(name, heard));
  }
  return told;
}

function heard(name: string): unknown[] {
  const told: unknown[] = [];
  const listener = (message: unknown): void => void told.push(message);
  diagnostics.subscribe(name, listener);
  ending.push(() => diagnostics.unsubscribe(name, listener));
  return told;
}

const events = (told: readonly Told[]): string[] => told.map(([event]) => event);
const HASH = expect.stringMatching(/^[0-9a-f]{64}$/);

test("an observer that throws fails alone: the call and the other observers go on", async () => {
  const here = host();
  const module: Any = await here.load(await math(), { name: "math" });
  const seen: ObservedCall[] = [];
  here.observe(() => {
    throw Object.create(null);
  });
  here.observe((call) => seen.push(call));
  const watchers = process.rawListeners("uncaughtException") as ((...args: unknown[]) => void)[];
  process.removeAllListeners("uncaughtException");
  const uncaught: unknown[] = [];
  process.on("uncaughtException", (error) => uncaught.push(error));
  try {
    expect(module.exports.api.add(1, 2)).toBe(3);
    await sleep(5);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const watcher of watchers) process.on("uncaughtException", watcher);
  }
  expect(seen.map(({ export: path }) => path)).toEqual(["demo:math/api@1.0.0#add"]);
  expect(uncaught).toHaveLength(1);
});

describe("diagnostics_channel", () => {
  test("tenon:load, tenon:reload and tenon:unload tell of the module from its beginning to its end", async () => {
    const [loads, reloads, unloads] = [listen("load"), listen("reload"), listen("unload")];
    const module: Any = await host().load(await math(), { name: "math" });
    expect(events(loads)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(loads[0]![1]).toEqual({ module: "math", hash: HASH });
    await module.reload(await math({ bias: 1 }));
    expect(events(reloads)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(reloads[0]![1]).toEqual({ module: "math", from: HASH, hash: HASH });
    await module.unload();
    expect(events(unloads)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(unloads[0]![1]).toEqual({ module: "math", hash: HASH });
  });

  test("tenon:load tells what failed, and of several that are loaded together", async () => {
    const loads = listen("load");
    const error = await caught(host().load(new Uint8Array(3)));
    expect(events(loads)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    expect(loads[2]![1]).toEqual({ error });
    loads.length = 0;
    await host().loadAll([
      { source: await twice(), name: "twice" },
      { source: await math(), name: "math" },
    ]);
    expect(loads[0]![1]).toEqual({ modules: ["twice", "math"] });
  });

  test("tenon:call tells of calls and what they threw, never of arguments or results, and of linked modules too", async () => {
    const here = host();
    await here.load(await math(), { name: "math" });
    const user: Any = await here.load(await twice(), { name: "twice" });
    const calls = listen("call");
    expect(user.exports.api.twice(21)).toBe(42);
    expect(calls.map(([event, { module }]) => `${event} ${String(module)}`)).toEqual([
      ...["start twice", "start math", "end math", "end twice"],
    ]);
    expect(JSON.stringify(calls)).not.toMatch(/21|42/);
    expect(Object.keys(calls[0]![1])).toEqual(["module", "export"]);
    calls.length = 0;
    const trap = ((): unknown => {
      try {
        return (here.require("math") as Any).exports.api.boom();
      } catch (error) {
        return error;
      }
    })();
    expect(events(calls)).toEqual(["start", "error", "end"]);
    expect(calls[1]![1]).toEqual({ module: "math", export: "demo:math/api@1.0.0#boom", error: trap });
    expect(trap).toBeInstanceOf(TrapError);
  });

  test("a store that is bound to tenon:call is the one that imports see", async () => {
    const storage = new AsyncLocalStorage<string>();
    const start = diagnostics.channel("tracing:tenon:call:start");
    const seen: unknown[] = [];
    const imports = { "demo:poke/host": { poke: () => void seen.push(storage.getStore()) } };
    const module: Any = await host().load(await poker(), { name: "poker", imports });
    module.exports.run(1);
    start.bindStore(storage, (context) => (context as { export: string }).export);
    module.exports.run(1);
    start.unbindStore(storage);
    module.exports.run(1);
    expect(seen).toEqual([undefined, "run", undefined]);
  });

  test("tenon:import tells of the imports of instances that are made while somebody listens", async () => {
    const told = listen("import");
    const failure = new Error("Out");
    const imports = {
      "demo:poke/host": {
        poke: () => {
          throw failure;
        },
      },
    };
    const module: Any = await host().load(await poker(), { name: "poker", imports });
    expect(() => module.exports.run(1)).toThrow(/Out/);
    expect(events(told)).toEqual(["start", "error", "end"]);
    expect(told[0]![1]).toEqual({ module: "poker", import: "demo:poke/host#poke", error: failure });
  });

  test("tenon:trap and tenon:restart tell what the host's events do", async () => {
    const [traps, restarts] = [heard("tenon:trap"), heard("tenon:restart")];
    const module: Any = await host().load(await math(), { name: "math", onTrap: "restart" });
    expect(() => module.exports.api.boom()).toThrow(TrapError);
    for (let i = 0; i < 1_000 && restarts.length === 0; i++) await sleep(1);
    expect(traps).toEqual([{ module: "math", error: expect.any(TrapError) }]);
    expect(restarts).toEqual([{ module: "math", attempt: 1 }]);
  });

  test("tenon:exit tells that a guest has ended itself with success", async () => {
    const [traps, exits] = [heard("tenon:trap"), heard("tenon:exit")];
    // As `tenon/wasi` throws it.
    const poke = (): never => {
      throw Object.assign(new Error("Done"), { code: "exit", exitCode: 0 });
    };
    const module: Any = await host().load(await poker(), { name: "poker", imports: { "demo:poke/host": { poke } } });
    expect(() => module.exports.run(1)).toThrow(/^Exit in "poker", export "run": Done$/);
    await sleep(0);
    expect([traps, exits]).toEqual([[], [{ module: "poker", error: expect.objectContaining({ trap: "exit" }) }]]);
  });

  test("nothing stands in front of a function before somebody subscribes, and after the last one has gone", async () => {
    let frames = 0;
    const poke = (): void => {
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 100;
      frames = new Error().stack!.split("\n").length;
      Error.stackTraceLimit = stackTraceLimit;
    };
    const module: Any = await host().load(await poker(), { name: "poker", imports: { "demo:poke/host": { poke } } });
    const { run } = module.exports;
    const framesOfCall = (): number => {
      run(1);
      return frames;
    };
    const before = framesOfCall();
    const told = listen("call");
    expect(framesOfCall()).toBeGreaterThan(before);
    expect(told).toHaveLength(2);
    for (const end of ending.splice(0)) end();
    expect(framesOfCall()).toBe(before);
    expect(told).toHaveLength(2);
  });
});

test("profile puts loads, reloads, unloads and calls on the module's track, and keeps none of it", async () => {
  const seen: { name: string; detail: unknown }[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as PerformanceMeasure[])
      seen.push({ name: entry.name, detail: entry.detail });
  });
  observer.observe({ entryTypes: ["measure"] });
  const module: Any = await host({ profile: true }).load(await math(), { name: "math" });
  expect(module.exports.api.add(1, 2)).toBe(3);
  await module.reload(await math({ bias: 1 }));
  expect(module.exports.api.add(1, 2)).toBe(4);
  await module.unload();
  await sleep(20);
  observer.disconnect();
  const ours = seen.filter(({ name }) => name.startsWith("tenon: "));
  expect(ours.map(({ name }) => name)).toEqual(
    ["load math", "demo:math/api@1.0.0#add", "reload math", "demo:math/api@1.0.0#add", "unload math"].map(
      (name) => `tenon: ${name}`,
    ),
  );
  for (const { detail } of ours) {
    expect(detail).toMatchObject({ devtools: { dataType: "track-entry", track: "math", trackGroup: "tenon" } });
  }
  expect(performance.getEntriesByType("measure").filter(({ name }) => name.startsWith("tenon: "))).toEqual([]);
});
