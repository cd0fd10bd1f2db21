/**
 * The seam between what a module is and how its component is run. Contracts only: the engine of this thread is in
 * `in-thread.ts`, that of workers and of calls which may wait in `worker/engine.ts`; a module asks the one that its recipe needs,
 * knowing nothing of what is behind.
 */
import type { Activity, LinkIssue } from "../errors.ts";
import type { ExternDecl } from "../model/types.ts";
import type { BoundComponent, Platform, ResponseLike, SourceLimits } from "../platform.ts";

/**
 * What an instance may take of the host. Passing a limit is a trap, a `LimitError`.
 */
export interface Limits {
  /**
   * Bytes that one call may hand from the guest to the host or to another guest, as results or as arguments of an import:
   * the contents of strings and lists, each time they are referred to, and the objects made for them on the host's heap.
   * What the host passes to a guest is not counted. Default 134,217,728 (128 MiB).
   */
  readonly hostCallBytes?: number | undefined;
  /** Handles of resources that are alive in the instance at once, owned and borrowed; as many threads in each component. Default 100,000. */
  readonly resources?: number | undefined;
  /**
   * Bytes of linear memory, all memories of the instance together. A memory that would grow beyond is refused
   * ({@link onMemoryLimit}); an instance that begins with more is not started. Default: what WebAssembly allows.
   */
  readonly memoryBytes?: number | undefined;
  /** What growing beyond {@link memoryBytes} does: the guest is told -1, or it traps. Default `"refuse"`. */
  readonly onMemoryLimit?: "refuse" | "trap" | undefined;
  /** Elements of all tables of the instance. A table that would grow beyond is refused. Default: what WebAssembly allows. */
  readonly tableElements?: number | undefined;
  /**
   * Milliseconds of a call on the clock, its imports and the modules it calls included. A call that has to wait for its turn is
   * refused or given up when so many have passed since it was made, and its instance serves on: for what is ended, the clock begins
   * with the guest. `Infinity` lets calls be limited one by one, through `Module.with`, where the module runs in this thread.
   * A call of an asynchronous function has them from when it is made to its end, with what it waits for; one that waits then ends
   * alone. Default: no limit.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Milliseconds of a call in the guest's own code; the clock stands while an import runs. Of an asynchronous function, all that
   * its guest does for the call, and nothing of what it waits for. `Infinity` only measures. Default: no limit.
   */
  readonly cpuMs?: number | undefined;
  /**
   * Steps of a call, which are the same on every engine: an instruction is one, branches not taken included, and so are eight
   * bytes filled or copied. Of an asynchronous function, those of all times that its guest runs for the call, together, and one
   * for each. `Infinity` only counts. Default: no limit.
   */
  readonly fuel?: number | undefined;
  /**
   * Bytes of the stack that calls of the guest within each other may take, all its core modules together: 80 for a call and 8
   * for each parameter and local (16 for a vector), which is about what engines take and the same on all of them. Functions
   * without loops and calls, and what the host does in between, are not counted. Default: until the engine's stack ends.
   */
  readonly stackBytes?: number | undefined;
  /** Milliseconds that instantiation may take, start functions included. Default {@link timeoutMs}. */
  readonly startTimeoutMs?: number | undefined;
  /**
   * Milliseconds after which a call that goes on computing gives the event loop a turn, again and again: timers fire, a page
   * answers, a signal ends the call. Needs `jspi: true`. Default: a call that does not wait runs to its end.
   */
  readonly yieldMs?: number | undefined;
}

/** What beside the bytes decides how a component is prepared: plain data, known before the first byte is there. */
export interface Recipe {
  /** Of every instance; {@link Limits} has the defaults of what is absent. */
  readonly limits: Limits;
  /** Where instances run; absent for this thread. */
  readonly isolation?: Isolation | undefined;
  /** How many workers or instances in this thread serve a module; default 1. */
  readonly instances?: number | undefined;
  /** How many calls may wait for a worker or an instance that is free; default 10,000. */
  readonly queue?: number | undefined;
  /** Whether calls may wait in this thread. */
  readonly jspi?: boolean | undefined;
}

/** Where a module runs: in this thread, or in a worker, whose calls return promises or are waited for in this thread. */
export type Isolation = "thread" | "worker" | "worker-sync";

