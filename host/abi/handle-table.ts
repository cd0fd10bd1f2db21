/**
 * Handle tables, one for each component instance, and what is counted for the length of a call: borrows and lends.
 *
 * Follows design/mvp/CanonicalABI.md, "Table State", "Resource State" and the `canon resource.*` definitions. Resource types
 * are numbered by the plan, so type equality is `===` on numbers.
 */
import type { HostObjects } from "./host-objects.ts";
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
  /** Indices of handles made since the arguments of a call may have to be taken back. */
  added: number[] | undefined;

  constructor(quota: Quota) {
    this.quota = quota;
  }

  add(type: number, rep: number, own: boolean, scope: BorrowScope | undefined): number {
    if (scope !== undefined) scope.count++;
    return this.insert({ type, rep, own, scope, lends: 0 });
  }

  insert(handle: Handle): number {
    this.quota.addHandle();
    const index = this.free.pop() ?? this.entries.length;
    if (index > MAX_LENGTH) throw new AbiTrap("invalid-handle", "The handle table is full");
    this.entries[index] = handle;
    this.added?.push(index);
    return index;
  }

  /** What is at an index, whatever it is. */
  at(index: number): Handle {
    const handle = this.entries[index >>> 0];
    if (handle === undefined) throw new AbiTrap("invalid-handle", `Unknown handle index ${index >>> 0}`);
    return handle;
  }

  get(index: number, type: number): Handle {
    const handle = this.at(index);
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

  remove(index: number): Handle {
    const handle = this.entries[index]!;
    this.entries[index] = undefined;
    this.free.push(index);
    this.quota.handles--;
    return handle;
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
