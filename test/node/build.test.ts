import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import { toolFiles } from "../../scripts/toolchain/build/cache.ts";
import { createModule } from "../../scripts/toolchain/build/create.ts";
import {
  BuildError,
  type Builder,
  type BuildIssue,
  type BuildResult,
  buildModule,
  createBuilder,
} from "../../scripts/toolchain/build/index.ts";
import { sections } from "../../scripts/toolchain/core-sections.ts";
import { metadataShow } from "../../scripts/toolchain/wasm-tools.ts";
import { tenon } from "./shell.ts";

const timeout = 60_000;
let root: string;
let builder: Builder;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-build-"));
  builder = createBuilder({ cache: join(root, "cache"), threads: 1 });
});
afterAll(async () => {
  await builder.close();
  await rm(root, { recursive: true, force: true });
});

const wit = `package demo:words@1.0.0;

/// Words.
interface api {
  /// Puts two together.
  join: func(a: string, b: string) -> string;
  count: func(words: list<string>) -> u32;
}

world words {
  export api;
}
`;
const source = `import { separator } from "./lib/separator";

export function join(a: string, b: string): string {
  return a + separator + b;
}

export function count(words: string[]): u32 {
  return words.length;
}
`;

let folders = 0;
/** A module folder with these files beside the usual ones; `undefined` leaves one out. */
async function moduleFolder(files: Record<string, string | undefined> = {}): Promise<string> {
  const folder = join(root, `m${folders++}`, "words");
  const all = {
    "words.wit": wit,
    "index.ts": source,
    "lib/separator.ts": 'export const separator: string = "-";',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    if (text === undefined) continue;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function build(dir: string, options: object = {}): Promise<BuildResult> {
  return builder.build({ dir, out: join(dir, "..", "out", "words.wasm"), ...options });
}

/** The issues of a build that must fail, with paths relative to the module. */
async function issues(dir: string, options: object = {}): Promise<BuildIssue[]> {
  const error = await build(dir, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BuildError)) throw error ?? new Error("Expected the build to fail");
  return error.issues.map((issue) => ({ ...issue, file: issue.file?.replace(`${dir}/`, "") }));
}

interface Words {
  imports: object;
  exports: { api: { join(a: string, b: string): string; count(words: string[]): number } };
}

async function load(file: string): Promise<Words["exports"]["api"]> {
  const component = await compile<Words>(file);
  return (await component.instantiate({})).exports.api;
}

describe("a build", () => {
  test("makes a component that runs, declarations, and bindings", { timeout }, async () => {
    const dir = await moduleFolder();
    const result = await build(dir);
    expect(result).toMatchObject({ name: "words", world: "demo:words/words@1.0.0", cached: false, warnings: [] });
    const api = await load(result.component);
    expect(api.join("a", "ö😀")).toBe("a-ö😀");
    expect(api.count(["x", "y", ""])).toBe(3);
    const text = await readFile(result.declarations, "utf8");
    expect(text).toContain("/** Puts two together. */\n  join(a: string, b: string): string;");
    expect(text).toContain("export interface Words extends World");
    expect((await readdir(dirname(result.component))).sort()).toEqual(["words.d.ts", "words.d.wasm.ts", "words.wasm"]);
    expect((await readdir(join(dir, "bindings"))).length).toBeGreaterThan(0);
    expect(result.sources).toEqual(
      expect.arrayContaining(["words.wit", "index.ts", "lib/separator.ts"].map((name) => join(dir, name))),
    );
    expect(result.sources.filter((path) => path.includes("bindings"))).toEqual([]);
    expect(result.bytes.component).toBe((await stat(result.component)).size);
  });

  test("is the same bit for bit, wherever the module is", { timeout }, async () => {
    const [one, two] = await Promise.all([build(await moduleFolder()), build(await moduleFolder())]);
    expect(await readFile(one.component)).toEqual(await readFile(two.component));
    expect(await readFile(one.declarations, "utf8")).toBe(await readFile(two.declarations, "utf8"));
    const again = await buildModule({ dir: dirname(one.bindings), out: join(root, "again.wasm"), cache: false });
    expect(await readFile(again.component)).toEqual(await readFile(one.component));
  });

  test("fills in the producers, and keeps names only when debugging", { timeout }, async () => {
    const dir = await moduleFolder();
    const plain = new Uint8Array(await readFile((await build(dir)).component));
    const debug = new Uint8Array(await readFile((await build(dir, { debug: true })).component));
    const producers = (await metadataShow(plain))[0]!.producers;
    expect(producers.map(([field, values]) => [field, values.map(([name]) => name)])).toEqual(
      expect.arrayContaining([
        ["language", ["AssemblyScript"]],
        ["sdk", ["tenon"]],
        ["processed-by", expect.arrayContaining(["asc", "binaryen"])],
      ]),
    );
    const coreSections = (bytes: Uint8Array): string[] => {
      const core = sections(bytes).filter(({ id }) => id === 1)[0]!;
      return sections(bytes.subarray(core.start, core.end))
        .map(({ name }) => name)
        .filter((name) => name !== "");
    };
    expect(coreSections(plain)).not.toContain("name");
    expect(coreSections(debug)).toContain("name");
  });
});

describe("the cache", () => {
  test("does nothing when nothing has changed, whatever the time stamps say", { timeout }, async () => {
    const dir = await moduleFolder();
    const first = await build(dir);
    await utimes(join(dir, "index.ts"), new Date(), new Date());
    const second = await build(dir);
    expect(second).toEqual({ ...first, cached: true, durationMs: second.durationMs });
    expect((await build(dir, { force: true })).cached).toBe(false);
    expect((await build(dir)).cached).toBe(true);
  });

  test.each<[string, (dir: string, result: BuildResult) => Promise<unknown>]>([
    ["a source", (dir) => writeFile(join(dir, "lib", "separator.ts"), 'export const separator: string = "+";')],
    ["the WIT", (dir) => writeFile(join(dir, "words.wit"), wit.replace("/// Words.", "/// Many words."))],
    ["the component", (_, { component }) => writeFile(component, "")],
    ["the declarations", (_, { declarations }) => rm(declarations)],
  ])("builds again when %s has changed", { timeout }, async (_, change) => {
    const dir = await moduleFolder();
    const first = await build(dir);
    await change(dir, first);
    expect((await build(dir)).cached).toBe(false);
    expect((await build(dir)).cached).toBe(true);
  });

  test(
    "compiles nothing when only comments of the WIT have changed that the bindings do not carry",
    { timeout },
    async () => {
      const dir = await moduleFolder();
      const first = await build(dir);
      await writeFile(join(dir, "words.wit"), `// A comment for readers of the WIT.\n${wit}`);
      const second = await build(dir);
      expect(second).toMatchObject({ cached: false, stages: { assemblyscript: 0 }, bytes: first.bytes });
      expect((await build(dir, { force: true })).stages.assemblyscript).toBeGreaterThan(0);
      await writeFile(join(dir, "index.ts"), source.replace("a + separator", "a + a"));
      expect((await build(dir)).stages.assemblyscript).toBeGreaterThan(0);
    },
  );

  test("depends on all of tenon that decides what comes out, and on nothing else", async () => {
    const root = process.cwd();
    const files = (await toolFiles()).map((file) => file.slice(root.length + 1));
    // The layout of values decides what the guest's text reads and writes, and the declarations say what arrays are given.
    expect(files).toEqual(
      expect.arrayContaining([
        ...["host/model/layout.ts", "host/abi/emit/numbers.ts", "host/binary/decode.ts", "host/model/types.ts"],
        ...[
          "scripts/toolchain/guest/abi.ts",
          "scripts/toolchain/guest/transform.ts",
          "scripts/toolchain/types/dts.ts",
          "scripts/toolchain/wasm-tools.ts",
        ],
        ...["scripts/toolchain/build/worker.ts", "scripts/toolchain/wit/docs.ts", "scripts/toolchain/core-sections.ts"],
        ...["scripts/toolchain/guest/assembly/abi.ts", "scripts/toolchain/guest/assembly/tenon.ts"],
      ]),
    );
    expect(files.filter((file) => /^host\/(module|runtime|bindings)\//.test(file))).toEqual([]);
  });

  test("two builds of one module at once are one build", { timeout }, async () => {
    const dir = await moduleFolder();
    const results = await Promise.all([build(dir), build(dir), build(dir)]);
    expect(results.map(({ cached }) => cached)).toEqual([false, true, true]);
  });
});

describe("what the author got wrong", () => {
  test("a missing export", { timeout }, async () => {
    const dir = await moduleFolder({ "index.ts": source.replace("function count", "function cuont") });
    expect(await issues(dir)).toEqual([
      {
        file: "index.ts",
        line: 7,
        column: 17,
        message: "The export `count` is missing, which the world wants for demo:words/api@1.0.0#count",
        hint: expect.stringMatching(
          /^Add to index\.ts: export function count\(words: .*\): u32.*or is it the one named `cuont` here\?$/,
        ),
      },
    ]);
  });

  test.each([
    [
      "a parameter of another type",
      "count(words: string[]): u32 {\n  return words.length",
      "count(words: i32): u32 {\n  return words",
    ],
    [
      "another result",
      "count(words: string[]): u32 {\n  return words.length",
      'count(words: string[]): string {\n  return ""',
    ],
    [
      "too few parameters",
      "join(a: string, b: string): string {\n  return a + separator + b",
      "join(a: string): string {\n  return a",
    ],
  ])("an export with %s", { timeout }, async (_, from, to) => {
    const text = source.replace(from, to);
    expect(text).not.toBe(source);
    const [issue, ...others] = await issues(await moduleFolder({ "index.ts": text }));
    expect(others).toEqual([]);
    const name = to.slice(0, to.indexOf("("));
    expect(issue).toMatchObject({
      file: "index.ts",
      line: text.slice(0, text.indexOf(`function ${name}`)).split("\n").length,
    });
    expect(issue!.message).toContain(`The export \`${name}\` does not have the type that the world wants`);
    expect(issue!.hint).toMatch(new RegExp(`^Declare it as: export function ${name}\\(`));
  });

  test.each([
    ["a type error", "return a + separator + b", "return words(a)", 4, "Cannot find name 'words'"],
    ["a syntax error", "return a + separator + b", "return a +;", 4, "Expression expected"],
    ["an import of nothing", "./lib/separator", "./lib/nothing", 1, "File 'lib/nothing.ts' not found"],
  ])("%s", { timeout }, async (_, from, to, line, message) => {
    const found = await issues(await moduleFolder({ "index.ts": source.replace(from, to) }));
    expect(found[0]).toMatchObject({ file: "index.ts", line, message, hint: expect.any(String) });
  });

  test("an error in another of the author's files has that file", { timeout }, async () => {
    const dir = await moduleFolder({ "lib/separator.ts": "\n\nexport const separator: string = 7;" });
    expect((await issues(dir))[0]).toMatchObject({ file: "lib/separator.ts", line: 3 });
  });

  test("a function that is declared and has no body", { timeout }, async () => {
    const separator = "declare function pick(): string;\n\nexport const separator: string = pick();";
    expect(await issues(await moduleFolder({ "lib/separator.ts": separator }))).toEqual([
      {
        ...{ file: "lib/separator.ts", line: 1, column: 1 },
        message: '`pick` is declared without a body, and no component gets it from "separator"',
        hint: "Write its body, or import what it gives through the WIT",
      },
    ]);
  });

  test("an error in the WIT", { timeout }, async () => {
    const dir = await moduleFolder({ "words.wit": wit.replace("-> u32", "-> uint32") });
    expect((await issues(dir))[0]).toMatchObject({
      file: "words.wit",
      line: 7,
      message: "Name `uint32` does not exist",
    });
  });

  test("what AssemblyScript cannot express is refused before any file is written", { timeout }, async () => {
    const dir = await moduleFolder({
      "words.wit": wit.replace("export api;", "export api;\n  export memory: func();"),
    });
    const [issue] = await issues(dir);
    expect(issue).toMatchObject({ file: "words.wit", line: 12 });
    expect(issue!.message).toContain("memory");
    expect((await readdir(dir)).sort()).toEqual(["index.ts", "lib", "words.wit"]);
  });

  test("nothing to build", async () => {
    expect((await issues(join(root, "nothing")))[0]!.message).toBe("There is no such module folder");
    expect((await issues(await moduleFolder({ "index.ts": undefined })))[0]!.message).toBe(
      "The module has no index.ts",
    );
    expect((await issues(await moduleFolder({ "words.wit": undefined })))[0]!.message).toBe(
      'There is no WIT for the module "words"',
    );
    expect((await issues(await moduleFolder(), { out: "words.wat" }))[0]!.message).toContain("does not end in .wasm");
    expect((await issues(await moduleFolder(), { world: "wordz" }))[0]!.hint).toContain('Did you mean "words"?');
  });

  test(
    "generated files that are no longer made go, and nothing that an author keeps among them",
    { timeout },
    async () => {
      const dir = await moduleFolder({
        "bindings/notes.md": "Mine",
        "bindings/helper.ts": "export const mine = 1;\n",
        "bindings/old.ts": "/**\n * An interface of yesterday. Generated by tenon: do not edit.\n */\n",
        "bindings/sub/old.ts": "// Generated by tenon: do not edit.\n",
      });
      await build(dir);
      const names = await readdir(join(dir, "bindings"));
      expect(names).toEqual(expect.arrayContaining(["notes.md", "helper.ts", "sub", "abi.ts", "entry.ts"]));
      expect(names).not.toContain("old.ts");
      expect(await readdir(join(dir, "bindings", "sub"))).toEqual(["old.ts"]);
      for (const name of ["abi.ts", "entry.ts", "tenon.ts"]) {
        const before = await readFile(join(dir, "bindings", name), "utf8");
        expect(before.split("\n").slice(0, 3).join("\n")).toContain("Generated by tenon: do not edit.");
      }
    },
  );

  test("an author's file where a generated one has to stand is kept, and told", { timeout }, async () => {
    const dir = await moduleFolder({ "bindings/abi.ts": "export const mine = 1;\n" });
    expect(await issues(dir)).toEqual([
      {
        file: "bindings/abi.ts",
        message: "A file that was not generated stands where one has to be written",
        hint: expect.any(String),
      },
    ]);
    expect(await readFile(join(dir, "bindings", "abi.ts"), "utf8")).toBe("export const mine = 1;\n");
    expect(await readdir(join(dir, "bindings"))).toEqual(["abi.ts"]);
  });

  test("a folder of bindings that is a link is refused, and what it leads to stays", { timeout }, async () => {
    const dir = await moduleFolder({
      "../victim/a.txt": "a",
      "../victim/sub/b.ts": "// Generated by tenon: do not edit.",
    });
    await symlink("../victim", join(dir, "bindings"));
    const [issue] = await issues(dir);
    expect(issue).toMatchObject({ file: "bindings", message: "The folder of generated bindings is a link" });
    expect((await readdir(join(dir, "..", "victim"), { recursive: true })).sort()).toEqual([
      "a.txt",
      "sub",
      "sub/b.ts",
    ]);
    // A new module is refused as well, before its skeleton is written.
    await rm(join(dir, "index.ts"));
    const made = createModule({ dir, wit: join(dir, "words.wit") });
    await expect(made).rejects.toThrow("The folder of generated bindings is a link");
    await expect(stat(join(dir, "index.ts"))).rejects.toThrow("ENOENT");
  });

  test("a failure leaves the earlier output as it was, and nothing half-written", { timeout }, async () => {
    const dir = await moduleFolder();
    const { component } = await build(dir);
    const before = await readFile(component);
    await writeFile(join(dir, "index.ts"), "export {};");
    expect((await issues(dir)).map(({ message }) => message.split(" ")[2])).toEqual(["`join`", "`count`"]);
    expect(await readFile(component)).toEqual(before);
    expect((await readdir(dirname(component))).sort()).toEqual(["words.d.ts", "words.d.wasm.ts", "words.wasm"]);
    expect((await readdir(join(dir, "bindings"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("tenon new, tenon build", () => {
  test("a new module builds at once; its exports trap until they are written", { timeout }, async () => {
    const dir = join(root, "fresh", "words");
    const witFile = join(root, "fresh", "other.wit");
    await mkdir(dirname(witFile), { recursive: true });
    await writeFile(witFile, wit);
    const created = await tenon("new", dir, "--wit", witFile, "--world", "words");
    expect(created).toMatchObject({ status: 0, err: "" });
    expect(created.out).toContain(`tenon build ${dir} --wit ${witFile}`);
    const out = join(root, "fresh", "out.wasm");
    const built = await tenon("build", dir, "--wit", witFile, "--out", out);
    expect(built).toMatchObject({ status: 0, err: "" });
    const api = await load(out);
    expect(() => api.join("a", "b")).toThrow(/[Nn]ot implemented/);
    const again = await tenon("new", dir, "--wit", witFile);
    expect(again).toMatchObject({ status: 1, out: "" });
    expect(again.err).toContain("index.ts: There is a module already");
  });

  test("a world, its package and its interfaces may have the names of keywords", { timeout }, async () => {
    const dir = join(root, "keyword", "type");
    await mkdir(join(dir, "wit", "deps"), { recursive: true });
    await writeFile(
      join(dir, "wit", "world.wit"),
      "package %interface:%use; world %type { import %from:%record/%enum; export f: func() -> u8; } world other {}",
    );
    await writeFile(
      join(dir, "wit", "deps", "enum.wit"),
      "package %from:%record; interface %enum { %list: func() -> bool; }",
    );
    const wit = join(dir, "wit");
    expect(await tenon("new", dir, "--wit", wit, "--world", "%type")).toMatchObject({ status: 0, err: "" });
    const out = join(root, "keyword", "out.wasm");
    for (const choice of [[], ["--world", "type"], ["--world", "%type"]]) {
      const built = await tenon("build", dir, "--wit", wit, "--out", out, "--force", ...choice);
      expect(built).toMatchObject({ status: 0, err: "" });
    }
    expect(await tenon("check", out, "--wit", wit, "--world", "%type")).toMatchObject({ status: 0, err: "" });
  });

  test("a failing build has status 1, and the author's file and line", { timeout }, async () => {
    const bad = await moduleFolder({ "index.ts": "export {};" });
    const { status, out, err } = await tenon("build", bad, "--out", join(root, "failed.wasm"));
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toContain(`${join(bad, "index.ts")}:1:1: The export \`join\` is missing`);
    await expect(stat(join(root, "failed.wasm"))).rejects.toThrow();
  });
});
