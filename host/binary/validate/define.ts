/**
 * Value types from their definitions, with the rules of each.
 *
 * Follows the notes of design/mvp/Binary.md, "Type Definitions".
 */
import { holdsBorrow } from "../../model/facts.ts";
import type { PrimitiveKind, ValueType } from "../../model/types.ts";
import type { RawDefinedType } from "../definition.ts";
import type { Context } from "./context.ts";
import { checkLabels } from "./names.ts";
import type { Scope } from "./scope.ts";
import { checked } from "./types.ts";

/** What a map may be keyed by. */
const keyKinds: ReadonlySet<string> = new Set<PrimitiveKind>([
  "bool",
  "s8",
  "u8",
  "s16",
  "u16",
  "s32",
  "u32",
  "s64",
  "u64",
  "char",
  "string",
]);

/** Evaluates the definition of a value type; its parts are looked up in `scope`. */
export function defineValueType(scope: Scope, raw: RawDefinedType): ValueType {
  return checked(scope.context, evaluate(scope, raw));
}

function evaluate(scope: Scope, raw: RawDefinedType): ValueType {
  const context: Context = scope.context;
  switch (raw.kind) {
    case "own":
    case "borrow":
      return { kind: raw.kind, resource: scope.resource(raw.resource) };
    case "record": {
      if (raw.fields.length === 0) context.fail("A record type must have at least one field");
      const labels = raw.fields.map((field) => field.name);
      checkLabels(context, labels, "record field");
      return { kind: "record", fields: raw.fields.map(({ name, type }) => ({ name, type: scope.value(type) })) };
    }
    case "variant": {
      if (raw.cases.length === 0) context.fail("A variant type must have at least one case");
      const labels = raw.cases.map((item) => item.name);
      checkLabels(context, labels, "variant case");
      return { kind: "variant", cases: raw.cases.map(({ name, type }) => ({ name, type: scope.optional(type) })) };
    }
    case "flags":
    case "enum":
      if (raw.names.length === 0) context.fail(`The ${raw.kind} type must have at least one label`);
      if (raw.kind === "flags" && raw.names.length > 32) context.fail("A flags type cannot have more than 32 flags");
      checkLabels(context, raw.names, raw.kind === "flags" ? "flag" : "case of an enum");
      return { kind: raw.kind, names: raw.names };
    case "tuple":
      if (raw.types.length === 0) context.fail("A tuple type must have at least one type");
      return { kind: "tuple", types: raw.types.map((type) => scope.value(type)) };
    case "list":
      if (raw.length === 0) context.fail("A fixed-length list must have at least one element");
      return { kind: "list", element: scope.value(raw.element), length: raw.length };
    case "map": {
      const key = scope.value(raw.key);
      if (!keyKinds.has(key.kind)) context.fail(`A map cannot have keys of the type ${key.kind}`);
      return { kind: "map", key, value: scope.value(raw.value) };
    }
    case "option":
      return { kind: "option", type: scope.value(raw.type) };
    case "result":
      return { kind: "result", ok: scope.optional(raw.ok), err: scope.optional(raw.err) };
    case "stream":
    case "future": {
      const type = scope.optional(raw.type);
      if (holdsBorrow(type)) context.fail(`A ${raw.kind} cannot contain a \`borrow\` type`);
      if (raw.kind === "stream" && type?.kind === "char") context.fail("`stream<char>` is not valid at present");
      return { kind: raw.kind, type };
    }
    default:
      return { kind: raw.kind };
  }
}
