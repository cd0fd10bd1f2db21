/**
 * What the text of asynchronous components calls, named `tk` there: calls from the host and to it, calls between guests, and the
 * built-ins of tasks. Follows design/mvp/CanonicalABI.md, `canon lift`, `canon lower` and the built-ins.
 */
import { LimitError } from "../../errors.ts";
import type { CallOptions } from "../../model/async-values.ts";
import type { ComponentState } from "../component-state.ts";
import { ENTERED, IDLE } from "../entered.ts";
import type { Lends } from "../handle-table.ts";
import type { Memory } from "../memory.ts";
import { LimitTrap } from "../quota.ts";
import { AbiTrap } from "../trap.ts";
import { BOXED, type Boxing, callOf, HostCall } from "./host-call.ts";
import { Awaited, ImportCall, type InPlace, NOW } from "./import-call.ts";
import type { Instance, Machine } from "./machine.ts";
import {
  type Frame,
  type GuestSite,
  type HostSite,
  type LiftedFunction,
  Subtask,
  SubtaskState,
  Task,
  TaskInstance,
  TaskState,
  type Thread,
  Wait,
} from "./task.ts";
import { Threads } from "./threads.ts";
import { type Underway, underwayOf } from "./underway.ts";
import {
  type Entry,
  entryAt,
  Event,
  type EventTuple,
  isWaitable,
  SET,
  SUBTASK,
  type Waitable,
  WaitableSet,
} from "./waitable.ts";

const SIGNAL = { limit: "signal", allowed: 0, used: 0 } as const;

/** An operation could not be done at once. */
const BLOCKED = -1;

/** What else is asked of the instance where the host calls it. */
export interface CalledInstance extends Instance {
  refuse(lift: number): Error;
  error(payload: unknown): Error;
  unlowered(lift: number, error: unknown, state?: ComponentState): Error;
  threw(func: number, error: unknown): unknown;
  exportName(lift: number): string;
  beginCheck(): number;
  endCheck(before: number): void;
}

export interface CallingMachine extends Machine {
  /** Copies of arguments that a call takes later. */
  kept(lift: number, args: readonly unknown[]): readonly unknown[];
  importName(func: number): string;
  /** Why a call ended before its time. @param lift `undefined` for one of the host */
  givenUp(lift: number | undefined): Error;
}

export class Tasks extends Threads {
  /** Calls of the host's that have not ended. */
  readonly calls: Set<HostCall> = new Set();
  /** Calls of the host that have not ended, and of which somebody wants to hear. */
  private readonly imports = new Set<ImportCall>();
  /** Promises of the host's that guests wait for. */
  private readonly awaited = new Set<Awaited>();
  private readonly components: TaskInstance[] = [];
  declare protected readonly instance: CalledInstance;
  declare protected readonly machine: CallingMachine;
  readonly kept: CallingMachine["kept"];

  constructor(instance: CalledInstance, machine: CallingMachine) {
    super(instance, machine);
    this.kept = machine.kept;
  }

  component(state: ComponentState, chain: readonly ComponentState[]): TaskInstance {
    const made = new TaskInstance(state, chain);
    this.components.push(made);
    return made;
  }

  lift(
    index: number,
    instance: TaskInstance,
    start: LiftedFunction["start"],
    callback: LiftedFunction["callback"],
    traits: Pick<LiftedFunction, "exclusive" | "synchronous" | "suspended" | "changing" | "returns" | "memory">,
  ): LiftedFunction {
    const suspended = traits.suspended && this.machine.stacks !== undefined;
    return { index, instance, start, callback, ...traits, suspended };
  }

  error(payload: unknown): Error {
    return this.instance.error(payload);
  }

  // Calls from the host.

  refused(lift: number): Promise<never> {
    return Promise.reject(this.instance.refuse(lift));
  }

