/** Debug and release builds, and source maps: judged by Node's own reader of maps and by where the engine says it trapped. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { SourceMap, type SourceMapPayload } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuildResult, type Builder, createBuilder } from "../../scripts/toolchain/index.ts";
import { sections } from "../../scripts/toolchain/core-sections.ts";

let root: string;
let builder: Builder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-map-"));
  builder = createBuilder({ cache: join(root, "cache"), threads: 1 });
});
afterAll(async () => {
  await builder.close();
  await rm(root, { recursive: true, force: true });
});

const wit = `package t:t;
world faults {
  export divide: func(a: s32, b: s32) -> s32;
  export item: func(at: u32) -> u32;
  export jump: func(n: u32) -> u32;
}`;
const index = `import { jumpTo } from "./lib/jump";

export function divide(a: i32, b: i32): i32 {
  const first = a + 1;
  return first / b;
}

export function item(at: u32): u32 {
  const all: u32[] = [1, 2, 3];
  return all[at];
}

export function jump(n: u32): u32 {
  return jumpTo(n);
}
`;
const jump = `export function jumpTo(n: u32): u32 {
  if (n > 3) unreachable();
  return n;
}
`;

let folders = 0;
async function moduleFolder(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = join(root, `m${folders++}`, "faults");
  for (const [name, text] of Object.entries({ "faults.wit": wit, "index.ts": index, "lib/jump.ts": jump, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** The main core module of a component, as it stands in the file. */
async function coreOf({ component }: BuildResult): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await readFile(component));
  const { start, end } = sections(bytes).find(({ id }) => id === 1)!;
  return bytes.slice(start, end);
}

/** What the section says of the map. */
function mapUrl(core: Uint8Array<ArrayBuffer>): string | undefined {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(core), "sourceMappingURL");
  if (section === undefined) return undefined;
  const bytes = new Uint8Array(section);
  let [length, at] = [0, 0];
  do length |= (bytes[at]! & 0x7f) << (7 * at);
  while (bytes[at++]! >= 0x80);
  expect(at + length).toBe(bytes.length);
  return new TextDecoder().decode(bytes.subarray(at));
}

