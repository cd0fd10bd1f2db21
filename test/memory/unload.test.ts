/**
 * Unloading frees linear memory: a thousand times over, while the test keeps every function it ever got; and the checks
 * themselves notice when something does keep it.
 */
import { expect, test } from "vitest";
import { attempt, compile, createHost, UnloadedError } from "../../host/node/index.ts";
import { math, things } from "../node/host/fixtures.ts";
import { residentMiB, settle } from "./helpers.ts";

const PAGES_TO_10_MIB = 159;

test("1,000 × load, call, grow to 10 MiB, unload: memories, address space and resident memory stay flat", async () => {
  const bytes = await math();
  // The text parser and the test runner have memories of their own.
  const start = await settle();
  const host = createHost();
  const kept: Function[] = [];
  const cycle = async (): Promise<void> => {
    const module = await host.load(bytes, { name: "math" });
    const { api } = module.exports as { api: Record<string, (...args: number[]) => number> };
    expect(api["add"]!(2, 3)).toBe(5);
    expect(api["grow"]!(PAGES_TO_10_MIB)).toBe(160);
    kept.push(...Object.values(api));
    const receipt = await module.unload();
    expect(receipt.memoryBytes).toBe(160 * 65536);
  };
  for (let i = 0; i < 100; i++) await cycle();
  const before = await settle();
  const curve: number[] = [];
  for (let i = 0; i < 900; i++) {
    await cycle();
    if (i % 100 === 99) curve.push(Math.round(residentMiB()));
  }
  const after = await settle();
  console.log(
    `resident MiB at every 100 unloads: ${curve.join(" ")}; settled ${Math.round(before.residentMiB)} → ${Math.round(after.residentMiB)}`,
  );
  console.log(
    `memories ${before.memories} → ${after.memories}, reservations ${before.reservations} → ${after.reservations}`,
  );
  expect(kept).toHaveLength(4_000);
  expect(after.memories).toBe(start.memories);
  expect(after.reservations).toBe(start.reservations);
  // 9 GiB were touched in between.
  expect(after.residentMiB - before.residentMiB).toBeLessThan(40);
  for (const held of kept) expect(() => held()).toThrow(UnloadedError);
});

test("negative control: one raw export keeps its memory, and the measure sees it", async () => {
  const before = await settle();
  const module = new WebAssembly.Module(rawModule);
  let raw: Function | undefined = rawExport(module);
  expect((await settle()).memories).toBe(before.memories + 1);
  expect(raw()).toBe(1);
  raw = undefined;
  expect((await settle()).memories).toBe(before.memories);
});

test("negative control: one error whose stack nobody has read keeps its memory until it is read", async () => {
  const before = await settle();
  const error = unreadError(new WebAssembly.Module(rawModule));
  expect((await settle()).memories).toBe(before.memories + 1);
  void error.stack;
  expect((await settle()).memories).toBe(before.memories);
});

test("what a user can hold of a module pins nothing: exports, classes, resources, errors, receipts, the module", async () => {
  await Promise.all([math(), things()]);
  const before = await settle();
  const host = createHost();
  const held: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const sums = await host.load(await math(), { name: `math${i}` });
    const stuff = await host.load(await things(), { name: `things${i}` });
    const { api } = sums.exports as { api: Record<string, any> };
    const { api: made } = stuff.exports as { api: Record<string, any> };
    const thing = new made["Thing"](5);
    held.push(
      sums,
      stuff,
      api,
      made,
      api["add"],
      made["Thing"],
      thing,
      thing.value,
      made["Thing"].make,
      sums.get("api.add"),
    );
    held.push(
      attempt(() => api["boom"]()),
      attempt(() => api["add"](1, 2)),
      sums.trap,
    );
    held.push(sums.info(), await sums.unload(), await stuff.unload({ force: true }));
    held.push(
      attempt(() => api["add"](1, 2)),
      attempt(() => thing.value()),
    );
  }
  const after = await settle();
  expect(after.memories).toBe(before.memories);
  expect(after.reservations).toBe(before.reservations);
  expect(held).toHaveLength(90);
});

test("an instance made without a host is free once disposed, whatever is held of it", async () => {
  const component = await compile(await math());
  const before = await settle();
  const instance = component.instantiateSync();
  const { add } = (instance.exports as Record<string, any>)["api"];
  expect(add(1, 2)).toBe(3);
  expect((await settle()).memories).toBe(before.memories + 1);
  instance.dispose();
  expect((await settle()).memories).toBe(before.memories);
  expect(() => add(1, 2)).toThrow(UnloadedError);
});

test("an instance that the engine did not make at once, and then did, is free once unloaded, whatever is held of it", async () => {
  const bytes = await math();
  const before = await settle();
  const engine = WebAssembly as { Instance: typeof WebAssembly.Instance };
  const original = engine.Instance;
  let refused = 0;
  // As where memories are short, and in pages where modules are large.
  engine.Instance = new Proxy(original, {
    construct() {
      refused++;
      throw new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance");
    },
  });
  const held: unknown[] = [];
  try {
    const module = await createHost().load(bytes, { name: "math" });
    const { api } = module.exports as { api: Record<string, (...args: number[]) => number> };
    expect(api["add"]!(2, 3)).toBe(5);
    held.push(module, api, api["add"], await module.unload());
  } finally {
    engine.Instance = original;
  }
  expect((await settle()).memories).toBe(before.memories);
  expect(refused).toBe(1);
  expect(held).toHaveLength(4);
});

/** `(module (memory (export "m") 1) (func (export "f") (result i32) i32.const 1) (func (export "t") unreachable))` */
const rawModule = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 96, 0, 1, 127, 96, 0, 0, 3, 3, 2, 0, 1, 5, 3, 1, 0, 1, 7, 13, 3, 1, 109, 2, 0,
  1, 102, 0, 0, 1, 116, 0, 1, 10, 10, 2, 4, 0, 65, 1, 11, 3, 0, 0, 11,
]);

function rawExport(module: WebAssembly.Module): Function {
  return new WebAssembly.Instance(module).exports["f"] as Function;
}

function unreadError(module: WebAssembly.Module): Error {
  try {
    (new WebAssembly.Instance(module).exports["t"] as Function)();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected a trap");
}
