/**
 * The dev page as the server gives it out: its code in one file, and beside it what a browser takes as it is.
 *
 * The host's sources are part of the page's code.
 */
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BuildOptions, buildSync, context } from "esbuild";

const sources = resolve(import.meta.dirname, "..", "toolchain", "dev", "page");

/** Writes the page's files into a folder. */
export function writePage(folder: string): void {
  copyFiles(folder);
  buildSync({ ...optionsFor(folder), minify: true });
}

/** Writes the page's files into a folder, and its code again whenever a source of it is saved. @returns ends it */
export async function followPage(folder: string): Promise<() => Promise<void>> {
  copyFiles(folder);
  const following = await context({ ...optionsFor(folder), sourcemap: "inline" });
  await following.rebuild();
  await following.watch();
  return () => following.dispose();
}

function optionsFor(folder: string): BuildOptions {
  return {
    entryPoints: [join(sources, "main.ts")],
    outdir: folder,
    bundle: true,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
  };
}

function copyFiles(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(sources)) {
    if (/\.(?:html|css|svg)$/.test(name)) copyFileSync(join(sources, name), join(folder, name));
  }
}
