/** The types that the plugin writes beside an import. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { declare as declareImport } from "../../../scripts/toolchain/plugin/declare.ts";
import { Library } from "../../../scripts/toolchain/plugin/library.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compile, declare, hostConfig } from "../declare.ts";

const folder = await mkdtemp(join(tmpdir(), "tenon-declare-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What stands beside an import of a component of this world. */
async function written(wit: string): Promise<string> {
  const types = join(folder, "x.d.wasm.ts");
  const place = { path: join(folder, "x.wasm"), name: "x", folder: undefined, types };
  const bytes = new Uint8Array();
  await declareImport(place, { bytes, hash: "", file: place.path, declarations: await declare(wit) });
  return readFile(types, "utf8");
}

test.each([
  ["plain functions", "world w { export run: func(); }"],
  ["resources", "interface i { resource r { constructor(); } } world w { import i; export i; }"],
  [
    "asynchronous functions and streams",
    "interface i { resource r { f: async func() -> error-context; } } world w { import i; export i; export s: func(a: stream<u8>) -> stream<u8>; }",
  ],
])("the types of an import of %s are whole", async (_, world) => {
  const text = await written(`package a:b; ${world}`);
  const use = `
    import { createHost, type Module } from "tenon";
    import x, { type W } from "./x.wasm";
    export const loaded: Promise<Module<W>> = createHost().load(x, { imports: {} });
    // @ts-expect-error: no such world
    export const wrong: Promise<Module<{ imports: object; exports: { other(): void } }>> = createHost().load(x);`;
  const config = JSON.parse(hostConfig()) as { compilerOptions: object };
  const compilerOptions = { ...config.compilerOptions, allowArbitraryExtensions: true };
  const tsconfig = JSON.stringify({ ...config, compilerOptions });
  expect(await compile({ "x.d.wasm.ts": text, "use.ts": use, "tsconfig.json": tsconfig, "globals.d.ts": "" })).toBe("");
});

test("a component whose declarations would be out of all proportion to it is refused with its file", async () => {
  const types = Array.from({ length: 14 }, (_, i) => `(type $t${i + 1} (tuple $t${i} $t${i}))`);
  const imports = Array.from({ length: 20 }, (_, i) => `(import "f${i}" (func (param "x" $t14)))`);
  const path = join(folder, "unfolding.wasm");
  await writeFile(path, await parseWat(`(component (type $t0 (tuple u8)) ${types.join(" ")} ${imports.join(" ")})`));
  const library = new Library({ optimize: false, cache: folder });
  const place = { path, name: "unfolding", folder: undefined, types: join(folder, "unfolding.d.wasm.ts") };
  await expect(library.get(place)).rejects.toThrow(/unfolding\.wasm.*is too complex to declare/s);
  await library.close();
});
