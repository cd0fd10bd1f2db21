/**
 * Calls whose failures are values.
 */
import { TenonError, UsageError } from "../errors.ts";

export type CallResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: TenonError };

/**
 * Runs a call and gives what it threw as a value: a trap, a component's `err`, a call after unload. Mistakes of the
 * program itself (a wrong argument, an export that does not exist) and errors that are not tenon's still throw.
 *
 * @example
 * const result = attempt(() => module.exports.api.divide(1, 0));
 * if (!result.ok) console.log(result.error.message);
 */
export function attempt<T>(call: () => T): CallResult<T> {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    if (!(error instanceof TenonError) || error instanceof UsageError) throw error;
    return { ok: false, error };
  }
}
