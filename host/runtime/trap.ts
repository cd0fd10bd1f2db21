/**
 * The scrubbing that lets an instance go, and what the runtime knows of a fault before it is put into words.
 *
 * An engine's error with a wasm frame pins the instance until its stack has been read, so every error that leaves wasm is
 * read, copied as strings into an error of the host's own, and let go.
 */
import type { GuestPosition } from "../errors.ts";

/** What a guest's own hook says about its last abort. */
export interface GuestAbort {
  readonly message: string;
  readonly position: GuestPosition | undefined;
}

/** An import of the host's user that threw: the fault it makes, with the error itself as cause. */
export class ImportFault {
  readonly importName: string;
  readonly error: unknown;
  /** Whether the import could have given an err instead. */
  readonly hasErr: boolean;
  constructor(importName: string, error: unknown, hasErr = false) {
    this.importName = importName;
    this.error = error;
    this.hasErr = hasErr;
  }
}

/** Causes that are followed; a `cause` may be a getter that makes another error each time. */
const CAUSES = 100;

/**
 * Reads the stacks of an error and of its causes. V8 keeps the frames of an error, and through them whole instances, until
 * somebody reads its `stack`. Whatever was thrown, this does not throw.
 * @returns the first stack there is
 */
export function scrub(error: unknown): string | undefined {
  let stack: unknown;
  const seen = new Set<unknown>();
  try {
    for (let at = error; at instanceof Error && !seen.has(at) && seen.size < CAUSES; at = at.cause) {
      seen.add(at);
      // Every stack must be read, not only the first that is wanted.
      const text: unknown = at.stack;
      stack ??= text;
    }
  } catch {
    // A getter or a proxy that throws: what is behind it cannot be read by anybody.
  }
  return typeof stack === "string" ? stack : undefined;
}
