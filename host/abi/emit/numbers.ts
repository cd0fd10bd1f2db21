/** The typed arrays that stand for lists of numbers. */
import type { PrimitiveKind, ValueType } from "../../model/types.ts";

const typedArrays: Partial<Record<PrimitiveKind, string>> = {
  u8: "Uint8Array",
  s8: "Int8Array",
  u16: "Uint16Array",
  s16: "Int16Array",
  u32: "Uint32Array",
  s32: "Int32Array",
  u64: "BigUint64Array",
  s64: "BigInt64Array",
  f32: "Float32Array",
  f64: "Float64Array",
};

/** The typed array class whose elements are of this type, if there is one. */
export function typedArrayOf(type: ValueType): string | undefined {
  return typedArrays[type.kind as PrimitiveKind];
}
