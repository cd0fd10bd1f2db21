/**
 * Limits of single calls, on their way from `Module.with` to what makes the call: between the two stand functions that stay the
 * same from version to version and know nothing of limits.
 */
import { LimitError } from "../errors.ts";
import { externName } from "../model/spelling.ts";
import type { ExternDecl } from "../model/types.ts";
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

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A call that cannot begin at once. */
interface Waiting {
  /** The names of its module and its export. */
  readonly name: string;
  readonly path: string;
  readonly limits: CallLimits | undefined;
  /** Milliseconds that any call of the module may take. */
  readonly timeoutMs: number | undefined;
  /** Refuses the call while it waits. Once it has begun, its caller alone is told that it was given up. */
  refuse(error: Error): void;
}

/**
 * The turn of a call that cannot begin at once. While it waits, its signal ends it, and so does its deadline, which counts from
 * when it was made. Once it has begun, these are its instance's to keep, by a clock that begins with it: an instance is not
 * ended for what others took of the time. The caller is told at the deadline all the same.
 */
export class Turn {
  /** To be called when the call begins. */
  readonly begin: () => void;
  /** To be called when the call has ended, whether it has begun or not. */
  readonly end: () => void;

  constructor({ name, path, limits, timeoutMs: most = Infinity, refuse }: Waiting) {
    const { signal, timeoutMs: own = Infinity } = limits ?? {};
    const allowed = Math.min(most, own);
    let begun = false;
    const late = (): void => {
      const message = begun
        ? `Gave up the call of export "${path}" of "${name}": no end within ${allowed} ms, in some of which it waited for its turn; the guest goes on under its own limit`
        : `Did not call export "${path}" of "${name}": its turn did not come within ${allowed} ms`;
      this.end();
      const passed = { limit: "timeout", allowed, used: allowed } as const;
      refuse(new LimitError(message, { trap: "limit-exceeded", module: name, export: path }, passed));
    };
    const aborted = (): void => {
      this.end();
      refuse(signal!.reason as Error);
    };
    const timer = allowed <= LONGEST_TIMER_MS ? setTimeout(late, allowed) : undefined;
    signal?.addEventListener("abort", aborted);
    this.begin = () => {
      begun = true;
      signal?.removeEventListener("abort", aborted);
    };
    this.end = () => {
      clearTimeout(timer as never);
      signal?.removeEventListener("abort", aborted);
    };
  }
}

/**
 * Makes a call when its turn has come.
 * @param waiting gets what makes it, until that has been called or the call has been refused
 */
export function inTurn(
  about: Pick<Waiting, "name" | "path" | "timeoutMs">,
  waiting: Set<() => void>,
  call: () => unknown,
): Promise<unknown> {
  const limits = takeCallLimits();
  return new Promise((resolve, reject) => {
    if (isAborted(limits?.signal)) throw limits!.signal!.reason;
    const refuse = (error: Error): void => {
      waiting.delete(make);
      reject(error);
    };
    const turn = new Turn({ ...about, limits, refuse });
    const make = (): void => {
      turn.begin();
      const made = (async () => limitedBy(limits, call))();
      void made.then(resolve, reject).then(turn.end);
    };
    waiting.add(make);
  });
}

const CALL_LIMITS: Checks<CallLimits> = { signal: object, timeoutMs: amount, cpuMs: amount, fuel: amount };

/**
 * The same functions, each called through `make`; objects within objects included. Classes stay as they are: what is done with a
 * resource is not limited by how it was come by.
 * @param make is told the names that lead to the function
 * @throws {UsageError} for a limit that does not exist, or makes no sense
 */
export function limitedExports<T extends object>(
  exports: T,
  limits: CallLimits,
  make: (call: () => unknown, limits: CallLimits, path: readonly string[]) => unknown,
): T {
  checkOptions("with", limits, CALL_LIMITS);
  const within = <U extends object>(members: U, above: readonly string[]): U =>
    new Proxy(members, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        const path = [...above, String(key)];
        if (typeof value === "object" && value !== null) return within(value, path);
        if (typeof value !== "function" || isClass(value)) return value;
        return (...given: readonly unknown[]) =>
          make(() => Reflect.apply(value, undefined, given) as unknown, limits, path);
      },
    });
  return within(exports, []);
}

/** Whether the function at a place among the exports is asynchronous. */
export function isAsyncAt(decls: readonly ExternDecl[], [key, ...rest]: readonly string[]): boolean {
  return decls.some(({ name, type }) => {
    if (key !== name && key !== externName(name)) return false;
    if (type.kind === "instance") return isAsyncAt(type.exports, rest);
    return type.kind === "func" && type.async && rest.length === 0;
  });
}

function isClass(value: object): boolean {
  const prototype = Object.getOwnPropertyDescriptor(value, "prototype");
  return prototype !== undefined && prototype.writable === false;
}
