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
  /**
   * How many the engine has not reclaimed: memories, their buffers, which a view keeps without the memory in some engines, and
   * the exports of core instances, which live as long as these do.
   */
  readonly left: [memories: number, buffers: number, instances: number] = [0, 0, 0];
  readonly since: number = performance.now();
  readonly #createdBefore = counts.created;
  /** Whom to tell when the last part has gone. */
  readonly waiters: Set<() => void> = new Set();

  constructor(memories: readonly WebAssembly.Memory[], all: boolean, instances: readonly object[]) {
    this.all = all;
    counts.dropped += this.total = memories.length;
    [memories, memories.map(({ buffer }) => buffer), instances].forEach((objects, part) => {
      this.left[part] = objects.length;
      for (const object of objects) registry.register(object, { watched: this, part });
    });
  }

  get reclaimed(): boolean {
    return this.left[0] + this.left[1] === 0;
  }

  /** Whether memories were made since. */
  get outdated(): boolean {
    return counts.created !== this.#createdBefore;
  }
}

const registry = new FinalizationRegistry<{ readonly watched: Watched; readonly part: number }>(({ watched, part }) => {
  watched.left[part]!--;
  if (part === 0) counts.dropped--;
  if (watched.reclaimed) for (const tell of [...watched.waiters]) tell();
});
