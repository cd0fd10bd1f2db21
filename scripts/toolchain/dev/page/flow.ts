/**
 * A stream of bytes through a function of a module, for as long as the source has some and whatever is done to the module meanwhile.
 *
 * A stream belongs to the version that it was given to. Where the module is reloaded, that one is given no more and ends with what it
 * has, while the rest of the source goes through the new version.
 */
import type { GuestStream } from "../../../../host/model/async-values.ts";
import type { Module } from "../../../../host/module/types.ts";

export interface Flow {
  readonly module: Module;
  /** Calls the function: anew for each version. */
  call(bytes: AsyncIterable<Uint8Array>): Promise<GuestStream<number, Uint8Array>>;
  readonly source: AsyncIterator<Uint8Array, void>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What comes out, chunk by chunk. It throws what a trap or an unload makes of the stream. */
export async function* flow({ module, call, source, signal }: Flow): AsyncGenerator<Uint8Array, void> {
  let hasMore = true;
  async function* part(isOver: () => boolean): AsyncGenerator<Uint8Array, void> {
    while (!isOver()) {
      const { done, value } = await source.next();
      if (done === true) {
        hasMore = false;
        return;
      }
      yield value;
    }
  }
  try {
    for (let isSwapped = true; isSwapped && hasMore && !signal.aborted;) {
      const { reloads } = module.info();
      const isReloaded = (): boolean => module.info().reloads !== reloads;
      const stream = await call(part(() => signal.aborted || isReloaded()));
      const body = new Response(stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>).body!;
      yield* chunksOf(body, signal);
      // A function that has ended by itself is not called again.
      isSwapped = isReloaded();
    }
  } finally {
    await source.return?.();
  }
}

/** The chunks of a stream, which is cancelled when they are wanted no more. */
export async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
