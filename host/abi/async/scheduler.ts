/**
 * Which thread runs: `Store`, and what of `Thread` and `Task` blocks and resumes, in the specification's definitions.py.
 *
 * A thread that may go on is in the queue, put there by what it waited for; nothing is polled. The queue is worked off when no
 * frame of the instance is on the stack. A frame that has to wait is suspended where the engine can do that and it was called so
 * that it may be; elsewhere what it waits for is run on top of it, where that gives the same order.
 */
import { ENTERED, IDLE, TRAPPED } from "../entered.ts";
import type { ComponentState } from "../component-state.ts";
import { AbiTrap } from "../trap.ts";
import type { Instance, Machine } from "./machine.ts";
import { Queue } from "./queue.ts";
import { endWait, isHeld, isReady } from "./ready.ts";
import { baseOf, type Caller, Frame, InnerThread, Task, TaskInstance, TaskState, Thread, Wait } from "./task.ts";
import { IdleTurns, turnBefore } from "./turns.ts";
import { entryAt, Event, type EventTuple, newEvent, SET, type WaitableSet, type Waker } from "./waitable.ts";

const EXIT = 0;
const YIELD = 1;
const WAIT = 2;

/** What is thrown into a caller while the engine has not told yet why its callee trapped. */
const DYING: AbiTrap = new AbiTrap("unknown", "The callee trapped");

const nobody: Caller = { isHost: false, start() {}, waits() {}, resolve() {}, cancelled() {} };

export abstract class Scheduler implements Waker {
  /** The thread that runs. */
  current: Thread | undefined;
  /** Promises of the host's that guests wait for. */
  hostPending = 0;
  protected readonly instance: Instance;
  protected readonly machine: Machine;
  private readonly queue = new Queue<Thread>();
  /** What is to be done when nothing of the instance is on the stack. */
  private readonly jobs = new Queue<() => void>();
  private scheduled = false;
  private draining = false;
  /** A suspended thread was told to go on, and has not yet. */
  protected switching: Thread | undefined;
  /** What such calls between guests keep while the callee runs, the innermost last. */
  readonly frames: unknown[] = [];
  /** The instances of the synchronous calls on the stack, the innermost last. */
  private readonly synchronous: TaskInstance[] = [];
  /** How many callers went on below each of them. */
  private readonly below: number[] = [];
  /** The task whose call holds all others up while it is suspended in a synchronous call. */
  private holder: Task | undefined;
  /** Times that guests were called and have not returned, one on top of the other. */
  private depth = 0;
  /** The thread whose frames have been suspended last, until its caller has been told. */
  private slept: Thread | undefined;
  private readonly idleTurns = new IdleTurns();
  /** Callers on the stack that go on when their callee waits. */
  protected goingOn = 0;
  /** The trap that the engine has not told of yet. */
  private dying: Promise<unknown> | undefined;
  /** Suspended threads. */
  protected readonly asleep: Set<Thread> = new Set();
  protected ended = false;
  /** Of the thread that is being resumed. */
  protected readonly event: EventTuple = newEvent();

  constructor(instance: Instance, machine: Machine) {
    this.instance = instance;
    this.machine = machine;
  }

  // Tasks.

  /**
   * Begins a synchronous call of a function, which is a task as well. @returns what {@link end} takes
   * @param between guests: no frame of the host's will be between theirs
   */
  begin(instance: TaskInstance, between = false): Thread | undefined {
    const outer = this.current;
    const task = new Task(instance, nobody);
    task.account = outer?.task.account;
    task.state = TaskState.STARTED;
    // What is suspended has to be all that is on the stack: nothing else goes on before the call has returned.
    const suspendable = between && outer?.stack === true && this.depth === 1;
    const thread = suspendable ? new InnerThread(task, outer) : new Thread(task);
    if (suspendable) this.holder ??= baseOf(outer).task;
    task.register((this.current = thread));
    this.beginSynchronous(instance);
    return outer;
  }

  private beginSynchronous(instance: TaskInstance): void {
    this.synchronous.push(instance);
    this.below.push(this.goingOn);
  }

  private endSynchronous(): void {
    this.synchronous.pop();
    this.below.pop();
    if (this.synchronous.length === 0) this.holder = undefined;
  }

