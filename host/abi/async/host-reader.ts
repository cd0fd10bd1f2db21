/**
 * What the host reads of guests: the readable end of a stream that a component gave, and of a future.
 *
 * Elements are copied out of the guest's memory when both are there: what the host has is its own, and no view of that memory.
 */
import { UsageError } from "../../errors.ts";
import type { GuestStream } from "../../model/async-values.ts";
import { type Channel, type ChannelType, Copied, type HostSide, type HostSink, type Party } from "./channel.ts";

/** Elements of one `read` where nothing else is said. */
const MOST = 65_536;

export type Chunk = ArrayLike<unknown> | number;

const NOTHING: readonly unknown[] = [];

export interface Read {
  /** Zero waits until there is something. */
  readonly max: number;
  resolve(chunk: Chunk | undefined): void;
  reject(error: unknown): void;
}

/** Where the host reads a stream: a component of this thread, or one in another. */
export interface ReadEnd {
  readonly element: ChannelType["element"];
  readonly isReading: boolean;
  /** It has been read to its end, cancelled, handed on or cut. */
  readonly isOver: boolean;
  read(read: Read): void;
  /** Takes back the read under way, if it still is: it ends with nothing. */
  withdraw(): void;
  /** Another has the stream from here on. @returns what that one reads with */
  handOn(): ReadEnd;
  /** Drops the readable end: reads under way end with nothing. */
  cancel(): void;
}

/** What somebody is told who reads a stream that was given on. */
export function givenOn(): UsageError {
  return new UsageError("Cannot read the stream: it has been given to a component");
}

export class Reader implements Party, HostSink, ReadEnd {
  readonly access: undefined = undefined;
  readonly instance: undefined = undefined;
  readonly element: ChannelType["element"];
  /** Absent when it is over: whoever keeps a stream keeps nothing of the instance. */
  channel: Channel | undefined;
  side: HostSide | undefined;
  /** Told when the instance ends. */
  onCut: ((error: Error) => void) | undefined;
  private readonly reads: Read[] = [];
  /** The first of {@link reads} is under way. */
  private busy = false;
  private chunk: Chunk | undefined;
  private failure: Error | undefined;

  constructor(side: HostSide, channel: Channel) {
    this.element = channel.type.element;
    this.channel = channel;
    this.side = side;
    side.ends.add(this);
  }

  get buffer(): this {
    return this;
  }

  get remain(): number {
    return this.reads[0]?.max ?? 0;
  }

  get isZeroLength(): boolean {
    return this.remain === 0;
  }

  get isReading(): boolean {
    return this.reads.length > 0;
  }

  get isOver(): boolean {
    return this.channel === undefined;
  }

  read(read: Read): void {
    this.reads.push(read);
    if (!this.busy) this.next();
  }

  private next(): void {
    const { channel, side } = this;
    if (this.reads.length === 0) return;
    if (channel === undefined) {
      for (const { resolve, reject } of this.reads.splice(0)) {
        if (this.failure === undefined) resolve(undefined);
        else reject(this.failure);
      }
      return;
    }
    this.busy = true;
    side!.touch(channel.pending, () => {
      if (this.channel !== undefined) this.channel.read(this);
    });
  }

  accept(elements: Chunk): void {
    this.chunk = elements;
  }

  copied(): void {
    this.channel!.release(this);
    this.done(Copied.COMPLETED);
  }

  done(result: number): void {
    const { chunk } = this;
    this.chunk = undefined;
    this.busy = false;
    if (result === Copied.COMPLETED) this.reads.shift()!.resolve(chunk ?? NOTHING);
    else this.leave();
    this.next();
  }

  withdraw(): void {
    if (!this.busy) return;
    this.channel?.release(this);
    this.done(Copied.COMPLETED);
  }

  /** Asks for nothing until {@link resume}: who writes meanwhile waits. */
  hold(): void {
    if (!this.busy) return;
    this.channel?.release(this);
    this.busy = false;
  }

