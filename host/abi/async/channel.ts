/**
 * Streams and futures: the state that their two ends share, and what is copied when both meet. `SharedStreamImpl` and
 * `SharedFutureImpl` in the specification's definitions.py.
 *
 * An end that waits is the channel's `pending` party, a guest's buffer or the host. Numbers go from memory to memory; everything
 * else is lifted out of the one buffer and lowered into the other, element by element.
 */
import type { ValueType } from "../../model/types.ts";
import type { StringEncoding } from "../../plan/plan.ts";
import type { Memory } from "../memory.ts";
import { AbiTrap } from "../trap.ts";
import type { TaskInstance } from "./task.ts";

/** `CopyResult` */
export const Copied = { COMPLETED: 0, DROPPED: 1, CANCELLED: 2 } as const;

/** A type of streams or futures, as the text of a component describes it. */
export interface ChannelType {
  readonly isFuture: boolean;
  /** Of what it carries; absent where there is nothing but the number of units. */
  readonly element: ValueType["kind"] | undefined;
  /** Bytes of an element in memory, and what they are aligned to. */
  readonly size: number;
  readonly alignment: number;
  /** Bytes that an element takes of the host's heap. */
  readonly cost: number;
  /** Whether an element is a value that fits. */
  readonly fitsElement: (value: unknown) => boolean;
  /** An element may be an array in JavaScript. */
  readonly ofArrays: boolean;
  /** The way to the type in the functions of the plan, for messages. */
  readonly path: readonly number[];
}

/** How a guest reads or writes: how elements of one type get out of its memory, or into it. */
export interface Access {
  readonly type: ChannelType;
  readonly instance: TaskInstance;
  /** It goes on when the other end is not there. */
  readonly async: boolean;
  /** Absent where the elements take no memory. */
  readonly memory: Memory | undefined;
  readonly encoding: StringEncoding;
  /** Lifts the element at an address: for a guest, and for the host. Absent where the guest does not write. */
  readonly load?: (pointer: number) => unknown;
  readonly give?: (pointer: number) => unknown;
  /** Lowers an element to an address: of a guest with strings in an encoding, and of the host. */
  readonly store?: Readonly<Partial<Record<StringEncoding, (value: unknown, pointer: number) => void>>>;
  readonly take?: (value: unknown, pointer: number) => void;
  /** Host objects that a guest gave back with elements are the host's own from here on. */
  readonly given?: () => void;
}

/** Where elements come from or go to. */
export type Buffer = GuestBuffer | HostSource | HostSink;

/** A part of a guest's memory. */
export interface GuestBuffer {
  readonly access: Access;
  readonly pointer: number;
  readonly remain: number;
  /** Elements of it that have been copied. */
  progress: number;
}

/** Elements that the host gives. */
export interface HostSource {
  readonly access: undefined;
  readonly remain: number;
  /** The next elements, which fit. @throws what tells that one does not */
  next(count: number): ArrayLike<unknown>;
}

/** Where the host takes elements. */
export interface HostSink {
  readonly access: undefined;
  readonly remain: number;
  accept(elements: ArrayLike<unknown> | number): void;
}

/** One who reads or writes. */
export interface Party {
  readonly buffer: Buffer;
  /** `undefined` for the host. */
  readonly instance: TaskInstance | undefined;
  /** The buffer is of no elements, and asks only whether the other end is ready. */
  readonly isZeroLength: boolean;
  /** `on_copy`: some elements were copied, and there may be more. */
  copied(): void;
  /** `on_copy_done` */
  done(result: number): void;
}

/** The host where it writes, which is told of what the reader does. */
export interface HostEnd {
  /** It waits. */
  wanted(): void;
  /** It waits no more. */
  unwanted(): void;
  /** It is gone. */
  gone(): void;
}

/** What the ends that the host has ask of the instance's tasks. */
export interface HostSide {
  /** Ends that the host reads, and what it writes to: they are cut at the end of the instance. */
  readonly ends: Set<{ cut(error: Error): void }>;
  /** Does something that touches a guest's buffer when nothing of the instance is on the stack. */
  touch(party: Party | undefined, action: () => void): void;
  /** Threads that were woken up go on soon. */
  proceedSoon(): void;
  /** The turn of the event loop that comes before whatever would go on; `undefined` where none has to. */
  turn(): Promise<void> | undefined;
  /** What a source threw, as what is thrown into the guest. */
  sourceFault(type: ChannelType, error: unknown): unknown;
  /** The error for an element that does not fit. */
  misfit(type: ChannelType, value: unknown, place: string): Error;
}

export class Channel {
  readonly type: ChannelType;
  dropped = false;
  pending: Party | undefined;
  host: HostEnd | undefined;

  constructor(type: ChannelType) {
    this.type = type;
  }

  read(reader: Party): void {
    const { pending: writer } = this;
    if (this.dropped) reader.done(Copied.DROPPED);
    else if (writer === undefined) this.waitFor(reader, true);
    else {
      this.refuseSame(writer, reader);
      if (writer.buffer.remain > 0) this.meet(writer, reader, writer, reader);
      else this.replace(writer, reader, true);
    }
  }

  write(writer: Party): void {
    const { pending: reader } = this;
    if (this.dropped) writer.done(Copied.DROPPED);
    else if (reader === undefined) this.waitFor(writer, false);
    else {
      this.refuseSame(writer, reader);
      if (reader.buffer.remain > 0) this.meet(writer, reader, reader, writer);
      else if (writer.isZeroLength && reader.isZeroLength) writer.done(Copied.COMPLETED);
      else this.replace(reader, writer, false);
    }
  }

