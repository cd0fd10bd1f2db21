/** Core modules whose memories nobody exports: rewritten so that the host sees them, and otherwise the same. */
import { describe, expect, test } from "vitest";
import { exposeMemories, hiddenMemories } from "../../host/instrument/memories.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

async function core(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parseWat(text));
}

describe("exposeMemories", () => {
  test.each([
    ["no memory", `(module (func (export "f")))`],
    ["a memory that is exported", `(module (memory (export "memory") 1))`],
    ["a memory that is imported", `(module (import "a" "m" (memory 1)) (func (export "f")))`],
    ["an imported memory exported again", `(module (import "a" "m" (memory 1)) (export "n" (memory 0)))`],
  ])("gives back the very bytes of a module with %s", async (_, text) => {
    const module = await core(text);
    expect(hiddenMemories(module)).toEqual([]);
    expect(exposeMemories(module)).toBe(module);
  });

  test.each([
    ["with other exports", `(module (memory 3) (func (export "f")) (data (i32.const 0) "abc"))`],
    ["without an export section", `(module (memory 3) (func $f) (start $f) (data (i32.const 0) "abc"))`],
    ["with nothing else", `(module (memory 3))`],
    [
      "beside imports of every kind",
      `(module (import "a" "f" (func)) (import "a" "t" (table 1 funcref)) (import "a" "g" (global i32)) (memory 3) (export "g" (global 0)))`,
    ],
  ])("adds an export of the hidden memory to a module %s", async (_, text) => {
    const module = await core(text);
    const names = hiddenMemories(module);
    expect(names).toEqual(["tenon:memory:0"]);
    const compiled = new WebAssembly.Module(exposeMemories(module));
    const before = WebAssembly.Module.exports(new WebAssembly.Module(module));
    expect(WebAssembly.Module.exports(compiled)).toEqual([...before, { name: names[0], kind: "memory" }]);
    expect(WebAssembly.Module.imports(compiled)).toEqual(WebAssembly.Module.imports(new WebAssembly.Module(module)));
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
    const { exports } = new WebAssembly.Instance(compiled, { a: { f: () => undefined, t: table, g: 1 } });
    expect((exports[names[0]!] as WebAssembly.Memory).buffer.byteLength).toBe(3 * 65536);
  });

  test("chooses a name that clashes with none of the module's", async () => {
    const module = await core(
      `(module (memory 1) (func (export "tenon:memory:0")) (func (export "$tenon:memory:9")) (func (export "")))`,
    );
    expect(hiddenMemories(module)).toEqual(["$$tenon:memory:0"]);
    expect(WebAssembly.validate(exposeMemories(module))).toBe(true);
  });

  test("counts memories behind those that are imported, and names each that is hidden", async () => {
    const module = await core(
      `(module (import "a" "m" (memory 1)) (memory 2) (memory (export "shown") 3) (memory 4) (func (export "f")))`,
    );
    expect(hiddenMemories(module)).toEqual(["tenon:memory:1", "tenon:memory:3"]);
    // Node 20 has no modules with several memories: there the bytes are all there is to compare.
    const engine = WebAssembly.validate(module);
    expect(WebAssembly.validate(exposeMemories(module))).toBe(engine);
    expect(hiddenMemories(exposeMemories(module))).toEqual([]);
  });

  test("leaves what it cannot read to the engine, whatever byte is cut off or changed", async () => {
    const module = await core(
      `(module (import "a" "f" (func)) (memory 3) (func (export "f")) (data (i32.const 0) "abc"))`,
    );
    for (let length = 0; length < module.length; length++) {
      const cut = module.slice(0, length);
      if (!WebAssembly.validate(cut)) expect(WebAssembly.validate(exposeMemories(cut))).toBe(false);
    }
    for (let at = 0; at < module.length; at++) {
      for (const byte of [0x00, 0x01, 0x05, 0x07, 0x7f, 0x80, 0xff]) {
        const changed = module.slice();
        changed[at] = byte;
        expect(WebAssembly.validate(exposeMemories(changed)), `${byte} at ${at}`).toBe(WebAssembly.validate(changed));
      }
    }
  });
});
