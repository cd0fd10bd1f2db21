/**
 * Calls that wait in this thread, by JavaScript Promise Integration. Node 20 and 22 have none: there only the refusal is
 * tested, and the rest in the page and in newer Nodes (`npm run test:matrix`).
 */
import { describe, expect, test } from "vitest";
import {
  ComponentError,
  compile,
  type Instance,
  LimitError,
  LowerError,
  TrapError,
  UnloadedError,
  UnsupportedError,
  UsageError,
} from "../../../host/node/index.ts";
import { loop } from "../worker/fixtures.ts";
import { chain, component, counter, inPage, keeper, math, poker, stubborn, things, twice } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

const JSPI = { jspi: true } as const;
const has = "Suspending" in WebAssembly;

/** A promise that is settled from outside. */
function valve<T = void>(): { readonly promise: Promise<T>; open(value: T): void; fail(error: unknown): void } {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** A module that calls `poke` at the host, and what it was called with. */
async function poking(poke: (value: number) => unknown, options: object = {}): Promise<Any> {
  const imports = { "demo:poke/host": { poke } };
  return (await host().load(await poker(), { name: "p", imports, ...JSPI, ...options } as object)) as Any;
}

test.runIf(!has)("host.load refuses jspi where the engine has none, and says what to do instead", async () => {
  const error = await caught(host().load(await math(), { name: "math", ...JSPI }));
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.feature).toBe("jspi");
  expect(error.message).toContain('load with isolation: "worker"');
});

test("host.load refuses jspi with workers, and what is no flag", async () => {
  const bytes = await math();
  const refused = (options: object): Promise<any> => caught(host().load(bytes, { ...JSPI, ...options } as object));
  expect(await refused({ isolation: "worker" })).toBeInstanceOf(UsageError);
  expect((await refused({ instances: 2, isolation: "worker" })).message).toContain("leave jspi out, or isolation");
  expect((await refused({ instances: 0 })).message).toContain(
    "Expected instances to be an integer of at least 1, got 0",
  );
  expect((await refused({ jspi: 1 })).message).toContain("Expected jspi to be true or false, got 1");
});

test("limits.yieldMs is refused without jspi, which it needs", async () => {
  const error = await caught(host().load(await math(), { name: "math", limits: { yieldMs: 5 } }));
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toContain("limits.yieldMs needs jspi: true");
});

