/** What a type is: a value's or not, its cases when it has some, all its parts. */
import type { ValueType, VariantType } from "./types.ts";

export type Case = VariantType["cases"][number];

/** The cases of a variant, or of an option or result seen as one ("Despecialization"). */
export function casesOf(type: Extract<ValueType, { kind: "variant" | "option" | "result" }>): readonly Case[] {
  switch (type.kind) {
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

/** Whether any part of a type satisfies a test. */
export function someType(type: ValueType | undefined, test: (type: ValueType) => boolean): boolean {
  if (type === undefined) return false;
  if (test(type)) return true;
  switch (type.kind) {
    case "list":
      return someType(type.element, test);
    case "map":
      return someType(type.key, test) || someType(type.value, test);
    case "record":
      return type.fields.some((field) => someType(field.type, test));
    case "tuple":
      return type.types.some((member) => someType(member, test));
    case "variant":
    case "option":
    case "result":
      return casesOf(type).some((c) => someType(c.type, test));
    case "stream":
    case "future":
      return someType(type.type, test);
    default:
      return false;
  }
}

/** Whether a type that has a name is one of values. */
export function isValueType(type: { readonly kind: string }): type is ValueType {
  return type.kind !== "func" && type.kind !== "instance" && type.kind !== "component";
}
