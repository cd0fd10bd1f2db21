/** Traps and what follows: events, the fail and restart policies, back-off, the circuit breaker, background errors. */
import { expect, test } from "vitest";
import {
  attempt,
  type CallResult,
  ComponentError,
  LowerError,
  TrapError,
  TrappedError,
  UnloadedError,
  UsageError,
  type Host,
  type ImportScope,
  type ObservedCall,
} from "../../../host/node/index.ts";
import { component, counter, inPage, math, poker, things, twice } from "./fixtures.ts";
import { observed } from "../../../host/module/exports/slots.ts";
import { type Any, caught, host, sleep } from "./support.ts";

function thrownBy(call: () => unknown): any {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++) await sleep(1);
  expect(condition()).toBe(true);
}

function log(here: Host): string[] {
  const events: string[] = [];
  for (const event of [
    "loaded",
    "reloaded",
    "reload-failed",
    "trapped",
    "restarted",
    "restart-given-up",
    "unloaded",
  ] as const) {
    here.on(event, ({ module }) => events.push(`${event} ${module}`));
  }
  return events;
}

test("a trap is one event, after the failing call; the module stays locked until a reload", async () => {
  const here = host();
  const events = log(here);
  const module: Any = await here.load(await math(), { name: "math" });
  const { add, boom } = module.exports.api;
  expect(() => boom()).toThrow(TrapError);
  // Listeners do not run on top of the call.
  expect(events).toEqual(["loaded math"]);
  expect(() => boom()).toThrow(UnloadedError);
  expect(() => add(1, 2)).toThrow(UnloadedError);
  await sleep(0);
  expect(events).toEqual(["loaded math", "trapped math"]);
  expect(module.state).toBe("trapped");
  expect(module.trap).toBeInstanceOf(TrapError);
  expect(module.info()).toMatchObject({ state: "trapped", traps: 1, restarts: 0 });
  await module.reload();
  expect(add(1, 2)).toBe(3);
  await module.unload();
  expect(events.slice(2)).toEqual(["reloaded math", "unloaded math"]);
});

test("attempt gives faults as values and lets mistakes of the program through", async () => {
  const here = host();
  const module: Any = await here.load(await math(), { name: "math" });
  const { add, boom } = module.exports.api;
  expect(attempt(() => add(1, 2))).toEqual({ ok: true, value: 3 });
  expect(() => attempt(() => add("1", 2))).toThrow(LowerError);
  expect(() => attempt(() => module.require("nope"))).toThrow(UsageError);
  expect(() =>
    attempt(() => {
      throw new RangeError("mine");
    }),
  ).toThrow(RangeError);
  expect(
    attempt(() => {
      throw new ComponentError("refused");
    }),
  ).toMatchObject({ ok: false, error: { payload: "refused" } });
  expect(attempt(() => boom())).toMatchObject({ ok: false, error: { trap: "unreachable", module: "math" } });
  expect(attempt(() => add(1, 2))).toMatchObject({ ok: false, error: { code: "trapped", retryAfterMs: undefined } });
  await module.unload();
  expect(attempt(() => add(1, 2))).toMatchObject({ ok: false, error: { code: "unloaded" } });
});

test("attempt awaits what a call promises, and gives its failure as a value too", async () => {
  const outcome: Promise<CallResult<number>> = attempt(() => Promise.resolve(5));
  expect(outcome).toBeInstanceOf(Promise);
  expect(await outcome).toEqual({ ok: true, value: 5 });
  expect(await attempt(() => Promise.reject(new ComponentError("refused")))).toMatchObject({
    ok: false,
    error: { payload: "refused" },
  });
  await expect(attempt(() => Promise.reject(new UsageError("mine")))).rejects.toThrow("mine");
  await expect(attempt(async () => thrownBy(() => undefined))).rejects.toThrow("Nothing was thrown");
});

test("an observed call that returns a promise ends with it, and fails when it is rejected", async () => {
  const seen: ObservedCall[] = [];
  const observer = { module: "m", report: (call: ObservedCall) => void seen.push(call) };
  const later = observed((value: unknown) => sleep(30).then(() => value), "later", observer);
  const failing = observed(() => sleep(30).then(() => Promise.reject(new Error("Late"))), "failing", observer);
  const [first, second] = [later(7), caught(failing() as Promise<unknown>)];
  expect(seen).toEqual([]);
  expect(await first).toBe(7);
  expect((await second).message).toBe("Late");
  expect(seen.map(({ export: path, error }) => [path, String(error)])).toEqual([
    ["later", "undefined"],
    ["failing", "Error: Late"],
  ]);
  for (const { durationMs } of seen) expect(durationMs).toBeGreaterThan(25);
});

test("restart puts a fresh instance in place, and handles serve it", async () => {
  const here = host();
  const events = log(here);
  const module: Any = await here.load(await counter(), { name: "counter", onTrap: { delayMs: 1 } });
  const { increment, boom } = module.exports.api;
  increment();
  increment();
  expect(() => boom()).toThrow(TrapError);
  expect(() => increment()).toThrow(UnloadedError);
  await until(() => module.state === "live");
  expect(increment()).toBe(1);
  await sleep(0);
  expect(events).toEqual(["loaded counter", "trapped counter", "restarted counter"]);
  expect(module.info()).toMatchObject({ state: "live", traps: 1, restarts: 1, reloads: 0 });
  expect(module.trap).toBeUndefined();
});

