/**
 * The built-ins of threads: a guest's own stacks within one task. Follows design/mvp/CanonicalABI.md, `canon thread.*`.
 *
 * A new thread runs on top of the frame that resumes it, in frames of its own where the engine can suspend those.
 */
import { AbiTrap } from "../trap.ts";
import { Scheduler } from "./scheduler.ts";
import { type TaskInstance, Thread, Wait } from "./task.ts";

type Start = (context: number) => unknown;

/** A table of functions, which the types of the platform do not have. */
export interface FunctionTable {
  readonly length: number;
  get(index: number): unknown;
}

export abstract class Threads extends Scheduler {
  threadIndex(_instance: TaskInstance): number {
    return this.current!.index;
  }

  threadNewIndirect(_instance: TaskInstance, table: FunctionTable, index: number, context: number): number {
    const { task } = this.current!;
    const start = startAt(table, index);
    const thread = new Thread(task);
    thread.wait = Wait.SUSPENDED;
    thread.stack = this.machine.stacks !== undefined;
    thread.body = () => this.startThread(start, context);
    task.admit(thread, this.instance.quota);
    (task.others ??= new Set()).add(thread);
    return thread.index;
  }

  /** Calls what a new thread begins with: so that it can be suspended, where the engine can do that. */
  protected startThread(start: Start, context: number): unknown {
    return start(context);
  }

  threadResumeLater(instance: TaskInstance, index: number): void {
    const thread = suspendedThread(instance, index);
    thread.wait = Wait.TURN;
    this.wake(thread);
    this.schedule();
  }

  threadYield(_instance: TaskInstance, cancellable: boolean): number | bigint | undefined {
    return this.block(Wait.TURN, cancellable, "a turn", this.cancelledFinish());
  }

  threadSuspend(_instance: TaskInstance, cancellable: boolean): number | bigint | undefined {
    return this.block(Wait.SUSPENDED, cancellable, "another thread to resume it", this.cancelledFinish());
  }

  threadSuspendThenResume(instance: TaskInstance, cancellable: boolean, index: number): number | bigint | undefined {
    return this.switchTo(Wait.SUSPENDED, cancellable, suspendedThread(instance, index));
  }

  threadYieldThenResume(instance: TaskInstance, cancellable: boolean, index: number): number | bigint | undefined {
    return this.switchTo(Wait.TURN, cancellable, suspendedThread(instance, index));
  }

  threadSuspendThenPromote(instance: TaskInstance, cancellable: boolean, index: number): number | bigint | undefined {
    const other = instance.thread(index);
    if (this.isReadyNow(other)) return this.switchTo(Wait.SUSPENDED, cancellable, other);
    return this.threadSuspend(instance, cancellable);
  }

  threadYieldThenPromote(instance: TaskInstance, cancellable: boolean, index: number): number | bigint | undefined {
    const other = instance.thread(index);
    if (this.isReadyNow(other)) return this.switchTo(Wait.TURN, cancellable, other);
    return this.threadYield(instance, cancellable);
  }

  private switchTo(wait: number, cancellable: boolean, other: Thread): number | bigint | undefined {
    const { task } = this.current!;
    if (task.deliversCancel(cancellable)) return 1;
    if (other.wait === Wait.SUSPENDED) other.wait = Wait.TURN;
    return this.block(wait, cancellable, "another thread", this.cancelledFinish(), other);
  }

  /** Gives whether the wait of the thread that runs was ended by a cancellation. */
  private cancelledFinish(): () => number {
    const thread = this.current!;
    return () => {
      const { cancelled } = thread;
      thread.cancelled = false;
      return cancelled ? 1 : 0;
    };
  }
}

function suspendedThread(instance: TaskInstance, index: number): Thread {
  const thread = instance.thread(index);
  if (thread.wait !== Wait.SUSPENDED) throw new AbiTrap("invalid-thread", `The thread ${index} is not suspended`);
  return thread;
}

/** The function that a new thread begins with. */
function startAt(table: FunctionTable, index: number): Start {
  if (index >>> 0 >= table.length) {
    throw new AbiTrap("table-out-of-bounds", `The start of a thread is beyond its table: ${index >>> 0}`);
  }
  const start = table.get(index >>> 0) as Start | null;
  if (start === null) throw new AbiTrap("indirect-call-to-null", "The start of a thread is null");
  if (start.length !== 1) throw new AbiTrap("bad-signature", "The start of a thread takes one number");
  return start;
}
