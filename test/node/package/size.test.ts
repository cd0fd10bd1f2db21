/** How large the host is in a page, minified and gzipped: what is loaded to start, and what only when it is needed. */
import { gzipSync } from "node:zlib";
import { build as bundle, type BuildResult, type Metafile, type Plugin } from "esbuild";
import { describe, expect, test } from "vitest";
import { root } from "./support.ts";

const HOST = `export * from "./host/browser/index.ts";`;
const WASI = `export * from "./host/browser/wasi.ts";`;
const COMPONENTS = `export { compile } from "./host/browser/index.ts";`;

type Bundle = BuildResult<{ write: false; metafile: true }>;

function bundleOf(contents: string, splitting: boolean, plugins: Plugin[] = []): Promise<Bundle> {
  return bundle({
    stdin: { contents, resolveDir: root, sourcefile: "entry.ts" },
    bundle: true,
    splitting,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "out",
    write: false,
    metafile: true,
    logLevel: "silent",
    absWorkingDir: root,
    plugins,
  });
}

/** What `import()` asks for is loaded when it is needed, and left out here. */
const untilNeeded: Plugin = {
  name: "until-needed",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^/ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined)),
};

/** Bytes of all that a page must have before anything runs, as one file. */
async function start(entry: string): Promise<number> {
  const { outputFiles } = await bundleOf(entry, false, [untilNeeded]);
  expect(outputFiles).toHaveLength(1);
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

/** A chunk and everything it imports outright. */
function closure(outputs: Metafile["outputs"], name: string, found = new Set<string>()): Set<string> {
  found.add(name);
  for (const { path, kind } of outputs[name]!.imports) {
    if (kind === "import-statement" && !found.has(path)) closure(outputs, path, found);
  }
  return found;
}

/** Bytes that a bundler which splits makes of the host, by what asks for them: the page, and each part that comes later. */
async function split(parts: Readonly<Record<string, string>>): Promise<Record<string, number>> {
  const { metafile, outputFiles } = await bundleOf(HOST, true);
  const { outputs } = metafile;
  const bytes = (names: Iterable<string>): number =>
    [...names].reduce((sum, name) => {
      const { contents } = outputFiles.find(({ path }) => path.endsWith(name))!;
      return sum + gzipSync(contents, { level: 9 }).length;
    }, 0);
  const first = closure(outputs, "out/stdin.js");
  const later = Object.entries(parts).map(([name, entryPoint]): [string, number] => {
    const chunk = Object.keys(outputs).find((output) => outputs[output]!.entryPoint === entryPoint)!;
    return [name, bytes([...closure(outputs, chunk)].filter((output) => !first.has(output)))];
  });
  return Object.fromEntries([["start", bytes(first)], ...later]);
}

describe("the size in a page", () => {
  test("of the whole host is at most 25 kB, and 14 kB of components and instances alone", async () => {
    const [host, components] = [await start(HOST), await start(COMPONENTS)];
    console.log(`in a page, gzipped: the host ${host} bytes, components and instances alone ${components} bytes`);
    expect(host).toBeLessThanOrEqual(25_000);
    expect(components).toBeLessThanOrEqual(14_000);
  });

  test("of what is loaded when it is needed is at most 47.7 kB for the compiler and 15.7 kB for linking, reload and refusals", async () => {
    const sizes = await split({ compiler: "host/runtime/compiler.ts", upkeep: "host/module/upkeep.ts" });
    console.log(`split into chunks, gzipped: ${JSON.stringify(sizes)}`);
    expect(sizes["start"]).toBeLessThanOrEqual(28_400);
    expect(sizes["compiler"]).toBeLessThanOrEqual(47_700);
    expect(sizes["upkeep"]).toBeLessThanOrEqual(15_700);
  });

  test("of WASI is at most 30 kB, which a page without it does not have", async () => {
    const wasi = await start(WASI);
    console.log(`in a page, gzipped: WASI ${wasi} bytes`);
    expect(wasi).toBeLessThanOrEqual(30_000);
  });

  test("of names is nothing: errors are called as they are documented when a page is minified", async () => {
    const [file] = (await bundleOf(HOST, false, [untilNeeded])).outputFiles;
    const host = (await import(
      `data:text/javascript;base64,${Buffer.from(file!.contents).toString("base64")}`
    )) as object;
    const named = Object.entries(host).filter(([name]) => /^[A-Z].*Error$/.test(name) && name !== "TenonError");
    expect(named.map(([name]) => name)).toContain("LimitError");
    const names = named.map(([name, made]) => {
      const passed = name === "LimitError" ? [{ limit: "resources" }] : [];
      const error = new (made as new (...args: unknown[]) => Error)("x", { offset: 0, section: "type" }, ...passed);
      return error.name;
    });
    expect(names).toEqual(named.map(([name]) => name));
  });

  test("counts no Node module", async () => {
    await expect(start(HOST)).resolves.toBeGreaterThan(0);
    await expect(start(`export * from "./host/node/index.ts";`)).rejects.toThrow("node:");
  });
});
