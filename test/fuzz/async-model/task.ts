/**
 * A task of the model: one call of an export, and where it stands.
 *
 * Owns its states and when it can go on. What its operations do is `perform.ts`.
 */
import type { GuestExport } from "./guest.ts";
import { subtaskStates, trapIf, type End, type Instance, type Subtask, type WaitSet } from "./state.ts";

/** Who called: what is told of the start and the end of the task. */
export interface Caller {
  /** Takes the end that is handed over, when the task starts; the index it has in the callee. */
  start(callee: Instance): number;
  /** `undefined` when the task was cancelled. */
  resolve(result: { readonly value: number; readonly end: End | undefined } | undefined): void;
}

/** What a task waits for in the middle of an operation. */
export interface Pending {
  /** Whether the answer may come now. */
  readonly isReady: () => boolean;
  /** The answers that are right now, with what each of them changes. */
  readonly answers: () => readonly { readonly answer: readonly number[]; readonly take?: () => void }[];
  /** Whether the task may stop here. */
  readonly blocks: boolean;
}

export type Standing =
  | { readonly at: "entering" }
  /** Started, and the guest has not told so yet. */
  | { readonly at: "starting" }
  /** Running: a word is asked for next. */
  | { readonly at: "between" }
  | { readonly at: "operation"; readonly pending: Pending }
  /** In its event loop; `cancel`: it must be told now that it is cancelled. */
  | { readonly at: "loop"; readonly set: WaitSet | undefined; readonly cancel: boolean }
  | { readonly at: "over" };

type State = "initial" | "started" | "cancel pending" | "cancel delivered" | "resolved";

export class Task {
  readonly id: number;
  readonly instance: Instance;
  readonly of: GuestExport;
  readonly caller: Caller;
  state: State = "initial";
  standing: Standing = { at: "entering" };
  /** The index of the end that was handed to it. */
  handed = 0;

  constructor(id: number, instance: Instance, of: GuestExport, caller: Caller) {
    this.id = id;
    this.instance = instance;
    this.of = of;
    this.caller = caller;
  }

  get needsExclusive(): boolean {
    return this.of.lifting !== "stackful";
  }
  #isKeptOut(): boolean {
    const { backpressure, exclusive } = this.instance;
    return backpressure > 0 || (this.needsExclusive && exclusive !== undefined);
  }

  /** Called. @returns whether it starts at once; else it waits to be let in */
  arrive(): boolean {
    const waits = this.#isKeptOut() || this.instance.entering > 0;
    if (waits) this.instance.entering++;
    else this.start({ at: "starting" });
    return !waits;
  }

  /** It is let in, and takes what its caller hands it. */
  start(standing: Standing): void {
    if (this.needsExclusive) this.instance.exclusive = this;
    this.state = "started";
    this.standing = standing;
    this.handed = this.caller.start(this.instance);
  }

  /** It ends its turn and waits in its event loop. */
  loop(set: WaitSet | undefined): void {
    this.instance.exclusive = undefined;
    if (set !== undefined) set.waiters++;
    const cancel = this.state === "cancel pending";
    if (cancel) this.state = "cancel delivered";
    this.standing = { at: "loop", set, cancel };
  }

  /** Whether it is in its event loop and the event of `set`, or none, may be delivered. */
  mayLoop(): boolean {
    if (this.standing.at !== "loop") return false;
    const { set, cancel } = this.standing;
    if (cancel) return true;
    return (
      this.instance.exclusive === undefined && (set === undefined || [...set.members].some((item) => item.hasEvent()))
    );
  }

  /** Whether it could go on if it were its turn. */
  isReady(): boolean {
    switch (this.standing.at) {
      case "entering":
        return !this.#isKeptOut();
      case "operation":
        return this.standing.pending.isReady();
      case "loop":
        return this.mayLoop();
      default:
        return false;
    }
  }

  /** Its event loop goes on. */
  resume(): void {
    if (this.standing.at === "loop" && this.standing.set !== undefined) this.standing.set.waiters--;
    this.instance.exclusive = this;
    this.standing = { at: "between" };
  }

  /** Its function has returned for the last time. */
  exit(): void {
    trapIf(this.state !== "resolved", "invalid-task-return", "a task that ends without a result");
    if (this.needsExclusive) this.instance.exclusive = undefined;
    this.standing = { at: "over" };
  }

  resolve(result: { readonly value: number; readonly end: End | undefined }): void {
    this.caller.resolve(result);
    this.state = "resolved";
  }

  /** `task.cancel`. */
  cancel(): void {
    trapIf(this.state !== "cancel delivered", "invalid-task-return", "a cancellation that nobody asked for");
    this.caller.resolve(undefined);
    this.state = "resolved";
  }

  /** Asks it to end early. @returns whether it runs now, to be told so */
  requestCancel(): boolean {
    if (this.state === "initial") {
      this.instance.entering--;
      this.caller.resolve(undefined);
      this.state = "resolved";
      this.standing = { at: "over" };
      return false;
    }
    const others = this.needsExclusive && this.instance.exclusive !== undefined && this.instance.exclusive !== this;
    if (this.standing.at === "loop" && !others) {
      this.state = "cancel delivered";
      this.standing = { ...this.standing, cancel: true };
      return true;
    }
    this.state = "cancel pending";
    return false;
  }
}

/** The caller of a task that another instance of the model calls: a subtask of its own, and room for the result. */
export class GuestCaller implements Caller {
  readonly subtask: Subtask;
  readonly #instance: Instance;
  readonly #hands: { readonly kind: "stream" | "future"; readonly index: number } | undefined;
  readonly #give: (value: number) => void;

  constructor(
    instance: Instance,
    subtask: Subtask,
    hands: { readonly kind: "stream" | "future"; readonly index: number } | undefined,
    give: (value: number) => void,
  ) {
    this.#instance = instance;
    this.subtask = subtask;
    this.#hands = hands;
    this.#give = give;
  }

  start(callee: Instance): number {
    this.subtask.progress(subtaskStates.started);
    return this.#hands === undefined ? 0 : callee.lower(this.#instance.lift(this.#hands.index, this.#hands.kind));
  }

  resolve(result: { readonly value: number; readonly end: End | undefined } | undefined): void {
    const { state } = this.subtask;
    if (result === undefined) {
      this.subtask.progress(
        state === subtaskStates.starting
          ? subtaskStates["cancelled before it started"]
          : subtaskStates["cancelled before it returned"],
      );
      return;
    }
    this.#give(result.end === undefined ? result.value : this.#instance.lower(result.end));
    this.subtask.progress(subtaskStates.returned);
  }
}
