/**
 * Calls that wait hold a stack, which the engine never collects: ending an instance unwinds it, and the memory goes with it.
 * Node 20 and 22 have no such stacks: there these tests are skipped, and `npm run test:matrix` runs them in newer ones.
 */
import { describe, expect, test } from "vitest";
import { createHost, LimitError, UnloadedError, type LoadOptions, type Module } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { poker, stubborn, things } from "../node/host/fixtures.ts";
import { settle } from "./helpers.ts";

type Any = Module<{ imports: object; exports: any }>;
const never = (): Promise<void> => new Promise(() => undefined);

async function caught(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("The call did not fail");
}

describe.runIf("Suspending" in WebAssembly)("of an instance whose call waits", () => {
  const load = async (
    host: ReturnType<typeof createHost>,
    bytes: Uint8Array,
    options: LoadOptions = {},
  ): Promise<Any> =>
    (await host.load(bytes, {
      name: "p",
      imports: { "demo:poke/host": { poke: never } },
      jspi: true,
      ...options,
    } as object)) as Any;

  test.each([
    ["is unloaded by force", poker, {}],
    ["passes its deadline", poker, { limits: { timeoutMs: 1 } }],
    ["is unloaded by force, and catches what it can", stubborn, {}],
  ])("which %s the memory goes, 200 times over, whatever is held", async (_, guest, options) => {
    const bytes = await guest();
    const host = createHost();
    const held: unknown[] = [];
    const cycle = async (): Promise<void> => {
      const module = await load(host, bytes, options);
      const calls = [1, 2].map((value) => caught(module.exports.run(value)));
      if ("limits" in options) expect(await calls[0]).toBeInstanceOf(LimitError);
      const receipt = await module.unload({ force: true });
      const errors = await Promise.all(calls);
      expect(errors[1]).toBeInstanceOf(UnloadedError);
      held.push(module, module.exports.run, errors, receipt);
    };
    await cycle();
    const before = await settle();
    for (let i = 0; i < 200; i++) await cycle();
    const after = await settle();
    expect(after.memories).toBe(before.memories);
    expect(after.reservations).toBe(before.reservations);
    expect(held).toHaveLength(804);
  });

  test("of several instances in this thread the memories go, those of the replaced too, 100 times over", async () => {
    const bytes = await poker();
    const host = createHost();
    const held: unknown[] = [];
    const poke = (value: number): unknown => (value === 0 ? Promise.reject(new Error("no")) : never());
    const cycle = async (): Promise<void> => {
      const module = await load(host, bytes, { imports: { "demo:poke/host": { poke } }, instances: 2 });
      const trap = await caught(module.exports.run(0));
      const calls = [1, 2, 3].map((value) => caught(module.exports.run(value)));
      const receipt = await module.unload({ force: true });
      held.push(module, module.exports.run, trap, await Promise.all(calls), receipt);
    };
    await cycle();
    const before = await settle();
    for (let i = 0; i < 100; i++) await cycle();
    const after = await settle();
    expect(after.memories).toBe(before.memories);
    expect(after.reservations).toBe(before.reservations);
    expect(held).toHaveLength(505);
  });

  test("resources of several instances hold no memory once the module is unloaded", async () => {
    const bytes = await things({ bias: 0 });
    const host = createHost();
    const before = await settle();
    const module = await load(host, bytes, { imports: {}, instances: 2 });
    const { Thing, peek } = module.exports.api;
    const held = await Promise.all([1, 2, 3].map((value) => new Thing(value)));
    expect((await settle()).memories).toBe(before.memories + 2);
    const receipt = await module.unload({ force: true, collect: true });
    expect(await receipt.collected).toMatchObject({ reclaimed: true, memories: 2, pending: 0, holders: [] });
    expect((await settle()).memories).toBe(before.memories);
    expect([held, Thing, peek]).toHaveLength(3);
  });

  test("what the guest waits for holds nothing of it once it is gone, and wakes nobody", async () => {
    const bytes = await poker();
    const host = createHost();
    let open!: () => void;
    const wait = new Promise<void>((resolve) => (open = resolve));
    const begin = async (): Promise<Promise<Error>> => {
      const module = await load(host, bytes, { imports: { "demo:poke/host": { poke: () => wait } } });
      const call = caught(module.exports.run(1));
      await module.unload({ force: true });
      return call;
    };
    const before = await settle();
    expect(await begin()).toBeInstanceOf(UnloadedError);
    expect((await settle()).memories).toBe(before.memories);
    open();
    expect((await settle()).memories).toBe(before.memories);
  });

  test("the receipt tells that the memory is reclaimed", async () => {
    const module = await load(createHost(), await poker());
    const call = caught(module.exports.run(1));
    const receipt = await module.unload({ force: true, collect: true });
    expect(await receipt.collected).toMatchObject({ reclaimed: true, memories: 1, holders: [] });
    expect(await call).toBeInstanceOf(UnloadedError);
  });

  test("negative control: a stack that nothing refers to keeps its memory until what it waits for is rejected", async () => {
    const module = new WebAssembly.Module(
      await parseWat(
        `(module (import "" "wait" (func $wait)) (memory (export "m") 1) (func (export "f") (call $wait)))`,
      ),
    );
    const before = await settle();
    let reject: ((error: unknown) => void) | undefined = suspendedStack(module);
    expect((await settle()).memories).toBe(before.memories + 1);
    reject(new Error("over"));
    reject = undefined;
    expect((await settle()).memories).toBe(before.memories);
  });
});

/** A function of its own, so that nothing but the engine holds the instance. @returns what unwinds the stack */
function suspendedStack(module: WebAssembly.Module): (error: unknown) => void {
  const { Suspending, promising } = WebAssembly as any;
  let reject!: (error: unknown) => void;
  const wait = new Suspending(() => new Promise((_, fail) => (reject = fail)));
  const { exports } = new WebAssembly.Instance(module, { "": { wait } });
  promising(exports["f"])().catch(() => undefined);
  return reject;
}
