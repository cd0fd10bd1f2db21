/**
 * What a build was made from, so that it is done again only when something of that has changed.
 *
 * Nothing is compared by time: contents are hashed. Two things are kept for a module: what its last build was made from,
 * and its last core module, which outlives changes that the compiler does not see. A lost or damaged record costs a build
 * and nothing else.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { hashFile, hashOf, writeAllOrNone } from "./files.ts";
import type { CompileReply, CompileTask } from "./protocol.ts";
import { packageFolder } from "./packages.ts";
import { packageVersion } from "./root.ts";

/** Changes when the record's meaning does. */
const formatVersion = 3;

export interface BuildRecord {
  readonly format: number;
  /** Hash of tools, options and WIT. */
  readonly key: string;
  /** Sources by absolute path → hash. */
  readonly sources: Readonly<Record<string, string>>;
  /** Paths that must still not exist. */
  readonly absent: readonly string[];
  /** Outputs by absolute path → hash. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The result that the build returned. */
  readonly summary: unknown;
}

/** A core module that was compiled earlier. */
interface CoreRecord {
  readonly format: number;
  /** Hash of the compilers and of what they were asked. */
  readonly key: string;
  /** SHA-256 of the core module. */
  readonly wasm: string;
  readonly reply: Omit<CompileReply, "wasm" | "times" | "failure">;
}

export class BuildCache {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The record of a build that would come out the same again and whose outputs are still there. */
  async valid(id: string, key: string): Promise<BuildRecord | undefined> {
    const record = await this.read<BuildRecord>(`${id}.json`);
    if (record?.format !== formatVersion || record.key !== key) return undefined;
    const same = (await unchanged(record.sources, record.absent)) && (await unchanged(record.outputs, []));
    return same ? record : undefined;
  }

  async save(id: string, record: Omit<BuildRecord, "format">): Promise<void> {
    const text = JSON.stringify({ format: formatVersion, ...record }, null, 1);
    await writeAllOrNone(new Map([[join(this.folder, `${id}.json`), text]]));
  }

  /** The core module of an earlier compilation with the same key. */
  async compiled(id: string, task: CompileTask): Promise<CompileReply | undefined> {
    const record = await this.read<CoreRecord>(`${id}.core.json`);
    if (record?.format !== formatVersion || record.key !== (await compileKey(task))) return undefined;
    if (!(await unchanged(record.reply.sources, record.reply.absent))) return undefined;
    const wasm = await readFile(join(this.folder, `${id}.core.wasm`)).catch(() => undefined);
    if (wasm === undefined || hashOf([wasm]) !== record.wasm) return undefined;
    return { ...record.reply, wasm: new Uint8Array(wasm), times: { load: 0, asc: 0 }, failure: undefined };
  }

  async saveCompiled(id: string, task: CompileTask, reply: CompileReply): Promise<void> {
    const { wasm, map, sources, absent, diagnostics, unknown } = reply;
    const record: CoreRecord = {
      format: formatVersion,
      key: await compileKey(task),
      wasm: hashOf([wasm!]),
      reply: { map, sources, absent, diagnostics, unknown },
    };
    await writeAllOrNone(
      new Map<string, string | Uint8Array>([
        [join(this.folder, `${id}.core.wasm`), wasm!],
        [join(this.folder, `${id}.core.json`), JSON.stringify(record, null, 1)],
      ]),
    );
  }

  private async read<T>(name: string): Promise<T | undefined> {
    try {
      return JSON.parse(await readFile(join(this.folder, name), "utf8")) as T;
    } catch {
      return undefined;
    }
  }
}

/** Whether files still have these hashes, and paths are still not there. */
async function unchanged(files: Readonly<Record<string, string>>, absent: readonly string[]): Promise<boolean> {
  if (absent.some((path) => existsSync(path))) return false;
  const entries = Object.entries(files);
  const hashes = await Promise.all(entries.map(([path]) => hashFile(path)));
  return hashes.every((hash, index) => hash === entries[index]![1]);
}

/** Hash of all that decides what the compilers answer, but for the module's own sources. */
async function compileKey(task: CompileTask): Promise<string> {
  // What runs in the compilers' thread is part of them.
  const parts = ["../guest/transform", "worker"].flatMap((name) => [`${name}.ts`, `${name}.js`]);
  const code = await Promise.all(parts.map((name) => hashFile(join(import.meta.dirname, name))));
  const { assemblyscript, binaryen } = toolVersions;
  const asked = { ...task, folder: "", generated: [...task.generated], renames: [...task.renames] };
  return hashOf([JSON.stringify([code, assemblyscript, binaryen, asked])]);
}

/** Beside the installed packages when there are some, as other tools do it; else beside the outputs. */
export function defaultCacheFolder(): string {
  const modules = resolve("node_modules");
  return existsSync(modules) ? join(modules, ".cache", "tenon") : resolve("dist", ".cache");
}

const require = createRequire(import.meta.url);

/** Names and versions of everything that decides what comes out, for producers and for the cache. */
export const toolVersions: Readonly<Record<"assemblyscript" | "binaryen" | "wasm-tools" | "tenon", string>> = {
  assemblyscript: installedVersion("assemblyscript"),
  // AssemblyScript brings its own.
  binaryen: installedVersion("binaryen", "assemblyscript"),
  // The WIT and component tools are those that come with jco.
  "wasm-tools": installedVersion("@bytecodealliance/jco-transpile"),
  tenon: packageVersion,
};

function installedVersion(name: string, broughtBy?: string): string {
  const folder = packageFolder(name, broughtBy === undefined ? undefined : packageFolder(broughtBy));
  return folder === undefined ? "unknown" : (require(join(folder, "package.json")) as { version: string }).version;
}

let toolsHash: Promise<string> | undefined;

/** Hash of the tools' versions and of tenon's own code, as far as it decides what comes out. */
export function hashTools(): Promise<string> {
  return (toolsHash ??= computeToolsHash());
}

async function computeToolsHash(): Promise<string> {
  const files = await toolFiles();
  const hashes = await Promise.all(files.map(async (file) => (await hashFile(file)) ?? ""));
  return hashOf([...Object.entries(toolVersions).flat(), ...hashes]);
}

/**
 * The files of tenon's own that decide what comes out of a build: what its scripts import, directly or not, and the
 * AssemblyScript that they read.
 */
export async function toolFiles(): Promise<string[]> {
  const here = import.meta.dirname;
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const assembly = join(here, "..", "guest", "assembly");
  const texts = (await readdir(assembly)).filter((name) => name.endsWith(".ts"));
  const found = new Set(["index", "worker"].map((name) => join(here, name + ending)));
  for (const file of found) {
    // Relative imports only: packages count by their versions.
    for (const match of (await readFile(file, "utf8")).matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const path = resolve(dirname(file), match[1]!);
      if (/\.[jt]s$/.test(path) && existsSync(path)) found.add(path);
    }
  }
  return [...found, ...texts.map((name) => join(assembly, name))].sort();
}
