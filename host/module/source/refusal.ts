/** What a source was refused for, with the place it came from and what would help. */
import { DecodeError, UnsupportedError } from "../../errors.ts";
import type { Platform, ResponseLike } from "../../platform.ts";

/**
 * The error of a source that could not be compiled.
 * @param from its path or URL; empty when it has none
 */
export async function explainRefusal(
  error: unknown,
  platform: Platform,
  from: string,
  content: Uint8Array | ResponseLike,
): Promise<unknown> {
  const where = from === "" ? "" : `Could not load ${from.length > LONGEST ? `${from.slice(0, LONGEST)}…` : from}: `;
  if (error instanceof UnsupportedError) {
    const hint = await platform.jco?.hint(error);
    return new UnsupportedError(error.feature, `${where}${error.message}${hint === undefined ? "" : `; ${hint}`}`);
  }
  if (error instanceof DecodeError) {
    // The same error, so that byte and section stay: only its words say more.
    const type = content instanceof Uint8Array ? undefined : content.headers?.get("content-type");
    const page = type?.includes("html") === true ? "; the server answered text/html, a page and no component" : "";
    error.message = `${where}${error.message}${page}`;
  }
  return error;
}

const LONGEST = 200;
