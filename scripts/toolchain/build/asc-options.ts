/**
 * Options and transforms of AssemblyScript's compiler that an author gives: which are allowed, and what they are.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { UsageError } from "../../../host/errors.ts";
import { BuildError } from "./errors.ts";
import { hashFile } from "./files.ts";
import type { CompileTask } from "./protocol.ts";

/** Options that decide what a component is, or that have options of the build's own, by what to use instead. */
const owned: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["outFile", "textFile", "bindings", "baseDir", "config", "target", "exportStart", "runtime", "noEmit"].map(
      (name) => [name, "the build decides it"],
    ),
  ),
  ...{ o: "use --out", t: "the build decides it", b: "the build decides it" },
  ...{ debug: "use --debug", sourceMap: "use --source-map", transform: "use --transform" },
};

/** @throws {UsageError} naming an option that the build decides itself */
export function checkAscOptions(options: readonly string[]): void {
  for (const option of options) {
    const name = /^--?([^=]+)/.exec(option)?.[1];
    if (name === undefined || !Object.hasOwn(owned, name)) continue;
    throw new UsageError(`The option ${option} of AssemblyScript's compiler cannot be given: ${owned[name]}`);
  }
}

/** @throws {UsageError} naming options that the compiler did not know */
export function refuseUnknown(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  const names = unknown.join(", ");
  throw new UsageError(`AssemblyScript's compiler has no option ${names}: \`npx asc --help\` lists those it has`);
}

/**
 * Finds the files of transforms, and what they hold now.
 *
 * @param names absolute paths, or modules of packages that the module's folder sees
 * @throws {BuildError} naming one that is not there
 */
export async function hashTransforms(names: readonly string[], folder: string): Promise<CompileTask["transforms"]> {
  const require = createRequire(join(folder, "index.ts"));
  return Promise.all(
    names.map(async (name) => {
      let path: string;
      try {
        path = require.resolve(name);
      } catch (cause) {
        const packageName = /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0];
        const hint = /^[./]/.test(name) ? "Correct its path" : `Install it: npm install --save-dev ${packageName}`;
        throw new BuildError([{ file: folder, message: `There is no transform "${name}"`, hint }], { cause });
      }
      return { path, hash: (await hashFile(path)) ?? "" };
    }),
  );
}
