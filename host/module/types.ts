/**
 * The public surface of the module host: every option with its unit and default, every receipt, every event.
 *
 * Types only; the other files of this folder implement them.
 */
import type { Activity, LinkIssue, ReloadStage } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import type { OfWorld, Source, TypedSource } from "../platform.ts";
import type { Key, Signature } from "../rights/keys.ts";
import type { Grants } from "../rights/types.ts";
import type { CallLimits, CollectionReport, EngineComponent, Isolation, Limits, Usage } from "../runtime/engine.ts";
import type { CompileOptions, ImportObject, InWorker, World } from "../runtime/types.ts";

/**
 * Imports by name, or a function that makes them for each instance. A promise it returns must settle within 30 seconds.
 */
export type ImportEntry<W extends World = World> =
  | ImportObject<W>
  | ((scope: ImportScope) => ImportObject<W> | PromiseLike<ImportObject<W>>);

/**
 * What a module's imports are given as: one entry, or a list, of which the first that offers an import meets it. What other
 * modules provide need not be given.
 */
export type Imports<W extends World = World> = ImportEntry<W> | readonly ImportEntry<W>[];

/** What the host can do for the imports of one instance, and undo when the instance goes. */
export interface ImportScope {
  /** The module's name. */
  readonly module: string;
  /** What is to be instantiated: a factory may make what it imports and nothing else. */
  readonly component: Pick<EngineComponent, "name" | "hash" | "imports" | "exports" | "waits">;
  /** @internal */
  readonly events: ConsoleEvents;
  /** Fires when the instance is unloaded or replaced, after the drain and before the deferred clean-ups. */
  readonly signal: AbortSignal;
  /**
   * Runs `cleanup` when the instance goes; clean-ups run last first, also after a trap.
   * @param owner a name for receipts and errors; default the function's own
   * @returns a function that takes the clean-up back
   */
  defer(cleanup: () => void | PromiseLike<void>, owner?: string): () => void;
  /** A timer that counts as background activity until it fires, and is cleared when the instance goes. */
  setTimeout(task: () => void, delayMs?: number, owner?: string): ScopeTimer;
  /** A repeating timer; it counts as background activity until cleared. */
  setInterval(task: () => void, delayMs: number, owner?: string): ScopeTimer;
  /** Counts a promise as background activity until it settles. Promises that imports return are tracked by themselves. */
  track<T>(promise: PromiseLike<T>, owner?: string): PromiseLike<T>;
}

/** Where the console of a module comes out. */
export interface ConsoleEvents {
  has(event: "console"): boolean;
  emit(event: "console", detail: HostEvents["console"]): void;
}

export interface ScopeTimer {
  clear(): void;
}

export interface HostOptions {
  /** What every module's instance may take of the host, where its own options do not say. */
  readonly limits?: Limits | undefined;
  /** Where modules run that do not say so. Default `"thread"`. */
  readonly isolation?: Isolation | undefined;
  /** How many workers, or with `jspi` instances in this thread, serve a module that does not say so. Default 1. */
  readonly instances?: number | undefined;
  /** How many calls of a module that does not say so may wait for a worker or an instance that is free. Default 10,000. */
  readonly queue?: number | undefined;
  /** Whether calls may wait, of modules that do not say so. Default `false`. */
  readonly jspi?: boolean | undefined;
  /** Imports that every module of this host is given, below its own. Default none: a module gets what it is given. */
  readonly imports?: Imports | undefined;
  /** What modules may need whose load does not say so, also after a reload. Default whatever they import. */
  readonly grants?: Grants | undefined;
  /**
   * Public keys, of which one must have signed the bytes of every module whose load names no others. Modules written by
   * `tenon bind` have no bytes to check, and are refused. Default: nothing need be signed.
   */
  readonly signedBy?: readonly Key[] | undefined;
  /** Default restart policy of modules that do not name one. Default `"fail"`. */
  readonly onTrap?: TrapPolicy | undefined;
  /** Puts loads, reloads, unloads and calls on a track for each module in the developer tools' performance panel. Default `false`. */
  readonly profile?: boolean | undefined;
  /** `false` refuses every `unload` that is not forced, for programs that never want to lose a module. Default `true`. */
  readonly unloading?: boolean | undefined;
  /**
   * Milliseconds after which an unloaded memory that is still alive is reported by a `leaked` event without anybody
   * reading the receipt. Default: only receipts whose `collected` is read are watched.
   */
  readonly leakDeadlineMs?: number | undefined;
  /** The most bytes a file or a server's answer may have, for modules that do not say so. Default 536,870,912 (512 MiB). */
  readonly maxSourceBytes?: number | undefined;
}

