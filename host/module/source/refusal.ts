/** The error of a source that was refused, with the place it came from and what would help. */
import { DecodeError, UnsupportedError, UsageError } from "../../errors.ts";
import type { BoundComponent } from "../../platform.ts";
import type { Content, Engine } from "../../runtime/engine.ts";

/**
 * The error of a source that an engine could not prepare.
 * @param from its path or URL; empty when it has none
 * @param engines which may know that they would run it
 */
export async function explainRefusal(
  error: unknown,
  from: string,
  body: Content["body"],
  engines: readonly Engine[],
): Promise<unknown> {
  const where = from === "" ? "" : `Could not load ${from.length > LONGEST ? `${from.slice(0, LONGEST)}…` : from}: `;
  if (error instanceof UnsupportedError) {
    const hints = await Promise.all(engines.map((engine) => engine.hint?.(error)));
    const words = [error.message, ...hints.filter(Boolean)];
    return new UnsupportedError(error.feature, `${where}${words.join("; ")}`);
  }
  if (error instanceof DecodeError) {
    // The same error object, so that `offset` and `section` stay; only its message grows.
    const type = "headers" in body ? body.headers?.get("content-type") : undefined;
    const page = type?.includes("html") === true ? "; the server answered text/html, a page and no component" : "";
    const starts = body instanceof Uint8Array ? new TextDecoder().decode(body.subarray(0, 100)) : "";
    const text = /^\s*<(?:!doctype|html)/i.test(starts) ? "; it holds HTML, a page and no component" : "";
    error.message = `${where}${error.message}${page}${text}`;
  }
  return error;
}

const LONGEST = 200;

/** What was given as a source is none. */
export function noSource(given: unknown): UsageError {
  const found = given === null ? "null" : typeof given;
  return new UsageError(
    `Expected a path, URL, bytes, Response or a module written by \`tenon bind\` as source, got ${found}`,
  );
}

export function noEngine(name: string): UsageError {
  return new UsageError(`There is no engine "${name}" here`);
}

export function noIntegrity({ name }: BoundComponent): UsageError {
  return new UsageError(
    `The option integrity checks bytes, and "${name}" was written by \`tenon bind\`: it is code of the program`,
  );
}