describe.runIf(has)("with jspi", () => {
  test("every export returns a promise of what it returns without, also where nothing waits", async () => {
    const module: Any = await host().load(await math(), { name: "math", ...JSPI });
    const sum = module.exports.api.add(1, 2);
    expect(sum).toBeInstanceOf(Promise);
    await expect(sum).resolves.toBe(3);
    expect(await Promise.all([1, 2, 3].map((n) => module.exports.api.add(n, n)))).toEqual([2, 4, 6]);
    await module.exports.api.grow(1);
    expect(module.info()).toMatchObject({ state: "live", memoryBytes: 2 * 65536, calls: 5 });
  });

  test("a host's option jspi is the default of its modules", async () => {
    const here = host({ jspi: true });
    const waiting: Any = await here.load(await math(), { name: "waiting" });
    expect(waiting.exports.api.add(1, 1)).toBeInstanceOf(Promise);
    const plain: Any = await here.load(await math({ bias: 1 }), { name: "plain", jspi: false });
    expect(plain.exports.api.add(1, 1)).toBe(3);
  });

  test("the same bytes load with and without: each has its own text", async () => {
    const here = host();
    const bytes = await math();
    const plain: Any = await here.load(bytes, { name: "plain" });
    const waiting: Any = await here.load(bytes, { name: "waiting", ...JSPI });
    expect(plain.exports.api.add(2, 3)).toBe(5);
    expect(await waiting.exports.api.add(2, 3)).toBe(5);
    expect(plain.exports.api.add(2, 3)).toBe(5);
  });

  test("compile: instances on their own whose exports return promises and whose imports may", async () => {
    const wait = valve();
    const component = await compile(await poker(), { name: "p", jspi: true });
    const imports = { "demo:poke/host": { poke: () => wait.promise } };
    using instance: Instance<any> = await component.instantiate(imports as object);
    const call = instance.exports.run(3);
    expect(instance).toMatchObject({ depth: 1, memoryBytes: 65536, state: "live" });
    wait.open();
    expect(await call).toBe(3);
    const other: Instance<any> = component.instantiateSync({
      "demo:poke/host": { poke: () => new Promise(() => {}) },
    } as object);
    const cut = caught(other.exports.run(4));
    expect(other.dispose()).toMatchObject({ memoryBytes: 65536 });
    expect(await cut).toBeInstanceOf(UnloadedError);
    expect(other.state).toBe("unloaded");
  });

  test("an import may return a promise, for which the guest is suspended while the program goes on", async () => {
    const wait = valve();
    const seen: number[] = [];
    const module = await poking(async (value) => {
      await wait.promise;
      seen.push(value);
    });
    const call = module.exports.run(7);
    await sleep(5);
    expect(seen).toEqual([]);
    expect(module.info().activity).toEqual([{ kind: "call", owner: "p", count: 1 }]);
    wait.open();
    expect(await call).toBe(7);
    expect(seen).toEqual([7]);
    expect(module.info().activity).toEqual([]);
  });

  test("an import that returns a value suspends nothing: the call has ended when it returns", async () => {
    const order: string[] = [];
    const module = await poking(() => void order.push("import"));
    const call = module.exports.run(1);
    order.push("after");
    expect(order).toEqual(["import", "after"]);
    expect(module.info().activity).toEqual([]);
    expect(await call).toBe(1);
  });

  test("an import's thenable is waited for as a promise is", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
    const module = await poking(() => ({ then: (resolve: (value: unknown) => void) => setTimeout(resolve, 1) }));
    expect(await module.exports.run(5)).toBe(5);
  });

  test("calls are made one at a time, in their order, also while the first one waits", async () => {
    const waits = [valve(), valve(), valve()];
    const seen: number[] = [];
    const module = await poking((value) => {
      seen.push(value);
      return waits[value]!.promise;
    });
    const calls = [0, 1, 2].map((value) => module.exports.run(value));
    expect(seen).toEqual([0]);
    expect(module.info().activity).toEqual([{ kind: "call", owner: "p", count: 3 }]);
    waits[2]!.open();
    waits[0]!.open();
    expect(await calls[0]).toBe(0);
    expect(seen).toEqual([0, 1]);
    waits[1]!.open();
    expect(await Promise.all(calls)).toEqual([0, 1, 2]);
    expect(seen).toEqual([0, 1, 2]);
  });

  test("a call beyond the queue is refused with the code queue-full, and the others are served", async () => {
    const wait = valve();
    const module = await poking(() => wait.promise, { queue: 1 });
    const calls = [module.exports.run(0), module.exports.run(1)];
    expect(await caught(module.exports.run(2))).toMatchObject({ code: "queue-full" });
    wait.open();
    expect(await Promise.all(calls)).toEqual([0, 1]);
  });

  test("a call that waits has the arguments with which it was made", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (core func $wait (canon lower (func $wait)))
      (core module $m
        (import "h" "wait" (func $wait))
        (memory (export "memory") 1)
        (func (export "wait") (call $wait))
        (func (export "sum") (param i32 i32) (result i32) (local $sum i32)
          (loop $l (if (local.get 1) (then
            (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get 0))))
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
            (br $l))))
          (local.get $sum))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
      (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
      (alias core export $i "memory" (core memory $memory))
      (alias core export $i "realloc" (core func $realloc))
      (func (export "wait") (canon lift (core func $i "wait")))
      (func (export "sum") (param "bytes" (list u8)) (result u32)
        (canon lift (core func $i "sum") (memory $memory) (realloc $realloc))))`);
    const wait = valve();
    const module: Any = await host().load(bytes, { name: "s", imports: { wait: () => wait.promise }, ...JSPI });
    const waiting = module.exports.wait();
    const typed = new Uint8Array([1, 2, 3]);
    const plain = [4, 5];
    const calls = [module.exports.sum(typed), module.exports.sum(plain), module.exports.sum(Buffer3())];
    typed.fill(9);
    plain[0] = 9;
    wait.open();
    await waiting;
    expect(await Promise.all(calls)).toEqual([6, 9, 7]);
  });

  test("arguments that do not fit are refused at once, also while another call waits, and harm nothing", async () => {
    const wait = valve();
    const module = await poking(() => wait.promise);
    const call = module.exports.run(1);
    const error = await caught(module.exports.run("x"));
    expect(error).toBeInstanceOf(LowerError);
    expect(error.path).toBe("value");
    wait.open();
    expect(await call).toBe(1);
    expect(await caught(module.exports.run())).toBeInstanceOf(LowerError);
    expect(await module.exports.run(2)).toBe(2);
  });

  test.each([
    ["throws", (error: Error) => () => Promise.reject(error)],
    [
      "throws at once",
      (error: Error) => () => {
        throw error;
      },
    ],
  ])(
    "an import that %s is a trap whose cause is the program's own error; calls that wait are refused",
    async (_, of) => {
      const own = new Error("no");
      const module = await poking(of(own));
      const calls = [1, 2].map((value) => caught((async () => module.exports.run(value))()));
      const error = await calls[0]!;
      expect(error).toBeInstanceOf(TrapError);
      expect(error).toMatchObject({ trap: "import-threw", export: "run" });
      expect(error.cause).toBe(own);
      expect(module.state).toBe("trapped");
      expect(module.trap).toBe(error);
      const other = await calls[1]!;
      expect(other).toBeInstanceOf(UnloadedError);
      expect(other.cause).toBe(error);
    },
  );

  test("an import gives err by a rejection with a ComponentError, and what fits no type is a trap", async () => {
    const here = host();
    const poke = async (): Promise<void> => {
      throw new ComponentError(undefined);
    };
    const bytes = await poker("result");
    const err: Any = await here.load(bytes, { name: "err", imports: { "demo:poke/host": { poke } }, ...JSPI });
    expect(await err.exports.run(3)).toBe(3);
    const imports = { "demo:math/api@1.0.0": { add: async () => "x" } };
    const wrong: Any = await here.load(await twice(), { name: "wrong", imports, ...JSPI } as object);
    const error = await caught(wrong.exports["demo:twice/api@1.0.0"].twice(1));
    expect(error).toMatchObject({ name: "TrapError", trap: "import-threw" });
  });

  test("err is a ComponentError with its payload, and locks nothing", async () => {
    const module: Any = await host().load(await counter({ restore: "refuse" }), { name: "counter", ...JSPI });
    const error = await caught(module.exports.state.restore(new Uint8Array()));
    expect(error).toBeInstanceOf(ComponentError);
    expect(error.payload).toBe("refused");
    expect(module.state).toBe("live");
  });

  test("a trap is the same TrapError as without: no frame of the host's stands in it", async () => {
    const here = host();
    const bytes = await math();
    const plain: Any = await here.load(bytes, { name: "plain" });
    const module: Any = await here.load(bytes, { name: "math", ...JSPI });
    const error = await caught(module.exports.api.boom());
    const same = await caught((async () => plain.exports.api.boom())());
    expect({ ...error, module: "plain" }).toEqual({ ...same });
    expect(error.frames).toHaveLength(1);
    expect(await caught((async () => module.exports.api.add(1, 2))())).toMatchObject({ name: "TrappedError" });
  });

  test("a call that an import makes of its own module is refused, and nothing hangs", async () => {
    const refused: unknown[] = [];
    const module: Any = await poking(async () => void refused.push(await caught(module.exports.run(2))));
    expect(await module.exports.run(1)).toBe(1);
    expect(refused).toMatchObject([{ name: "TrapError", trap: "cannot-enter-component" }]);
    expect(module.state).toBe("live");
  });

  test("a call that an import makes of its own module after it has waited waits for itself, which timeoutMs ends", async () => {
    const inner: Promise<unknown>[] = [];
    const again = async (): Promise<void> => {
      await sleep(1);
      inner.push(caught(module.exports.run(2)));
      await inner[0];
    };
    const module: Any = await poking(again, { limits: { timeoutMs: 50 } });
    expect(await caught(module.exports.run(1))).toMatchObject({ name: "LimitError", limit: "timeout" });
    expect(await inner[0]).toBeInstanceOf(UnloadedError);
  });

  test("an import that is exported again returns a promise too, and is checked as every export is", async () => {
    const bytes = await component(`(component
      (import "get" (func $get (param "a" u8) (result u8)))
      (export "again" (func $get)))`);
    const module: Any = await host().load(bytes, { name: "r", imports: { get: (it: number) => it + 1 }, ...JSPI });
    const call = module.exports.again(1);
    expect(call).toBeInstanceOf(Promise);
    expect(await call).toBe(2);
    expect(await caught(module.exports.again(256))).toBeInstanceOf(LowerError);
  });

  test("resources of the guest: made, called, passed, and dropped when the call under way has ended", async () => {
    const here = host();
    const module: Any = await here.load(await things({ bias: 5 }), { name: "things", ...JSPI });
    const { Thing, peek, live } = module.exports.api;
    const made = new Thing(1);
    expect(made).toBeInstanceOf(Promise);
    const thing = await made;
    expect(thing).toBeInstanceOf(Thing);
    expect(await thing.value()).toBe(6);
    expect(await peek(thing)).toBe(1006);
    expect(await live()).toBe(1);
    thing[Symbol.dispose]();
    expect(await live()).toBe(0);
    expect(await caught(peek(thing))).toBeInstanceOf(LowerError);
  });

  test("modules import from each other: from those in this thread, and from those whose calls wait", async () => {
    const here = host();
    await here.load(await chain("a:a/a@1.0.0"), { name: "plain" });
    await here.load(await chain("b:b/b@1.0.0", "a:a/a@1.0.0"), { name: "waiting", ...JSPI });
    const top: Any = await here.load(await chain("c:c/c@1.0.0", "b:b/b@1.0.0", "a:a/a@1.0.0"), {
      name: "top",
      ...JSPI,
    });
    expect(await top.exports["c:c/c@1.0.0"].f()).toBe(4);
    const error = await caught(here.load(await chain("d:d/d@1.0.0", "b:b/b@1.0.0"), { name: "refused" }));
    expect(error).toMatchObject({ name: "LinkError" });
    expect(error.message).toContain(
      'its calls return promises; load this one with isolation: "worker" or jspi: true too',
    );
    const made: Any = await here.load(await things({ bias: 2 }), { name: "things", ...JSPI });
    const keeping: Any = await here.load(await keeper(), { name: "keeper", ...JSPI });
    expect(await keeping.exports.keep(5)).toBe(7);
    expect(await keeping.exports.ask()).toBe(7);
    expect(await made.exports.api.live()).toBe(1);
    await keeping.exports.dropIt();
    expect(await made.exports.api.live()).toBe(0);
  });

  test("an unload is refused while a call waits, waits for it with drain, and cuts it with force", async () => {
    const wait = valve();
    const module = await poking(() => wait.promise);
    const calls = [caught(module.exports.run(1)), caught(module.exports.run(2))];
    const refused = await caught(module.unload());
    expect(refused).toMatchObject({ name: "StillRunningError", activity: [{ kind: "call", owner: "p", count: 2 }] });
    const receipt = await module.unload({ force: true });
    expect(receipt).toMatchObject({ cut: [{ kind: "call", owner: "p", count: 2 }], errors: [] });
    for (const call of calls) expect(await call).toBeInstanceOf(UnloadedError);
    // What it waited for comes to nobody.
    wait.open();
    await sleep(1);
    const other = valve();
    const drained = await poking(() => other.promise);
    const call = drained.exports.run(3);
    const unloading = drained.unload({ drain: 60_000 });
    other.open();
    expect(await call).toBe(3);
    expect(await unloading).toMatchObject({ cut: [] });
  });

  test("a reload hands the state over while calls come, and none is lost", async () => {
    const module: Any = await host().load(await counter(), { name: "counter", ...JSPI });
    const { increment } = module.exports.api;
    const calls: Promise<number>[] = [];
    const reloading = module.reload(await counter({ step: 100 }));
    let reloaded = false;
    void reloading.then(() => (reloaded = true));
    while (!reloaded) {
      calls.push(increment(), increment());
      await sleep(0);
    }
    calls.push(increment());
    expect(await reloading).toMatchObject({ state: "moved", old: { memoryBytes: 65536, errors: [] } });
    const values = await Promise.all(calls);
    const steps = values.map((value, i) => value - (values[i - 1] ?? 0));
    expect(new Set(steps)).toEqual(new Set([1, 100]));
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });

  test("a call that waits when a new version is swapped in ends on the old one", async () => {
    const wait = valve();
    const module = await poking(() => wait.promise);
    const call = module.exports.run(1);
    const reloading = module.reload();
    await sleep(5);
    wait.open();
    expect(await call).toBe(1);
    await reloading;
    expect(await module.exports.run(2)).toBe(2);
  });

  test("teardown and restarts: the life cycle waits for the guest's own functions", async () => {
    const notes: number[] = [];
    const imports = { "demo:counter/host": { note: async (value: number) => void notes.push(value) } };
    const bytes = await counter({ teardown: "note" });
    const module: Any = await host().load(bytes, { name: "counter", imports, ...JSPI } as object);
    await module.exports.api.increment();
    expect(await module.unload()).toMatchObject({ teardown: "ran", errors: [] });
    expect(notes).toEqual([1]);
    const again: Any = await host().load(await math(), { name: "math", onTrap: "restart", ...JSPI });
    await caught(again.exports.api.boom());
    while (again.state !== "live") await sleep(1);
    expect(await again.exports.api.add(1, 1)).toBe(2);
  });

  test("limits.timeoutMs covers what is waited for, and locks the instance", async () => {
    const module = await poking(() => new Promise(() => undefined), { limits: { timeoutMs: 20 } });
    const calls = [1, 2].map((value) => caught(module.exports.run(value)));
    const error = await calls[0]!;
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "timeout", allowed: 20, export: "run" });
    expect(await calls[1]!).toBeInstanceOf(UnloadedError);
    expect(module.state).toBe("trapped");
  });

  test("limits.cpuMs stands while an import is waited for", async () => {
    // On a busy machine the guest's few steps may take some tenths of a second too.
    const module = await poking(() => sleep(1200), { limits: { cpuMs: 1000 } });
    expect(await module.exports.run(1)).toBe(1);
    expect(module.state).toBe("live");
  });

  test("Module.with: a signal ends a call that waits, and one that waits for its turn, with its reason", async () => {
    const wait = valve();
    const module = await poking(() => wait.promise, { limits: { timeoutMs: Number.POSITIVE_INFINITY } });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = module.exports.run(1);
    const queued = caught(module.with({ signal: first.signal }).exports.run(2) as Promise<unknown>);
    const reason = new Error("enough");
    first.abort(reason);
    expect(await queued).toBe(reason);
    expect(await caught(module.with({ signal: first.signal }).exports.run(3) as Promise<unknown>)).toBe(reason);
    wait.open();
    expect(await running).toBe(1);
    expect(module.state).toBe("live");
    const endless = await poking(() => new Promise(() => undefined), { limits: { timeoutMs: 60_000 } });
    const call = caught(endless.with({ signal: second.signal }).exports.run(1) as Promise<unknown>);
    second.abort(reason);
    expect(await call).toBe(reason);
    expect(endless.trap).toMatchObject({ name: "LimitError", limit: "signal" });
    expect(await caught(poking(() => undefined).then((it) => it.with({ signal: second.signal })))).toBeInstanceOf(
      UsageError,
    );
  });

  test("a call that waits for its turn until its timeoutMs is refused, and the instance serves on", async () => {
    const wait = valve();
    const seen: number[] = [];
    const poke = (value: number): Promise<void> => (seen.push(value), wait.promise);
    const module = await poking(poke, { limits: { timeoutMs: Number.POSITIVE_INFINITY } });
    const running = module.exports.run(1);
    const error = await caught(module.with({ timeoutMs: 10 }).exports.run(2) as Promise<unknown>);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "timeout", allowed: 10, module: "p", export: "run" });
    expect(error.message).toBe('Did not call export "run" of "p": its turn did not come within 10 ms');
    wait.open();
    expect(await running).toBe(1);
    expect(await module.exports.run(3)).toBe(3);
    expect(seen).toEqual([1, 3]);
    expect(module.state).toBe("live");
  });

  test("a call that has begun after a wait is given up at its timeoutMs, counted from when it was made; the guest goes on", async () => {
    const waits = [valve(), valve()];
    const ended: number[] = [];
    const poke = (value: number): Promise<unknown> => waits[value]!.promise.then(() => ended.push(value));
    const module = await poking(poke, { limits: { timeoutMs: Number.POSITIVE_INFINITY } });
    const first = module.exports.run(0);
    // The second begins after most of its time, and waits on until its caller has been told.
    const second = caught(module.with({ timeoutMs: 1_500 }).exports.run(1) as Promise<unknown>);
    await sleep(1_000);
    waits[0]!.open();
    expect(await first).toBe(0);
    const error = await second;
    expect(error).toBeInstanceOf(LimitError);
    expect(error.message).toContain("the guest goes on under its own limit");
    expect(module.info()).toMatchObject({ state: "live", activity: [{ kind: "call", owner: "p", count: 1 }] });
    waits[1]!.open();
    expect(await module.exports.run(0)).toBe(0);
    expect(ended).toEqual([0, 1, 0]);
  });

  test("limits of a call that waits are its own: another module's calls run under theirs meanwhile", async () => {
    const here = host();
    const wait = valve();
    const imports = { "demo:poke/host": { poke: () => wait.promise } };
    const limits = { timeoutMs: 60_000, fuel: 1_000_000 };
    const slow: Any = await here.load(await poker(), { name: "slow", imports, limits, ...JSPI } as object);
    const other: Any = await here.load(await math(), { name: "math", limits: { timeoutMs: 60_000 } });
    const call = slow.exports.run(1);
    expect(other.exports.api.add(1, 2)).toBe(3);
    wait.open();
    expect(await call).toBe(1);
    expect(other.exports.api.add(1, 2)).toBe(3);
    expect(slow.usage().fuel).toBeGreaterThan(0);
  });

  test("limits.yieldMs: the program goes on while a call computes, which a signal ends", async () => {
    const limits = { yieldMs: 2 };
    const module: Any = await host().load(await loop(), { name: "loop", limits, ...JSPI });
    const controller = new AbortController();
    const call = caught(module.with({ signal: controller.signal }).exports.spin() as Promise<unknown>);
    const waiting = module.exports.fine();
    for (let turn = 0; turn < 5; turn++) await sleep(1);
    expect(module.info().activity).toEqual([{ kind: "call", owner: "loop", count: 2 }]);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(await caught(waiting)).toBeInstanceOf(UnloadedError);
  });

  test("limits.yieldMs: a call that yields gives what it gives without, and timeoutMs and fuel count on", async () => {
    const here = host();
    const sum = await component(`(component
      (core module $m (memory (export "memory") 1)
        (func (export "sum") (param i32) (result i32) (local $sum i32)
          (loop $l
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (local.get 0)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get $sum)))
      (core instance $i (instantiate $m))
      (func (export "sum") (param "n" u32) (result u32) (canon lift (core func $i "sum"))))`);
    const limits = { fuel: Number.POSITIVE_INFINITY };
    const plain: Any = await here.load(sum, { name: "plain", limits });
    const module: Any = await here.load(sum, { name: "yielding", limits: { ...limits, yieldMs: 0.5 }, ...JSPI });
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    expect(await module.exports.sum(20_000_000)).toBe(plain.exports.sum(20_000_000));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(module.usage().fuel).toBe(plain.usage().fuel);
    const late: Any = await here.load(await loop(), { name: "late", limits: { yieldMs: 1, timeoutMs: 20 }, ...JSPI });
    expect(await caught(late.exports.spin())).toMatchObject({ limit: "timeout", allowed: 20 });
  });

  test("a guest that catches everything is ended all the same, where it waits", async () => {
    const poke = (): Promise<void> => new Promise(() => undefined);
    const imports = { "demo:poke/host": { poke } };
    const module: Any = await host().load(await stubborn(), { name: "s", imports, ...JSPI } as object);
    const call = caught(module.exports.run(1));
    await module.unload({ force: true });
    expect(await call).toBeInstanceOf(UnloadedError);
  });

  // A page has no room for a thousand memories.
  test.skipIf(inPage)(
    "a call is refused while 1,000 are suspended, whose modules go on",
    { timeout: 120_000 },
    async () => {
      const here = host();
      const wait = valve();
      const bytes = await poker();
      const load = async (name: string): Promise<Any> =>
        (await here.load(bytes, {
          name,
          imports: { "demo:poke/host": { poke: () => wait.promise } },
          ...JSPI,
        } as object)) as Any;
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 1000; i++) calls.push((await load(`p${i}`)).exports.run(i));
      const other = await load("other");
      expect(await caught(other.exports.run(1))).toMatchObject({ code: "too-many-suspended" });
      wait.open();
      expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i));
      expect(await other.exports.run(1)).toBe(1);
    },
  );
});

/** A view into a larger buffer, where there is such a class the platform's own. */
function Buffer3(): Uint8Array {
  const bytes = new Uint8Array([0, 3, 4, 0]).subarray(1, 3);
  return "Buffer" in globalThis ? (globalThis as any).Buffer.from(bytes) : bytes;
}
