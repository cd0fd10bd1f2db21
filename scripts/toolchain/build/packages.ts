/**
 * The packages that building needs and an application need not have: where they are, and what to say when they are not there.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { TenonError } from "../../../host/errors.ts";
import { packageRoot } from "./root.ts";

/** Where the compiler comes from. */
export const compilerPackage = "assemblyscript";
/** Where the tools for WIT and components come from. */
export const witPackage = "@bytecodealliance/jco-transpile";
/** Where the plugin's joints to the bundlers come from. */
export const pluginPackage = "unplugin";

/** A package with the version that tenon was made for, `assemblyscript@0.28`: before 1.0 a minor version may break. */
function installName(name: string): string {
  const version = /\d+\.\d+/.exec(peerRanges[name] ?? "")?.[0];
  return version === undefined ? name : `${name}@${version}`;
}

const { peerDependencies: peerRanges } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  peerDependencies: Readonly<Record<string, string>>;
};

/** Packages that are needed are not installed. Nothing of the author's is wrong. */
export class MissingPackagesError extends TenonError {
  readonly packages: readonly string[];
  constructor(packages: readonly string[], options?: { cause?: unknown }) {
    const what = packages.length === 1 ? "a package that is" : "packages that are";
    const names = packages.join(" and ");
    const line = `npm i -D ${packages.map(installName).join(" ")}`;
    super("missing-packages", `This needs ${what} not installed, ${names}:\n  ${line}`, options);
    this.packages = packages;
  }
}

/** @throws {MissingPackagesError} naming all that are not installed */
export function requirePackages(names: readonly string[]): void {
  const missing = names.filter((name) => packageFolder(name) === undefined);
  if (missing.length > 0) throw new MissingPackagesError(missing);
}

/**
 * A package, without waiting for it: configurations of bundlers may be CommonJS, which can take no module that waits.
 * @throws {MissingPackagesError} when it is not installed
 */
export function loadPackage(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name);
  } catch (cause) {
    throw packageFolder(name) === undefined ? new MissingPackagesError([name], { cause }) : cause;
  }
}

/** Where a package is installed, as seen from a folder; not every package exports its package.json, so it is looked for. */
export function packageFolder(name: string, from: string = import.meta.dirname): string | undefined {
  const places = createRequire(join(from, "package.json")).resolve.paths(name) ?? [];
  return places.map((place) => join(place, name)).find((folder) => existsSync(join(folder, "package.json")));
}
