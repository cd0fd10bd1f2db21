/**
 * Measures of memory for the tests of this folder: live linear memories, address space, resident bytes.
 */
import { nodePlatform } from "../../host/node/platform.ts";

/** What the process holds after full collections. */
export interface Figures {
  /** `WebAssembly.Memory` objects the engine still has. */
  readonly memories: number;
  /** Reservations in the address space; `undefined` where it cannot be read. */
  readonly reservations: number | undefined;
  readonly residentMiB: number;
}

/** Collects until the figures stop falling, so that sweeping on other threads is over. */
export async function settle(): Promise<Figures> {
  let last = await measure();
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const next = await measure();
    if (next.memories === last.memories && next.reservations === last.reservations) return next;
    last = next;
  }
  return last;
}

async function measure(): Promise<Figures> {
  await nodePlatform.collect!();
  await nodePlatform.macrotask();
  const memories = nodePlatform.countMemories!();
  return { memories, reservations: await nodePlatform.countReservations?.(), residentMiB: residentMiB() };
}

export function residentMiB(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}
