import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { CompilerError, CompilerPool } from "../../scripts/toolchain/build/compiler.ts";
import type { CompileTask } from "../../scripts/toolchain/build/protocol.ts";
import { sections } from "../../scripts/toolchain/core-sections.ts";

const folder = await mkdtemp(join(tmpdir(), "tenon-compiler-"));
const pool = new CompilerPool(1);
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

function task(entry: string, rest: Partial<CompileTask> = {}): CompileTask {
  const generated = new Map([["bindings/entry.ts", entry]]);
  return {
    folder,
    generated,
    entry: "bindings/entry.ts",
    flags: [],
    renames: new Map(),
    exportTypes: [],
    debug: false,
    optimize: true,
    sourceMap: false,
    transforms: [],
    ...rest,
  };
}

const renames = new Map([["add", "demo:calc/api@1.0.0#add"]]);

test("compiles, renames exports and says which files it read", { timeout: 60_000 }, async () => {
  await writeFile(
    join(folder, "index.ts"),
    'import { twice } from "./lib"; export function add(a: i32, b: i32): i32 { return twice(a) + b; }',
  );
  await writeFile(join(folder, "lib.ts"), "export function twice(a: i32): i32 { return a * 2; }");
  const reply = await pool.compile(task('export { add } from "../index";', { renames }));
  expect(reply.failure).toBeUndefined();
  const module = new WebAssembly.Module(reply.wasm!);
  const names = WebAssembly.Module.exports(module)
    .map(({ name }) => name)
    .sort();
  expect(names).toEqual(["_initialize", "demo:calc/api@1.0.0#add", "memory"]);
  expect(
    (new WebAssembly.Instance(module).exports["demo:calc/api@1.0.0#add"] as (a: number, b: number) => number)(3, 4),
  ).toBe(10);
  expect(Object.keys(reply.sources).sort()).toEqual([join(folder, "index.ts"), join(folder, "lib.ts")]);
  expect(sections(reply.wasm!).filter(({ name }) => name === "name")).toEqual([]);
});

test("a debug build keeps the names", { timeout: 60_000 }, async () => {
  const reply = await pool.compile(task("export function add(): void {}", { renames, debug: true }));
  expect(sections(reply.wasm!).map(({ name }) => name)).toContain("name");
});

test("diagnostics have line and column", { timeout: 60_000 }, async () => {
  await writeFile(join(folder, "wrong.ts"), 'export function add(): i32 {\n  return "x";\n}\n');
  const reply = await pool.compile(task('export { add } from "../wrong";'));
  expect(reply.wasm).toBeUndefined();
  expect(reply.diagnostics[0]).toMatchObject({
    severity: "error",
    at: { file: "wrong.ts", line: 2, column: 10, text: '  return "x";' },
  });
});

test("a promised export that is not there is refused", { timeout: 60_000 }, async () => {
  const { wasm, failure } = await pool.compile(task("export function other(): void {}", { renames }));
  expect(wasm).toBeUndefined();
  expect(failure).toMatch(/promise an export add/);
});

test("asc ending the thread fails that task only, and the next one runs", { timeout: 60_000 }, async () => {
  const crash = pool.compile(task("export function memory(): void {}"));
  const next = pool.compile(task("export function fine(): void {}"));
  await expect(crash).rejects.toThrow(/^AssemblyScript ended without an answer: .*has crashed/);
  expect((await next).wasm).toBeDefined();
});

test("after close, tasks are refused", async () => {
  const other = new CompilerPool(1);
  const pending = other.compile(task("export function fine(): void {}"));
  const refused = expect(pending).rejects.toThrow(CompilerError);
  await other.close();
  await refused;
  await expect(other.compile(task(""))).rejects.toThrow("The builder has been closed");
});

test("a thread that is idle does not keep the process alive", { timeout: 60_000 }, async () => {
  const { href } = new URL("../../scripts/toolchain/build/compiler.ts", import.meta.url);
  await writeFile(join(folder, "idle.ts"), "export function one(): i32 { return 1; }");
  const asked = { ...task('export { one } from "../idle";'), generated: undefined, renames: undefined };
  const program = `import { CompilerPool } from ${JSON.stringify(href)};
    const asked = { ...${JSON.stringify(asked)}, renames: new Map() };
    asked.generated = new Map([["bindings/entry.ts", 'export { one } from "../idle";']]);
    const { wasm, failure } = await new CompilerPool(1).compile(asked);
    console.log(wasm === undefined ? failure : "compiled");`;
  // It ends by itself, or the time is up.
  const child = promisify(execFile)(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    timeout: 45_000,
  });
  expect((await child).stdout).toBe("compiled\n");
});