test("the host's policy is the default of its modules", async () => {
  const here = host({ onTrap: "restart" });
  const eager: Any = await here.load(await math(), { name: "eager" });
  const plain: Any = await here.load(await math(), { name: "plain", onTrap: "fail" });
  for (const { exports } of [eager, plain]) expect(() => exports.api.boom()).toThrow(TrapError);
  await until(() => eager.state === "live");
  expect(plain.state).toBe("trapped");
});

test("a restart after calls that were served comes at once, however many there have been", async () => {
  const here = host();
  const events = log(here);
  const onTrap = { delayMs: 60_000, maxRestarts: 1 };
  const module: Any = await here.load(await math(), { name: "math", onTrap });
  const { add, boom } = module.exports.api;
  for (let i = 1; i <= 20; i++) {
    expect(add(i, 1)).toBe(i + 1);
    expect(() => boom()).toThrow(TrapError);
    const refused = thrownBy(() => add(1, 2));
    expect(refused).toBeInstanceOf(TrappedError);
    expect(refused).toMatchObject({ code: "trapped", retryAfterMs: 0, cause: { trap: "unreachable" } });
    await until(() => module.state === "live");
    expect(module.info().restarts).toBe(i);
  }
  expect(events).not.toContain("restart-given-up math");
});

test("restarts that do not help wait, each longer than the one before, and end; errors say when and that", async () => {
  const here = host();
  const events = log(here);
  const restartedAt: number[] = [];
  here.on("restarted", () => restartedAt.push(performance.now()));
  const onTrap = { delayMs: 10, factor: 4, maxRestarts: 4, windowMs: 60_000 };
  const module: Any = await here.load(await math(), { name: "math", onTrap });
  const { boom, add } = module.exports.api;
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    const trappedAt = performance.now();
    expect(() => boom()).toThrow(TrapError);
    const refused = thrownBy(() => add(1, 2));
    expect(refused.message).toMatch(
      /^Cannot call demo:math\/api@1\.0\.0#add of module math: it has trapped and will be tried again in \d+ ms$/,
    );
    // What is left of the wait, however long the machine took to get here.
    const wait = [0, 10, 40, 160][i]!;
    expect(refused.retryAfterMs).toBeLessThanOrEqual(wait);
    expect(refused.retryAfterMs).toBeGreaterThanOrEqual(Math.max(0, wait - (performance.now() - trappedAt) - 1));
    await until(() => restartedAt.length === i + 1);
    waits.push(restartedAt[i]! - trappedAt);
  }
  for (const [i, least] of [0, 9, 39, 159].entries()) expect(waits[i]).toBeGreaterThanOrEqual(least);
  expect(() => boom()).toThrow(TrapError);
  expect(thrownBy(() => add(1, 2))).toMatchObject({
    code: "trapped",
    retryAfterMs: undefined,
    message:
      "Cannot call demo:math/api@1.0.0#add of module math: it has trapped and was given up after 4 restarts in a row; reload it",
  });
  await sleep(5);
  expect(events.at(-1)).toBe("restart-given-up math");
  expect(module.state).toBe("trapped");
  // A reload closes the circuit again.
  await module.reload();
  expect(add(1, 2)).toBe(3);
  expect(() => boom()).toThrow(TrapError);
  await until(() => module.state === "live");
});

test("objects of an instance that trapped and was replaced say so", async () => {
  const here = host({ onTrap: "restart" });
  const module: Any = await here.load(await things({ dtor: "trap" }), { name: "things" });
  const { Thing } = module.exports.api;
  const [first, second] = [new Thing(1), new Thing(2)];
  expect(() => first[Symbol.dispose]()).toThrow(TrapError);
  await until(() => module.state === "live");
  expect(() => second.value()).toThrow(/it belongs to the instance that trapped and was replaced at \d{4}-/);
});

test("a restart that cannot be made is tried again, then given up", async () => {
  let open = true;
  const here = host();
  const events = log(here);
  const imports = (): object => {
    if (!open) throw new Error("Closed");
    return {
      "demo:poke/host": {
        poke: () => {
          throw new Error("Out");
        },
      },
    };
  };
  const onTrap = { delayMs: 1, factor: 1, maxRestarts: 3 };
  const module: Any = await here.load(await poker(), { name: "poker", imports, onTrap });
  open = false;
  expect(() => module.exports.run(1)).toThrow(/Out/);
  await until(() => events.includes("restart-given-up poker"));
  expect(module.state).toBe("trapped");
  expect(module.info()).toMatchObject({ traps: 1, restarts: 0 });
  open = true;
  await module.reload();
  expect(module.state).toBe("live");
});

