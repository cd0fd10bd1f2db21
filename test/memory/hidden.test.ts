/** Memories that no core module exports: counted, watched, and never said to be freed while something holds them. */
import { expect, test } from "vitest";
import { createHost, type CollectionReport, type Module } from "../../host/node/index.ts";
import { component } from "../node/host/fixtures.ts";
import { settle } from "./helpers.ts";

type Any = Module<{ imports: object; exports: any }>;

/** Keeps its memory to itself. */
const secretive = `(component
  (import "poke" (func $poke))
  (core func $lowered (canon lower (func $poke)))
  (core module $m (import "" "poke" (func $poke)) (memory 3)
    (func (export "run") (result i32) (call $poke) (i32.store8 (i32.const 0) (i32.const 5)) (i32.load8_u (i32.const 0))))
  (core instance $i (instantiate $m (with "" (instance (export "poke" (func $lowered))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))`;

async function unloadAndProve(module: Any): Promise<CollectionReport> {
  const receipt = await module.unload({ force: true, collect: true, collectDeadlineMs: 300 });
  expect(receipt.memoryBytes).toBe(3 * 65536);
  return receipt.collected;
}

test("planted leak: an unread error holds an instance whose only memory is private, and the receipt says so", async () => {
  const kept: Error[] = [];
  const imports = { poke: () => void kept.push(new Error("Noted")) };
  const bytes = await component(secretive);
  const before = await settle();
  const module: Any = await createHost().load(bytes, { name: "secretive", imports });
  expect(module.exports.run()).toBe(5);
  expect(await unloadAndProve(module)).toMatchObject({ reclaimed: false, memories: 1, pending: 1, asked: true });
  expect((await settle()).memories).toBe(before.memories + 1);
  for (const error of kept) void error.stack;
  expect((await settle()).memories).toBe(before.memories);
});

test("a private memory is proven to be gone, also when the component came by a stream or in a known shell", async () => {
  const bytes = await component(secretive);
  // Node has a memory of its own for what fetches, from the first use on.
  await new Response(bytes).arrayBuffer();
  const before = await settle();
  const host = createHost();
  const sources = { bytes, stream: new Response(bytes), "known shell": Uint8Array.from([...bytes, 0, 2, 1, 0x78]) };
  for (const [name, source] of Object.entries(sources)) {
    const module: Any = await host.load(source, { name, imports: { poke: () => undefined } });
    expect(module.exports.run()).toBe(5);
    expect(await unloadAndProve(module), name).toMatchObject({ reclaimed: true, memories: 1, pending: 0, holders: [] });
  }
  expect((await settle()).memories).toBe(before.memories);
});

test("of a core module given as an import, which may hide a memory, nothing is said to be reclaimed", async () => {
  const bytes = await component(`(component
    (import "given" (core module $m (export "run" (func (result i32)))))
    (core instance $i (instantiate $m))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
  const given = new WebAssembly.Module(
    await component(`(module (memory 1) (func (export "run") (result i32) (i32.const 7)))`),
  );
  const module: Any = await createHost().load(bytes, { name: "given", imports: { given } });
  expect(module.exports.run()).toBe(7);
  const report = await (await module.unload({ collect: true, collectDeadlineMs: 300 })).collected;
  expect(report).toMatchObject({ reclaimed: false, memories: 0, pending: 0 });
  expect(report.holders).toEqual(["core modules given as imports: what memories they hide, the host cannot see"]);
});
