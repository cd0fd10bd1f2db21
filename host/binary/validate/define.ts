/**
 * Value types from their definitions, with the rules of each.
 *
 * Follows the notes of design/mvp/Binary.md, "Type Definitions".
 */
import type { PrimitiveKind } from "../../model/types.ts";
import type { RawDefinedType } from "../definition.ts";
import type { Context } from "./context.ts";
import { checkLabels } from "./names.ts";
import type { Scope } from "./scope.ts";
import { compoundEntity, handleEntity, primitiveEntity, type ValueEntity } from "./types.ts";

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
export function defineValueType(scope: Scope, raw: RawDefinedType): ValueEntity {
  const context: Context = scope.context;
  switch (raw.kind) {
    case "own":
    case "borrow":
      return handleEntity(raw.kind, scope.resource(raw.resource));
    case "record": {
      const labels = raw.fields.map((field) => field.name);
      if (labels.length === 0) context.fail("A record type must have at least one field");
      checkLabels(context, labels, "record field");
      return compoundEntity(
        context,
        "record",
        raw.fields.map((field) => scope.value(field.type)),
        labels,
      );
    }
    case "variant": {
      const labels = raw.cases.map((item) => item.name);
      if (labels.length === 0) context.fail("A variant type must have at least one case");
      checkLabels(context, labels, "variant case");
      return compoundEntity(
        context,
        "variant",
        raw.cases.map((item) => scope.optional(item.type)),
        labels,
      );
    }
    case "flags":
    case "enum": {
      if (raw.names.length === 0) context.fail(`The ${raw.kind} type must have at least one label`);
      if (raw.kind === "flags" && raw.names.length > 32) context.fail("A flags type cannot have more than 32 flags");
      checkLabels(context, raw.names, raw.kind === "flags" ? "flag" : "case of an enum");
      return compoundEntity(context, raw.kind, [], raw.names);
    }
    case "tuple":
      if (raw.types.length === 0) context.fail("A tuple type must have at least one type");
      return compoundEntity(
        context,
        "tuple",
        raw.types.map((type) => scope.value(type)),
      );
    case "list":
      if (raw.length === 0) context.fail("A fixed-length list must have at least one element");
      return compoundEntity(context, "list", [scope.value(raw.element)], [], raw.length);
    case "map": {
      const key = scope.value(raw.key);
      if (!keyKinds.has(key.kind)) context.fail(`A map cannot have keys of the type ${key.kind}`);
      return compoundEntity(context, "map", [key, scope.value(raw.value)]);
    }
    case "option":
      return compoundEntity(context, "option", [scope.value(raw.type)]);
    case "result":
      return compoundEntity(context, "result", [scope.optional(raw.ok), scope.optional(raw.err)]);
    case "stream":
    case "future": {
      const element = scope.optional(raw.type);
      if (element?.containsBorrow === true) context.fail(`A ${raw.kind} cannot contain a \`borrow\` type`);
      if (raw.kind === "stream" && element?.kind === "char") context.fail("`stream<char>` is not valid at present");
      return compoundEntity(context, raw.kind, [element]);
    }
    default:
      return primitiveEntity(raw.kind);
  }
}
