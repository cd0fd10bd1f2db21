/**
 * `wasi:io/streams` on two small interfaces, a source and a sink of bytes, whose methods give a value or a promise.
 *
 * A stream asks for nothing before the guest does. What is on its way when a guest stops waiting is kept for its next call.
 */
import { TenonError, UsageError } from "../../errors.ts";
import { after, isThenable, type MaybePromise } from "../maybe.ts";
import type { Faces } from "../state.ts";
import { type Readiness, Waiters, type Waiting } from "../waiting.ts";
import { fail, IoError, WasiTrap } from "./error.ts";
import { Pollable } from "./poll.ts";

/** Where the bytes of an input stream come from. */
export interface Source {
  /**
   * The next bytes, at most `most` of them (at least 1) and at least one; `undefined` at the end. A promise where they are not there
   * yet, of any number of bytes: it is not asked again before that has settled. What is given may be kept by the stream.
   * @throws what becomes the `last-operation-failed` of the stream, or {@link CLOSED}
   */
  read(most: number): MaybePromise<Uint8Array | undefined>;
  /** It never makes one wait: nothing is read ahead to learn whether there is something. Default `false`. */
  readonly immediate?: boolean | undefined;
  /** Nobody will read any more. */
  close?(): void;
}

/** Where the bytes of an output stream go. */
export interface Sink {
  /** The most bytes that one write takes. Default 1,048,576 (1 MiB). */
  readonly permit?: number | undefined;
  /**
   * Takes all of the bytes, which are its own from then on. While a promise is pending the stream takes no more.
   * @throws what becomes the `last-operation-failed` of the stream, or {@link CLOSED}
   */
  write(bytes: Uint8Array): MaybePromise<void>;
  /** Brings what was written to where it goes. Not called while a write is pending. */
  flush?(): MaybePromise<void>;
  /** Nobody will write any more. */
  close?(): void;
}

/** What a source or sink throws when its other side has gone: the stream is closed, and has not failed. */
export const CLOSED: unique symbol = Symbol("closed");

/** Bytes that a guest is given at once. */
const MOST_READ = 1_048_576;
const PERMIT = 1_048_576;
/** Bytes that WASI lets the blocking forms of writing take. */
const BLOCKING_WRITE = 4_096;

const STREAMS = "wasi:io/streams#[method]";
const EMPTY = new Uint8Array(0);
const CLOSED_ERROR = { tag: "closed" };

/** What input and output have in common: something may be pending, and it may be over. */
class Channel implements Readiness {
  readonly waiting: Waiting;
  /** A promise of the source or sink has not settled. */
  pending = false;
  over = false;
  /** What is to be told of, once. */
  failure: { readonly cause: unknown } | undefined;
  readonly #waiters = new Waiters();

  constructor(waiting: Waiting) {
    this.waiting = waiting;
  }

  ready(): boolean {
    return !this.pending;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  /** Tells of the failure or of the end. */
  check(): void {
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      fail({ tag: "last-operation-failed", val: new IoError(failure.cause) });
    }
    if (this.over) fail(CLOSED_ERROR);
  }

  /** Runs a function of the source or sink. What it throws ends the stream. */
  run<T>(ask: () => MaybePromise<T>, take: (value: T) => void): void {
    let value: MaybePromise<T>;
    try {
      value = ask();
    } catch (error) {
      this.failed(error);
      return;
    }
    if (isThenable(value)) this.later(value, take);
    else take(value);
  }

  /** What the source or sink has promised. */
  later<T>(value: PromiseLike<T>, take: (value: T) => void): void {
    this.pending = true;
    void this.#settle(value, take);
  }

  async #settle<T>(value: PromiseLike<T>, take: (value: T) => void): Promise<void> {
    try {
      take(await value);
    } catch (error) {
      this.failed(error);
    } finally {
      this.pending = false;
      this.#waiters.wake();
    }
  }

  failed(error: unknown): void {
    this.over = true;
    if (error === CLOSED) return;
    // That the guest cannot wait is no matter of the stream.
    if (error instanceof TenonError && error.code === "unsupported") throw error;
    this.failure = { cause: error };
  }

  /** Goes on when nothing is pending: at once, or when the guest has waited. */
  settled<T>(what: string, go: () => MaybePromise<T>): MaybePromise<T> {
    if (this.ready()) return go();
    const wait = this.waiting.until(STREAMS + what, [this]);
    return wait === undefined ? go() : wait.then(go);
  }
}

