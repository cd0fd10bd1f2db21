/**
 * What a guest can wait for, and the sets it waits with: `Waitable` and `WaitableSet` in the specification's definitions.py.
 *
 * Both are in the handle table of their component instance, under types that no resource has.
 */
import type { BorrowScope, Handle, HandleTable } from "../handle-table.ts";
import { AbiTrap } from "../trap.ts";

/** What stands in a handle table, by its type: resources have numbers from zero on. */
export const SET = -1;
export const SUBTASK = -2;
export const READABLE_STREAM = -3;
export const WRITABLE_STREAM = -4;
export const READABLE_FUTURE = -5;
export const WRITABLE_FUTURE = -6;
export const ERROR_CONTEXT = -7;

/** `EventCode` */
export const Event = {
  NONE: 0,
  SUBTASK: 1,
  STREAM_READ: 2,
  STREAM_WRITE: 3,
  FUTURE_READ: 4,
  FUTURE_WRITE: 5,
  TASK_CANCELLED: 6,
} as const;

/** An event as a guest is told of it, filled anew for each. */
export interface EventTuple {
  code: number;
  index: number;
  payload: number;
}

export function newEvent(): EventTuple {
  return { code: 0, index: 0, payload: 0 };
}

/** What is in a handle table and is no handle to a resource. */
export abstract class Entry implements Handle {
  lends = 0;
  /** Where it is in the table. */
  index = 0;

  abstract get type(): number;

  // Of a resource's handle alone, and no field of each.

  get rep(): number {
    return 0;
  }

  get own(): boolean {
    return false;
  }

  get scope(): BorrowScope | undefined {
    return undefined;
  }
}

/** A thread, as far as it waits. */
export interface Sleeper {
  readonly wait: number;
}

/** What wakes threads up. */
export interface Waker {
  wake(thread: Sleeper): void;
}

export abstract class Waitable extends Entry {
  /** There is an event that nobody has been told of. */
  pending = false;
  set: WaitableSet | undefined;
  /** The thread that waits for this alone, in a synchronous operation. */
  waiter: Sleeper | undefined;
  private readonly waker: Waker;

  constructor(waker: Waker) {
    super();
    this.waker = waker;
  }

  /** Fills in the event, as of now, and has its effects. */
  protected abstract deliver(event: EventTuple): void;

  /** `set_pending_event` */
  setPending(): void {
    this.pending = true;
    if (this.waiter !== undefined) this.waker.wake(this.waiter);
    else this.set?.note(this, this.waker);
  }

  /** `get_pending_event` */
  take(event: EventTuple): void {
    this.pending = false;
    this.deliver(event);
  }

  join(set: WaitableSet | undefined): void {
    if (this.waiter !== undefined) {
      throw new AbiTrap("waitable-in-set", "Cannot put a waitable in a set while it is used synchronously");
    }
    if (this.set !== undefined) this.set.members--;
    this.set = set;
    if (set === undefined) return;
    set.members++;
    if (this.pending) set.note(this, this.waker);
  }

  /** It has left the table. */
  leave(): void {
    this.pending = false;
    this.join(undefined);
  }
}

/** Whether an entry of a handle table can be waited for. */
export function isWaitable(entry: Handle): entry is Waitable {
  return entry.type <= SUBTASK && entry.type >= WRITABLE_FUTURE;
}

export class WaitableSet extends Entry {
  members = 0;
  /** Threads that wait for an event of the set. */
  readonly waiting: Sleeper[] = [];
  /** Members that had an event when they were put here, the first one first. */
  private events: Waitable[] = [];

  get type(): number {
    return SET;
  }

  note(waitable: Waitable, waker: Waker): void {
    this.events.push(waitable);
    for (const thread of this.waiting) waker.wake(thread);
  }

  /** A thread waits no longer. */
  wakes(thread: Sleeper): void {
    this.waiting.splice(this.waiting.indexOf(thread), 1);
  }

  hasEvent(): boolean {
    while (this.events.length > 0) {
      const [first] = this.events;
      if (first!.pending && first!.set === this) return true;
      this.events.shift();
    }
    return false;
  }

  take(event: EventTuple): void {
    this.events.shift()!.take(event);
  }

  /** It has left the table. */
  leave(): void {
    if (this.members > 0) throw new AbiTrap("waitable-set-in-use", "Cannot drop a waitable set that has waitables");
    if (this.waiting.length > 0) throw new AbiTrap("waitable-set-in-use", "Cannot drop a waitable set with waiters");
  }
}

/** The entry at an index. @throws {AbiTrap} when it is of another type */
export function entryAt<T extends Entry>(handles: HandleTable, index: number, type: number): T {
  return handles.get(index, type) as unknown as T;
}
