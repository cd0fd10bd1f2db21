/**
 * What one asynchronous call may take and has taken, over all the times that its guest runs for it, and its end when its time
 * is over while the guest waits. A guest that computes is the meter's to end (`metering.ts`).
 */
import type { Account } from "../abi/async/account.ts";
import { LimitError } from "../errors.ts";
import type { CallLimits } from "./engine.ts";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Limits that one call, or the start, has. */
export interface Allowance {
  readonly timeoutMs: number;
  readonly cpuMs: number;
  readonly fuel: number;
  readonly signal: AbortSignal | undefined;
}

export function tightened(own: Allowance, { timeoutMs, cpuMs, fuel, signal }: CallLimits): Allowance {
  return {
    timeoutMs: Math.min(own.timeoutMs, timeoutMs ?? Infinity),
    cpuMs: Math.min(own.cpuMs, cpuMs ?? Infinity),
    fuel: Math.min(own.fuel, Math.floor(fuel ?? Infinity)),
    signal,
  };
}

export class CallAccount implements Account {
  allowance: Allowance;
  /** What it has taken in the guest's own code. */
  cpuMs = 0;
  /** Steps that it has taken. */
  fuel = 0;
  /** When the call was made; below zero where its time is not limited, or over. */
  private madeMs: number;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
    this.madeMs = allowance.timeoutMs === Infinity ? -1 : performance.now();
  }

  get signal(): AbortSignal | undefined {
    return this.allowance.signal;
  }

  /**
   * When the clock began for what the guest is about to do; below zero when it begins with that. An instance is not ended for
   * what others took of the time: then the call is given up when its timer gets a turn.
   */
  startedMs(): number {
    const { madeMs } = this;
    return madeMs >= 0 && performance.now() - madeMs < this.allowance.timeoutMs ? madeMs : -1;
  }

  watch(name: string, path: string, giveUp: (error: Error) => void): void {
    const { timeoutMs: allowed } = this.allowance;
    const leftMs = allowed - (performance.now() - this.madeMs);
    if (this.madeMs < 0 || leftMs > LONGEST_TIMER_MS) return;
    const late = (): void => {
      const message = `Gave up the call of export "${path}" of "${name}": no end within ${allowed} ms; its guest waited, and is told`;
      const used = Math.max(allowed, performance.now() - this.madeMs);
      giveUp(
        new LimitError(
          message,
          { trap: "limit-exceeded", module: name, export: path },
          { limit: "timeout", allowed, used },
        ),
      );
    };
    this.timer = setTimeout(late, Math.max(leftMs, 0));
  }

  /** What the guest goes on to do has as long each time, and no signal; its steps and its own time count on. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.madeMs = -1;
    if (this.signal !== undefined) this.allowance = { ...this.allowance, signal: undefined };
  }
}
