/**
 * The components behind imports: built or read, each version once, with the files that decide it.
 *
 * Owns what is current. A version's bytes are copied to a file that never changes, named by their hash: what a bundler or a
 * program reads is never half of something, and a failed build leaves the last good version.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { analyze } from "../../../host/plan/analyze.ts";
import { type Builder, BuildError, createBuilder } from "../build/index.ts";
import { defaultCacheFolder } from "../build/cache.ts";
import { writeAllOrNone } from "../build/files.ts";
import { declarations } from "../types/dts.ts";
import type { Place } from "./places.ts";

/** One state of a component. */
export interface Version {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256, hex. */
  readonly hash: string;
  /** A copy of the bytes that never changes, absolute. */
  readonly file: string;
  /** The declarations of its world. */
  readonly declarations: string;
}

export interface LibraryOptions {
  /** Optimise modules that are built. */
  readonly optimize: boolean;
  readonly cache?: string | undefined;
}

/** Versions whose copies are kept for each place: an open page may still fetch the one before. */
const KEPT = 4;

interface Entry {
  /** Files whose change concerns it, absolute, as the last good build told. */
  sources: ReadonlySet<string>;
  pending: Promise<Version> | undefined;
}

export class Library {
  readonly #options: LibraryOptions;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();
  #builder: Builder | undefined;

  constructor(options: LibraryOptions) {
    this.#options = options;
    this.#folder = resolve(options.cache ?? defaultCacheFolder(), "plugin");
  }

  /** Whether a file is a copy of a version. */
  owns(path: string): boolean {
    return path.startsWith(this.#folder + sep);
  }

  /** The version of what is there now. @throws {BuildError} when the module or its WIT is wrong */
  get(place: Place): Promise<Version> {
    const entry = this.#entry(place);
    return (entry.pending ??= this.#make(place, entry));
  }

  /** The next {@link get} looks again. */
  changed(place: Place): void {
    this.#entry(place).pending = undefined;
  }

  /** Files to watch for a place; those of a module before its first good build are all it could be made from. */
  async sources(place: Place): Promise<readonly string[]> {
    const known = [...this.#entry(place).sources];
    if (known.length > 0 || place.folder === undefined) return known.length > 0 ? known : [place.path];
    const names = await readdir(place.folder, { recursive: true }).catch(() => []);
    const found = names.map((name) => join(place.folder!, name)).filter((file) => this.concerns(place, file));
    return place.path === place.folder ? found : [...found, place.path];
  }

  /** Another text whenever one of its {@link sources} has been written, made or removed. */
  async stamp(place: Place): Promise<string> {
    const stats = (await this.sources(place)).map((file) => stat(file).catch(() => undefined));
    return (await Promise.all(stats)).map((found) => found && `${found.ino} ${found.size} ${found.mtimeMs}`).join();
  }

  /** Whether another version comes of a place when a file changes. */
  concerns(place: Place, file: string): boolean {
    if (file === place.path || this.#entry(place).sources.has(file)) return true;
    const { folder } = place;
    if (folder === undefined || !file.startsWith(folder + sep) || !/\.(?:ts|json|wit)$/.test(file)) return false;
    return !file.startsWith(join(folder, "bindings", "")) && !/\.d\.(?:\w+\.)?ts$/.test(file);
  }

  /** A copy of a part of a version that never changes. @returns its path, absolute */
  async keepPart({ file }: Version, name: string, bytes: Uint8Array): Promise<string> {
    const path = join(dirname(file), name);
    if (!existsSync(path)) await writeAllOrNone(new Map([[path, bytes]]));
    return path;
  }

  async close(): Promise<void> {
    await this.#builder?.close();
  }

  #entry(place: Place): Entry {
    const key = keyOf(place);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, (entry = { sources: new Set(), pending: undefined }));
    }
    return entry;
  }

  async #make(place: Place, entry: Entry): Promise<Version> {
    const { path, folder } = place;
    const shelf = join(this.#folder, `${place.name}-${hashOf(keyOf(place)).slice(0, 8)}`);
    if (folder === undefined) {
      const bytes = await whole(path);
      entry.sources = new Set([path]);
      return this.#keep(place, shelf, bytes, typesOf(place, bytes));
    }
    this.#builder ??= createBuilder(this.#options.cache === undefined ? {} : { cache: this.#options.cache });
    const { optimize } = this.#options;
    // Debug and release builds are made beside each other, so that neither undoes what the other has cached.
    const out = join(shelf, optimize ? "release" : "debug", `${place.name}.wasm`);
    const result = await this.#builder.build({ dir: folder, out, debug: !optimize, optimize });
    const [bytes, text] = await Promise.all([readFile(result.component), readFile(result.declarations, "utf8")]);
    entry.sources = new Set(result.sources.map((file) => resolve(file)));
    return this.#keep(place, shelf, new Uint8Array(bytes), text);
  }

  async #keep(place: Place, shelf: string, bytes: Uint8Array<ArrayBuffer>, text: string): Promise<Version> {
    const hash = hashOf(bytes);
    const file = join(shelf, hash.slice(0, 16), `${place.name}.wasm`);
    if (!existsSync(file)) {
      await mkdir(dirname(file), { recursive: true });
      await writeAllOrNone(new Map([[file, bytes]]));
      await prune(shelf, dirname(file));
    } else {
      // What is current again is not old.
      await utimes(dirname(file), new Date(), new Date());
    }
    return { bytes, hash, file, declarations: text };
  }
}

/** A module is one, by whatever name it is imported. */
export function keyOf({ folder, path }: Place): string {
  return folder ?? path;
}

/** Removes the oldest copies; the one that was just made stays. */
async function prune(shelf: string, made: string): Promise<void> {
  const names = (await readdir(shelf).catch(() => [])).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const dated = await Promise.all(
    names.map(async (name) => {
      const folder = join(shelf, name);
      return { folder, at: (await stat(folder).catch(() => undefined))?.mtimeMs ?? 0 };
    }),
  );
  const old = dated.filter(({ folder }) => folder !== made).sort((a, b) => b.at - a.at);
  await Promise.all(old.slice(KEPT - 1).map(({ folder }) => rm(folder, { recursive: true, force: true })));
}

/** A file's bytes once it stands still: a tool may be writing it. */
async function whole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  for (let turn = 0; ; turn++) {
    const before = await stat(path).catch(() => undefined);
    const bytes = before && (await readFile(path).catch(() => undefined));
    const after = await stat(path).catch(() => undefined);
    if (bytes && before.mtimeMs === after?.mtimeMs && before.size === after.size && bytes.length === after.size) {
      return new Uint8Array(bytes);
    }
    if (turn === 20)
      throw new BuildError([{ file: path, message: "The component cannot be read, or does not stand still" }]);
    await new Promise((settle) => setTimeout(settle, 10));
  }
}

/** The declarations of a component that is ready. @throws {BuildError} when it is none that this host can run */
function typesOf({ path, name }: Place, bytes: Uint8Array<ArrayBuffer>): string {
  try {
    const { plan, budget } = analyze(bytes);
    return declarations({ name, imports: plan.imports, exports: plan.exportDecls }, new Map(), { budget });
  } catch (cause) {
    throw new BuildError([{ file: path, message: (cause as Error).message }], { cause });
  }
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
