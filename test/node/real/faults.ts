/** The module of `test/fixtures/faults`, built for debugging as an author would, in a folder of its own. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { buildModule, type BuildOptions } from "../../../scripts/toolchain/build/index.ts";
import type { BuiltFaults } from "./built-faults.ts";

const fixture = dirname(fileURLToPath(new URL("../../fixtures/faults/world.wit", import.meta.url)));

/** Its memory is small, so that it is soon full. */
const asc = ["--maximumMemory", "16"];

/** Builds it in a folder. @returns the path of the component */
export async function buildFaultsIn(folder: string, options: Omit<BuildOptions, "dir">): Promise<string> {
  cpSync(fixture, folder, { recursive: true });
  return (await buildModule({ asc, ...options, dir: folder, cache: false })).component;
}

export async function buildFaults(): Promise<BuiltFaults> {
  const folder = mkdtempSync(join(tmpdir(), "tenon-faults-"));
  try {
    const component = await buildFaultsIn(folder, { debug: true });
    return {
      bytes: new Uint8Array(readFileSync(component)),
      file: relative(process.cwd(), join(folder, "index.ts")),
      text: readFileSync(join(folder, "index.ts"), "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
