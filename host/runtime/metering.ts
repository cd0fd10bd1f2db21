/**
 * Limits of the guest's own code: the clock, the steps, the memories and tables of an instance.
 *
 * Owns what the hooks of metered core modules (`instrument/meter.ts`) ask, and when the clock runs. Loaded with the first
 * component that has such a limit. Nothing here is thrown into a guest, which could catch it: a hook answers, and the module
 * ends itself.
 */
import { LimitTrap, type MeteredLimits, type Quota } from "../abi/quota.ts";
import { ENTERED, TRAPPED } from "../abi/entered.ts";
import type { ComponentState } from "../abi/component-state.ts";
import { LimitError, UnsupportedError, UsageError, type LimitName } from "../errors.ts";
import { type Metered, meterModule, type MeterOptions, UnknownInstruction } from "../instrument/meter.ts";
import type { Shifts } from "../instrument/shifts.ts";
import { HOOKS } from "../instrument/meter-helpers.ts";
import type { CallLimits, EngineInstance, Usage } from "./engine.ts";
import { type Allowance, CallAccount, tightened } from "./account.ts";
import { isAborted, isAsyncAt, limitedBy, limitedExports, takeCallLimits } from "./call-limits.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { meteringOf } from "./limits.ts";
import { timeLeft } from "./time-left.ts";

const PAGE_BYTES = 65_536;
/** Steps between two looks at the clock: changed so that they are some tenths of a millisecond apart. */
const FIRST_QUANTUM = 100_000;
const LEAST_QUANTUM = 10_000;
const MOST_QUANTUM = 2 ** 24;
/** What is granted of the stack at once, and what a guest without a limit may take: more than any engine has. */
const STACK_PIECE_BYTES = 4096;
const MOST_STACK_BYTES = 2 ** 30;
const SHORT_MS = 0.2;
const LONG_MS = 0.8;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What was added to the core modules that have been compiled. */
type Additions = Omit<Metered, "bytes" | "exports">;
const added = new WeakMap<WebAssembly.Module, Additions>();

/** A core module rewritten for limits; the names of what was added are known once it is compiled ({@link noteMetered}). */
export function meterCore(module: Uint8Array<ArrayBuffer>, options: MeterOptions): Metered | UnknownInstruction {
  try {
    return meterModule(module, options);
  } catch (error) {
    if (error instanceof UnknownInstruction) return error;
    throw error;
  }
}

/** Where the code of a core module stands in what {@link meterCore} made of it. */
export function meteringShifts(module: Uint8Array<ArrayBuffer>, options: MeterOptions): Shifts {
  return meterModule(module, { ...options, traced: true }).shifts ?? [];
}

/** Why a core module cannot be kept within limits. */
export function unmeterable({ message, offset }: UnknownInstruction, start: number): UnsupportedError {
  return new UnsupportedError(
    "limits",
    `Limits of time, steps, stack and memory cannot be kept for a core module with ${message} (at byte ${start + offset})`,
  );
}

export function noteMetered(compiled: WebAssembly.Module, metered: Metered): void {
  const { counter, hooks, stack, start, tableElements, memoryBytes, shifts } = metered;
  // Without the bytes, which the engine has.
  added.set(compiled, { counter, hooks, stack, start, tableElements, memoryBytes, shifts });
}

/** For core modules that were rewritten when they were bound. @param additions what was added to each */
export function meterBound(
  modules: readonly (WebAssembly.Module | undefined)[],
  additions: readonly (object | null)[],
): MakeMeter {
  for (const [i, module] of modules.entries()) {
    const metered = additions[i];
    if (module !== undefined && metered != null) added.set(module, metered as Additions);
  }
  return meters(additions.every((metered) => metered === null || "stack" in metered));
}

type MakeMeter = (instance: Metering, limits: MeteredLimits) => void;

/**
 * Makes the meters of a component's instances.
 * @param stack whether its core modules measure their stack
 */
