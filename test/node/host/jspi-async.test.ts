/**
 * `jspi: true` for components with asynchronous functions: those that are not return promises too, and their guests are suspended
 * for what synchronous imports promise. Node 20 and 22 cannot: there the refusal is tested, in `jspi.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { compile, type ImportCall, LimitError, TrapError, UnloadedError } from "../../../host/node/index.ts";
import { pipeGuest } from "../async/channel-guests.ts";
import { component } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

/**
 * `run` adds one to what the synchronous `fetch` gives; `note` is asynchronous and gives 8 at once; `later` gives what the asynchronous
 * `wait` gives and can be cancelled; an `item` keeps what `fetch` gave for it, and its `value` adds what that gives for 1; `spin` never ends.
 */
const guest = `(component
  (import "fetch" (func $fetch (param "n" u32) (result u32)))
  (import "wait" (func $wait async (param "n" u32) (result u32)))
  (type $R (resource (rep i32)))
  (core module $Libc (memory (export "memory") 1))
  (core instance $libc (instantiate $Libc))
  (core func $fetch' (canon lower (func $fetch)))
  (core func $wait' (canon lower (func $wait) async (memory (core memory $libc "memory"))))
  (core func $new (canon resource.new $R))
  (core func $return (canon task.return (result u32)))
  (core func $stop (canon task.cancel))
  (core func $set-new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $cancel (canon subtask.cancel))
  (core func $drop (canon subtask.drop))
  (core module $M
    (import "libc" "memory" (memory 1))
    (import "" "fetch" (func $fetch (param i32) (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "stop" (func $stop))
    (import "" "set-new" (func $set-new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (global $subtask (mut i32) (i32.const 0))
    (func (export "run") (param i32) (result i32) (i32.add (call $fetch (local.get 0)) (i32.const 1)))
    (func (export "note") (result i32) (call $return (i32.const 8)) (i32.const 0))
    (func (export "later") (param i32) (result i32)
      (local $status i32) (local $set i32)
      (local.set $status (call $wait (local.get 0) (i32.const 16)))
      (if (i32.eq (local.get $status) (i32.const 2)) (then (call $return (i32.load (i32.const 16))) (return (i32.const 0))))
      (global.set $subtask (i32.shr_u (local.get $status) (i32.const 4)))
      (local.set $set (call $set-new))
      (call $join (global.get $subtask) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "event") (param $code i32) (param i32 i32) (result i32)
      (call $join (global.get $subtask) (i32.const 0))
      (if (i32.eq (local.get $code) (i32.const 6))
        (then (drop (call $cancel (global.get $subtask))) (call $stop))
        (else (call $return (i32.load (i32.const 16)))))
      (call $drop (global.get $subtask))
      (i32.const 0))
    (func (export "make") (param i32) (result i32) (call $new (call $fetch (local.get 0))))
    (func (export "value") (param i32) (result i32) (i32.add (local.get 0) (call $fetch (i32.const 1))))
    (func (export "spin") (loop $l (br $l))))
  (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
    (export "fetch" (func $fetch')) (export "wait" (func $wait')) (export "new" (func $new)) (export "return" (func $return))
    (export "stop" (func $stop)) (export "set-new" (func $set-new)) (export "join" (func $join))
    (export "cancel" (func $cancel)) (export "drop" (func $drop))))))
  (func $note async (result u32) (canon lift (core func $m "note") async (callback (core func $m "event"))))
  (func $make (param "n" u32) (result (own $R)) (canon lift (core func $m "make")))
  (func $value (param "self" (borrow $R)) (result u32) (canon lift (core func $m "value")))
  (component $Items
    (import "item" (type $I (sub resource)))
    (import "make" (func $make (param "n" u32) (result (own $I))))
    (import "value" (func $value (param "self" (borrow $I)) (result u32)))
    (export $E "item" (type $I))
    (export "[constructor]item" (func $make) (func (param "n" u32) (result (own $E))))
    (export "[method]item.value" (func $value) (func (param "self" (borrow $E)) (result u32))))
  (instance $items (instantiate $Items
    (with "item" (type $R)) (with "make" (func $make)) (with "value" (func $value))))
  (export "items" (instance $items))
  (func (export "run") (param "n" u32) (result u32) (canon lift (core func $m "run")))
  (export "note" (func $note))
  (func (export "later") async (param "n" u32) (result u32)
    (canon lift (core func $m "later") async (memory (core memory $libc "memory")) (callback (core func $m "event"))))
  (func (export "spin") (canon lift (core func $m "spin"))))`;

const fetch = async (n: number): Promise<number> => {
  await sleep(2);
  return n * 10;
};
const wait = async (n: number): Promise<number> => n;

const load = async (imports: object = {}, options: object = {}): Promise<Any> =>
  (await host().load(await component(guest), {
    name: "m",
    jspi: true,
    imports: { fetch, wait, ...imports },
    ...options,
  } as object)) as Any;

