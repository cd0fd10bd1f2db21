/**
 * Tasks and their threads: `Task`, `Thread` and `Subtask` in the specification's definitions.py, as data. When they run is the
 * scheduler's to say.
 *
 * A thread of the specification has a stack. Here one has none while it waits in the event loop of a callback, so that most calls
 * need nothing of the engine; what a suspended frame needs is in `stack` and `finish`.
 */
import type { ComponentState } from "../component-state.ts";
import type { BorrowScope, Lends } from "../handle-table.ts";
import { LimitTrap } from "../quota.ts";
import { AbiTrap } from "../trap.ts";
import type { Account } from "./account.ts";
import { Event, type EventTuple, newEvent, SUBTASK, Waitable, type WaitableSet, type Waker } from "./waitable.ts";

/** What a thread waits for. */
export const Wait = {
  /** It runs, or has not begun. */
  RUNS: 0,
  /** To be resumed by another thread. */
  SUSPENDED: 1,
  /** A turn. */
  TURN: 2,
  /** That its task may begin. */
  ENTRY: 3,
  /** The lock of its component instance, after a turn. */
  LOCK: 4,
  /** An event of a set. */
  SET: 5,
  /** The event of one waitable. */
  EVENT: 6,
  /** A promise of the host's. */
  HOST: 7,
} as const;

/** A component instance's side of its tasks. */
export class TaskInstance {
  readonly state: ComponentState;
  /** The state, and those of the component instances around it. */
  readonly chain: readonly ComponentState[];
  backpressure = 0;
  waitingToEnter = 0;
  /** The thread that alone may run, of those that are not stackful. */
  exclusive: Thread | undefined;
  /** Threads that wait for the lock, or for the end of backpressure. */
  readonly parked: Thread[] = [];
  private readonly threads: (Thread | undefined)[] = [undefined];
  private readonly free: number[] = [];

  constructor(state: ComponentState, chain: readonly ComponentState[]) {
    this.state = state;
    this.chain = chain;
  }

  add(thread: Thread): void {
    thread.index = this.free.pop() ?? this.threads.length;
    this.threads[thread.index] = thread;
  }

  /** How many threads there are. */
  get count(): number {
    return this.threads.length - 1 - this.free.length;
  }

  /** Threads that have begun and not ended. */
  get living(): Thread[] {
    return this.threads.filter((thread) => thread !== undefined);
  }

  remove(thread: Thread): void {
    this.threads[thread.index] = undefined;
    this.free.push(thread.index);
  }

  thread(index: number): Thread {
    const thread = this.threads[index >>> 0];
    if (thread === undefined) throw new AbiTrap("invalid-thread", `Unknown thread index ${index >>> 0}`);
    return thread;
  }
}

/** A lifted asynchronous function. */
export interface LiftedFunction {
  /** Of the function among all that are lifted. */
  readonly index: number;
  readonly instance: TaskInstance;
  /** Lowers what the host passed and calls; absent for functions that only guests call. */
  readonly start: ((task: Task, args: readonly unknown[]) => unknown) | undefined;
  readonly callback: ((code: number, index: number, payload: number) => unknown) | undefined;
  /** It holds the lock of its component instance while it runs. */
  readonly exclusive: boolean;
  /** Its frames may be suspended: what it returns, it returns by a promise. */
  readonly suspended: boolean;
  /** Reading what the host passes may run code of the user. */
  readonly changing: boolean;
  /** It is of a synchronous type, and the host waits for it by a promise: nothing but threads of its own instance run meanwhile. */
  readonly synchronous?: boolean;
  /** What a `task.return` in it must have too; empty where the function returns its result. */
  readonly returns: string;
  /** The name of its memory in the text, where it has one. */
  readonly memory?: string | undefined;
}

/** A call of one guest by another. */
export interface GuestSite {
  readonly lift: LiftedFunction;
  readonly caller: TaskInstance;
  readonly entering: readonly ComponentState[];
  /** Lifts the arguments, lowers them and calls. */
  start(task: Task, subtask: Subtask): unknown;
  /** Lowers the result. @returns what the core function returns, where it returns it */
  result(subtask: Subtask, value: unknown): number | bigint | undefined;
}

