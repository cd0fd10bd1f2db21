/**
 * Streams, futures and error contexts as values: how each type of them goes from guest to guest, and between guests and the host.
 * The text of a component has one object for each type, `e0` and so on.
 */
import type { ErrorContext } from "../../model/async-values.ts";
import { AbiTrap } from "../trap.ts";
import { Channel, type ChannelType, type HostSide, isPlain } from "./channel.ts";
import { End } from "./ends.ts";
import { behind, Reader, readFuture, StreamOfGuest } from "./host-reader.ts";
import { feedOf, feedOfFuture, isSource, Splice, Writer } from "./host-writer.ts";
import type { TaskInstance } from "./task.ts";
import { Entry, entryAt, ERROR_CONTEXT, READABLE_FUTURE, READABLE_STREAM, type Waker } from "./waitable.ts";

/** What the text says of a type of streams or futures. */
export type ChannelTraits = Omit<ChannelType, "isFuture">;

/** What numbers the checks of arguments: 0 is none. */
interface Checks {
  /** @returns the number of the one that was under way */
  beginCheck(): number;
  endCheck(before: number): void;
}

type Owner = Waker & HostSide & { readonly instance: Checks };

abstract class Passed implements ChannelType {
  abstract readonly isFuture: boolean;
  readonly element: ChannelType["element"];
  readonly size: number;
  readonly alignment: number;
  readonly cost: number;
  readonly fitsElement: ChannelType["fitsElement"];
  readonly ofArrays: boolean;
  readonly path: ChannelType["path"];
  protected readonly owner: Owner;

  constructor(owner: Owner, traits: ChannelTraits) {
    this.owner = owner;
    this.element = traits.element;
    this.size = traits.size;
    this.alignment = traits.alignment;
    this.cost = traits.cost;
    this.fitsElement = traits.fitsElement;
    this.ofArrays = traits.ofArrays;
    this.path = traits.path;
  }

  /** Both ends of a new one, in the table of a guest. @returns their indices, the writable end's in the upper half */
  make(instance: TaskInstance): bigint {
    const channel = new Channel(this);
    const readable = this.lower(instance, channel);
    const writable = this.add(instance, channel, false);
    return BigInt(readable) | (BigInt(writable) << 32n);
  }

  /** `lift_async_value`: the readable end leaves the guest's table. */
  lift({ state }: TaskInstance, index: number): Channel {
    const end = entryAt<End>(state.handles, index, this.isFuture ? READABLE_FUTURE : READABLE_STREAM);
    this.refuseOther(end, index);
    const channel = end.handOver();
    state.handles.remove(index >>> 0);
    return channel;
  }

  refuseOther(end: End, index: number): void {
    if (end.channel.type === this) return;
    throw new AbiTrap("invalid-handle", `Handle index ${index >>> 0} used with the wrong type of ${end.words}`);
  }

  lower(instance: TaskInstance, channel: Channel): number {
    return this.add(instance, channel, true);
  }

  private add(instance: TaskInstance, channel: Channel, isReadable: boolean): number {
    const end = new End(this.owner, channel, instance, isReadable);
    return (end.index = instance.state.handles.insert(end));
  }
}

export class PassedStream extends Passed {
  readonly isFuture: boolean = false;

  fits(value: unknown): boolean {
    return isSource(this, value) && !isMet(value as object, this.owner.instance);
  }

  /** For the host. */
  give(instance: TaskInstance, index: number): StreamOfGuest {
    return new StreamOfGuest(new Reader(this.owner, this.lift(instance, index)));
  }

  /** From the host. */
  take(instance: TaskInstance, value: object): number {
    if (!isSource(this, value)) {
      throw new AbiTrap("unknown", "a stream that has been given away, read or ended since the call was made");
    }
    const given = behind(value);
    if (given === undefined) return this.from(instance, value);
    const reader = given.handOn();
    // One of another thread has no channel here.
    if (!(reader instanceof Reader)) return this.from(instance, new StreamOfGuest(reader));
    if (reader.side === this.owner && reader.channel!.type === this) return this.lower(instance, reader.leave()!);
    if (!isPlain(this)) return this.from(instance, new StreamOfGuest(reader));
    const own = new Channel(this);
    new Splice(this.owner, own, reader);
    return this.lower(instance, own);
  }

  private from(instance: TaskInstance, source: object): number {
    const channel = new Channel(this);
    new Writer(this.owner, channel, feedOf(source));
    return this.lower(instance, channel);
  }
}

export class PassedFuture extends Passed {
  readonly isFuture: boolean = true;

  fits(value: unknown): boolean {
    return isPromise(value) || (this.element === undefined ? value === undefined : this.fitsElement(value));
  }

  give(instance: TaskInstance, index: number): Promise<unknown> {
    return readFuture(new Reader(this.owner, this.lift(instance, index)));
  }

  take(instance: TaskInstance, value: unknown): number {
    const channel = new Channel(this);
    new Writer(this.owner, channel, feedOfFuture(value, isPromise(value)));
    return this.lower(instance, channel);
  }
}

/** Streams that checks of arguments have met, each with the number of the last. */
const met = new WeakMap<object, number>();

/** Whether a value can be read once only, and the check of arguments that is under way has met it. */
export function isMet(value: object, checks: Checks): boolean {
  const check = checks.beginCheck();
  checks.endCheck(check);
  if (check === 0 || !(behind(value) !== undefined || value instanceof ReadableStream)) return false;
  if (met.get(value) === check) return true;
  met.set(value, check);
  return false;
}

export function isPromise(value: unknown): boolean {
  try {
    return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
  } catch {
    // What throws when it is looked at is no promise.
    return false;
  }
}

/** An error context in the table of a guest. */
export class ErrorContextEntry extends Entry {
  readonly type: number = ERROR_CONTEXT;
  readonly value: ErrorContext;

  constructor(value: ErrorContext) {
    super();
    this.value = value;
  }
}

/** Error contexts are the same for all: what the host gives is read when it is given. */
export const errorContexts = {
  fits(value: unknown): boolean {
    try {
      return (
        typeof value === "object" && value !== null && typeof (value as Partial<ErrorContext>).debugMessage === "string"
      );
    } catch {
      return false;
    }
  },
  lift({ state }: TaskInstance, index: number): ErrorContext {
    return entryAt<ErrorContextEntry>(state.handles, index, ERROR_CONTEXT).value;
  },
  give(instance: TaskInstance, index: number): ErrorContext {
    return errorContexts.lift(instance, index);
  },
  lower({ state }: TaskInstance, value: ErrorContext): number {
    return state.handles.insert(new ErrorContextEntry(value));
  },
  take(instance: TaskInstance, { debugMessage }: ErrorContext): number {
    return errorContexts.lower(instance, Object.freeze({ debugMessage: `${debugMessage}` }));
  },
};
