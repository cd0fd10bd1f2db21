/**
 * Checks what users pass: unknown options are refused by name, and each known one has its check in one table a call. Here are
 * the checks; the tables stand with their calls, those of the module host in `module/options.ts`.
 */
import { UsageError } from "../errors.ts";
import { nearestName } from "../model/nearest.ts";
import { wordsOf } from "../words.ts";

export type Check = (value: unknown, name: string) => void;
export type Checks<T> = Readonly<Record<keyof T & string, Check>>;

/** @throws {UsageError} naming an option that does not exist, and the one that was meant; or what an option must be */
export function checkOptions<T extends object>(where: string, options: T | undefined, checks: Checks<T>): void {
  if (options === undefined) return;
  object(options, `the options of ${where}`);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) {
      const near = nearestName(key, Object.keys(checks));
      const hint =
        key === "engine" ? ": it is gone, and jco with it" : near === undefined ? "" : `; did you mean ${near}?`;
      throw new UsageError(`Unknown option ${key} of ${where}${hint}`);
    }
    if (value !== undefined) checks[key as keyof typeof checks](value, key);
  }
}

/** A check by what is wanted, in words, and whether a value is that. */
export function expect(wanted: string, fits: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!fits(value)) throw new UsageError(`Expected ${name} to be ${wanted}, got ${wordsOf(value)}`);
  };
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

export function oneOf(...values: readonly string[]): Check {
  return expect(values.map((value) => `"${value}"`).join(" or "), (value) => values.includes(value as string));
}

export function atLeast(least: number): Check {
  return expect(`a number of at least ${least}`, (value) => Number.isFinite(value) && (value as number) >= least);
}

export const number: Check = atLeast(0);
export const flag: Check = expect("true or false", (value) => typeof value === "boolean");
export const text: Check = expect("a string that is not empty", (value) => typeof value === "string" && value !== "");
export const object: Check = expect("an object", isObject);
