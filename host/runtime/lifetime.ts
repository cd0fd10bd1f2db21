/** The beginning and the end of instances in this thread, with an eye on their memories. */
import { EngineLimitError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { DisposeReceipt, EndOptions, EndReceipt } from "./engine.ts";
import { proof } from "./lazy.ts";
import { counts, Watched } from "./memory-watch.ts";
import { scrub } from "./trap.ts";

const TRIES = 4;
/** How long the engine is given to sweep and unmap on other threads. */
const SWEEP_MS = 5;

/** An instance whose memories are watched from its end on. */
export interface Watchable {
  /** Linear memories of the core instances; empty after the end. Never handed to users. */
  memories(): readonly WebAssembly.Memory[];
  /** What the core instances export; empty after the end. */
  cores(): readonly object[];
  /** Whether {@link memories} are all there are: core modules given as imports may hide some. */
  readonly seesMemories: boolean;
  dispose(endReason?: string): DisposeReceipt;
}

/**
 * Ends an instance and watches its memories. Not async: a suspended function would hold the instance, and so its memories,
 * while it waits for what comes after.
 */
export function endWatched(
  instance: Watchable,
  platform: Platform,
  { endReason, measure }: EndOptions = {},
): Promise<EndReceipt> {
  const measured = measure === true ? platform.countReservations?.() : undefined;
  return (measured ?? Promise.resolve(undefined)).then((before) => {
    const watched = new Watched(instance.memories(), instance.seesMemories, instance.cores());
    return {
      ...closed(instance, endReason),
      collected: async (options = {}) => (await proof()).collected(platform, watched, before, options),
    };
  });
}

function closed(instance: Watchable, endReason: string | undefined): DisposeReceipt {
  try {
    return instance.dispose(endReason);
  } catch (error) {
    scrub(error);
    return { memoryBytes: 0, hostResourcesDisposed: 0, guestResourcesCut: 0, errors: [error as Error] };
  }
}

/**
 * Starts an instance, where the engine refuses for want of room again after it had time to reclaim what was dropped: it may
 * only be waiting for a collection that has not come. Not async, as {@link endWatched}.
 */
export function startWatched<T extends Watchable>(
  platform: Platform,
  start: () => Promise<T>,
  tries: number = TRIES,
): Promise<T> {
  return start().then(
    (instance) => {
      counts.created += instance.memories().length;
      return instance;
    },
    async (error: unknown) => {
      scrub(error);
      // What is too large for this thread was tried asynchronously: here, it is room that the engine lacks.
      if (!(error instanceof EngineLimitError) || tries === 0 || counts.dropped === 0) throw error;
      await platform.collect?.();
      await new Promise<void>((resolve) => setTimeout(resolve, SWEEP_MS));
      return startWatched(platform, start, tries - 1);
    },
  );
}
