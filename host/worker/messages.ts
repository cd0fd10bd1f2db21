/**
 * What a host and the worker of an instance say to each other, and what each needs of its platform to say it.
 *
 * Types only. Messages are arrays that begin with their kind: they are made for every call. Functions and resources go by
 * number, which both sides count alike (`surface.ts`).
 */
import type { SourceLimits } from "../platform.ts";
import type { CallLimits, Recipe, Usage } from "../runtime/engine.ts";
import type { ErrorData } from "./errors.ts";

/** What a worker needs to make its instance. */
export interface Job {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the bytes are from, for the files beside them. */
  readonly from: string | undefined;
  readonly recipe: Recipe;
  readonly limits: SourceLimits;
  /** Of the module, for messages. */
  readonly name: string;
  /** Core modules that meet imports, by number. */
  readonly modules: readonly (WebAssembly.Module | undefined)[];
}

/** From the host. */
export type Request =
  | readonly ["start", Job]
  /**
   * A call by number, of an exported function and its arguments, the receiver first; and what limits this call alone, where the
   * worker counts.
   */
  | readonly ["call", number, number, readonly unknown[], CallLimits | undefined]
  /** Nobody waits for the call with this number any more. */
  | readonly ["abort", number]
  /** The host has dropped a resource of the guest's. */
  | readonly ["drop", number]
  /** The end of the asynchronous import with this number. */
  | readonly ["answer", number, Answer]
  | ChannelMessage;

/**
 * Of a stream or future, by its number at the side that gave it. To that side: how many elements are wanted (`pull`), that none are for
 * now, or ever. From there: elements, that there are some, the end, the value of a future, or what failed.
 */
export type ChannelMessage = readonly [
  "channel",
  kind: "pull" | "pause" | "cancel" | "chunk" | "ready" | "end" | "value" | "failed",
  number,
  what?: unknown,
];

/** Of an import; a worker may wait in it. */
export type Answer =
  | readonly ["ok", unknown]
  /** The import gave err. */
  | readonly ["err", unknown]
  /** It threw what has this number at the host, and these words; with a code the guest has ended itself. */
  | readonly ["threw", number, string, number | undefined];

/** From the worker. */
export type Reply =
  /**
   * The component is compiled; its instance is being made. Of each imported function, whether its result is told from its value
   * by a `tag`.
   */
  | readonly ["prepared", tagged: readonly boolean[]]
  | readonly ["started", Usage, memories: number]
  | readonly ["refused", ErrorData]
  | readonly ["done", number, unknown, Usage | undefined]
  /** @see {@link Failure} */
  | readonly ["failed", number, Failure]
  /** An imported function and its arguments. The worker waits for an {@link Answer}. */
  | readonly ["import", number, readonly unknown[]]
  /** An imported asynchronous function, by the number of the call and its own, and its arguments. The worker goes on. */
  | readonly ["begin", number, number, readonly unknown[]]
  /** The guest has cancelled the call of an import. */
  | readonly ["cancel", number]
  /** The guest has dropped a resource of the host's: its class and number. The worker waits for an {@link Answer}. */
  | readonly ["dropped", number, number]
  /** The instance has trapped outside of a call: a destructor did. */
  | readonly ["trapped", ErrorData]
  | ChannelMessage;

export interface Failure {
  readonly error: ErrorData;
  /** Whether the instance is locked by it. */
  readonly trapped: boolean;
  /** Whether the arguments were refused, so that what was to be given away was not. */
  readonly refused: boolean;
  readonly usage: Usage | undefined;
}

/** A worker, as who started it sees it. */
export interface Thread {
  post(message: Request, transfer?: readonly ArrayBuffer[]): void;
  /** Wakes the worker, which waits for an answer. */
  answer(message: Answer): void;
  /** Waits in this thread for the next reply, where the platform has that. @returns `undefined` after the time */
  wait?(timeoutMs: number): Reply | undefined;
  /** Whether the worker keeps the program from ending. It does not when it begins. */
  hold(on: boolean): void;
  /** Ends the worker whatever it does. @returns when its memory is gone */
  terminate(): Promise<void>;
}

export interface ThreadEvents {
  reply(message: Reply): void;
  /** The worker has ended by itself, or never began. */
  lost(error: Error): void;
}

/** Something that stays with the code called under it, promises included. */
export interface Store {
  getStore(): unknown;
  run(value: unknown, code: () => void): void;
  /** Follows no more promises until the next `run`. */
  disable(): void;
}

/** How a platform starts workers. */
export interface Threads {
  /** @throws {UsageError} when the platform lets none begin */
  start(name: string, events: ThreadEvents): Thread;
  /** Why a worker cannot wait for an import here, and what to do about it; `undefined` where it can. */
  readonly cannotWait: string | undefined;
  /** Why this thread cannot wait for a worker; `undefined` where it can. */
  readonly cannotBlock: string | undefined;
  /** Absent where promises cannot be followed. */
  readonly store?: Store | undefined;
}

/** The thread that started a worker, as the worker sees it. */
export interface Starter {
  post(message: Reply, transfer: readonly ArrayBuffer[]): void;
  listen(receive: (message: Request) => void): void;
  /** Whether it can be waited for. */
  readonly canWait: boolean;
  /** Blocks until an answer has come. */
  wait(): Answer;
}