  callFromHost(lift: LiftedFunction, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    if (this.ended) return Promise.reject(this.machine.givenUp(lift.index));
    const account = this.instance.meter?.open();
    const call = new HostCall(this, lift, args, account);
    call.boxed = (options as Boxing | undefined)?.[BOXED] === true;
    if (options?.signal !== undefined) call.listen(options.signal);
    if (account?.signal !== undefined) call.listen(account.signal);
    if (call.settled) return call.promise();
    if (this.idle) {
      this.invoke(call);
    } else {
      call.waits();
      this.whenIdle(() => this.invoke(call));
    }
    const promise = call.promise();
    if (account !== undefined && !call.settled) {
      const { instance } = this;
      account.watch(instance.name, instance.exportName(lift.index), (error) => call.giveUp(error));
    }
    return promise;
  }

  /** The guest of a call has taken more than it may, which ends the instance when it returns. */
  isSpent(): boolean {
    return this.instance.meter?.isSpent() === true;
  }

  private invoke(call: HostCall): void {
    if (call.settled) return;
    const refusal = call.lift.suspended ? this.machine.stacks?.refusal() : undefined;
    if (refusal !== undefined) call.reject(refusal);
    else if (this.outermost(call, call.instance.chain, this.startTask, call)) this.schedule();
  }

  abort(call: HostCall, reason: unknown): void {
    if (call.lift.synchronous !== true || call.state === TaskState.INITIAL) {
      this.whenIdle(() => this.requestCancellation(call, undefined));
      return;
    }
    // It cannot be cancelled, and holds up all others until it returns: its instance ends with it.
    const end = (): void => {
      const { limit, allowed, used } = reason instanceof LimitError ? reason : SIGNAL;
      if (call.state !== TaskState.RESOLVED) this.crash(call, new LimitTrap(limit, allowed, used));
    };
    if (this.current === undefined) end();
    else this.whenIdle(end);
  }

  // Calls between guests.

  /** `canon lower` with `async`: what the callee does not end at once is a subtask. */
  call(site: GuestSite, flat: readonly (number | bigint)[]): number {
    const subtask = this.started(site, flat, true);
    if (subtask.resolved) {
      subtask.deliverResolve();
      return SubtaskState.RETURNED;
    }
    return this.shown(subtask, site.caller);
  }

  callAndWait(site: GuestSite, flat: readonly (number | bigint)[]): number | bigint | undefined {
    const subtask = this.started(site, flat, false);
    if (subtask.resolved) {
      subtask.deliverResolve();
      return subtask.result;
    }
    return this.blockOn(subtask, "the function that it called", () => subtask.result);
  }

  private started(site: GuestSite, flat: readonly (number | bigint)[], goesOn: boolean): Subtask {
    const { entering, lift } = site;
    for (const state of entering) if (state.entered !== IDLE) throw this.instance.enter();
    const subtask = new Subtask(this, this.current?.task, site, flat);
    const task = (subtask.task = new Task(lift.instance, subtask, lift));
    task.account = this.current?.task.account;
    for (const state of entering) state.entered = ENTERED;
    if (goesOn) this.goingOn++;
    this.startTask(task);
    if (goesOn) this.goingOn--;
    for (const state of entering) state.entered = IDLE;
    return subtask;
  }

  private shown(subtask: Subtask, caller: TaskInstance): number {
    subtask.index = caller.state.handles.insert(subtask);
    subtask.visible = true;
    return subtask.state | (subtask.index << 4);
  }

  // Calls of the host.

  importCall(): ImportCall {
    return new ImportCall(this.imports);
  }

  isPending(value: unknown): value is PromiseLike<unknown> {
    try {
      return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
    } catch {
      // What throws when it is looked at is no promise, and no result either.
      return false;
    }
  }

