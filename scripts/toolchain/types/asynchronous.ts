/**
 * How asynchronous calls, streams and futures are spelled in a declaration file, by the types that `tenon` exports for them.
 */
import { typedArrayOf } from "../../../host/abi/emit/numbers.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import type { Spelling } from "./spelling.ts";

/** A stream. What the component gives is read in chunks; what the host gives has many forms. */
export function streamType(element: ValueType | undefined, fromHost: boolean, spelling: Spelling): string {
  const name = spelling.tenon(fromHost ? "StreamSource" : "GuestStream");
  // A chunk of elements without a value says how many there are.
  if (element === undefined) return `${name}<undefined, number>`;
  const array = typedArrayOf(element);
  const chunk = array === undefined ? "" : `, ${spelling.global(array)}`;
  return `${name}<${spelling.spell(element, fromHost)}${chunk}>`;
}

/** A future: a promise, or from the host also its value. */
export function futureType(value: ValueType | undefined, fromHost: boolean, spelling: Spelling): string {
  return later(value, value === undefined ? "void" : spelling.spell(value, fromHost), fromHost, spelling);
}

/** What an asynchronous function gives, whose value is spelled already. */
export function asyncResult({ result }: FuncType, value: string, fromHost: boolean, spelling: Spelling): string {
  return later(result?.kind === "result" ? result.ok : result, value, fromHost, spelling);
}

/** The parameter that follows those of an asynchronous function. @param names those of the others */
export function lastParameter(names: readonly string[], exported: boolean, spelling: Spelling): string {
  let name = exported ? "options" : "call";
  while (names.includes(name)) name += "_";
  return exported ? `${name}?: ${spelling.tenon("CallOptions")}` : `${name}: ${spelling.tenon("ImportCall")}`;
}

function later(type: ValueType | undefined, text: string, fromHost: boolean, spelling: Spelling): string {
  // JavaScript has no promise of a promise.
  if (type?.kind === "future") return text;
  return fromHost ? `${text} | ${spelling.global("PromiseLike")}<${text}>` : `${spelling.global("Promise")}<${text}>`;
}
