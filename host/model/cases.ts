/** What a type is: a value's or not, its cases when it has some, all its parts. */
import type { ValueType, VariantType } from "./types.ts";

export type Case = VariantType["cases"][number];

/** A type that is a variant, or one of the types that the specification treats as one. */
export type VariantLike = Extract<ValueType, { kind: "variant" | "enum" | "option" | "result" }>;

/** The cases of a variant, or of an enum, option or result seen as one ("Despecialization"). */
export function casesOf(type: VariantLike): readonly Case[] {
  switch (type.kind) {
    case "enum":
      return type.names.map((name) => ({ name, type: undefined }));
    case "variant":
      return type.cases;
    case "option":
      return [
        { name: "none", type: undefined },
        { name: "some", type: type.type },
      ];
    case "result":
      return [
        { name: "ok", type: type.ok },
        { name: "err", type: type.err },
      ];
  }
}

/** The types a type is made of directly; `undefined` where there is none, such as a case without payload. */
function partsOf(type: ValueType): readonly (ValueType | undefined)[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "record":
      return type.fields.map((field) => field.type);
    case "tuple":
      return type.types;
    case "variant":
    case "option":
    case "result":
      return casesOf(type).map((c) => c.type);
    case "stream":
    case "future":
      return [type.type];
    default:
      return [];
  }
}

/** Whether any part of a type satisfies a test. Parts that are shared are looked at once: types unfold without end. */
export function someType(
  type: ValueType | undefined,
  test: (type: ValueType) => boolean,
  seen: Set<ValueType> = new Set(),
): boolean {
  if (type === undefined || seen.has(type)) return false;
  seen.add(type);
  return test(type) || partsOf(type).some((part) => someType(part, test, seen));
}

/** What kinds of handles are in a type. */
export interface Handles {
  readonly own: boolean;
  readonly borrow: boolean;
}

const none: Handles = { own: false, borrow: false };
const both: Handles = { own: true, borrow: true };
const ownOnly: Handles = { own: true, borrow: false };
const borrowOnly: Handles = { own: false, borrow: true };

const handles = new WeakMap<ValueType, Handles>();

/** The kinds of handles in a type, found once for each type object. */
export function handlesIn(type: ValueType | undefined): Handles {
  if (type === undefined) return none;
  let found = handles.get(type);
  if (found === undefined) {
    const parts = partsOf(type).map(handlesIn);
    const own = type.kind === "own" || parts.some((part) => part.own);
    const borrow = type.kind === "borrow" || parts.some((part) => part.borrow);
    handles.set(type, (found = own ? (borrow ? both : ownOnly) : borrow ? borrowOnly : none));
  }
  return found;
}

/** Whether a type that has a name is one of values. */
export function isValueType(type: { readonly kind: string }): type is ValueType {
  return type.kind !== "func" && type.kind !== "instance" && type.kind !== "component";
}
