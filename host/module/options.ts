/** The options of the module host, a table a call: what names there are, and what each must be. */
import type { Limits } from "../runtime/engine.ts";
import { limitsOf } from "../runtime/limits.ts";
import { type Check, type Checks, expect, flag, isObject, number, object, text } from "../runtime/options.ts";
import type {
  CompileSourceOptions,
  HostOptions,
  LoadOptions,
  LoadRequest,
  SharedLoadOptions,
  UnloadOptions,
} from "./types.ts";

export const imports: Check = expect("an object", (value) => isObject(value) || typeof value === "function");

// What is in the object is checked where restarts are made of it.
const onTrap = expect(
  '"fail", "restart" or an object',
  (value) => value === "fail" || value === "restart" || isObject(value),
);

const limits: Check = (value) => void limitsOf(value as Limits);

const any: Check = () => undefined;

/** What a host may say for the modules that do not say so. */
const shared: Checks<Omit<HostOptions, "leakDeadlineMs" | "profile" | "unloading">> = {
  grants: object,
  imports: imports,
  // What is said of these four is checked by what is loaded for them.
  instances: number,
  isolation: text,
  jspi: flag,
  queue: number,
  limits: limits,
  maxSourceBytes: number,
  onTrap: onTrap,
  signedBy: object,
};

/** Options of `load` that serve many modules at once. */
export const DIRECTORY: Checks<SharedLoadOptions> = {
  ...shared,
  link: expect("true, false or an object", (value) => typeof value === "boolean" || isObject(value)),
  provides: expect("false or a list of interface ids", (value) => value === false || Array.isArray(value)),
  signal: object,
  world: object,
};

export const LOAD: Checks<LoadOptions> = { ...DIRECTORY, integrity: text, name: text, signature: any };

export const REQUEST: Checks<LoadRequest> = { ...LOAD, source: any };

export const COMPILE: Checks<CompileSourceOptions> = {
  integrity: text,
  jspi: flag,
  limits: limits,
  maxSourceBytes: number,
  name: text,
  signal: object,
  signature: any,
  signedBy: object,
};

export const HOST: Checks<HostOptions> = {
  ...shared,
  leakDeadlineMs: number,
  profile: flag,
  unloading: flag,
};

export const UNLOAD: Checks<UnloadOptions> = {
  cascade: flag,
  collect: flag,
  collectDeadlineMs: number,
  drain: number,
  flush: flag,
  force: flag,
};
