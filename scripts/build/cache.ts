/**
 * What a build was made from, so that it is done again only when something of that has changed.
 *
 * Nothing is compared by time: contents are hashed. The record holds no output, only hashes of it, so a record that is
 * lost or wrong costs a build and nothing else.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { codeRoot, packageVersion } from "./root.ts";
import { hashFile, hashOf, listFiles, writeAllOrNone } from "./files.ts";

/** Changes when the record's meaning does. */
const formatVersion = 1;

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
  /** What the build said of itself. */
  readonly summary: unknown;
}

export class BuildCache {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  private path(id: string): string {
    return join(this.folder, `${id}.json`);
  }

  /** The record of a build that would come out the same again and whose outputs are still there. */
  async valid(id: string, key: string): Promise<BuildRecord | undefined> {
    const text = await readFile(this.path(id), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    let record: BuildRecord;
    try {
      record = JSON.parse(text) as BuildRecord;
    } catch {
      return undefined;
    }
    if (record.format !== formatVersion || record.key !== key) return undefined;
    if (record.absent.some((path) => existsSync(path))) return undefined;
    const files = [...Object.entries(record.sources), ...Object.entries(record.outputs)];
    const hashes = await Promise.all(files.map(([path]) => hashFile(path)));
    return hashes.every((hash, index) => hash === files[index]![1]) ? record : undefined;
  }

  async save(id: string, record: Omit<BuildRecord, "format">): Promise<void> {
    await writeAllOrNone(new Map([[this.path(id), JSON.stringify({ format: formatVersion, ...record }, null, 1)]]));
  }
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
  binaryen: installedVersion("binaryen"),
  // The WIT and component tools are those that come with jco.
  "wasm-tools": installedVersion("@bytecodealliance/jco-transpile"),
  tenon: packageVersion,
};

function installedVersion(name: string): string {
  // Not every package exports its package.json, so it is found by its folder.
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, "package.json");
    if (existsSync(path)) return (require(path) as { version: string }).version;
  }
  return "unknown";
}

let toolsHash: Promise<string> | undefined;

/** Hash of the tools' versions and of tenon's own code, as far as it decides what comes out. */
export function hashTools(): Promise<string> {
  return (toolsHash ??= computeToolsHash());
}

async function computeToolsHash(): Promise<string> {
  const folders = ["scripts/build", "scripts/guest", "scripts/types", "scripts/wit", "host/binary", "host/model", "host/plan"];
  const files = (await Promise.all(folders.map((folder) => listFiles(join(codeRoot, folder))))).flat();
  files.push(...(await listFiles(join(codeRoot, "scripts"))).filter((path) => /(wasm-tools|core-sections)\.[jt]s$/.test(path)));
  const hashes = await Promise.all(files.map(async (file) => (await hashFile(file)) ?? ""));
  return hashOf([...Object.entries(toolVersions).flat(), ...hashes]);
}