/**
 * What happens after a trap: nothing (calls are refused until a reload), or a fresh instance of the same component. A guest that ends
 * itself with the exit code 0 has not trapped: it stays ended until a reload.
 */
export type TrapPolicy = "fail" | "restart" | RestartOptions;

/**
 * A trap is answered by a fresh instance at once. Only where that does not help, because instantiating fails or the first
 * call after it traps again, do the restarts wait, each longer than the last, and end.
 */
export interface RestartOptions {
  /** Wait before the second restart in a row, milliseconds; the first comes at once. Default 10. */
  readonly delayMs?: number | undefined;
  /** What each further wait is multiplied by. Default 2. */
  readonly factor?: number | undefined;
  /** The longest wait, milliseconds. Default 5,000. */
  readonly maxDelayMs?: number | undefined;
  /** Restarts in a row, within `windowMs` and without a call served between, after which the module stays trapped. Default 5. */
  readonly maxRestarts?: number | undefined;
  /** Milliseconds. Default 60,000. */
  readonly windowMs?: number | undefined;
}

/**
 * A world demanded of a component, such as another `Component` or the description of a WIT world: `tenon types` writes one,
 * from which `load` takes its types.
 */
export interface WorldDemand<W extends World = World> extends OfWorld<W> {
  /** Everything here must be exported, with a type that fits. */
  readonly exports: readonly ExternDecl[];
  /** When given, the component may import nothing else. */
  readonly imports?: readonly ExternDecl[] | undefined;
}

export interface LoadOptions<W extends World = World> {
  /**
   * The module's name in the host. Default: the name of a source that has one, as those of `tenon/plugin` do; else the file name
   * without its extension, as it is: with the hash that a bundler has put there, so that a program built without that plugin
   * says the name; else the first 12 digits of the hash. No name inside the component counts, which several files may share.
   */
  readonly name?: string | undefined;
  /** What the module may import. Default nothing but the exports of other modules. */
  readonly imports?: Imports<W> | undefined;
  /**
   * An object: import (an interface with or without version, or the name of a function or resource) → the one module that may meet it, whatever others offer; the form to use
   * where modules do not trust each other. `false`: no import is met by another module. Default `true`: of the modules
   * that fit, the exact version, else the highest, else the first loaded; so also for imports that the object leaves out. A
   * function or resource without an interface has no version: when two modules export it, the object must say which.
   */
  readonly link?: boolean | Readonly<Record<string, string>> | undefined;
  /**
   * Interfaces (with or without version), functions and resources that this module may provide to others; `false` for none. It exports the rest to
   * the program alone. Default all.
   */
  readonly provides?: false | readonly string[] | undefined;
  /**
   * The bytes' SHA-256, as 64 hex digits or `sha256-<base64>`. A module written by `tenon bind` is code of the program and
   * has none to check. @throws {IntegrityError} when it differs
   */
  readonly integrity?: string | undefined;
  /**
   * Public keys of Ed25519 (PEM, JWK, or 32 bytes, also as base64), of which one must have signed the exact bytes, also after a reload.
   * A module written by `tenon bind` has no bytes to check. Default: the host's, else none. @throws {SignatureError} when none has
   */
  readonly signedBy?: readonly Key[] | undefined;
  /** The signature for `signedBy`: 64 bytes, also as base64. Default: the file beside the source, `greeter.wasm.sig`. */
  readonly signature?: Signature | undefined;
  /**
   * What the module may need, also after a reload: data that `review` of `tenon/rights` makes and a file can hold. Default: the
   * host's, else whatever it imports. @throws {RightsError} before anything runs, with all that it needs beside
   */
  readonly grants?: Grants | undefined;
  /** The most bytes a file or a server's answer may have. Default: the host's. */
  readonly maxSourceBytes?: number | undefined;
  /** Gives up: reading, compiling, waiting for imports. What runs is not interrupted. @throws {AbortError} */
  readonly signal?: AbortSignal | undefined;
  /** The world the component must fit, also after a reload. */
  readonly world?: WorldDemand<W> | undefined;
  /**
   * Where the module runs, also after a reload. Default the host's. `"worker"`: in a worker of its own, where it can be ended
   * whatever it does and whose memory is gone when it is unloaded; every export returns a promise, a `new` too, and so may
   * every import. `"worker-sync"`: the same with calls that this thread waits for, in Node.
   * @throws {UnsupportedError} where there are no workers, or the component imports functions and a page is not isolated
   */
  readonly isolation?: Isolation | undefined;
  /**
   * How many workers, or with `jspi` instances in this thread, serve the module. A call goes to one that is free, methods to the
   * one that has the resource; one that traps is replaced while the others serve. Default: the host's, else 1.
   * @throws {UsageError} for more than one in this thread without `jspi`: one call ends there before the next begins
   */
  readonly instances?: number | undefined;
  /**
   * How many calls may wait for a worker, or with `jspi` an instance, that is free; one more is refused, with the code
   * `queue-full`. Default: the host's, else 10,000.
   */
  readonly queue?: number | undefined;
  /**
   * Whether calls may wait in this thread, by JavaScript Promise Integration: every export returns a promise, a `new` too, and so
   * may every import, for which the guest is suspended. An instance has one call that runs or waits at a time, and the others wait
   * their turn, of which `queue` bounds the number. In a component with asynchronous functions these stay as they are, and the
   * others are so: while the guest of one is suspended, all calls of its instance wait. Default: the host's, else `false`.
   * @throws {UnsupportedError} where the engine has no JavaScript Promise Integration
   */
  readonly jspi?: boolean | undefined;
  /** What each instance of the module may take of the host; default the host's, one by one. */
  readonly limits?: Limits | undefined;
  /** Default: the host's. */
  readonly onTrap?: TrapPolicy | undefined;
}

