/**
 * Was the memory really freed? Finalizers on every linear memory and its buffer, and the address space where it can be
 * read. Also the words for an engine that has no room for one memory more.
 *
 * Never a `WeakRef` to a memory: creating or reading one keeps its target alive until the current job ends, and a
 * program that only awaits microtasks never ends its job.
 */
import { MemoryLimitError, type MemoryOwner } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { CollectionReport } from "./types.ts";

interface Watched {
  readonly total: number;
  memories: number;
  buffers: number;
  readonly since: number;
  readonly createdBefore: number;
  /** Whom to tell when the last part has gone. */
  readonly waiters: Set<() => void>;
}

const ROUNDS = 12;
const ROUND_MS = 5;
const LONGEST_PAUSE_MS = 100;

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

  /** Begins to watch memories that are about to be dropped. */
  watch(memories: readonly WebAssembly.Memory[]): Watched {
    const watched: Watched = {
      total: memories.length,
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
    await new Promise<void>((resolve) => setTimeout(resolve, ROUND_MS));
    return true;
  }

  /** Reads the address space, where a later report is to say how it changed. */
  async reservations(): Promise<number | undefined> {
    return this.#platform.countReservations?.();
  }

  /** Settles when the engine has reclaimed the memories by itself, or at the deadline. */
  wait(
    watched: Watched,
    deadlineMs: number,
    background: boolean,
    suspects: () => readonly string[],
  ): Promise<CollectionReport> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        watched.waiters.delete(finish);
        resolve(report(watched, false, suspects()));
      };
      const timer = setTimeout(finish, deadlineMs);
      // A watch that nobody reads must not keep a process alive.
      if (background) (timer as { unref?: () => void }).unref?.();
      watched.waiters.add(finish);
      if (isReclaimed(watched)) finish();
    });
  }

  /** Asks the engine for full collections until the memories are gone or the deadline has passed. */
  async collect(
    watched: Watched,
    deadlineMs: number,
    before: number | undefined,
    suspects: () => readonly string[],
  ): Promise<CollectionReport> {
    const { collect } = this.#platform;
    if (collect === undefined) return this.wait(watched, deadlineMs, false, suspects);
    const deadline = performance.now() + deadlineMs;
    let after = before;
    for (let round = 0; round < ROUNDS && performance.now() < deadline; round++) {
      await collect();
      await this.#platform.macrotask();
      after = before === undefined ? undefined : await this.reservations();
      if (isReclaimed(watched) && this.#unmapped(watched, before, after)) break;
      // The engine sweeps on other threads, which a busy machine may keep waiting: each pause is longer than the last.
      const pauseMs = Math.min(ROUND_MS * 2 ** round, LONGEST_PAUSE_MS);
      await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
    }
    const unmapped = this.#unmapped(watched, before, after);
    const extra = isReclaimed(watched) && !unmapped ? ["the address space: the reservation is still mapped"] : [];
    return {
      ...report(watched, true, [...extra, ...(isReclaimed(watched) ? [] : suspects())]),
      reclaimed: isReclaimed(watched) && unmapped,
      reservations: before === undefined || after === undefined ? undefined : { before, after },
    };
  }

  /** Whether the address space shrank; unknown, and so not held against anybody, when memories were made meanwhile. */
  #unmapped(watched: Watched, before: number | undefined, after: number | undefined): boolean {
    if (before === undefined || after === undefined || this.created !== watched.createdBefore) return true;
    return after <= before - watched.total;
  }
}

export type { Watched };

function isReclaimed({ memories, buffers }: Watched): boolean {
  return memories === 0 && buffers === 0;
}

function report(watched: Watched, asked: boolean, suspects: readonly string[]): CollectionReport {
  const reclaimed = isReclaimed(watched);
  const holders: string[] = [];
  if (!reclaimed) {
    holders.push(
      asked
        ? "something that reaches the instance: an error made during a call whose stack nobody has read, a view of the memory, or a function of the engine's own"
        : "nobody known: the engine was not asked for a collection and may only be late",
    );
  }
  return {
    reclaimed,
    memories: watched.total,
    pending: Math.max(watched.memories, watched.buffers),
    waitedMs: performance.now() - watched.since,
    asked,
    holders: [...holders, ...suspects],
  };
}

/** Engines' words for "no room for another linear memory". */
const REFUSALS =
  /could not allocate memory|cannot allocate wasm memory|out of memory: .*memory|failed to allocate memory/i;

/** Whether an error says that the engine refused a new linear memory. */
export function isMemoryRefusal(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (REFUSALS.test(at.message)) return true;
  }
  return false;
}

export function memoryLimitError(module: string, owners: readonly MemoryOwner[], cause: unknown): MemoryLimitError {
  const oldest = [...owners].sort((a, b) => b.ageMs - a.ageMs).slice(0, 10);
  const names = oldest.slice(0, 3).map(({ module: name, ageMs }) => `${name} (${Math.round(ageMs / 100) / 10} s)`);
  const list = names.length === 0 ? "" : `; the oldest are ${names.join(", ")}`;
  return new MemoryLimitError(
    `The engine refused a linear memory for module ${module}: too many are alive. This host holds ${owners.length} live instances${list}`,
    owners.length,
    oldest,
    { cause },
  );
}
