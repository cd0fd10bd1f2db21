/** One function for each way a guest can fault. Every fault locks the instance, so each needs a fresh one. */
import { explode } from "./bindings/demo-faulty-host";

export function ok(): u32 {
  return 42;
}

function trap(): void {
  unreachable();
}

export { trap as unreachable };

/** Reads past the end of the memory there is. */
export function memoryOutOfBounds(): u32 {
  return load<u32>(memory.size() << 16);
}

export function integerDivideByZero(dividend: u32): u32 {
  return dividend / zero;
}

export function integerOverflow(divisor: i32): i32 {
  return i32.MIN_VALUE / divisor;
}

/** Functions to call by their place in the function table. */
const functions: (() => u32)[] = [ok];

/** Calls through an entry of the function table that holds nothing: AssemblyScript leaves the first one empty. */
export function indirectCallToNull(): u32 {
  const place = functions.length > 1 ? functions[0].index : 0;
  return call_indirect<u32>(place);
}

export function stackOverflow(depth: u32): u32 {
  // The addition after the call keeps it from becoming a loop.
  return stackOverflow(depth + 1) + depth;
}

export function abortWithMessage(message: string): void {
  throw new Error(message);
}

/** Allocates and never frees, until there is nothing left to allocate. The blocks are never touched, so this is quick. */
export function outOfMemory(): u32 {
  let blocks: u32 = 0;
  while (heap.alloc(512 << 20) != 0) blocks++;
  return blocks;
}

export function importThrew(): void {
  explode();
}

/** A variable, so that the compiler does not see the division coming. */
let zero: u32 = 0;
