import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BoundComponent, compile } from "../../host/node/index.ts";
import type { Inspection } from "../../host/runtime/inspect.ts";
import { componentEmbed, componentNew, emptyModule, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { tenon } from "./shell.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-cli-"));
afterAll(() => rm(root, { recursive: true, force: true }));

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

/** A component of a world whose functions do nothing. */
async function dummy(witSource: string): Promise<Uint8Array> {
  return componentNew(await componentEmbed(emptyModule, { witSource, dummy: true }));
}

describe("the command line", () => {
  test("says what there is, and how each command is used", async () => {
    const general = await tenon("--help");
    expect(general).toMatchObject({ status: 0, err: "" });
    for (const name of [
      "init",
      "new",
      "build",
      "types",
      "run",
      "inspect",
      "review",
      "check",
      "bind",
      "keygen",
      "sign",
      "verify",
    ]) {
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
    [["frobnicate"], "Unknown command frobnicate\n"],
    [["bulid"], "Unknown command bulid; did you mean build?"],
    [["--frobnicate"], "Unknown option --frobnicate"],
    [["help", "frobnicate"], "Unknown command frobnicate"],
    [["inspect"], "Expected FILE, got nothing"],
    [["inspect", file, "more"], 'Unexpected argument "more"'],
    [["inspect", file, "--jsn"], "Unknown option --jsn: did you mean --json?"],
    [["inspect", file, "-x"], "Unknown option -x: it takes --wit, --json"],
    [["inspect", file, "--json", "--json"], "The option --json is given twice"],
    [["inspect", file, "--json=yes"], "does not take an argument"],
    [["check", file], "Expected the option --wit PATH"],
    [["check", file, "--wit"], "argument missing"],
    [["bind", file, "--constructor"], "Unknown option --constructor"],
    [["build", "a", "b", "--out", "c.wasm"], "is for one module"],
    [["build", "a", "--debug", "--release"], "exclude each other"],
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

async function readInspection(): Promise<Inspection> {
  return JSON.parse((await tenon("inspect", file, "--json")).out) as Inspection;
}

describe("inspect", () => {
  test("text shows the WIT, the core modules and the producers", async () => {
    const { status, out } = await tenon("inspect", file);
    expect(status).toBe(0);
    expect(out).toContain("export demo:adder/api@1.0.0;");
    expect(out).toContain("add: func(a: s32, b: s32) -> s32");
    const [, modules, producers] = /\ncore modules:\n([^]*?)\n\nproducers:\n([^]*)$/.exec(out)!;
    const sizes = (await readInspection()).modules.map(({ byteLength }) => byteLength);
    expect(modules!.split("\n")).toEqual(
      sizes.map((size, index) => expect.stringMatching(`^  ${index}: ${size} bytes, `)),
    );
    expect(modules).toContain(", 1 exports");
    expect(producers).toMatch(/^ {2}processed-by: .*wit-component \d+\.\d+\.\d+/m);
  });

  test("--wit prints a WIT that the component fits, and nothing else", async () => {
    const { status, out } = await tenon("inspect", file, "--wit");
    expect(status).toBe(0);
    const printed = join(root, "only.wit");
    await writeFile(printed, out);
    expect(await tenon("check", file, "--wit", printed)).toMatchObject({ status: 0, err: "" });
  });

  test("its text is a WIT that the component fits", async () => {
    const { out } = await tenon("inspect", file);
    const printed = join(root, "printed.wit");
    await writeFile(printed, out.slice(out.indexOf("package "), out.indexOf("core modules:")));
    expect(await tenon("check", file, "--wit", printed)).toMatchObject({ status: 0, err: "" });
  });

  test("what others named steers no terminal and forges no line, as text and as JSON", async () => {
    const hostile = join(root, "hostile.wasm");
    const evil = "\u001b[2J\u009b2J\u202e\nworld forged {}\u2028";
    const bare = await parseWat(
      `(component (core module (memory (export "${[...evil].map((c) => `\\u{${c.codePointAt(0)!.toString(16)}}`).join("")}") 1)))`,
    );
    const text = (value: string): Buffer => {
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    };
    const fields = [
      ["__proto__", "a", "1"],
      ["constructor", "b", "2"],
      ["language", evil, "3"],
    ].map(([field, name, version]) => Buffer.concat([text(field!), Buffer.from([1]), text(name!), text(version!)]));
    const payload = Buffer.concat([text("producers"), Buffer.from([fields.length]), ...fields]);
    const made = Buffer.concat([bare, Buffer.from([0, payload.length]), payload]);
    await writeFile(hostile, made);
    const { status, out } = await tenon("inspect", hostile);
    expect(status).toBe(0);
    // eslint-disable-next-line no-control-regex
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(out).not.toMatch(/^world forged/m);
    expect(out).toContain('memory "\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{a}world forged {}\\u{2028}" 1..');
    expect(out).toContain("  __proto__: a 1\n  constructor: b 2\n  language: \\u{1b}");
    const json = (await tenon("inspect", hostile, "--json")).out;
    // eslint-disable-next-line no-control-regex
    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
    const data = JSON.parse(json) as { producers: object; modules: { memories: { name: string }[] }[] };
    expect(data.modules[0]!.memories[0]!.name).toBe(evil);
    expect(Object.keys(data.producers)).toEqual(expect.arrayContaining(["__proto__", "constructor", "language"]));
    // The names of files as well.
    const missing = await tenon("inspect", join(root, "no\u001b]0;title\u0007.wasm"));
    expect(missing.err).toContain("no\\u{1b}]0;title\\u{7}.wasm");
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

  test("everything that does not fit is told, and nothing that fits", async () => {
    const made = join(root, "shapes.wasm");
    const shapes = (fields: string, more: string): string => `package demo:shapes@1.0.0;
      interface api {
        record point { ${fields} }
        move: func(p: point) -> point;
        same: func(a: string) -> string;
        ${more}
      }
      world shapes { export api; export ready: func() -> bool; }`;
    const found = shapes("x: s32, y: s32", "scale: func(by: u8);");
    await writeFile(made, await dummy(found));
    const other = join(root, "other.wit");
    const wanted = shapes("x: s32, y: f64", "scale: func(by: u16) -> u8; turn: func(by: f32);");
    await writeFile(
      other,
      wanted.replace("-> bool", "-> u8").replace("export ready", "export start: func(); export ready"),
    );
    const { status, out, err } = await tenon("check", made, "--wit", other);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toBe(`${made} does not fit the world demo:shapes/shapes@1.0.0:
  export start: the component does not export it
      wanted func()
  export ready: result: expected u8, found bool
      wanted func() -> u8
      found  func() -> bool
  export demo:shapes/api@1.0.0
    point: field \`y\`: expected f64, found s32
    scale: parameter 1 \`by\`: expected u16, found u8
      wanted func(by: u16) -> u8
      found  func(by: u8)
    turn: the component does not export it
      wanted func(by: f32)
`);
    const json = await tenon("check", made, "--wit", other, "--json");
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      fits: false,
      issues: expect.arrayContaining([
        expect.objectContaining({ export: "start", problem: "missing" }),
        expect.objectContaining({ export: "demo:shapes/api@1.0.0#scale", problem: "mismatch" }),
      ]) as object,
    });
  });

  test("an import that the world does not give is told from the component's side", async () => {
    const made = join(root, "asks.wasm");
    await writeFile(
      made,
      await dummy("package a:b; interface i { f: func(); } world w { import i; import g: func(); }"),
    );
    const other = join(root, "asks.wit");
    await writeFile(other, "package a:b; interface i { h: func(); } world w { import i; }");
    expect((await tenon("check", made, "--wit", other)).err).toBe(`${made} does not fit the world a:b/w:
  import a:b/i
    f: the world does not import it
      wanted func()
  import g: the world does not import it
      wanted func()
`);
  });

  test("an error in the WIT has its line", async () => {
    const broken = join(root, "broken.wit");
    await writeFile(broken, "package a:b;\nworld w { export f: func(a: nope); }");
    expect((await tenon("check", file, "--wit", broken)).err).toContain("broken.wit:2:29: Name `nope` does not exist");
  });
});

test("a reader that stops early ends neither the work nor the program with an error", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "host/cli/index.ts", "inspect", file], { stdio: "pipe" });
  child.stdout.destroy();
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const status = await new Promise((done) => child.on("close", done));
  expect({ status, said }).toEqual({ status: 0, said: "" });
});

describe("bind", () => {
  test("a file's name ends no comment", async () => {
    const odd = join(root, "odd\nexport type Pwned = 1;.wasm");
    await copyFile(file, odd);
    const folder = join(root, "odd-bound");
    expect(await tenon("bind", odd, "--out", folder)).toMatchObject({ status: 0, err: "" });
    for (const name of await readdir(folder)) {
      if (!name.endsWith(".wasm"))
        expect(await readFile(join(folder, name), "utf8")).not.toMatch(/^export type Pwned/m);
    }
  });

  test("--jspi and --limits write calls that may wait, of core modules that can be kept within limits", async () => {
    const folder = join(root, "bound-jspi");
    expect(await tenon("bind", file, "--out", folder, "--jspi", "--limits")).toMatchObject({ status: 0, err: "" });
    const { default: bound } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "adder.js")).href)) as {
      default: BoundComponent;
    };
    expect(bound.metered).toHaveLength(1);
    await expect(compile(bound)).rejects.toThrow("for calls that may wait: load it with jspi: true");
  });

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