/** A call of the host by a guest. */
export interface HostSite {
  readonly func: number;
  readonly caller: TaskInstance;
  /** Checks and lowers what the function of the host's gave. */
  result(raw: unknown, thrown: boolean, pointer: number): number | bigint | undefined;
}

export const TaskState = {
  INITIAL: 1,
  STARTED: 2,
  PENDING_CANCEL: 3,
  CANCEL_DELIVERED: 4,
  RESOLVED: 5,
} as const;

/** Who called a function, and is given its result. */
export interface Caller {
  readonly isHost: boolean;
  /** Lowers the arguments and calls the core function. */
  start(task: Task): unknown;
  /** The call cannot begin yet. */
  waits(): void;
  resolve(value: unknown, failed: boolean): void;
  cancelled(): void;
  /** A synchronous function has come to its end, after its result. */
  over?(): void;
}

/** How many handles and threads there may be, and the trap when there are more. */
export interface Room {
  readonly resources: number;
  trap: LimitTrap | undefined;
}

export class Task {
  /** Absent in a call of a function that is not asynchronous. */
  readonly lift: LiftedFunction | undefined;
  readonly instance: TaskInstance;
  /** A call of the host's is its own. */
  readonly caller: Caller;
  state: number = TaskState.INITIAL;
  /** The borrows that the callee was lent. */
  scope: BorrowScope | undefined;
  /** Of the call that it works for, where limits are kept. */
  account: Account | undefined;
  implicit: Thread | undefined;
  /** Threads that the guest made. */
  others: Set<Thread> | undefined;
  private running = 0;

  constructor(instance: TaskInstance, caller: Caller | undefined, lift?: LiftedFunction) {
    this.instance = instance;
    this.caller = caller ?? (this as unknown as Caller);
    this.lift = lift;
  }

  register(thread: Thread): void {
    this.running++;
    this.instance.add(thread);
  }

  /**
   * Registers a thread of an asynchronous task. One that goes on when its task has returned has no handle in the caller, and neither
   * has one that a guest made: the limit of handles bounds threads as well, and a component instance may always have one.
   */
  admit(thread: Thread, room: Room): void {
    const { count } = this.instance;
    if (count > room.resources) throw (room.trap = new LimitTrap("resources", room.resources, count));
    this.register(thread);
  }

  unregister(thread: Thread): void {
    this.others?.delete(thread);
    this.instance.remove(thread);
    if (--this.running === 0 && this.state !== TaskState.RESOLVED) {
      throw new AbiTrap(
        "invalid-task-return",
        "A task ended without a result: it has to call task.return or task.cancel",
      );
    }
  }

  /** `return_` */
  return_(value: unknown, failed: boolean): void {
    if (this.state === TaskState.RESOLVED) throw new AbiTrap("invalid-task-return", "A task returned twice");
    this.scope?.end();
    this.caller.resolve(value, failed);
    this.state = TaskState.RESOLVED;
  }

  cancel(): void {
    if (this.state !== TaskState.CANCEL_DELIVERED) {
      throw new AbiTrap("invalid-task-return", "A task was cancelled that nobody has asked to");
    }
    this.scope?.end();
    this.caller.cancelled();
    this.state = TaskState.RESOLVED;
  }

  /** `deliver_pending_cancel` */
  deliversCancel(cancellable: boolean): boolean {
    if (!cancellable || this.state !== TaskState.PENDING_CANCEL) return false;
    this.state = TaskState.CANCEL_DELIVERED;
    return true;
  }
}

export class Thread {
  readonly task: Task;
  /** The slots of `context.get` and `context.set`. */
  context0 = 0;
  context1 = 0;
  index = 0;
  wait: number = Wait.RUNS;
  /** What of it waits. */
  on: Waitable | WaitableSet | undefined;
  /** It is in the event loop of a callback, and has no frame. */
  inLoop = false;
  cancellable = false;
  /** Its wait was ended by a cancellation. */
  cancelled = false;
  /** It is in the queue of the scheduler. */
  queued = false;
  /** The promise of the host's that it waits for has settled, or another thread resumed it. */
  released = false;
  /** What it begins with, when another thread made it. */
  body: (() => unknown) | undefined;
  /** It runs in frames that the engine can suspend. */
  stack = false;
  /** Its frames have gone on by themselves: nobody below is waiting for them. */
  alone = false;
  /** The frame in which it waits. */
  frame: Frame | undefined;
  /** What its function returned, when it has. */
  packed: number | undefined;

