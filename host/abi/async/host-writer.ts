/**
 * What the host gives guests to read: values of a program as streams and futures. A source is asked for more when the guest
 * reads, and closed when it reads no more.
 */
import {
  arrays,
  type Channel,
  type ChannelType,
  Copied,
  type HostEnd,
  type HostSide,
  type HostSource,
  type Party,
} from "./channel.ts";
import { behind, behindFuture, type Reader, type ReadEnd, type StreamOfGuest } from "./host-reader.ts";

/** What a source gives next: elements, how many units, or an item that may be either; `undefined` at its end. */
export type Step =
  | { readonly chunk: ArrayLike<unknown> | number; readonly ready?: true }
  | { readonly item: unknown }
  | undefined;

export interface Feed {
  /** @param count elements that are wanted; with none, the guest only asks whether there are some */
  next(count: number): Step | PromiseLike<Step>;
  /** Nothing more is wanted of it for now. */
  pause?(): void;
  /** Nothing more is wanted of it. */
  close(): void;
}

const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string): ((this: unknown) => unknown) => Object.getOwnPropertyDescriptor(prototype, name)!.get!;
const typedLength = getter("length");
const typedBuffer = getter("buffer");
const typedOffset = getter("byteOffset");

export class Writer implements Party, HostSource, HostEnd {
  readonly access: undefined = undefined;
  readonly instance: undefined = undefined;
  readonly isZeroLength: boolean = false;
  private channel: Channel | undefined;
  private side: HostSide | undefined;
  private feed: Feed | undefined;
  private chunk: ArrayLike<unknown> | number | undefined;
  private at = 0;
  /** Which chunk this is, from one on. */
  private count = 0;
  private asking = false;
  /** That there is no more has been found where nothing was read. */
  private ended = false;

  constructor(side: HostSide, channel: Channel, feed: Feed) {
    this.side = side;
    this.channel = channel;
    this.feed = feed;
    channel.host = this;
    side.ends.add(this);
  }

  get buffer(): this {
    return this;
  }

  private get type(): ChannelType {
    return this.channel!.type;
  }

  /** The program may have changed what it gave. */
  get remain(): number {
    const { chunk } = this;
    if (chunk === undefined) return 0;
    return Math.max((typeof chunk === "number" ? chunk : lengthOf(chunk)) - this.at, 0);
  }

  next(count: number): ArrayLike<unknown> {
    const { type, at } = this;
    const chunk = this.chunk as ArrayLike<unknown>;
    this.at += count;
    if (typeof chunk === "number") return [];
    const array = type.element && arrays[type.element];
    if (array !== undefined && chunk instanceof array) {
      const offset = (typedOffset.call(chunk) as number) + at * type.size;
      return new array(typedBuffer.call(chunk) as ArrayBuffer, offset, count) as unknown as ArrayLike<unknown>;
    }
    const values: unknown[] = [];
    for (let i = at; i < at + count; i++) {
      const value = chunk[i];
      if (!type.fitsElement(value)) throw this.fault(this.side!.misfit(type, value, this.place(i)));
      values.push(value);
    }
    return values;
  }

  private place(index: number): string {
    return this.type.isFuture ? "future" : `stream.chunks[${this.count - 1}][${index}]`;
  }

  private fault(error: unknown): unknown {
    return this.side!.sourceFault(this.type, error);
  }

  wanted(): void {
    if (!this.asking) this.ask();
  }

  unwanted(): void {
    this.feed?.pause?.();
  }

  gone(): void {
    this.cut();
  }

  copied(): void {
    if (this.remain === 0) this.channel!.release(this);
  }

  done(result: number): void {
    if (result === Copied.DROPPED) this.cut();
    else if (this.remain > 0) this.channel!.write(this);
  }

  /** Asks for more until there is some, or it has to be waited for. */
  private ask(): void {
    for (let reader = this.channel?.pending; this.feed !== undefined && reader; reader = this.channel?.pending) {
      // A guest whose reads all succeed at once would go on within one call.
      const turn = reader.buffer.access?.async === false ? undefined : this.side!.turn();
      if (turn !== undefined) {
        this.await(turn, () => this.ask());
        return;
      }
      let step: Step | PromiseLike<Step>;
      try {
        step = this.feed.next(reader.buffer.remain);
      } catch (error) {
        throw this.fault(error);
      }
      if (isThenable(step)) {
        this.await(step, (value) => {
          if (!this.use(value)) this.ask();
        });
        return;
      }
      if (this.use(step)) return;
    }
  }

