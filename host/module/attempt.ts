/**
 * Calls whose failures are values.
 */
import { isTenonError, type TenonError, UsageError } from "../errors.ts";

export type CallResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: TenonError };

/** What {@link attempt} gives for a call: its outcome, or a promise of it when the call returns a promise. */
export type Attempted<T> = 0 extends 1 & T
  ? CallResult<T>
  : [T] extends [never]
    ? CallResult<T>
    : [T] extends [Promise<infer V>]
      ? Promise<CallResult<V>>
      : [Extract<T, Promise<unknown>>] extends [never]
        ? CallResult<T>
        : CallResult<Exclude<T, Promise<unknown>>> | Promise<CallResult<Awaited<Extract<T, Promise<unknown>>>>>;

/**
 * Runs a call and gives what it threw as a value: a trap, a component's `err`, a call after unload. Mistakes of the
 * program itself (a wrong argument, an export that does not exist) and errors that are not tenon's still throw. A call
 * that returns a promise is awaited: the result is a promise of its outcome.
 *
 * @example
 * const result = attempt(() => module.exports.api.divide(1, 0));
 * if (!result.ok) console.log(result.error.message);
 */
export function attempt<T>(call: () => T): Attempted<T> {
  try {
    const value = call();
    return (value instanceof Promise ? value.then(succeeded, failed) : succeeded(value)) as Attempted<T>;
  } catch (error) {
    return failed(error) as Attempted<T>;
  }
}

function succeeded<T>(value: T): CallResult<T> {
  return { ok: true, value };
}

function failed(error: unknown): CallResult<never> {
  if (!isTenonError(error) || error instanceof UsageError) throw error;
  return { ok: false, error };
}
