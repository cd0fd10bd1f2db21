/**
 * Builds the modules of a folder, and builds again what a saved file changes.
 *
 * Owns which file concerns which module, one build at a time for each, and the bytes of the latest components. Does not
 * own watching (the dev server's) nor building (`scripts/build`).
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { BuildError, type BuildIssue, type Builder, createBuilder } from "../build/index.ts";
import { findWit } from "../build/find-wit.ts";
import { collectDocs } from "../wit/docs.ts";
import { readWit } from "../wit/sources.ts";
import type { BuiltUpdate, FailedUpdate, Issue, SavedFile, Update } from "./protocol.ts";

export interface WorkshopOptions {
  /** A folder of module folders. */
  readonly modules: string;
  /** A folder of WIT packages that several modules use; a change in it concerns those that have read the file. */
  readonly wit?: string | undefined;
  /** Where components are written. */
  readonly out: string;
  /** Ready-made components, as paths of `.wasm` files, shown beside the modules. Default none. */
  readonly components?: readonly string[] | undefined;
  /** Optimise: slower builds, quicker code. Default `false`, as what counts here is the time from saving to answering. */
  readonly optimize?: boolean | undefined;
  /** Where the builder keeps its records; default the builder's own. */
  readonly cache?: string | false | undefined;
}

/** Milliseconds a file must be quiet before it is built: editors write in several steps. */
const QUIET_MS = 20;

/** A module: a folder to build, or a component that is ready. */
interface Place {
  readonly name: string;
  readonly folder: string | undefined;
  readonly component: string;
  /** Files whose change concerns it, absolute; known after the first build that went well. */
  sources: ReadonlySet<string>;
  latest: Update;
  /** The latest build that went well: what a page that opens now can load, whatever became of later ones. */
  built: BuiltUpdate | undefined;
  /** The bytes of the last versions by hash: an open page may still fetch the one before. */
  readonly versions: Map<string, Uint8Array>;
  /** The file that made a build necessary which has not begun. */
  waiting: { readonly path: string } | undefined;
  timer: NodeJS.Timeout | undefined;
  running: Promise<void> | undefined;
}

export class Workshop {
  readonly #options: WorkshopOptions;
  readonly #publish: (update: Update) => void;
  readonly #builder: Builder;
  readonly #places = new Map<string, Place>();
  #closed = false;

  constructor(options: WorkshopOptions, publish: (update: Update) => void) {
    this.#options = options;
    this.#publish = publish;
    this.#builder = createBuilder(options.cache === undefined ? {} : { cache: options.cache });
  }

  /** Folders and files to watch. */
  get watched(): readonly string[] {
    const { modules, wit, components = [] } = this.#options;
    return [modules, ...(wit === undefined ? [] : [wit]), ...components].map((path) => resolve(path));
  }

