/**
 * Asynchronous calls, streams and futures as JavaScript has them: the types of what a program gives and gets.
 *
 * Types only, erased before anything runs. How values cross is decided by `abi/` and `bindings/`; generated `.d.ts` files
 * name what is here.
 */

/** What a call of an asynchronous export takes after its WIT parameters. */
export interface CallOptions {
  /**
   * Gives the call up: its promise rejects with the signal's reason, and the guest is asked to cancel its task. A signal that
   * has aborted before the call begins lets nothing of the guest run. Default: the call ends when the guest ends it.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What the function that meets an asynchronous import is given after its WIT parameters. */
export interface ImportCall {
  /** Aborts when the guest cancels this call, and when the instance that made it ends. What the function gives then is dropped. */
  readonly signal: AbortSignal;
}

/** A value of the WIT type `error-context`: what went wrong, in words for people and for logs alone. */
export interface ErrorContext {
  /** The words of whoever made it. A guest may be given fewer of them, or none. */
  readonly debugMessage: string;
}

/**
 * The readable end of a `stream<T>` that a component has given. It belongs to whoever has it: it is read to its end, cancelled, or
 * given on to a component. The end of the instance cuts it. One that is neither read nor cancelled holds up its writer, and
 * counts as background activity of its module.
 *
 * It is read in one way at a time: by `read`, by iteration, or through `readable`.
 * @typeParam T an element
 * @typeParam Chunk what is read at once: the typed array of a WIT number, such as `Uint8Array` for `u8` and `BigUint64Array` for `u64`;
 * the number of units of a `stream` without a type; else an array
 * @example
 * for await (const chunk of module.exports.api.report()) size += chunk.length;
 */
export interface GuestStream<T, Chunk = T[]> extends AsyncIterable<Chunk>, AsyncDisposable {
  /**
   * Reads what there is, and waits while there is nothing: for at least one element.
   * @param max the most elements to read. Default 65,536
   * @returns `undefined` when the writer is gone and everything is read
   * @throws {TrapError} by rejection, when the guest has trapped
   * @throws {UnloadedError} by rejection, when the instance has ended
   */
  read(max?: number): Promise<Chunk | undefined>;
  /** Drops the readable end: the writer learns that nobody reads on. Idempotent; what was read stays. */
  cancel(): Promise<void>;
  /** The same elements as a stream of the platform, made when it is first asked for; of a `stream<u8>` it is a byte stream. */
  readonly readable: ReadableStream<Chunk>;
  /** Iterates chunks, as `read` gives them. Leaving the loop early cancels. */
  [Symbol.asyncIterator](): AsyncIterator<Chunk, undefined>;
  /** As {@link cancel}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** An array of elements, where no element can be taken for one. */
type ArrayOf<T> = [Extract<T, readonly unknown[] | ArrayBufferView>] extends [never] ? readonly T[] : never;

/**
 * What a program may give for a `stream<T>`: a `ReadableStream` or an iterable, also an asynchronous one, of elements or of chunks; an
 * array or a typed array of the elements, or an array of such typed arrays; or a stream that a component has given, which is passed on without its elements
 * being read here.
 *
 * An iterable's item is a chunk when it is the typed array of the element's kind, or an array where an element can be none. A
 * stream of lists or tuples is therefore iterated element by element.
 * @typeParam T an element
 * @typeParam Chunk the typed array of a WIT number; a number of units for a `stream` without a type. Default: arrays only
 */
export type StreamSource<T, Chunk = never> =
  | ReadableStream<T | ArrayOf<T> | Chunk>
  | AsyncIterable<T | ArrayOf<T> | Chunk>
  // What has a length is no iterable of arrays: an array is one itself, and a string is none.
  | (Iterable<T | ArrayOf<T> | Chunk> & { readonly length?: never })
  | readonly T[]
  | readonly Extract<Chunk, ArrayBufferView>[]
  | Extract<Chunk, ArrayBufferView>
  | GuestStream<T, readonly T[] | Chunk>;
