/**
 * What a platform must give the host. Types only: `node/` and `browser/` implement it, everything else receives it.
 */

/** Where a component comes from. A string is a path in Node and a URL in a page. */
export type Source =
  | string
  | URL
  | ArrayBuffer
  | ArrayBufferView
  | ResponseLike
  | Promise<ResponseLike>
  | ServedComponent
  | BoundComponent;

/** A component at a place: the default export of an import that `tenon/plugin` has taken. A program may write one itself. */
export interface ServedComponent {
  /** The default name of a module that is loaded from it, also where the place has another. */
  readonly name: string;
  readonly url: string | URL;
  /** SHA-256 of the bytes, hex; it is told, not checked: for that it is the option `integrity`. */
  readonly hash?: string | undefined;
  /**
   * Called with each module that serves a version read from here, for a source that changes in development: it may reload the
   * module. @returns called when the module serves it no longer
   */
  attach?(module: Follower): () => void;
}

/** A module, as far as a source that changes needs it. */
export interface Follower {
  readonly name: string;
  /** SHA-256 of the bytes that serve, hex. */
  readonly hash: string;
  reload(source: ServedComponent): Promise<unknown>;
}

declare const world: unique symbol;

/** What knows its world, in the type alone. */
export interface OfWorld<W> {
  readonly [world]?: W;
}

/**
 * A source whose component is known to be of the world `W`, such as the default export of a `.wasm` file beside which
 * `tenon build` wrote its declarations: `load` and `compile` take their types from it. The mark is in the type alone.
 */
export type TypedSource<W> = Source & OfWorld<W>;

/**
 * The default export of a module written by `tenon bind`: a component that loads without decoding or evaluating text,
 * also in a page whose Content-Security-Policy forbids `eval`.
 */
export interface BoundComponent<W = unknown> extends OfWorld<W> {
  /** The version of the format, negative where calls may wait; a host refuses one that is not its own. */
  readonly format: number;
  readonly name: string;
  /** SHA-256 of the component it was made from, lower-case hex. */
  readonly hash: string;
  /** Where the core modules are, with the SHA-256 of each; or the modules, where the program imports them compiled. */
  readonly modules: readonly ({ readonly url: URL | string; readonly hash: string } | WebAssembly.Module | undefined)[];
  /** Private to the host. */
  readonly plan: object;
  /** What was added to each core module for limits, where it was bound with them; private to the host. */
  readonly metered?: readonly (object | null)[];
  /** Where the code of each core module is, where it brings source lines; private to the host. */
  readonly lines?: readonly (object | null)[];
  /** Whether its functions are asynchronous, for which more of the host is loaded. */
  readonly asynchronous?: boolean;
  /** The generated function; private to the host. */
  readonly instantiate: (runtime: never, modules: never, host: never) => object;
}

/** The part of a fetch `Response` the host reads. */
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  /** Where it can be read in pieces, core modules are compiled while the rest is on its way. */
  readonly body?: { getReader?(): BodyReader } | null;
  readonly headers?: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The reader of a body, as far as the host needs it. */
export interface BodyReader {
  cancel(): Promise<void>;
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** How much of a source is read, and until when. */
export interface SourceLimits {
  /** Bytes. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** An operation that takes its time. */
export type TracedOperation = "load" | "reload" | "unload";

/** A function as the host holds it. */
export type TracedFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Who is told of what hosts do. While nobody wants to be told, nothing is wrapped and nothing is called. */
export interface Tracing {
  /** Whether somebody wants to be told of an operation, or of calls of modules or of their imports. */
  wants(of: TracedOperation | "call" | "import"): boolean;
  /** Runs an operation; `context` is what is told, and may be added to while it runs. */
  run<T>(operation: TracedOperation, context: object, task: () => Promise<T>): Promise<T>;
  /** A function with the same behaviour, whose calls are told of. */
  wrap(of: "call" | "import", plain: TracedFunction, context: object): TracedFunction;
  /** Calls `changed` when somebody wants calls who did not before, or the other way round. Does not keep `owner` alive. */
  watch<T extends object>(owner: T, changed: (owner: T) => void): void;
}

export interface Platform {
  /** A name for messages and the manifest: `node`, `browser`, `worker`. */
  readonly name: string;
  /** The bytes of a file, or what a server answers, refusals included. @throws {UsageError} that says what could not be opened and why. */
  open(source: string | URL, limits?: SourceLimits): Promise<Uint8Array<ArrayBuffer> | Response>;
  /**
   * The bytes of a file beside another, at once; `undefined` when it cannot be read. Absent where files cannot be read at once.
   * @param file a path or a URL, as {@link open} takes it
   * @param name of a file in the same directory
   */
  readBeside?(file: string | undefined, name: string): Uint8Array | undefined;
  /** Who is told of what every host of this platform does. */
  readonly tracing?: Tracing | undefined;
  /** Names of the `.wasm` files directly inside a directory, sorted; absent where there are no directories. */
  list?(directory: string): Promise<readonly string[]>;
  /** SHA-256 as lower-case hex. */
  sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string>;
  /** Runs a task as a macrotask, so that the microtask queue is empty in between. */
  macrotask(): Promise<void>;
  /** Asks the engine for a full collection; `undefined` where it cannot be asked. */
  readonly collect?: (() => Promise<void>) | undefined;
  /** How many `WebAssembly.Memory` objects the engine still holds; collects first. Where the engine can tell. */
  readonly countMemories?: (() => number) | undefined;
  /** How many wasm memory reservations the address space holds; Linux under Node only. */
  readonly countReservations?: (() => Promise<number | undefined>) | undefined;
}
