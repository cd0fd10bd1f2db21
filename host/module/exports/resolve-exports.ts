/**
 * What a version exports, resolved completely before anything is swapped: every function, class and interface found on the
 * instance under the name its component declares.
 */
import { GuestResource } from "../../abi/guest-resource.ts";
import { className, externName, funcName, staticName } from "../../model/spelling.ts";
import { UsageError } from "../../errors.ts";
import type { ExternDecl, FuncType } from "../../model/types.ts";
import { constructing } from "./classes.ts";
import { compatibilityKey } from "../../model/ids.ts";
import type { AnyFunction } from "./slots.ts";

/** The container key of the world's own functions. */
export const WORLD = "";

export interface FunctionChange {
  readonly container: string;
  /** As the component names it, such as `[static]counter.make`. */
  readonly name: string;
  readonly type: FuncType;
  readonly target: AnyFunction;
}

export interface ClassChange {
  readonly container: string;
  readonly resource: string;
  readonly version: Function;
  /** Names of the methods in JavaScript. */
  readonly methods: readonly string[];
  /** The resource is another module's or the user's, exported again: its class is given as it is. */
  readonly foreign: boolean;
}

/** A set of exports that resolved wholly, ready to be swapped in. */
export interface ExportChange {
  /** By compatibility key; the world itself under {@link WORLD}. */
  readonly containers: ReadonlyMap<string, { readonly id: string; readonly decls: readonly ExternDecl[] }>;
  readonly functions: readonly FunctionChange[];
  readonly classes: readonly ClassChange[];
}

type Source = Readonly<Record<string, unknown>>;

/** @throws {UsageError} when the instance lacks what its component declares */
export function resolveExports(module: string, decls: readonly ExternDecl[], instanceExports: object): ExportChange {
  const containers = new Map([[WORLD, { id: WORLD, decls }]]);
  const root = instanceExports as Source;
  const functions = resolveFunctions(module, WORLD, decls, root);
  const classes = resolveClasses(WORLD, decls, root);
  for (const { name, type } of decls) {
    if (type.kind !== "instance") continue;
    const source = root[externName(name)] as Source | undefined;
    if (source === undefined) throw absent(module, name);
    // Two versions that could stand for one another are still two interfaces.
    const track = compatibilityKey(name);
    const key = containers.has(track) ? name : track;
    containers.set(key, { id: name, decls: type.exports });
    functions.push(...resolveFunctions(module, key, type.exports, source));
    classes.push(...resolveClasses(key, type.exports, source));
  }
  return { containers, functions, classes };
}

function resolveFunctions(
  module: string,
  container: string,
  decls: readonly ExternDecl[],
  source: Source,
): FunctionChange[] {
  return decls.flatMap(({ name, type }): FunctionChange[] => {
    if (type.kind !== "func") return [];
    const js = funcName(name);
    // Methods are found on the objects.
    if (js.kind === "method") return [];
    const owner = js.kind === "function" ? source : (source[className(js.resource)] as Source | undefined);
    // What belongs to another's class is reached through that class.
    if (js.kind !== "function" && owner !== undefined && isForeign(owner)) return [];
    const found = js.kind === "constructor" ? owner : owner?.[js.kind === "static" ? staticName(js.js) : js.js];
    if (typeof found !== "function") throw absent(module, pathOf(container, name));
    const target = js.kind === "constructor" ? constructing(found) : (found as AnyFunction);
    return [{ container, name, type, target }];
  });
}

function resolveClasses(container: string, decls: readonly ExternDecl[], source: Source): ClassChange[] {
  const members = decls.flatMap(({ name, type }) => {
    const js = type.kind === "func" ? funcName(name) : undefined;
    return js === undefined || js.kind === "function" ? [] : [js];
  });
  const declared = decls.flatMap(({ name, type }) => (type.kind === "resource-type" ? [name] : []));
  const resources = new Set([...declared, ...members.map(({ resource }) => resource)]);
  return [...resources].flatMap((resource): ClassChange[] => {
    const version = source[className(resource)];
    // A resource that the host gave no class for.
    if (typeof version !== "function") return [];
    const methods = members.flatMap((js) => (js.kind === "method" && js.resource === resource ? [js.js] : []));
    return [{ container, resource, version, methods, foreign: isForeign(version) }];
  });
}

/** Whether a class is not one of the bindings' own. */
function isForeign(version: object): boolean {
  return !((version as { readonly prototype?: unknown }).prototype instanceof GuestResource);
}

function absent(module: string, what: string): UsageError {
  return new UsageError(`Expected the exports of ${module} to hold ${what}`);
}

/** A path that users write: `greet`, `demo:calc/api@1.0.0#add`, `demo:calc/api@1.0.0#Counter.make`. */
export function pathOf(container: string, name: string): string {
  const js = funcName(name);
  const own =
    js.kind === "function"
      ? js.js
      : js.kind === "constructor"
        ? className(js.resource)
        : `${className(js.resource)}.${js.js}`;
  return container === WORLD ? own : `${container}#${own}`;
}
