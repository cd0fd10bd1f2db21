/**
 * Slots and the functions that stand in front of them.
 *
 * A handle is a function the user may keep for ever: it reaches the instance only through its slot, so emptying the
 * slot lets the instance go, and filling it again serves a new version. Arity is fixed, because rest parameters cost
 * twice as much as the slot itself.
 */
import type { ObservedCall } from "../types.ts";

export type AnyFunction = (...args: never[]) => unknown;
export type Target = (...args: unknown[]) => unknown;

/** Where a handle's calls go now. */
export class Slot {
  /** Calls since the module was loaded. Two fields and one branchless increment are all a handle costs. */
  calls = 0;
  target: Target;
  /** The target without what stands in front of it. */
  #plain: Target;
  readonly path: string;
  readonly #isAsync: boolean;

  /** @param isAsync whether its calls return promises, those that are refused too */
  constructor(path: string, target: AnyFunction, isAsync = false) {
    this.path = path;
    this.target = target as Target;
    this.#plain = this.target;
    this.#isAsync = isAsync;
  }

  fill(target: AnyFunction, face: Face | undefined): void {
    this.#plain = target as Target;
    this.show(face);
  }

  /** Puts a function in place that refuses every call; the instance's own function is let go. */
  cut(makeError: (path: string) => Error, face?: Face): void {
    const refuse = (): never => {
      throw makeError(this.path);
    };
    this.fill(this.#isAsync ? async () => refuse() : refuse, face);
  }

  show(face: Face | undefined): void {
    this.target = face === undefined ? this.#plain : face(this.#plain, this.path, () => this.target);
  }
}

/**
 * What stands in front of every function of a module while somebody observes or holds its calls.
 * @param current tells what a call reaches at the time it is asked
 */
export type Face = (plain: Target, path: string, current: () => Target) => Target;

/** Called after each call with its path, milliseconds, and what it threw. */
export interface Observer {
  readonly module: string;
  readonly report: (call: ObservedCall) => void;
}

/** A function with the same behaviour that reports each call. `this` is passed on, for methods. */
export function observed(plain: Target, path: string, { module, report }: Observer): Target {
  const tell = (began: number, failure?: { readonly error: unknown }): void =>
    report({ module, export: path, durationMs: performance.now() - began, ...failure });
  return function (this: unknown, ...args: unknown[]): unknown {
    const began = performance.now();
    let value: unknown;
    try {
      value = plain.apply(this, args);
    } catch (error) {
      tell(began, { error });
      throw error;
    }
    if (value instanceof Promise) return settled(value, (failure) => tell(began, failure));
    tell(began);
    return value;
  };
}

/** An asynchronous call ends with its promise. */
async function settled(promise: Promise<unknown>, ended: (failure?: { error: unknown }) => void): Promise<unknown> {
  try {
    const value = await promise;
    ended();
    return value;
  } catch (error) {
    ended({ error });
    throw error;
  }
}

/** The function users hold: fixed arity, target looked up in the slot on every call. */
export function makeHandle(slot: Slot, arity: number, name: string): AnyFunction {
  const handle = handleOfArity(slot, arity);
  Object.defineProperty(handle, "name", { value: name, configurable: true });
  return handle;
}

// A rest parameter costs an array a call: each number of parameters has a function of its own.
/* oxlint-disable max-params */
function handleOfArity(slot: Slot, arity: number): AnyFunction {
  // `target` is read into a local so that the slot is not passed to it as `this`.
  switch (arity) {
    case 0:
      return () => {
        slot.calls++;
        const { target } = slot;
        return target();
      };
    case 1:
      return (a: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a);
      };
    case 2:
      return (a: unknown, b: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b);
      };
    case 3:
      return (a: unknown, b: unknown, c: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c);
      };
    case 4:
      return (a: unknown, b: unknown, c: unknown, d: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c, d);
      };
    case 5:
      return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c, d, e);
      };
    case 6:
      return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c, d, e, f);
      };
    case 7:
      return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c, d, e, f, g);
      };
    case 8:
      return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown) => {
        slot.calls++;
        const { target } = slot;
        return target(a, b, c, d, e, f, g, h);
      };
    default: {
      const handle = (...args: unknown[]): unknown => {
        slot.calls++;
        const { target } = slot;
        return target(...args);
      };
      Object.defineProperty(handle, "length", { value: arity, configurable: true });
      return handle;
    }
  }
}
/* oxlint-enable max-params */
