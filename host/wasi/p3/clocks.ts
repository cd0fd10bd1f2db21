/** `wasi:clocks` 0.3: monotonic-clock, system-clock, timezone (which is UTC). */
import type { ImportCall } from "../../model/async-values.ts";
import { clocksFor } from "../clocks/face.ts";
import type { Faces, WasiState } from "../state.ts";

const MONOTONIC = "wasi:clocks/monotonic-clock";
const SYSTEM = "wasi:clocks/system-clock";

/** The longest delay of a timer, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The longest time of the monotonic clock: what is later is never. */
const LAST = 2n ** 64n - 1n;

interface Sleeper {
  readonly deadline: bigint;
  wake(): void;
}

/**
 * Those who wait for a time of the monotonic clock. A given clock is put forward to the earliest time that somebody waits for, once
 * nobody has anything else to do: all are woken in their order, and it takes no time.
 */
class Sleepers {
  readonly #monotonic: () => bigint;
  readonly #forward: ((to: bigint) => void) | undefined;
  /** The earliest first. */
  readonly #sleeping: Sleeper[] = [];
  #timer: unknown;
  /** What the timer was set for. */
  #next: bigint | undefined;

  constructor(state: WasiState) {
    const clocks = clocksFor(state);
    this.#monotonic = clocks.monotonic;
    this.#forward = clocks.forward;
    state.defer(() => clearTimeout(this.#timer as never));
  }

  until(when: bigint, call: ImportCall | undefined): undefined | Promise<void> {
    const deadline = when > LAST ? LAST : when;
    if (this.#monotonic() >= deadline) return undefined;
    return new Promise<void>((resolve) => {
      const sleeper: Sleeper = { deadline, wake: resolve };
      const at = this.#sleeping.findIndex((other) => other.deadline > deadline);
      this.#sleeping.splice(at < 0 ? this.#sleeping.length : at, 0, sleeper);
      this.#set();
      call?.signal.addEventListener("abort", () => this.#remove(sleeper), { once: true });
    });
  }

  #remove(sleeper: Sleeper): void {
    const at = this.#sleeping.indexOf(sleeper);
    if (at < 0) return;
    this.#sleeping.splice(at, 1);
    sleeper.wake();
    this.#set();
  }

  #set(): void {
    const next = this.#sleeping[0]?.deadline;
    if (next === this.#next) return;
    clearTimeout(this.#timer as never);
    this.#next = next;
    if (next === undefined) return;
    const ms = this.#forward === undefined ? Math.ceil(Number(next - this.#monotonic()) / 1e6) : 0;
    this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(ms, 0), LONGEST_TIMER));
  }

  #wake(): void {
    const next = this.#next!;
    this.#next = undefined;
    this.#forward?.(next);
    const now = this.#monotonic();
    while (this.#sleeping.length > 0 && this.#sleeping[0]!.deadline <= now) this.#sleeping.shift()!.wake();
    this.#set();
  }
}

export const clockFaces: Faces = {
  [MONOTONIC]: (state) => {
    const clocks = clocksFor(state);
    const { monotonic } = clocks;
    const sleepers = state.shared(Sleepers, () => new Sleepers(state));
    const told = (action: string): void => {
      if (state.watched) state.access(MONOTONIC, action, true);
    };
    return {
      now(): bigint {
        told("now");
        return monotonic();
      },
      getResolution: () => clocks.resolution,
      waitUntil(when: bigint, call?: ImportCall) {
        told("wait-until");
        return sleepers.until(when, call);
      },
      waitFor(duration: bigint, call?: ImportCall) {
        told("wait-for");
        return sleepers.until(monotonic() + duration, call);
      },
    };
  },
  [SYSTEM]: (state) => {
    const clocks = clocksFor(state);
    return {
      now() {
        if (state.watched) state.access(SYSTEM, "now", true);
        const ms = clocks.wall();
        const whole = Math.floor(ms / 1e3);
        return { seconds: BigInt(whole), nanoseconds: Math.floor((ms - whole * 1e3) * 1e6) };
      },
      getResolution: () => clocks.resolution,
    };
  },
  "wasi:clocks/timezone": () => ({ ianaId: () => "UTC", utcOffset: () => 0n, toDebugString: () => "UTC" }),
};
