/** Calls that the host makes: what is known of one, and how it ends. */
import type { CallOptions } from "../../model/async-values.ts";
import type { Account } from "./account.ts";
import { type Caller, type LiftedFunction, Subtask, Task } from "./task.ts";

/** What a call of the host's asks of the tasks that it belongs to. */
interface Callee {
  readonly calls: Set<HostCall>;
  readonly kept: (lift: number, args: readonly unknown[]) => readonly unknown[];
  error(payload: unknown): Error;
  abort(call: HostCall, reason: unknown): void;
  isSpent(): boolean;
}

const NOTHING: readonly unknown[] = [];

/** Among the options of a call: its promise is of an object with the value, which a promise that is the value would become part of. */
export const BOXED: unique symbol = Symbol("boxed");

export interface Boxing extends CallOptions {
  readonly [BOXED]?: true;
}

/** A call that the host made. */
export class HostCall extends Task implements Caller {
  readonly isHost: boolean = true;
  declare readonly lift: LiftedFunction;
  args: readonly unknown[];
  /** The arguments have been lowered: a value that is not what it was is the guest's trap from here on. */
  lowered: boolean;
  settled = false;
  boxed = false;
  private readonly tasks: Callee;
  private value: unknown;
  private failed = false;
  private settle: { resolve(value: unknown): void; reject(error: unknown): void } | undefined;
  private unlisten: (() => void) | undefined;

  constructor(tasks: Callee, lift: LiftedFunction, args: readonly unknown[], account: Account | undefined) {
    super(lift.instance, undefined, lift);
    this.account = account;
    this.tasks = tasks;
    this.args = args;
    this.lowered = !lift.changing;
  }

  start(): unknown {
    const { args } = this;
    this.args = NOTHING;
    return this.lift.start!(this, args);
  }

  waits(): void {
    this.args = this.tasks.kept(this.lift.index, this.args);
  }

  resolve(value: unknown, failed: boolean): void {
    // What a synchronous function does after that, in its post-return, belongs to the call.
    if (!this.lift.synchronous) this.give(value, failed);
    else if (!this.settled) {
      this.value = value;
      this.failed = failed;
    }
  }

  over(): void {
    this.give(this.value, this.failed);
  }

  private give(value: unknown, failed: boolean): void {
    if (this.settled || (this.account !== undefined && this.tasks.isSpent())) return;
    if (failed) this.reject(this.tasks.error(value));
    else this.finish(value, false);
  }

  /** Nothing: the caller knows since it asked for that. */
  cancelled(): void {}

  reject(error: unknown): void {
    if (!this.settled) this.finish(error, true);
  }

  private finish(value: unknown, failed: boolean): void {
    this.settled = true;
    this.value = value;
    this.failed = failed;
    this.unlisten?.();
    this.account?.end();
    if (this.settle === undefined) return;
    this.tasks.calls.delete(this);
    if (failed) this.settle.reject(value);
    else this.settle.resolve(this.result);
  }

  private get result(): unknown {
    return this.boxed ? { value: this.value } : this.value;
  }

  promise(): Promise<unknown> {
    if (this.settled) return this.failed ? Promise.reject(this.value) : Promise.resolve(this.result);
    this.tasks.calls.add(this);
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  listen(signal: AbortSignal): void {
    if (signal.aborted) {
      this.reject(signal.reason);
      return;
    }
    const { unlisten } = this;
    const aborted = (): void => this.giveUp(signal.reason);
    signal.addEventListener("abort", aborted);
    this.unlisten = () => {
      unlisten?.();
      signal.removeEventListener("abort", aborted);
    };
  }

  /** Ends it for the caller, whatever the guest answers when it is told. */
  giveUp(reason: unknown): void {
    this.reject(reason);
    this.tasks.abort(this, reason);
  }
}

/** The call of the host's that a task works for. */
export function callOf(task: Task | undefined): HostCall | undefined {
  if (task instanceof HostCall) return task;
  const caller = task?.caller;
  return caller instanceof Subtask ? callOf(caller.parent) : undefined;
}
