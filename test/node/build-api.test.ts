/** `tenon/build` as programs use it, and what a project's package.json says of its modules. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, createHost, DecodeError, LinkError, type WorldDemand } from "../../host/node/index.ts";
import { bind, BuildError, type Builder, createBuilder, projectModules, types } from "../../scripts/toolchain/index.ts";
import { tenon } from "./shell.ts";

let root: string;
let builder: Builder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-api-"));
  builder = createBuilder({ cache: join(root, "cache"), threads: 1 });
});
afterAll(async () => {
  await builder.close();
  await rm(root, { recursive: true, force: true });
});

const wit = "package demo:tidy@1.0.0;\n\nworld tidy {\n  /// Twice as much.\n  export twice: func(n: u32) -> u32;\n}\n";
const source = "export function twice(n: u32): u32 {\n  return n * 2;\n}\n";

let projects = 0;
/** A project folder with these files. */
async function project(files: Readonly<Record<string, string | object>>): Promise<string> {
  const folder = join(root, `p${projects++}`);
  for (const [name, contents] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof contents === "string" ? contents : JSON.stringify(contents, null, 2));
  }
  return folder;
}

describe("a built module", () => {
  test("is put beside its sources, in a folder build, when nothing says where", async () => {
    const folder = await project({ "tidy/tidy.wit": wit, "tidy/index.ts": source });
    const { component, declarations, sourceDeclarations } = await builder.build({ dir: join(folder, "tidy") });
    const place = join(folder, "tidy", "build");
    expect([component, declarations, sourceDeclarations]).toEqual(
      ["tidy.wasm", "tidy.d.ts", "tidy.d.wasm.ts"].map((name) => join(place, name)),
    );
    const elsewhere = await builder.build({ dir: join(folder, "tidy"), outDir: join(folder, "out") });
    expect(elsewhere.component).toBe(join(folder, "out", "tidy.wasm"));
  });

  test("is a typed source where a program imports the file", async () => {
    const folder = await project({
      "tidy/tidy.wit": wit,
      "tidy/index.ts": source,
      "package.json": { type: "module" },
      "main.ts": `import { createHost } from "tenon";
        import tidy, { type Tidy } from "./tidy/build/tidy.wasm";
        const module = await createHost().load(tidy);
        export const twice: Tidy["exports"]["twice"] = module.exports.twice;
        export const four: number = module.exports.twice(2);
        // @ts-expect-error it takes a number
        module.exports.twice("2");
        // @ts-expect-error there is no such export
        module.exports.thrice(2);`,
      "tsconfig.json": {
        extends: resolve("host/node/tsconfig.json"),
        compilerOptions: {
          allowArbitraryExtensions: true,
          paths: { tenon: [resolve("host/node/index.ts")] },
          typeRoots: [resolve("node_modules/@types")],
          ...{ declaration: false, isolatedDeclarations: false, skipLibCheck: false },
        },
        include: ["main.ts", resolve("host/webassembly.d.ts")],
      },
    });
    await builder.build({ dir: join(folder, "tidy") });
    const tsc = resolve("node_modules/typescript/bin/tsc");
    expect(spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { encoding: "utf8" }).stdout).toBe("");
  });

  test("that is wrong is told as data", async () => {
    const folder = await project({ "tidy/tidy.wit": wit, "tidy/index.ts": `${source}let n: u32 = "no";\n` });
    const error = await builder.build({ dir: join(folder, "tidy") }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BuildError);
    expect((error as BuildError).issues).toEqual([
      {
        ...{ file: join(folder, "tidy", "index.ts"), line: 4, column: 14 },
        message: expect.stringContaining("not assignable") as string,
        hint: expect.any(String) as string,
      },
    ]);
  });
});

describe("bind", () => {
  test("gives the files of a component's bindings and writes none", async () => {
    const folder = await project({ "tidy/tidy.wit": wit, "tidy/index.ts": source });
    const { component } = await builder.build({ dir: join(folder, "tidy") });
    const { entry, files } = bind(await readFile(component), { name: "tidy" });
    expect(entry).toBe("tidy.js");
    expect([...files.keys()].sort()).toEqual(["tidy.core.wasm", "tidy.core2.wasm", "tidy.d.ts", "tidy.js"]);
    for (const [name, contents] of files) await writeFile(join(folder, name), contents);
    const bound = (await import(/* @vite-ignore */ pathToFileURL(join(folder, entry)).href)) as { default: never };
    const instance = await (
      await compile<{ imports: object; exports: { twice(n: number): number } }>(bound.default)
    ).instantiate();
    expect(instance.exports.twice(21)).toBe(42);
  });

  test("refuses what is no component", () => {
    expect(() => bind(new Uint8Array(8))).toThrow(DecodeError);
  });
});

