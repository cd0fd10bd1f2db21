/** A module in a worker: its calls, its faults, its versions and its end. */
import { expect, test } from "vitest";
import { ComponentError, LowerError, TrapError, UnloadedError, UsageError } from "../../../host/node/index.ts";
import { component, counter, math, things, twice } from "../host/fixtures.ts";
import { type Any, caught, host, sleep } from "../host/support.ts";

const WORKER = { isolation: "worker" } as const;

test("every export of a module in a worker returns a promise of what it returns in this thread", async () => {
  const module: Any = await host().load(await math(), { name: "math", ...WORKER });
  const sum = module.exports.api.add(1, 2);
  expect(sum).toBeInstanceOf(Promise);
  await expect(sum).resolves.toBe(3);
  expect(await Promise.all([1, 2, 3].map((n) => module.exports.api.add(n, n)))).toEqual([2, 4, 6]);
  await module.exports.api.grow(1);
  expect(module.info()).toMatchObject({ state: "live", memoryBytes: 2 * 65536, calls: 5 });
});

test("arguments are as they were when the call was made", async () => {
  const module: Any = await host().load(await lists(), { name: "lists", ...WORKER });
  const bytes = new Uint8Array(100_000).fill(7);
  const item = { name: "a", numbers: [1, 2] };
  const calls = [module.exports.echo(bytes), module.exports.echoItem(item)];
  bytes.fill(0);
  item.name = "b";
  expect(await calls[0]).toEqual(new Uint8Array(100_000).fill(7));
  expect(await calls[1]).toEqual({ name: "a", numbers: new Uint32Array([1, 2]) });
  expect(bytes.length).toBe(100_000);
  // What a clone would not take of an object: getters, and what it inherits.
  class Item {
    get name(): string {
      return "inherited";
    }
    numbers = new Proxy([3], {});
  }
  expect(await module.exports.echoItem(new Item())).toEqual({ name: "inherited", numbers: new Uint32Array([3]) });
});

test.each([
  ["a string for a number", ["x", 1], 'got "x"'],
  ["nothing", [], "got undefined"],
  ["a function", [() => 1, 1], "got a function"],
  ["a symbol", [Symbol("s"), 1], "got Symbol(s)"],
])(
  "a value that does not fit, %s, is a LowerError that says where, and the module serves on",
  async (_, args, words) => {
    const module: Any = await host().load(await math(), { name: "math", ...WORKER });
    const error = await caught(module.exports.api.add(...args));
    expect(error).toBeInstanceOf(LowerError);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ path: "a", code: "lower" });
    expect(error.message).toContain(words);
    expect(await module.exports.api.add(2, 2)).toBe(4);
  },
);

test("a function deep in a value is a LowerError too", async () => {
  const module: Any = await host().load(await lists(), { name: "lists", ...WORKER });
  const error = await caught(module.exports.echoItem({ name: "a", numbers: [1, () => 2] }));
  expect(error).toMatchObject({ name: "LowerError", path: "item.numbers[1]" });
  expect(await module.exports.echoItem({ name: "a", numbers: [] })).toEqual({ name: "a", numbers: new Uint32Array() });
});

test("err is a ComponentError with its payload, and locks nothing", async () => {
  const module: Any = await host().load(await counter({ restore: "refuse" }), { name: "counter", ...WORKER });
  const error = await caught(module.exports.state.restore(new Uint8Array()));
  expect(error).toBeInstanceOf(ComponentError);
  expect(error.payload).toBe("refused");
  expect(module.state).toBe("live");
});

test("a trap is the same TrapError as in this thread, locks the module, and ends its worker", async () => {
  const here = host();
  const [bytes, events] = [await math(), [] as unknown[]];
  here.on("trapped", ({ error }) => events.push(error));
  const plain: Any = await here.load(bytes, { name: "plain" });
  const module: Any = await here.load(bytes, { name: "math", ...WORKER });
  const error = await caught(module.exports.api.boom());
  const same = await caught((async () => plain.exports.api.boom())());
  expect(error).toBeInstanceOf(TrapError);
  expect({ ...error, module: "plain" }).toEqual({ ...same });
  expect(error.frames).toHaveLength(1);
  expect(error.stack).toContain("wasm-function");
  expect(module.state).toBe("trapped");
  expect(module.trap).toBe(error);
  const refused = await caught((async () => module.exports.api.add(1, 2))());
  expect(refused).toMatchObject({ name: "TrappedError", cause: error });
  expect(events).toEqual([error, same]);
});

test("calls that wait when the instance traps are refused, with the trap as their cause", async () => {
  const module: Any = await host().load(await math(), { name: "math", ...WORKER });
  const [boom, ...others] = ["boom", "calls", "calls"].map((name) => caught(module.exports.api[name]()));
  const trap = await boom;
  for (const other of others) {
    const error = await other!;
    expect(error).toBeInstanceOf(UnloadedError);
    expect(error.cause).toBe(trap);
  }
});

test("a trap is answered by the restart policy", async () => {
  const module: Any = await host().load(await math(), { name: "math", onTrap: "restart", ...WORKER });
  await caught(module.exports.api.boom());
  while (module.state !== "live") await sleep(1);
  expect(await module.exports.api.add(1, 1)).toBe(2);
  expect(module.info()).toMatchObject({ traps: 1, restarts: 1 });
});

