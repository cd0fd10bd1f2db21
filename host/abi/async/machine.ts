/** What the scheduler of tasks asks of the instance that they belong to, and of the machine that it runs on. */
import type { ComponentState } from "../component-state.ts";
import type { AbiTrap } from "../trap.ts";
import type { Meter } from "./account.ts";
import type { Room } from "./task.ts";

/** What the scheduler asks of the instance. */
export interface Instance {
  readonly name: string;
  readonly root: ComponentState;
  readonly components: readonly ComponentState[];
  readonly quota: Room;
  readonly meter: Meter | undefined;
  stop(error: unknown): unknown;
  fault(lift: number, error?: unknown): Error;
  enter(): AbiTrap;
}

/** What the scheduler asks of the machine. */
export interface Machine {
  /** Ends with the next turn of the event loop. */
  macrotask(): Promise<void>;
  /** The error for a guest that would have to be suspended, where it cannot be. @param what it waits for */
  cannotSuspend(what: string): unknown;
  /** Suspends frames; absent where the engine cannot. */
  readonly stacks: Stacks | undefined;
}

/** Frames that the engine can suspend. */
export interface Stacks {
  /** Why none may be suspended now; `undefined` while some may. */
  refusal(): Error | undefined;
  /** The guest that runs is suspended when it returns to the function between. @throws when there are too many */
  suspend(): void;
}
