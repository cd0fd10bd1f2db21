/**
 * Loads beside the plain one: of several modules in their order, of a name that is there already, and the question what a
 * load would lack.
 */
import { UsageError, type LinkIssue } from "../errors.ts";
import type { Platform } from "../platform.ts";
import { abortable } from "./source/abortable.ts";
import { Events } from "./events.ts";
import { demandFit } from "./imports/demand.ts";
import { checkWorld } from "./imports/type-check.ts";
import type { Candidate, Claim } from "./host.ts";
import { hostConsole } from "./imports/host-console.ts";
import { importResolver } from "./imports/resolve-imports.ts";
import { type HostContext, modulesOf, type ModuleRecord } from "./module.ts";
import { loadOrder } from "./imports/order.ts";
import { Scope } from "./imports/scope.ts";
import type { LoadOptions, Module } from "./types.ts";

/** The paths of the components in a directory. */
export async function listComponents({ list }: Platform, directory: string): Promise<readonly string[]> {
  if (list === undefined) throw new UsageError("Directories can only be loaded where there are files");
  return (await list(directory)).map((file) => `${directory.replace(/\/+$/, "")}/${file}`);
}

/** Claims modules in dependency order. When one fails, those that this call made are unloaded and its error is thrown. */
export async function loadAll(
  { options }: HostContext,
  candidates: readonly Candidate[],
  claim: (candidate: Candidate) => Promise<Claim>,
): Promise<Module[]> {
  const names = candidates.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`Two of the modules to load are named ${twice}`);
  const byName = new Map(candidates.map((candidate) => [candidate.name, candidate]));
  const claims = new Map<string, Claim>();
  try {
    for (const name of loadOrder(candidates, options.imports)) claims.set(name, await claim(byName.get(name)!));
  } catch (error) {
    for (const { module, fresh } of [...claims.values()].reverse()) {
      // The error thrown is that of the load; one of an unload here would hide it.
      if (fresh) await module.unload({ force: true, cascade: true }).catch(() => undefined);
    }
    throw error;
  }
  return names.map((name) => claims.get(name)!.module);
}

/**
 * Whether a load of a name that is there may be answered with the module that is there.
 * @throws {UsageError} when it has other bytes, imports or options
 * @throws {LinkError} when it does not fit the world demanded
 * @throws {RightsError} when it needs more than is granted
 */
export async function checkSame(existing: ModuleRecord, { name, component, options }: Candidate): Promise<void> {
  if (existing.hash !== component.hash) {
    throw new UsageError(
      `Module ${name} is already loaded with other bytes (${existing.hash.slice(0, 12)}, not ${component.hash.slice(0, 12)}); reload it, or choose another name`,
      { code: "name-taken" },
    );
  }
  await demandFit(name, existing.component, options);
  const has: LoadOptions = { ...existing.options, imports: existing.imports };
  for (const key of ["imports", "link", "provides", "onTrap"] as const) {
    if (options[key] === undefined || isSame(options[key], has[key])) continue;
    throw new UsageError(
      `Module ${name} is already loaded, with another value of ${key}; take it as it is without that option, reload it, or choose another name`,
      { code: "options-differ" },
    );
  }
}

const DEPTH = 8;

/** Whether two values say the same: plain objects and lists by what is in them, everything else by identity. */
function isSame(a: unknown, b: unknown, depth = 0): boolean {
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b) || depth > DEPTH) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key], depth + 1))
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

/** What a load would lack now. */
export async function missingImports(
  context: HostContext,
  { name, component, options }: Candidate,
): Promise<readonly LinkIssue[]> {
  const scope = new Scope(name, component, new Events());
  try {
    const given = await abortable([options.signal, context.closing], () =>
      scope.providers(options.imports, context.options.imports),
    );
    given.push(...(await hostConsole(name, component.imports, options.link, context)));
    const resolve = await importResolver(component, given, options.link);
    const { issues } = resolve(() => modulesOf(context));
    return options.world === undefined ? issues : [...issues, ...checkWorld(component, options.world)];
  } finally {
    await scope.close(0);
  }
}
