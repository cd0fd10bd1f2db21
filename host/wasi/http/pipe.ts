/** The bytes of a body on their way from the guest to whoever sends them. */
import type { MaybePromise } from "../maybe.ts";
import { CLOSED, type Sink } from "../io/streams.ts";

/** Bytes that are on their way before the guest has to wait. */
const AHEAD = 65_536;
/** Bytes that are held while nobody reads, as before a response is set: 64 MiB. */
const HELD = 64 * 2 ** 20;

export class Pipe implements Sink {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #reading = false;
  #end: { readonly error?: unknown } | undefined;
  #cancelled = false;
  /** The reader, while it waits. */
  #wake: (() => void) | undefined;
  /** The writer, while it waits. */
  #room: (() => void) | undefined;
  /** What more than {@link HELD} ends with. */
  readonly #full: () => Error;

  constructor(full: () => Error) {
    this.#full = full;
  }

  /** Somebody reads from now on: the guest waits for them where it is too fast. */
  attach(): this {
    this.#reading = true;
    return this;
  }

  write(bytes: Uint8Array): MaybePromise<void> {
    if (this.#cancelled) throw CLOSED;
    if (!this.#reading && this.#length + bytes.length > HELD) throw this.#full();
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    this.#wake?.();
    if (!this.#reading || this.#length <= AHEAD) return undefined;
    return new Promise((resolve) => (this.#room = resolve));
  }

  /** There are no more bytes; with an error, there should have been. */
  end(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  /** Nobody reads any more. */
  cancel(): void {
    this.#cancelled = true;
    this.#chunks.length = this.#length = 0;
    this.#room?.();
    this.#wake?.();
  }

  /** Whether all bytes are here. @throws what it ended with */
  get ended(): boolean {
    if (this.#end !== undefined && "error" in this.#end) throw this.#end.error;
    return this.#end !== undefined;
  }

  /** It is at its end, and nothing is left to be read. */
  get isEmpty(): boolean {
    return this.#length === 0 && this.#end !== undefined;
  }

  /** Settles when there are bytes, or there will be none. */
  async begun(): Promise<void> {
    while (this.#chunks.length === 0 && !this.#cancelled && this.#end === undefined)
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** The next bytes; `undefined` at the end. @throws what it ended with */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#chunks.shift();
      if (bytes !== undefined) {
        this.#length -= bytes.length;
        if (this.#length <= AHEAD) this.#room?.();
        return bytes;
      }
      if (this.#cancelled || this.ended) return undefined;
      await this.begun();
    }
  }
}

/** Reads to the end. */
export async function readAll(pipe: Pipe): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for (let bytes; (bytes = await pipe.read()) !== undefined;) chunks.push(bytes);
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
