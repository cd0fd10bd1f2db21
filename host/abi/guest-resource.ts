/**
 * Resources that a guest implements, as JavaScript sees them: wrappers of the guest's own number, usable until they are
 * dropped, given away, or the instance ends.
 */
import { withArticle } from "../words.ts";
import { AbiTrap } from "./trap.ts";

/** What a wrapper needs of the instance that implements its resource; cut when the instance is unloaded. */
export interface ResourceOwner {
  /** The names of the resource and of its instance, for messages. */
  readonly name: string;
  readonly module: string;
  /** Wrappers that own a live guest resource now. */
  live: number;
  /** Runs the guest's destructor; `undefined` once the instance is gone. */
  drop: ((rep: number) => void) | undefined;
}

interface WrapperState {
  rep: number;
  readonly owner: ResourceOwner;
  /** The last check that met this wrapper, and whether it was to be given away there. */
  check: number;
  given: boolean;
}

/**
 * The check of one call's arguments, by number: one wrapper cannot be given away and used again in one call. 0 is no check:
 * a getter among the arguments may begin and end checks of its own.
 */
let currentCheck = 0;
let checks = 0;

/** Begins a check; needed when the call gives resources away. @returns what {@link endCheck} takes */
export function beginCheck(): number {
  const before = currentCheck;
  currentCheck = ++checks;
  return before;
}

export function endCheck(before: number): void {
  currentCheck = before;
}

const GONE = -1;

const abandoned = new FinalizationRegistry<WrapperState>((state) => {
  // A fallback only: what a program forgets to dispose of leaks until the engine collects the wrapper.
  try {
    release(state);
  } catch {
    // The trap has locked the instance and is reported there; a finalizer has no caller to tell.
  }
});

function release(state: WrapperState): void {
  const { rep, owner } = state;
  if (rep === GONE) return;
  // Refused while the instance is running: then the wrapper keeps what it has.
  owner.drop?.(rep);
  state.rep = GONE;
  owner.live--;
}

/** The state of a wrapper; set by the class, so that whoever reaches the class reaches nothing behind it. */
let stateOf: (value: object) => WrapperState | undefined;

/** The base of every class that stands for a resource implemented by a guest. */
export class GuestResource {
  readonly #state: WrapperState;

  static {
    stateOf = (value) => (#state in value ? value.#state : undefined);
  }

  constructor(rep: number, owner: ResourceOwner) {
    this.#state = { rep, owner, check: 0, given: false };
    owner.live++;
    abandoned.register(this, this.#state, this.#state);
  }

  /**
   * Drops the guest's resource. Idempotent; does nothing on a resource that was given away.
   *
   * @throws {TrapError} when the instance is running a call, or its destructor traps
   */
  [Symbol.dispose](): void {
    const state = this.#state;
    if (state.rep === GONE) return;
    release(state);
    abandoned.unregister(state);
  }
}
// Every module's classes extend it, so what one of them could change would change for all.
Object.freeze(GuestResource);
Object.freeze(GuestResource.prototype);

/** Whether a value is a usable wrapper of this owner's resource. */
export function isWrapper(value: unknown, owner: ResourceOwner, own: boolean): boolean {
  const state = typeof value === "object" && value !== null ? stateOf(value) : undefined;
  if (state === undefined || state.owner !== owner || state.rep === GONE) return false;
  if (state.check === currentCheck && (own || state.given)) return false;
  state.check = currentCheck;
  state.given = own;
  return true;
}

/** Why {@link isWrapper} said no, in words; `undefined` when the value is no wrapper. */
export function explainWrapper(value: unknown, owner: ResourceOwner | undefined): string | undefined {
  const state = typeof value === "object" && value !== null ? stateOf(value) : undefined;
  if (state === undefined) return undefined;
  const name = withArticle(state.owner.name);
  if (state.rep === GONE) return `${name} that was dropped or given away`;
  if (state.owner !== owner) return `${name} of another instance, "${state.owner.module}"`;
  return state.check === currentCheck ? `${name} that the same call has already` : undefined;
}

/** The state of what was checked before; only an argument that changes while it is read can be something else by now. */
function present(value: unknown, owner: ResourceOwner): WrapperState {
  const state = typeof value === "object" && value !== null ? stateOf(value) : undefined;
  if (state === undefined || state.owner !== owner || state.rep === GONE) {
    throw new AbiTrap("invalid-handle", `The ${owner.name} was dropped, given away or replaced during the call`);
  }
  return state;
}

/** Lowers `borrow`: the number behind the wrapper. */
export function repOf(value: unknown, owner: ResourceOwner): number {
  return present(value, owner).rep;
}

/** Undoes {@link takeRep}. */
export function returnRep(value: object, rep: number): void {
  const state = stateOf(value)!;
  state.rep = rep;
  state.owner.live++;
  abandoned.register(value, state, state);
}

/** Lowers `own`: the wrapper is empty afterwards. */
export function takeRep(value: unknown, owner: ResourceOwner): number {
  const state = present(value, owner);
  const { rep } = state;
  state.rep = GONE;
  owner.live--;
  abandoned.unregister(state);
  return rep;
}
