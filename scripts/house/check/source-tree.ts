/**
 * The project's own files as text, with the modules each TypeScript file imports.
 *
 * Owns reading; knows no rule. Generated and installed folders are not the project's own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface ImportReference {
  readonly specifier: string;
  /** Counts from 1. */
  readonly line: number;
  readonly dynamic: boolean;
}

const SKIPPED = new Set(["node_modules", "dist", ".git", "coverage", ".vite"]);
const BINARY = /\.(?:wasm|png|ico|tgz)$/;

/** Names at the top of the tree, folders with a slash at the end. */
export function readTopLevel(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
}

/** Every text file below `root` that people wrote, sorted by path. */
export function readSourceTree(root: string): readonly SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
      const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
      if (SKIPPED.has(entry.name) || /^modules\/[^/]+\/bindings$/.test(path)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && !BINARY.test(path)) files.push({ path, text: readFileSync(join(root, path), "utf8") });
    }
  };
  visit("");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a TypeScript file imports: statements, re-exports, `import()` of a literal and `import("…")` types. */
export function importsOf(file: SourceFile): readonly ImportReference[] {
  const { module, program } = parseSync(file.path, file.text);
  const found: { specifier: string; start: number; dynamic: boolean }[] = [];
  for (const statement of module.staticImports) {
    found.push({ specifier: statement.moduleRequest.value, start: statement.start, dynamic: false });
  }
  for (const statement of module.staticExports) {
    const request = statement.entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest;
    if (request != null) found.push({ specifier: request.value, start: statement.start, dynamic: false });
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^(["'`])(.*)\1$/s.exec(file.text.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.[2] !== undefined) found.push({ specifier: literal[2], start: moduleRequest.start, dynamic: true });
  }
  visitTypeImports(program, (specifier, start) => found.push({ specifier, start, dynamic: false }));
  return found
    .sort((a, b) => a.start - b.start)
    .map(({ specifier, start, dynamic }) => ({
      specifier,
      dynamic,
      line: file.text.slice(0, start).split("\n").length,
    }));
}

function visitTypeImports(node: unknown, report: (specifier: string, start: number) => void): void {
  if (Array.isArray(node)) for (const child of node) visitTypeImports(child, report);
  if (typeof node !== "object" || node === null || Array.isArray(node)) return;
  const { type, source, start } = node as { type?: string; source?: { value?: unknown }; start?: number };
  if (type === "TSImportType" && typeof source?.value === "string") report(source.value, start ?? 0);
  for (const child of Object.values(node)) visitTypeImports(child, report);
}
