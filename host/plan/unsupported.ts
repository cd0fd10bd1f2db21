/** What is valid but more than this host can do: refused by name before anything is generated. */
import { UnsupportedError } from "../errors.ts";
import { labelsOf, partsOf } from "../model/cases.ts";
import { toCamelCase } from "../model/spelling.ts";
import type { FuncType, ValueType } from "../model/types.ts";

/** @throws {UnsupportedError} when names within a parameter or the result are spelled alike in JavaScript */
export function refuseValueCollisions(type: FuncType): void {
  for (const param of type.params) visit(param.type);
  visit(type.result);
}

/** Value types in which nothing was found to refuse: each is looked into once, however many functions use it. */
const accepted = new WeakSet<ValueType>();

/**
 * WIT tells `a1` from `a-1`, JavaScript's spelling of them does not: one would silently take the place of the other.
 * @throws {UnsupportedError} naming both
 */
function refuseCollision(what: string, names: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const name of names) {
    const js = toCamelCase(name);
    const other = taken.get(js);
    if (other !== undefined && other !== name) {
      throw new UnsupportedError("name-collision", `The ${what} "${other}" and "${name}" are both ${js} in JavaScript`);
    }
    taken.set(js, name);
  }
}

/**
 * As {@link refuseCollision}, for what is imported or exported side by side: functions and instances, and classes.
 * @throws {UnsupportedError} naming both
 */
export function refuseCollisions(
  what: string,
  items: readonly { readonly name: string; readonly type: { readonly kind: string } }[],
): void {
  const names = (...kinds: string[]): string[] =>
    // Interfaces are kept under their ids, as they are.
    items.flatMap(({ name, type }) => (kinds.includes(type.kind) && !name.includes(":") ? [name] : []));
  refuseCollision(what, names("func", "instance"));
  refuseCollision(what, names("resource-type"));
}

function visit(type: ValueType | undefined): void {
  if (type === undefined || accepted.has(type)) return;
  switch (type.kind) {
    case "flags":
      refuseCollision("flags", type.names);
      break;
    case "record":
      refuseCollision("record fields", labelsOf(type));
      break;
    default:
  }
  for (const part of partsOf(type)) visit(part);
  accepted.add(type);
}
