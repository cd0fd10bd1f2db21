/** Types that have a name by their nature, and what tells one from another. */
import type { ValueType } from "./types.ts";

export type NominalType = Extract<ValueType, { kind: "record" | "variant" | "enum" | "flags" }>;

export function isNominal(type: { readonly kind: string }): type is NominalType {
  return type.kind === "record" || type.kind === "variant" || type.kind === "enum" || type.kind === "flags";
}

/** What makes two nominal types one: a type that is given another name is an object of its own, but shares this. */
export function identityOf(type: NominalType): object {
  switch (type.kind) {
    case "record":
      return type.fields;
    case "variant":
      return type.cases;
    case "enum":
    case "flags":
      return type.names;
  }
}
