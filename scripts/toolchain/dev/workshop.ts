/**
 * What the dev server knows of modules: those that a builder watches, and components that are ready.
 *
 * Owns the latest news of each and the bytes of the latest components; when something is built is the builder's
 * (`Builder.watch`).
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, relative, resolve } from "node:path";
import {
  BuildError,
  type BuildIssue,
  type Builder,
  type BuildOptions,
  type BuildResult,
  createBuilder,
  type WatchEvent,
  type Watching,
} from "../build/index.ts";
import { moduleFolders, readProject } from "../build/config.ts";
import { displayPath } from "../build/files.ts";
import { findWit } from "../build/find-wit.ts";
import { FolderWatch } from "../build/folder-watch.ts";
import { settled } from "../build/options.ts";
import { collectDocs } from "../wit/docs.ts";
import { readWit } from "../wit/sources.ts";
import type { BuiltUpdate, FailedUpdate, Issue, SavedFile, Update } from "./protocol.ts";

export interface WorkshopOptions extends Pick<BuildOptions, "wit" | "world" | "features" | "outDir"> {
  /** Module folders. Default: those that the project's package.json lists, and those that it comes to list. */
  readonly dirs?: readonly string[] | undefined;
  /** A folder of the project. Default the working directory. */
  readonly from?: string | undefined;
  /** Ready-made components, as paths of `.wasm` files, shown beside the modules. Default none. */
  readonly components?: readonly string[] | undefined;
  /** Optimise: slower builds, quicker code. Default `false`, as what counts here is the time from saving to answering. */
  readonly release?: boolean | undefined;
  /** Where the builder keeps its records; default the builder's own. */
  readonly cache?: string | false | undefined;
}

/** Milliseconds that a component's file must be quiet before it is read: some programs write in place. */
const QUIET_MS = 50;

/** A module: a folder that is built, or a component that is ready. */
interface Place {
  readonly name: string;
  latest: Update;
  /** The latest version that could be read: what a page that opens now can load, whatever became of later ones. */
  built: BuiltUpdate | undefined;
  builtAt: number;
  /** The bytes of the last versions by hash: an open page may still fetch the one before. */
  readonly versions: Map<string, Uint8Array>;
  /** News is told in the order in which it came. */
  telling: Promise<void>;
}