test("a start function that traps fails the load, and leaves nothing", async () => {
  const here = host();
  const error = await caught(here.load(await counter({ start: "trap" }), { name: "counter", ...WORKER }));
  expect(error).toMatchObject({ name: "TrapError", trap: "unreachable" });
  expect(here.manifest()).toEqual([]);
});

test("a reload hands the state over to another worker, and no call is lost", async () => {
  const module: Any = await host().load(await counter(), { name: "counter", ...WORKER });
  const { increment } = module.exports.api;
  const calls: Promise<number>[] = [];
  for (let i = 0; i < 5; i++) calls.push(increment());
  const reloading = module.reload(await counter({ step: 100 }));
  let reloaded = false;
  void reloading.then(() => (reloaded = true));
  while (!reloaded) calls.push(await increment());
  const receipt = await reloading;
  expect(receipt).toMatchObject({ state: "moved", old: { memoryBytes: 65536, errors: [] } });
  expect(await receipt.old.collected).toMatchObject({ reclaimed: true, memories: 1 });
  const values = await Promise.all(calls);
  const steps = values.map((value, i) => value - (values[i - 1] ?? 0));
  expect(new Set(steps)).toEqual(new Set([1, 100]));
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
});

test("an unload ends the worker: the receipt says what went, and that its memory is gone", async () => {
  const module: Any = await host().load(await counter({ teardown: "trap" }), { name: "counter", ...WORKER });
  const { increment } = module.exports.api;
  await increment();
  const receipt = await module.unload();
  expect(receipt).toMatchObject({ memoryBytes: 65536, teardown: "failed", cut: [] });
  expect(receipt.errors).toMatchObject([{ name: "TrapError", trap: "unreachable" }]);
  expect(await receipt.collected).toEqual({
    ...{ reclaimed: true, memories: 1, pending: 0, waitedMs: 0, asked: false, holders: [] },
  });
  expect(() => increment()).toThrow(UnloadedError);
});

test("resources of the guest live in the worker: made, called, passed, dropped and cut", async () => {
  const module: Any = await host().load(await things({ bias: 5 }), { name: "things", ...WORKER });
  const { Thing, peek, live } = module.exports.api;
  const made = new Thing(1);
  expect(made).toBeInstanceOf(Promise);
  const [one, two] = [await made, await Thing.make(2)];
  expect(one).toBeInstanceOf(Thing);
  expect([await one.value(), await two.value(), await peek(two)]).toEqual([6, 7, 1007]);
  expect(await live()).toBe(2);
  two[Symbol.dispose]();
  expect(await live()).toBe(1);
  expect(await caught(peek(two))).toMatchObject({ name: "LowerError", path: "it" });
  expect((await caught(peek(two))).message).toContain("dropped or given away");
  expect(await caught(peek({}))).toMatchObject({ name: "LowerError", path: "it" });
  expect(module.info().activity).toEqual([{ kind: "resource", owner: "thing", count: 1 }]);
  const receipt = await module.unload({ force: true });
  expect(receipt.guestResourcesCut).toBe(1);
  expect(await caught(one.value())).toBeInstanceOf(UnloadedError);
});

test("a destructor that traps locks the module", async () => {
  const module: Any = await host().load(await things({ dtor: "trap" }), { name: "things", ...WORKER });
  const thing = await new module.exports.api.Thing(1);
  thing[Symbol.dispose]();
  expect(await caught(thing.value())).toBeInstanceOf(Error);
  while (module.state === "live") await sleep(1);
  expect(module.trap).toMatchObject({ name: "TrapError", trap: "unreachable" });
});

test("a module in this thread cannot import from one whose calls return promises, and is told so", async () => {
  const here = host();
  await here.load(await math(), { name: "math", ...WORKER });
  const error = await caught(here.load(await twice(), { name: "twice" }));
  expect(error).toMatchObject({ name: "LinkError" });
  expect(error.message).toContain('load this one with isolation: "worker" or jspi: true too');
});

test("host.load refuses what isolation cannot be: a place that does not exist, no whole number of workers", async () => {
  const here = host();
  const bytes = await math();
  const load = (options: object): Promise<Error> => caught(here.load(bytes, options));
  expect((await load({ isolation: "process" })).message).toBe(
    'Expected isolation to be "thread", "worker" or "worker-sync", got process',
  );
  expect(await load({ instances: 0 })).toBeInstanceOf(UsageError);
  expect(await load({ isolation: "worker", instances: 1.5 })).toBeInstanceOf(UsageError);
  expect(await load({ instances: 2 })).toBeInstanceOf(UsageError);
  expect((await load({ instances: 2 })).message).toContain(
    'instances: 2 needs jspi: true or isolation: "worker": in this thread one call ends before the next begins',
  );
});

/** Echoes a list of bytes, and a record of a string and numbers. */
function lists(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (core module $m
      (memory (export "memory") 8)
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
      (func $echo (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
      (func (export "echo-item") (param i32 i32 i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
        (i32.store (i32.const 8) (local.get 2)) (i32.store (i32.const 12) (local.get 3)) (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (type $item' (record (field "name" string) (field "numbers" (list u32))))
    (export $item "item" (type $item'))
    (func (export "echo") (param "bytes" (list u8)) (result (list u8))
      (canon lift (core func $i "echo") (memory $memory) (realloc $realloc)))
    (func (export "echo-item") (param "item" $item) (result $item)
      (canon lift (core func $i "echo-item") (memory $memory) (realloc $realloc))))`);
}
