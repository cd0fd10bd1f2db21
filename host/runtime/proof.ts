/**
 * Proof of freeing: whether finalizers ran for every memory, and whether the address space shrank where it can be read.
 * Loaded when a receipt's `collected` is read.
 */
import type { Platform } from "../platform.ts";
import type { CollectionReport, CollectOptions } from "./engine.ts";
import type { Watched } from "./memory-watch.ts";

const DEADLINE_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const ROUNDS = 12;
const LONGEST_PAUSE_MS = 100;

/** @param before wasm memory reservations in the address space before the memories were dropped, where they were counted */
export function collected(
  platform: Platform,
  watched: Watched,
  before: number | undefined,
  options: CollectOptions,
): Promise<CollectionReport> {
  return options.ask === true && platform.collect !== undefined
    ? collect(platform, platform.collect, watched, before, options)
    : wait(watched, options);
}

/** Settles when the engine has reclaimed the memories by itself, or at the deadline. */
function wait(
  watched: Watched,
  { deadlineMs = DEADLINE_MS, background = false }: CollectOptions,
): Promise<CollectionReport> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      watched.waiters.delete(finish);
      resolve(report(watched, false));
    };
    const timer = setTimeout(finish, deadlineMs);
    // A watch that nobody reads must not keep a process alive.
    if (background) (timer as { unref?: () => void }).unref?.();
    watched.waiters.add(finish);
    if (watched.reclaimed) finish();
  });
}

/** Asks the engine for full collections until the memories are gone or the deadline has passed. */
async function collect(
  platform: Platform,
  ask: () => Promise<void>,
  watched: Watched,
  before: number | undefined,
  { deadlineMs = DEADLINE_MS }: CollectOptions,
): Promise<CollectionReport> {
  const deadline = performance.now() + deadlineMs;
  let after = before;
  for (let round = 0; round < ROUNDS && performance.now() < deadline; round++) {
    await ask();
    await platform.macrotask();
    after = before === undefined ? undefined : await platform.countReservations?.();
    if (watched.reclaimed && unmapped(watched, before, after)) break;
    // The engine sweeps on other threads, which a busy machine may keep waiting: each pause is longer than the last.
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** round, LONGEST_PAUSE_MS);
    await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
  }
  const gone = unmapped(watched, before, after);
  const told = report(watched, true);
  const mapped = watched.reclaimed && !gone ? ["the address space: the reservation is still mapped"] : [];
  return {
    ...told,
    holders: [...told.holders, ...mapped],
    reclaimed: watched.all && watched.reclaimed && gone,
    reservations: before === undefined || after === undefined ? undefined : { before, after },
  };
}

/** Whether the address space shrank. True where that cannot be told: it is not readable, or memories were made meanwhile. */
function unmapped(watched: Watched, before: number | undefined, after: number | undefined): boolean {
  if (before === undefined || after === undefined || watched.outdated) return true;
  return after <= before - watched.total;
}

function report(watched: Watched, asked: boolean): CollectionReport {
  const holders: string[] = [];
  if (!watched.all) holders.push("core modules given as imports: what memories they hide, the host cannot see");
  if (!watched.reclaimed) {
    holders.push(
      asked
        ? watched.left[2] > 0
          ? "something that reaches the instance: an error made during a call whose stack nobody has read, or a function of the engine's own"
          : "a view of the memory, or the memory itself: the instance has gone"
        : "nobody known: the engine was not asked for a collection and may only be late",
    );
  }
  return {
    reclaimed: watched.all && watched.reclaimed,
    memories: watched.total,
    pending: Math.max(watched.left[0], watched.left[1]),
    waitedMs: performance.now() - watched.since,
    asked,
    holders,
  };
}
