/**
 * An interface of WASI that is not here, or was not granted: it links, and each call of it is refused with the interface's own error
 * for that. Made from its types, so that it needs to know no interface.
 */
import { className, funcName, toCamelCase } from "../model/spelling.ts";
import type { ExternDecl, ResourceType, ResultType, ValueType } from "../model/types.ts";
import { fail, WasiTrap } from "./io/error.ts";
import type { WasiState } from "./state.ts";

/** What interfaces call it when something is not allowed, the best first. */
const REFUSALS = ["access-denied", "access", "not-permitted", "HTTP-request-denied", "not-supported", "other"];

/** Interfaces that a page cannot have, whatever is granted; Node has them. */
const SOCKETS = "wasi:sockets/";
const ABSENT = ["not-supported", "access-denied"];

type Class = new () => object;

export function denied(state: WasiState, { name, type }: ExternDecl): object {
  const face: Record<string, unknown> = {};
  const from = name.replace(/@.*$/s, "");
  if (type.kind !== "instance") return face;
  for (const { name: item, type: of } of type.exports) {
    if (of.kind === "resource-type") face[className(item)] = classOf(state, of.resource);
  }
  for (const { name: item, type: of } of type.exports) {
    if (of.kind !== "func") continue;
    const called = funcName(item);
    const refuse = (): unknown => {
      if (state.watched) state.access(from, item, false);
      return refused(state, `${from}#${item}`, of.result);
    };
    if (called.kind === "function") face[toCamelCase(item)] = refuse;
    else {
      const owner = face[className(called.resource)] as (Class & Record<string, unknown>) | undefined;
      if (owner === undefined) continue;
      if (called.kind === "static") owner[called.js] = refuse;
      else if (called.kind === "method") (owner.prototype as Record<string, unknown>)[called.js] = refuse;
    }
  }
  return face;
}

/** One class for a resource, whichever interface names it. */
function classOf(state: WasiState, resource: ResourceType): Class {
  return state.shared(resource.of ?? resource, () => class {});
}

/** What says "no" best in a type: an error, nothing, an empty list; else the call traps. */
function refused(state: WasiState, what: string, type: ValueType | undefined): unknown {
  switch (type?.kind) {
    case undefined:
    case "option":
      return undefined;
    case "list":
      return [];
    case "bool":
      return false;
    case "own":
      return new (classOf(state, type.resource))();
    case "result":
      return fail(refusalOf(type, what));
    case "tuple":
      return type.types.map((item) => refused(state, what, item));
    case "stream":
      return [];
    case "future":
      // What is an error where a function returns it is a value where a future has it.
      return type.type?.kind === "result"
        ? { tag: "err", val: refusalOf(type.type, what) }
        : refused(state, what, type.type);
    default:
      return trap(what);
  }
}

function refusalOf({ err }: ResultType, what: string): unknown {
  return errorOf(err, what.startsWith(SOCKETS) ? ABSENT : REFUSALS) ?? trap(what);
}

function errorOf(type: ValueType | undefined, refusals: readonly string[]): unknown {
  if (type?.kind === "enum") return refusals.find((name) => type.names.includes(name));
  if (type?.kind !== "variant") return undefined;
  for (const tag of refusals) {
    const found = type.cases.find(
      ({ name, type: payload }) => name === tag && (payload === undefined || payload.kind === "option"),
    );
    if (found !== undefined) return { tag };
  }
  return undefined;
}

function trap(what: string): never {
  throw new WasiTrap(`${what} is not granted`);
}
