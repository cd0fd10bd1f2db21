/** Traps of modules that were bound ahead of time name the author's line where the component brings lines. */
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { TrapError } from "../../../host/errors.ts";
import { type BoundComponent, compile, createHost } from "../../../host/node/index.ts";
import type { BuildOptions } from "../../../scripts/toolchain/build/index.ts";
import { bind, type BindOptions } from "../../../scripts/toolchain/bind.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { thrown } from "../runtime/support.ts";
import { buildFaultsIn } from "./faults.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "tenon-bound-lines-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Binds a component into a folder of its own. */
async function bound(bytes: Uint8Array, options: BindOptions = {}): Promise<{ source: BoundComponent; at: string }> {
  const at = mkdtempSync(join(folder, "bound-"));
  const { entry, files } = bind(bytes, options);
  for (const [name, contents] of files) writeFileSync(join(at, name), contents);
  const { default: source } = (await import(pathToFileURL(join(at, entry)).href)) as { default: BoundComponent };
  return { source, at };
}

async function build(options: Omit<BuildOptions, "dir">): Promise<string> {
  return buildFaultsIn(mkdtempSync(join(folder, "built-")), options);
}

async function trapOf(source: BoundComponent): Promise<TrapError> {
  const host = createHost();
  const module = await host.load(source, { imports: { host: () => undefined } });
  const trap = thrown(() => module.require("division")(0)) as TrapError;
  expect(trap.trap).toBe("integer-divide-by-zero");
  await host.close();
  return trap;
}

/** Where the author's text divides. */
function division(component: string): object {
  const index = join(component, "..", "..", "index.ts");
  const end = "/*division*/ ";
  const text = readFileSync(index, "utf8");
  const before = text.slice(0, text.indexOf(end) + end.length).split("\n");
  return { file: relative(process.cwd(), index), line: before.length, column: before.at(-1)!.length + 1 };
}

test("TrapError.position of a debug build is the same bound ahead of time", async () => {
  const component = await build({ debug: true });
  const { source } = await bound(readFileSync(component));
  const trap = await trapOf(source);
  expect(trap.position).toEqual(division(component));
  expect(trap.frames[0]).toMatchObject(division(component));
});

test("TrapError.position of a build with its map in a file comes from that file beside the core modules", async () => {
  const component = await build({ debug: true, sourceMap: "file" });
  const { source, at } = await bound(readFileSync(component));
  expect((await trapOf(source)).position).toBeUndefined();
  copyFileSync(`${component}.map`, join(at, `${basename(component)}.map`));
  expect((await trapOf(source)).position).toEqual(division(component));
  // Bound with limits, only function names are left.
  const limited = await bound(readFileSync(component), { limits: true });
  expect(limited.source.lines).toBeUndefined();
  expect((await trapOf(limited.source)).position).toBeUndefined();
});

test("a module that brings no lines is bound without where its code is", async () => {
  const plain = `(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))`;
  expect((await bound(await parseWat(plain))).source.lines).toBeUndefined();
});

test("memories that binding exports do not move the lines", async () => {
  // A section with one sequence of DWARF: the address behind the number of functions is line 7 of a.c.
  const hidden = `(component
    (core module $m (memory 1) (func (export "f") unreachable) (@custom ".debug_line" (after code) "${lineTable()}"))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))`;
  const bytes = await parseWat(hidden);
  const place = { file: "a.c", line: 7, column: 1 };
  const { source } = await bound(bytes);
  for (const from of [bytes, source]) {
    const instance = (await compile(from)).instantiateSync() as { exports: Record<string, () => void> };
    expect(thrown(() => instance.exports["f"]!())).toMatchObject({ position: place });
  }
});

/** A unit of version 4 whose one row is at address 2, as text of WebAssembly's text format. */
function lineTable(): string {
  const header = [1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, ...Buffer.from("a.c\0"), 0, 0, 0, 0];
  const program = [0, 5, 2, 2, 0, 0, 0, 3, 6, 1, 2, 8, 0, 1, 1];
  const unit = [4, 0, header.length, 0, 0, 0, ...header, ...program];
  return [unit.length, 0, 0, 0, ...unit].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}