/** A source as it was given or found: bytes, an answer whose body may still be arriving, or bindings written ahead of time. */
export interface Content {
  readonly body: Uint8Array<ArrayBuffer> | ResponseLike | BoundComponent;
  /** The path or URL of the body, where it has one; else empty. */
  readonly from?: string | undefined;
  /** How much of a body is read, and until when. */
  readonly limits: SourceLimits;
}

/** Runs components. It keeps nothing of its own: what it needs of the machine is the platform's. */
export interface Engine {
  /** Asks for its code, which will be needed when a source has been read. */
  prefetch?(): void;
  /**
   * Reads a source to its end and tells what it is. An engine that compiles while bytes arrive does so by the recipe.
   * @throws {UsageError} for what it cannot take or cannot do, before anything is read
   */
  open(content: Content, recipe: Recipe, platform: Platform): Promise<Opened>;
}

/** The engines of a platform. */
export interface Engines {
  /** For one instance in this thread, whose calls run to their end. */
  readonly thread: Engine;
  /** For instances in workers, several of one module, and calls that may wait in this thread. */
  readonly others: Engine;
}

/** A platform that can run components. */
export interface EnginePlatform extends Platform {
  readonly engines: Engines;
}

/** A source that has been read. */
export interface Opened {
  /** SHA-256 of the component, also of one that was bound ahead of time. */
  readonly hash: string;
  /** What tells its bytes from all others for this engine; whoever caches adds the recipe. */
  readonly key: string;
  /** A name that the source itself has. */
  readonly label?: string | undefined;
  /**
   * @param name for messages; default the label, else the first twelve digits of the hash
   * @throws {DecodeError} when the bytes are not a valid component
   * @throws {UnsupportedError} when it needs a feature this engine lacks
   */
  prepare(name?: string): Promise<EngineComponent>;
}

/** What an instance tells while it runs. */
export interface InstanceEvents {
  /**
   * Called once, synchronously, when the first fault locks the instance: after `state` is `trapped`, before the error
   * reaches the caller, wherever the call came from (an export, a resource's method or destructor, a re-entering
   * import). The error is already scrubbed. What it throws is dropped.
   */
  readonly onTrap?: ((trap: Error) => void) | undefined;
}

/** A component that an engine can start any number of times. */
export interface EngineComponent {
  readonly name: string;
  /** SHA-256 of the bytes, lower-case hex. */
  readonly hash: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
  /**
   * Whether everything that an instance exports returns promises, of whatever type it is: `save` and `restore` of a hand-over
   * of state and `before-unload` too. Such calls are held while state is handed over. Default `false`.
   */
  readonly asynchronous?: boolean | undefined;
  /**
   * Whether an import that is no asynchronous function may return a promise, for which the guest waits, as it can in a worker and with `jspi`.
   * Default `false`.
   */
  readonly waits?: boolean | undefined;
  /** What it imports and exports, as WIT-like text. */
  describe(): { readonly imports: readonly string[]; readonly exports: readonly string[] };
  /** Every import that `imports` does not meet, before anything runs. */
  missing(imports: object): readonly LinkIssue[];
  /**
   * Starts an instance. Where the engine has no room for its memories, it is first given time to reclaim those that were
   * dropped.
   * @throws {LinkError} with every issue, before anything runs
   * @throws {TrapError} when a start function traps
   * @throws {EngineLimitError} when there is no room for one more memory
   */
  start(imports: object, options?: InstanceEvents & { readonly name?: string | undefined }): Promise<EngineInstance>;
}

/** A running component, whatever runs it: the surface of its calls, what is known of them, and its end. */
export interface EngineInstance {
  readonly name: string;
  /**
   * Functions, interface objects, resource classes and core modules, named as the JavaScript mapping says. A component
   * that is exported is `{ kind: "component" }`: only another component can make instances of it. What it imports and
   * exports is in {@link EngineComponent.exports}.
   */
  readonly exports: object;
  readonly state: "live" | "trapped" | "unloaded";
  /** The first trap, when `state` is `trapped`. */
  readonly trap: Error | undefined;
  /** Calls under way now: 0 or more when a host import re-enters the host. */
  readonly depth: number;
  /** Calls that wait, where functions are asynchronous: {@link depth} does not count them. */
  readonly pending?: PendingCalls | undefined;
  /** Whether an end stops the calls under way, so that they need not be waited for. Default `false`. */
  readonly cutsCalls?: boolean | undefined;
  /** Live resources by owner: those the guest lent to the host and those of the host that the guest holds. */
  resources(): InstanceResources;
  usage(): Usage;
  /**
   * Functions that call those of `exports` under tighter limits than the instance's own; absent where calls cannot be
   * limited.
   */
  readonly limited?: (<T extends object>(exports: T, limits: CallLimits) => T) | undefined;
  /**
   * Drops every reference to the core instances, so that held exports keep nothing alive, and watches what becomes of their
   * memories. Host resources the guest still held are disposed. A second end has the receipt's figures, and watches nothing.
   * @returns rejects never: what failed is in the receipt
   */
  end(options?: EndOptions): Promise<EndReceipt>;
}

