/**
 * Every error class tenon throws, each with a stable `code`.
 *
 * Errors flow up: lower layers throw these classes and upper layers add context. Messages are sentence case without a
 * final period and say where, what was wanted and what came.
 */

import { describe } from "./words.ts";

/** Why a guest faulted, named after wasmtime's trap codes. A cause that cannot be told is `unknown`, never guessed. */
export type TrapCode =
  /** The guest executed `unreachable`, as an `abort` or a failed assertion does. */
  | "unreachable"
  /** A load or store outside linear memory. */
  | "memory-out-of-bounds"
  /** A division or remainder by zero. */
  | "integer-divide-by-zero"
  /** The smallest integer divided by -1. */
  | "integer-overflow"
  /** A float that no integer of the wanted type can represent. */
  | "invalid-conversion-to-integer"
  /** A call through a table entry that is null. */
  | "indirect-call-to-null"
  /** A call through a table entry of another function type. */
  | "bad-signature"
  /** A table accessed outside its size. */
  | "table-out-of-bounds"
  /** Calls nested deeper than the engine's stack. */
  | "stack-overflow"
  /** The guest's allocator found no memory. */
  | "out-of-memory"
  /** A WebAssembly exception that nothing caught. */
  | "uncaught-exception"
  /** A call into an instance that may not be entered now: another call of it is under way, or it has trapped. */
  | "cannot-enter-component"
  /** A call out of the guest where none is allowed: during `realloc`, a post-return function or the lifting of results. */
  | "cannot-leave-component"
  /** A string that is not valid UTF-8. */
  | "invalid-utf8"
  /** A string that is not valid UTF-16. */
  | "invalid-utf16"
  /** A `char` that is no Unicode scalar value. */
  | "invalid-char"
  /** A discriminant of a variant, enum, option or result without a case. */
  | "invalid-discriminant"
  /** A handle that is unknown, of another resource or still lent, a borrow kept beyond its call, or one handle too many. */
  | "invalid-handle"
  /** A string outside linear memory, or one that is too long. */
  | "string-out-of-bounds"
  /** A list outside linear memory, or one that is too long. */
  | "list-out-of-bounds"
  /** An address that is not a multiple of its type's alignment. */
  | "unaligned-pointer"
  /** An address given by `realloc` that does not have the room asked for. */
  | "realloc-out-of-bounds"
  /** An import threw; `cause` is what it threw. */
  | "import-threw"
  /** The guest ended itself with the exit code 0, by `wasi:cli/exit`, which is no trap: its module has exited. `cause` is its `ExitError`. */
  | "exit"
  /** The guest ended itself with another exit code; `cause` is its `ExitError`. */
  | "exit-failure"
  /** No call of the module can go on: each waits for what nothing is left to do. */
  | "deadlock"
  /** A synchronous call waits, and nothing in its own instance is left that could end the wait. */
  | "cannot-block"
  /** A callback returned a code that means nothing. */
  | "invalid-callback-code"
  /** A task that returned twice, not at all, with another type than its own, or was cancelled without having been asked. */
  | "invalid-task-return"
  /** A subtask that was dropped before its end had been delivered, or cancelled twice or after its end. */
  | "subtask-not-resolved"
  /** A waitable set that was dropped with waitables in it, or with tasks that wait for it. */
  | "waitable-set-in-use"
  /** A waitable that is in a waitable set, used synchronously or handed on, or put in one while it is used synchronously. */
  | "waitable-in-set"
  /** A stream or future that was used, dropped or handed on while an operation of the same end is under way. */
  | "stream-busy"
  /** A stream or future that was used or handed on after its last value, or after it was told that the other end is gone. */
  | "stream-done"
  /** The writable end of a future that was dropped without a value. */
  | "future-not-written"
  /** Both ends of a stream or future in one instance, whose elements are no numbers: the standard does not allow that yet. */
  | "same-instance-stream"
  /** `backpressure.inc` beyond 65,535, or `backpressure.dec` below zero. */
  | "backpressure-overflow"
  /** A thread that is unknown, or resumed though it is not suspended. */
  | "invalid-thread"
  /** A limit was passed: the error is a {@link LimitError}. */
  | "limit-exceeded"
  /** The engine's words name no cause, or several. */
  | "unknown";

