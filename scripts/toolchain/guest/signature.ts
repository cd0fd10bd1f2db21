/** The core signature of a function, in the terms of the guest's text. */
import type { FlatType } from "../../../host/model/facts.ts";
import { flatten } from "../../../host/model/flatten.ts";
import { MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "../../../host/model/layout.ts";
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
  const params = flatten(
    type.params.map((param) => param.type),
    MAX_FLAT_PARAMS,
  );
  const results = flatten(type.result === undefined ? [] : [type.result], MAX_FLAT_RESULTS);
  return {
    params: params ?? ["i32"],
    paramsSpilled: params === undefined,
    result: results === undefined ? "i32" : results[0],
    resultSpilled: results === undefined,
  };
}