  end(outer: Thread | undefined): void {
    const { task } = this.current!;
    task.state = TaskState.RESOLVED;
    task.unregister(this.current!);
    this.endSynchronous();
    this.current = outer;
    this.schedule();
  }

  /** `enter_implicit_thread`, and what follows when the task may begin. */
  protected startTask(task: Task): void {
    const { instance } = task;
    const thread = (task.implicit = new Thread(task));
    if (task.lift!.synchronous || (instance.waitingToEnter === 0 && !isHeld(task))) {
      this.run(thread);
      return;
    }
    instance.waitingToEnter++;
    thread.wait = Wait.ENTRY;
    thread.cancellable = true;
    // Behind others it may be free to enter: then nothing else will wake it.
    this.wake(thread);
    task.caller.waits();
  }

  private run(thread: Thread): void {
    const { task } = thread;
    const { instance, lift } = task;
    task.admit(thread, this.instance.quota);
    if (lift!.exclusive) instance.exclusive = thread;
    if (lift!.synchronous) {
      this.beginSynchronous(instance);
      this.holder = task;
    }
    task.state = TaskState.STARTED;
    const outer = this.current;
    this.current = thread;
    thread.stack = lift!.suspended;
    let returned: unknown;
    this.depth++;
    try {
      returned = task.caller.start(task);
    } catch (error) {
      if (!this.takeBack(task, error)) throw error;
      if (lift!.synchronous) this.endSynchronous();
      this.depth--;
      this.current = outer;
      return;
    }
    this.goOn(thread, returned);
    this.depth--;
    this.current = outer;
  }

  /** What follows when a function of the guest's has been called: it has returned, or is suspended, or has trapped. */
  private goOn(thread: Thread, returned: unknown): void {
    if (!thread.stack) {
      this.proceed(thread, returned as number);
      return;
    }
    const promise = returned as Promise<unknown>;
    if (thread.packed !== undefined) {
      this.returned(thread);
      return;
    }
    if (this.slept === thread) {
      this.slept = undefined;
      promise.then(undefined, (error: unknown) => this.crash(thread.task, error));
      return;
    }
    // The innermost tells why; its callers trap of that.
    promise.catch(() => {});
    this.dying ??= promise;
    throw DYING;
  }

  private returned(thread: Thread): void {
    const packed = thread.packed!;
    thread.packed = undefined;
    thread.stack = thread.alone = false;
    this.proceed(thread, packed);
  }

  /** The function of a suspendable thread has returned, and only frames between it and the host are left. */
  finished: (packed?: number) => unknown = (packed) => {
    const thread = this.current!;
    thread.packed = packed ?? EXIT;
    if (!thread.alone) return;
    // Its promise settles later, when others may have run.
    this.returned(thread);
    this.leaveSlice(thread);
  };

  /** What a function with a callback wants next, and the end of any other. */
  private proceed(thread: Thread, packed: number): void {
    const { task } = thread;
    const { instance } = task;
    if (thread.body !== undefined || (packed & 15) === EXIT) {
      this.exit(thread);
      return;
    }
    this.unlock(instance);
    thread.inLoop = thread.cancellable = true;
    switch (packed & 15) {
      case YIELD:
        thread.wait = Wait.LOCK;
        this.wake(thread);
        break;
      case WAIT: {
        const set = entryAt<WaitableSet>(instance.state.handles, packed >>> 4, SET);
        thread.wait = Wait.SET;
        thread.on = set;
        set.waiting.push(thread);
        if (set.hasEvent()) this.wake(thread);
        break;
      }
      default:
        throw new AbiTrap("invalid-callback-code", `Unsupported callback code ${packed & 15}`);
    }
    if (task.deliversCancel(true)) {
      thread.cancelled = true;
      this.resume(thread);
    }
  }

  /** `exit_implicit_thread`, and the end of any other thread. */
  private exit(thread: Thread): void {
    const { task } = thread;
    task.unregister(thread);
    if (task.implicit !== thread) return;
    if (task.lift!.exclusive) this.unlock(task.instance);
    if (!task.lift!.synchronous) return;
    this.endSynchronous();
    task.caller.over!();
  }

