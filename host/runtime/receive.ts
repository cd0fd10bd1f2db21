/**
 * A component that arrives in pieces: its core modules are compiled while the rest is still on its way.
 *
 * Validates nothing: it reads only where sections begin and end (design/mvp/Binary.md, "Component Definitions"), and what
 * it finds is used only where the decoder, which has all the bytes in the end, finds the same. Nothing is instantiated
 * before the whole component has been validated and its hash is known.
 */
import { PREAMBLE_BYTES, readU32 } from "../binary/framing.ts";
import { limits } from "../binary/limits.ts";
import { exposeMemories, isBehindExports } from "../instrument/memories.ts";
import type { ResponseLike, SourceLimits } from "../platform.ts";
import { readBody, readPieces, UNLIMITED } from "./body.ts";
import type { Recipe } from "./engine.ts";
import { meteringOf } from "./limits.ts";

/**
 * Core modules that were compiled before the component was complete, with every memory exported, by the byte offset of
 * their first byte.
 */
export type EarlyModules = ReadonlyMap<number, EarlyModule>;

interface EarlyModule {
  /** Byte offset behind the last byte. */
  readonly end: number;
  /** `undefined` when it is not valid, or its end never came: then the compiler says why. */
  readonly module: Promise<WebAssembly.Module | undefined>;
}

export interface Received {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly early: EarlyModules;
}

/** A section's id and its size. */
const LONGEST_HEADER_BYTES = 6;
const CORE_MODULE = 1;
const COMPONENT = 4;
const FIRST_BYTES = 64 * 1024;
/** The most that a server's word alone makes the host allocate. */
const MOST_TRUSTED_BYTES = 16 * 1024 * 1024;

/**
 * Reads a response to its end, and compiles core modules meanwhile.
 * @throws {UsageError} when the server refused, or the body broke off, was used, or is larger than allowed
 */
export async function receive(
  response: ResponseLike,
  limits: SourceLimits = UNLIMITED,
  recipe?: Recipe,
): Promise<Received> {
  // What is rewritten for limits is rewritten whole.
  const whole = recipe !== undefined && meteringOf(recipe) !== undefined;
  if (whole || WebAssembly.compileStreaming === undefined || !response.body?.getReader) {
    return { bytes: await readBody(response, limits), early: new Map() };
  }
  const arrival = new Arrival(Number(response.headers?.get("content-length")));
  try {
    await readPieces(response, limits, (chunk) => arrival.push(chunk));
  } catch (error) {
    arrival.end();
    throw error;
  }
  return arrival.end();
}

interface ArrivingModule {
  readonly end: number;
  readonly stream: ReadableStreamDefaultController;
  /** Byte offset of what has not been passed on yet. */
  at: number;
  /** Where the next section begins, until all that its exports depend on has come; then `undefined`. */
  head: number | undefined;
}

class Arrival {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Where the next section begins; beyond {@link #length} while a section that is not looked at arrives. */
  #next = PREAMBLE_BYTES;
  /** The core module that is arriving. */
  #open: ArrivingModule | undefined;
  readonly #early = new Map<number, EarlyModule>();

  constructor(expectedBytes: number) {
    this.#bytes = new Uint8Array(expectedBytes > 0 ? Math.min(expectedBytes, MOST_TRUSTED_BYTES) : FIRST_BYTES);
  }

  push(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
    while (this.#open === undefined ? this.#readHeader() : this.#feed(this.#open));
  }

  /** Everything that came. A module whose end did not come is given up. */
  end(): Received {
    this.#open?.stream.error(new TypeError("The component ended within a core module"));
    this.#open = undefined;
    const bytes = this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
    return { bytes, early: this.#early };
  }

  /** @returns whether there is more to look at */
  #readHeader(): boolean {
    const header = this.#bytes.subarray(this.#next, this.#length);
    const size = readU32(header, 1);
    if (size === undefined) {
      // What is longer is no size: nothing after it is looked at.
      return header.length >= LONGEST_HEADER_BYTES && this.#skipTo(Number.POSITIVE_INFINITY);
    }
    const start = this.#next + size.next;
    // A component's own sections follow its preamble, and the next section of the outer one follows them.
    if (header[0] === COMPONENT) return this.#skipTo(start + PREAMBLE_BYTES);
    if (header[0] !== CORE_MODULE) return this.#skipTo(start + size.value);
    // The decoder refuses more in one component; nobody may ask for more work than that before it has spoken.
    if (this.#early.size === limits.modules) return this.#skipTo(Number.POSITIVE_INFINITY);
    this.#begin(start, start + size.value);
    return true;
  }

  #skipTo(next: number): boolean {
    this.#next = next;
    return next < this.#length;
  }

  #begin(start: number, end: number): void {
    let stream!: ReadableStreamDefaultController;
    const body = new ReadableStream({ start: (controller) => void (stream = controller) });
    const response = new Response(body, { headers: { "content-type": "application/wasm" } });
    const module = WebAssembly.compileStreaming!(response).catch(() => undefined);
    this.#early.set(start, { end, module });
    this.#open = { end, stream, at: start, head: start + PREAMBLE_BYTES };
  }

  /** Passes on what has come of the open module. @returns whether it is complete */
  #feed(open: ArrivingModule): boolean {
    const until = Math.min(open.end, this.#length);
    if (open.head !== undefined && !this.#readHead(open, open.head, until)) return false;
    // A copy: the engine reads on its own threads, and the buffer may be replaced by a larger one.
    if (until > open.at) open.stream.enqueue(this.#bytes.slice(open.at, until));
    open.at = until;
    if (until < open.end) return false;
    open.stream.close();
    this.#open = undefined;
    this.#next = open.end;
    return true;
  }

  /**
   * Holds the beginning of a module back until its exports are there, and passes it on with every memory exported. The
   * code, which is most of a module and takes the time, comes behind it.
   * @param from where the next section begins
   * @returns whether the rest can be passed on as it comes
   */
  #readHead(open: ArrivingModule, from: number, until: number): boolean {
    const arrived = this.#bytes.subarray(0, until);
    let next = from;
    while (next < open.end) {
      const size = readU32(arrived, next + 1);
      if (size === undefined ? until - next >= LONGEST_HEADER_BYTES : isBehindExports(arrived[next]!)) break;
      if (size === undefined) {
        open.head = next;
        if (until < open.end) return false;
        break;
      }
      next = size.next + size.value;
    }
    open.head = next;
    // Without another section, or in one that is cut off, the head is all there is.
    if (next >= open.end && until < open.end) return false;
    const end = Math.min(next, until);
    open.stream.enqueue(exposeMemories(this.#bytes.slice(open.at, end)));
    open.at = end;
    open.head = undefined;
    return true;
  }
}
