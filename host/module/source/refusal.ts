/** The error of a source that was refused, with the place it came from and what would help. */
import { DecodeError, UnsupportedError, UsageError } from "../../errors.ts";
import type { Platform, SourceLimits } from "../../platform.ts";
import type { Content } from "../../runtime/engine.ts";
import { compiler } from "../../runtime/lazy.ts";
import { isBound } from "../../runtime/load-bound.ts";
import { rights } from "../lazy.ts";
import type { Demands, Found } from "./source.ts";

/**
 * The error of a source that an engine could not prepare.
 * @param from its path or URL; empty when it has none
 */
export function explainRefusal(error: unknown, from: string, body: Content["body"]): unknown {
  const where = from === "" ? "" : `Could not load ${from.length > LONGEST ? `${from.slice(0, LONGEST)}…` : from}: `;
  if (error instanceof UnsupportedError) {
    return new UnsupportedError(error.feature, where + error.message);
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

/**
 * The body for the engine, where something is demanded of the bytes.
 * @throws {SignatureError} when they are not signed by one of the keys demanded
 * @throws {UsageError} for a module that has no bytes
 */
export async function demandedBytes(
  platform: Platform,
  found: Found,
  demands: Demands,
  limits: SourceLimits,
): Promise<Content["body"]> {
  const { body } = found;
  if (isBound(body)) {
    const option = demands.signedBy === undefined ? "integrity" : "signedBy";
    throw new UsageError(
      `The option ${option} checks bytes, and "${body.name}" was written by \`tenon bind\`: it is code of the program`,
    );
  }
  if (demands.signedBy === undefined) return body;
  const { checkSigned } = await rights();
  const bytes = body instanceof Uint8Array ? body : await (await compiler()).readBody(body, limits);
  await checkSigned(platform, found, bytes, demands);
  return bytes;
}
