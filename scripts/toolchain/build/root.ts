/**
 * Where tenon itself is, as TypeScript in its repository and as JavaScript in an installed package.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder with tenon's package.json. */
export const packageRoot: string = findPackage(import.meta.dirname);

/** tenon's own version. */
export const packageVersion: string = (
  JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }
).version;

function findPackage(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) throw new Error(`There is no package.json above ${from}`);
  }
}