  private await<T>(promise: PromiseLike<T>, then: (value: T) => void): void {
    this.asking = true;
    const settled = (action: () => void): void => {
      this.asking = false;
      this.side?.touch(this.channel!.pending, () => {
        if (this.channel !== undefined) action();
      });
    };
    Promise.resolve(promise).then(
      (value) => settled(() => then(value)),
      (error: unknown) =>
        settled(() => {
          throw this.fault(error);
        }),
    );
  }

  /** Passes on what the source gave. @returns whether that was something */
  private use(step: Step): boolean {
    const { channel } = this;
    if (step === undefined) {
      // Who only asks whether there is something goes on to read, and is told of the end then: Rust guests look at no answer before. Who
      // asks again reads no more.
      if (!this.ended && channel!.pending?.isZeroLength) {
        this.ended = true;
        channel!.answer();
        return true;
      }
      this.feed = undefined;
      this.cut();
      return true;
    }
    this.at = 0;
    this.count++;
    this.chunk = "chunk" in step ? step.chunk : this.chunkOf(step.item);
    if (this.remain > 0) channel!.write(this);
    else if ("ready" in step && channel!.pending?.isZeroLength) channel!.answer();
    else return false;
    return true;
  }

  private chunkOf(item: unknown): ArrayLike<unknown> | number {
    const { type } = this;
    if (type.element === undefined) {
      if (item === undefined) return 1;
      if (typeof item === "number" && Number.isSafeInteger(item) && item >= 0) return item;
      throw this.fault(this.side!.misfit(type, item, `stream.chunks[${this.count - 1}]`));
    }
    return isChunk(type, item) ? item : [item];
  }

  /** The reader has gone, the source has ended, or the instance has: nothing more is given. */
  cut(): void {
    const { channel, feed, side } = this;
    if (channel === undefined) return;
    side!.ends.delete(this);
    this.channel = this.side = this.feed = this.chunk = undefined;
    channel.host = undefined;
    channel.drop();
    feed?.close();
  }
}

/** A stream of another instance whose elements are numbers: they are copied from memory to memory. */
export class Splice implements Party, HostEnd {
  readonly instance: undefined = undefined;
  private readonly source: Reader;
  private readonly side: HostSide;
  private channel: Channel | undefined;
  private failure: Error | undefined;

  constructor(side: HostSide, channel: Channel, source: Reader) {
    this.side = side;
    this.channel = channel;
    this.source = source;
    source.onCut = (error) => this.fail(error);
    channel.host = this;
    side.ends.add(this);
  }

  get buffer(): Party["buffer"] {
    return this.channel!.pending!.buffer;
  }

  get isZeroLength(): boolean {
    return this.channel!.pending!.isZeroLength;
  }

  wanted(): void {
    const { source, failure, channel, side } = this;
    if (failure !== undefined) throw side.sourceFault(channel!.type, failure);
    const { side: other } = source;
    if (source.channel === undefined) this.done(Copied.DROPPED);
    else source.channel.read(this);
    other?.proceedSoon();
  }

  unwanted(): void {
    this.source.channel?.release(this);
  }

  gone(): void {
    this.cut();
  }

  copied(): void {
    this.source.channel!.release(this);
    this.done(Copied.COMPLETED);
  }

  done(result: number): void {
    const { channel, side } = this;
    if (channel === undefined) return;
    if (result === Copied.DROPPED) this.cut();
    else {
      const reader = channel.pending!;
      channel.release(reader);
      reader.done(Copied.COMPLETED);
    }
    side.proceedSoon();
  }

  private fail(error: Error): void {
    this.failure = error;
    const { channel, side } = this;
    if (channel?.pending === undefined) return;
    side.touch(channel.pending, () => {
      throw side.sourceFault(channel.type, error);
    });
  }

  cut(): void {
    const { channel, source, side } = this;
    if (channel === undefined) return;
    this.unwanted();
    this.channel = undefined;
    side.ends.delete(this);
    channel.host = undefined;
    channel.drop();
    source.cancel();
  }
}

/** Whether a value can be given for a stream. */
export function isSource(type: Pick<ChannelType, "element">, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const reader = behind(value);
  if (reader !== undefined) return isGivable(type, reader);
  if (Array.isArray(value)) return true;
  const array = type.element && arrays[type.element];
  if (ArrayBuffer.isView(value)) return array !== undefined && value instanceof array;
  const source = value as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  try {
    if (value instanceof ReadableStream) return !value.locked;
    return typeof source[Symbol.asyncIterator] === "function" || typeof source[Symbol.iterator] === "function";
  } catch {
    return false;
  }
}