  private unlock(instance: TaskInstance): void {
    instance.exclusive = undefined;
    this.unpark(instance);
  }

  /** Threads that waited to be let in look again whether they are. */
  protected unpark({ parked }: TaskInstance): void {
    if (parked.length === 0) return;
    for (const thread of parked) this.wake(thread);
    parked.length = 0;
  }

  // Waiting and going on.

  /** A thread may be able to go on. */
  wake(thread: Thread): void {
    if (thread.queued) return;
    thread.queued = true;
    this.queue.push(thread);
  }

  /** `ready` of a thread that another names: nothing is changed by asking. */
  protected isReadyNow(thread: Thread): boolean {
    return thread.wait !== Wait.RUNS && thread.wait !== Wait.SUSPENDED && thread.queued && isReady(thread);
  }

  /** `resume` of a thread that waits and may go on. */
  protected resume(thread: Thread): void {
    const entering = thread.wait === Wait.ENTRY;
    const { task } = thread;
    const event = thread.frame?.event ?? this.event;
    endWait(thread, event);
    const outer = this.current;
    this.depth++;
    if (entering) {
      if (thread.cancelled) task.cancel();
      else {
        this.depth--;
        this.run(thread);
        this.depth++;
      }
    } else if (thread.inLoop) {
      const { code, index, payload } = event;
      thread.inLoop = thread.cancelled = false;
      task.instance.exclusive = this.current = thread;
      thread.stack = task.lift!.suspended;
      this.goOn(thread, task.lift!.callback!(code, index, payload));
    } else if (thread.body !== undefined && thread.frame === undefined) {
      this.current = thread;
      this.goOn(thread, thread.body());
    } else {
      this.switching = thread;
      thread.frame!.wake!();
    }
    this.depth--;
    this.current = outer;
  }

  /**
   * Has the thread that runs wait. @returns what `finish` gives; `undefined` when its frame is about to be suspended
   * @param what it waits for, in words
   * @param next the thread that goes on at once
   */
  protected block(
    wait: number,
    cancellable: boolean,
    what: string,
    finish: Frame["finish"],
    next?: Thread,
  ): number | bigint | undefined {
    const thread = this.current!;
    if (thread.task.deliversCancel(cancellable)) {
      thread.cancelled = true;
      return finish({ code: Event.TASK_CANCELLED, index: 0, payload: 0 });
    }
    thread.wait = wait;
    thread.cancellable = cancellable;
    thread.cancelled = false;
    const frame = (thread.frame = new Frame(finish));
    if (wait === Wait.TURN) this.wake(thread);
    if (next !== undefined) this.runNext(next);
    if (thread.stack) {
      this.machine.stacks!.suspend();
      return undefined;
    }
    this.nest(thread, frame, what);
    thread.frame = undefined;
    return finish(frame.event);
  }

  /** Has a thread go on before all others: at once, where it needs no frame for that which is suspended. */
  private runNext(thread: Thread): void {
    if (thread.queued) this.queue.remove(thread);
    thread.queued = false;
    if (thread.frame === undefined) {
      this.resume(thread);
      return;
    }
    thread.queued = true;
    this.queue.unshift(thread);
  }

  /** The frames of the thread that runs are being suspended. */
  protected sleep(wake: () => void, unwind: (error: unknown) => void): void {
    const thread = this.current!;
    const frame = thread.frame!;
    frame.wake = wake;
    frame.unwind = unwind;
    this.asleep.add(thread);
    const base = baseOf(thread);
    if (base.alone) this.leaveSlice(thread);
    else this.slept = base;
  }

  /** The frames of a thread go on. @returns what the function that blocked returns */
  protected awake(): number | bigint | undefined {
    const thread = this.switching!;
    this.switching = undefined;
    this.asleep.delete(thread);
    for (const state of thread.task.instance.chain) state.entered = ENTERED;
    this.instance.meter?.begin(thread.task.account);
    this.current = thread;
    this.depth = 1;
    baseOf(thread).alone = true;
    const { finish, event } = thread.frame!;
    thread.frame = undefined;
    return finish(event);
  }

