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
    });
    const bytes = (pick: (name: string) => boolean): number =>
      result.outputFiles
        .filter(({ path }) => pick(path.split("/").pop()!))
        .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
    return {
      start: bytes((name) => !name.startsWith("compile-")),
      compiler: bytes((name) => name.startsWith("compile-")),
    };
  }

  test("of components and instances alone is at most 25 kB at the start", async () => {
    const { start } = await sizes(`export { compile } from "./host/browser/index.ts";`);
    expect(start).toBeLessThanOrEqual(25_000);
  });

  test("of the whole host is at most 33 kB at the start, and 35 kB more for the compiler on first use", async () => {
    const { start, compiler } = await sizes(`export * from "./host/browser/index.ts";`);
    expect(start).toBeLessThanOrEqual(33_000);
    expect(compiler).toBeGreaterThan(0);
    expect(compiler).toBeLessThanOrEqual(35_000);
  });

  test("counts no Node module", async () => {
    await expect(sizes(`export * from "./host/browser/index.ts";`)).resolves.toBeDefined();
    await expect(sizes(`export * from "./host/node/index.ts";`)).rejects.toThrow("node:");
  });
});
