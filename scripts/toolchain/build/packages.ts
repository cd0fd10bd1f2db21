/**
 * The packages that building needs and an application need not have: where they are, and what to say when they are not there.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { TenonError } from "../../../host/errors.ts";

/** Where the compiler comes from. */
export const compilerPackage = "assemblyscript";
/** Where the tools for WIT and components come from. */
export const witPackage = "@bytecodealliance/jco-transpile";

/** Packages that are needed are not installed. Nothing of the author's is wrong. */
export class MissingPackagesError extends TenonError {
  readonly packages: readonly string[];
  constructor(packages: readonly string[], options?: { cause?: unknown }) {
    const what = packages.length === 1 ? "a package that is" : "packages that are";
    const names = packages.join(" and ");
    super("missing-packages", `This needs ${what} not installed, ${names}:\n  npm i -D ${packages.join(" ")}`, options);
    this.packages = packages;
  }
}

/** @throws {MissingPackagesError} naming all that are not installed */
export function requirePackages(names: readonly string[]): void {
  const missing = names.filter((name) => packageFolder(name) === undefined);
  if (missing.length > 0) throw new MissingPackagesError(missing);
}

/** Where a package is installed, as seen from a folder; not every package exports its package.json, so it is looked for. */
export function packageFolder(name: string, from: string = import.meta.dirname): string | undefined {
  const places = createRequire(join(from, "package.json")).resolve.paths(name) ?? [];
  return places.map((place) => join(place, name)).find((folder) => existsSync(join(folder, "package.json")));
}
