import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../host/cli/main.ts";
import { compile } from "../../host/node/index.ts";
import { componentEmbed, componentNew, parseWat } from "../../scripts/wasm-tools.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-cli-"));
afterAll(() => rm(root, { recursive: true, force: true }));

async function tenon(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const status = await main(args, { out: (text) => (out += text), err: (text) => (err += text) });
  return { status, out, err };
}

const file = join(root, "adder.wasm");
const wit = join(root, "adder.wit");

beforeAll(async () => {
  const source =
    "package demo:adder@1.0.0;\ninterface api { add: func(a: s32, b: s32) -> s32; }\nworld adder { export api; }\n";
  const core = await parseWat(`(module
    (func (export "demo:adder/api@1.0.0#add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`);
  await writeFile(file, await componentNew(await componentEmbed(core, { witSource: source })));
  await writeFile(wit, source);
});

describe("the command line", () => {
  test("says what there is, and how each command is used", async () => {
    const general = await tenon("--help");
    expect(general).toMatchObject({ status: 0, err: "" });
    for (const name of ["build", "new", "inspect", "check", "bind"]) {
      expect(general.out).toContain(`  ${name} `);
      const one = await tenon("help", name);
      expect(one.out).toContain(`Usage: tenon ${name} `);
      expect(one.out).not.toContain("undefined");
      expect(await tenon(name, "--help")).toEqual(one);
    }
    const version = (JSON.parse(await readFile("package.json", "utf8")) as { version: string }).version;
    expect((await tenon("--version")).out).toBe(`${version}\n`);
  });

  test.each([
    [[], ""],
    [["frobnicate"], "Unknown command frobnicate"],
    [["--frobnicate"], "Unknown option --frobnicate"],
    [["help", "frobnicate"], "Unknown command frobnicate"],
    [["inspect"], "Expected FILE, got nothing"],
    [["inspect", file, "more"], 'Unexpected argument "more"'],
    [["inspect", file, "--jsn"], "Unknown option --jsn: it takes --json"],
    [["inspect", file, "-x"], "Unknown option -x: it takes --json"],
    [["inspect", file, "--json", "--json"], "The option --json is given twice"],
    [["inspect", file, "--json=yes"], "does not take an argument"],
    [["check", file], "Expected the option --wit PATH"],
    [["check", file, "--wit"], "argument missing"],
    [["bind", file, "--constructor"], "Unknown option --constructor"],
    [["build", "a", "b", "--out", "c.wasm"], "is for one module"],
  ])("%j is a mistake of the caller: status 2", async (args, message) => {
    const { status, out, err } = await tenon(...args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain(message);
  });

  test("a failure has status 1 and a message without a stack", async () => {
    const missing = await tenon("inspect", join(root, "nothing.wasm"));
    expect(missing).toMatchObject({ status: 1, out: "" });
    expect(missing.err).toContain("nothing.wasm");
    expect(missing.err).not.toContain("    at ");
    const noComponent = await tenon("inspect", wit);
    expect(noComponent).toMatchObject({ status: 1, out: "" });
    expect(noComponent.err).toMatch(/adder\.wit: .*\(at byte 0/);
  });
});

describe("inspect", () => {
  test("text shows the WIT, the core modules and the producers", async () => {
    const { status, out } = await tenon("inspect", file);
    expect(status).toBe(0);
    expect(out).toContain("export demo:adder/api@1.0.0;");
    expect(out).toContain("add: func(a: s32, b: s32) -> s32");
  });

  test("--json is plain data", async () => {
    const { out } = await tenon("inspect", file, "--json");
    const data = JSON.parse(out) as { hash: string; byteLength: number; exports: { name: string }[] };
    expect(data.exports.map(({ name }) => name)).toEqual(["demo:adder/api@1.0.0"]);
    expect(data.byteLength).toBe((await readFile(file)).length);
    expect(data.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("check", () => {
  test("a component fits the world it was made for", async () => {
    expect(await tenon("check", file, "--wit", wit, "--world", "adder")).toEqual({
      status: 0,
      out: `${file} fits the world demo:adder/adder@1.0.0\n`,
      err: "",
    });
  });

  test("everything that does not fit is told, with what was wanted and found", async () => {
    const other = join(root, "other.wit");
    await writeFile(
      other,
      `package demo:adder@1.0.0;
       interface api { add: func(a: s32, b: s64) -> s32; }
       world adder { export api; export sub: func(); }`,
    );
    const { status, out, err } = await tenon("check", file, "--wit", other);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toContain("demo:adder/api@1.0.0: `add`: parameter 2 `b`: expected s64, found s32");
    expect(err).toContain("sub: the component does not export it");
    const json = await tenon("check", file, "--wit", other, "--json");
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      fits: false,
      issues: [{ problem: "missing" }, { problem: "mismatch" }],
    });
  });

  test("an error in the WIT has its line", async () => {
    const broken = join(root, "broken.wit");
    await writeFile(broken, "package a:b;\nworld w { export f: func(a: nope); }");
    expect((await tenon("check", file, "--wit", broken)).err).toContain("broken.wit:2:29: Name `nope` does not exist");
  });
});

describe("bind", () => {
  test("writes bindings that load without evaluation, declarations and core modules", async () => {
    const folder = join(root, "bound");
    const { status, out } = await tenon("bind", file, "--out", folder);
    expect(status).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(["adder.core.wasm", "adder.d.ts", "adder.js"]);
    expect(out.trim().split("\n")).toHaveLength(3);
    const bound = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "adder.js")).href)) as { default: never };
    const component = await compile(bound.default);
    const instance = await component.instantiate();
    expect((instance.exports as { api: { add(a: number, b: number): number } }).api.add(2, 3)).toBe(5);
    const text = await readFile(join(folder, "adder.d.ts"), "utf8");
    expect(text).toContain("export interface Adder extends World");
    expect(text).toContain("export default component;");
    await WebAssembly.compile(await readFile(join(folder, "adder.core.wasm")));
  });
});
