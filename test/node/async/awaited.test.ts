/**
 * Synchronous functions of asynchronous components, awaited by the host: their guests can be suspended, and others held up by that
 * until they have returned, as the specification has it.
 */
import { describe, expect, test } from "vitest";
import { TrapError, UnloadedError } from "../../../host/errors.ts";
import type { Instance } from "../../../host/runtime/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compileBytes } from "../../compile.ts";
import type { Dynamic } from "../runtime/support.ts";

/**
 * `run` calls `wait` of another guest, which calls the host's `fetch` and adds one to what that gives; `alone` is the same without
 * the guest between; `both` joins two; `now` does not wait; `note` is asynchronous; `break` traps when `fetch` has answered;
 * `say` gives the text that the host's `text` gives; `stop` waits for a thread that nobody resumes.
 */
const guest = `(component
  (import "fetch" (func $fetch (param "n" u32) (result u32)))
  (import "text" (func $text (result string)))
  (component $Inner
    (import "fetch" (func $fetch (param "n" u32) (result u32)))
    (core func $fetch' (canon lower (func $fetch)))
    (core func $suspend (canon thread.suspend))
    (core module $M
      (import "" "fetch" (func $fetch (param i32) (result i32)))
      (import "" "suspend" (func $suspend (result i32)))
      (func (export "wait") (param i32) (result i32) (i32.add (call $fetch (local.get 0)) (i32.const 1)))
      (func (export "stop") (drop (call $suspend)) unreachable)
      (func (export "break") (drop (call $fetch (i32.const 1))) unreachable))
    (core instance $m (instantiate $M (with "" (instance
      (export "fetch" (func $fetch')) (export "suspend" (func $suspend))))))
    (func (export "wait") (param "n" u32) (result u32) (canon lift (core func $m "wait")))
    (func (export "stop") (canon lift (core func $m "stop")))
    (func (export "break") (canon lift (core func $m "break"))))
  (component $Outer
    (import "wait" (func $wait (param "n" u32) (result u32)))
    (import "text" (func $text (result string)))
    (core module $Libc (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $libc (instantiate $Libc))
    (core func $wait' (canon lower (func $wait)))
    (core func $text' (canon lower (func $text) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core func $return (canon task.return (result u32)))
    (core module $M
      (import "" "wait" (func $wait (param i32) (result i32)))
      (import "" "text" (func $text (param i32)))
      (import "" "return" (func $return (param i32)))
      (func (export "run") (param i32) (result i32) (i32.mul (call $wait (local.get 0)) (i32.const 2)))
      (func (export "both") (param i32 i32) (result i32)
        (i32.add (call $wait (local.get 0)) (call $wait (local.get 1))))
      (func (export "now") (result i32) (i32.const 7))
      (func (export "note") (result i32) (call $return (i32.const 8)) (i32.const 0))
      (func (export "say") (result i32) (call $text (i32.const 16)) (i32.const 16))
      (func (export "event") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance
      (export "wait" (func $wait')) (export "text" (func $text')) (export "return" (func $return))))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $m "run")))
    (func (export "both") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $m "both")))
    (func (export "now") (result u32) (canon lift (core func $m "now")))
    (func (export "say") (result string) (canon lift (core func $m "say") (memory (core memory $libc "memory"))))
    (func (export "note") async (result u32)
      (canon lift (core func $m "note") async (callback (core func $m "event")))))
  (instance $inner (instantiate $Inner (with "fetch" (func $fetch))))
  (instance $outer (instantiate $Outer (with "wait" (func $inner "wait")) (with "text" (func $text))))
  ${["run", "both", "now", "say", "note"].map((name) => `(export "${name}" (func $outer "${name}"))`).join(" ")}
  ${["wait", "stop", "break"].map((name) => `(export "${name}" (func $inner "${name}"))`).join(" ")})`;

async function start(fetch: (n: number) => unknown, text: () => unknown = () => ""): Promise<Instance<Dynamic>> {
  const component = await compileBytes(await parseWat(guest), "awaited", { awaited: true });
  return component.instantiateSync({ fetch, text }) as Instance<Dynamic>;
}

const later = async (n: number): Promise<number> => {
  await new Promise((resolve) => setImmediate(resolve));
  return n;
};

describe("on any engine", () => {
  test("returns a promise, of what needs no wait too", async () => {
    const { exports } = await start((n) => n);
    expect(await Promise.all([exports.now(), exports.note(), exports.run(3)])).toEqual([7, 8, 8]);
    await expect(exports.run("x")).rejects.toThrow("Expected a u32");
  });

  test("that waits for a thread which nobody resumes traps", async () => {
    const { exports } = await start((n) => n);
    await expect(exports.stop()).rejects.toMatchObject({ trap: "cannot-block" });
    await expect(exports.now()).rejects.toBeInstanceOf(UnloadedError);
  });
});

// Elsewhere a guest cannot be suspended.
describe.runIf("Suspending" in WebAssembly)("a guest that is suspended", () => {
  test("waits for what a synchronous import promised, through the guests between, and lifts what that gives", async () => {
    const { exports } = await start(later, async () => "later");
    expect(await exports.wait(3)).toBe(4);
    expect(await exports.run(3)).toBe(8);
    expect(await exports.both(3, 10)).toBe(15);
    expect(await exports.say()).toBe("later");
    expect(await exports.now()).toBe(7);
  });

  test("holds up all other calls of its instance, and then they follow in their order", async () => {
    const order: string[] = [];
    const { exports } = await start(later);
    const call = (name: string, ...args: unknown[]): Promise<unknown> =>
      exports[name](...args).finally(() => order.push(name));
    await Promise.all([call("run", 1), call("note"), call("now"), call("wait", 2)]);
    expect(order).toEqual(["run", "note", "now", "wait"]);
  });

  test("that traps when it goes on rejects its call, and the ones that wait", async () => {
    const { exports } = await start(later);
    const [broken, waiting] = await Promise.allSettled([exports.break(), exports.note()]);
    expect(broken).toMatchObject({ status: "rejected", reason: { trap: "unreachable", export: "break" } });
    expect((broken as PromiseRejectedResult).reason).toBeInstanceOf(TrapError);
    expect((waiting as PromiseRejectedResult).reason).toBeInstanceOf(UnloadedError);
  });

  test("traps with what the import threw", async () => {
    const { exports } = await start(() => Promise.reject(new Error("no such thing")));
    await expect(exports.run(1)).rejects.toMatchObject({ trap: "import-threw", export: "run" });
  });

  test("is unwound with the instance", async () => {
    const instance = await start(() => new Promise(() => {}));
    const call = instance.exports.run(1) as Promise<unknown>;
    instance.dispose();
    await expect(call).rejects.toBeInstanceOf(UnloadedError);
  });
});
