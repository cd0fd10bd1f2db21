/** `wasi:clocks`: monotonic-clock, wall-clock, timezone (which is UTC). */
import { Pollable } from "../io/poll.ts";
import type { Faces, WasiState } from "../state.ts";
import type { Readiness } from "../waiting.ts";
import { type Clocks, clocksOf } from "./clocks.ts";

interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** The clocks of an instance. */
export function clocksFor(state: WasiState): Clocks {
  return state.shared(clocksOf, () => clocksOf(state.options.clocks, state.platform.monotonic));
}

/** The longest time of the monotonic clock: what is later is never. */
const LAST = 2n ** 64n - 1n;

export const clockFaces: Faces = {
  "wasi:clocks/monotonic-clock": (state) => {
    const clocks = clocksFor(state);
    const { monotonic } = clocks;
    const at = (deadline: bigint): Pollable =>
      new Pollable(state.waiting, { deadline, ready: () => monotonic() >= deadline } satisfies Readiness);
    return {
      now(): bigint {
        if (state.watched) state.access("wasi:clocks/monotonic-clock", "now", true);
        return monotonic();
      },
      resolution: () => clocks.resolution,
      subscribeInstant: at,
      subscribeDuration(duration: bigint) {
        const when = monotonic() + duration;
        return at(when > LAST ? LAST : when);
      },
    };
  },
  "wasi:clocks/wall-clock": (state) => {
    const clocks = clocksFor(state);
    // A bigint for each second, not for each reading.
    let [second, seconds] = [0, 0n];
    const { wall } = clocks;
    const now = (): Datetime => {
      if (state.watched) state.access("wasi:clocks/wall-clock", "now", true);
      const ms = wall();
      const whole = Math.floor(ms / 1e3);
      if (whole !== second) [second, seconds] = [whole, whole < 0 ? 0n : BigInt(whole)];
      return { seconds, nanoseconds: Math.floor((ms - whole * 1e3) * 1e6) };
    };
    const resolution = { seconds: 0n, nanoseconds: Number(clocks.resolution) };
    return { now, resolution: () => resolution };
  },
  "wasi:clocks/timezone": () => ({
    display: () => ({ utcOffset: 0, name: "UTC", inDaylightSavingTime: false }),
    utcOffset: () => 0,
  }),
};
