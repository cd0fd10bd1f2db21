/**
 * Numbers as people write them → the numbers, bigints and typed arrays the host takes.
 */
import type { IntegerKind } from "../../../../host/model/types.ts";

/** What was entered is no value of the type; said at its field. */
export class FieldError extends Error {}

export type NumericKind = IntegerKind | "f32" | "f64";

const arrays = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

function rangeOf(kind: IntegerKind): readonly [low: bigint, high: bigint] {
  const bits = BigInt(kind.slice(1));
  return kind.startsWith("u") ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

/** Decimal, `0x…` or `0b…`, with underscores where wanted. @throws {FieldError} */
export function parseNumber(text: string, kind: NumericKind): number | bigint {
  const trimmed = text.trim().replaceAll("_", "");
  if (kind === "f32" || kind === "f64") {
    const number = /^[+-]?infinity$/i.test(trimmed) ? Number(trimmed.toLowerCase().replace("i", "I")) : Number(trimmed);
    if (trimmed === "" || (Number.isNaN(number) && !/^nan$/i.test(trimmed))) {
      throw new FieldError("A number, NaN or Infinity, please");
    }
    return number;
  }
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)n?$/.exec(trimmed);
  const [low, high] = rangeOf(kind);
  if (match === null) throw new FieldError(`A whole number from ${low} to ${high}, please`);
  const size = BigInt(match[2]!);
  const value = match[1] === "-" ? -size : size;
  if (value < low || value > high) throw new FieldError(`A whole number from ${low} to ${high}, please`);
  return kind === "u64" || kind === "s64" ? value : Number(value);
}

/** Numbers with spaces or commas between them, or for bytes a text in quotes. @throws {FieldError} naming the place */
export function parseNumbers(text: string, kind: NumericKind): ArrayLike<number | bigint> {
  const trimmed = text.trim().replace(/^\[|\]$/g, "");
  const quoted = /^"([\s\S]*)"$/.exec(trimmed);
  if (quoted !== null && kind === "u8") return new TextEncoder().encode(quoted[1]);
  const words = trimmed.split(/[\s,]+/).filter((word) => word !== "");
  const numbers = words.map((word, index) => {
    try {
      return parseNumber(word, kind);
    } catch (error) {
      throw error instanceof FieldError ? new FieldError(`Number ${index + 1} ("${word}"): ${error.message}`) : error;
    }
  });
  return (arrays[kind] as unknown as { from(numbers: readonly (number | bigint)[]): ArrayLike<number | bigint> }).from(
    numbers,
  );
}
