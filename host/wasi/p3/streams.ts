/**
 * Streams and futures of WASI 0.3, as its faces give and take them: bytes go through the sources and sinks that 0.2 has.
 *
 * A stream that a guest gets comes with a future that says how it ended. A stream that a guest gives is read to its end, and the future
 * that it gets for that says whether all of it went where it goes.
 */
import type { GuestStream as Readable } from "../../model/async-values.ts";
import { CLOSED, type Input, type Output, type Source } from "../io/streams.ts";
import { isThenable, type MaybePromise } from "../maybe.ts";

/** A `result` where it is a value: in a future, and not what a function returns. */
export type Result<T = undefined, E = unknown> =
  | { readonly tag: "ok"; readonly val: T }
  | { readonly tag: "err"; readonly val: E };

export const OK: Result<undefined, never> = { tag: "ok", val: undefined };

export function err<E>(val: E): Result<never, E> {
  return { tag: "err", val };
}

/** The readable end of a stream that a guest has given. */
export type GuestStream<Chunk = Uint8Array> = Pick<Readable<never, Chunk>, "read" | "cancel">;

/** What a stream for a guest is made from. */
export interface Flow<T> {
  /** The next chunk, which is the stream's own from then on; `undefined` at the end. */
  next(): MaybePromise<T | undefined>;
  /** Called once, when the stream has ended or the guest reads no more. */
  close?(): void;
}

/** Bytes that a guest is given at once. */
export const CHUNK = 65_536;
/** Milliseconds after which what a guest writes waits for a turn of the event loop. */
const TURN_MS = 10;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** An asynchronous iterator that need not wait where its flow does not. It is no generator, whose end would wait for what is awaited. */
class Outflow<T, E> {
  readonly ended: Promise<Result<undefined, E>>;
  readonly #flow: Flow<T>;
  readonly #codeOf: (error: unknown) => E;
  #settle!: (result: Result<undefined, E>) => void;
  #over = false;

  constructor(flow: Flow<T>, codeOf: (error: unknown) => E) {
    this.#flow = flow;
    this.#codeOf = codeOf;
    this.ended = new Promise((resolve) => (this.#settle = resolve));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): MaybePromise<IteratorResult<T, undefined>> {
    if (this.#over) return DONE;
    try {
      const value = this.#flow.next();
      return isThenable(value) ? this.#later(value) : this.#step(value);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** The guest reads no more, whether or not something is awaited. */
  return(): MaybePromise<IteratorResult<T, undefined>> {
    return this.#end(OK);
  }

  async #later(value: PromiseLike<T | undefined>): Promise<IteratorResult<T, undefined>> {
    try {
      return this.#step(await value);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #step(value: T | undefined): IteratorResult<T, undefined> {
    // The guest may have let go of it meanwhile.
    return value === undefined || this.#over ? this.#end(OK) : { done: false, value };
  }

  #failed(error: unknown): IteratorReturnResult<undefined> {
    return this.#end(err(this.#codeOf(error)));
  }

  #end(result: Result<undefined, E>): IteratorReturnResult<undefined> {
    if (!this.#over) {
      this.#over = true;
      this.#flow.close?.();
      this.#settle(result);
    }
    return DONE;
  }
}

/** A stream for a guest, and the future that resolves when it has ended or the guest has dropped it. */
export function flowing<T, E>(
  flow: Flow<T>,
  codeOf: (error: unknown) => E,
): [AsyncIterableIterator<T, undefined>, Promise<Result<undefined, E>>] {
  const stream = new Outflow(flow, codeOf);
  // Who awaits what it gives, as `for await` does, may take a value for a promise of it.
  return [stream as unknown as AsyncIterableIterator<T, undefined>, stream.ended];
}

/** A stream of nothing, and the future of why. */
export function refusedFlow<E>(code: E): [[], Promise<Result<undefined, E>>] {
  return [[], Promise.resolve(err(code))];
}

/** The bytes of a source. */
export function flowOf(source: Source): Flow<Uint8Array> {
  return {
    next: () => source.read(CHUNK),
    close: () => source.close?.(),
  };
}

/** The bytes of an input that others read too, and which outlives the stream. */
export function flowFrom(input: Input): Flow<Uint8Array> {
  let closed = false;
  const take = (): MaybePromise<Uint8Array | undefined> => {
    // What comes later is for those who still read.
    if (closed) return undefined;
    try {
      const bytes = input.take(BigInt(CHUNK));
      return bytes.length > 0 ? bytes : idle(input).then(take);
    } catch (error) {
      if (hasEnded(error)) return undefined;
      throw error;
    }
  };
  return { next: take, close: () => void (closed = true) };
}

/** Writes what a guest gives, to its end. What fails drops the stream. */
export async function drained<E>(
  data: GuestStream,
  write: (bytes: Uint8Array) => MaybePromise<unknown>,
  codeOf: (error: unknown) => E,
): Promise<Result<undefined, E>> {
  let begun = performance.now();
  try {
    for (let bytes; (bytes = await data.read(CHUNK)) !== undefined;) {
      const written = write(bytes);
      if (isThenable(written)) await written;
      if (performance.now() - begun < TURN_MS) continue;
      // A guest that writes without end to what takes all at once would leave no turn to the event loop.
      await new Promise<void>((resolve) => void setTimeout(resolve, 0));
      begun = performance.now();
    }
    return OK;
  } catch (error) {
    drop(data);
    return err(codeOf(error));
  }
}

/** Nobody reads it any more. */
export function drop(data: GuestStream<unknown>): void {
  void data.cancel().then(undefined, () => undefined);
}

/** A writer to an output that others write to. */
export function writerTo(output: Output): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    await idle(output);
    output.check();
    output.write(bytes);
    await idle(output);
    output.check();
  };
}

/** Whether something thrown by a stream of 0.2 says that the other side has gone, and not that something failed. */
export function hasEnded(error: unknown): boolean {
  return error === CLOSED || (error as { payload?: { tag?: unknown } } | undefined)?.payload?.tag === "closed";
}

/** Settles when nothing is pending. */
async function idle(channel: Input | Output): Promise<void> {
  while (channel.pending) await new Promise<void>((resolve) => void channel.notify(resolve));
}
