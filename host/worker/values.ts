/** Which buffers of a value are handed over to another thread, instead of copied. */
import { someType } from "../model/cases.ts";
import type { ValueType } from "../model/types.ts";

/** Buffers smaller than this are copied faster than they are handed over. */
const WORTH_A_TRANSFER_BYTES = 16 * 1024;
const NUMBERS = new Set(["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"]);

/** Whether values of a type may hold arrays that are worth handing over instead of copying. */
export function mayTransfer(type: ValueType | undefined): boolean {
  return someType(type, (it) => it.kind === "list" && NUMBERS.has(it.element.kind));
}

/** The buffers of large arrays in a value that nobody else has. */
export function transfers(value: unknown, found: ArrayBuffer[] = []): ArrayBuffer[] {
  if (typeof value !== "object" || value === null) return found;
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value;
    if (byteLength >= WORTH_A_TRANSFER_BYTES && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength)
      found.push(buffer);
  } else {
    for (const part of value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value)) {
      transfers(part, found);
    }
  }
  return found;
}
