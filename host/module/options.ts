/**
 * Checks what users pass: unknown options are refused by name, numbers must be sensible.
 */
import { UsageError } from "../errors.ts";
import { nearestName } from "../model/nearest.ts";

/** @throws {UsageError} naming an option that does not exist, and the one that was meant */
export function checkOptions<T extends object>(
  where: string,
  options: T | undefined,
  known: readonly (keyof T & string)[],
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new UsageError(`Expected the options of ${where} to be an object, got ${typeof options}`);
  }
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue;
    const near = nearestName(key, known);
    throw new UsageError(`Unknown option ${key} of ${where}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
}

/** @throws {UsageError} when a given number is not a finite one ≥ `least` */
export function checkNumber(where: string, value: number | undefined, least = 0): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value < least) {
    throw new UsageError(`Expected ${where} to be a number of at least ${least}, got ${String(value)}`);
  }
}