describe("types", () => {
  const hostTests = async (folder: string, main: string): Promise<string> => {
    await writeFile(join(folder, "main.ts"), main);
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const config = {
      extends: resolve("host/node/tsconfig.json"),
      compilerOptions: {
        paths: { tenon: [resolve("host/node/index.ts")] },
        typeRoots: [resolve("node_modules/@types")],
        ...{ declaration: false, isolatedDeclarations: false, allowImportingTsExtensions: true, skipLibCheck: false },
      },
      include: ["*.ts", resolve("host/webassembly.d.ts")],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = resolve("node_modules/typescript/bin/tsc");
    return spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { encoding: "utf8" }).stdout;
  };

  test("give a world before there is a module of it, and say what they were read from", async () => {
    const folder = await project({ "wit/tidy.wit": wit });
    const { world, text, sources } = await types(join(folder, "wit"));
    expect(world).toBe("demo:tidy/tidy@1.0.0");
    expect(text).toContain("  /** Twice as much. */\n    twice(n: number): number;");
    expect(sources).toEqual([join(folder, "wit", "tidy.wit")]);
    await expect(types(join(folder, "wit"), { world: "tidi" })).rejects.toThrow('Did you mean "tidy"?');
  });

  test("as the option world of load they type the module and check the component", async () => {
    const rich = `package demo:rich@1.0.0;
      interface shapes { resource pen { constructor(); draw: func() -> string; } variant shape { dot, line(list<tuple<f64, u8>>) } }
      world rich { use shapes.{shape}; import log: func(text: string); export shapes; export area: func(of: shape) -> option<u64>; }`;
    const folder = await project({ "rich.wit": rich, "tidy/tidy.wit": wit, "tidy/index.ts": source });
    const [tidyFile, richFile] = [join(folder, "tidy-world.ts"), join(folder, "rich-world.ts")];
    const witFile = join(folder, "tidy", "tidy.wit");
    expect(await tenon("types", "--wit", witFile, "--out", tidyFile)).toMatchObject({ status: 0, err: "" });
    expect(await tenon("types", "--wit", join(folder, "rich.wit"), "--out", richFile)).toMatchObject({ status: 0 });
    const errors = await hostTests(
      folder,
      `import { createHost } from "tenon";
       import { tidy } from "./tidy-world.ts";
       import { rich } from "./rich-world.ts";
       const host = createHost();
       const module = await host.load("x.wasm", { world: tidy });
       export const n: number = module.exports.twice(2);
       // @ts-expect-error it takes a number
       module.exports.twice("2");
       const other = await host.load("y.wasm", { world: rich, imports: { log: (text) => console.log(text.length) } });
       export const area: bigint | undefined = other.exports.area({ tag: "line", val: [[1, 2]] });
       // @ts-expect-error the import takes a string
       await host.load("y.wasm", { world: rich, imports: { log: (text: number) => void text } });`,
    );
    expect(errors).toBe("");
    const { component } = await builder.build({ dir: join(folder, "tidy") });
    const worlds = (await import(/* @vite-ignore */ pathToFileURL(tidyFile).href)) as { tidy: WorldDemand };
    const richWorld = (await import(/* @vite-ignore */ pathToFileURL(richFile).href)) as { rich: WorldDemand };
    const host = createHost();
    const module = await host.load(component, { world: worlds.tidy });
    expect(module.get("twice")!(4)).toBe(8);
    await expect(host.load(component, { name: "rich", world: richWorld.rich })).rejects.toThrow(LinkError);
    // The description is that of the WIT, resources and all.
    expect(await tenon("types", "--wit", join(folder, "rich.wit"), "--out", richFile)).toMatchObject({ out: "" });
    await host.close();
  });

  test("are JavaScript with declarations when a .d.ts file is asked for", async () => {
    const folder = await project({ "tidy.wit": wit.replace("world tidy", "world class") });
    const made = await tenon("types", "--wit", join(folder, "tidy.wit"), "--out", join(folder, "w.d.ts"));
    expect(made).toMatchObject({ status: 0, err: "" });
    expect(
      await hostTests(folder, `import { class_ } from "./w.js"; export const all: readonly object[] = class_.exports;`),
    ).toBe("");
    const { class_ } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "w.js")).href)) as {
      class_: WorldDemand;
    };
    expect(class_.exports.map(({ name }) => name)).toEqual(["twice"]);
    const wrong = await tenon("types", "--wit", join(folder, "tidy.wit"), "--out", join(folder, "w.txt"));
    expect(wrong).toMatchObject({ status: 1 });
    expect(wrong.err).toContain("neither a .ts nor a .d.ts file");
  });
});

