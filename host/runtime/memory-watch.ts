/**
 * Finalizers on every linear memory that was dropped, and on its buffer: what the proof of freeing reads (`proof.ts`), and what
 * tells whether there is room to be hoped for. One watch for all that runs in this thread, whichever engine or host made it.
 *
 * Never a `WeakRef` to a memory: creating or reading one keeps its target alive until the current job ends, and a
 * program that only awaits microtasks never ends its job.
 */
/** Linear memories made so far, and those dropped that the engine has not reclaimed yet. */
export const counts: { created: number; dropped: number } = { created: 0, dropped: 0 };

/** The memories of one instance, from just before they are dropped. */
export class Watched {
  readonly total: number;
  /** Whether the instance had no others: what cannot be seen is never said to be reclaimed. */
  readonly all: boolean;
  memories: number;
  buffers: number;
  readonly since: number = performance.now();
  readonly #createdBefore = counts.created;
  /** Whom to tell when the last part has gone. */
  readonly waiters: Set<() => void> = new Set();

  constructor(memories: readonly WebAssembly.Memory[], all: boolean) {
    this.all = all;
    counts.dropped += this.total = this.memories = this.buffers = memories.length;
    for (const memory of memories) {
      registry.register(memory, { watched: this, part: "memories" });
      // In some engines a view keeps the bytes alive without the memory object.
      registry.register(memory.buffer, { watched: this, part: "buffers" });
    }
  }

  get reclaimed(): boolean {
    return this.memories + this.buffers === 0;
  }

  /** Whether memories were made since. */
  get outdated(): boolean {
    return counts.created !== this.#createdBefore;
  }
}

const registry = new FinalizationRegistry<{ readonly watched: Watched; readonly part: "memories" | "buffers" }>(
  ({ watched, part }) => {
    watched[part]--;
    if (part === "memories") counts.dropped--;
    if (watched.reclaimed) for (const tell of [...watched.waiters]) tell();
  },
);
