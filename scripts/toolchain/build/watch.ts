/**
 * Building again what has changed: which modules there are, which folders are watched for them, and when a build is due.
 *
 * Folders are watched, never single files: editors and builds replace a file by renaming another into its place. What an event
 * says is only a hint; whether something has changed is decided by contents, as in any build.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { moduleFolders, type Project, readProject } from "./config.ts";
import { BuildError } from "./errors.ts";
import type { BuildOptions } from "./options.ts";
import type { BuildResult } from "./result.ts";
import { FolderWatch } from "./folder-watch.ts";

/** What {@link Builder.watch} is asked for: the options of every build, and where the modules are. */
export interface WatchOptions extends Omit<BuildOptions, "dir" | "out" | "force"> {
  /** Module folders. Default: those that the project's package.json lists, and those that it comes to list. */
  readonly dirs?: readonly string[] | undefined;
  /** A folder of the project. Default the working directory. */
  readonly from?: string | undefined;
  /** As in {@link BuildOptions}, but `true` by default: what counts is the time from saving to serving. */
  readonly debug?: boolean | undefined;
  /**
   * Also looks by itself, every so many milliseconds, for file systems that tell nothing of changes. Default: only where the
   * system gives no more watches, then 500.
   */
  readonly pollMs?: number | undefined;
}

/** What happens to one module, whose folder `dir` is, absolute; of the project itself when its package.json is wrong. */
export type WatchEvent =
  /** `result.cached`: its files were there already, such as at the start or after an error was taken back. */
  | { readonly kind: "built"; readonly dir: string; readonly result: BuildResult }
  /** The files of the last good build are as they were. */
  | { readonly kind: "failed"; readonly dir: string; readonly error: Error }
  /** Its folder is gone, or is no longer listed. */
  | { readonly kind: "removed"; readonly dir: string };

/** Modules under watch. */
export interface Watching {
  /** Settles when the first build of every module has ended, well or not. */
  readonly ready: Promise<void>;
  /** Ends it; what is being built is built to its end, and tells nothing. */
  close(): Promise<void>;
}

/** The part of a builder that is used. */
interface ModuleBuilder {
  build(options: BuildOptions): Promise<BuildResult>;
  warm(): void;
}

/** Milliseconds of quiet before a build: editors write in several steps. */
const QUIET_MS = 20;
/** Milliseconds that a file may be empty: some programs write in place. */
const EMPTY_MS = 150;
const POLL_MS = 500;

interface Watched {
  readonly dir: string;
  /** Files that decide what the build gives, absolute; some may not exist. */
  sources: ReadonlySet<string>;
  /** What the last build ended as; `undefined` before the first. */
  state: "built" | "failed" | undefined;
  /** What was told of last, to tell nothing twice. */
  told: string;
  /** Something has changed since the build that is running began. */
  due: boolean;
  running: Promise<void> | undefined;
}

export function watchModules(
  builder: ModuleBuilder,
  options: WatchOptions,
  listener: (event: WatchEvent) => void,
): Watching {
  const watch = new ModuleWatch(builder, options, listener);
  return { ready: watch.start(), close: () => watch.close() };
}

class ModuleWatch {
  private readonly builder: ModuleBuilder;
  private readonly options: WatchOptions;
  private readonly listener: (event: WatchEvent) => void;
  private readonly root: string;
  private readonly modules = new Map<string, Watched>();
  private readonly folders: FolderWatch;
  private project: Project | undefined;
  /** What is wrong with the project's package.json; empty when nothing is. */
  private fault = "";
  private timer: NodeJS.Timeout | undefined;
  private poll: NodeJS.Timeout | undefined;
  private finding: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(builder: ModuleBuilder, options: WatchOptions, listener: (event: WatchEvent) => void) {
    this.builder = builder;
    this.options = options;
    this.listener = listener;
    this.root = resolve(options.from ?? ".");
    this.folders = new FolderWatch(
      (path) => this.changed(path),
      () => this.startPolling(POLL_MS),
    );
    if (options.pollMs !== undefined) this.startPolling(options.pollMs);
  }

  async start(): Promise<void> {
    if (this.options.dirs?.length !== 0) this.builder.warm();
    await this.find();
    await Promise.all([...this.modules.values()].map(({ running }) => running));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    clearInterval(this.poll);
    this.folders.close();
    await this.finding;
    await Promise.all([...this.modules.values()].map(({ running }) => running));
  }

  private startPolling(ms: number): void {
    if (this.closed || this.poll !== undefined) return;
    this.poll = setInterval(() => this.schedule(0), ms);
  }