export function meters(stack: boolean): MakeMeter {
  return (instance, limits) => {
    if (limits.stackBytes !== undefined && !stack) {
      throw new UsageError(
        `To set limits.stackBytes for an instance of ${instance.name}, compile the component with one, or bind it with --stack`,
      );
    }
    instance.meter = new Meter(instance, limits);
  };
}

/** What a meter needs of the instance whose calls it limits. */
export interface Metering {
  readonly name: string;
  meter: Meter | undefined;
  readonly root: ComponentState;
  readonly quota: Quota;
  readonly plan: Pick<KeptPlan, "exportDecls">;
  /** Where calls may wait. */
  readonly waiter?: { turns(tick: () => number | undefined, over: () => number): Function } | undefined;
  /** Keeps the fault that the module is about to end with. */
  stop(error: unknown): unknown;
}

/** The meter whose guest runs now, and those whose guests wait for it. */
let active: Meter | undefined;

/** The meter of one instance, all its core modules together. */
export class Meter {
  private readonly instance: Metering;
  readonly limits: MeteredLimits;
  private readonly own: Allowance;
  private readonly counters: WebAssembly.Global[] = [];
  private readonly stacks: Stack[] = [];
  private readonly memories = new Set<WebAssembly.Memory>();
  private peakMemoryBytes = 0;
  private tableElements = 0;
  private readonly measuresCpu: boolean;

  /** Steps given out to the counters, since the beginning. */
  private granted = 0;
  private quantum = FIRST_QUANTUM;
  private lastLookMs = 0;
  private cpuMsBefore = 0;

  // The call under way.
  private allowance: Allowance;
  /** What it has taken before, where it runs more than once. */
  private account: CallAccount | undefined;
  private outer: Meter | undefined;
  private running = false;
  /** When the clock began for the call; below zero until it is looked at for the first time. */
  private startedMs = -1;
  /** When the guest's own code was last entered. */
  private enteredMs = 0;
  private cpuMs = 0;
  private grantedBefore = 0;
  /** When the event loop last had a turn. */
  private turnedMs = 0;
  /** Stops watching over a call that waits. */
  private awake: (() => void) | undefined;

  constructor(instance: Metering, limits: MeteredLimits) {
    const { timeoutMs = Infinity, cpuMs = Infinity, fuel = Infinity, startTimeoutMs = timeoutMs } = limits;
    this.instance = instance;
    this.limits = limits;
    this.own = { timeoutMs, cpuMs, fuel: Math.floor(fuel), signal: undefined };
    this.allowance = { ...this.own, timeoutMs: startTimeoutMs };
    this.measuresCpu = limits.cpuMs !== undefined;
    if (limits.yieldMs !== undefined && instance.waiter === undefined)
      throw new UsageError(
        "limits.yieldMs needs jspi: true: a call that gives the event loop a turn is suspended, and returns a promise; a component with asynchronous functions gives turns by itself, between the times that its guest runs",
      );
    // What the host makes of a guest's values takes the call's time as well.
    if (this.counts) instance.quota.look = () => this.look();
  }

  /**
   * Whether an instance of that core module may be made.
   * @throws {LimitTrap} when it begins with more than is allowed
   */
  admit(module: WebAssembly.Module): void {
    const { memoryBytes = 0, tableElements = 0 } = added.get(module) ?? {};
    const { memoryBytes: most = Infinity, tableElements: mostElements = Infinity } = this.limits;
    if (this.memoryBytes() + memoryBytes > most) throw new LimitTrap("memory", most, this.memoryBytes() + memoryBytes);
    this.tableElements += tableElements;
    if (this.tableElements > mostElements) throw new LimitTrap("table-elements", mostElements, this.tableElements);
  }