  /** An asynchronous call of the host's own function, which gave a promise. */
  pending(
    site: HostSite,
    call: ImportCall,
    raw: PromiseLike<unknown>,
    lends: Lends | undefined,
    pointer: number,
  ): number {
    const subtask = new Subtask(this, this.current?.task);
    subtask.state = SubtaskState.STARTED;
    subtask.lenders = lends;
    subtask.hostCall = call;
    this.expect(site, call, raw, (value, thrown) => {
      this.whenIdle(() => {
        if (subtask.resolved || this.ended) return;
        const lower = (): unknown => site.result(value, thrown, pointer);
        if (!this.outermost(subtask.parent, site.caller.chain, lower, undefined)) return;
        subtask.end(SubtaskState.RETURNED);
        this.drain();
      });
    });
    return this.shown(subtask, site.caller);
  }

  /** A synchronous call of the host's own function, which gave a promise. */
  await(
    site: HostSite,
    call: ImportCall,
    raw: PromiseLike<unknown>,
    lends: Lends | undefined,
    pointer: number,
  ): number | bigint | undefined {
    const thread = this.current!;
    let outcome: { readonly value: unknown; readonly thrown: boolean } | undefined;
    if (!thread.stack && (raw as InPlace)[NOW] !== undefined) {
      const { meter } = this.instance;
      meter?.finish();
      outcome = (raw as InPlace)[NOW]!();
      meter?.begin(thread.task.account);
      call.end();
      lends?.end();
      return site.result(outcome.value, outcome.thrown, pointer);
    }
    this.expect(site, call, raw, (value, thrown) => {
      outcome = { value, thrown };
      thread.released = true;
      this.wake(thread);
      this.drain();
    });
    return this.block(Wait.HOST, false, `the import ${this.machine.importName(site.func)}`, () => {
      lends?.end();
      return site.result(outcome!.value, outcome!.thrown, pointer);
    });
  }

  private expect(
    { func }: HostSite,
    call: ImportCall,
    raw: PromiseLike<unknown>,
    settled: (value: unknown, thrown: boolean) => void,
  ): void {
    this.hostPending++;
    const awaited = new Awaited(func, this.current?.task, (value, thrown) => {
      this.hostPending--;
      this.awaited.delete(awaited);
      call.end();
      settled(value, thrown);
    });
    this.awaited.add(awaited);
    watch(raw, awaited);
  }

  // Tasks.

  /**
   * What comes before the result of a task is lifted.
   * @param key of the type and the encoding of this `task.return`
   * @param memory its memory, where it has one
   */
  returning(key: string, memory?: string): void {
    const { task } = this.current!;
    const { lift } = task;
    if (lift === undefined || lift.returns !== key || (memory !== undefined && lift.memory !== memory)) {
      throw new AbiTrap(
        "invalid-task-return",
        "Called task.return with another type or other options than those of the function, or in one that returns its result",
      );
    }
    if (task.state === TaskState.RESOLVED) throw new AbiTrap("invalid-task-return", "A task returned twice");
  }

  taskCancel(): void {
    const { task } = this.current!;
    if (task.lift === undefined || task.lift.returns === "") {
      throw new AbiTrap("invalid-task-return", "Called task.cancel in a function that returns its result");
    }
    task.cancel();
  }

  /** `request_cancellation` @param caller `undefined` for the host */
  private requestCancellation(task: Task, caller: TaskInstance | undefined): void {
    const { instance, lift } = task;
    const thread = task.implicit;
    if (task.state === TaskState.INITIAL && thread?.wait === Wait.ENTRY) {
      task.state = TaskState.CANCEL_DELIVERED;
      thread.cancelled = true;
      const at = instance.parked.indexOf(thread);
      // One that may be let in is in the queue already.
      if (at >= 0) instance.parked.splice(at, 1);
      this.resume(thread);
      return;
    }
    if (task.state !== TaskState.STARTED) return;
    const busy = lift!.exclusive && instance.exclusive !== undefined && instance.exclusive !== thread;
    const entering = instance.chain.filter((state) => caller === undefined || !caller.chain.includes(state));
    const enterable = entering.every(({ entered }) => entered === IDLE);
    if (thread !== undefined && thread.inLoop && !busy && enterable) {
      task.state = TaskState.CANCEL_DELIVERED;
      thread.cancelled = true;
      if (caller === undefined) {
        this.wake(thread);
        this.drain();
        return;
      }
      for (const state of entering) state.entered = ENTERED;
      this.resume(thread);
      for (const state of entering) state.entered = IDLE;
      return;
    }
    // A frame that is suspended cannot go on within this call: it does when the caller has ended its turn.
    const sleeper = busy
      ? undefined
      : [thread, ...(task.others ?? [])].find((other) => other?.cancellable && !other.inLoop);
    if (sleeper === undefined || (caller !== undefined && !enterable)) {
      task.state = TaskState.PENDING_CANCEL;
      return;
    }
    task.state = TaskState.CANCEL_DELIVERED;
    sleeper.cancelled = true;
    this.wake(sleeper);
    this.schedule();
  }

