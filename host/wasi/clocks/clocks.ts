/**
 * The clocks behind `wasi:clocks`: those of the machine, or those that were given.
 *
 * A given clock does not wait: who sleeps until a time of it puts it forward, so that what a guest does depends on its options alone.
 */
import type { WasiOptions } from "../options.ts";

export interface Clocks {
  /** Milliseconds since 1970, with fractions where they are known. */
  wall(): number;
  /** Nanoseconds. */
  monotonic(): bigint;
  /** Nanoseconds between two readings that can differ. */
  readonly resolution: bigint;
  /** Puts the clocks forward to a time of the monotonic one; absent where time passes by itself. */
  readonly forward?: ((to: bigint) => void) | undefined;
}

/** @param monotonic the machine's */
export function clocksOf(options: WasiOptions["clocks"], monotonic: () => bigint): Clocks {
  if (options === undefined || options === "real") return { wall: Date.now, monotonic, resolution: 1_000_000n };
  const { now = 0, monotonic: given = 0n } = options;
  const wall = typeof now === "function" ? () => Number(now()) : () => Number(now);
  const ticks = typeof given === "function" ? () => BigInt(given()) : () => BigInt(given);
  let ahead = 0n;
  let aheadMs = 0;
  return {
    wall: () => wall() + aheadMs,
    monotonic: () => ticks() + ahead,
    resolution: 1n,
    forward(to) {
      const left = to - (ticks() + ahead);
      if (left <= 0n) return;
      ahead += left;
      aheadMs = Number(ahead) / 1e6;
    },
  };
}
