/** A count that lives in the module's memory, and that a reload hands over to the next version. */
import { Result, Unit, err, ok } from "./bindings/counter";

let count: u64 = 0;

export function increment(by: u32): u64 {
  count += by;
  return count;
}

export function value(): u64 {
  return count;
}

// The interface `tenon:module/state`: the old version saves, the new one restores.

export function save(): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint64(0, count, true);
  return bytes;
}

export function restore(saved: Uint8Array): Result<Unit, string> {
  if (saved.length != 8) return err<Unit, string>(`Expected 8 bytes, got ${saved.length}`);
  count = new DataView(saved.buffer).getUint64(0, true);
  return ok<Unit, string>();
}