test("a pending restart is called off by an unload or a reload", async () => {
  const here = host();
  const events = log(here);
  const module: Any = await here.load(await math(), { name: "math", onTrap: { delayMs: 200 } });
  // The first restart comes at once; the second one waits.
  const trapTwice = async (): Promise<void> => {
    const { restarts } = module.info();
    expect(() => module.exports.api.boom()).toThrow(TrapError);
    await until(() => module.info().restarts > restarts && module.state === "live");
    expect(() => module.exports.api.boom()).toThrow(TrapError);
  };
  const next = await math({ bias: 7 });
  await trapTwice();
  await module.reload(next);
  await sleep(300);
  expect(module.exports.api.add(0, 0)).toBe(7);
  await trapTwice();
  await module.unload();
  await sleep(300);
  expect(events.filter((event) => event.startsWith("restarted"))).toHaveLength(2);
});

test("a dependent that is restarted finds its provider again", async () => {
  const here = host({ onTrap: { delayMs: 1 } });
  const provider: Any = await here.load(await math(), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  expect(() => provider.exports.api.boom()).toThrow(TrapError);
  expect(() => user.exports.api.twice(1)).toThrow(/threw/);
  await until(() => provider.state === "live" && user.state === "live");
  expect(user.exports.api.twice(2)).toBe(4);
});

test("a trap in a resource's method or destructor counts like any other", async () => {
  const here = host();
  const events = log(here);
  const module: Any = await here.load(await things({ dtor: "trap" }), { name: "things" });
  const thing = new module.exports.api.Thing(1);
  expect(() => thing[Symbol.dispose]()).toThrow(TrapError);
  expect(module.state).toBe("trapped");
  await sleep(0);
  expect(events).toContain("trapped things");
  expect((await module.unload()).cut).toEqual([]);
});

test.skipIf(inPage)(
  "background work that fails is an event with its owner; without a listener it stays an unhandled rejection",
  async () => {
    const here = host();
    const failures: string[] = [];
    const stop = here.on("background-error", ({ module, owner, error }) =>
      failures.push(`${module} ${owner} ${String(error)}`),
    );
    const imports = (scope: ImportScope): object => ({
      "demo:poke/host": {
        poke: (value: number) => {
          if (value === 1) return Promise.reject(new Error("Lost"));
          scope.setTimeout(
            () => {
              throw new Error("Late");
            },
            1,
            "ticker",
          );
          return undefined;
        },
      },
    });
    const module: Any = await here.load(await poker(), { name: "poker", imports });
    module.exports.run(1);
    module.exports.run(2);
    await until(() => failures.length === 2);
    expect(failures.sort()).toEqual(["poker demo:poke/host#poke Error: Lost", "poker ticker Error: Late"]);
    expect(module.info().activity).toEqual([]);
    stop();
    // Vitest watches for unhandled rejections, so the last part runs with its watchers set aside.
    const watchers = process.rawListeners("unhandledRejection") as ((...args: unknown[]) => void)[];
    process.removeAllListeners("unhandledRejection");
    const unhandled: unknown[] = [];
    process.once("unhandledRejection", (error) => unhandled.push(error));
    module.exports.run(1);
    await sleep(5);
    for (const watcher of watchers) process.on("unhandledRejection", watcher);
    expect(unhandled).toHaveLength(1);
  },
);

test("an import with a result may not return a promise: that is a fault, not background work", async () => {
  const module: Any = await host().load(await component(asking), {
    name: "value",
    imports: { "demo:poke/host": { ask: async () => 5 } },
  });
  expect(() => module.exports.run()).toThrow(/ask.*Promise|expected u32/i);
  expect(module.state).toBe("trapped");
});

const asking = `(component
    (import "demo:poke/host" (instance $host (export "ask" (func (result u32)))))
    (core func $ask (canon lower (func $host "ask")))
    (core module $m (import "host" "ask" (func $ask (result i32))) (memory (export "memory") 1)
      (func (export "run") (result i32) (call $ask)))
    (core instance $i (instantiate $m (with "host" (instance (export "ask" (func $ask))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))`;

test("imports of result<_, E> may return promises as well", async () => {
  let settle!: () => void;
  const imports = { "demo:poke/host": { poke: () => new Promise<void>((resolve) => (settle = resolve)) } };
  const module: Any = await host().load(await poker("result"), { name: "poker", imports });
  expect(module.exports.run(3)).toBe(3);
  expect(module.info().activity).toEqual([{ kind: "promise", owner: "demo:poke/host#poke", count: 1 }]);
  settle();
  await sleep(0);
  expect(module.info().activity).toEqual([]);
});

test.skipIf(inPage)("a listener that throws fails alone", async () => {
  const here = host();
  const seen: string[] = [];
  here.on("loaded", () => {
    throw new Error("Listener");
  });
  here.on("loaded", ({ module }) => seen.push(module));
  const listeners = process.rawListeners("uncaughtException") as ((...args: unknown[]) => void)[];
  process.removeAllListeners("uncaughtException");
  const uncaught: unknown[] = [];
  process.once("uncaughtException", (error) => uncaught.push(error));
  await here.load(await math(), { name: "math" });
  await sleep(5);
  for (const listener of listeners) process.on("uncaughtException", listener);
  expect(seen).toEqual(["math"]);
  expect(uncaught.map(String)).toEqual(["Error: Listener"]);
});