  constructor(task: Task) {
    this.task = task;
  }
}

/** A thread that runs in frames of another, those of a synchronous call between guests: all of them are suspended at once. */
export class InnerThread extends Thread {
  readonly base: Thread;

  constructor(task: Task, outer: Thread) {
    super(task);
    this.stack = true;
    this.base = baseOf(outer);
  }
}

/** The thread in whose frames one runs. */
export function baseOf(thread: Thread): Thread {
  return thread instanceof InnerThread ? thread.base : thread;
}

/** A frame that waits. */
export class Frame {
  /** Gives what the function that blocked returns. */
  readonly finish: (event: EventTuple) => number | bigint | undefined;
  /** What it goes on with. */
  readonly event: EventTuple = newEvent();
  /** Have the engine go on with it, or unwind it, where it is suspended. */
  wake: (() => void) | undefined;
  unwind: ((error: unknown) => void) | undefined;

  constructor(finish: Frame["finish"]) {
    this.finish = finish;
  }
}

/** `Subtask.State` */
export const SubtaskState = {
  STARTING: 0,
  STARTED: 1,
  RETURNED: 2,
  CANCELLED_BEFORE_STARTED: 3,
  CANCELLED_BEFORE_RETURNED: 4,
} as const;

/** A call that a guest made, as the guest knows it. */
export class Subtask extends Waitable implements Caller {
  state: number = SubtaskState.STARTING;
  readonly flat: readonly (number | bigint)[];
  lenders: Lends | undefined;
  cancelRequested = false;
  /** The caller has been told of its end. */
  delivered = false;
  /** What the core function returns, where it waits for that. */
  result: number | bigint | undefined;
  /** The callee, when it is a guest. */
  task: Task | undefined;
  /** What the host was given of the call, when that is the callee. */
  hostCall: { abort(reason?: unknown): void } | undefined;
  /** It is in the table of the caller, who is told of its progress. */
  visible = false;
  /** What called. */
  readonly parent: Task | undefined;
  private readonly site: GuestSite | undefined;

  constructor(waker: Waker, parent: Task | undefined, site?: GuestSite, flat: readonly (number | bigint)[] = []) {
    super(waker);
    this.parent = parent;
    this.site = site;
    this.flat = flat;
  }

  get type(): number {
    return SUBTASK;
  }

  get isHost(): boolean {
    return false;
  }

  get resolved(): boolean {
    return this.state >= SubtaskState.RETURNED;
  }

  start(task: Task): unknown {
    this.state = SubtaskState.STARTED;
    if (this.visible) this.setPending();
    return this.site!.start(task, this);
  }

  waits(): void {}

  resolve(value: unknown): void {
    this.result = this.site!.result(this, value);
    this.end(SubtaskState.RETURNED);
  }

  cancelled(): void {
    const started = this.state === SubtaskState.STARTED;
    this.end(started ? SubtaskState.CANCELLED_BEFORE_RETURNED : SubtaskState.CANCELLED_BEFORE_STARTED);
  }

  end(state: number): void {
    this.state = state;
    if (this.visible || this.waiter !== undefined) this.setPending();
  }

  /** `deliver_resolve` */
  deliverResolve(): void {
    this.lenders?.end();
    this.lenders = undefined;
    this.delivered = true;
  }

  protected deliver(event: EventTuple): void {
    if (this.resolved) this.deliverResolve();
    event.code = Event.SUBTASK;
    event.index = this.index;
    event.payload = this.state;
  }

  override leave(): void {
    if (!this.delivered) {
      throw new AbiTrap("subtask-not-resolved", "Cannot drop a subtask before its end has been delivered");
    }
    super.leave();
  }
}
