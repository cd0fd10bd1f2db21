/** Metered core modules: valid where they were, with nothing in reach that was added, and never with code that is not known. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { eachSection, PREAMBLE_BYTES } from "../../host/binary/framing.ts";
import { meterModule, UnknownInstruction } from "../../host/instrument/meter.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

async function core(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parseWat(text));
}

const counts = { counts: true };

/** Every core module of a component, and of the components in it. */
function coreModules(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const visit = (from: number, to: number): void => {
    eachSection(bytes, from, to, (id, start, end) => {
      if (id === 1) found.push(bytes.slice(start, end));
      if (id === 4) visit(start + PREAMBLE_BYTES, end);
      return true;
    });
  };
  visit(PREAMBLE_BYTES, bytes.length);
  return found;
}

describe("meterModule", () => {
  test("gives valid modules of those that AssemblyScript and wit-component make", () => {
    const folder = fileURLToPath(new URL("../../dist/modules/", import.meta.url));
    const files = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      for (const module of coreModules(new Uint8Array(readFileSync(folder + file)))) {
        for (const options of [counts, { counts: false }]) {
          expect(WebAssembly.validate(meterModule(module, options).bytes), file).toBe(true);
        }
      }
    }
  });

  test("keeps a module's imports and exports, in their order, and adds its own behind them", async () => {
    const module = await core(`(module (import "a" "f" (func)) (memory (export "m") 1) (func (export "f") (loop)))`);
    const metered = meterModule(module, counts);
    const compiled = new WebAssembly.Module(metered.bytes);
    expect(WebAssembly.Module.imports(compiled)).toEqual(WebAssembly.Module.imports(new WebAssembly.Module(module)));
    expect(WebAssembly.Module.exports(compiled).map(({ name }) => name)).toEqual([
      "m",
      "f",
      metered.counter,
      metered.hooks,
    ]);
    expect(metered.memoryBytes).toBe(65_536);
  });

  test("leaves a short function as it is whose only calls never come back: those who call it count it", async () => {
    const module = await core(`(module (memory 1) (func $end (loop (br 0)))
      (func $checked (param i32) (result i32)
        (if (i32.gt_u (local.get 0) (i32.const 99)) (then (call $end) (unreachable))) (i32.load (local.get 0)))
      (func (export "f") (drop (call $checked (i32.const 1)))))`);
    const body = "13 00 2000 41e300 4b 0440 1000 00 0b 2000 280200 0b".replaceAll(" ", "");
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    expect(text(module)).toContain(body);
    // Sizes are written in five bytes.
    expect(text(meterModule(module, counts).bytes)).toContain(`9380808000${body.slice(2)}`);
  });

  test("chooses names that the module does not have", async () => {
    const { counter } = meterModule(await core(`(module (func (export "tenon:limits:counter")))`), counts);
    expect(counter).toBe("$tenon:limits:counter");
  });

  test.each([
    [
      "simd",
      `(func (result v128) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.load (i32.const 0))))`,
    ],
    ["a lane of memory", `(func (drop (v128.load32_lane 1 (i32.const 0) (v128.const i64x2 1 2))))`],
    ["several results", `(func (result i32 i64) (loop (result i32 i64) (i32.const 1) (i64.const 2)))`],
    [
      "branches out of loops",
      `(func (param i32) (block $out (loop $a (loop $b (br_table $out $a $b (local.get 0))))))`,
    ],
    [
      "a return out of loops",
      `(func (param i32) (result i32) (loop $a (loop $b (return (local.get 0)))) (unreachable))`,
    ],
    ["tail calls", `(func $f (param i32) (loop (return_call $f (local.get 0))))`],
    ["saturating conversions", `(func (result i32) (i32.trunc_sat_f64_u (f64.const 1)))`],
    [
      "typed select and references",
      `(func $f (drop (select (result funcref) (ref.func $f) (ref.null func) (i32.const 1)))) (elem declare func $f)`,
    ],
    [
      "typed blocks with parameters",
      `(func (drop (i32.const 1) (loop (param i32) (result i32) (br_if 0 (i32.const 0)))))`,
    ],
    ["bulk memory", `(func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 0)) (data "abc")`],
  ])("rewrites %s", async (_, body) => {
    const module = await core(`(module (memory 1) ${body})`);
    expect(WebAssembly.validate(module)).toBe(true);
    expect(WebAssembly.validate(meterModule(module, counts).bytes)).toBe(true);
  });

  test.each([
    ["atomic instructions", `(memory 1 1 shared) (func (drop (i32.atomic.load (i32.const 0))))`],
    ["garbage-collected types", `(type $s (struct)) (func (drop (struct.new $s)))`],
    ["a 64-bit memory", `(memory i64 1) (func (drop (memory.grow (i64.const 1))))`],
  ])("refuses %s, and never lets them through", async (_, fields) => {
    expect(() => meterModule(new Uint8Array(), counts)).toThrow();
    const module = await core(`(module ${fields})`);
    expect(() => meterModule(module, counts)).toThrow(UnknownInstruction);
  });

  // Indices just behind the last of each kind: those of what is added.
  test.each([
    ["the counter", `(func (global.set 0 (i32.const 1000000)))`],
    ["the table of hooks", `(func (table.set 0 (i32.const 0) (ref.null func)))`],
    ["the function that asks", `(func (call 1))`],
    ["a local of the counter", `(func (loop (local.set 0 (i32.const 1000000))))`],
    ["a type that is added", `(func (drop (block (type 1) (i32.const 1))))`],
  ])("leaves %s out of the module's reach", async (_, body) => {
    // wasm-tools assembles indices that do not exist.
    const module = await core(`(module ${body})`);
    expect(WebAssembly.validate(module)).toBe(false);
    expect(() => meterModule(module, counts)).toThrow(UnknownInstruction);
  });

  test("leaves what it adds out of the reach of the module's own exports", async () => {
    const module = await core(`(module (func) (export "f" (func 1)))`);
    expect(() => meterModule(module, counts)).toThrow("A core export of something that is not there");
  });
});
