/**
 * Proof of freeing: whether finalizers ran for every memory, and whether the address space shrank where it can be read.
 * Loaded when a receipt's `collected` is read.
 */
import type { Platform } from "../../platform.ts";
import { isReclaimed, SWEEP_MS, type MemoryWatch, type Watched } from "./memory-watch.ts";
import type { CollectionReport } from "../types.ts";

export { memoryLimitError } from "./memory-limit.ts";

const ROUNDS = 12;
const LONGEST_PAUSE_MS = 100;

/** Settles when the engine has reclaimed the memories by itself, or at the deadline. */
export function wait(
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
export async function collect(
  platform: Platform,
  watch: MemoryWatch,
  watched: Watched,
  deadlineMs: number,
  before: number | undefined,
  suspects: () => readonly string[],
): Promise<CollectionReport> {
  if (platform.collect === undefined) return wait(watched, deadlineMs, false, suspects);
  const deadline = performance.now() + deadlineMs;
  let after = before;
  for (let round = 0; round < ROUNDS && performance.now() < deadline; round++) {
    await platform.collect();
    await platform.macrotask();
    after = before === undefined ? undefined : await watch.reservations();
    if (isReclaimed(watched) && unmapped(watch, watched, before, after)) break;
    // The engine sweeps on other threads, which a busy machine may keep waiting: each pause is longer than the last.
    const pauseMs = Math.min(SWEEP_MS * 2 ** round, LONGEST_PAUSE_MS);
    await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
  }
  const gone = unmapped(watch, watched, before, after);
  const extra = isReclaimed(watched) && !gone ? ["the address space: the reservation is still mapped"] : [];
  return {
    ...report(watched, true, [...extra, ...(isReclaimed(watched) ? [] : suspects())]),
    reclaimed: watched.all && isReclaimed(watched) && gone,
    reservations: before === undefined || after === undefined ? undefined : { before, after },
  };
}

/** Whether the address space shrank. True where that cannot be told: it is not readable, or memories were made meanwhile. */
function unmapped(
  watch: MemoryWatch,
  watched: Watched,
  before: number | undefined,
  after: number | undefined,
): boolean {
  if (before === undefined || after === undefined || watch.created !== watched.createdBefore) return true;
  return after <= before - watched.total;
}

function report(watched: Watched, asked: boolean, suspects: readonly string[]): CollectionReport {
  const holders: string[] = [];
  if (!watched.all) holders.push("core modules given as imports: what memories they hide, the host cannot see");
  if (!isReclaimed(watched)) {
    holders.push(
      asked
        ? "something that reaches the instance: an error made during a call whose stack nobody has read, a view of the memory, or a function of the engine's own"
        : "nobody known: the engine was not asked for a collection and may only be late",
    );
  }
  return {
    reclaimed: watched.all && isReclaimed(watched),
    memories: watched.total,
    pending: Math.max(watched.memories, watched.buffers),
    waitedMs: performance.now() - watched.since,
    asked,
    holders: [...holders, ...suspects],
  };
}
