/**
 * Notices promises that imports leave running. A promise that a synchronous import without a result returns is background work:
 * its scope counts it until it settles.
 */
import { toCamelCase } from "../../model/spelling.ts";
import type { ExternDecl, FuncType } from "../../model/types.ts";
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
      if (returnsNothing(type) && typeof given === "function")
        tracked[name] = wrap(given as Import, type.params.length, name, scope);
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
  // Everything that is not wrapped is inherited, prototypes of class instances included. A plain object is copied: what
  // it holds needs no `this`, and the linker sees that it is plain.
  const prototype: unknown = Object.getPrototypeOf(given);
  const plain = prototype === Object.prototype || prototype === null;
  const wrapped = (plain ? { ...given } : Object.create(given)) as Record<string, unknown>;
  for (const { name, type } of decls) {
    if (type.kind !== "func" || name.startsWith("[") || !returnsNothing(type)) continue;
    const key = toCamelCase(name);
    const found = given[key];
    if (typeof found !== "function") continue;
    const target = (plain ? found : found.bind(given)) as Import;
    const value = wrap(target, type.params.length, `${id}#${key}`, scope);
    Object.defineProperty(wrapped, key, { value, enumerable: true, configurable: true });
  }
  return wrapped;
}

/** What an asynchronous function returns is awaited by the guest, and is no background work. */
function returnsNothing({ async, result }: FuncType): boolean {
  return !async && (result === undefined || (result.kind === "result" && result.ok === undefined));
}

/** Fixed arity where it is small: a rest parameter would cost more than all the rest. */
function wrap(plain: Import, arity: number, owner: string, scope: Scope): Import {
  const note = (value: unknown): void => {
    if (isThenable(value)) scope.track(value, owner);
  };
  // An `err` is thrown, so whatever an import without a result returns is either nothing or left running.
  switch (arity) {
    case 0:
      return () => {
        const value = plain();
        if (value !== undefined) note(value);
      };
    case 1:
      return (a) => {
        const value = plain(a);
        if (value !== undefined) note(value);
      };
    case 2:
      return (a, b) => {
        const value = plain(a, b);
        if (value !== undefined) note(value);
      };
    case 3:
      return (a, b, c) => {
        const value = plain(a, b, c);
        if (value !== undefined) note(value);
      };
    default:
      return (...args) => {
        const value = plain(...args);
        if (value !== undefined) note(value);
      };
  }
}
