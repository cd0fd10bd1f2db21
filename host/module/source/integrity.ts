/** The hash that a source is demanded to have. */
import { IntegrityError, UsageError } from "../../errors.ts";

/** @throws {IntegrityError} when a demanded hash is not that of the bytes */
export function checkIntegrity(integrity: string, hash: string, what: string): void {
  const expected = normalizeIntegrity(integrity);
  if (expected === hash) return;
  throw new IntegrityError(`Expected ${what} to have SHA-256 ${expected}, got ${hash}`, expected, hash);
}

function normalizeIntegrity(integrity: string): string {
  if (/^[0-9a-f]{64}$/i.test(integrity)) return integrity.toLowerCase();
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(integrity)?.[1];
  if (base64 === undefined) {
    throw new UsageError(`Expected integrity as 64 hex digits or sha256-<base64>, got ${integrity}`);
  }
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
