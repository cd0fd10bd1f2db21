/** What servers answer: refused when it is not what was asked for, read whole, or compiled while it arrives. */
import { UsageError } from "../errors.ts";
import type { Platform, ResponseLike } from "../platform.ts";

/** Reads a path or URL whole. @throws {UsageError} that says what could not be read and why */
export async function readWhole(
  platform: Pick<Platform, "open">,
  source: string | URL,
): Promise<Uint8Array<ArrayBuffer>> {
  const opened = await platform.open(source);
  return opened instanceof Uint8Array ? opened : readResponse(opened);
}

/** @throws {UsageError} when there is no body, or it ends early */
export async function readResponse(response: ResponseLike): Promise<Uint8Array<ArrayBuffer>> {
  assertOk(response);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw fetchError(response.url, cause);
  }
}

/** @throws {UsageError} when the server refused */
export function assertOk({ ok, url, status }: ResponseLike): void {
  if (!ok) throw new UsageError(`Could not fetch ${url}: status ${status}`);
}

/** What went wrong between here and a server. */
export function fetchError(source: string | URL, cause: unknown): UsageError {
  // Node says "fetch failed" and keeps the reason in the cause.
  const said = cause instanceof Error && cause.cause instanceof Error ? [cause, cause.cause] : [cause];
  const reason = said.map((each) => (each instanceof Error ? each.message : String(each))).join(": ");
  return new UsageError(`Could not fetch ${String(source)}: ${reason}`, { cause });
}
