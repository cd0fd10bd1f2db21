/**
 * Handle tables, borrow scopes, and the JavaScript classes of resources.
 *
 * Follows design/mvp/CanonicalABI.md, "Table State", "Resource State" and the `canon resource.*` definitions. A table
 * belongs to one component instance. Resource types are numbered by the plan, so type equality is `===` on numbers.
 */
import { withArticle } from "../words.ts";
import type { Quota } from "./quota.ts";
import { AbiTrap } from "./trap.ts";

const MAX_LENGTH = 2 ** 28 - 1;

/** Counts the borrow handles a callee still holds; they must be gone when it returns ("num_borrows"). */
export class BorrowScope {
  count = 0;
  /** Host objects numbered for this call only. */
  private readonly temporaries: { readonly objects: HostObjects; readonly rep: number }[] = [];

  keep(objects: HostObjects, object: object): number {
    const rep = objects.lend(object);
    this.temporaries.push({ objects, rep });
    return rep;
  }

  /** The call has returned. @throws {AbiTrap} when borrow handles remain */
  end(): void {
    for (const { objects, rep } of this.temporaries) objects.remove(rep);
    if (this.count !== 0) {
      throw new AbiTrap("invalid-handle", `${this.count} borrow handles still remain at the end of the call`);
    }
  }
}

export interface Handle {
  readonly type: number;
  readonly rep: number;
  readonly own: boolean;
  readonly scope: BorrowScope | undefined;
  lends: number;
}

/** Handles lent for the duration of a call ("add_lender" and "deliver_resolve"). */
export class Lends {
  private readonly handles: Handle[] = [];

  add(handle: Handle): number {
    handle.lends++;
    this.handles.push(handle);
    return handle.rep;
  }

  end(): void {
    for (const handle of this.handles) handle.lends--;
  }
}

/** The handles of one component instance; indices start at 1 and the last freed is used first. */
export class HandleTable {
  private readonly entries: (Handle | undefined)[] = [undefined];
  private readonly free: number[] = [];
  private readonly quota: Quota;

  constructor(quota: Quota) {
    this.quota = quota;
  }

  add(type: number, rep: number, own: boolean, scope: BorrowScope | undefined): number {
    this.quota.addHandle();
    const handle: Handle = { type, rep, own, scope, lends: 0 };
    if (scope !== undefined) scope.count++;
    const index = this.free.pop();
    if (index !== undefined) {
      this.entries[index] = handle;
      return index;
    }
    if (this.entries.length > MAX_LENGTH) throw new AbiTrap("invalid-handle", "The handle table is full");
    return this.entries.push(handle) - 1;
  }

  get(index: number, type: number): Handle {
    const handle = this.entries[index >>> 0];
    if (handle === undefined) throw new AbiTrap("invalid-handle", `Unknown handle index ${index >>> 0}`);
    if (handle.type !== type) {
      throw new AbiTrap("invalid-handle", `Handle index ${index >>> 0} used with the wrong type`);
    }
    return handle;
  }

  /** `canon resource.rep` */
  rep(index: number, type: number): number {
    return this.get(index, type).rep;
  }

  /** `lift_own`: the handle leaves the table. */
  takeOwn(index: number, type: number): number {
    const handle = this.get(index, type);
    if (handle.lends !== 0) throw new AbiTrap("invalid-handle", "Cannot remove an owned resource while it is borrowed");
    if (!handle.own) throw new AbiTrap("invalid-handle", `Handle index ${index >>> 0} is a borrow, not an own`);
    this.remove(index >>> 0);
    return handle.rep;
  }

  /** `canon resource.drop`, without the destructor. @returns whether the destructor is to run */
  drop(index: number, type: number): Handle {
    const handle = this.get(index, type);
    if (handle.lends !== 0) throw new AbiTrap("invalid-handle", "Cannot drop a resource while it is borrowed");
    this.remove(index >>> 0);
    if (!handle.own && handle.scope !== undefined) handle.scope.count--;
    return handle;
  }

  private remove(index: number): void {
    this.entries[index] = undefined;
    this.free.push(index);
    this.quota.handles--;
  }

  /** Removes every handle. */
  clear(): void {
    this.entries.length = 1;
    this.free.length = 0;
    this.quota.handles = 0;
  }

  /** Adds the owned handles to counts by resource type. */
  countOwned(counts: Map<number, number>): void {
    for (const handle of this.entries) {
      if (handle?.own === true) counts.set(handle.type, (counts.get(handle.type) ?? 0) + 1);
    }
  }
}

/** Host objects of one imported resource type, numbered: the number is the `rep` that guests' handles carry. */
export class HostObjects {
  private readonly objects: (object | undefined)[] = [undefined];
  private readonly free: number[] = [];
  /** Those that the host lends for the length of a call. */
  private readonly lent = new Set<number>();
  /** Those on their way to the host: theirs until everything that goes with them has been lifted. */
  private readonly giving: number[] = [];

  add(object: object): number {
    const rep = this.free.pop();
    if (rep === undefined) return this.objects.push(object) - 1;
    this.objects[rep] = object;
    return rep;
  }

  lend(object: object): number {
    const rep = this.add(object);
    this.lent.add(rep);
    return rep;
  }

  get(rep: number): object {
    return this.objects[rep]!;
  }

  /** Lifts `own`; to be followed by {@link given}. */
  give(rep: number): object {
    this.giving.push(rep);
    return this.objects[rep]!;
  }

  /** What was lifted has reached the host. */
  given(): void {
    for (const rep of this.giving) this.remove(rep);
    this.giving.length = 0;
  }

  remove(rep: number): object {
    const object = this.objects[rep]!;
    this.objects[rep] = undefined;
    this.lent.delete(rep);
    this.free.push(rep);
    return object;
  }

  /** Removes everything. @returns what guests owned */
  clear(): object[] {
    const owned = this.objects.filter((object, rep) => object !== undefined && !this.lent.has(rep)) as object[];
    this.objects.length = 1;
    this.free.length = 0;
    this.giving.length = 0;
    this.lent.clear();
    return owned;
  }
}

/** Runs the destructor of a host object. */
export function disposeHostObject(object: object): void {
  (object as Partial<Disposable>)[Symbol.dispose]?.();
}

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
  // A backstop only: a program that forgets `dispose` leaks until the engine notices.
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

/** Lowers `own`: the wrapper is empty afterwards. */
export function takeRep(value: unknown, owner: ResourceOwner): number {
  const state = present(value, owner);
  const { rep } = state;
  state.rep = GONE;
  owner.live--;
  abandoned.unregister(state);
  return rep;
}