  private waitFor(party: Party, reads: boolean): void {
    this.pending = party;
    if (reads) this.host?.wanted();
  }

  private refuseSame(writer: Party, reader: Party): void {
    if (writer.instance !== undefined && writer.instance === reader.instance && !isPlain(this.type)) {
      const words = this.type.isFuture ? "future" : "stream";
      throw new AbiTrap(
        "same-instance-stream",
        `Cannot read from and write to a ${words} within one component instance, unless its elements are numbers`,
      );
    }
  }

  /** Both are here, and there is something to copy for the one that waited. */
  private meet(writer: Party, reader: Party, waited: Party, came: Party): void {
    const count = Math.min(writer.buffer.remain, reader.buffer.remain);
    if (this.type.isFuture) {
      transfer(this.type, writer.buffer, reader.buffer, 1);
      this.pending = undefined;
      waited.done(Copied.COMPLETED);
    } else if (count > 0) {
      transfer(this.type, writer.buffer, reader.buffer, count);
      waited.copied();
    }
    came.done(Copied.COMPLETED);
  }

  /** The one that waited has nothing left to copy, and the other waits in its place. */
  private replace(waited: Party, came: Party, reads: boolean): void {
    this.pending = undefined;
    waited.done(Copied.COMPLETED);
    this.waitFor(came, reads);
  }

  /** `reset_and_notify_pending` */
  private end(result: number): void {
    const { pending } = this;
    this.pending = undefined;
    pending!.done(result);
  }

  /** There is something for one who only asked whether there is. */
  answer(): void {
    this.end(Copied.COMPLETED);
  }

  cancel(): void {
    this.end(Copied.CANCELLED);
    this.host?.unwanted();
  }

  drop(): void {
    if (this.dropped) return;
    this.dropped = true;
    if (this.pending !== undefined) this.end(Copied.DROPPED);
    const { host } = this;
    this.host = undefined;
    host?.gone();
  }

  /** The party that waits has been told of what was copied. */
  release(party: Party): void {
    if (this.pending === party) this.pending = undefined;
  }
}

/** Copies elements from where they are to where they are wanted. */
function transfer(type: ChannelType, from: Buffer, to: Buffer, count: number): void {
  const out = from.access;
  const into = to.access;
  if (out === undefined) {
    const elements = (from as HostSource).next(count);
    if (into === undefined) (to as HostSink).accept(type.element === undefined ? count : elements);
    else storeFromHost(type, elements, to as GuestBuffer, count);
    return;
  }
  const source = from as GuestBuffer;
  if (into === undefined) (to as HostSink).accept(giveToHost(type, source, count));
  else copyBetween(type, source, to as GuestBuffer, count);
  source.progress += count;
}

function copyBetween({ element, size, cost }: ChannelType, from: GuestBuffer, to: GuestBuffer, count: number): void {
  const source = from.access;
  const target = to.access;
  const start = from.pointer + from.progress * size;
  const at = to.pointer + to.progress * size;
  to.progress += count;
  if (element === undefined) return;
  if (source.load === undefined) {
    const memory = source.memory!;
    const other = target.memory!;
    memory.sync();
    if (memory === other) {
      memory.u8.copyWithin(at, start, start + count * size);
      return;
    }
    other.sync();
    other.u8.set(memory.u8.subarray(start, start + count * size), at);
    return;
  }
  const store = target.store![source.encoding]!;
  source.memory?.beginLift();
  source.memory?.spend(count * cost);
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push(source.load(start + i * size));
  target.memory?.sync();
  for (let i = 0; i < count; i++) store(values[i], at + i * size);
}

function giveToHost(
  { element, size, cost }: ChannelType,
  { access, pointer, progress }: GuestBuffer,
  count: number,
): ArrayLike<unknown> | number {
  if (element === undefined) return count;
  const start = pointer + progress * size;
  const memory = access.memory!;
  const array = arrays[element];
  if (array !== undefined) {
    memory.sync();
    const bytes = memory.u8.slice(start, start + count * size);
    return element === "u8" ? bytes : new array(bytes.buffer);
  }
  memory.beginLift();
  memory.spend(count * cost);
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push(access.give!(start + i * size));
  access.given?.();
  return values;
}

function storeFromHost(
  { element, size }: ChannelType,
  elements: ArrayLike<unknown>,
  buffer: GuestBuffer,
  count: number,
): void {
  const at = buffer.pointer + buffer.progress * size;
  const { memory, take } = buffer.access;
  const array = element && arrays[element];
  memory?.sync();
  if (array !== undefined) {
    if (element === "u8") memory!.storeBytes(elements as ArrayLike<number>, at, count);
    else new array(memory!.u8.buffer, at, count).set(elements as never);
  } else if (element !== undefined) {
    for (let i = 0; i < count; i++) take!(elements[i], at + i * size);
  }
  buffer.progress += count;
}

/** `none_or_number_type` */
export function isPlain({ element }: ChannelType): boolean {
  return element === undefined || arrays[element] !== undefined;
}

/** The typed array of a kind of number. */
export const arrays: Readonly<Partial<Record<ValueType["kind"], TypedArrayClass>>> = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
};

/** What the classes of typed arrays have in common, as far as it is used. */
export interface TypedArrayClass {
  readonly BYTES_PER_ELEMENT: number;
  new (
    buffer: ArrayBufferLike,
    offset?: number,
    length?: number,
  ): {
    readonly length: number;
    readonly buffer: ArrayBufferLike;
    set(elements: never): void;
    subarray(from: number, to: number): ArrayLike<unknown>;
  };
}