  /** Runs what a thread waits for on top of its frame, and on its account: it cannot go on before that has run. */
  private nest(thread: Thread, frame: Frame, what: string): void {
    const { components } = this.instance;
    const entered = components.map((state) => state.entered);
    const within = this.synchronous.at(-1);
    const { current } = this;
    // The callers below wait as well, and may be entered; but a synchronous call stays entered until it returns.
    if (within === undefined) for (const state of components) state.entered = IDLE;
    let turns = thread.wait === Wait.TURN ? this.queue.length : Infinity;
    while (turns-- > 0 && (thread.wait === Wait.TURN || !isReady(thread))) {
      const next = this.take(within);
      if (next === undefined && thread.wait === Wait.TURN) {
        if (this.idleTurns.areTooMany(thread)) throw this.machine.cannotSuspend("a turn, again and again");
        break;
      }
      this.idleTurns.end();
      if (next === undefined || (within === undefined && this.goingOn > 0)) throw this.stuck(what, within);
      if (within === undefined) this.step(next);
      else this.resume(next);
    }
    if (thread.queued) this.queue.remove(thread);
    thread.queued = false;
    components.forEach((state, i) => (state.entered = entered[i]!));
    this.current = current;
    endWait(thread, frame.event);
  }

  private stuck(what: string, within: TaskInstance | undefined): unknown {
    // A frame below could go on, were it not below.
    const isBuried = (thread: Thread): boolean =>
      (within === undefined || thread.task.instance === within) && thread.frame !== undefined && isReady(thread);
    if (this.goingOn > (this.below.at(-1) ?? 0) || this.queue.some(isBuried)) return this.machine.cannotSuspend(what);
    if (within !== undefined) {
      return new AbiTrap(
        "cannot-block",
        `Cannot block a synchronous task before it has returned: it waits for ${what}`,
      );
    }
    if (this.hostPending === 0 && !this.hasHostEnds) {
      return new AbiTrap("deadlock", `Every task waits for another: this one for ${what}`);
    }
    return this.machine.cannotSuspend(what);
  }

  /**
   * Takes the next thread that can go on out of the queue. @param within this instance alone
   * @param suspended also one that needs the engine's help for that
   */
  private take(within: TaskInstance | undefined, suspended = false): Thread | undefined {
    const { queue } = this;
    for (let at = 0; at < queue.length; at++) {
      const thread = queue.at(at);
      // In a synchronous call only frames of its own instance go on, and none that needs the instance for itself.
      if (within !== undefined && (thread.task.instance !== within || thread.inLoop || thread.wait === Wait.ENTRY))
        continue;
      if (thread.frame !== undefined && !(suspended && thread !== within?.exclusive)) continue;
      queue.removeAt(at--);
      thread.queued = false;
      if (isReady(thread)) return thread;
    }
    return undefined;
  }

  // Turns.

  /** Has a thread go on that is ready, with nothing of its instance on the stack. */
  private step(thread: Thread): void {
    const { chain } = thread.task.instance;
    for (const state of chain) state.entered = ENTERED;
    this.resume(thread);
    if (this.instance.root.entered > ENTERED) throw DYING;
    for (const state of chain) state.entered = IDLE;
  }

  private leaveSlice({ task }: Thread): void {
    this.depth = 0;
    if (!this.leave(task, task.instance.chain)) return;
    this.current = undefined;
    this.schedule();
  }

  /** The guest has run. @returns whether it stays within its limits */
  protected leave(task: Task | undefined, chain: readonly ComponentState[]): boolean {
    this.instance.meter?.finish();
    const lives = this.instance.root.entered === ENTERED;
    if (!lives) this.crash(task, DYING);
    else if (this.holder !== undefined) this.proceedWithin();
    else for (const state of chain) state.entered = IDLE;
    return lives;
  }

