/** Suspended stacks: how many there are in this thread, the functions that suspend, and the error that unwinds one. */
import { TenonError } from "../errors.ts";
import { suspenderModule } from "../instrument/suspender.ts";

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

type Func = (...args: unknown[]) => unknown;

/** A function between guests and the host: its name, its signature in letters as {@link suspenderModule} reads them, and what it calls. */
export type Between = readonly [name: string, params: string, result: string, func: Func];

/** One by which a guest calls another. @see suspenderModule */
export type BetweenGuests = readonly [
  ...[name: string, params: string, result: string, enter: Func, leave: Func],
  ...[calleeParams: string, calleeResult: string, slot: number],
];

export interface BetweenFunctions {
  readonly inward: readonly Between[];
  /** A function that may be suspended returns a promise. */
  readonly outward?: readonly Between[];
  readonly through?: readonly BetweenGuests[];
  /** Places for the guests' own functions: one for each of `outward` where nothing else is said. */
  readonly slots?: number;
}

/** What suspends a guest: until a promise settles, and then with what `resumed` gives. */
export interface Suspension {
  wait(): Promise<void>;
  resumed(): unknown;
}

export interface Made {
  /** By their names, and the table where the guests' own are put. */
  readonly functions: Record<string, unknown>;
  /** Set to 1 by a function that a guest called and after which it is to be suspended. */
  readonly blocked: WebAssembly.Global;
}

/** Makes the functions between guests and the host. @param code keeps their module, the same for all instances of a component */
export function makeBetween(
  code: { module?: WebAssembly.Module },
  { inward, outward = [], through = [], slots = outward.length }: BetweenFunctions,
  { wait, resumed }: Suspension,
): Made {
  const { Suspending, promising } = WebAssembly as unknown as Integration;
  const signature = ([, params, result]: Between): { params: string; result: string } => ({ params, result });
  code.module ??= new WebAssembly.Module(
    suspenderModule(
      inward.map(signature),
      outward.map(signature),
      through.map(([, params, result, , , calleeParams, calleeResult, slot]) => ({
        ...{ params, result, slot },
        callee: { params: calleeParams, result: calleeResult },
      })),
      slots,
    ),
  );
  const imports: Record<string, Function> = { wait: new Suspending(wait) };
  inward.forEach(([, , result, func], i) => {
    imports[`t${i}`] = func;
    imports[`r${result}`] = resumed;
  });
  outward.forEach(([, , , func], i) => (imports[`d${i}`] = func));
  through.forEach(([, , , enter, leave], i) => {
    imports[`e${i}`] = enter;
    imports[`l${i}`] = leave;
  });
  const made = new WebAssembly.Instance(code.module, { "": imports }).exports;
  const functions: Record<string, unknown> = { table: made["table"] };
  inward.forEach(([name], i) => (functions[name] = made[`g${i}`]));
  outward.forEach(([name], i) => (functions[name] = promising(made[`f${i}`] as () => unknown)));
  through.forEach(([name], i) => (functions[name] = made[`h${i}`]));
  return { functions, blocked: made["blocked"] as WebAssembly.Global };
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
