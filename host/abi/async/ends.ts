/** The ends of streams and futures that guests have: `CopyEnd` in the specification's definitions.py. */
import type { TrapCode } from "../../errors.ts";
import { AbiTrap } from "../trap.ts";
import { type Access, type Channel, Copied, type GuestBuffer, type Party } from "./channel.ts";
import type { TaskInstance } from "./task.ts";
import {
  Event,
  type EventTuple,
  READABLE_FUTURE,
  READABLE_STREAM,
  Waitable,
  type Waker,
  WRITABLE_FUTURE,
  WRITABLE_STREAM,
} from "./waitable.ts";

/** `CopyState` */
const EndState = { IDLE: 1, COPYING: 2, CANCELLING: 3, DONE: 4 } as const;

/** `Buffer.MAX_LENGTH` */
const MOST_ELEMENTS = 2 ** 28 - 1;

/** One end, which is its own buffer while something is copied. */
export class End extends Waitable implements Party, GuestBuffer {
  readonly type: number;
  readonly channel: Channel;
  readonly instance: TaskInstance;
  state: number = EndState.IDLE;
  access!: Access;
  pointer = 0;
  length = 0;
  progress = 0;
  private result: number = Copied.COMPLETED;
  /** What was copied is not all: more may be until the guest is told. */
  private open = false;

  constructor(waker: Waker, channel: Channel, instance: TaskInstance, isReadable: boolean) {
    super(waker);
    this.channel = channel;
    this.instance = instance;
    const { isFuture } = channel.type;
    this.type = isFuture
      ? isReadable
        ? READABLE_FUTURE
        : WRITABLE_FUTURE
      : isReadable
        ? READABLE_STREAM
        : WRITABLE_STREAM;
  }

  get buffer(): this {
    return this;
  }

  get remain(): number {
    return this.length - this.progress;
  }

  get isZeroLength(): boolean {
    return this.length === 0;
  }

  /** Whether it reads: the other kind of end writes. */
  private get isReadable(): boolean {
    return this.type === READABLE_STREAM || this.type === READABLE_FUTURE;
  }

  get words(): string {
    return this.channel.type.isFuture ? "future" : "stream";
  }

  /** Begins to read or write. @throws {AbiTrap} when the buffer is not within the memory */
  copy(access: Access, pointer: number, length: number): void {
    this.use(access, pointer >>> 0, length >>> 0);
    this.state = EndState.COPYING;
    if (this.isReadable) this.channel.read(this);
    else this.channel.write(this);
  }

  /** @throws {AbiTrap} when it is in use, or has been used for the last time */
  refuseBusy(what: string): void {
    if (this.state === EndState.IDLE) return;
    const cannot = `Cannot ${what} the ${this.words}`;
    if (this.state !== EndState.DONE)
      throw new AbiTrap("stream-busy", `${cannot}: an operation of this end is under way`);
    throw new AbiTrap("stream-done", `${cannot}: ${this.why()}`);
  }

  private why(): string {
    switch (this.type) {
      case READABLE_FUTURE:
        return "its value has been handed over already";
      case WRITABLE_FUTURE:
        return "it has been written, or its readable end is gone";
      default:
        return `its ${this.type === READABLE_STREAM ? "writable" : "readable"} end is gone`;
    }
  }

  private use(access: Access, pointer: number, length: number): void {
    const { element, size, alignment } = access.type;
    // Rust's vectors of units have room for more than there may be.
    if (element === undefined) length = Math.min(length, MOST_ELEMENTS);
    if (length > MOST_ELEMENTS) throw outside(`A buffer of ${length} elements is too long`);
    if (element !== undefined && length > 0) {
      const memory = access.memory!;
      memory.sync();
      if (pointer % alignment !== 0) {
        throw new AbiTrap("unaligned-pointer", `Pointer ${pointer} is not aligned to ${alignment}`);
      }
      const bytes = length * size;
      if (pointer + bytes > memory.u8.length) {
        throw outside(`Buffer out of bounds: ${bytes} bytes at ${pointer}, the memory has ${memory.u8.length}`);
      }
    }
    this.access = access;
    this.pointer = pointer;
    this.length = length;
    this.progress = 0;
  }

  copied(): void {
    this.tell(Copied.COMPLETED, true);
  }

  done(result: number): void {
    this.tell(result, false);
  }

  private tell(result: number, open: boolean): void {
    this.result = result;
    this.open = open;
    if (!this.pending) this.setPending();
  }

  protected deliver(event: EventTuple): void {
    const { channel, result, type } = this;
    if (this.open) channel.release(this);
    this.open = false;
    const { isFuture } = channel.type;
    const last = result === Copied.DROPPED || (isFuture && result === Copied.COMPLETED);
    this.state = last ? EndState.DONE : EndState.IDLE;
    event.code = codes[type]!;
    event.index = this.index;
    event.payload = isFuture ? result : result | (this.progress << 4);
  }

  refuseNotCopying(): void {
    if (this.state === EndState.COPYING && this.waiter === undefined) return;
    throw new AbiTrap("stream-busy", `Cannot cancel an operation of the ${this.words}: none is under way`);
  }

  /**
   * Ends what is under way. What a stream has copied by then is told as that much of a cancelled copy: so the tests of the standard
   * have it, where its definitions say that it was completed.
   */
  cancel(): void {
    this.state = EndState.CANCELLING;
    if (!this.pending) this.channel.cancel();
    else if (!this.channel.type.isFuture && this.result === Copied.COMPLETED) this.result = Copied.CANCELLED;
  }

  /** It is in use no more, and has left the table. */
  override leave(): void {
    if (this.state === EndState.COPYING || this.state === EndState.CANCELLING) {
      throw new AbiTrap("stream-busy", `Cannot drop the ${this.words}: an operation of this end is under way`);
    }
    if (this.type === WRITABLE_FUTURE && this.state !== EndState.DONE) {
      throw new AbiTrap("future-not-written", "Cannot drop the writable end of the future: no value has been written");
    }
    this.channel.drop();
    super.leave();
  }

  /** The guest is never told of it: what was given for it is cancelled. */
  takenBack(): void {
    this.channel.drop();
  }

  /** The readable end has left the table, for whoever is given the stream or future. */
  handOver(): Channel {
    this.refuseBusy("hand on");
    if (this.set !== undefined) {
      throw new AbiTrap("waitable-in-set", `Cannot hand on the ${this.words}: it is in a waitable set`);
    }
    return this.channel;
  }
}

const codes: Readonly<Record<number, number>> = {
  [READABLE_STREAM]: Event.STREAM_READ,
  [WRITABLE_STREAM]: Event.STREAM_WRITE,
  [READABLE_FUTURE]: Event.FUTURE_READ,
  [WRITABLE_FUTURE]: Event.FUTURE_WRITE,
};

function outside(message: string, code: TrapCode = "list-out-of-bounds"): AbiTrap {
  return new AbiTrap(code, message);
}
