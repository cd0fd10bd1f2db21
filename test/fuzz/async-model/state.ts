/**
 * What a component instance has, as plainly as it can be said: tables, waitable sets, subtasks, and the ends of streams and
 * futures with the copies between them.
 *
 * Owns the state and the rules of copying. Follows the specification (Canonical ABI, "Runtime State" and the canonical
 * definitions of streams and futures), not the host. Which task runs when is `checker.ts`.
 */
import { bytesOf, type Element } from "./ops.ts";
import { layout } from "./guest.ts";

/** The guest broke a rule: the run ends here. */
export class ModelTrap extends Error {
  readonly codes: readonly string[];
  /** @param codes that of the rule; several, by commas, where several rules are broken at once */
  constructor(codes: string, rule: string) {
    super(rule);
    this.codes = codes.split(",");
  }
}

export function trapIf(broken: boolean, code: string, rule: string): void {
  if (broken) throw new ModelTrap(code, rule);
}

export const eventCodes = {
  none: 0,
  subtask: 1,
  "stream read": 2,
  "stream write": 3,
  "future read": 4,
  "future write": 5,
  cancelled: 6,
} as const;

export const subtaskStates = {
  starting: 0,
  started: 1,
  returned: 2,
  "cancelled before it started": 3,
  "cancelled before it returned": 4,
} as const;

const copyResults = { completed: 0, dropped: 1, cancelled: 2 } as const;

/** What a built-in gives when its answer comes as an event. */
export const BLOCKED = 0xffff_ffff;
const MOST_ELEMENTS = 2 ** 28 - 1;

export type Event = readonly [code: number, index: number, payload: number];

export class WaitSet {
  readonly members = new Set<Waitable>();
  waiters = 0;
  /** Its index, for those that choose what to do. */
  index = 0;
}

export abstract class Waitable {
  set: WaitSet | undefined;
  hasSyncWaiter = false;
  index = 0;
  abstract hasEvent(): boolean;
  abstract peekEvent(): Event;
  /** Hands the event over, which changes the state. */
  abstract takeEvent(): Event;

  join(set: WaitSet | undefined): void {
    this.set?.members.delete(this);
    this.set = set;
    set?.members.add(this);
  }
}

/** The caller's side of a call. */
export class Subtask extends Waitable {
  state: number = subtaskStates.starting;
  /** The end of the call has been told to the caller. */
  delivered = false;
  isCancelling = false;
  hasNews = false;
  /** Only a call that has been given an index tells of its progress. */
  tells = false;
  readonly #instance: Instance;
  readonly #resultAt: number | undefined;

  /** @param resultAt where the caller wants the result in its memory; nowhere for a synchronous call */
  constructor(instance: Instance, resultAt: number | undefined) {
    super();
    this.#instance = instance;
    this.#resultAt = resultAt;
  }

  isResolved(): boolean {
    return this.state >= subtaskStates.returned;
  }
  deliver(): void {
    this.delivered = true;
    if (this.state === subtaskStates.returned && this.#resultAt !== undefined)
      this.#instance.results.push(this.#resultAt);
  }
  progress(state: number): void {
    this.state = state;
    if (this.tells) this.hasNews = true;
  }
  hasEvent(): boolean {
    return this.hasNews;
  }
  peekEvent(): Event {
    return [eventCodes.subtask, this.index, this.state];
  }
  takeEvent(): Event {
    this.hasNews = false;
    if (this.isResolved()) this.deliver();
    return this.peekEvent();
  }
}

/** A call of the host's function. The host answers from outside, at a time that is the host's to see. */
export class HostCall {
  readonly id: number;
  readonly subtask: Subtask;
  /** The host has settled its promise with this, and nobody has noticed yet. */
  answer: number | undefined;
  readonly #store: (value: number) => void;

