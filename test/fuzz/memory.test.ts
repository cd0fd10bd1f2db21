/**
 * No memory that stays: after hostile guests have been made, have trapped and were dropped, the engine holds no linear
 * memory of theirs, whether they were disposed of or not. The control keeps one and must be seen.
 */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { TrapError } from "../../host/errors.ts";
import type { Component, Instance } from "../../host/runtime/types.ts";
import { scaled } from "../differential/budget.ts";
import { compileText } from "../differential/harness.ts";
import { memoriesOf } from "../compile.ts";

type Query = (type: unknown, options: { format: "count" }) => number;
const v8 = createRequire(import.meta.url)("node:v8") as { queryObjects?: Query };

/** Collects, and counts the linear memories that are left. */
async function liveMemories(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    v8.queryObjects!(WebAssembly.Memory, { format: "count" });
  }
  return v8.queryObjects!(WebAssembly.Memory, { format: "count" });
}

const text = `
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "greet") (result i32) (i32.const 65532))
    (func (export "grow") (drop (memory.grow (i32.const 4)))))
  (core instance $i (instantiate $m))
  (func (export "greet") (result string) (canon lift (core func $i "greet") (memory (core memory $i "memory"))))
  (func (export "grow") (canon lift (core func $i "grow"))))`;

/** In a function of its own, so that nothing of the instance is left on the caller's frame. */
function trapOnce(component: Component, dispose: boolean, keep?: Instance[]): void {
  const instance = component.instantiateSync();
  const exports = instance.exports as { greet(): string; grow(): void };
  exports.grow();
  // Where the string is said to be: a pointer and a length far outside of the memory.
  new Uint8Array(memoriesOf(instance)[0]!.buffer).fill(0xff, 65532, 65540);
  expect(() => exports.greet()).toThrow(TrapError);
  if (dispose) instance.dispose();
  keep?.push(instance);
}

test.runIf(v8.queryObjects !== undefined)("dropped guests leave no linear memory behind", async () => {
  const component = await compileText(text);
  const before = await liveMemories();
  for (let round = 0; round < scaled(120); round++) trapOnce(component, round % 2 === 0);
  expect(await liveMemories()).toBe(before);
  const kept: Instance[] = [];
  trapOnce(component, false, kept);
  expect(await liveMemories()).toBe(before + 1);
  kept[0]!.dispose();
  expect(await liveMemories()).toBe(before);
});
