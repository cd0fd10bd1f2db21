/**
 * What a pool and its members say to each other: a member is one instance, in a worker or in this thread, that makes one call
 * at a time.
 *
 * Types only.
 */
import type { ExplainHandle } from "../abi/explain.ts";
import type { Activity } from "../errors.ts";
import type { Turn } from "../runtime/call-limits.ts";
import type { CallLimits, EndOptions, EndReceipt, InstanceResources, Usage } from "../runtime/engine.ts";
import type { ChannelType, HandleType } from "../runtime/copies.ts";
import type { Func } from "./surface.ts";
import type { Inside } from "./trail.ts";

/** How limits of single calls are given, kept apart since a page that starts with the host has no use for it. */
export type Limiting = typeof import("../runtime/call-limits.ts");

/** A resource, a stream or a future among the arguments of a call, as it was when the call was made. */
export interface Passed {
  readonly handle: HandleType | ChannelType;
  readonly value: unknown;
  /** The guest's number, of one of its own that was taken from its object. */
  readonly number: number | undefined;
}

/** Arguments as a call was made with them. */
export interface Given {
  /** For a worker these are copies, in which a resource, a stream or a future is its place in {@link passed}. */
  readonly args: readonly unknown[];
  readonly passed: readonly Passed[];
  /** The one that has the resources of the guest which the call is about. */
  readonly member: Member | undefined;
}

/** A call that was made. */
export interface Call extends Omit<Given, "args"> {
  readonly index: number;
  args: readonly unknown[];
  /** Where it waits for a member. */
  turn?: Turn;
  /** The import that it comes from. */
  readonly from: Inside | undefined;
  /** Of this call alone. */
  readonly limits: CallLimits | undefined;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** How arguments get to members. */
export interface Passing {
  /** @throws {Error} when a resource is none that could be passed, or the values cannot be read */
  give(func: Func, args: readonly unknown[], only: Member | undefined): Given;
  /** Arguments that wait, which the program may change meanwhile. @throws {Error} when they will never fit */
  keep(func: Func, args: readonly unknown[]): readonly unknown[];
  readonly explain: ExplainHandle;
}

export interface MemberEvents {
  /** A call has ended, and the next may begin. */
  free(member: Member): void;
  /** The instance is locked, before the call that did it is rejected. */
  trapped(member: Member, trap: Error): void;
}

export interface Member {
  readonly state: "starting" | "live" | "trapped" | "ended";
  /** The first trap, when {@link state} is `trapped`. */
  readonly trap: Error | undefined;
  readonly usage: Usage;
  /** An import that its guest waits for is on the host's stack now: a call that is made meanwhile comes from it. */
  readonly importing: boolean;
  /** Whether it would begin a call at once. */
  readonly free: boolean;
  /** Calls under way. */
  readonly depth: number;
  /** The same by name, with what is still to come of streams and futures; absent where that is not known. */
  readonly underway?: readonly Activity[] | undefined;
  resources(): InstanceResources;
  /** @throws {UsageError} when no worker can begin, and whatever making an instance throws */
  start(): Promise<void>;
  /** Makes a call; the member must be free. @throws {Error} when an argument cannot be sent; no call is made then */
  run(call: Call): void;
  /** As {@link run}, and waits for its end in this thread, where it can. */
  runSync?(call: Call): void;
  /** The signal of a call has fired, which may be one under way. */
  stop(call: Call): void;
  /** Nobody waits for an asynchronous call any more, which may be one under way: the guest is told. */
  giveUp?(call: Call): void;
  /**
   * Ends the instance.
   * @param error what the call that runs is rejected with
   * @returns when nothing of it runs any more: what the host took back; `undefined` when there was no instance
   */
  end(error: Error, options?: EndOptions): Promise<EndReceipt | undefined>;
}
