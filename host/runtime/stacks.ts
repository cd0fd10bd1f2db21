/** Suspended stacks: how many there are in this thread, and the error that unwinds one. */
import { TenonError } from "../errors.ts";

/** The most stacks that are suspended at once, in this thread: engines end the process when there are some ten thousand. */
const MOST_STACKS = 1_000;

let stacks = 0;

/** JavaScript Promise Integration, which not every engine has. */
export interface Integration {
  /** An import that suspends the guest until a promise settles. */
  readonly Suspending: new (func: () => Promise<unknown>) => Function;
  /** A function of WebAssembly that may be suspended: it returns a promise. */
  promising(func: () => unknown): Function;
}

/** Whether no more stacks may be suspended. */
export function stacksAreFull(): boolean {
  return stacks >= MOST_STACKS;
}

export function addStack(): void {
  stacks++;
}

export function removeStack(): void {
  stacks--;
}

export function tooManyStacks(name: string): TenonError {
  const words = `Cannot call "${name}": ${MOST_STACKS} calls are suspended already, and the engine has no room for many more`;
  return new TenonError("too-many-suspended", words);
}

let trap: unknown;

/** The error of a real trap: guests catch any other. Nobody is told of it. */
export function trapError(): unknown {
  if (trap !== undefined) return trap;
  const { t: unreachable } = new WebAssembly.Instance(
    new WebAssembly.Module(
      new Uint8Array([
        ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0],
        ...[7, 5, 1, 1, 0x74, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b],
      ]),
    ),
  ).exports as { t(): void };
  try {
    unreachable();
  } catch (error) {
    // Its frames are let go when they have been read.
    void (error as Error).stack;
    trap = error;
  }
  return trap;
}
