/** A guest of WASI 0.3 for tests: it calls the imports that `wasi` makes as a component's bindings would. */
import { wasi as wasiInPage } from "../../../../host/browser/wasi.ts";
import { wasi, type AccessEvent, type WasiOptions } from "../../../../host/node/wasi.ts";
import type { GuestStream } from "../../../../host/wasi/p3/streams.ts";

/** The classes and functions of an interface. */
export type Face = Record<string, any>;

export interface Guest {
  /** The face of an interface: `cli/stdin`. */
  (name: string): Face;
  readonly events: AccessEvent[];
  /** Ends the instance. */
  end(): void;
}

/**
 * What an instance is given that imports some interfaces of 0.3.
 * @param names without package and version: `cli/stdin`
 */
export async function guestOf(
  names: readonly string[],
  options: WasiOptions = {},
  where: "node" | "page" = "node",
): Promise<Guest> {
  const ends: (() => unknown)[] = [];
  const events: AccessEvent[] = [];
  const imports: Record<string, Face> = await (where === "node" ? wasi : wasiInPage)({
    ...options,
    onAccess: (event) => events.push(event),
  })({
    module: "guest",
    component: {
      ...{ name: "guest", hash: "3", waits: false, exports: [] },
      imports: names.map((name) => ({ name: `wasi:${name}@0.3.0`, type: { kind: "instance", exports: [] } })),
    },
    defer: (end: () => void) => (ends.push(end), () => undefined),
  } as never);
  const face = (name: string): Face => imports[`wasi:${name}@0.3.0`]!;
  return Object.assign(face, { events, end: () => ends.forEach((end) => end()) });
}

export interface Written<T> extends GuestStream<T> {
  cancelled: boolean;
}

/** The readable end of a stream that a guest writes: chunks, one after the other, and errors that its reading ends with. */
export function streamOf<T = Uint8Array>(...chunks: (T | Promise<T> | Error)[]): Written<T> {
  return {
    cancelled: false,
    async read() {
      const chunk = this.cancelled ? undefined : chunks.shift();
      if (chunk instanceof Error) throw chunk;
      return chunk;
    },
    async cancel() {
      this.cancelled = true;
    },
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (chunk: Uint8Array): string => new TextDecoder().decode(chunk);

/** All of a stream that a guest is given. */
export async function all<T>(stream: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const chunk of stream) found.push(chunk);
  return found;
}

/** The text of a stream of bytes. */
export async function read(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  return text(Buffer.concat(await all(stream)));
}

/** What a function gives, or the payload of its error, at once or by a promise. */
export async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && !("payload" in error)) throw error;
    return { err: (error as { payload: unknown }).payload };
  }
}

export const OK = { tag: "ok", val: undefined };
