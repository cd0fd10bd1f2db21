/**
 * Notices promises that imports leave running. Calls of components are synchronous, so a promise that an import without
 * a result returns is background work: its scope counts it until it settles.
 */
import { toCamelCase } from "../model/names.ts";
import type { ExternDecl, FuncType } from "../model/types.ts";
import { isThenable, type Scope } from "./scope.ts";

type Import = (...args: unknown[]) => unknown;

/**
 * The same imports, with the functions that return nothing wrapped. Functions with a result are left alone: a promise
 * is no value of any WIT type, and lowering it fails the call.
 */
export function trackImports(
  decls: readonly ExternDecl[],
  imports: Record<string, unknown>,
  scope: Scope,
  skip: ReadonlySet<string>,
): Record<string, unknown> {
  const tracked: Record<string, unknown> = { ...imports };
  for (const { name, type } of decls) {
    const given = imports[name];
    if (skip.has(name) || given === undefined) continue;
    if (type.kind === "func") {
      if (returnsNothing(type) && typeof given === "function") tracked[name] = wrap(given as Import, undefined, name, scope);
    } else if (type.kind === "instance" && typeof given === "object" && given !== null) {
      tracked[name] = trackInterface(type.exports, given as Record<string, unknown>, name, scope);
    }
  }
  return tracked;
}

function trackInterface(
  decls: readonly ExternDecl[],
  given: Record<string, unknown>,
  id: string,
  scope: Scope,
): Record<string, unknown> {
  // Everything that is not wrapped is inherited, prototypes of class instances included.
  const face = Object.create(given) as Record<string, unknown>;
  for (const { name, type } of decls) {
    if (type.kind !== "func" || name.startsWith("[") || !returnsNothing(type)) continue;
    const key = toCamelCase(name);
    const plain = given[key];
    if (typeof plain !== "function") continue;
    const value = wrap(plain as Import, given, `${id}#${key}`, scope);
    Object.defineProperty(face, key, { value, enumerable: true, configurable: true });
  }
  return face;
}

function returnsNothing({ result }: FuncType): boolean {
  return result === undefined || (result.kind === "result" && result.ok === undefined);
}

function wrap(plain: Import, self: object | undefined, owner: string, scope: Scope): Import {
  const wrapped = (...args: unknown[]): unknown => {
    const value = plain.apply(self, args);
    if (value === undefined || !isThenable(value)) return value;
    scope.track(value, owner);
    return undefined;
  };
  Object.defineProperty(wrapped, "length", { value: plain.length, configurable: true });
  return wrapped;
}