/**
 * The base of every error tenon throws but {@link LowerError}, which has to be a `TypeError`; `code` is stable and meant for
 * programs, `message` for people.
 */
export class TenonError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    // From the code, since bundlers give classes names of their own.
    this.name = `${code.replace(/(?:^|-)./g, (start) => start.slice(-1).toUpperCase())}Error`;
  }
}

/** Whether something is an error of tenon's own. Whatever it is, this does not throw. */
export function isTenonError(thrown: unknown): thrown is TenonError {
  try {
    return thrown instanceof TenonError;
  } catch {
    // A proxy whose `getPrototypeOf` throws.
    return false;
  }
}

/** The bytes are not a valid component. `offset` counts bytes from the start of the outermost component. */
export class DecodeError extends TenonError {
  readonly offset: number;
  readonly section: string;
  constructor(message: string, at: { offset: number; section: string }) {
    super("decode", `${message} (at byte ${at.offset}, in ${at.section})`);
    this.offset = at.offset;
    this.section = at.section;
  }
}

/** What a component needs, or a world that a module is built for, and this host, this engine or this page lacks. */
export type UnsupportedFeature =
  /** Built-ins that start threads. */
  | "threads"
  /** A component that imports components. */
  | "component-imports"
  /** A start function of the component. */
  | "component-start"
  /** Value imports, exports and definitions. */
  | "component-values"
  /** Core types that refer to other types. */
  | "gc-types"
  /** Values in a 64-bit memory, resources with a 64-bit representation. */
  | "memory64"
  /** Two names of one scope that JavaScript spells alike. */
  | "name-collision"
  /** More work or parts than its bytes allow, where types or components unfold. */
  | "complexity"
  /** A core module with a feature that the engine lacks. */
  | "core-wasm"
  /** Limits of time, steps, stack or memory over code that cannot be rewritten for them. */
  | "limits"
  /** A page that forbids evaluating text. */
  | "eval"
  /** An engine without JavaScript Promise Integration. */
  | "jspi"
  /** Workers, memory that is shared with them, or waiting for them, where the runtime or the page has none. */
  | "worker"
  /** Signatures, where WebCrypto has no Ed25519, or the page no WebCrypto. */
  | "ed25519"
  /** An item of a world that no AssemblyScript module can use. */
  | "guest";

/** A valid component that needs a feature this host lacks. */
export class UnsupportedError extends TenonError {
  readonly feature: UnsupportedFeature;
  constructor(feature: UnsupportedFeature, message: string) {
    super("unsupported", message);
    this.feature = feature;
  }
}

/** An import, or an export that is wanted, which is missing or of the wrong type. */
export interface LinkIssue {
  /** The import as the component names it, followed by `#item` for an item inside an interface; absent for an export. */
  readonly import?: string;
  /** The export that a demanded world or a dependent wants; absent for an import. */
  readonly export?: string;
  readonly problem: "missing" | "mismatch";
  /** What the component wants, as WIT-like text. */
  readonly expected: string;
  /** What was found, as WIT-like text; absent when nothing was. */
  readonly found?: string;
  /** The nearest provider by name, when there is one. */
  readonly nearest?: string;
  /** Why it does not fit, in words. */
  readonly reason: string;
}

/** Imports missing or of the wrong type: all of them at once. */
export class LinkError extends TenonError {
  readonly issues: readonly LinkIssue[];
  constructor(message: string, issues: readonly LinkIssue[]) {
    super("link", message);
    this.issues = issues;
  }
}

/** A JavaScript value does not fit the WIT type. The instance stays live. A `TypeError`, with a `code` as the others have. */
export class LowerError extends TypeError {
  readonly code = "lower";
  /** Where in the arguments the value is, such as `area.s.val.x`. */
  readonly path: string;
  /** The WIT type that was wanted. */
  readonly expected: string;
  constructor(path: string, expected: string, found: string) {
    super(`Expected ${expected} at ${path}, got ${found}`);
    this.name = "LowerError";
    this.path = path;
    this.expected = expected;
  }
}

/** The guest returned `err`, an ordinary result. The instance stays live. */
export class ComponentError extends TenonError {
  readonly payload: unknown;
  constructor(
    payload: unknown,
    message = `The component returned an error: ${payload === undefined ? "no payload" : describe(payload)}`,
  ) {
    super("component", message);
    this.payload = payload;
  }
}