  // Built-ins.

  backpressureInc(instance: TaskInstance): void {
    if (++instance.backpressure > 0xffff) throw new AbiTrap("backpressure-overflow", "Too many backpressure.inc");
  }

  backpressureDec(instance: TaskInstance): void {
    if (--instance.backpressure < 0) throw new AbiTrap("backpressure-overflow", "More backpressure.dec than .inc");
    if (instance.backpressure === 0) this.unpark(instance);
  }

  waitableSetNew({ state }: TaskInstance): number {
    return insert(state, new WaitableSet());
  }

  waitableSetWait(
    { state }: TaskInstance,
    cancellable: boolean,
    memory: Memory,
    index: number,
    pointer: number,
  ): number | bigint | undefined {
    const set = entryAt<WaitableSet>(state.handles, index, SET);
    const thread = this.current!;
    const finish = (event: EventTuple): number => this.tell(event, memory, pointer);
    if (!set.hasEvent()) {
      thread.on = set;
      set.waiting.push(thread);
      return this.block(Wait.SET, cancellable, "an event of a waitable set", finish);
    }
    this.takeEvent(thread, cancellable, set);
    return finish(this.event);
  }

  /** An event of a set, which has one, or that of a cancellation. */
  private takeEvent({ task }: Thread, cancellable: boolean, set: WaitableSet): void {
    const { event } = this;
    event.code = event.index = event.payload = 0;
    if (task.deliversCancel(cancellable)) event.code = Event.TASK_CANCELLED;
    else if (set.hasEvent()) set.take(event);
  }

  waitableSetPoll(
    { state }: TaskInstance,
    cancellable: boolean,
    memory: Memory,
    index: number,
    pointer: number,
  ): number {
    const set = entryAt<WaitableSet>(state.handles, index, SET);
    this.takeEvent(this.current!, cancellable, set);
    return this.tell(this.event, memory, pointer);
  }

  /** `unpack_event` */
  private tell(event: EventTuple, memory: Memory, pointer: number): number {
    memory.sync();
    const at = memory.check(pointer, 8, 4);
    memory.view.setInt32(at, event.index, true);
    memory.view.setInt32(at + 4, event.payload, true);
    return event.code;
  }

  waitableSetDrop({ state }: TaskInstance, index: number): void {
    const set = entryAt<WaitableSet>(state.handles, index, SET);
    set.leave();
    state.handles.remove(index >>> 0);
  }

  waitableJoin({ state }: TaskInstance, index: number, set: number): void {
    const waitable = state.handles.at(index);
    if (!isWaitable(waitable)) {
      throw new AbiTrap("invalid-handle", `Handle index ${index >>> 0} used with the wrong type`);
    }
    waitable.join(set === 0 ? undefined : entryAt<WaitableSet>(state.handles, set, SET));
  }

