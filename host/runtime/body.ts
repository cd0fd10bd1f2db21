/** Bodies of responses, read in pieces so that they can be counted and given up. */
import { isTenonError, UsageError } from "../errors.ts";
import type { BodyReader, ResponseLike, SourceLimits } from "../platform.ts";
import { assertOk, fetchError, readResponse } from "./response.ts";

/** For readers who trust what they read. */
export const UNLIMITED: SourceLimits = { maxBytes: Number.POSITIVE_INFINITY };

/** Reads a body whole. @throws {UsageError} when the server refused, or the body broke off, was used or is too large */
export async function readBody(response: ResponseLike, limits: SourceLimits): Promise<Uint8Array<ArrayBuffer>> {
  if (!response.body?.getReader) return checked(await readResponse(response), response, limits);
  const chunks: Uint8Array[] = [];
  let length = 0;
  await readPieces(response, limits, (chunk) => {
    // What a body gives is its own: it may write to it again.
    chunks.push(chunk.slice());
    length += chunk.length;
  });
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function checked(
  bytes: Uint8Array<ArrayBuffer>,
  { url }: ResponseLike,
  { maxBytes }: SourceLimits,
): Uint8Array<ArrayBuffer> {
  if (bytes.length > maxBytes) throw tooLarge(url, maxBytes);
  return bytes;
}

/** Passes the pieces of a body on as they come. The signal ends it: nothing more is wanted of the server then. */
export async function readPieces(
  response: ResponseLike,
  { maxBytes, signal }: SourceLimits,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  assertOk(response);
  let reader: BodyReader | undefined;
  const cancel = (): void => void reader?.cancel().catch(() => undefined);
  try {
    reader = response.body!.getReader!();
    signal?.addEventListener("abort", cancel, { once: true });
    // It may have fired while the reader was on its way.
    if (signal?.aborted === true) cancel();
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (!ArrayBuffer.isView(value)) throw new TypeError(`Expected the body to give bytes, got a ${typeof value}`);
      length += value.length;
      if (length > maxBytes) throw tooLarge(response.url, maxBytes);
      take(value);
    }
  } catch (cause) {
    // Cancels the rest of the body, so that the server stops sending it.
    cancel();
    throw isTenonError(cause) ? cause : fetchError(response.url, cause);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/** The error for a source with more bytes than its loader allows. */
export function tooLarge(source: string | URL, maxBytes: number): UsageError {
  return new UsageError(`Expected ${String(source) || "the source"} to have at most ${maxBytes} bytes, got more`);
}