  constructor(id: number, subtask: Subtask, store: (value: number) => void) {
    this.id = id;
    this.subtask = subtask;
    this.#store = store;
  }
  /** The answer arrives. */
  land(): void {
    if (this.answer === undefined || this.subtask.isResolved()) return;
    this.#store(this.answer);
    this.subtask.progress(subtaskStates.returned);
  }
}

interface Copy {
  readonly instance: Instance;
  readonly at: number;
  readonly length: number;
  progress: number;
}

/** What the two ends share. */
class Channel {
  readonly kind: "stream" | "future";
  readonly element: Element;
  isDropped = false;
  waiting: { readonly end: End; readonly copy: Copy } | undefined;
  constructor(kind: "stream" | "future", element: Element) {
    this.kind = kind;
    this.element = element;
  }
}

export class End extends Waitable {
  readonly side: "read" | "write";
  readonly channel: Channel;
  state: "idle" | "copying" | "cancelling" | "done" = "idle";
  #copy: Copy | undefined;
  /** The result that an event of this end would carry. */
  #result: number | undefined;

  constructor(side: "read" | "write", channel: Channel) {
    super();
    this.side = side;
    this.channel = channel;
  }

  isCopying(): boolean {
    return this.state === "copying" || this.state === "cancelling";
  }
  hasEvent(): boolean {
    return this.#result !== undefined;
  }
  peekEvent(): Event {
    const { kind } = this.channel;
    const result = this.#result!;
    const payload = kind === "future" ? result : result + this.#copy!.progress * 16;
    return [eventCodes[`${kind} ${this.side}`], this.index, payload];
  }
  takeEvent(): Event {
    const event = this.peekEvent();
    const result = this.#result!;
    const { kind } = this.channel;
    this.#result = undefined;
    // A part has been copied, and the other side may go on with the rest until this side knows of it.
    if (this.channel.waiting?.end === this) this.channel.waiting = undefined;
    const isLast = result === copyResults.dropped || (kind === "future" && result === copyResults.completed);
    this.state = isLast ? "done" : "idle";
    this.#copy = undefined;
    return event;
  }

  /** `read` or `write` of `length` elements at `at`. What comes of it is an event. */
  start(instance: Instance, at: number, length: number): void {
    const bytes = bytesOf(this.channel.element);
    trapIf(length > MOST_ELEMENTS, "list-out-of-bounds", "a copy of too many elements");
    if (bytes > 0 && length > 0) {
      trapIf(at % bytes !== 0, "unaligned-pointer", "a buffer that is not aligned");
      trapIf(at + length * bytes > instance.memory.length, "list-out-of-bounds", "a buffer outside of memory");
    }
    const copy = { instance, at, length, progress: 0 };
    this.state = "copying";
    this.#copy = copy;
    const { channel } = this;
    const other = channel.waiting;
    if (channel.isDropped) {
      this.#result = copyResults.dropped;
    } else if (other === undefined) {
      channel.waiting = { end: this, copy };
    } else if (channel.kind === "future") {
      this.#move(other.copy, copy, 1);
      other.end.#finish(copyResults.completed);
      this.#result = copyResults.completed;
    } else if (other.copy.length > other.copy.progress) {
      const count = Math.min(other.copy.length - other.copy.progress, length);
      if (count > 0) {
        this.#move(other.copy, copy, count);
        other.end.#result = copyResults.completed;
      }
      this.#result = copyResults.completed;
    } else if (this.side === "write" && length === 0 && other.copy.length === 0) {
      this.#result = copyResults.completed;
    } else {
      other.end.#finish(copyResults.completed);
      channel.waiting = { end: this, copy };
    }
  }

  #finish(result: number): void {
    this.channel.waiting = undefined;
    this.#result = result;
  }