export class Workshop {
  readonly #options: WorkshopOptions;
  readonly #publish: (update: Update) => void;
  readonly #builder: Builder;
  /** By the module's folder or the component's file, absolute. */
  readonly #places = new Map<string, Place>();
  readonly #files: FolderWatch;
  #watching: Watching | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WorkshopOptions, publish: (update: Update) => void) {
    this.#options = options;
    this.#publish = publish;
    this.#builder = createBuilder(options.cache === undefined ? {} : { cache: options.cache });
    this.#files = new FolderWatch(
      () => this.#lookSoon(),
      () => {},
    );
  }

  /** Starts the first build of every module; resolves when all have ended, well or not. */
  async start(): Promise<void> {
    const { dirs, from = ".", wit, world, features, outDir, release = false } = this.#options;
    const components = this.#components();
    // What is to be built is known before anything has been; a project that is wrong is told by the watch.
    const known =
      dirs ??
      (await readProject(resolve(from))
        .then(moduleFolders)
        .catch(() => []));
    for (const place of [...known.map((dir) => resolve(dir)), ...components]) this.#place(place);
    // A module that waits for no other is not kept waiting by those that are built first.
    this.#look();
    const options = { dirs, from, wit, world, features, outDir, debug: !release };
    this.#watching = this.#builder.watch(options, (event) => this.#heard(event));
    await this.#watching.ready;
    await Promise.all([...this.#places.values()].map(({ telling }) => telling));
  }

  names(): readonly string[] {
    return [...this.#places.values()].map(({ name }) => name);
  }

  /** What a page that opens now must hear: for every module its last good build, and what came after that. */
  updates(): readonly Update[] {
    const places = [...this.#places.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return places.flatMap(({ built, latest }) =>
      built === undefined || built === latest ? [latest] : [built, latest],
    );
  }

  /** The bytes of a version that was published lately. */
  component(name: string, hash: string): Uint8Array | undefined {
    return [...this.#places.values()].find((place) => place.name === name)?.versions.get(hash);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#files.close();
    await this.#watching?.close();
    await this.#builder.close();
    await Promise.all([...this.#places.values()].map(({ telling }) => telling));
  }

  #components(): string[] {
    return (this.#options.components ?? []).map((path) => resolve(path));
  }

  #place(key: string): Place {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const short = basename(key).replace(/\.wasm$/, "");
    const name = this.names().includes(short) ? displayPath(key) : short;
    const latest: Update = { kind: "building", name };
    const telling = Promise.resolve();
    const place: Place = { name, latest, built: undefined, builtAt: 0, versions: new Map(), telling };
    this.#places.set(key, place);
    this.#publish(latest);
    return place;
  }

  #remove(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#publish({ kind: "removed", name: place.name });
  }

  #heard(event: WatchEvent): void {
    const { dir } = event;
    if (event.kind === "removed") return this.#remove(dir);
    // What is told of the project itself holds until a module is told of again.
    if (event.kind === "built") this.#remove(resolve(this.#options.from ?? "."));
    this.#tell(this.#place(dir), (place) =>
      event.kind === "built" ? this.#moduleNews(place, dir, event.result) : failure(place.name, event.error),
    );
  }

  #tell(place: Place, news: (place: Place) => Promise<Update | undefined>): void {
    place.telling = place.telling.then(async () => {
      const update = await news(place).catch((error: unknown) => failure(place.name, error));
      if (update === undefined || this.#closed || ![...this.#places.values()].includes(place)) return;
      place.latest = update;
      if (update.kind === "built") [place.built, place.builtAt] = [update, Date.now()];
      this.#publish(update);
    });
  }

  async #moduleNews(place: Place, dir: string, result: BuildResult): Promise<Update> {
    const builtAt = Date.now();
    const [bytes, docs, saved] = await Promise.all([
      readFile(result.component),
      this.#docs(dir),
      result.cached || place.built === undefined ? undefined : savedFile(result, place.builtAt, builtAt),
    ]);
    const stages = result.cached ? [] : Object.entries(result.stages);
    return { ...versionOf(place, bytes), docs, stages, saved };
  }

  /** The doc comments that the author wrote; a WIT that cannot be read is told by the build, not here. */
  async #docs(dir: string): Promise<Record<string, string>> {
    try {
      const { wit } = await settled({ dir, wit: this.#options.wit });
      const { main, dependencies } = await readWit(wit ?? (await findWit(dir)));
      const packages = [...dependencies, main].map(({ files }) => collectDocs(files.map(({ text }) => text)));
      return Object.fromEntries(packages.flatMap((docs) => [...docs]));
    } catch {
      return {};
    }
  }

  #lookSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), QUIET_MS);
  }

  /** Reads the ready-made components; their folders may have gone, and come again. */
  #look(): void {
    const components = this.#components();
    this.#files.set(new Set(components.flatMap((path) => [existing(dirname(path)), dirname(existing(dirname(path)))])));
    for (const path of components) {
      this.#tell(this.#place(path), async (place) => {
        const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
          throw error.code === "ENOENT" ? new BuildError([{ file: path, message: "The file is not there" }]) : error;
        });
        // A program that writes in place has emptied the file, and writes next.
        if (bytes.length === 0) return undefined;
        const version = versionOf(place, bytes);
        if (place.latest.kind === "built" && place.latest.hash === version.hash) return undefined;
        return { ...version, docs: {}, stages: [], saved: undefined };
      });
    }
  }
}

/** The folder, or the nearest one above it that is there. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

/** Keeps the bytes for pages that ask for them. */
function versionOf(
  { name, versions }: Place,
  bytes: Uint8Array,
): Pick<BuiltUpdate, "kind" | "name" | "url" | "hash" | "byteLength"> {
  const hash = createHash("sha256").update(bytes).digest("hex");
  versions.delete(hash);
  versions.set(hash, bytes);
  const [oldest] = versions.keys();
  if (versions.size > 3 && oldest !== undefined) versions.delete(oldest);
  const url = `/components/${encodeURIComponent(name)}/${hash}.wasm`;
  return { kind: "built", name, url, hash, byteLength: bytes.length };
}

/** The source that was written last, when that was after the build before. */
async function savedFile(
  { sources, durationMs }: BuildResult,
  before: number,
  builtAt: number,
): Promise<SavedFile | undefined> {
  let file: string | undefined;
  let savedAt = before;
  for (const path of sources) {
    const at = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (at > savedAt) [file, savedAt] = [path, at];
  }
  const startedAt = Math.max(savedAt, builtAt - durationMs);
  return file === undefined ? undefined : { file: shown(file), savedAt, startedAt, builtAt };
}

async function failure(name: string, error: unknown): Promise<FailedUpdate> {
  if (error instanceof BuildError)
    return { kind: "failed", name, issues: await Promise.all(error.issues.map(toIssue)) };
  const message = error instanceof Error ? error.message : String(error);
  const issue: Issue = { file: undefined, line: undefined, column: undefined, message, hint: undefined, excerpt: [] };
  return { kind: "failed", name, issues: [issue] };
}

async function toIssue({ file, line, column, message, hint }: BuildIssue): Promise<Issue> {
  const excerpt = file === undefined || line === undefined ? [] : await excerptOf(file, line);
  return { file: file === undefined ? undefined : shown(file), line, column, message, hint, excerpt };
}

async function excerptOf(file: string, line: number): Promise<Issue["excerpt"]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").map((content, index) => ({ line: index + 1, text: content }));
  return lines.slice(Math.max(0, line - 3), line + 2);
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
