/**
 * Flattening of component function types to core ones, as far as validation needs it: at most 16 core values.
 *
 * Follows design/mvp/CanonicalABI.md, "Flattening".
 */
import { type CompoundEntity, type FuncEntity, isCompound, type ValueEntity } from "./types.ts";

export interface CoreSignature {
  readonly kind: "core-func";
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export const maxFlatParams = 16;
export const maxFlatAsyncParams = 4;
export const maxFlatResults = 1;

/** What each type met flattens to; `undefined` for more than {@link maxFlatParams} core values. */
const known = new WeakMap<ValueEntity, { readonly flat: readonly string[] | undefined }>();

/** The flattened types, or `undefined` when there are more than `max`, which is at most {@link maxFlatParams}. */
export function flatten(types: Iterable<ValueEntity>, max: number): readonly string[] | undefined {
  const all: string[] = [];
  for (const type of types) {
    const flat = flattenType(type);
    if (flat === undefined || all.length + flat.length > max) return undefined;
    all.push(...flat);
  }
  return all;
}

function flattenType(type: ValueEntity): readonly string[] | undefined {
  let entry = known.get(type);
  if (entry === undefined)
    known.set(type, (entry = { flat: isCompound(type) ? compute(type) : flatPrimitive(type.kind) }));
  return entry.flat;
}

function compute(type: CompoundEntity): readonly string[] | undefined {
  switch (type.kind) {
    case "record":
    case "tuple":
      return flatten(type.parts as readonly ValueEntity[], maxFlatParams);
    case "list":
      if (type.length === undefined) return ["i32", "i32"];
      if (type.length > maxFlatParams) return undefined;
      return flatten(
        Array.from({ length: type.length }, () => type.parts[0]!),
        maxFlatParams,
      );
    case "map":
      return ["i32", "i32"];
    case "variant":
    case "option":
    case "result":
    case "enum":
      return flattenVariant(type.parts);
    case "flags":
    case "stream":
    case "future":
      return ["i32"];
  }
}

function flattenVariant(parts: readonly (ValueEntity | undefined)[]): readonly string[] | undefined {
  const flat = ["i32"];
  for (const part of parts) {
    const payload = part === undefined ? [] : flattenType(part);
    if (payload === undefined || payload.length >= maxFlatParams) return undefined;
    for (const [place, type] of payload.entries()) {
      const before = flat[place + 1];
      flat[place + 1] = before === undefined ? type : join(before, type);
    }
  }
  return flat;
}

function join(a: string, b: string): string {
  if (a === b) return a;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}

function flatPrimitive(kind: ValueEntity["kind"]): readonly string[] {
  switch (kind) {
    case "s64":
    case "u64":
      return ["i64"];
    case "f32":
    case "f64":
      return [kind];
    case "string":
      return ["i32", "i32"];
    default:
      return ["i32"];
  }
}

/** What the core function behind a lifted function, or in front of a lowered one, must be. */
export function flattenFunc(
  func: FuncEntity,
  as: "lift" | "lower",
  options: { async: boolean; callback: boolean },
): CoreSignature {
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
