/**
 * The house rules that no general tool knows: layers, lengths, first comments, the top level, what a text may name.
 *
 * Pure: text in, violations out. `scripts/house/check.ts` runs them over the tree.
 */
import { posix } from "node:path";
import { importsOf, type SourceFile } from "./source-tree.ts";

export interface Violation {
  readonly path: string;
  /** Counts from 1; absent when the file as a whole is meant. */
  readonly line?: number;
  readonly message: string;
}

/** The folders (and single files) of `host/`, lowest first. Two on one line never import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["errors.ts", "budget.ts", "platform.ts", "words.ts", "globals.d.ts", "webassembly.d.ts"],
  ["model"],
  ["binary"],
  ["instrument"],
  ["debug"],
  ["plan"],
  ["abi"],
  ["bindings"],
  ["runtime"],
  ["rights"],
  ["module"],
  ["worker", "wasi"],
  ["node", "browser"],
  ["cli"],
];

/** Folders of `host/` that run in Node and may use what it has. */
const NODE_FOLDERS = new Set(["node", "cli"]);

/** Packages that serve the build: never imported by a statement, but `import()` may ask whether they are installed. */
const OPTIONAL_PACKAGES = /^(?:@bytecodealliance\/|assemblyscript|binaryen)/;

const MAXIMUM_LINES = 600;

const TOP_LEVEL = new Set([
  ...["host/", "modules/", "wit/", "scripts/", "test/", "node_modules/", "dist/", "coverage/"],
  ...["package.json", "package-lock.json", "tsconfig.json", "README.md", "CHANGELOG.md", "LICENSE"],
]);

const isTypeScript = (path: string): boolean => /\.[cm]?ts$/.test(path);

/** Imports that go up, sideways or out of `host/`. */
export function layerViolations(files: readonly SourceFile[]): readonly Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (!isTypeScript(file.path)) continue;
    const area = file.path.split("/")[0];
    if (area !== "host" && area !== "scripts") continue;
    for (const { specifier, line, dynamic } of importsOf(file)) {
      const message =
        area === "host" ? refusedInHost(file.path, specifier, dynamic) : refusedInScripts(file.path, specifier);
      if (message !== undefined) violations.push({ path: file.path, line, message });
    }
  }
  return violations;
}

function refusedInHost(path: string, specifier: string, dynamic: boolean): string | undefined {
  const own = layerOf(path);
  if (own === undefined) return "The file is in no layer: host/ has the folders that the design names and nothing else";
  if (!specifier.startsWith(".")) {
    if (NODE_FOLDERS.has(own.name) && specifier.startsWith("node:")) return undefined;
    if (NODE_FOLDERS.has(own.name) && dynamic && OPTIONAL_PACKAGES.test(specifier)) return undefined;
    return `host/${own.name} may not import ${specifier}: the host has no dependency${
      specifier.startsWith("node:") ? ", and only host/node and host/cli run in Node alone" : ""
    }`;
  }
  if (!isTypeScript(specifier) && !specifier.endsWith(".json"))
    return `Name the file with its .ts extension: ${specifier}`;
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("host/")) {
    if (own.name === "cli" && dynamic && target.startsWith("scripts/")) return undefined;
    if (target === "package.json" && NODE_FOLDERS.has(own.name)) return undefined;
    return `host/${own.name} may not import ${target}: the host stands alone`;
  }
  const other = layerOf(target);
  if (other === undefined) return `${target} is in no layer of the host`;
  if (other.name === own.name || other.rank < own.rank) return undefined;
  return other.rank === own.rank
    ? `host/${own.name} and host/${other.name} never meet: it imports ${target}`
    : `host/${own.name} is layer ${own.rank} and may not import ${target}, which is layer ${other.rank}`;
}

function refusedInScripts(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  return target.startsWith("test/")
    ? `scripts/ may not import ${target}: tests import scripts, not the reverse`
    : undefined;
}

function layerOf(path: string): { name: string; rank: number } | undefined {
  const name = path.split("/")[1] ?? "";
  const rank = LAYERS.findIndex((layer) => layer.includes(name));
  // The single files of layer 0 are one layer: they may know each other.
  return rank < 0 ? undefined : { name: rank === 0 ? "" : name, rank };
}

/** Files of more lines than a file may have. */
export function lengthViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap(({ path, text }) => {
    if (!isTypeScript(path)) return [];
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    if (lines <= MAXIMUM_LINES) return [];
    return [{ path, message: `${lines} lines, and ${MAXIMUM_LINES} is the most a file may have` }];
  });
}

/** Files of the host and the scripts that do not begin by saying what they own. */
export function headerViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap(({ path, text }) => {
    if (!/^(?:host|scripts)\/.*\.ts$/.test(path)) return [];
    if (/^(?:#!.*\n)?\s*\/[*/]/.test(text)) return [];
    return [{ path, line: 1, message: "The file does not begin with a comment that says what it owns" }];
  });
}

/** Names of files of the bindings, which are made in a module's folder and not here. */
const GENERATED = new Set(["entry.ts"]);

/** Comments that name a TypeScript file which is not there. */
export function mentionViolations(files: readonly SourceFile[]): readonly Violation[] {
  const there = new Set(files.flatMap(({ path }) => path.split("/").map((_, i, parts) => parts.slice(i).join("/"))));
  return files.flatMap(({ path, text }) => {
    if (!isTypeScript(path)) return [];
    return text.split("\n").flatMap((line, index) => {
      const comment = /^\s*(?:\/\*\*?|\*|\/\/)(.*)/.exec(line)?.[1] ?? "";
      return [...comment.matchAll(/`((?:[\w-]+\/)*[\w-][\w.-]*\.ts)`/g)]
        .map(([, name]) => name!)
        .filter((name) => !there.has(name) && !GENERATED.has(name))
        .map((name) => ({ path, line: index + 1, message: `The comment names ${name}, and there is no such file` }));
    });
  });
}

/** What stands at the top level beside what the design names. Dot files are free. */
export function topLevelViolations(names: readonly string[]): readonly Violation[] {
  return names
    .filter((name) => !name.startsWith(".") && !TOP_LEVEL.has(name) && !name.endsWith(".tgz"))
    .map((name) => ({ path: name, message: "Nothing else belongs at the top level" }));
}

// Written so that this file does not match itself.
const PLACES: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /(?<![\w.-])\/(?:tmp|work|root|home\/\w+|Users\/\w+)\/\w/, what: "a path of one machine" },
  { pattern: /"resolved":\s*"https?:/, what: "a package host in the lock file" },
  { pattern: /\bregistry\.[a-z-]+\.(?:org|com|io|dev)\b/, what: "a package host" },
];

/** Lines that name a place which exists on one machine only. */
export function placeViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const place = PLACES.find(({ pattern }) => pattern.test(line));
      return place === undefined ? [] : [{ path, line: index + 1, message: `The line names ${place.what}` }];
    }),
  );
}
