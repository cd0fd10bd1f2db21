/** Walks over the parts of value types. */
import type { ValueType } from "../../host/model/types.ts";

/** Whether a value of the type can hold a handle. */
export function holdsHandle(type: ValueType | undefined): boolean {
  return anyPart(type, ({ kind }) => kind === "own" || kind === "borrow");
}

/** Whether any part of a type, itself included, satisfies a test. */
export function anyPart(type: ValueType | undefined, test: (type: ValueType) => boolean): boolean {
  if (type === undefined) return false;
  if (test(type)) return true;
  return partsOf(type).some((part) => anyPart(part, test));
}

/** The types directly inside a type. */
function partsOf(type: ValueType): ValueType[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "record":
      return type.fields.map((field) => field.type);
    case "tuple":
      return [...type.types];
    case "variant":
      return type.cases.flatMap((one) => (one.type === undefined ? [] : [one.type]));
    case "option":
      return [type.type];
    case "result":
      return [type.ok, type.err].filter((part) => part !== undefined);
    default:
      return [];
  }
}
