import { expect, test } from "vitest";
import { emitBindings } from "../../../host/bindings/emit.ts";
import { generations } from "../../../host/bindings/evaluate.ts";
import { analyze } from "../../../host/plan/analyze.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compileWat } from "./support.ts";

function adder(constant: number, extra = ""): string {
  return `(component
    (core module $M (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${constant}))))
    (core instance $m (instantiate $M))
    (func (export "cached-add") (param "n" u32) (result u32) (canon lift (core func $m "add")))${extra})`;
}

test("a second component of the same structure generates nothing", async () => {
  const first = await compileWat(adder(1));
  const before = generations();
  const second = await compileWat(adder(2));
  expect(generations()).toBe(before);
  expect(first.instantiateSync().exports.cachedAdd(1)).toBe(2);
  expect(second.instantiateSync().exports.cachedAdd(1)).toBe(3);
});

test("another structure generates its own text", async () => {
  await compileWat(adder(1));
  const before = generations();
  const more = `(func (export "cached-again") (param "n" u32) (result u32) (canon lift (core func $m "add")))`;
  const other = await compileWat(adder(1, more));
  expect(generations()).toBe(before + 1);
  expect(other.instantiateSync().exports.cachedAgain(4)).toBe(5);
});

test("equal structure gives equal text", async () => {
  const text = async (constant: number): Promise<string> =>
    emitBindings(analyze(new Uint8Array(await parseWat(adder(constant)))).plan);
  expect(await text(1)).toBe(await text(2_000_000));
});