  /** Connects a new core instance, and runs its start function. */
  attach(module: WebAssembly.Module, exports: WebAssembly.Exports): void {
    for (const item of Object.values(exports)) if (item instanceof WebAssembly.Memory) this.memories.add(item);
    this.peakMemoryBytes = Math.max(this.peakMemoryBytes, this.memoryBytes());
    const names = added.get(module);
    if (names === undefined) return;
    const counter = exports[names.counter] as WebAssembly.Global;
    const place = this.counters.push(counter) - 1;
    const stack = stackOf(names, exports);
    if (stack !== undefined) this.stacks.push(stack);
    const table = exports[names.hooks] as WebAssembly.Table;
    const hooks = hookFunctions({
      tick: this.ticks(place),
      growMemory: (pages) => this.growMemory(pages),
      growTable: (elements) => this.growTable(elements),
      growStack: () => this.growStack(stack),
    });
    for (const [name, index] of Object.entries(HOOKS)) table.set(index, hooks[name]);
    if (names.start !== undefined) (exports[names.start] as () => void)();
  }

  /** An asynchronous call is made; `undefined` where the guest does not count. */
  open(): CallAccount | undefined {
    const limits = takeCallLimits();
    if (!this.counts) return undefined;
    return new CallAccount(limits === undefined ? this.own : tightened(this.own, limits));
  }

  /**
   * A call begins, or goes on. The clock is looked at when the guest has run for a while, or leaves.
   * @param account of an asynchronous call
   */
  begin(account?: CallAccount): void {
    if (account !== undefined) {
      this.goOn(account);
      return;
    }
    const limits = takeCallLimits();
    if (limits !== undefined) this.allowance = tightened(this.own, limits);
    this.beginStart();
  }

  private goOn(account: CallAccount): void {
    this.account = account;
    this.allowance = account.allowance;
    this.beginStart();
    this.startedMs = account.startedMs();
    this.cpuMs = account.cpuMs;
    this.grantedBefore -= account.fuel;
    // Who goes on for ever must not do so for nothing: short functions count nothing where the host calls them.
    this.granted++;
  }

  /** The start of an instance is a call too, whose allowance is there from the beginning. */
  beginStart(): void {
    this.outer = running(this);
    this.running = true;
    this.startedMs = -1;
    if (this.measuresCpu || this.allowance.cpuMs !== Infinity) {
      this.cpuMs = 0;
      this.enteredMs = performance.now();
    }
    if (this.allowance.fuel === Infinity) return;
    // What calls before this one did not use of what they were given is not this one's.
    this.takeBack(-1);
    this.grantedBefore = this.granted;
  }

  /** The call has ended, however. What it took since it last asked counts as well, and can end it yet. */
  finish(): void {
    if (!this.running) return;
    this.isSpent();
    this.running = false;
    const { account } = this;
    if (account !== undefined && account.allowance.fuel !== Infinity) account.fuel = this.granted - this.grantedBefore;
    if (this.awake === undefined) active = this.outer;
    else this.stopWatching();
    this.outer = undefined;
    if (this.measuresCpu || (account !== undefined && account.allowance.cpuMs !== Infinity)) {
      const cpuMs = this.cpuMs + (performance.now() - this.enteredMs);
      this.cpuMsBefore += cpuMs - (account?.cpuMs ?? 0);
      if (account !== undefined) account.cpuMs = cpuMs;
    }
    this.account = undefined;
    this.allowance = this.own;
  }

  /** Whether the call that runs has taken more steps than it may since it last asked, which ends it. */
  isSpent(): boolean {
    const { fuel } = this.allowance;
    if (!this.running || fuel === Infinity) return false;
    this.takeBack(-1);
    const used = this.granted - this.grantedBefore;
    if (used <= fuel) return false;
    if (this.instance.root.entered === ENTERED) this.stop(new LimitTrap("fuel", fuel, used));
    return true;
  }

