/**
 * The files of a WIT package and of the packages it refers to, put together for wasm-tools.
 *
 * Owns where dependencies are looked for: the `deps` folder, the files beside a single file, and tenon's own life-cycle
 * interfaces. What a package *means* is decided by wasm-tools alone. Follows design/mvp/WIT.md, "Package Format".
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { witName } from "../../../host/model/wit.ts";
import { withoutVersion } from "../../../host/model/ids.ts";
import { BuildError } from "../build/errors.ts";
import { packageRoot } from "../build/root.ts";
import { type EmbedOptions, embedWorld } from "../wasm-tools.ts";
import { packageName } from "./docs.ts";
import { tokenize } from "./tokens.ts";

export interface WitFile {
  /** Absolute path. */
  readonly path: string;
  readonly text: string;
}

interface WitPackage {
  /** Such as `demo:calc@1.0.0`; empty when no file says. */
  readonly name: string;
  readonly files: readonly WitFile[];
}

/** A package and everything it needs, as texts. */
export interface WitSources {
  /** The file or folder that was asked for. */
  readonly path: string;
  readonly main: WitPackage;
  readonly dependencies: readonly WitPackage[];
}

/** Reads a WIT file or folder and the dependencies it refers to. @throws {BuildError} when there is nothing to read */
export async function readWit(path: string): Promise<WitSources> {
  const root = resolve(path);
  const info = await stat(root).catch(() => undefined);
  if (info === undefined) {
    throw new BuildError([{ file: root, message: "There is no such WIT file or folder", hint: "Name one with --wit" }]);
  }
  const files = info.isDirectory() ? await witFiles(root) : [await witFile(root)];
  if (files.length === 0) {
    throw new BuildError([
      { file: root, message: "The folder has no .wit files", hint: "Put the package's files into it" },
    ]);
  }
  const main = asPackage(files.map(withLifecycleVersion));
  const folder = info.isDirectory() ? root : dirname(root);
  const known = await readDependencies(join(folder, "deps"));
  if (!info.isDirectory()) {
    for (const file of await witFiles(folder)) if (file.path !== root) known.push(asPackage([file]));
  }
  if (existsSync(lifecycle)) known.push(asPackage([await witFile(lifecycle)]));
  return { path: root, main, dependencies: closure(main, known) };
}

/** `tenon:module`: every module may export it, wherever it lives. */
export const lifecycle: string = join(packageRoot, "wit", "tenon-module.wit");
const lifecycleVersion = "0.1.0";

/**
 * WIT wants the version of a package that has one with each reference. Of tenon's own there is one here, so a reference
 * without it means that one; errors further along such a line are told further along than they are.
 */
function withLifecycleVersion({ path, text }: WitFile): WitFile {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  const words = (at: number): string =>
    tokens
      .slice(at, at + 4)
      .map((token) => token.text)
      .join("");
  const places = tokens.flatMap((_, at) => {
    const bare = words(at) === "tenon:module/" && tokens[at + 5]?.text !== "@";
    return bare && tokens[at + 4] !== undefined ? [tokens[at + 4]!.end] : [];
  });
  const changed = places.reduceRight((all, end) => `${all.slice(0, end)}@${lifecycleVersion}${all.slice(end)}`, text);
  return { path, text: changed };
}

async function witFile(path: string): Promise<WitFile> {
  return { path, text: await readFile(path, "utf8") };
}

async function witFiles(folder: string): Promise<WitFile[]> {
  const names = (await readdir(folder)).filter((name) => extname(name) === ".wit").sort();
  return Promise.all(names.map((name) => witFile(join(folder, name))));
}

async function readDependencies(folder: string): Promise<WitPackage[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const packages: WitPackage[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) packages.push(asPackage(await witFiles(path)));
    else if (extname(entry.name) === ".wit") packages.push(asPackage([await witFile(path)]));
    else if ([".wasm", ".wat"].includes(extname(entry.name))) {
      const hint = "Replace it by the package's text, as `wasm-tools component wit` prints it";
      throw new BuildError([{ file: path, message: "A WIT package in binary form cannot be read here", hint }]);
    }
  }
  return packages.filter(({ files }) => files.length > 0);
}

function asPackage(files: readonly WitFile[]): WitPackage {
  return { name: files.map(({ text }) => packageName(text)).find((name) => name !== undefined) ?? "", files };
}