/** Options of `load` for a module in a worker or with `jspi`, whose imports may return promises. */
export type WaitingLoadOptions<W extends World = World> = Omit<LoadOptions<W>, "imports" | "isolation" | "jspi"> & {
  readonly imports?: Imports<InWorker<W>> | undefined;
} & (
    | { readonly isolation: "worker"; readonly jspi?: false | undefined }
    | { readonly isolation?: "thread" | undefined; readonly jspi: true }
  );

/** Options of `compile`. */
export interface CompileSourceOptions extends CompileOptions {
  /**
   * Whether calls of its instances may wait, as {@link LoadOptions.jspi} says: every export returns a promise, and so may every
   * import. Default `false`.
   * @throws {UnsupportedError} where the engine has no JavaScript Promise Integration
   */
  readonly jspi?: boolean | undefined;
  /** What every instance may take. Default: those of {@link Limits}. */
  readonly limits?: Limits | undefined;
  /** The bytes' SHA-256, as 64 hex digits or `sha256-<base64>`. @throws {IntegrityError} when it differs */
  readonly integrity?: string | undefined;
  /**
   * Public keys of Ed25519 (PEM, JWK, or 32 bytes, also as base64), of which one must have signed the exact bytes.
   * A module written by `tenon bind` has no bytes to check. @throws {SignatureError} when none has
   */
  readonly signedBy?: readonly Key[] | undefined;
  /** The signature for `signedBy`: 64 bytes, also as base64. Default: the file beside the source, `greeter.wasm.sig`. */
  readonly signature?: Signature | undefined;
  /** The most bytes a file or a server's answer may have. Default 536,870,912 (512 MiB). */
  readonly maxSourceBytes?: number | undefined;
  /** Gives up reading and compiling. @throws {AbortError} */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `load` that may serve many modules at once. */
export type SharedLoadOptions<W extends World = World> = Omit<LoadOptions<W>, "name" | "integrity" | "signature">;

/** One of several modules loaded together. */
export interface LoadRequest extends LoadOptions {
  readonly source: Source;
}

export interface ReloadOptions<W extends World = World> {
  /** As in {@link LoadOptions}; default none for a new source. */
  readonly integrity?: string | undefined;
  /** As in {@link LoadOptions}, where the module was loaded with `signedBy`. */
  readonly signature?: Signature | undefined;
  /** What this and later versions may need; default the `grants` of the load. */
  readonly grants?: Grants | undefined;
  /** As in {@link LoadOptions}. */
  readonly maxSourceBytes?: number | undefined;
  /** Gives up until the new version is swapped in; the old one serves on. */
  readonly signal?: AbortSignal | undefined;
  /** New imports for this and later versions; default those of the load. */
  readonly imports?: Imports<W> | undefined;
  /** `false`: `tenon:module/state` is not used and the new version starts afresh. Default `true`. */
  readonly state?: boolean | undefined;
  /**
   * Milliseconds the old version's background work and resources may go on after the swap. Default 0. Calls always end, but for
   * those of asynchronous functions, which may wait for ever: they have as long, 5,000 by default, and are rejected then.
   */
  readonly drain?: number | undefined;
  /** Swaps also where other modules hold resources of the old version, and cuts those. Default `false`: refused. */
  readonly force?: boolean | undefined;
  /** `"restart"`: modules that hold resources of the old version get fresh instances of their own after the swap. */
  readonly dependents?: "restart" | undefined;
}

export interface UnloadOptions {
  /** Milliseconds to wait for background activity to end; calls are served meanwhile. Default 0. */
  readonly drain?: number | undefined;
  /** Runs pending timeouts now instead of waiting for them, and stops intervals. Default `false`. */
  readonly flush?: boolean | undefined;
  /** Cuts what is still active after the drain instead of refusing. Default `false`. */
  readonly force?: boolean | undefined;
  /** Unloads the modules that use this one first, last dependents first. Default `false`. */
  readonly cascade?: boolean | undefined;
  /** Asks the engine for a full collection, where it can be asked, and waits for its answer. Default `false`. */
  readonly collect?: boolean | undefined;
  /** Milliseconds after which `collected` says that something still holds the memory. Default 10,000. */
  readonly collectDeadlineMs?: number | undefined;
}

/** What the end of an instance released, ran and cut. */
export interface RunReceipt {
  /** Bytes of linear memory released. */
  readonly memoryBytes: number;
  /** Resources of the host that the guest had leaked, disposed now. */
  readonly hostResourcesDisposed: number;
  /** Resources of the guest that the host still held, cut now. */
  readonly guestResourcesCut: number;
  /** Deferred clean-ups that ran. */
  readonly deferredRun: number;
  /** Whether `tenon:module/teardown` was there and ran to its end. */
  readonly teardown: "ran" | "failed" | "absent" | "skipped";
  /** What was still active when it was cut. */
  readonly cut: readonly Activity[];
  /** Errors of the teardown, the clean-ups and the disposers; none of them stops an unload. */
  readonly errors: readonly Error[];
  /** Settles when the engine has reclaimed the memories, or says after a deadline that something holds them. */
  readonly collected: Promise<CollectionReport>;
}

export interface UnloadReceipt extends RunReceipt {
  readonly name: string;
  readonly hash: string;
  /** Milliseconds, drain included. */
  readonly durationMs: number;
  /** The receipts of the dependents that were unloaded first. */
  readonly cascaded: readonly UnloadReceipt[];
}

export interface ReloadReceipt {
  readonly name: string;
  /** Hash of the version that was replaced. */
  readonly from: string;
  /** Hash of the version that serves now. */
  readonly to: string;
  /** Milliseconds each stage took. */
  readonly stages: Readonly<Record<ReloadStage, number>>;
  readonly durationMs: number;
  /** What became of the state: handed over; the new version takes none; the old one gave none; not asked for. */
  readonly state: "moved" | "dropped" | "none";
  /** How the exports differ, as paths that `Module.get` takes. */
  readonly exports: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  /** Dependents that got fresh instances, with `dependents: "restart"`. */
  readonly restarted: readonly string[];
  /** The end of the old instance. */
  readonly old: RunReceipt;
}

export type ModuleState = "live" | "trapped" | "exited" | "reloading" | "unloading" | "unloaded";

/** A named place in a host that holds one instance at a time. */
export interface Module<W extends World = World> {
  readonly name: string;
  readonly state: ModuleState;
  /** SHA-256 of the component's bytes. */
  readonly hash: string;
  /**
   * One object for the module's whole life. Functions and classes taken from it work across reloads and are cut at unload.
   * It holds nothing else: components and core modules that are exported are described by {@link ModuleInfo.world} only.
   * Where a component exports a function called `then`, JavaScript takes this object for a promise: pass the module on
   * where the object would be awaited or returned from an `async` function, which would call the component.
   */
  readonly exports: W["exports"];
  /** The first trap, while the module is trapped; of one that has exited, the error that its call ended with. */
  readonly trap: Error | undefined;
  /** A function or class by path: `greet`, `api.add`, `demo:calc/api@1.0.0#add`, `demo:calc/api#add`. */
  get(path: string): Function | undefined;
  /** As {@link get}. @throws {UsageError} naming the nearest exports when there is none */
  require(path: string): Function;
  info(): ModuleInfo;
  /** What the instance takes now and has taken: memory always, steps and time where `limits` has them counted. */
  usage(): Usage;
  /**
   * The same exports under tighter limits, never wider. Methods of resources are limited as the module is.
   * @throws {UsageError} when the module was loaded without a limit of time or steps: nothing could end its calls then. One in
   * a worker can be ended by `timeoutMs` and `signal` all the same
   */
  with(limits: CallLimits): { readonly exports: W["exports"] };
  /**
   * Puts a new version in place, or throws and leaves the old one serving. Without a source the old one is read again
   * (a path or URL) or instantiated again (bytes). The source is read at once, beside whatever goes on: one that never
   * ends holds up nothing, and a reload whose source has come supersedes those asked for before it that have not begun.
   * An unload ends those that have not begun.
   *
   * A version that exports less is let in, unless dependents or the `world` demanded at load need what is gone: handles of
   * what went are cut and say so, and the receipt lists them.
   * @throws {ReloadError} with a {@link StillRunningError} as cause when other modules hold resources of the old version and
   * none of `drain`, `force` and `dependents` is set
   */
  reload(source?: Source, options?: ReloadOptions<W>): Promise<ReloadReceipt>;
  /**
   * @throws {InUseError} when other modules use it and `cascade` is not set
   * @throws {StillRunningError} when it is busy after the drain and `force` is not set; it stays loaded then
   */
  unload(options?: UnloadOptions): Promise<UnloadReceipt>;
  /** Unloads whatever is still active, dependents first. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where one import of a module is met: the module's own imports, those of the host, or another module. */
export interface ImportOrigin {
  readonly name: string;
  readonly from: "imports" | "host" | "module";
  /** Which entry, from 0, when the imports are given as a list. */
  readonly entry?: number | undefined;
  /** The providing module's name, when `from` is `module`. */
  readonly module?: string | undefined;
}

/** Plain data about a module; `JSON.stringify` takes it. */
export interface ModuleInfo {
  readonly name: string;
  /** The version its exported interfaces carry, when they agree on one. */
  readonly version: string | undefined;
  readonly hash: string;
  /** The component's imports and exports, as WIT-like text. */
  readonly world: { readonly imports: readonly string[]; readonly exports: readonly string[] };
  readonly imports: readonly ImportOrigin[];
  /** Paths that `Module.get` takes. */
  readonly exports: readonly string[];
  readonly uses: readonly string[];
  readonly usedBy: readonly string[];
  readonly memoryBytes: number;
  /** Calls of exported functions through the module's handles, over its whole life. */
  readonly calls: number;
  readonly traps: number;
  readonly restarts: number;
  readonly reloads: number;
  readonly state: ModuleState;
  readonly activity: readonly Activity[];
  /** ISO 8601. */
  readonly loadedAt: string;
}

/** One call, as an observer sees it. */
export interface ObservedCall {
  readonly module: string;
  /** A path that `Module.get` takes. */
  readonly export: string;
  readonly durationMs: number;
  /** What the call threw, if it did. */
  readonly error?: unknown;
}

/** How much a text matters that a module writes: the function of `console` that was called. */
export type ConsoleLevel = "debug" | "log" | "info" | "warn" | "error";

export interface HostEvents {
  loaded: { readonly module: string; readonly hash: string };
  reloaded: { readonly module: string; readonly receipt: ReloadReceipt };
  "reload-failed": { readonly module: string; readonly error: Error };
  trapped: { readonly module: string; readonly error: Error };
  /**
   * The guest ended itself with the exit code 0: no trap, and no policy restarts it. `error` is what its call ended with. One of several
   * `instances` is replaced instead, as after a trap: only its call is told, and the module stays live.
   */
  exited: { readonly module: string; readonly error: Error };
  restarted: { readonly module: string; readonly attempt: number };
  /** The circuit breaker: too many restarts, so the module stays trapped until a reload. */
  "restart-given-up": { readonly module: string; readonly restarts: number; readonly error: Error };
  unloaded: { readonly module: string; readonly receipt: UnloadReceipt };
  /** The memory of a dropped instance is still alive after the deadline. */
  leaked: { readonly module: string; readonly report: CollectionReport };
  /**
   * A module wrote with `console` or `trace`. Control characters in `text` are escapes, and of what it writes in one turn of
   * the event loop 1,000 texts or 1,000,000 letters arrive. Without a listener the program's own `console` is written to.
   */
  console: { readonly module: string; readonly level: ConsoleLevel; readonly text: string };
  /** Background work of a module's imports failed: a tracked promise rejected, or a scope's timer threw. */
  "background-error": { readonly module: string; readonly owner: string; readonly error: unknown };
}

/** The world of a module by where it runs. */
export type Isolated<W extends World, I extends Isolation> = I extends "worker" ? InWorker<W> : W;

/**
 * A registry of modules that load, link, trap, reload and unload.
 * @typeParam I where modules run that do not say so
 */
export interface Host<I extends Isolation = "thread"> {
  /**
   * Loads one component. Loads of one name and the same bytes give one module, however many run at once.
   * @throws {UsageError} with the code `name-taken` when the name belongs to other bytes, `options-differ` when the module
   * is there with other `imports`, `link`, `provides`, `engine` or `onTrap` than those given, `host-closed`
   */
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options: WaitingLoadOptions<W>,
  ): Promise<Module<InWorker<W>>>;
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options: LoadOptions<W> & { readonly isolation: "thread" | "worker-sync"; readonly jspi?: false | undefined },
  ): Promise<Module<W>>;
  load<W extends World = World>(
    source: Source | TypedSource<W>,
    options?: LoadOptions<W>,
  ): Promise<Module<Isolated<W, I>>>;
  /** Loads several in dependency order; when one fails, those that this call loaded are unloaded again. */
  loadAll(requests: readonly LoadRequest[]): Promise<Module[]>;
  /** Loads every `.wasm` file of a directory, as {@link loadAll}; `options` for all of them. */
  loadDirectory<W extends World = World>(
    directory: string,
    options?: SharedLoadOptions<W>,
  ): Promise<Module<Isolated<W, I>>[]>;
  /** The module of a name. That it fits the world `W` is not checked here; the option `world` of `load` checks it. */
  get<W extends World = World>(name: string): Module<W> | undefined;
  /** As {@link get}. @throws {UsageError} when there is none of that name */
  require<W extends World = World>(name: string): Module<W>;
  /** Every interface, function and resource that a module could link to now. */
  provides(): readonly ExternDecl[];
  /** Modules that export an interface, function or resource, by name, best version first; an id without version matches any. */
  providers(name: string): readonly Module[];
  /** What a component would lack if it were loaded now with these options. */
  missing(source: Source, options?: LoadOptions): Promise<readonly LinkIssue[]>;
  manifest(): readonly ModuleInfo[];
  /** @returns a function that stops listening */
  on<K extends keyof HostEvents>(event: K, listener: (detail: HostEvents[K]) => void): () => void;
  /** Sees every call made through modules' handles; costs nothing once stopped. @returns a function that stops it */
  observe(observer: (call: ObservedCall) => void): () => void;
  /** Unloads everything, dependents first, whatever is still active; later loads are refused. */
  close(): Promise<readonly UnloadReceipt[]>;
  [Symbol.asyncDispose](): Promise<void>;
}