  /** The guest leaves for an import. */
  pause(): void {
    const { timeoutMs, cpuMs } = this.allowance;
    if (timeoutMs === Infinity && cpuMs === Infinity && !this.measuresCpu) return;
    const now = performance.now();
    if (this.startedMs < 0) this.startedMs = now;
    this.cpuMs += now - this.enteredMs;
  }

  /** The import has returned. @throws {LimitTrap} when the time is over */
  resume(): void {
    const { timeoutMs, cpuMs, signal } = this.allowance;
    if (timeoutMs === Infinity && cpuMs === Infinity && !this.measuresCpu && signal === undefined) return;
    const now = performance.now();
    this.enteredMs = now;
    const passed = this.late(now);
    if (passed !== undefined) throw passed;
  }

  /**
   * The call waits, after it has left the guest, and others may run.
   * @param end is called with what ends it meanwhile
   */
  suspended(end: (trap: LimitTrap) => void): void {
    active = this.outer;
    this.outer = undefined;
    const { timeoutMs, signal } = this.allowance;
    const late = (): void =>
      end(new LimitTrap("timeout", timeoutMs, Math.max(timeoutMs, performance.now() - this.startedMs)));
    const aborted = (): void => end(new LimitTrap("signal", 0, 0));
    const leftMs = timeoutMs - (performance.now() - this.startedMs);
    const timer = leftMs <= LONGEST_TIMER_MS ? setTimeout(late, Math.max(leftMs, 0)) : undefined;
    signal?.addEventListener("abort", aborted);
    if (isAborted(signal)) aborted();
    this.awake = () => {
      clearTimeout(timer as never);
      signal?.removeEventListener("abort", aborted);
    };
  }

  /** The wait is over. */
  resumed(): void {
    this.stopWatching();
    this.outer = running(this);
  }

  private stopWatching(): void {
    this.awake?.();
    this.awake = undefined;
    this.enteredMs = this.turnedMs = performance.now();
  }

  usage(): Omit<Usage, "memoryBytes"> {
    const { counts } = this;
    return {
      peakMemoryBytes: Math.max(this.peakMemoryBytes, this.memoryBytes()),
      fuel: counts ? this.granted - this.left() : undefined,
      cpuMs: this.measuresCpu ? this.cpuMsBefore : undefined,
    };
  }

  /**
   * Functions that call those of `exports` under tighter limits; absent where the guest does not count.
   * @throws {UsageError} for a limit that does not exist, or makes no sense
   */
  get limited(): EngineInstance["limited"] {
    const { exportDecls } = this.instance.plan;
    if (!this.counts) return undefined;
    return (exports, limits) =>
      limitedExports(exports, limits, (call, own, path) => limitedCall(call, own, () => isAsyncAt(exportDecls, path)));
  }

  private get counts(): boolean {
    return meteringOf(this)?.counts === true;
  }

  /** Lets go of the core instances; what they have used stays known. */
  end(): void {
    this.granted -= this.left();
    this.counters.length = this.stacks.length = 0;
    this.memories.clear();
  }

  /** A counter has run out: gives it more steps. @returns 1 when the module must end itself */
  private tick(place: number): 0 | 1 {
    const now = performance.now();
    if (this.startedMs < 0) this.startedMs = this.turnedMs = now;
    else this.adapt(now - this.lastLookMs);
    this.lastLookMs = now;
    const passed = this.late(now) ?? this.grant(place);
    return passed === undefined ? 0 : this.stop(passed);
  }

  /** What a counter calls when it runs out. */
  private ticks(place: number): () => number {
    const tick = (): 0 | 1 => this.tick(place);
    const { yieldMs } = this.limits;
    if (yieldMs === undefined) return tick;
    return this.instance.waiter!.turns(
      () => {
        const ends = tick();
        if (ends === 1 || this.lastLookMs - this.turnedMs < yieldMs) return ends;
        this.pause();
        return undefined;
      },
      () => {
        const now = performance.now();
        this.enteredMs = this.turnedMs = this.lastLookMs = now;
        const passed = this.late(now);
        return passed === undefined ? 0 : this.stop(passed);
      },
    ) as () => number;
  }