/** The packages that `main` refers to, directly or not; those found first win. */
function closure(main: WitPackage, known: readonly WitPackage[]): WitPackage[] {
  const needed: WitPackage[] = [];
  // A file may hold packages beside its own, and such a text stands for itself.
  const inside = new Set(main.files.flatMap(({ text }) => nestedPackages(text)));
  const queue = [main];
  for (let from = queue.pop(); from !== undefined; from = queue.pop()) {
    for (const reference of from.files.flatMap(({ text }) => references(text))) {
      const found = known.find(({ name }) => matches(name, reference));
      if (found === undefined || found.name === main.name || inside.has(found.name)) continue;
      if (needed.some(({ name }) => name === found.name)) continue;
      needed.push(found);
      queue.push(found);
    }
  }
  return needed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The packages that a text defines in braces, such as `wasi:io@0.2.0`. */
function nestedPackages(text: string): string[] {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  let depth = 0;
  return tokens.flatMap((token, at) => {
    if (token.text === "{") depth += 1;
    if (token.text === "}") depth -= 1;
    if (depth !== 0 || token.text !== "package" || !["}", ";", undefined].includes(tokens[at - 1]?.text)) return [];
    const end = tokens.findIndex((next, index) => index > at && (next.text === "{" || next.text === ";"));
    if (tokens[end]?.text !== "{") return [];
    return [
      tokens
        .slice(at + 1, end)
        .map((part) => part.text)
        .join(""),
    ];
  });
}

/** A reference without a version takes whatever version is there. */
function matches(name: string, reference: string): boolean {
  return reference.includes("@") ? name === reference : withoutVersion(name) === reference;
}

/** The packages a text names, such as `wasi:io@0.2.0` for `wasi:io/streams@0.2.0`. */
function references(text: string): string[] {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  const found = new Set<string>();
  tokens.forEach((token, at) => {
    if (token.text !== "/") return;
    let start = at - 1;
    while (tokens[start - 1]?.text === ":") start -= 2;
    if (start === at - 1) return;
    const name = tokens
      .slice(start, at)
      .map((part) => part.text)
      .join("");
    const version = tokens[at + 2]?.text === "@" ? `@${tokens[at + 3]?.text}` : "";
    found.add(name + version);
  });
  return [...found];
}

/** The payload of the world's `component-type` section. @throws {ToolError} */
export async function embedSources(
  sources: WitSources,
  options: Omit<EmbedOptions, "witSource" | "witPath">,
): Promise<Uint8Array<ArrayBuffer>> {
  return withWitInput(sources, (wit) => embedWorld({ ...wit, ...options }));
}

/** Hands the sources to wasm-tools: as one text where that means the same, else as a folder of copies. */
export async function withWitInput<T>(
  sources: WitSources,
  use: (wit: { witSource: string } | { witPath: string }) => Promise<T>,
): Promise<T> {
  const merged = merge(sources);
  if (merged !== undefined) return use({ witSource: merged });
  const folder = await mkdtemp(join(tmpdir(), "tenon-wit-"));
  try {
    await writeAll(folder, sources.main.files);
    for (const [index, { files }] of sources.dependencies.entries()) {
      await writeAll(join(folder, "deps", `${index}`), files);
    }
    return await use({ witPath: folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeAll(folder: string, files: readonly WitFile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { path, text } of files) await writeFile(join(folder, basename(path)), text);
}

/** One text with the dependencies as nested packages, which is much faster for wasm-tools than files. */
function merge({ main, dependencies }: WitSources): string | undefined {
  const text = mergeFiles(main.files);
  const parts = dependencies.map(({ files }) => mergeFiles(files));
  if (text === undefined || parts.includes(undefined)) return undefined;
  const nested = parts.map((part) => nest(part!));
  return nested.includes(undefined) ? undefined : [text, ...nested].join("\n");
}

/** A `use` outside all interfaces names things for its own file only, so such files cannot become one. */
function mergeFiles(files: readonly WitFile[]): string | undefined {
  if (files.length === 1) return files[0]!.text;
  if (files.some(({ text }) => declares(text, "use") > 0)) return undefined;
  const header = files.map(({ text }) => packageName(text)).find((name) => name !== undefined);
  const bodies = files.map(({ text }) => withoutHeader(text));
  return [header === undefined ? "" : `package ${witName(header)};`, ...bodies].join("\n");
}

function nest(text: string): string | undefined {
  const name = packageName(text);
  if (name === undefined || declares(text, "package") > 1) return undefined;
  return `package ${witName(name)} {\n${withoutHeader(text)}\n}`;
}

/** How many declarations outside all braces begin with `keyword`. */
function declares(text: string, keyword: string): number {
  let depth = 0;
  let previous = ";";
  let count = 0;
  for (const { kind, text: word } of tokenize(text)) {
    if (kind === "doc") continue;
    if (depth === 0 && word === keyword && [";", "}", ")"].includes(previous)) count += 1;
    if (word === "{") depth += 1;
    if (word === "}") depth -= 1;
    previous = word;
  }
  return count;
}

/** What follows the header; the package's own docs go with it. */
function withoutHeader(text: string): string {
  if (packageName(text) === undefined) return text;
  return text.slice(tokenize(text).find(({ kind, text: word }) => kind === "mark" && word === ";")!.end);
}
