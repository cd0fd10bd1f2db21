/** Work that a signal ends: its promise is rejected when the signal fires, whatever the work itself does. */
import { AbortError, isTenonError } from "../../errors.ts";
import { wordsOf } from "../../words.ts";

/**
 * Runs work until it is done or one of the signals fires. The work begins before this returns.
 * @param work is given a signal of its own, which fires with the others, when it takes one and one of them may fire: signals
 *   are not cheap to make
 * @throws {AbortError} when a signal fired first; an error of tenon given as its reason is thrown as it is
 */
export async function abortable<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal | undefined) => PromiseLike<T>,
): Promise<T> {
  if (signals.every((signal) => signal === undefined)) return work(undefined);
  const controller = work.length > 0 ? new AbortController() : undefined;
  let over = false;
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      const reason: unknown = signals.find((signal) => signal?.aborted)?.reason;
      over = true;
      controller?.abort(reason);
      reject(isTenonError(reason) ? reason : new AbortError(`Aborted: ${wordsOf(reason)}`, { cause: reason }));
    };
  });
  const stops = signals.map((signal) => signal && listen(signal, abort));
  try {
    // With a signal that has fired already, the work is not begun.
    return await Promise.race([aborted, ...(over ? [] : [work(controller?.signal)])]);
  } finally {
    for (const stop of stops) stop?.();
  }
}

/** Who listens to a signal. One listener of the signal's own serves all: engines warn of more than a few. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** @returns stops listening */
function listen(signal: AbortSignal, heard: () => void): () => void {
  if (signal.aborted) heard();
  let all = listeners.get(signal);
  if (all === undefined) {
    const those = (all = new Set());
    listeners.set(signal, all);
    signal.addEventListener("abort", () => {
      for (const each of [...those]) each();
    });
  }
  all.add(heard);
  return () => void all.delete(heard);
}