  subtaskCancel(caller: TaskInstance, async: boolean, index: number): number | bigint | undefined {
    const subtask = entryAt<Subtask>(caller.state.handles, index, SUBTASK);
    if (subtask.delivered || subtask.cancelRequested) {
      throw new AbiTrap("subtask-not-resolved", "Cannot cancel a subtask twice, or after its end");
    }
    if (subtask.set !== undefined && !async) throw usedSynchronously();
    if (!subtask.resolved) {
      subtask.cancelRequested = true;
      if (subtask.task === undefined) {
        subtask.hostCall?.abort();
        subtask.end(SubtaskState.CANCELLED_BEFORE_RETURNED);
      } else this.requestCancellation(subtask.task, caller);
      if (!subtask.resolved) {
        if (async) return BLOCKED;
        return this.blockOn(subtask, "the end of a cancelled call", () => subtask.state);
      }
    }
    subtask.take(this.event);
    return subtask.state;
  }

  /** Has the thread that runs wait for the event of one waitable. */
  protected blockOn(waitable: Waitable, what: string, finish: Frame["finish"]): number | bigint | undefined {
    const thread = this.current!;
    thread.on = waitable;
    waitable.waiter = thread;
    return this.block(Wait.EVENT, false, what, finish);
  }

  subtaskDrop({ state }: TaskInstance, index: number): void {
    entryAt<Subtask>(state.handles, index, SUBTASK).leave();
    state.handles.remove(index >>> 0);
  }

  // Ends.

  /** For a call whose arguments had changed when they were to be lowered: the guest was not called. */
  protected override takeBack(call: Task, error: unknown): boolean {
    if (!(call instanceof HostCall) || call.lowered || error === this.instance.quota.trap) return false;
    const { instance, implicit } = call;
    if (!instance.state.mayLeave || this.instance.root.entered !== ENTERED) return false;
    instance.remove(implicit!);
    if (instance.exclusive === implicit) {
      instance.exclusive = undefined;
      this.unpark(instance);
    }
    const { handles } = instance.state;
    call.reject(this.instance.unlowered(call.lift.index, error, handles.added && instance.state));
    return true;
  }

  /** Calls under way, and what they wait for. */
  get underway(): readonly Underway[] {
    const { awaited, calls, components, instance, machine, current } = this;
    if (this.ended) return [];
    const names = { ofExport: (lift: number) => instance.exportName(lift), ofImport: machine.importName };
    return underwayOf({ awaited, calls, components, names, runs: current?.task, name: instance.name });
  }

  protected fail(task: Task | undefined, fault: Error): void {
    callOf(task)?.reject(fault);
    this.dispose();
  }

  /** Has an instance trap whose calls can never end, where nothing but the instance could end them. */
  trapIfStuck(): void {
    if (this.calls.size === 0 || this.runnable || this.hostPending > 0 || this.hasHostEnds || !this.idle) return;
    const [call] = this.calls;
    this.crash(call, new AbiTrap("deadlock", "Every task of the instance waits for another"));
  }

  /** The instance has ended: calls are told, and what holds it is let go. */
  dispose(): void {
    if (this.ended) return;
    this.ended = true;
    for (const call of [...this.calls]) call.reject(this.machine.givenUp(call.lift.index));
    for (const call of this.imports) call.abort(this.machine.givenUp(undefined));
    for (const awaited of this.awaited) awaited.letGo();
    this.awaited.clear();
    this.unwind();
  }

  /** Lets go of suspended frames. */
  protected unwind(): void {
    this.asleep.clear();
  }
}

/** Not where the tasks are in scope: a promise that never settles holds what is said here. */
function watch(raw: PromiseLike<unknown>, awaited: Awaited): void {
  Promise.resolve(raw).then(
    (value) => awaited.settled?.(value, false),
    (error: unknown) => awaited.settled?.(error, true),
  );
}

function insert({ handles }: ComponentState, entry: Entry): number {
  return (entry.index = handles.insert(entry));
}

function usedSynchronously(): AbiTrap {
  return new AbiTrap("waitable-in-set", "A waitable cannot be used synchronously while it is in a waitable set");
}
