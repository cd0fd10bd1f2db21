/**
 * Waiting, where a guest may and where it may not.
 *
 * A function gives its value at once if it can. Where it has to wait, it returns a promise if the guest can wait for one. If not, it is
 * refused with what to turn on; only for a clock a thread may block instead.
 */
import { UnsupportedError } from "../errors.ts";
import { timeLeft } from "../runtime/time-left.ts";
import type { Clocks } from "./clocks/clocks.ts";

/** Something that becomes ready. */
export interface Readiness {
  ready(): boolean;
  /** Nanoseconds of the monotonic clock at which it is ready, where it waits for that alone. */
  readonly deadline?: bigint | undefined;
  /**
   * Calls back when it may have become ready: once, and not at once.
   * @returns a function that takes the call back
   */
  notify?(wake: () => void): () => void;
}

/** Those who wait for one thing. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  /** As {@link Readiness.notify}. */
  add(wake: () => void): () => void {
    const entry = (): void => wake();
    this.#waiting.add(entry);
    return () => void this.#waiting.delete(entry);
  }

  wake(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of all) wake();
  }
}

/** The longest delay of a timer, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Waiting {
  readonly #module: string;
  readonly #waits: boolean;
  readonly #clocks: Clocks;
  readonly #sleep: ((ms: number) => void) | undefined;
  readonly #timers = new Set<unknown>();

  constructor(module: string, waits: boolean, clocks: Clocks, sleep: ((ms: number) => void) | undefined) {
    this.#module = module;
    this.#waits = waits;
    this.#clocks = clocks;
    this.#sleep = sleep;
  }

  /**
   * Waits until one of several is ready.
   * @param what the function that waits, for the error: `wasi:io/poll#poll`
   * @returns nothing where one is ready, or has become so without leaving this thread
   * @throws {UnsupportedError} when the guest cannot wait
   */
  until(what: string, all: readonly Readiness[]): undefined | Promise<void> {
    for (;;) {
      if (all.some((it) => it.ready())) return undefined;
      const next = earliest(all);
      if (next !== undefined && this.#clocks.forward !== undefined) this.#clocks.forward(next);
      else if (this.#waits) return this.#later(all);
      else if (next !== undefined && this.#sleep !== undefined && all.every((it) => it.deadline !== undefined)) {
        if (!this.#sleepUntil(next, this.#sleep)) return undefined;
      } else throw this.refusal(what);
    }
  }

  /**
   * A promise that the guest waits for.
   * @param make called where it can
   * @throws {UnsupportedError} where it cannot
   */
  for<T>(what: string, make: () => PromiseLike<T>): PromiseLike<T> {
    if (!this.#waits) throw this.refusal(what);
    return make();
  }

  /** Whether the guest can wait for a promise. */
  get waits(): boolean {
    return this.#waits;
  }

  refusal(what: string): UnsupportedError {
    return new UnsupportedError(
      "jspi",
      `Module ${this.#module} would have to wait in ${what}, which a synchronous call in this thread cannot: load it with jspi: true or with isolation: "worker"`,
    );
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer as never);
    this.#timers.clear();
  }

  async #later(all: readonly Readiness[]): Promise<void> {
    do await this.#once(all);
    while (!all.some((it) => it.ready()));
  }

  /** Settles when one of them may be ready. Nothing of it stays with those that are not. */
  #once(all: readonly Readiness[]): Promise<void> {
    return new Promise((resolve) => {
      const next = earliest(all);
      const timer = next === undefined ? undefined : setTimeout(() => wake(), this.#msUntil(next));
      if (timer !== undefined) this.#timers.add(timer);
      const undo = all.map((it) => it.notify?.(() => wake()));
      const wake = (): void => {
        clearTimeout(timer as never);
        this.#timers.delete(timer);
        for (const each of undo) each?.();
        resolve();
      };
    });
  }

  /** @returns false when the time of the call is over, which ends as soon as it is gone back to */
  #sleepUntil(deadline: bigint, sleep: (ms: number) => void): boolean {
    const left = timeLeft.ms();
    if (left <= 0) return false;
    sleep(Math.min(Number(deadline - this.#clocks.monotonic()) / 1e6, left));
    return true;
  }

  #msUntil(deadline: bigint): number {
    const left = Number(deadline - this.#clocks.monotonic()) / 1e6;
    return Math.min(Math.max(Math.ceil(left), 0), LONGEST_TIMER);
  }
}

function earliest(all: readonly Readiness[]): bigint | undefined {
  let first: bigint | undefined;
  for (const { deadline } of all)
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  return first;
}