describe("the key tenon of package.json", () => {
  const tenonKey = { modules: { "plugins/*": {}, "extra/tidy": { outDir: "extra-out" } }, wit: "wit", outDir: "out" };

  test("says which modules there are, where their WIT is and where components go", async () => {
    const folder = await project({
      "package.json": { name: "p", tenon: tenonKey },
      "wit/tidy.wit": wit,
      "plugins/tidy/index.ts": source,
      "plugins/notes/readme.md": "no module",
      "extra/tidy/index.ts": source,
    });
    const dirs = await projectModules(join(folder, "plugins"));
    expect(dirs).toEqual([join(folder, "extra/tidy"), join(folder, "plugins/tidy")]);
    const [extra, plugin] = await Promise.all(dirs.map((dir) => builder.build({ dir })));
    expect(extra!.component).toBe(join(folder, "extra-out", "tidy.wasm"));
    expect(plugin!.component).toBe(join(folder, "out", "tidy.wasm"));
    expect(plugin!.sources).toContain(join(folder, "package.json"));
  });

  test.each([
    ["{", "package.json: The package.json is no JSON"],
    [{ tenon: [] }, 'package.json:2:3: Expected "tenon" to be an object, got []'],
    [{ tenon: { module: [] } }, 'package.json:3:5: Unknown setting "module" under `tenon`\n  Did you mean "modules"?'],
    [{ tenon: { wit: 5 } }, 'package.json:3:5: Expected "wit" to be a string, got 5'],
    [{ tenon: { modules: { a: { outdir: "x" } } } }, 'Did you mean "outDir"?'],
    [{ tenon: { modules: ["a/**"] } }, "a folder, or one that ends in /*"],
    [{ tenon: { features: "some" } }, 'Expected "features" to be a list of names, or "all", got "some"'],
  ])("%j is refused with its place", async (manifest, message) => {
    const folder = await project({ "package.json": manifest, "a/index.ts": source });
    await expect(projectModules(folder)).rejects.toThrow(BuildError);
    await expect(projectModules(folder)).rejects.toThrow(message);
  });

  test("is where tenon new notes a module, so that tenon build needs no arguments", async () => {
    const folder = await project({
      "package.json": `{\n\t"name": "p"\n}\n`,
      "somewhere/two.wit": `${wit}world other {}\n`,
    });
    const dir = join(folder, "plugins", "broom");
    const made = await tenon("new", dir, "--wit", join(folder, "somewhere"), "--world", "tidy");
    expect(made).toMatchObject({ status: 0, err: "" });
    expect(await readFile(join(folder, "package.json"), "utf8")).toBe(
      `{\n\t"name": "p",\n\t"tenon": {\n\t\t"modules": {\n\t\t\t"plugins/broom": {\n\t\t\t\t"wit": "somewhere",\n\t\t\t\t"world": "tidy"\n\t\t\t}\n\t\t}\n\t}\n}\n`,
    );
    expect(made.out).toMatch(/then: tenon build \S*plugins\/broom\n$/);
    const { component, world } = await builder.build({ dir });
    expect({ component, world }).toEqual({
      component: join(dir, "build", "broom.wasm"),
      world: "demo:tidy/tidy@1.0.0",
    });
    // A host's tsconfig.json that takes every file takes the guests too, which are another language.
    await writeFile(join(folder, "tsconfig.json"), '{ "compilerOptions": {} }');
    const taken = await tenon(
      "new",
      join(folder, "plugins", "mop"),
      "--wit",
      join(folder, "somewhere"),
      "--world",
      "tidy",
    );
    expect(taken.out).toMatch(
      /tsconfig\.json takes it for TypeScript: give it an "include" without \S*plugins\/mop\.\n/,
    );
    // A further one is added beside it; one that a pattern covers needs no entry.
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ tenon: { modules: ["plugins/*"], wit: "somewhere" } }),
    );
    await tenon("new", join(folder, "plugins", "tidy"));
    await tenon("new", join(folder, "extra"), "--world", "tidy");
    expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).toEqual({
      tenon: { modules: { "plugins/*": {}, extra: { world: "tidy" } }, wit: "somewhere" },
    });
  });
});

test("a folder wit further up is taken when it has one world", async () => {
  const folder = await project({ "wit/anything.wit": wit, "plugins/broom/index.ts": source });
  const { world } = await builder.build({ dir: join(folder, "plugins", "broom") });
  expect(world).toBe("demo:tidy/tidy@1.0.0");
  await writeFile(join(folder, "wit", "anything.wit"), `${wit}world other {}\n`);
  await expect(builder.build({ dir: join(folder, "plugins", "broom") })).rejects.toThrow(
    "There is no WIT for the module",
  );
});

test("tenon build without modules says what it wants", async () => {
  const folder = await project({ "package.json": {} });
  const program = ["--import", resolve("node_modules/tsx/dist/loader.mjs"), resolve("host/cli/index.ts"), "build"];
  const { status, stderr } = spawnSync(process.execPath, program, { cwd: folder, encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain("Expected DIR, or modules under the key tenon of package.json, got nothing");
});