  /** What `canon_lift` does while a synchronous call is suspended: threads of its instance go on, and nothing else of the store. */
  private proceedWithin(): void {
    const { instance } = this;
    this.current = undefined;
    while (this.holder !== undefined && this.switching === undefined && !this.ended) {
      const within = this.synchronous.at(-1)!;
      const next = this.take(within, true);
      if (next === undefined) {
        // A function of the host's that returned a promise is, for the guest, one that takes long.
        const waits = [...this.asleep].some(({ wait, task }) => wait === Wait.HOST && task.instance === within);
        const words = "Cannot block a synchronous task before it has returned: no thread of its instance can go on";
        if (!waits) this.crash(this.holder, new AbiTrap("cannot-block", words));
        return;
      }
      try {
        instance.meter?.begin(next.task.account);
        this.resume(next);
      } catch (error) {
        this.crash(next.task, error);
        return;
      }
      instance.meter?.finish();
      if (instance.root.entered !== ENTERED) {
        this.crash(next.task, DYING);
        return;
      }
    }
  }

  /** Runs code of the guest's with nothing of it on the stack. @returns whether it has not trapped */
  protected outermost<T>(
    task: Task | undefined,
    chain: readonly ComponentState[],
    action: (this: this, subject: T) => unknown,
    subject: T,
  ): boolean {
    const { instance } = this;
    for (const state of chain) state.entered = ENTERED;
    try {
      instance.meter?.begin(task?.account);
      action.call(this, subject);
    } catch (error) {
      this.crash(task, error);
      return false;
    }
    return this.leave(task, chain);
  }

  /** Whether nothing of the instance is on the stack, or about to be. */
  protected get idle(): boolean {
    return this.instance.root.entered === IDLE && this.switching === undefined;
  }

  /** Does something when that is so: now, if it is. */
  protected whenIdle(job: () => void): void {
    if (this.idle) {
      job();
      return;
    }
    this.jobs.push(job);
    this.schedule();
  }

  /** Has the queue worked off soon. */
  protected schedule(): void {
    if (this.scheduled || this.draining || this.queue.length + this.jobs.length === 0) return;
    this.scheduled = true;
    queueMicrotask(() => this.drain());
  }

  protected drain(): void {
    this.scheduled = false;
    const { root } = this.instance;
    if (this.draining || this.ended) return;
    if (this.holder !== undefined && this.depth === 0 && this.switching === undefined) {
      this.proceedWithin();
      return;
    }
    this.draining = true;
    while (root.entered === IDLE && this.switching === undefined && this.queue.length + this.jobs.length > 0) {
      const turn = this.turn();
      if (turn !== undefined) {
        this.scheduled = true;
        void turn.then(() => this.drain());
        break;
      }
      const job = this.jobs.shift();
      if (job !== undefined) {
        job();
        continue;
      }
      const thread = this.queue.shift()!;
      thread.queued = false;
      if (!isReady(thread)) continue;
      this.outermost(thread.task, thread.task.instance.chain, this.resume, thread);
    }
    // What is left waits for a turn of the event loop, or for the thread that is about to go on.
    this.draining = false;
  }

  /** The turn of the event loop that comes before whatever would go on; `undefined` where none has to. */
  turn(): Promise<void> | undefined {
    return turnBefore(this.machine.macrotask);
  }

  /** Whether the host reads or writes a stream or future of the instance. */
  get hasHostEnds(): boolean {
    return false;
  }

  /** Whether anything can go on by itself. */
  protected get runnable(): boolean {
    return this.scheduled || this.switching !== undefined || this.queue.length + this.jobs.length > 0;
  }

  // Ends.

  /** Undoes what was done for a task of the host's whose arguments could not be lowered. @returns whether it was that which failed */
  protected takeBack(_task: Task, _error: unknown): boolean {
    return false;
  }

  /** Something trapped with nothing below it on the stack. */
  protected crash(task: Task | undefined, error: unknown): void {
    const { instance, dying } = this;
    if (this.ended) return;
    if (instance.root.entered < TRAPPED) instance.root.entered = TRAPPED;
    this.draining = false;
    this.depth = 0;
    this.current = this.switching = this.holder = undefined;
    if (dying !== undefined) {
      this.dying = undefined;
      dying.catch((cause: unknown) => this.crash(task, cause));
      return;
    }
    this.fail(task, instance.fault(task?.lift?.index ?? -1, error === DYING ? undefined : error));
  }

  /** The instance has trapped: what waits is told. @param task the one that trapped, where that is known */
  protected abstract fail(task: Task | undefined, fault: Error): void;
}