/** A stream of a component's can be given on while nobody reads it, to where its elements are the same. */
function isGivable(type: Pick<ChannelType, "element">, { element: given, isReading, isOver }: ReadEnd): boolean {
  if (isReading || isOver) return false;
  const plain = (element: ChannelType["element"]): boolean => element === undefined || arrays[element] !== undefined;
  return plain(type.element) || plain(given) ? type.element === given : true;
}

/** Whether an item of a source is a chunk, and no element. */
export function isChunk(type: Pick<ChannelType, "element" | "ofArrays">, item: unknown): item is ArrayLike<unknown> {
  const array = type.element && arrays[type.element];
  return (array !== undefined && item instanceof array) || (!type.ofArrays && Array.isArray(item));
}

/** What gives the elements of a value that is a source. */
export function feedOf(value: object): Feed {
  if (behind(value) !== undefined) return feedOfGuest(value as StreamOfGuest);
  // An array of typed arrays is iterated, item by item: they are chunks, or elements that are lists.
  if (Array.isArray(value) ? !ArrayBuffer.isView(value[0]) : ArrayBuffer.isView(value)) {
    return feedOfOne(value as unknown as ArrayLike<unknown>);
  }
  if (value instanceof ReadableStream) {
    const reader = value.getReader();
    return {
      next: () => reader.read().then(stepOf),
      close: () => quietly(() => reader.cancel()),
    };
  }
  const source = value as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  let iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  const isAsync = typeof source[Symbol.asyncIterator] === "function";
  const begin = (): AsyncIterator<unknown> | Iterator<unknown> =>
    isAsync ? source[Symbol.asyncIterator]!() : source[Symbol.iterator]!();
  return {
    next() {
      iterator ??= begin();
      const next = iterator.next();
      return isThenable(next) ? next.then(stepOf) : stepOf(next);
    },
    // Also where nothing was asked of it: it learns that nobody will.
    close: () => quietly(() => (iterator ?? begin()).return?.()),
  };
}

function stepOf({ done, value }: { readonly done?: boolean; readonly value?: unknown }): Step {
  return done === true ? undefined : { item: value };
}

/** Of a component, nothing is read before another wants it. */
function feedOfGuest(stream: StreamOfGuest): Feed {
  const reader = behind(stream)!;
  return {
    next: (max) =>
      new Promise((resolve, reject) => {
        const done = (chunk: ArrayLike<unknown> | number | undefined): void =>
          resolve(chunk === undefined ? undefined : max === 0 ? { chunk, ready: true } : { chunk });
        reader.read({ max, resolve: done, reject });
      }),
    pause: () => reader.withdraw(),
    close: () => reader.cancel(),
  };
}

/** One chunk, and the end. */
function feedOfOne(chunk: ArrayLike<unknown>): Feed {
  let given = false;
  return {
    next: () => {
      if (given) return undefined;
      given = true;
      return { chunk };
    },
    close() {},
  };
}

/** The value of a future, or a promise of it. */
export function feedOfFuture(value: unknown, isPromise: boolean): Feed {
  if (!isPromise) return feedOfOne([value]);
  const reader = behindFuture(value as object);
  if (reader !== undefined) return feedOfGuestFuture(value as Promise<unknown>, reader);
  const step = Promise.resolve(value).then((settled): Step => ({ chunk: [settled] }));
  // It is told of when the guest reads it.
  step.catch(() => {});
  return { next: () => step, close() {} };
}

/**
 * A future of a component that nobody has written yet: who writes it waits until the component that it was given to reads, as it would
 * for one that has it from that component itself.
 */
function feedOfGuestFuture(value: Promise<unknown>, reader: Reader): Feed {
  let give: ((step: Step) => void) | undefined;
  reader.hold();
  return {
    next: () =>
      new Promise((resolve, reject) => {
        give = resolve;
        value.then((settled) => resolve({ chunk: [settled] }), reject);
        reader.resume();
      }),
    pause() {
      if (reader.isOver) return;
      reader.hold();
      give?.({ chunk: [] });
    },
    // Others may have the promise, and it is settled for them.
    close: () => reader.resume(),
  };
}

/** Lets a source know that it is not wanted any more: what it makes of that is its own. */
function quietly(action: () => unknown): void {
  try {
    const result = action();
    if (isThenable(result)) result.then(undefined, () => {});
  } catch {
    // Its elements have been passed on; nobody is left whom this could concern.
  }
}

export function isThenable<T>(value: unknown): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

export function lengthOf(chunk: ArrayLike<unknown>): number {
  const length: unknown = Array.isArray(chunk) ? chunk.length : typedLength.call(chunk);
  return typeof length === "number" && length >>> 0 === length ? length : 0;
}