// Elsewhere jspi is refused.
describe.runIf("Suspending" in WebAssembly)("jspi: true, for a component with asynchronous functions,", () => {
  test("has synchronous functions return promises, suspended for what synchronous imports promise, and leaves the others", async () => {
    const { exports } = await load();
    const calls = [exports.run(1), exports.note(), exports.later(5), exports.run(2)];
    for (const call of calls) expect(call).toBeInstanceOf(Promise);
    expect(await Promise.all(calls)).toEqual([11, 8, 5, 21]);
    expect(await (await load({ fetch: (n: number) => n })).exports.run(6)).toBe(7);
  });

  test("has resources whose constructors and methods are awaited", async () => {
    const { exports } = await load();
    const item = await new exports.items.Item(3);
    expect(await item.value()).toBe(40);
    item[Symbol.dispose]();
  });

  test("passes streams as elsewhere", async () => {
    const bytes = await component(pipeGuest({ type: "u8", size: 1 }));
    const { exports } = (await host().load(bytes, { name: "p", jspi: true })) as Any;
    expect(await (await exports.copy(Uint8Array.of(1, 2))).read()).toEqual(Uint8Array.of(1, 2));
    expect(await (await exports.syncSame(Uint8Array.of(3))).read()).toEqual(Uint8Array.of(3));
  });

  test("compile makes such instances too", async () => {
    const made = await compile(await component(guest), { jspi: true });
    const { exports } = (await made.instantiate({ fetch, wait })) as { exports: any };
    expect(await exports.run(4)).toBe(41);
  });

  test("an import that rejects traps with its reason, and those that wait are told", async () => {
    const reason = new Error("no such thing");
    const module = await load({ fetch: () => Promise.reject(reason) });
    const [broken, waiting] = await Promise.all([caught(module.exports.run(1)), caught(module.exports.note())]);
    expect(broken).toBeInstanceOf(TrapError);
    expect(broken.cause).toBe(reason);
    expect(waiting).toBeInstanceOf(UnloadedError);
    expect(module.state).toBe("trapped");
  });

  test("limits.timeoutMs covers what a suspended call waits for, and fuel what its guest does", async () => {
    const module = await load({ fetch: () => new Promise(() => {}) }, { limits: { timeoutMs: 30 } });
    const error = await caught(module.exports.run(1));
    expect(error).toMatchObject({ name: "LimitError", limit: "timeout", allowed: 30 });
    // A function that is not asynchronous cannot be cancelled, and others would wait for it.
    expect(module.trap).toMatchObject({ name: "LimitError", limit: "timeout", allowed: 30 });
    expect((await caught((async () => module.exports.note())())).cause).toBe(module.trap);
    // One that is asynchronous ends alone.
    const other = await load({ wait: () => new Promise(() => {}) }, { limits: { timeoutMs: 30 } });
    expect(await caught(other.exports.later(1))).toMatchObject({ name: "LimitError", limit: "timeout" });
    expect(await other.exports.run(1)).toBe(11);
    const counted = await load({}, { limits: { fuel: 100_000 } });
    expect(await counted.exports.run(1)).toBe(11);
    expect(await caught(counted.exports.spin())).toBeInstanceOf(LimitError);
  });

  test("module.with({ signal }) rejects a call that waits, and one that has fired", async () => {
    const module = await load({ fetch: () => new Promise(() => {}) }, { limits: { timeoutMs: Infinity } });
    const fresh = await load({}, { limits: { timeoutMs: Infinity } });
    const controller = new AbortController();
    const call = caught(module.with({ signal: controller.signal }).exports.run(1));
    controller.abort(new Error("enough"));
    expect((await call).message).toBe("enough");
    expect(module.trap).toMatchObject({ name: "LimitError", limit: "signal" });
    expect((await caught(fresh.with({ signal: controller.signal }).exports.note())).message).toBe("enough");
  });

  test("an unload names a suspended call and its import, and when forced unwinds it", async () => {
    const module = await load({ fetch: () => new Promise(() => {}) });
    const call = caught(module.exports.run(1));
    await expect(module.unload()).rejects.toThrow("1 call under way (run, which waits for fetch)");
    await module.unload({ force: true });
    expect(await call).toBeInstanceOf(UnloadedError);
  });

  test("a reload serves at once, and a suspended call ends on the old version", async () => {
    let open!: (n: number) => void;
    const module = await load({ fetch: () => new Promise((resolve) => (open = resolve)) });
    const call = module.exports.run(1);
    const reloading = module.reload(await component(guest));
    while (module.info().reloads === 0) await sleep(1);
    open(5);
    expect(await call).toBe(6);
    await reloading;
    expect(await module.exports.note()).toBe(8);
  });

  test("instances serve beside each other, each with calls of its own, and a signal is told to the guest that waits", async () => {
    const signals: AbortSignal[] = [];
    const asked: number[] = [];
    const module = await load(
      {
        fetch: (n: number) => (asked.push(n), new Promise(() => {})),
        wait: (n: number, { signal }: ImportCall) => (signals.push(signal), n === 0 ? new Promise(() => {}) : n),
      },
      { instances: 2 },
    );
    const stuck = caught(module.exports.run(1));
    expect(await module.exports.later(4)).toBe(4);
    const controller = new AbortController();
    const later = caught(module.exports.later(0, { signal: controller.signal }));
    await expect.poll(() => signals.length).toBe(2);
    controller.abort(new Error("enough"));
    expect((await later).message).toBe("enough");
    await expect.poll(() => signals[1]!.aborted).toBe(true);
    expect(asked).toEqual([1]);
    const item = await caught(module.unload());
    expect(item.message).toContain("1 call under way (run, which waits for fetch)");
    await module.unload({ force: true });
    expect(await stuck).toBeInstanceOf(UnloadedError);
  });
});
