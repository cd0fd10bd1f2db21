/** One application, built by each bundler through `tenon/plugin`, and run. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { ANSWERS, bundlers, filesOf, GREETER_WIT, greeterSource, makeApp, remove } from "./app.ts";
import { caught } from "../host/support.ts";
import { runIn, runtimes } from "./runtimes.ts";

const execute = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await makeApp();
});
afterAll(() => remove(folder));

const run = (out: string, ...options: string[]): Promise<unknown> =>
  runIn(process.execPath, [...options, join(out, "main.js")]);

describe.each(Object.entries(bundlers))("an application that %s builds", (name, build) => {
  const out = (kind: string): string => join(folder, kind, name);
  beforeAll(async () => {
    await build({ folder, out: out("out"), options: {} });
    await build({ folder, out: out("bound"), options: { bind: true } });
  });

  test("imports components as assets with a hash, and loads them under the names they have in development", async () => {
    expect(await run(out("out"))).toEqual(ANSWERS);
    const assets = (await filesOf(out("out"))).filter((file) => file.endsWith(".wasm"));
    expect(assets).toHaveLength(2);
    for (const asset of assets) expect(asset).toMatch(/[\w-]{8,}\.wasm$/);
  });

  test("needs no evaluation with bind", async () => {
    expect(await run(out("bound"), "--disallow-code-generation-from-strings")).toEqual(ANSWERS);
  });

  for (const { name: runtime, path, parameters } of runtimes) {
    // Where it is not on this machine; in CI it always is.
    test.skipIf(path === undefined)(`runs in ${runtime} as it is, bound or not`, async () => {
      expect(await runIn(path!, [...parameters, join(out("out"), "main.js")])).toEqual(ANSWERS);
      expect(await runIn(path!, [...parameters, join(out("bound"), "main.js")])).toEqual(ANSWERS);
    });
  }
});

test("bind is needed where evaluation is forbidden", async () => {
  const out = join(folder, "unbound");
  await bundlers.rollup({ folder, out, options: {} });
  expect(await caught(run(out, "--disallow-code-generation-from-strings"))).toMatchObject({
    stderr: expect.stringContaining("UnsupportedError"),
  });
});

test("the types of what is imported are written beside it, and a host infers the worlds from them", async () => {
  await bundlers.rollup({ folder, out: join(folder, "typed"), options: {} });
  await writeFile(
    join(folder, "typed.ts"),
    `import { createHost } from "tenon";
     import byWorld from "./greeter/world.wit";
     import byFolder from "./greeter";
     import math from "./math.wasm";
     const host = createHost();
     const greeter = await host.load(byWorld, { imports: { log: (text) => void text.length } });
     const answer: string = greeter.exports.greet("Ada");
     const sum: number = (await host.load(math)).exports.api.add(answer.length, 1);
     // @ts-expect-error
     greeter.exports.greet(sum);
     // @ts-expect-error
     await host.load(byFolder, { imports: { lag: () => {} } });
     // @ts-expect-error
     (await host.load(byFolder)).exports.great("Ada");`,
  );
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2022",
        lib: ["es2023", "dom", "esnext.disposable"],
        module: "esnext",
        moduleResolution: "bundler",
        strict: true,
        noEmit: true,
        allowArbitraryExtensions: true,
        types: [],
      },
      files: ["typed.ts"],
    }),
  );
  const tsc = join(folder, "node_modules", "tenon", "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await execute(process.execPath, [tsc, "-p", folder]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe("");
});

test("a core module is left to the bundler, and so are folders of the program", async () => {
  const here = await makeApp({
    "core.wasm": await parseWat(`(module (func (export "f")))`),
    "plain/index.ts": "export const plain = 1;",
    "main.js": `import { plain } from "./plain"; import core from "./core.wasm"; console.log(JSON.stringify([plain, core]));`,
  });
  try {
    const failed = await caught(bundlers.rollup({ folder: here, out: join(here, "out"), options: {} }));
    // Rollup by itself knows neither: it takes a folder for a file, and WebAssembly for JavaScript.
    expect(String(failed)).toMatch(/plain|core\.wasm/);
    await bundlers.esbuild({ folder: here, out: join(here, "es"), options: {} }).catch((error: unknown) => {
      expect(String(error)).toMatch(/No loader is configured for "\.wasm" files: .*core\.wasm/);
    });
    expect(await filesOf(join(here, "plain"))).toEqual(["index.ts"]);
  } finally {
    await remove(here);
  }
});

test("modules that the project lists are found by their folder, and by a WIT that stands elsewhere", async () => {
  const here = await makeApp({
    "package.json": JSON.stringify({ name: "app", private: true, type: "module", tenon: { modules: ["plugins/*"] } }),
    "wit/greeter.wit": GREETER_WIT,
    "plugins/greeter/index.ts": greeterSource("Hei"),
    "main.js": `import { createHost } from "tenon";
      import byWorld from "./wit/greeter.wit";
      import byFolder from "./plugins/greeter";
      const host = createHost();
      const { exports } = await host.load(byWorld, { imports: { log: () => {} } });
      console.log(JSON.stringify([exports.greet("Ada"), byFolder.hash === byWorld.hash, byFolder.name]));`,
  });
  try {
    await bundlers.esbuild({ folder: here, out: join(here, "out"), options: {} });
    expect(await run(join(here, "out"))).toEqual(["Hei, Ada!", true, "greeter"]);
    expect(await readFile(join(here, "wit", "greeter.d.wit.ts"), "utf8")).toContain("interface Greeter extends World");
  } finally {
    await remove(here);
  }
});

const BAD_WIT = "package my:greeter;\n\nworld greeter {\n  expart greet: func();\n}\n";

describe.each(Object.entries(bundlers))("a WIT that does not parse, built by %s", (name, build) => {
  test("ends the build with file and line", async () => {
    const here = await makeApp({ "greeter/world.wit": BAD_WIT });
    try {
      const error = await caught(build({ folder: here, out: join(here, "out", name), options: {} }));
      const words = JSON.stringify([String(error), (error as { errors?: unknown }).errors]);
      expect(words).toContain("greeter/world.wit:4:");
    } finally {
      await remove(here);
    }
  });
});

test("a module that does not compile ends the build with the author's file, line and the lines around", async () => {
  const source = "\nexport function greet(name: string): string {\n  return nam;\n}\n";
  const here = await makeApp({ "greeter/index.ts": source });
  try {
    const error = await caught(bundlers.rollup({ folder: here, out: join(here, "out"), options: {} }));
    const file = join(here, "greeter", "index.ts");
    expect(error).toMatchObject({ loc: { file, line: 3, column: 9 }, plugin: "tenon" });
    expect(String(error)).toContain(`${file}:3:10: Cannot find name 'nam'`);
    expect((error as { frame: string }).frame).toContain("3 |   return nam;\n  |          ^");
  } finally {
    await remove(here);
  }
});

test("a WIT without a module, an unknown option and a target that a bundler cannot have are refused with what to do", async () => {
  const here = await makeApp({
    "lone/lone.wit": "package a:b;\nworld lone {}\n",
    "main.js": `import lone from "./lone/lone.wit"; console.log(lone);`,
  });
  try {
    const error = await caught(bundlers.rollup({ folder: here, out: join(here, "out"), options: {} }));
    expect(String(error)).toContain("No module implements this WIT");
    const unknown = bundlers.rollup({ folder: here, out: here, options: { bound: true } as object });
    expect(String(await caught(unknown))).toContain("Unknown option bound of tenon/plugin");
    const failed = await caught(
      (async () => bundlers.webpack({ folder: here, out: here, options: { target: "workerd" } }))(),
    );
    expect(String(failed)).toContain("and not in webpack");
  } finally {
    await remove(here);
  }
});