  private look(): LimitTrap | undefined {
    const now = performance.now();
    if (this.startedMs < 0) this.startedMs = now;
    return this.late(now);
  }

  /** Growing is one step, and takes the engine longer than thousands of others. @returns whether the module must end itself */
  private isLate(): boolean {
    const passed = this.counts ? this.look() : undefined;
    if (passed !== undefined) this.stop(passed);
    return passed !== undefined;
  }

  private adapt(elapsedMs: number): void {
    if (elapsedMs < SHORT_MS) this.quantum = Math.min(this.quantum * 2, MOST_QUANTUM);
    else if (elapsedMs > LONG_MS) this.quantum = Math.max(Math.floor(this.quantum / 2), LEAST_QUANTUM);
  }

  /** The time that has run out, of this call or of one that waits for it. */
  private late(now: number): LimitTrap | undefined {
    for (let meter = active; meter !== undefined; meter = meter.outer) {
      const { timeoutMs, cpuMs, signal } = meter.allowance;
      const elapsed = now - meter.startedMs;
      if (meter.startedMs >= 0 && elapsed >= timeoutMs)
        return new LimitTrap("timeout", timeoutMs, elapsed, meter.owner(this));
      if (signal?.aborted === true) return new LimitTrap("signal", 0, 0, meter.owner(this));
      if (meter !== this || cpuMs === Infinity) continue;
      const cpu = this.cpuMs + (now - this.enteredMs);
      if (cpu >= cpuMs) return new LimitTrap("cpu", cpuMs, cpu);
    }
    return undefined;
  }

  /** Milliseconds that are left to the call and to those that wait for it. */
  static timeLeftMs(): number {
    const now = performance.now();
    let left = Infinity;
    for (let meter = active; meter !== undefined; meter = meter.outer) {
      const { allowance, startedMs } = meter;
      if (startedMs >= 0) left = Math.min(left, allowance.timeoutMs - (now - startedMs));
    }
    return left;
  }

  /** The name of the instance whose limit it is, where it is another. */
  private owner(asking: Meter): string | undefined {
    return this === asking ? undefined : this.instance.name;
  }

  /** Gives a counter enough steps to be positive, as far as the fuel goes. */
  private grant(place: number): LimitTrap | undefined {
    const counter = this.counters[place]!;
    const { fuel } = this.allowance;
    let left = counter.value as number;
    if (fuel !== Infinity) this.takeBack(place);
    do {
      const grant =
        fuel === Infinity ? this.quantum : Math.min(this.quantum, fuel - (this.granted - this.grantedBefore));
      if (grant <= 0) return new LimitTrap("fuel", fuel, fuel - Math.min(left, -1));
      this.granted += grant;
      left += grant;
    } while (left < 0);
    counter.value = left;
    return undefined;
  }

  /** Takes the steps back that counters other than one have left, or gives those that they have taken since they last asked. */
  private takeBack(place: number): void {
    for (const [i, counter] of this.counters.entries()) {
      const left = counter.value as number;
      if (i === place || left === 0) continue;
      this.granted -= left;
      counter.value = 0;
    }
  }

  private left(): number {
    return this.counters.reduce((sum, { value }) => sum + (value as number), 0);
  }

  private memoryBytes(): number {
    let bytes = 0;
    for (const { buffer } of this.memories) bytes += buffer.byteLength;
    return bytes;
  }

  /** @returns 0 to refuse, 1 to agree, 2 to end the module */
  private growMemory(pages: number): 0 | 1 | 2 {
    const { memoryBytes: most = Infinity, onMemoryLimit } = this.limits;
    if (this.isLate()) return 2;
    const wanted = this.memoryBytes() + pages * PAGE_BYTES;
    if (wanted <= most) {
      this.peakMemoryBytes = Math.max(this.peakMemoryBytes, wanted);
      return 1;
    }
    if (onMemoryLimit !== "trap") return 0;
    this.stop(new LimitTrap("memory", most, wanted));
    return 2;
  }

