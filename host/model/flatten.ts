/**
 * The core function types behind lifted functions and in front of lowered ones.
 *
 * Follows design/mvp/CanonicalABI.md, "Flattening" (`flatten_functype`).
 */
import type { FlatType } from "./facts.ts";
import { flatOf, MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "./layout.ts";
import type { FuncType, ValueType } from "./types.ts";

export interface CoreSignature {
  readonly kind: "core-func";
  readonly params: readonly string[];
  readonly results: readonly string[];
}

/** The flattened types, or `undefined` when there are more than `max`, which is at most {@link MAX_FLAT_PARAMS}. */
export function flatten(types: readonly ValueType[], max: number): readonly FlatType[] | undefined {
  const flat = flatOf(types);
  return flat.length > max ? undefined : flat;
}

/** What the core function behind a lifted function, or in front of a lowered one, must be. */
export function flattenFunc(
  func: FuncType,
  as: "lift" | "lower",
  options: { async: boolean; callback: boolean },
): CoreSignature {
  const lowersAsync = as === "lower" && options.async;
  const params = flatten(
    func.params.map((param) => param.type),
    lowersAsync ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS,
  ) ?? ["i32"];
  if (options.async) {
    if (as === "lift") return { kind: "core-func", params, results: options.callback ? ["i32"] : [] };
    return { kind: "core-func", params: func.result === undefined ? params : [...params, "i32"], results: ["i32"] };
  }
  const results = func.result === undefined ? [] : flatten([func.result], MAX_FLAT_RESULTS);
  if (results !== undefined) return { kind: "core-func", params, results };
  return as === "lift"
    ? { kind: "core-func", params, results: ["i32"] }
    : { kind: "core-func", params: [...params, "i32"], results: [] };
}