  /** Goes on with the reads that {@link hold} has left. */
  resume(): void {
    if (!this.busy) this.next();
  }

  /** Lets the channel go. @returns it */
  leave(): Channel | undefined {
    const { channel, side } = this;
    side?.ends.delete(this);
    this.channel = this.side = this.onCut = undefined;
    return channel;
  }

  handOn(): Reader {
    const { side } = this;
    const reader = new Reader(side!, this.leave()!);
    this.failure = givenOn();
    return reader;
  }

  cancel(): void {
    const { side } = this;
    const channel = this.leave();
    if (channel === undefined) return;
    channel.release(this);
    this.busy = false;
    this.next();
    channel.drop();
    side!.proceedSoon();
  }

  /** The instance has ended. */
  cut(error: Error): void {
    const { onCut } = this;
    this.leave();
    this.failure = error;
    this.busy = false;
    this.next();
    onCut?.(error);
  }
}

/** What reads the futures that components gave, by the promises of their values. */
const readers = new WeakMap<object, Reader>();

/** What reads a future of a component whose value is not there yet; `undefined` for any other promise. */
export function behindFuture(promise: object): Reader | undefined {
  const reader = readers.get(promise);
  return reader?.isOver === false ? reader : undefined;
}

/** The value of a future, read at once. */
export function readFuture(reader: Reader): Promise<unknown> {
  const isUnit = reader.element === undefined;
  const promise = new Promise((resolve, reject) => {
    reader.read({
      max: 1,
      resolve: (chunk) => {
        reader.leave();
        resolve(isUnit ? undefined : (chunk as ArrayLike<unknown> | undefined)?.[0]);
      },
      reject,
    });
  });
  // Nobody has to wait for it.
  promise.catch(() => {});
  if (!reader.isOver) readers.set(promise, reader);
  return promise;
}

let readerOf: (stream: unknown) => ReadEnd | undefined;

/** A stream that a component gave. */
export class StreamOfGuest implements GuestStream<unknown, Chunk> {
  readonly #reader: ReadEnd;
  #readable: ReadableStream<Chunk> | undefined;

  static {
    readerOf = (stream) =>
      typeof stream === "object" && stream !== null && #reader in stream ? stream.#reader : undefined;
  }

  constructor(reader: ReadEnd) {
    this.#reader = reader;
  }

  read(max: number = MOST): Promise<Chunk | undefined> {
    if (!(Number.isInteger(max) && max > 0)) {
      return Promise.reject(new RangeError(`Cannot read ${max} elements of a stream: at least one is wanted`));
    }
    return new Promise((resolve, reject) => this.#reader.read({ max, resolve, reject }));
  }

  cancel(): Promise<void> {
    this.#reader.cancel();
    return Promise.resolve();
  }

  get readable(): ReadableStream<Chunk> {
    return (this.#readable ??= (
      this.#reader.element === "u8" ? bytesOf(this) : chunksOf(this)
    ) as ReadableStream<Chunk>);
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk, undefined> {
    return {
      next: async () => {
        const value = await this.read();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: async () => {
        await this.cancel();
        return { done: true, value: undefined };
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}

/** What is behind a stream that a component gave; `undefined` for anything else. */
export function behind(stream: unknown): ReadEnd | undefined {
  return readerOf(stream);
}

function chunksOf(stream: StreamOfGuest): ReadableStream<Chunk> {
  return new ReadableStream<Chunk>(
    {
      async pull(controller) {
        const chunk = await stream.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => stream.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function bytesOf(stream: StreamOfGuest): ReadableStream {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const wanted = controller.byobRequest;
      const view = wanted?.view;
      const chunk = (await stream.read(view?.byteLength)) as Uint8Array<ArrayBuffer> | undefined;
      if (chunk === undefined) {
        controller.close();
        wanted?.respond(0);
      } else if (wanted && view) {
        new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset).set(chunk);
        wanted.respond(chunk.length);
      } else controller.enqueue(chunk);
    },
    cancel: () => stream.cancel(),
  });
}