  #move(waiting: Copy, here: Copy, count: number): void {
    const [from, to] = this.side === "read" ? [waiting, here] : [here, waiting];
    const bytes = bytesOf(this.channel.element);
    const start = from.at + from.progress * bytes;
    const taken = from.instance.memory.slice(start, start + count * bytes);
    to.instance.memory.set(taken, to.at + to.progress * bytes);
    from.progress += count;
    to.progress += count;
  }

  /**
   * Ends a copy. Of a stream, what has been copied by then is told as that much of a cancelled copy: so the specification's tests
   * have it (cancel-stream.wast), where its reference says that it was completed.
   */
  cancel(): void {
    trapIf(this.state !== "copying" || this.hasSyncWaiter, "stream-busy", "a cancel of no copy");
    this.state = "cancelling";
    if (this.#result === undefined) this.#finish(copyResults.cancelled);
    else if (this.channel.kind === "stream" && this.#result === copyResults.completed)
      this.#result = copyResults.cancelled;
  }

  drop(): void {
    trapIf(
      this.channel.kind === "future" && this.side === "write" && this.state !== "done",
      this.isCopying() ? "future-not-written,stream-busy" : "future-not-written",
      "a future that was never written",
    );
    trapIf(this.isCopying(), "stream-busy", "a drop while copying");
    if (!this.channel.isDropped) {
      this.channel.isDropped = true;
      const other = this.channel.waiting?.end;
      if (other !== undefined) other.#finish(copyResults.dropped);
    }
    this.join(undefined);
  }
}

export type Entry = WaitSet | Subtask | End;

/** Handles by index; the index freed last is given out first. */
class Table {
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #free: number[] = [];

  add(entry: Entry): number {
    const index = this.#free.pop() ?? this.#entries.length;
    this.#entries[index] = entry;
    entry.index = index;
    return index;
  }
  get<T extends Entry>(index: number, kind: abstract new (...args: never[]) => T): T {
    const entry = this.#entries[index];
    if (!(entry instanceof kind)) throw new ModelTrap("invalid-handle", `handle ${index} is no ${kind.name}`);
    return entry;
  }
  waitable(index: number): Subtask | End {
    const entry = this.#entries[index];
    if (entry === undefined || entry instanceof WaitSet) {
      throw new ModelTrap("invalid-handle", `handle ${index} is no waitable`);
    }
    return entry;
  }
  remove(index: number): void {
    this.#entries[index] = undefined;
    this.#free.push(index);
  }
  /** Every handle there is. */
  all(): readonly Entry[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }
}

export class Instance {
  readonly name: "main" | "leaf";
  readonly element: Element;
  readonly table = new Table();
  readonly memory = new Uint8Array(layout.size);
  /** Where results of calls are that the guest has been told of. */
  readonly results: number[] = [];
  backpressure = 0;
  /** The task that has the instance to itself, as those with a callback and those lifted synchronously do while they run. */
  exclusive: { readonly id: number } | undefined;
  /** Tasks that wait to be let in. */
  entering = 0;

  constructor(name: "main" | "leaf", element: Element) {
    this.name = name;
    this.element = element;
  }

  open(kind: "stream" | "future"): readonly [readable: number, writable: number] {
    const channel = new Channel(kind, kind === "future" ? "u8" : this.element);
    const readable = this.table.add(new End("read", channel));
    return [readable, this.table.add(new End("write", channel))];
  }

  /** An end of the right kind and side. */
  end(index: number, kind: "stream" | "future", side: "read" | "write"): End {
    const end = this.table.get(index, End);
    trapIf(end.channel.kind !== kind || end.side !== side, "invalid-handle", `handle ${index} is another end`);
    return end;
  }

  /** Takes a readable end out, for another instance. */
  lift(index: number, kind: "stream" | "future"): End {
    const end = this.end(index, kind, "read");
    trapIf(end.isCopying(), "stream-busy", "an end handed on while copying");
    trapIf(end.state === "done", "stream-done", "an end handed on that is done");
    trapIf(end.set !== undefined, "waitable-in-set", "an end handed on while in a set");
    this.table.remove(index);
    return end;
  }

  /** Puts a readable end of another instance in. */
  lower({ channel }: End): number {
    return this.table.add(new End("read", channel));
  }

  store(at: number, value: number): void {
    new DataView(this.memory.buffer).setUint32(at, value, true);
  }
  load(at: number): number {
    return new DataView(this.memory.buffer).getUint32(at, true);
  }
}
