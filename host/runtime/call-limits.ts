/**
 * Limits of single calls, on their way from `Module.with` to what makes the call: between the two stand functions that stay the
 * same from version to version and know nothing of limits.
 */
import type { CallLimits, Recipe } from "./engine.ts";
import { amount, meteringOf } from "./limits.ts";
import { checkOptions, type Checks, object } from "./options.ts";

/** Limits of the call that is about to be made. */
let next: CallLimits | undefined;

/** The limits of the call that is being made. They are given once: what is called from it has none of them. */
export function takeCallLimits(): CallLimits | undefined {
  const limits = next;
  next = undefined;
  return limits;
}

/** Makes a call under limits of its own. */
export function limitedBy<T>(limits: CallLimits | undefined, call: () => T): T {
  next = limits;
  try {
    return call();
  } finally {
    // A call that was refused did not begin.
    next = undefined;
  }
}

/** Whether guests of a recipe count their steps. */
export function countsSteps(recipe: Recipe): boolean {
  return meteringOf(recipe)?.counts === true;
}

/** Asked anew each time: it fires while the call runs. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

const CALL_LIMITS: Checks<CallLimits> = { signal: object, timeoutMs: amount, cpuMs: amount, fuel: amount };

/**
 * The same functions, each called through `make`; objects within objects included. Classes stay as they are: what is done with a
 * resource is not limited by how it was come by.
 * @throws {UsageError} for a limit that does not exist, or makes no sense
 */
export function limitedExports<T extends object>(
  exports: T,
  limits: CallLimits,
  make: (call: () => unknown, limits: CallLimits) => unknown,
): T {
  checkOptions("with", limits, CALL_LIMITS);
  const within = <U extends object>(members: U): U =>
    new Proxy(members, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value === "object" && value !== null) return within(value);
        if (typeof value !== "function" || isClass(value)) return value;
        return (...given: readonly unknown[]) => make(() => Reflect.apply(value, undefined, given) as unknown, limits);
      },
    });
  return within(exports);
}

function isClass(value: object): boolean {
  const prototype = Object.getOwnPropertyDescriptor(value, "prototype");
  return prototype !== undefined && prototype.writable === false;
}
