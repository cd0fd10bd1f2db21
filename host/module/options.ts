/** The options of the module host, a table a call: what names there are, and what each must be. */
import type { Limits } from "../runtime/engine.ts";
import { limitsOf } from "../runtime/limits.ts";
import {
  atLeast,
  type Check,
  checkOptions,
  type Checks,
  expect,
  flag,
  isObject,
  number,
  object,
  oneOf,
  text,
} from "../runtime/options.ts";
import type {
  CompileSourceOptions,
  HostOptions,
  LoadOptions,
  LoadRequest,
  ReloadOptions,
  RestartOptions,
  UnloadOptions,
} from "./types.ts";

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

// What is said of these is checked by what is loaded for them.
const workers: Checks<Pick<HostOptions, "instances" | "isolation" | "queue">> = {
  instances: number,
  isolation: text,
  queue: number,
};

/** Options of `load` that serve many modules at once. */
export const DIRECTORY: Checks<Omit<LoadOptions, "name" | "integrity">> = {
  ...workers,
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
  limits: limits,
  maxSourceBytes: number,
  name: text,
  signal: object,
};

export const HOST: Checks<HostOptions> = {
  ...workers,
  imports: imports,
  leakDeadlineMs: number,
  limits: limits,
  maxSourceBytes: number,
  onTrap: onTrap,
  profile: flag,
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
