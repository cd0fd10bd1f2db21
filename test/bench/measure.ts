/**
 * Medians of contenders that take turns: the machine's moods fall on all of them alike.
 */
import { measure } from "mitata";

export interface Contender {
  readonly name: string;
  readonly run: () => unknown;
}

/** Nanoseconds for one operation, by contender. */
export type Medians = Record<string, number>;

export interface Row {
  readonly name: string;
  /** Nanoseconds by contender, or bytes where the name says so. */
  readonly medians: Medians;
  /** A ratio to look at, with what DESIGN aims for. */
  readonly goals: readonly {
    readonly of: string;
    readonly to: string;
    readonly ratio: number;
    readonly goal: string;
    readonly met: boolean;
  }[];
}

export type Goal = readonly [of: string, to: string, kind: "at most" | "at least", limit: number];

const ROUNDS = 5;
/** CPU time for one contender in one round. */
const ROUND_NS = 40e6;

/** Measures each contender once a round and takes the median of the rounds' medians. */
export async function compare(contenders: readonly Contender[]): Promise<Medians> {
  const rounds: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, run } of contenders) {
      const { p50 } = await measure(run, { min_cpu_time: ROUND_NS, min_samples: 3 });
      (rounds[name] ??= []).push(p50);
    }
  }
  return Object.fromEntries(Object.entries(rounds).map(([name, values]) => [name, median(values)]));
}

/** The same for asynchronous work that is too slow to repeat: one run a turn, milliseconds in, nanoseconds out. */
export async function compareSlow(
  contenders: readonly { name: string; run: () => Promise<number> }[],
  turns: number,
): Promise<Medians> {
  const all: Record<string, number[]> = {};
  for (let turn = 0; turn < turns; turn++) {
    for (const { name, run } of contenders) (all[name] ??= []).push((await run()) * 1e6);
  }
  return Object.fromEntries(Object.entries(all).map(([name, values]) => [name, median(values)]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
