import { Result, err } from "./bindings/w";

export function fail(message: string): void {
  throw new Error(message);
}

export function check(value: u32): u32 {
  assert(value < 10, "The value is too large");
  return value;
}

export function wrongCase(): u32 {
  const result: Result<u32, string> = err<u32, string>("no");
  return result.value;
}

export function noValue(): void {
  assert(false);
}

export function plain(): void {
  unreachable();
}

export function random(seed: u64): f64 {
  if (seed != 0) Math.seedRandom(seed);
  return Math.random();
}

export function fillMemory(): u32 {
  let blocks: u32 = 0;
  while (heap.alloc(512 << 20) != 0) blocks++;
  return blocks;
}
