/**
 * Several instances of a module in this thread: while one waits, another serves. Node 20 and 22 have no JavaScript Promise
 * Integration: there these tests are skipped, and run in the page and in newer Nodes (`npm run test:matrix`).
 */
import { describe, expect, test } from "vitest";
import { LimitError, LowerError, TenonError, TrapError, UnloadedError } from "../../../host/node/index.ts";
import { loop, onceStarted } from "../worker/fixtures.ts";
import { component, counter, keeper, math, poker, things } from "./fixtures.ts";
import { type Any, caught, gate, host, sleep, until } from "./support.ts";

const TWO = { jspi: true, instances: 2 } as const;

async function poking(poke: (value: number) => unknown, options: object = {}): Promise<Any> {
  const imports = { "demo:poke/host": { poke } };
  return (await host().load(await poker(), { name: "p", imports, ...TWO, ...options } as object)) as Any;
}

async function gated(options: object = {}): Promise<{ module: Any; at: ReturnType<typeof gate> }> {
  const at = gate();
  return { module: await poking(at.poke, options), at };
}

describe.runIf("Suspending" in WebAssembly)("instances in this thread, with jspi", () => {
  test("while one instance's call waits, another serves; the rest wait in their order", async () => {
    const { module, at } = await gated();
    const calls = [1, 2, 3, 4].map((value) => module.exports.run(value));
    expect(at.inside).toEqual([1, 2]);
    await sleep(5);
    expect(at.inside).toEqual([1, 2]);
    expect(module.info()).toMatchObject({
      activity: [{ kind: "call", owner: "p", count: 4 }],
      memoryBytes: 2 * 65536,
    });
    at.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4]);
    expect(at.inside).toEqual([1, 2, 3, 4]);
    expect(module.info().activity).toEqual([]);
  });

  test("a call that waits for nothing takes no second instance, and has ended when it returns", async () => {
    const module: Any = await host().load(await counter(), { name: "counter", ...TWO });
    const { increment } = module.exports.api;
    const calls = [increment(), increment(), increment()];
    expect(module.info().activity).toEqual([]);
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
  });

  test("a call beyond the queue is refused with the code queue-full, and the others are served", async () => {
    const { module, at } = await gated({ queue: 1 });
    const calls = [1, 2, 3].map((value) => module.exports.run(value));
    const refused = await caught(module.exports.run(4));
    expect(refused).toBeInstanceOf(TenonError);
    expect(refused).toMatchObject({ code: "queue-full", name: "QueueFullError" });
    expect(refused.message).toBe('Cannot call export "run" of "p": 1 calls wait already, and no instance is free');
    at.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
  });

  test("arguments that do not fit are refused at once, also where no instance is free, and harm nothing", async () => {
    const { module, at } = await gated();
    const calls = [1, 2, 3].map((value) => module.exports.run(value));
    const error = await caught(module.exports.run("x"));
    expect(error).toBeInstanceOf(LowerError);
    expect(error.path).toBe("value");
    at.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(await caught(module.exports.run())).toBeInstanceOf(LowerError);
    expect(await module.exports.run(5)).toBe(5);
  });

  test("a call that waits for an instance has the arguments with which it was made", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (core func $wait (canon lower (func $wait)))
      (core module $m
        (import "h" "wait" (func $wait))
        (memory (export "memory") 1)
        (func (export "wait") (call $wait))
        (func (export "first") (param i32 i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
      (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
      (alias core export $i "memory" (core memory $memory))
      (alias core export $i "realloc" (core func $realloc))
      (func (export "wait") (canon lift (core func $i "wait")))
      (func (export "first") (param "bytes" (list u8)) (result u32)
        (canon lift (core func $i "first") (memory $memory) (realloc $realloc))))`);
    const at = gate();
    const module: Any = await host().load(bytes, { name: "f", imports: { wait: () => at.poke(0) }, ...TWO });
    const waiting = [module.exports.wait(), module.exports.wait()];
    const typed = new Uint8Array([7]);
    const call = module.exports.first(typed);
    typed.fill(9);
    at.open();
    await Promise.all(waiting);
    expect(await call).toBe(7);
  });

  test("an instance that traps is replaced while the others serve, and the module stays live", async () => {
    const inside: number[] = [];
    let open: () => void = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const module = await poking((value) => {
      inside.push(value);
      if (value === 0) throw new Error("no");
      return opened;
    });
    const results = [1, 0, 2, 3].map((value) => module.exports.run(value).catch((error: unknown) => error));
    expect(await results[1]).toBeInstanceOf(TrapError);
    expect(module.state).toBe("live");
    await until(() => inside.length === 3);
    open();
    expect(await Promise.all([results[0], results[2], results[3]])).toEqual([1, 2, 3]);
    for (let i = 0; i < 5; i++) expect(await caught(module.exports.run(0))).toBeInstanceOf(TrapError);
    expect(await module.exports.run(4)).toBe(4);
    const receipt = await module.unload();
    expect(receipt.errors).toEqual([]);
  });

  test("when no instance can be put in the place of those that trapped, the module is trapped", async () => {
    const at = { starts: 0 };
    const once = (): void => {
      if (++at.starts > 2) throw new Error("not again");
    };
    const imports = { "demo:once/host": { once } };
    const module: Any = await host().load(await onceStarted(), { name: "once", imports, ...TWO });
    await Promise.allSettled([module.exports.boom(), module.exports.boom()]);
    await until(() => module.state === "trapped");
    expect(module.trap).toMatchObject({ name: "TrapError", trap: "unreachable" });
    expect(() => module.exports.boom()).toThrow(UnloadedError);
  });

  test("an instance that does not start fails the load, and ends the others", async () => {
    const at = { starts: 0 };
    const once = (): void => {
      if (++at.starts > 1) throw new Error("not again");
    };
    const here = host();
    const options = { name: "once", imports: { "demo:once/host": { once } }, ...TWO };
    const error = await caught(here.load(await onceStarted(), options as object));
    expect(error).toMatchObject({ name: "TrapError", trap: "import-threw" });
    expect(here.manifest()).toEqual([]);
  });

  test("resources are used where they live, are of the module's class, and are gone with their instance alone", async () => {
    const module: Any = await host().load(await things({ bias: 0 }), { name: "things", ...TWO });
    const { Thing, peek, live } = module.exports.api;
    const all = await Promise.all([1, 2, 3, 4].map((value) => new Thing(value)));
    for (const thing of all) expect(thing).toBeInstanceOf(Thing);
    expect(await Promise.all(all.map((thing) => thing.value()))).toEqual([1, 2, 3, 4]);
    expect(await Promise.all(all.map((thing) => peek(thing)))).toEqual([1001, 1002, 1003, 1004]);
    all[0][Symbol.dispose]();
    expect(await caught(peek(all[0]))).toBeInstanceOf(LowerError);
    expect(await live()).toBe(3);
    const receipt = await module.unload({ force: true });
    expect(receipt.guestResourcesCut).toBe(3);
    expect(receipt.cut).toEqual([{ kind: "resource", owner: "thing", count: 3 }]);
    expect(await caught(all[1].value())).toBeInstanceOf(UnloadedError);
  });

  test("a method waits for the instance that has its resource, also while another is free", async () => {
    const at = gate();
    const module: Any = await host().load(await waitingThings(), { name: "w", imports: { wait: at.poke }, ...TWO });
    const { Thing } = module.exports;
    const first = await new Thing(1);
    const waits = first.wait();
    const second = await new Thing(2);
    const value = first.value();
    expect(await second.value()).toBe(2);
    expect(module.info().activity).toContainEqual({ kind: "call", owner: "w", count: 2 });
    at.open();
    await waits;
    expect(await value).toBe(1);
    const error = await caught(Thing.both(first, second));
    expect(error).toBeInstanceOf(LowerError);
    expect(error.message).toContain("a thing of another instance");
  });

  test("resources of an instance that has trapped are refused with the trap as the cause", async () => {
    const imports = { wait: (value: number) => value === 7 && fail() };
    const module: Any = await host().load(await waitingThings(), { name: "w", imports, ...TWO });
    const { Thing } = module.exports;
    const thing = await new Thing(7);
    const trap = await caught(thing.wait());
    expect(trap).toMatchObject({ name: "TrapError", trap: "import-threw" });
    const refused = await caught(thing.value());
    expect(refused).toBeInstanceOf(UnloadedError);
    expect(refused.cause).toBe(trap);
    expect(await (await new Thing(3)).value()).toBe(3);
  });

  test("modules import resources from one that has several instances", async () => {
    const here = host();
    const made: Any = await here.load(await things({ bias: 2 }), { name: "things", ...TWO });
    const keeping: Any = await here.load(await keeper(), { name: "keeper", ...TWO });
    expect(await keeping.exports.keep(5)).toBe(7);
    expect(made.info().activity).toEqual([{ kind: "resource", owner: "thing", count: 1 }]);
    const thing = await keeping.exports.give();
    expect(thing).toBeInstanceOf(made.exports.api.Thing);
    expect(await thing.value()).toBe(7);
    expect(await keeping.exports.take(thing)).toBe(7);
    expect(made.info().activity).toEqual([]);
    expect(keeping.info().uses).toEqual(["things"]);
  });

  test("a reload rolls through all instances with no call lost, and hands over the state of each", async () => {
    const module: Any = await host().load(await counter({ restore: "take" }), { name: "counter", ...TWO });
    const { increment } = module.exports.api;
    const calls: Promise<number>[] = [increment(), increment()];
    const reloading = module.reload(await counter({ step: 10 }));
    let reloaded = false;
    void reloading.then(() => (reloaded = true));
    while (!reloaded) {
      calls.push(increment(), increment());
      await sleep(0);
    }
    const receipt = await reloading;
    expect(receipt).toMatchObject({ state: "moved", old: { memoryBytes: 2 * 65536, errors: [] } });
    const values = await Promise.all(calls);
    expect(values.every((value) => value > 0)).toBe(true);
    expect(await increment()).toBeGreaterThan(10);
  });

  test("calls that wait when a new version is swapped in end on the old one, and are counted until then", async () => {
    const { module, at } = await gated();
    const calls = [1, 2, 3].map((value) => module.exports.run(value));
    const reloading = module.reload();
    await sleep(5);
    at.open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    await reloading;
    expect(await module.exports.run(4)).toBe(4);
  });

  test("a call that an import makes of its own module is made in another instance, and refused when all wait", async () => {
    const outcomes: unknown[] = [];
    const module: Any = await poking((value) => {
      if (value === 0) return undefined;
      // Not waited for within the import: only the beginning of the call falls into it.
      outcomes.push(caught(module.exports.run(value - 1)));
      return undefined;
    });
    expect(await module.exports.run(2)).toBe(2);
    const [refused] = await Promise.all(outcomes as Promise<any>[]).then((all) => all.filter(Boolean));
    expect(refused).toMatchObject({ name: "TrapError", trap: "cannot-enter-component" });
    expect(refused.message).toContain("called from an import that the module's instances wait for");
    expect(module.state).toBe("live");
  });

  test("an unload is refused while calls wait, and by force ends all instances with one receipt", async () => {
    const { module } = await gated();
    const calls = [1, 2, 3].map((value) => caught(module.exports.run(value)));
    expect(await caught(module.unload())).toMatchObject({ name: "StillRunningError" });
    const receipt = await module.unload({ force: true });
    expect(receipt).toMatchObject({
      memoryBytes: 2 * 65536,
      cut: [{ kind: "call", owner: "p", count: 3 }],
      errors: [],
    });
    for (const call of calls) expect(await call).toBeInstanceOf(UnloadedError);
    expect(module.usage()).toEqual({ memoryBytes: 0 });
  });

  test("each instance has its teardown called, unless a call of it is cut short", async () => {
    const notes: number[] = [];
    const imports = { "demo:counter/host": { note: (value: number) => void notes.push(value) } };
    const bytes = await counter({ teardown: "note" });
    const module: Any = await host().load(bytes, { name: "counter", imports, ...TWO } as object);
    await module.exports.api.increment();
    expect(await module.unload()).toMatchObject({ teardown: "ran", errors: [] });
    expect(notes.toSorted()).toEqual([0, 1]);
  });

  test("usage sums what the instances take, and limits are each instance's own", async () => {
    const limits = { timeoutMs: 60_000, memoryBytes: 2 * 65536 };
    const module: Any = await host().load(await math(), { name: "math", limits, ...TWO });
    await module.exports.api.add(1, 2);
    expect(module.usage()).toMatchObject({ memoryBytes: 2 * 65536, fuel: expect.any(Number) });
    await module.exports.api.grow(1);
    expect(module.usage().memoryBytes).toBe(3 * 65536);
    const spinning: Any = await host().load(await loop(), { name: "loop", limits: { timeoutMs: 20 }, ...TWO });
    expect(await caught(spinning.exports.spin())).toMatchObject({ limit: "timeout", allowed: 20 });
    expect(spinning.state).toBe("live");
    expect(await spinning.exports.fine()).toBe(1);
  });

  test("Module.with: a signal ends the call that waits and one that waits for an instance, with its reason", async () => {
    const { module, at } = await gated({ limits: { timeoutMs: Number.POSITIVE_INFINITY } });
    const [first, second] = [new AbortController(), new AbortController()];
    const reason = new Error("enough");
    const waits = caught(module.with({ signal: first.signal }).exports.run(1) as Promise<unknown>);
    const other = module.exports.run(2);
    const queued = caught(module.with({ signal: second.signal }).exports.run(3) as Promise<unknown>);
    second.abort(reason);
    expect(await queued).toBe(reason);
    first.abort(reason);
    expect(await waits).toBe(reason);
    expect(module.state).toBe("live");
    expect(await caught(module.with({ timeoutMs: 5 }).exports.run(4) as Promise<unknown>)).toBeInstanceOf(LimitError);
    at.open();
    expect(await other).toBe(2);
    const unlimited = await poking(() => undefined);
    expect(() => unlimited.with({ timeoutMs: 5 })).toThrow("load p with limits.timeoutMs");
  });
});

function fail(): never {
  throw new Error("no");
}

/** Things of a value: `wait` calls the import with it, `both` takes two of them. */
function waitingThings(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "wait" (func $wait (param "value" u32)))
    (core func $wait (canon lower (func $wait)))
    (type $thing' (resource (rep i32)))
    (export $thing "thing" (type $thing'))
    (core func $new (canon resource.new $thing'))
    (core module $m
      (import "h" "wait" (func $wait (param i32)))
      (import "h" "new" (func $new (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "wait") (param i32) (call $wait (local.get 0)))
      (func (export "value") (param i32) (result i32) (local.get 0))
      (func (export "both") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait)) (export "new" (func $new))))))
    (func (export "[constructor]thing") (param "value" u32) (result (own $thing)) (canon lift (core func $i "make")))
    (func (export "[method]thing.wait") (param "self" (borrow $thing)) (canon lift (core func $i "wait")))
    (func (export "[method]thing.value") (param "self" (borrow $thing)) (result u32) (canon lift (core func $i "value")))
    (func (export "[static]thing.both") (param "a" (borrow $thing)) (param "b" (borrow $thing)) (result u32)
      (canon lift (core func $i "both"))))`);
}