  /** Something was written, made or removed at a path. */
  private changed(path: string): void {
    // What a build or an editor writes for itself. A folder has no such ending, and a new one may hold sources.
    if (/(?:\.d\.ts|\.d\.wasm\.ts|\.wasm|\.map|\.tmp|~|\.sw[a-z])$/.test(path) || basename(path) === "bindings") return;
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    this.schedule(size === 0 ? EMPTY_MS : QUIET_MS);
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      void this.find().then(() => {
        if (this.fault === "") for (const watched of this.modules.values()) this.begin(watched);
      });
    }, ms);
  }

  /** Compares the modules that there are with those that were known. */
  private find(): Promise<void> {
    return (this.finding = this.finding.then(async () => {
      if (this.closed) return;
      let dirs: readonly string[];
      try {
        this.project = await readProject(this.root);
        dirs = this.options.dirs?.map((dir) => resolve(dir)) ?? (await moduleFolders(this.project));
      } catch (error) {
        const { message } = error as Error;
        this.watchFolders();
        if (message !== this.fault) this.tell({ kind: "failed", dir: this.root, error: error as Error });
        this.fault = message;
        // Each is told of again when this is mended.
        for (const watched of this.modules.values()) watched.state = undefined;
        return;
      }
      this.fault = "";
      for (const dir of this.modules.keys()) {
        if (dirs.includes(dir)) continue;
        this.modules.delete(dir);
        this.tell({ kind: "removed", dir });
      }
      for (const dir of dirs) {
        if (this.modules.has(dir)) continue;
        const watched: Watched = {
          dir,
          sources: new Set(),
          state: undefined,
          told: "",
          due: false,
          running: undefined,
        };
        this.modules.set(dir, watched);
        this.begin(watched);
      }
      this.watchFolders();
    }));
  }

  private begin(watched: Watched): void {
    if (this.closed) return;
    if (watched.running !== undefined) {
      watched.due = true;
      return;
    }
    watched.due = false;
    watched.running = this.build(watched).finally(() => {
      watched.running = undefined;
      if (watched.due) this.begin(watched);
    });
  }

  private async build(watched: Watched): Promise<void> {
    const { dir, state } = watched;
    const { dirs: _dirs, from: _from, pollMs: _pollMs, ...options } = this.options;
    let event: WatchEvent | undefined;
    try {
      const result = await this.builder.build({ ...options, debug: options.debug ?? true, dir });
      watched.sources = new Set(result.sources);
      watched.state = "built";
      watched.told = "";
      if (!result.cached || state !== "built") event = { kind: "built", dir, result };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (this.isOfTheProject(dir, error)) {
        this.schedule(QUIET_MS);
        return;
      }
      if (error instanceof BuildError) watched.sources = new Set([...watched.sources, ...error.sources]);
      watched.state = "failed";
      if (error.message !== watched.told) event = { kind: "failed", dir, error };
      watched.told = error.message;
    }
    // What was written before its folder was watched is seen by one look more.
    if (this.watchFolders()) this.schedule(QUIET_MS);
    if (event !== undefined && this.modules.get(dir) === watched) this.tell(event);
  }

  /** Whether a failure is told by the next look at the project: its package.json is wrong, or a module that a pattern found is gone. */
  private isOfTheProject(dir: string, error: Error): boolean {
    if (error instanceof BuildError && error.issues.some(({ file }) => file === join(this.root, "package.json")))
      return true;
    const found = this.options.dirs === undefined && this.project?.modules.has(dir) === false;
    return found && !existsSync(join(dir, "index.ts"));
  }

  /** @returns whether folders are watched that were not */
  private watchFolders(): boolean {
    if (this.closed) return false;
    const wanted = new Set<string>([this.root]);
    const add = (folder: string): void => void wanted.add(existing(folder));
    if (this.project?.file !== undefined) add(dirname(this.project.file));
    for (const place of this.project?.modules.keys() ?? []) add(dirname(place));
    for (const { dir, sources } of this.modules.values()) {
      for (const path of sources) add(dirname(path));
      for (const folder of foldersOf(dir)) wanted.add(folder);
      add(dirname(dir));
      // Where a WIT could come to be.
      for (let up = dirname(dir); up.startsWith(this.root); up = dirname(up)) {
        add(join(up, "wit"));
        if (up === dirname(up)) break;
      }
    }
    return this.folders.set(wanted);
  }

  private tell(event: WatchEvent): void {
    if (!this.closed) this.listener(event);
  }
}

/** The folder, or the nearest one above it that is there. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

/** A module's folder with those in it where sources may be. */
function foldersOf(dir: string): string[] {
  const folders = [existing(dir)];
  for (const folder of folders) {
    if (!folder.startsWith(dir)) break;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const skipped = entry.name.startsWith(".") || entry.name === "bindings" || entry.name === "node_modules";
      if (entry.isDirectory() && !skipped) folders.push(join(folder, entry.name));
    }
  }
  return folders;
}
