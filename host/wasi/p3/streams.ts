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

class Outflow<T, E> implements AsyncIterableIterator<T, undefined> {
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

  async next(): Promise<IteratorResult<T, undefined>> {
    if (!this.#over) {
      try {
        const value = await this.#flow.next();
        // The guest may have let go of it meanwhile.
        if (value !== undefined && !this.#over) return { done: false, value };
        this.#end(OK);
      } catch (error) {
        this.#end(err(this.#codeOf(error)));
      }
    }
    return { done: true, value: undefined };
  }

  /** The guest reads no more, whether or not something is awaited: this is no generator, whose end would wait for that. */
  // oxlint-disable-next-line require-await
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end(OK);
    return { done: true, value: undefined };
  }

  #end(result: Result<undefined, E>): void {
    if (this.#over) return;
    this.#over = true;
    this.#flow.close?.();
    this.#settle(result);
  }
}

/** A stream for a guest, and the future that resolves when it has ended or the guest has dropped it. */
export function flowing<T, E>(
  flow: Flow<T>,
  codeOf: (error: unknown) => E,
): [AsyncIterableIterator<T, undefined>, Promise<Result<undefined, E>>] {
  const stream = new Outflow(flow, codeOf);
  return [stream, stream.ended];
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
  return {
    close: () => void (closed = true),
    async next() {
      try {
        for (;;) {
          // What comes later is for those who still read.
          if (closed) return undefined;
          const bytes = input.take(BigInt(CHUNK));
          if (bytes.length > 0) return bytes;
          await idle(input);
        }
      } catch (error) {
        if (hasEnded(error)) return undefined;
        throw error;
      }
    },
  };
}

/** Writes what a guest gives, to its end. What fails drops the stream. */
export async function drained<E>(
  data: GuestStream,
  write: (bytes: Uint8Array) => MaybePromise<unknown>,
  codeOf: (error: unknown) => E,
): Promise<Result<undefined, E>> {
  try {
    for (let bytes; (bytes = await data.read(CHUNK)) !== undefined;) {
      const written = write(bytes);
      if (isThenable(written)) await written;
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
