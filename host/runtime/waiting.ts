/**
 * Calls that may be suspended, by JavaScript Promise Integration: what the text of `bindings/waiting.ts` calls, one object an
 * instance. One call runs or waits at a time, as the canonical ABI wants it; the others wait in the order they were made.
 *
 * Owns the stacks that are suspended. The engine never collects one: it goes when what it waits for is rejected, with the error
 * of a real trap, which no guest can catch.
 */
import { ENTERED, IDLE, TRAPPED } from "../abi/entered.ts";
import type { ComponentState } from "../abi/component-state.ts";
import { TenonError, UnsupportedError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { MeteredLimits } from "../abi/quota.ts";
import type { Meter, Metering } from "./metering.ts";
import { kept } from "./copies.ts";
import {
  addStack,
  type Between,
  type BetweenGuests,
  makeBetween,
  removeStack,
  stacksAreFull,
  tooManyStacks,
  trapError,
} from "./stacks.ts";
import type { ValueType } from "../model/types.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { Recipe } from "./engine.ts";
import type { WaitingText } from "../bindings/names.ts";
import { waitingText } from "../bindings/waiting.ts";

/** How many calls may wait for an instance where nothing else is said. */
const QUEUE = 10_000;

/** Keeps the module of {@link Waiter.turns}. */
const turning: { module?: WebAssembly.Module } = {};

/** What an instance whose calls may wait is asked for. */
export interface Waited {
  waiter?: Waiter;
  readonly name: string;
  readonly root: ComponentState;
  meter: Meter | undefined;
  readonly components: readonly ComponentState[];
  stop(error: unknown): unknown;
  fault(lift: number, error?: unknown): Error;
  refuse(lift: number): Error;
  exportName(lift: number): string;
  threw(func: number, error: unknown): unknown;
  error(payload: unknown): Error;
}

/** What is the same for all instances of a component. */
export interface WaitingCode {
  /** The types of the parameters of the lifted functions. */
  readonly params: readonly (readonly ValueType[])[];
  readonly importName: (func: number) => string;
  readonly queue: number;
  readonly limiting: Limiting;
  readonly macrotask: Platform["macrotask"];
  /** The functions between the guest and the host, compiled. */
  module?: WebAssembly.Module;
}

type Equip = (instance: Metering & Waited, limits: MeteredLimits) => void;

/** What the compiler needs to make a component whose calls may wait. */
export interface WaitingTools {
  readonly text: (tools: object) => WaitingText;
  /** Gives an instance of a plan what its text calls. @param meter limits it, and asks whether calls may wait */
  equipment(plan: KeptPlan, meter: Equip | undefined): Equip;
}

/** @param limiting where the limits of the call that is being made are */
export function waitingTools(
  limiting: Limiting,
  { macrotask }: Pick<Platform, "macrotask">,
  { queue = QUEUE }: Recipe,
): WaitingTools {
  return {
    text: waitingText,
    equipment({ lifts, hostFuncs }, meter) {
      const code: WaitingCode = {
        params: lifts.map(({ type }) => type.params.map((param) => param.type)),
        importName: (func) => hostFuncs[func]!.path.join("#"),
        queue,
        limiting,
        macrotask,
      };
      return (instance, limits) => {
        instance.waiter = new Waiter(instance, code);
        meter?.(instance, limits);
      };
    },
  };
}

export type Limiting = typeof import("./call-limits.ts");

/** A call that waits for the instance to be free. */
interface Queued {
  readonly lift: number;
  run(): unknown;
  reject(error: Error): void;
}

/** A stack that is suspended. */
interface Suspended {
  /** Goes on with what was waited for. */
  readonly resume: (raw: unknown, thrown: boolean, ...rest: unknown[]) => unknown;
  readonly rest: readonly unknown[];
  /** Settles when the wait is over. */
  readonly over: Promise<void>;
  raw: unknown;
  thrown: boolean;
  /** It is one of those that are counted. */
  counted: boolean;
  readonly wake: () => void;
  readonly unwind: (error: unknown) => void;
}

const waiters = new WeakMap<object, Waiter>();

/** What knows of the calls of an instance, by what it exports. */
export function waiterOf(exports: object): Waiter | undefined {
  return waiters.get(exports);
}

export class Waiter {
  /** A function of the host's is on the stack now: a call that is made meanwhile comes from it. */
  importing = false;
  /** Borrows of the call under way. */
  scope: unknown;
  /** What calls between guests keep while the callee runs, the innermost last. */
  frames: unknown[] = [];
  /** Why the guest cannot be suspended now; `undefined` while it can. */
  barred: string | undefined = "it is being started";
  private readonly instance: Waited;
  private readonly code: WaitingCode;
  private readonly queue: Queued[] = [];
  private lift = -1;
  /** The guest has been entered, and has not returned. */
  private running = false;
  private failure: { readonly payload: unknown } | undefined;
  private suspended: Suspended | undefined;
  private blocked: WebAssembly.Global | undefined;
  /** What the call under way ends with, where it was ended while it waited. */
  private ending: Error | undefined;

  constructor(instance: Waited, code: WaitingCode) {
    this.instance = instance;
    this.code = code;
  }

  /** Makes the functions between the guests and the host. @param slots of the guests' own functions */
  functions(
    inward: readonly Between[],
    outward: readonly Between[],
    through: readonly BetweenGuests[],
    slots: number,
  ): Record<string, unknown> {
    const { functions, blocked } = makeBetween(this.code, { inward, outward, through, slots }, this);
    this.blocked = blocked;
    return functions;
  }

  /** A function of the host's that waits for nothing, as one of WebAssembly. */
  wrapped(params: string, result: string, func: Between[3]): unknown {
    return makeBetween({}, { inward: [["wrapped", params, result, func]] }, this).functions["wrapped"];
  }

  /**
   * A function for guests to call that may have them wait for a turn of the event loop.
   * @param tick gives what it returns, or `undefined` for a wait
   * @param over gives what it returns after that
   */
  turns(tick: () => number | undefined, over: () => number): Function {
    const turn = (): number => {
      const answer = tick();
      if (answer !== undefined) return answer;
      // Not where JavaScript stands between: the guest's `realloc`, `post-return` and destructors run on top of it.
      if (this.barred !== undefined || !this.instance.components.every(({ mayLeave }) => mayLeave)) return over();
      this.suspend(over, [], blocked);
      const { suspended } = this;
      void this.code.macrotask().then(() => suspended!.wake());
      return 0;
    };
    const { functions, blocked } = makeBetween(turning, { inward: [["turn", "", "i", turn]] }, this);
    return functions["turn"] as Function;
  }

  /** The instance has started. */
  serves(exports: object): void {
    waiters.set(exports, this);
    this.barred = "no call of it is under way";
  }

  /** Whether no more stacks may be suspended. */
  get full(): boolean {
    return stacksAreFull();
  }

  /** The call under way has trapped, which its caller is about to be told. */
  get faulty(): boolean {
    return this.running && this.instance.root.entered === TRAPPED;
  }

  /** Calls under way and waiting. */
  get depth(): number {
    return (this.instance.root.entered === ENTERED ? 1 : 0) + this.queue.length;
  }

  /** What comes before a call of the guest's own functions. */
  enter(lift: number): void {
    this.lift = lift;
    this.running = true;
    this.failure = undefined;
    this.barred = undefined;
  }

  /** JavaScript stands on the stack from here on. @returns what to set `barred` to afterwards */
  bar(why: string): string | undefined {
    const { barred } = this;
    this.barred ??= why;
    return barred;
  }

  /** The guest has returned. @returns what its caller gets */
  done(value?: unknown, failed?: boolean): unknown {
    this.running = false;
    if (failed !== true) return value;
    this.failure = { payload: value };
    return undefined;
  }

  /** The call has begun: it has ended, or waits, or has trapped. */
  begun(promise: Promise<unknown>): Promise<unknown> {
    this.barred = "no call of it is under way";
    if (this.running) {
      const { instance } = this;
      // The guest has gone already, and the promise tells it a turn later.
      if (this.faulty && this.suspended === undefined) this.ending = instance.fault(this.lift);
      return promise.then(this.finished, this.trapped);
    }
    const { failure } = this;
    this.free();
    return failure === undefined ? promise : Promise.reject(this.instance.error(failure.payload));
  }

  reject(error: Error): Promise<never> {
    return Promise.reject(error);
  }

  /** A call that ended before the guest could be entered, or with it. */
  failed(lift: number, error: unknown): Promise<never> {
    this.lift = lift;
    return Promise.reject(this.fault(error));
  }

  /** A call that cannot begin now. */
  later(lift: number, func: (...args: unknown[]) => unknown, args: readonly unknown[]): Promise<unknown> {
    const { instance, queue, code } = this;
    if ((instance.root.entered > ENTERED && !this.faulty) || this.importing)
      return Promise.reject(instance.refuse(lift));
    if (instance.root.entered === IDLE) return Promise.reject(tooManyStacks(instance.name));
    if (queue.length >= code.queue) {
      const words = `Cannot call "${instance.name}": ${code.queue} calls wait already for the one under way`;
      return Promise.reject(new TenonError("queue-full", words));
    }
    const types = code.params[lift]!;
    // What the program passed is still its own, and it may write to it while the call waits.
    const copies = args.map((arg, i) => kept(types[i]!, arg));
    const { limitedBy, takeCallLimits, Turn } = code.limiting;
    const limits = takeCallLimits();
    return new Promise((resolve, reject) => {
      const turn = new Turn({
        name: instance.name,
        path: instance.exportName(lift),
        limits,
        timeoutMs: instance.meter?.limits.timeoutMs,
        refuse: (error) => {
          const at = queue.indexOf(call);
          if (at >= 0) queue.splice(at, 1);
          reject(error);
        },
      });
      const call: Queued = {
        lift,
        reject: (error) => {
          turn.end();
          reject(error);
        },
        run: () => {
          turn.begin();
          const made = limitedBy(limits, () => func(...copies)) as Promise<unknown>;
          made.then((value) => {
            turn.end();
            resolve(value);
          }, call.reject);
        },
      };
      queue.push(call);
    });
  }

  /** A destructor that the host runs, when the instance is free. */
  after(drop: (rep: number) => void, rep: number): void {
    this.queue.push({ lift: -1, run: () => drop(rep), reject: () => undefined });
  }

  /**
   * Has the guest wait for a promise that a function of the host's returned.
   * @returns whether it is one
   */
  block(func: number, value: object, resume: Suspended["resume"], ...rest: unknown[]): boolean {
    const promise = this.promised(func, value);
    if (promise === undefined) return false;
    if (this.barred !== undefined) {
      promise.catch(() => undefined);
      const words = `The import ${this.code.importName(func)} of "${this.instance.name}" returned a promise, and the guest cannot be suspended where ${this.barred}: only frames of WebAssembly can`;
      throw this.instance.threw(func, new UnsupportedError("jspi", words));
    }
    const suspended = this.suspend(resume, rest, this.blocked!);
    const wake = (raw: unknown, thrown: boolean): void => {
      suspended.raw = raw;
      suspended.thrown = thrown;
      suspended.wake();
    };
    promise.then(
      (raw) => wake(raw, false),
      (error: unknown) => wake(error, true),
    );
    return true;
  }

  private promised(func: number, value: object): Promise<unknown> | undefined {
    try {
      return typeof (value as { then?: unknown }).then === "function" ? Promise.resolve(value) : undefined;
    } catch (error) {
      throw this.instance.threw(func, error);
    }
  }

  private suspend(resume: Suspended["resume"], rest: readonly unknown[], blocked: WebAssembly.Global): Suspended {
    let wake!: () => void;
    let unwind!: (error: unknown) => void;
    const over = new Promise<void>((resolve, reject) => {
      wake = resolve;
      unwind = reject;
    });
    const suspended: Suspended = { resume, rest, over, raw: undefined, thrown: false, counted: false, wake, unwind };
    this.suspended = suspended;
    blocked.value = 1;
    return suspended;
  }

  /** What the engine suspends the guest for. */
  readonly wait = (): Promise<void> => {
    const suspended = this.suspended!;
    suspended.counted = true;
    addStack();
    this.instance.meter?.suspended((trap) => this.end(trap));
    return suspended.over;
  };

  /** The wait is over. */
  readonly resumed = (): unknown => {
    const { suspended, instance } = this;
    // It may have been ended when the wait was over and it had not gone on yet.
    if (suspended === undefined || instance.root.entered !== ENTERED) throw trapError();
    this.forget();
    this.barred = undefined;
    instance.meter?.resumed();
    return suspended.resume(suspended.raw, suspended.thrown, ...suspended.rest);
  };

  /**
   * Ends the call that waits: its stack is unwound.
   * @param trap of a limit that was passed; else the instance has ended
   */
  end(trap?: unknown): void {
    const { suspended, instance } = this;
    if (trap !== undefined && suspended !== undefined) {
      if (instance.root.entered < TRAPPED) instance.root.entered = TRAPPED;
      instance.stop(trap);
      this.ending = instance.fault(this.lift, trap);
    }
    this.forget();
    // It leads to the core instances, and what is waited for leads to this.
    this.blocked = undefined;
    this.frames = [];
    suspended?.unwind(trapError());
    this.refuseAll();
  }

  private forget(): void {
    if (this.suspended?.counted === true) removeStack();
    this.suspended = undefined;
  }

  private readonly finished = (value: unknown): unknown => {
    if (this.instance.root.entered !== ENTERED) throw this.fault(undefined);
    const { failure } = this;
    this.free();
    if (failure !== undefined) throw this.instance.error(failure.payload);
    return value;
  };

  private readonly trapped = (error: unknown): never => {
    throw this.fault(error);
  };

  private fault(error: unknown): Error {
    const { instance } = this;
    this.running = false;
    this.barred = "no call of it is under way";
    if (instance.root.entered < TRAPPED) instance.root.entered = TRAPPED;
    const fault = this.ending ?? instance.fault(this.lift, error);
    this.refuseAll();
    return fault;
  }

  /** The call has ended: the next may begin. */
  private free(): void {
    const { root } = this.instance;
    root.entered = IDLE;
    this.failure = undefined;
    this.scope = undefined;
    while (root.entered === IDLE && this.queue.length > 0) {
      try {
        this.queue.shift()!.run();
      } catch {
        // Only a destructor throws, and the instance has told of it.
      }
    }
  }

  private refuseAll(): void {
    for (const call of this.queue.splice(0)) call.reject(this.instance.refuse(call.lift));
  }
}