/** Calls of asynchronous functions in this thread that wait, by name. */
export interface PendingCalls {
  /** Those that have not ended, calls on the stack and promises of imports that guests wait for included; at the end, what it cut. */
  readonly underway: readonly Activity[];
  /** Rejects them, and aborts the signals of imports: no asynchronous call is served any more. @param reason for their errors */
  giveUp(reason?: string): void;
}

/** Counts of at least 1. */
export interface InstanceResources {
  /** Handles of guest resources the host has not disposed, by resource name. */
  readonly heldByHost: ReadonlyMap<string, number>;
  /** Host resources that the guest holds, by resource name. */
  readonly heldByGuest: ReadonlyMap<string, number>;
}

/** What an instance takes now, as far as it is known. */
export interface Usage {
  /** Bytes of linear memory held; 0 after the end. */
  readonly memoryBytes: number;
  /** The most bytes of linear memory held so far; known where a limit is set. */
  readonly peakMemoryBytes?: number | undefined;
  /** Steps taken so far, by all calls; known where time or steps are limited. */
  readonly fuel?: number | undefined;
  /** Milliseconds spent in the guest's own code by all calls; known where `cpuMs` is set. */
  readonly cpuMs?: number | undefined;
}

/** Limits of single calls. */
export interface CallLimits {
  /**
   * Ends the call, which throws the signal's reason. In this thread it is looked at while the guest runs; a worker is ended at
   * once, and a call that waits for its turn, or for a reload to hand the state over, does not begin.
   */
  readonly signal?: AbortSignal | undefined;
  /** As {@link Limits.timeoutMs}: it counts from when the call is made. */
  readonly timeoutMs?: number | undefined;
  readonly cpuMs?: number | undefined;
  readonly fuel?: number | undefined;
}

export interface EndOptions {
  /** What later calls are told of the instance. Default "it has been unloaded". */
  readonly endReason?: string | undefined;
  /** Reads the address space first, so that {@link EndReceipt.collected} can say how it changed. Default `false`. */
  readonly measure?: boolean | undefined;
}

/** What was closed. */
export interface DisposeReceipt {
  /** Bytes of linear memory released. */
  readonly memoryBytes: number;
  /** Host resources disposed because the guest had leaked them. */
  readonly hostResourcesDisposed: number;
  /** Guest resources whose host handles were cut. */
  readonly guestResourcesCut: number;
  /** Errors thrown by the `Symbol.dispose` of leaked host resources. */
  readonly errors: readonly Error[];
}

export interface EndReceipt extends DisposeReceipt {
  /** Settles when the engine has reclaimed the memories, or says after a deadline that something holds them. */
  collected(options?: CollectOptions): Promise<CollectionReport>;
}

export interface CollectOptions {
  /** Milliseconds after which something is said to hold the memories. Default 10,000. */
  readonly deadlineMs?: number | undefined;
  /** Asks the engine for full collections, where it can be asked, instead of waiting for its own. Default `false`. */
  readonly ask?: boolean | undefined;
  /** A wait that nobody reads: it does not keep a process alive. Default `false`. */
  readonly background?: boolean | undefined;
}

/** Whether the engine has reclaimed an instance's linear memories. */
export interface CollectionReport {
  readonly reclaimed: boolean;
  /** Linear memories the instance had. */
  readonly memories: number;
  /** How many the engine has not reclaimed. */
  readonly pending: number;
  /** Milliseconds from dropping the instance to this answer. */
  readonly waitedMs: number;
  /** Whether the engine could be asked for a collection; without one, `reclaimed: false` may only mean "not yet". */
  readonly asked: boolean;
  /** What tenon knows about who still holds the memory, in words. Empty when reclaimed. */
  readonly holders: readonly string[];
  /** Wasm memory reservations in the address space before and after; Linux under Node with `collect` only. */
  readonly reservations?: { readonly before: number; readonly after: number } | undefined;
}