/** A position in the guest's own source. `line` and `column` count from 1. */
export interface GuestPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One function of the guest that was running when it trapped. Plain data. */
export interface TrapFrame {
  /** As the component's names call it; `wasm-function[7]` where they do not, by its number in the core module. */
  readonly function: string;
  /** As the source map or line table of the component names it; absent with `line` and `column` where there is none. */
  readonly file?: string | undefined;
  /** Counts from 1. */
  readonly line?: number | undefined;
  /** Counts from 1. */
  readonly column?: number | undefined;
  /** The name that the core module gives itself, where it does. */
  readonly module?: string | undefined;
  /** Bytes from the start of the core module, where the engine says. */
  readonly offset?: number | undefined;
}

/** What is known of a trap. Plain data: nothing in it reaches the instance. */
export interface TrapDetails {
  readonly trap: TrapCode;
  /** The module or component name, when the caller gave one. */
  readonly module?: string | undefined;
  /** The export that was called, such as `demo:calc/api@1.0.0#add`. */
  readonly export?: string | undefined;
  /** The guest's own words, such as those of `abort`. */
  readonly guestMessage?: string | undefined;
  /**
   * The first frame in the author's own source: outside of the language's library and of generated bindings. Without a
   * source map or line table, where the guest's `abort` says that it was called.
   */
  readonly position?: GuestPosition | undefined;
  /**
   * The functions of the module that were running, innermost first; those of its callers are not among them. As many as
   * the engine notes: `Error.stackTraceLimit` in V8.
   */
  readonly frames?: readonly TrapFrame[] | undefined;
}

/** A guest fault: the instance is locked and every later call is an {@link UnloadedError}. */
export class TrapError extends TenonError {
  readonly trap: TrapCode;
  readonly module: string | undefined;
  readonly export: string | undefined;
  readonly guestMessage: string | undefined;
  readonly position: GuestPosition | undefined;
  readonly frames: readonly TrapFrame[];
  constructor(message: string, details: TrapDetails, options?: { cause?: unknown }) {
    super("trap", message, options);
    this.trap = details.trap;
    this.module = details.module;
    this.export = details.export;
    this.guestMessage = details.guestMessage;
    this.position = details.position;
    this.frames = details.frames ?? [];
  }
}

/** A limit of {@link LimitError}. */
export type LimitName =
  /** Bytes that one call hands over: `limits.hostCallBytes`. */
  | "host-call-bytes"
  /** Handles alive at once: `limits.resources`. */
  | "resources"
  /** Milliseconds of a call on the clock: `limits.timeoutMs`, `limits.startTimeoutMs`. */
  | "timeout"
  /** Milliseconds of a call in the guest's own code: `limits.cpuMs`. */
  | "cpu"
  /** Steps of a call: `limits.fuel`. */
  | "fuel"
  /** Bytes of linear memory: `limits.memoryBytes`. */
  | "memory"
  /** Bytes of the stack: `limits.stackBytes`. The trap is a `stack-overflow`. */
  | "stack"
  /** Elements of tables: `limits.tableElements`. */
  | "table-elements"
  /** The `signal` of a call fired; the call throws its reason. */
  | "signal";

/** A limit was passed, which is a trap: the instance is locked. */
export class LimitError extends TrapError {
  readonly limit: LimitName;
  /** The limit, in its own unit: bytes, handles, milliseconds, steps or elements. */
  readonly allowed: number;
  /** What was asked for when it was passed; the least that would have been needed. */
  readonly used: number;
  constructor(
    message: string,
    details: TrapDetails,
    passed: { readonly limit: LimitName; readonly allowed: number; readonly used: number },
  ) {
    super(message, details);
    this.name = "LimitError";
    this.limit = passed.limit;
    this.allowed = passed.allowed;
    this.used = passed.used;
  }
}

/** A call after unload or on a locked instance; `cause` is the first trap when there was one. */
export class UnloadedError extends TenonError {
  constructor(message: string, options?: { cause?: unknown }, code = "unloaded") {
    super(code, message, options);
  }
}

