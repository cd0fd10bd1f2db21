/**
 * Finalizers on every linear memory that was dropped, and on its buffer: what the proof of freeing reads (`proof.ts`).
 *
 * Never a `WeakRef` to a memory: creating or reading one keeps its target alive until the current job ends, and a
 * program that only awaits microtasks never ends its job.
 */
import type { Platform } from "../../platform.ts";

export interface Watched {
  readonly total: number;
  /** Whether these are all that the instance had. */
  readonly all: boolean;
  memories: number;
  buffers: number;
  readonly since: number;
  readonly createdBefore: number;
  /** Whom to tell when the last part has gone. */
  readonly waiters: Set<() => void>;
}

/** Milliseconds that the engine is given to sweep and unmap on other threads. */
export const SWEEP_MS = 5;

export class MemoryWatch {
  readonly #platform: Platform;
  /** Linear memories made by this host so far. */
  created = 0;
  /** Linear memories dropped by this host that the engine has not reclaimed yet. */
  dropped = 0;
  readonly #registry = new FinalizationRegistry<{ readonly watched: Watched; readonly part: "memories" | "buffers" }>(
    ({ watched, part }) => {
      watched[part]--;
      if (part === "memories") this.dropped--;
      if (isReclaimed(watched)) for (const tell of [...watched.waiters]) tell();
    },
  );

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /**
   * Begins to watch memories that are about to be dropped.
   * @param all whether the instance has no others: what cannot be seen is never said to be reclaimed
   */
  watch(memories: readonly WebAssembly.Memory[], all: boolean): Watched {
    const watched: Watched = {
      total: memories.length,
      all,
      memories: memories.length,
      buffers: memories.length,
      since: performance.now(),
      createdBefore: this.created,
      waiters: new Set(),
    };
    this.dropped += memories.length;
    for (const memory of memories) {
      this.#registry.register(memory, { watched, part: "memories" });
      // In some engines a view keeps the bytes alive without the memory object.
      this.#registry.register(memory.buffer, { watched, part: "buffers" });
    }
    return watched;
  }

  /** Gives the engine a chance to reclaim what was dropped. @returns whether there was anything to hope for */
  async makeRoom(): Promise<boolean> {
    if (this.dropped === 0) return false;
    await this.#platform.collect?.();
    // The engine sweeps and unmaps on other threads.
    await new Promise<void>((resolve) => setTimeout(resolve, SWEEP_MS));
    return true;
  }

  /** Reads the address space, where a later report is to say how it changed. */
  async reservations(): Promise<number | undefined> {
    return this.#platform.countReservations?.();
  }
}

export function isReclaimed({ memories, buffers }: Watched): boolean {
  return memories === 0 && buffers === 0;
}
