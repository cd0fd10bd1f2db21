/**
 * Files that are followed: when one has changed and stands still, it is read, and what was loaded from it is reloaded.
 *
 * Directories are watched, not files: tools replace a file by another of its name. What is gone is waited for.
 */
import { createHash } from "node:crypto";
import { type FSWatcher, type Stats, watch as watchFiles } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ReloadError, UsageError } from "../errors.ts";
import type { ModuleRecord } from "../module/module.ts";
import type { Module } from "../module/types.ts";
import type { NodeHost, NodeModule, Watch, WatchDirectoryOptions, WatchOptions } from "./types.ts";

const QUIET_MS = 30;
/** Milliseconds between looks for a directory that is gone. */
const ABSENT_MS = 250;

/** A file that has changed and stands still. */
type Changed = (path: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

class Directory implements Watch {
  readonly directory: string;
  readonly #wanted: (name: string) => boolean;
  readonly #changed: Changed;
  readonly #options: WatchOptions;
  /** Files that are looked at; true when something has happened to one meanwhile. */
  readonly #looking = new Map<string, boolean>();
  #watcher: FSWatcher | undefined;
  #absent: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws {UsageError} when there is no such directory */
  constructor(directory: string, wanted: (name: string) => boolean, changed: Changed, options: WatchOptions) {
    this.directory = resolve(directory);
    this.#wanted = wanted;
    this.#changed = changed;
    this.#options = options;
    try {
      this.#arm();
    } catch (cause) {
      throw new UsageError(`Could not watch ${this.directory}: ${wordsOf(cause)}`, { cause });
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#absent);
    this.#watcher?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    const told = error instanceof Error ? error : new UsageError(wordsOf(error));
    if (this.#options.onError === undefined) process.emitWarning(told);
    else this.#options.onError(told);
  }

  /** Looks at every file there is. */
  async lookAround(): Promise<void> {
    const names = await readdir(this.directory).catch(() => []);
    for (const name of names) if (this.#wanted(name)) this.#look(name);
  }

  #arm(): void {
    this.#watcher?.close();
    this.#watcher = watchFiles(this.directory, { persistent: false }, (_, name) => {
      // The directory's own end has its own name, or none.
      if (name === null || name === basename(this.directory)) void this.#lost();
      if (name !== null && this.#wanted(name)) this.#look(name);
    });
    this.#watcher.on("error", () => void this.#lost());
  }

  /** Something has happened to the directory itself: another may have its place by now. */
  async #lost(): Promise<void> {
    if (this.#closed || this.#absent !== undefined) return;
    if (await this.#back()) return;
    if (this.#closed || this.#absent !== undefined) return;
    this.#absent = setInterval(() => void this.#back(), ABSENT_MS).unref();
    const words = "it is gone; what was loaded from it serves on, and it is watched again when it is back";
    this.fail(new UsageError(`Could not watch ${this.directory}: ${words}`));
  }

  async #back(): Promise<boolean> {
    const found = await stat(this.directory).catch(() => undefined);
    if (this.#closed || found?.isDirectory() !== true) return false;
    try {
      this.#arm();
    } catch {
      return false;
    }
    clearInterval(this.#absent);
    this.#absent = undefined;
    await this.lookAround();
    return true;
  }

  #look(name: string): void {
    const known = this.#looking.has(name);
    this.#looking.set(name, known);
    if (known) return;
    void this.#settle(name)
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        const again = this.#looking.get(name) === true;
        this.#looking.delete(name);
        if (again && !this.#closed) this.#look(name);
      });
  }

  async #settle(name: string): Promise<void> {
    const path = join(this.directory, name);
    const { quietMs = QUIET_MS } = this.#options;
    let before = await state(path);
    while (before !== undefined && !this.#closed) {
      await sleep(quietMs, undefined, { ref: false });
      const after = await state(path);
      if (after === undefined || this.#closed) return;
      if (same(before, after)) {
        this.#looking.set(name, false);
        const bytes = new Uint8Array(await readFile(path));
        const end = await state(path);
        if (end !== undefined && same(after, end) && bytes.length === end.size) return this.#changed(path, bytes);
      }
      before = after;
    }
  }
}

function state(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

function same(a: Stats, b: Stats): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size && a.ino === b.ino;
}

const records = new WeakMap<Module, ModuleRecord>();

/** A module whose file can be watched. */
export function watching(record: ModuleRecord, module: Module): NodeModule {
  const watch = { value: (options: WatchOptions = {}) => watchModule(record, options), enumerable: true };
  const more: NodeModule = Object.defineProperties({} as NodeModule, {
    ...Object.getOwnPropertyDescriptors(module),
    watch,
  });
  records.set(more, record);
  return Object.freeze(more);
}

/** @throws {UsageError} when the module did not come from a file */
function watchModule(record: ModuleRecord, options: WatchOptions): Watch {
  const path = fileOf(record);
  if (path === undefined) {
    throw new UsageError(
      `Could not watch module ${record.name}: it was not loaded from a file; give load a path, or reload the module yourself`,
    );
  }
  const name = basename(path);
  const follow = follower(record);
  const directory = new Directory(dirname(path), (each) => each === name, follow, options);
  const stop = record.context.events.on("unloaded", () => {
    if (record.phase !== "unloaded") return;
    directory.close();
    stop();
  });
  return directory;
}

function fileOf({ source }: ModuleRecord): string | undefined {
  const place = typeof source === "object" && "url" in source ? source.url : source;
  if (place === undefined) return undefined;
  const url = typeof place === "string" && !/^[a-z][a-z0-9+.-]+:/i.test(place) ? undefined : new URL(place);
  if (url === undefined) return resolve(String(place));
  return url.protocol === "file:" ? fileURLToPath(url) : undefined;
}

/** Reloads a module with new bytes; those that serve, and those that were refused, are not tried again. */
function follower(record: ModuleRecord): Changed {
  let refused: string | undefined;
  const gone = (): boolean => record.phase === "unloaded" || record.phase === "unloading";
  return async (_, bytes) => {
    const hash = createHash("sha256").update(bytes).digest("hex");
    if (gone() || hash === record.hash || hash === refused) return;
    const { source } = record;
    try {
      // The bytes that were seen whole, not what the file has by then.
      await record.reload(bytes, {});
      record.follow(source);
      refused = undefined;
    } catch (error) {
      if (error instanceof ReloadError) refused = hash;
      else if (!gone()) throw error;
    }
  };
}

/** Gives a host its `watch`. */
export function watchDirectory(host: NodeHost): NodeHost {
  const open = new Set<Directory>();
  const close = host.close.bind(host);
  return Object.assign(host, {
    close: () => {
      for (const directory of open) directory.close();
      return close();
    },
    async watch(directory: string, { load = {}, ...options }: WatchDirectoryOptions = {}): Promise<Watch> {
      const followers = new Map<string, Changed>();
      const add = (path: string, module: NodeModule): void => {
        const record = records.get(module)!;
        followers.set(path, follower(record));
      };
      const made = new Directory(
        directory,
        (name) => name.endsWith(".wasm"),
        async (path, bytes) => {
          const follow = followers.get(path);
          if (follow === undefined || host.get(nameOf(path)) === undefined) add(path, await host.load(path, load));
          else await follow(path, bytes);
        },
        options,
      );
      open.add(made);
      try {
        for (const module of await host.loadDirectory(made.directory, load)) {
          add(fileOf(records.get(module)!)!, module);
        }
      } catch (error) {
        made.close();
        throw error;
      }
      // A file may have changed while others were loaded.
      await made.lookAround();
      return made;
    },
  });
}

function nameOf(path: string): string {
  return basename(path, ".wasm");
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