/** A call of a module that has trapped, or exited, and is not back; its `code` is `trapped` or `exited`, `cause` the trap or exit. */
export class TrappedError extends UnloadedError {
  /** Milliseconds until a fresh instance is tried; `undefined` when only a reload brings the module back. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs: number | undefined, options?: { cause?: unknown }, code = "trapped") {
    super(message, options, code);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The `signal` of an option fired before the work was done; `cause` is its reason. */
export class AbortError extends TenonError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("aborted", message, options);
    this.name = "AbortError";
  }
}

/** Unload refused: other modules use this one. */
export class InUseError extends TenonError {
  readonly dependents: readonly string[];
  constructor(message: string, dependents: readonly string[]) {
    super("in-use", message);
    this.dependents = dependents;
  }
}

/** One thing that keeps a module busy. */
export interface Activity {
  readonly kind: "call" | "resource" | "deferred" | "promise" | "timer";
  /** Who owns it: the export called, the resource type, the name given to `defer`. */
  readonly owner: string;
  readonly count: number;
  /**
   * What calls of asynchronous functions wait for, in words, as far as that is known: an import, or their turn and which export
   * has it. Calls that wait for each other can be told by it.
   */
  readonly waitsFor?: string | undefined;
}

/** Unload refused: calls, resources or deferred work are still alive. */
export class StillRunningError extends TenonError {
  readonly activity: readonly Activity[];
  constructor(message: string, activity: readonly Activity[]) {
    super("still-running", message);
    this.activity = activity;
  }
}

/** The stages of a reload, in order. */
export type ReloadStage = "open" | "check" | "instantiate" | "save" | "restore" | "swap" | "drain" | "teardown";

/** The new version was refused; the old one serves. */
export class ReloadError extends TenonError {
  readonly stage: ReloadStage;
  /** True when a later reload of the same module was asked for before this one began. */
  readonly superseded: boolean;
  constructor(stage: ReloadStage, message: string, options?: { cause?: unknown; superseded?: boolean }) {
    super("reload", message, options);
    this.stage = stage;
    this.superseded = options?.superseded ?? false;
  }
}

/** The bytes are not the ones demanded: their SHA-256 differs. */
export class IntegrityError extends TenonError {
  /** SHA-256 in lower-case hex. */
  readonly expected: string;
  readonly found: string;
  constructor(message: string, expected: string, found: string) {
    super("integrity", message);
    this.expected = expected;
    this.found = found;
  }
}

/**
 * The engine refused to make a core instance, before anything of it ran: it has no room for another memory, or the module
 * is too large for this thread. Not a fault of the guest. `cause` is the engine's own error.
 */
export class EngineLimitError extends TenonError {
  constructor(name: string, cause: unknown) {
    super(
      "engine-limit",
      `The engine refused an instance of "${name}": ${(cause as Error).message}. If it is too large to be made at once, use \`instantiate\``,
      { cause },
    );
  }
}

/** One live instance in a {@link MemoryLimitError}. */
export interface MemoryOwner {
  readonly module: string;
  readonly memoryBytes: number;
  /** Milliseconds since it was instantiated. */
  readonly ageMs: number;
}

/** The engine refused one more linear memory because too many are alive. */
export class MemoryLimitError extends TenonError {
  /** Instances that this host holds now. */
  readonly live: number;
  /** The ones that have lived longest, oldest first. */
  readonly oldest: readonly MemoryOwner[];
  constructor(message: string, live: number, oldest: readonly MemoryOwner[], options?: { cause?: unknown }) {
    super("memory-limit", message, options);
    this.live = live;
    this.oldest = oldest;
  }
}

/** What {@link UsageError.code} may be: mistakes that a program may want to tell apart have a code of their own. */
export type UsageCode =
  /** Any other mistake. */
  | "usage"
  /** The name belongs to a module of other bytes. */
  | "name-taken"
  /** The module is there, with other imports or options than those given. */
  | "options-differ"
  /** The host is closed. */
  | "host-closed";

/** The host was used wrongly: a name taken, an unknown option, an export that is not there. */
export class UsageError extends TenonError {
  declare readonly code: UsageCode;
  constructor(message: string, options?: { cause?: unknown; code?: UsageCode }) {
    super(options?.code ?? "usage", message, options);
    this.name = "UsageError";
  }
}