  /** Starts the first build of every module; resolves when all have ended, well or not. */
  async start(): Promise<void> {
    this.#builder.warm();
    for (const path of this.#options.components ?? [])
      this.#add(basename(path).replace(/\.wasm$/, ""), undefined, path);
    await this.#discover();
    await Promise.all([...this.#places.values()].map(({ running }) => running));
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
    return this.#places.get(name)?.versions.get(hash);
  }

  /** Tells of a file that was written, made or removed. Editors' own temporary files are no sources. */
  changed(path: string): void {
    const file = resolve(path);
    if (!/\.(?:ts|json|wit|wasm)$/.test(file)) return;
    for (const place of this.#places.values()) {
      if (this.#concerns(file, place)) this.#schedule(place, file);
    }
    if (basename(file) === "index.ts") void this.#discover();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#places.values()) clearTimeout(timer);
    await this.#builder.close();
    await Promise.all([...this.#places.values()].map(({ running }) => running));
  }

  #concerns(file: string, { folder, component, sources }: Place): boolean {
    if (folder === undefined) return file === component;
    if (sources.has(file)) return true;
    const { wit } = this.#options;
    // Before a build has gone well nobody knows which packages it reads.
    if (sources.size === 0 && wit !== undefined && within(file, resolve(wit))) return true;
    return within(file, folder) && !within(file, join(folder, "bindings"));
  }

  async #discover(): Promise<void> {
    const root = resolve(this.#options.modules);
    const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const folder = join(root, entry.name);
      if (!entry.isDirectory() || this.#places.has(entry.name) || !existsSync(join(folder, "index.ts"))) continue;
      this.#add(entry.name, folder, join(this.#options.out, `${entry.name}.wasm`));
    }
    for (const place of this.#places.values()) {
      if (place.folder === undefined || existsSync(place.folder)) continue;
      clearTimeout(place.timer);
      this.#places.delete(place.name);
      this.#publish({ kind: "removed", name: place.name });
    }
  }

  #add(name: string, folder: string | undefined, component: string): void {
    const place: Place = {
      name,
      folder,
      component: resolve(component),
      sources: new Set(),
      latest: { kind: "building", name },
      built: undefined,
      versions: new Map(),
      waiting: undefined,
      timer: undefined,
      running: undefined,
    };
    this.#places.set(name, place);
    place.running = this.#run(place, undefined);
  }

  #schedule(place: Place, path: string): void {
    place.waiting = { path };
    clearTimeout(place.timer);
    // A build that is running picks up what waits when it ends.
    if (place.running === undefined) place.timer = setTimeout(() => this.#begin(place), QUIET_MS);
  }

  #begin(place: Place): void {
    const { waiting } = place;
    if (waiting === undefined || this.#closed) return;
    place.waiting = undefined;
    place.running = this.#run(place, waiting.path);
  }

  async #run(place: Place, saved: string | undefined): Promise<void> {
    this.#publishLatest(place, { kind: "building", name: place.name });
    const after = await this.#make(place, saved).catch((error: unknown) => failure(place.name, error));
    if (!this.#closed) this.#publishLatest(place, after);
    place.running = undefined;
    this.#begin(place);
  }

  async #make(place: Place, saved: string | undefined): Promise<Update> {
    const startedAt = Date.now();
    const savedAt = saved === undefined ? undefined : (await stat(saved).catch(() => undefined))?.mtimeMs;
    let stages: BuiltUpdate["stages"] = [];
    let docs: BuiltUpdate["docs"] = {};
    if (place.folder !== undefined) {
      const result = await this.#builder.build({
        dir: place.folder,
        out: place.component,
        debug: true,
        optimize: this.#options.optimize ?? false,
      });
      place.sources = new Set(result.sources.map((path) => resolve(path)));
      if (!result.cached) stages = Object.entries(result.stages);
      docs = await docsOf(place.folder);
    }
    const bytes = await readFile(place.component);
    const hash = createHash("sha256").update(bytes).digest("hex");
    remember(place.versions, hash, bytes);
    const file: SavedFile | undefined =
      saved === undefined || savedAt === undefined || place.built?.hash === hash
        ? undefined
        : { file: shown(saved), savedAt, startedAt, builtAt: Date.now() };
    const url = `/components/${encodeURIComponent(place.name)}/${hash}.wasm`;
    return { kind: "built", name: place.name, url, hash, byteLength: bytes.length, docs, stages, saved: file };
  }

  #publishLatest(place: Place, update: Update): void {
    place.latest = update;
    if (update.kind === "built") place.built = update;
    this.#publish(update);
  }
}

function within(file: string, folder: string): boolean {
  return file.startsWith(folder + sep);
}

function remember(versions: Map<string, Uint8Array>, hash: string, bytes: Uint8Array): void {
  versions.delete(hash);
  versions.set(hash, bytes);
  const [oldest] = versions.keys();
  if (versions.size > 3 && oldest !== undefined) versions.delete(oldest);
}

/** The doc comments that the author wrote; a WIT that cannot be read is told by the build, not here. */
async function docsOf(folder: string): Promise<Record<string, string>> {
  try {
    const { main, dependencies } = await readWit(await findWit(folder));
    const packages = [...dependencies, main].map(({ files }) => collectDocs(files.map(({ text }) => text)));
    return Object.fromEntries(packages.flatMap((docs) => [...docs]));
  } catch {
    return {};
  }
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