/** One source, however many streams the guest has of it. */
export class Input extends Channel {
  readonly #source: Source;
  #chunk: Uint8Array | undefined;

  constructor(waiting: Waiting, source: Source) {
    super(waiting);
    this.#source = source;
  }

  /** Bytes that are there now; none where the source makes one wait. */
  take(length: bigint): Uint8Array {
    if (this.#chunk === undefined) this.check();
    if (length === 0n) return EMPTY;
    const most = length > MOST_READ ? MOST_READ : Number(length);
    if (this.#chunk === undefined && !this.pending) this.#ask(most);
    const chunk = this.#chunk;
    if (chunk === undefined) {
      if (!this.pending) this.check();
      return EMPTY;
    }
    if (chunk.length <= most) {
      this.#chunk = undefined;
      return chunk;
    }
    this.#chunk = chunk.subarray(most);
    return chunk.subarray(0, most);
  }

  /** As {@link take}, of at least one byte. */
  blockingTake(what: string, length: bigint): MaybePromise<Uint8Array> {
    const taken = this.take(length);
    if (taken.length > 0 || length === 0n) return taken;
    return this.settled(what, () => this.blockingTake(what, length));
  }

  override ready(): boolean {
    // A source that makes one wait is asked, so that there is something to wait for.
    if (this.#chunk === undefined && !this.pending && !this.over && this.#source.immediate !== true)
      this.#ask(MOST_READ);
    return !this.pending;
  }

  close(): void {
    this.over = true;
    this.#chunk = undefined;
    this.#source.close?.();
  }

  #ask(most: number): void {
    this.run(
      () => this.#source.read(most),
      (bytes) => {
        if (bytes === undefined) this.over = true;
        else if (bytes.length > 0) this.#chunk = bytes;
        else if (!this.pending) this.failed(new UsageError("The source gave no bytes, and no promise of some"));
      },
    );
  }
}

/** One sink, however many streams the guest has of it. */
export class Output extends Channel {
  readonly #sink: Sink;
  readonly #most: number;

  constructor(waiting: Waiting, sink: Sink) {
    super(waiting);
    this.#sink = sink;
    this.#most = sink.permit ?? PERMIT;
  }

  /** Bytes that may be written now. */
  room(): number {
    this.check();
    return this.pending ? 0 : this.#most;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // As `run`, without a function for each write.
    let value: MaybePromise<void>;
    try {
      value = this.#sink.write(bytes);
    } catch (error) {
      this.failed(error);
      return;
    }
    if (isThenable(value)) this.later(value, nothing);
  }

  flush(): void {
    const { flush } = this.#sink;
    if (flush !== undefined && !this.pending) this.run(() => flush.call(this.#sink), nothing);
  }

  close(): void {
    this.over = true;
    this.#sink.close?.();
  }
}

function nothing(): void {}

/** The resource `input-stream`. Several may read one input; then none of them closes it. */
export class InputStream {
  readonly #input: Input;
  readonly #owned: boolean;

  constructor(waiting: Waiting, from: Source | Input) {
    this.#owned = !(from instanceof Input);
    this.#input = from instanceof Input ? from : new Input(waiting, from);
  }

  read(length: bigint): Uint8Array {
    return this.#input.take(length);
  }

  blockingRead(length: bigint): MaybePromise<Uint8Array> {
    return this.#input.blockingTake("input-stream.blocking-read", length);
  }

  skip(length: bigint): bigint {
    return BigInt(this.#input.take(length).length);
  }

  blockingSkip(length: bigint): MaybePromise<bigint> {
    const taken = this.#input.blockingTake("input-stream.blocking-skip", length);
    return after(taken, lengthOf);
  }

  subscribe(): Pollable {
    return new Pollable(this.#input.waiting, this.#input);
  }

  [Symbol.dispose](): void {
    if (this.#owned) this.#input.close();
  }
}

function lengthOf(bytes: Uint8Array): bigint {
  return BigInt(bytes.length);
}

/** The resource `output-stream`. Several may write to one output; then none of them closes it. */
export class OutputStream {
  readonly #output: Output;
  readonly #owned: boolean;
  /** Bytes that `check-write` has permitted and that were not written. */
  #permitted = 0;

  constructor(waiting: Waiting, to: Sink | Output) {
    this.#owned = !(to instanceof Output);
    this.#output = to instanceof Output ? to : new Output(waiting, to);
  }

  checkWrite(): bigint {
    this.#permitted = this.#output.room();
    return BigInt(this.#permitted);
  }

  write(bytes: Uint8Array): void {
    this.#use(bytes.length);
    this.#output.check();
    this.#output.write(bytes);
  }

  writeZeroes(length: bigint): void {
    this.write(new Uint8Array(this.#use(Number(length), false)));
  }

  flush(): void {
    this.#output.check();
    this.#output.flush();
  }

  blockingFlush(): MaybePromise<void> {
    return this.#flushed("output-stream.blocking-flush");
  }

  blockingWriteAndFlush(bytes: Uint8Array): MaybePromise<void> {
    return this.#writeAll("output-stream.blocking-write-and-flush", bytes);
  }

  blockingWriteZeroesAndFlush(length: bigint): MaybePromise<void> {
    const what = "output-stream.blocking-write-zeroes-and-flush";
    if (length > BLOCKING_WRITE) throw tooLong(what, length);
    return this.#writeAll(what, new Uint8Array(Number(length)));
  }

  splice(from: InputStream, length: bigint): bigint {
    const room = BigInt(this.#output.room());
    const bytes = from.read(length < room ? length : room);
    this.#output.write(bytes);
    return BigInt(bytes.length);
  }

  blockingSplice(from: InputStream, length: bigint): MaybePromise<bigint> {
    const what = "output-stream.blocking-splice";
    return this.#output.settled(what, () => {
      const room = BigInt(this.#output.room());
      const bytes = from.blockingRead(length < room ? length : room);
      const write = (taken: Uint8Array): MaybePromise<bigint> => {
        this.#output.write(taken);
        return this.#output.settled(what, () => lengthOf(taken));
      };
      return after(bytes, write);
    });
  }

  subscribe(): Pollable {
    return new Pollable(this.#output.waiting, this.#output);
  }

  [Symbol.dispose](): void {
    if (this.#owned) this.#output.close();
  }

  /** @throws {WasiTrap} when more is written than was permitted */
  #use(length: number, spend = true): number {
    if (length > this.#permitted) {
      throw new WasiTrap(
        `Expected a write of at most the ${this.#permitted} bytes that check-write has permitted, got ${length}`,
      );
    }
    if (spend) this.#permitted -= length;
    return length;
  }

  #writeAll(what: string, bytes: Uint8Array): MaybePromise<void> {
    if (bytes.length > BLOCKING_WRITE) throw tooLong(what, bytes.length);
    const output = this.#output;
    output.check();
    if (output.pending) return output.settled(what, () => this.#writeAll(what, bytes));
    output.write(bytes);
    return this.#flushed(what);
  }

  #flushed(what: string): MaybePromise<void> {
    const output = this.#output;
    // What has failed while it was pending is told when it has settled.
    if (output.pending) return output.settled(what, () => this.#flushed(what));
    output.check();
    output.flush();
    if (output.pending) return output.settled(what, () => output.check());
    return output.check();
  }
}

function tooLong(what: string, length: number | bigint): WasiTrap {
  return new WasiTrap(`Expected at most ${BLOCKING_WRITE} bytes for ${what}, got ${length}`);
}

export const streamFaces: Faces = {
  "wasi:io/error": () => ({ Error: IoError }),
  "wasi:io/streams": () => ({ InputStream, OutputStream, Error: IoError }),
};
