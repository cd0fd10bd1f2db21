/**
 * What hosts and modules have in Node beside what they have everywhere: the files they come from can be watched.
 */
import type { Source, TypedSource } from "../platform.ts";
import type {
  Host,
  Isolated,
  LoadOptions,
  LoadRequest,
  Module,
  SharedLoadOptions,
  WaitingLoadOptions,
} from "../module/types.ts";
import type { Isolation } from "../runtime/engine.ts";
import type { InWorker, World } from "../runtime/types.ts";

export interface WatchOptions {
  /** Milliseconds for which a file must not have changed before it is read. Default 30. */
  readonly quietMs?: number | undefined;
  /**
   * Hears of what cannot be followed: a directory that is gone, a new file that cannot be loaded. A version that is refused is
   * told by the event `reload-failed`. Default: a warning of the process.
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

export interface WatchDirectoryOptions extends WatchOptions {
  /** How the modules are loaded. */
  readonly load?: SharedLoadOptions | undefined;
}

/** Watches until it is closed. It does not keep the process alive. */
export interface Watch {
  /** The directory, absolute. */
  readonly directory: string;
  /** Stops watching. What is loaded stays. */
  close(): void;
  [Symbol.dispose](): void;
}

export interface NodeModule<W extends World = World> extends Module<W> {
  /**
   * Reloads the module when its file has changed, until the module is unloaded. A file that is being written is waited for,
   * the same bytes are no change, and while the file or its directory is gone the last version serves.
   * @throws {UsageError} when the module did not come from a file
   */
  watch(options?: WatchOptions): Watch;
}

/** A host in Node. */
export interface NodeHost<I extends Isolation = "thread"> extends Host<I> {
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options: WaitingLoadOptions<W>,
  ): Promise<NodeModule<InWorker<W>>>;
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options: LoadOptions<W> & { readonly isolation: "thread" | "worker-sync" },
  ): Promise<NodeModule<W>>;
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options?: LoadOptions<W>,
  ): Promise<NodeModule<Isolated<W, I>>>;
  loadAll(requests: readonly LoadRequest[]): Promise<NodeModule[]>;
  loadDirectory<W extends World = World>(
    directory: string,
    options?: SharedLoadOptions<W>,
  ): Promise<NodeModule<Isolated<W, I>>[]>;
  get<W extends World = World>(name: string): NodeModule<W> | undefined;
  require<W extends World = World>(name: string): NodeModule<W>;
  /**
   * Loads every `.wasm` file of a directory, as `loadDirectory`, and follows them: changed files are reloaded, new ones loaded.
   * A file that goes takes no module with it.
   */
  watch(directory: string, options?: WatchDirectoryOptions): Promise<Watch>;
}