  private growTable(elements: number): 0 | 1 | 2 {
    const { tableElements: most = Infinity } = this.limits;
    if (this.isLate()) return 2;
    if (this.tableElements + elements > most) return 0;
    this.tableElements += elements;
    return 1;
  }

  /** A core module is about to use more of the stack than it was granted. @returns 1 when it must end itself */
  private growStack(stack: Stack | undefined): 0 | 1 {
    const { stacks } = this;
    const { stackBytes: most = MOST_STACK_BYTES } = this.limits;
    // Without the limit, code that was made for it runs as long as the engine's stack goes.
    if (stack === undefined) return 0;
    const granted = (): number => stacks.reduce((sum, { granted: { value } }) => sum + value, 0);
    const wanted = stack.used.value - stack.granted.value;
    // What others were granted and do not use is there for all.
    if (granted() + wanted > most)
      for (const { used, granted: given } of stacks) given.value = Math.min(given.value, used.value);
    const free = most - granted();
    if (wanted > free)
      return this.stop(
        new LimitTrap(
          "stack",
          most,
          stacks.reduce((sum, { used: { value } }) => sum + value, 0),
        ),
      );
    stack.granted.value += Math.min(free, wanted + STACK_PIECE_BYTES);
    return 0;
  }

  private stop(trap: LimitTrap): 1 {
    const { root } = this.instance;
    if (root.entered <= ENTERED) root.entered = TRAPPED;
    this.instance.stop(trap);
    return 1;
  }
}

timeLeft.ms = () => Meter.timeLeftMs();

/** Makes a meter the active one. @returns the one that was */
function running(meter: Meter): Meter | undefined {
  const before = active;
  active = meter;
  return before;
}

function limitedCall(call: () => unknown, limits: CallLimits, isAsync: () => boolean): unknown {
  const { signal } = limits;
  if (isAborted(signal)) {
    if (isAsync()) return Promise.reject(signal!.reason);
    throw signal!.reason;
  }
  try {
    return limitedBy(limits, call);
  } catch (error) {
    if (isAborted(signal) && error instanceof LimitError && error.limit === ("signal" satisfies LimitName))
      throw signal!.reason;
    throw error;
  }
}

type I32Global = Omit<WebAssembly.Global, "value"> & { value: number };

/** What one core module uses of the stack, and what it was granted. */
interface Stack {
  readonly used: I32Global;
  readonly granted: I32Global;
}

function stackOf({ stack }: Additions, exports: WebAssembly.Exports): Stack | undefined {
  if (stack === undefined) return undefined;
  return {
    used: exports[stack.used] as I32Global,
    granted: exports[stack.granted] as I32Global,
  };
}

interface Hooks {
  tick(): number;
  growMemory(pages: number): number;
  growTable(elements: number): number;
  growStack(): number;
}

/** A table takes functions of WebAssembly only: this module passes the host's on as such. */
let adapter: WebAssembly.Module | undefined;

function hookFunctions(hooks: Hooks): WebAssembly.Exports {
  adapter ??= new WebAssembly.Module(adapterBytes());
  return new WebAssembly.Instance(adapter, { "": { ...hooks } }).exports;
}

/** A module that imports the hooks from "" and exports them again. */
function adapterBytes(): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];
  const section = (id: number, contents: readonly number[]): number[] => [id, contents.length, ...contents];
  const names = Object.keys(HOOKS);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7c, 1, 0x7f]),
    ...section(2, [
      names.length,
      ...names.flatMap((text) => [...name(""), ...name(text), 0, text === "tick" || text === "growStack" ? 0 : 1]),
    ]),
    ...section(7, [names.length, ...names.flatMap((text, i) => [...name(text), 0, i])]),
  ]);
}
