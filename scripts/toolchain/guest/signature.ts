/** The core signature of a function. Follows design/mvp/CanonicalABI.md, "Flattening" (`flatten_functype`). */
import type { FlatType } from "../../../host/model/facts.ts";
import { layoutOf, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "../../../host/model/layout.ts";
import type { FuncType } from "../../../host/model/types.ts";

export interface Signature {
  readonly params: readonly FlatType[];
  /** The parameters travel through memory: there is one, an address. */
  readonly paramsSpilled: boolean;
  /** What the core function returns; an address when the result is spilled. */
  readonly result: FlatType | undefined;
  readonly resultSpilled: boolean;
}

/** The signature of an export; an import whose result is spilled gets its address as a last parameter instead. */
export function signatureOf(type: FuncType): Signature {
  const params = type.params.flatMap((param) => layoutOf(param.type).flat);
  const results = type.result === undefined ? [] : layoutOf(type.result).flat;
  const paramsSpilled = params.length > MAX_FLAT_PARAMS;
  const resultSpilled = results.length > MAX_FLAT_RESULTS;
  return {
    params: paramsSpilled ? ["i32"] : params,
    paramsSpilled,
    result: resultSpilled ? "i32" : results[0],
    resultSpilled,
  };
}
