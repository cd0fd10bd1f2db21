/** How large the host is in a page, minified and gzipped: what is loaded to start, and what only when it is needed. */
import { gzipSync } from "node:zlib";
import { build as bundle, type BuildResult } from "esbuild";
import { describe, expect, test } from "vitest";
import { root } from "./support.ts";

describe("the size in a page", () => {
  /** Minified and gzipped bytes: what a page loads to start, and the compiler it loads when first needed. */
  async function sizes(entry: string): Promise<{ start: number; compiler: number }> {
    const result: BuildResult<{ write: false; metafile: true }> = await bundle({
      stdin: { contents: entry, resolveDir: root, sourcefile: "entry.ts" },
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      target: "es2022",
      outdir: "out",
      write: false,
      metafile: true,
      logLevel: "silent",
      absWorkingDir: root,
    });
    const { outputs } = result.metafile;
    /** A chunk and everything it imports outright; what it imports dynamically is loaded only when it is needed. */
    const closure = (name: string, found = new Set<string>()): Set<string> => {
      found.add(name);
      for (const { path, kind } of outputs[name]!.imports) {
        if (kind === "import-statement" && !found.has(path)) closure(path, found);
      }
      return found;
    };
    const bytes = (names: Iterable<string>): number =>
      [...names].reduce((sum, name) => {
        const file = result.outputFiles.find(({ path }) => path.endsWith(name))!;
        return sum + gzipSync(file.contents, { level: 9 }).length;
      }, 0);
    const start = closure("out/stdin.js");
    const compiler = closure(
      Object.keys(outputs).find((name) => outputs[name]!.entryPoint === "host/runtime/prepare.ts")!,
    );
    return { start: bytes(start), compiler: bytes([...compiler].filter((name) => !start.has(name))) };
  }

  test("of components and instances alone is at most 16 kB at the start", async () => {
    const { start } = await sizes(`export { compile } from "./host/browser/index.ts";`);
    console.log(`components and instances in a page, gzipped: ${start} bytes to start`);
    expect(start).toBeLessThanOrEqual(16_000);
  });

  test("of the whole host is at most 27.5 kB at the start, and 37 kB more for the compiler on first use", async () => {
    const { start, compiler } = await sizes(`export * from "./host/browser/index.ts";`);
    console.log(`host in a page, gzipped: ${start} bytes to start, ${compiler} bytes for the compiler`);
    expect(start).toBeLessThanOrEqual(27_500);
    expect(compiler).toBeGreaterThan(0);
    expect(compiler).toBeLessThanOrEqual(37_000);
  });

  test("counts no Node module", async () => {
    await expect(sizes(`export * from "./host/browser/index.ts";`)).resolves.toBeDefined();
    await expect(sizes(`export * from "./host/node/index.ts";`)).rejects.toThrow("node:");
  });
});
