/**
 * What a lifted value takes of the host's heap: the price of a list's element, which is counted once a list and not once
 * an element.
 *
 * Estimates for a 64-bit engine, meant to be right within a factor of two: a slot is 8 bytes, an object 24 and a slot for
 * each field, a typed array or a resource some 300. The contents of strings and lists are counted where they are lifted.
 */
import { casesOf } from "../../model/cases.ts";
import type { ValueType } from "../../model/types.ts";
import { layoutOf } from "../../model/layout.ts";
import { typedArrayOf } from "./numbers.ts";

const SLOT = 8;
const OBJECT = 24;
/** A typed array with its buffer, a map, a wrapper with its state and its place in the registry of finalizers. */
const LARGE = 320;
/** A type may nest deeply enough for its price to leave the numbers; one such value is more than any budget. */
const MOST = 2 ** 40;

const known = new WeakMap<ValueType, number>();

/** Bytes that an element of a list takes, its place in the list included. */
export function elementCost(type: ValueType): number {
  return typedArrayOf(type) === undefined ? valueCost(type) : layoutOf(type).size;
}

/** Bytes that a value takes in a slot of an array or object. */
function valueCost(type: ValueType): number {
  let cost = known.get(type);
  if (cost === undefined) known.set(type, (cost = Math.min(MOST, SLOT + behind(type))));
  return cost;
}

const sum = (types: readonly ValueType[]): number => types.reduce((total, type) => total + valueCost(type), 0);

function behind(type: ValueType): number {
  switch (type.kind) {
    // Numbers beyond small integers are objects.
    case "u32":
    case "s32":
    case "f32":
    case "f64":
      return 8;
    case "u64":
    case "s64":
    case "char":
    case "string":
      return 24;
    case "own":
    case "borrow":
    case "map":
      return LARGE;
    case "list":
      return typedArrayOf(type.element) === undefined ? OBJECT * 2 : LARGE;
    case "tuple":
      return OBJECT * 2 + sum(type.types);
    case "record":
      return OBJECT + sum(type.fields.map((field) => field.type));
    case "flags":
      return OBJECT + SLOT * type.names.length;
    case "option":
      if (type.type.kind !== "option") return valueCost(type.type) - SLOT;
      break;
    case "variant":
    case "result":
      break;
    default:
      return 0;
  }
  const payloads = casesOf(type).map((c) => (c.type === undefined ? SLOT : valueCost(c.type)));
  return OBJECT + SLOT + payloads.reduce((most, cost) => Math.max(most, cost), 0);
}
