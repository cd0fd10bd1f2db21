/** What is left of modules that were unloaded while calls of them were pending, as the process has it. Node only. */
import { createHost } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { type Figures, settle } from "./helpers.ts";
import { cycle, type Way } from "./pending.ts";

export const CYCLES = 20_000;
/** Until the engine has compiled what there is to compile. */
export const WARM = 4_000;
/** Every so many end within `drain`, which waits for timers. */
const DRAINED = 10;
/** Bytes of the heap for each cycle, at most: a call of which anything is kept takes more. */
export const BYTES = 128;
/** What the process may grow by, in MiB: a stack that is kept in each cycle would take ten times that. */
export const RESIDENT = 30;

export interface Kept {
  readonly memories: number;
  readonly reservations: number;
  /** Bytes of the heap for each cycle after the warm ones. */
  readonly bytes: number;
  readonly residentMiB: number;
}

interface Options {
  readonly warm: number;
  /** Is done in each cycle. */
  readonly after?: () => unknown;
  /** Whatever a program can hold is held here. */
  readonly held?: unknown[];
}

interface Measured extends Figures {
  readonly heap: number;
}

async function measured(): Promise<Measured> {
  const figures = await settle();
  return { ...figures, heap: process.memoryUsage().heapUsed };
}

/** What is left of so many cycles. */
export async function keptOf(
  all: Readonly<Record<string, Way>>,
  cycles: number,
  { warm, after, held }: Options,
): Promise<Kept> {
  const list = Object.values(all);
  const place = { host: createHost(), parse: parseWat, held };
  for (const way of list) for (const drains of [false, true]) await cycle(place, way, drains);
  const start = await settle();
  let before: Measured | undefined;
  for (let i = 1; i <= cycles; i++) {
    await cycle(place, list[i % list.length]!, i % DRAINED === 0);
    after?.();
    if (i === warm) before = await measured();
  }
  const end = await measured();
  await place.host.close();
  return {
    memories: end.memories - start.memories,
    reservations: (end.reservations ?? 0) - (start.reservations ?? 0),
    bytes: (end.heap - before!.heap) / (cycles - warm),
    residentMiB: end.residentMiB - before!.residentMiB,
  };
}

export function tell(what: string, { bytes, residentMiB, memories }: Kept): void {
  console.log(
    `${what}: ${memories} memories, ${bytes.toFixed(1)} B of the heap a cycle, ${residentMiB.toFixed(1)} MiB resident more`,
  );
}