/** Calls an export that traps, and finds the engine's own position in the map. */
function positions(core: Uint8Array<ArrayBuffer>, map: SourceMapPayload, name: string, ...args: number[]): string[] {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(core), { env: {} });
  const reader = new SourceMap(map);
  // The engine's own frames, not the text that a test runner has rewritten.
  const prepare = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, sites) =>
    sites.filter((site) => site.getFileName()?.startsWith("wasm://")).map((site) => site.getPosition());
  try {
    (instance.exports[name] as (...args: number[]) => unknown)(...args);
  } catch (error) {
    return (error as unknown as { stack: number[] }).stack.map((offset) => {
      const { originalSource, originalLine, originalColumn } = reader.findEntry(0, offset) as {
        originalSource: string;
        originalLine: number;
        originalColumn: number;
      };
      return `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
    });
  } finally {
    Error.prepareStackTrace = prepare;
  }
  throw new Error("Expected a trap");
}

describe("a debug build", () => {
  test("holds a source map that fits its code, with paths from where the build ran", async () => {
    const dir = await moduleFolder();
    const core = await coreOf(await builder.build({ dir, debug: true }));
    const url = mapUrl(core)!;
    expect(url).toMatch(/^data:application\/json;base64,/);
    const map = (await (await fetch(url)).json()) as SourceMapPayload & { sourceRoot?: string };
    const here = relative(process.cwd(), dir);
    expect(map.sourceRoot).toBeUndefined();
    expect(map.version).toBe(3);
    expect(map.sources).toEqual(
      expect.arrayContaining([
        join(here, "index.ts"),
        join(here, "lib", "jump.ts"),
        join(here, "bindings", "entry.ts"),
      ]),
    );
    expect(map.sources).toContain("~lib/array.ts");
    expect(map.sourcesContent[map.sources.indexOf(join(here, "index.ts"))]).toBe(index);
    // The library's own text is not in it.
    const library = map.sources.flatMap((name, i) => (name.startsWith("~lib/") ? [map.sourcesContent[i]] : []));
    expect(new Set(library)).toEqual(new Set([null]));
    const own = join(here, "index.ts");
    expect(positions(core, map, "divide", 1, 0)[0]).toBe(`${own}:5:10`);
    expect(positions(core, map, "jump", 4).slice(0, 2)).toEqual([
      `${join(here, "lib", "jump.ts")}:2:14`,
      `${own}:14:10`,
    ]);
  });

  test("is not optimised and has names", async () => {
    const dir = await moduleFolder();
    const debug = await builder.build({ dir, debug: true });
    await builder.build({ dir, out: join(root, "release.wasm") });
    const [slow, quick] = [await coreOf(debug), await readFile(join(root, "release.wasm"))];
    const names = (core: Uint8Array<ArrayBuffer>): number =>
      WebAssembly.Module.customSections(new WebAssembly.Module(core), "name").length;
    expect(names(slow)).toBe(1);
    expect(slow.length).toBeGreaterThan(quick.length * 2);
    await writeFile(join(dir, "lib/jump.ts"), jump.replace("> 3", "> 5"));
    const again = await builder.build({ dir, debug: true });
    console.log(`a debug build with warm compilers takes ${Math.round(again.durationMs)} ms`);
    expect(again.cached).toBe(false);
  });
});

describe("a release build", () => {
  test("has no map and no names", async () => {
    const core = await coreOf(await builder.build({ dir: await moduleFolder() }));
    expect(mapUrl(core)).toBeUndefined();
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(core), "name")).toEqual([]);
  });

  test("can have its map beside it, which changes no code", async () => {
    const dir = await moduleFolder();
    const plain = await coreOf(await builder.build({ dir, out: join(root, "plain.wasm") }));
    const result = await builder.build({ dir, sourceMap: "file" });
    const core = await coreOf(result);
    expect(mapUrl(core)).toBe("faults.wasm.map");
    const map = JSON.parse(await readFile(`${result.component}.map`, "utf8")) as SourceMapPayload;
    expect(positions(core, map, "divide", 1, 0)[0]).toMatch(/index\.ts:5:\d+$/);
    const code = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => {
      const { offset, end } = sections(bytes).find(({ id }) => id === 10)!;
      return bytes.subarray(offset, end);
    };
    expect(code(core)).toEqual(code(plain));
    // The cache knows the map too: one that went is written again.
    await rm(`${result.component}.map`);
    expect(await builder.build({ dir, sourceMap: "file" })).toMatchObject({ cached: false });
    expect(JSON.parse(await readFile(`${result.component}.map`, "utf8"))).toEqual(map);
  });
});

describe("AssemblyScript's compiler", () => {
  const files = { "faults.wit": "package t:t; world faults { export f: func() -> s32; }" };

  test("gets the transforms that the author names, and sees their changes", async () => {
    const source = "const one = 1;\nconst two = 2;\nexport function f(): i32 {\n  return zero;\n}\n";
    const dir = await moduleFolder({ ...files, "index.ts": source });
    // What the compiler cannot find, the transform names.
    const text = (name: string): string => `export default class {
      afterParse(parser) {
        const index = parser.sources.find(({ internalPath }) => internalPath === "index");
        index.statements[2].body.statements[0].value.text = "${name}";
      }
    }`;
    const path = join(dir, "..", "naming.mjs");
    const run = async (): Promise<unknown> => {
      const core = await coreOf(await builder.build({ dir, transforms: [path] }));
      return (new WebAssembly.Instance(new WebAssembly.Module(core), { env: {} }).exports["f"] as () => unknown)();
    };
    await writeFile(path, text("one"));
    expect(await run()).toBe(1);
    await writeFile(path, text("two"));
    expect(await run()).toBe(2);
    await expect(builder.build({ dir })).rejects.toThrow("zero");
    await expect(builder.build({ dir, transforms: ["no-such-transform/x"] })).rejects.toThrow(
      'There is no transform "no-such-transform/x"\n  Install it: npm install --save-dev no-such-transform',
    );
  });

  test("gets a transform whose files import each other, each once", async () => {
    const dir = await moduleFolder({ ...files, "index.ts": "export function f(): i32 {\n  return 1;\n}\n" });
    const path = join(dir, "..", "knot.mjs");
    await writeFile(
      path,
      `import { same } from "./twin.mjs";
       export default class Knot { afterParse() { if (!same(Knot)) throw new Error("It is there twice"); } }`,
    );
    await writeFile(
      join(dir, "..", "twin.mjs"),
      `import Knot from "./knot.mjs"; export const same = (one) => one === Knot;`,
    );
    expect(await builder.build({ dir, transforms: [path] })).toMatchObject({ cached: false });
  });

  test("gets the options that the author gives, but for those that the build decides", async () => {
    const dir = await moduleFolder({
      ...files,
      "index.ts": "export function f(): i32 {\n  return ASC_FEATURE_SIMD ? 1 : 2;\n}\n",
    });
    const run = async (asc: string[]): Promise<unknown> => {
      const core = await coreOf(await builder.build({ dir, asc }));
      return (new WebAssembly.Instance(new WebAssembly.Module(core), { env: {} }).exports["f"] as () => unknown)();
    };
    expect(await run([])).toBe(2);
    expect(await run(["--enable", "simd"])).toBe(1);
    await expect(builder.build({ dir, asc: ["--runtime", "stub"] })).rejects.toThrow(
      "The option --runtime of AssemblyScript's compiler cannot be given: the build decides it",
    );
    await expect(builder.build({ dir, asc: ["--enabel", "simd"] })).rejects.toThrow(
      "AssemblyScript's compiler has no option --enabel",
    );
  });
});
