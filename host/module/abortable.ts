/** Work that a signal ends: who waits for it is told at once, whatever the work itself does. */
import { AbortError, TenonError } from "../errors.ts";
import { wordsOf } from "../words.ts";

/**
 * Runs work until it is done or one of the signals fires. The work begins before this returns.
 * @param work is given a signal of its own, which fires with the others
 * @throws {AbortError} when a signal fired first; an error of tenon given as its reason is thrown as it is
 */
export async function abortable<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => PromiseLike<T>,
): Promise<T> {
  const controller = new AbortController();
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      const reason: unknown = signals.find((signal) => signal?.aborted)?.reason;
      controller.abort(reason);
      reject(reason instanceof TenonError ? reason : new AbortError(`Aborted: ${wordsOf(reason)}`, { cause: reason }));
    };
  });
  for (const signal of signals) {
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
  }
  try {
    // What has been aborted is not begun.
    return await Promise.race([aborted, ...(controller.signal.aborted ? [] : [work(controller.signal)])]);
  } finally {
    for (const signal of signals) signal?.removeEventListener("abort", abort);
  }
}
