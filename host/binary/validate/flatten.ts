/**
 * Flattening of component function types to core ones, as far as validation needs it: at most 16 core values.
 *
 * Follows design/mvp/CanonicalABI.md, "Flattening".
 */
import { type FuncEntity, isCompound, type ValueEntity } from "./types.ts";

export interface CoreSignature {
  readonly kind: "core-func";
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export const maxFlatParams = 16;
export const maxFlatAsyncParams = 4;
export const maxFlatResults = 1;

/** The flattened types, or `undefined` when there are more than `max`. */
export function flatten(types: readonly ValueEntity[], max: number): string[] | undefined {
  const flat: string[] = [];
  return types.every((type) => flattenInto(type, flat, max)) ? flat : undefined;
}

/** Appends the flat types of a type. @returns false once there are more than `max` */
function flattenInto(type: ValueEntity, flat: string[], max: number): boolean {
  if (!isCompound(type)) {
    if (type.kind === "string") flat.push("i32");
    flat.push(flatPrimitive(type.kind));
    return flat.length <= max;
  }
  switch (type.kind) {
    case "record":
    case "tuple":
      return type.parts.every((part) => flattenInto(part!, flat, max));
    case "list":
      if (type.length === undefined) break;
      for (let left = type.length; left > 0; left--) if (!flattenInto(type.parts[0]!, flat, max)) return false;
      return true;
    case "variant":
    case "option":
    case "result":
    case "enum":
      return flattenVariant(type.parts, flat, max);
    case "flags":
    case "stream":
    case "future":
      flat.push("i32");
      return flat.length <= max;
    case "map":
      break;
  }
  flat.push("i32", "i32");
  return flat.length <= max;
}

function flattenVariant(parts: readonly (ValueEntity | undefined)[], flat: string[], max: number): boolean {
  flat.push("i32");
  const start = flat.length;
  for (const part of parts) {
    if (part === undefined) continue;
    const payload: string[] = [];
    if (!flattenInto(part, payload, max - start)) return false;
    for (const [place, type] of payload.entries()) {
      const before = flat[start + place];
      flat[start + place] = before === undefined ? type : join(before, type);
    }
  }
  return flat.length <= max;
}

function join(a: string, b: string): string {
  if (a === b) return a;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}

function flatPrimitive(kind: ValueEntity["kind"]): string {
  switch (kind) {
    case "s64":
    case "u64":
      return "i64";
    case "f32":
    case "f64":
      return kind;
    default:
      return "i32";
  }
}

/** What the core function behind a lifted function, or in front of a lowered one, must be. */
export function flattenFunc(func: FuncEntity, as: "lift" | "lower", options: { async: boolean; callback: boolean }): CoreSignature {
  const lowersAsync = as === "lower" && options.async;
  const params = flatten(
    func.params.map((param) => param.type),
    lowersAsync ? maxFlatAsyncParams : maxFlatParams,
  ) ?? ["i32"];
  if (options.async) {
    if (as === "lift") return { kind: "core-func", params, results: options.callback ? ["i32"] : [] };
    return { kind: "core-func", params: func.result === undefined ? params : [...params, "i32"], results: ["i32"] };
  }
  const results = func.result === undefined ? [] : flatten([func.result], maxFlatResults);
  if (results !== undefined) return { kind: "core-func", params, results };
  return as === "lift"
    ? { kind: "core-func", params, results: ["i32"] }
    : { kind: "core-func", params: [...params, "i32"], results: [] };
}
