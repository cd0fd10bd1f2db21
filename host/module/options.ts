/**
 * Checks what users pass: unknown options are refused by name, and each known one has its check in one table a call.
 */
import { UsageError } from "../errors.ts";
import { wordsOf } from "../words.ts";
import { nearestName } from "../model/nearest.ts";
import { limitsOf } from "../runtime/limits.ts";
import type { Limits } from "../runtime/engine.ts";
import type {
  CompileSourceOptions,
  HostOptions,
  LoadOptions,
  LoadRequest,
  ReloadOptions,
  RestartOptions,
  UnloadOptions,
} from "./types.ts";

type Check = (value: unknown, name: string) => void;
type Checks<T> = Readonly<Record<keyof T & string, Check>>;

/** @throws {UsageError} naming an option that does not exist, and the one that was meant; or what an option must be */
export function checkOptions<T extends object>(where: string, options: T | undefined, checks: Checks<T>): void {
  if (options === undefined) return;
  if (!isObject(options)) {
    throw new UsageError(`Expected the options of ${where} to be an object, got ${typeof options}`);
  }
  for (const [key, value] of Object.entries(options)) {
    if (Object.hasOwn(checks, key)) {
      if (value !== undefined) checks[key as keyof typeof checks](value, key);
      continue;
    }
    // The name that the option had before.
    const near = key === "bindings" && "engine" in checks ? "engine" : nearestName(key, Object.keys(checks));
    throw new UsageError(`Unknown option ${key} of ${where}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
}

/** A check by what is wanted, in words, and whether a value is that. */
function expect(wanted: string, fits: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!fits(value)) throw new UsageError(`Expected ${name} to be ${wanted}, got ${wordsOf(value)}`);
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function oneOf(...values: readonly string[]): Check {
  return expect(values.map((value) => `"${value}"`).join(" or "), (value) => values.includes(value as string));
}

function atLeast(least: number): Check {
  return expect(`a number of at least ${least}`, (value) => Number.isFinite(value) && (value as number) >= least);
}

const number = atLeast(0);
const flag = expect("true or false", (value) => typeof value === "boolean");
const text = expect("a string that is not empty", (value) => typeof value === "string" && value !== "");
const object = expect("an object", isObject);
const imports = expect("an object", (value) => isObject(value) || typeof value === "function");

const restart: Checks<RestartOptions> = {
  delayMs: number,
  factor: atLeast(1),
  maxDelayMs: number,
  maxRestarts: number,
  windowMs: number,
};

const onTrap: Check = (value) => {
  if (value === "fail" || value === "restart") return;
  expect('"fail", "restart" or an object', isObject)(value, "onTrap");
  checkOptions("onTrap", value as RestartOptions, restart);
};

const limits: Check = (value) => void limitsOf(value as Limits);

const engine = oneOf("tenon", "jco");

/** Options of `load` that serve many modules at once. */
export const DIRECTORY: Checks<Omit<LoadOptions, "name" | "integrity">> = {
  engine: engine,
  imports: imports,
  limits: limits,
  link: expect("true, false or an object", (value) => typeof value === "boolean" || isObject(value)),
  maxSourceBytes: number,
  onTrap: onTrap,
  provides: expect("false or a list of interface ids", (value) => value === false || Array.isArray(value)),
  signal: object,
  world: object,
};

export const LOAD: Checks<LoadOptions> = { ...DIRECTORY, integrity: text, name: text };

export const REQUEST: Checks<LoadRequest> = { ...LOAD, source: () => undefined };

export const COMPILE: Checks<CompileSourceOptions> = {
  engine: engine,
  integrity: text,
  maxSourceBytes: number,
  name: text,
  signal: object,
};

export const HOST: Checks<HostOptions> = {
  imports: imports,
  leakDeadlineMs: number,
  limits: limits,
  maxSourceBytes: number,
  onTrap: onTrap,
  unloading: flag,
};

export const RELOAD: Checks<ReloadOptions> = {
  dependents: oneOf("restart"),
  drain: number,
  force: flag,
  imports: imports,
  integrity: text,
  maxSourceBytes: number,
  signal: object,
  state: flag,
};

export const UNLOAD: Checks<UnloadOptions> = {
  cascade: flag,
  collect: flag,
  collectDeadlineMs: number,
  drain: number,
  flush: flag,
  force: flag,
};
