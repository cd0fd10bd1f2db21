/** Kernels for the bench of limits. */
export function sort(count: u32): i32 {
  const values: i32[] = [];
  let state: u32 = 12345;
  for (let i: u32 = 0; i < count; i++) {
    state = state * 1664525 + 1013904223;
    values.push(state as i32);
  }
  values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return values[count >> 1];
}

export function hash(count: u32): u32 {
  let hash: u32 = 2166136261;
  for (let i: u32 = 0; i < count; i++) {
    hash ^= i & 255;
    hash *= 16777619;
  }
  return hash;
}

export function matrix(size: u32): f64 {
  const a = new Float64Array(size * size);
  const b = new Float64Array(size * size);
  const c = new Float64Array(size * size);
  for (let i: u32 = 0; i < size * size; i++) {
    a[i] = i;
    b[i] = size - i;
  }
  for (let i: u32 = 0; i < size; i++) {
    for (let j: u32 = 0; j < size; j++) {
      let sum: f64 = 0;
      for (let k: u32 = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j];
      c[i * size + j] = sum;
    }
  }
  return c[size + 1];
}

export function parse(times: u32): u32 {
  const text = "12,345,6789,0,42,7777,31337,99,1,2,3";
  let total: u32 = 0;
  for (let turn: u32 = 0; turn < times; turn++) {
    let value: u32 = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code == 44) {
        total += value;
        value = 0;
      } else value = value * 10 + (code - 48);
    }
    total += value;
  }
  return total;
}

export function strings(count: u32): u32 {
  let text = "";
  for (let i: u32 = 0; i < count; i++) {
    text += "ab" + i.toString();
    if (text.length > 200) text = text.substring(100);
  }
  return text.length;
}

export function fib(n: u32): u32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

export function sieve(count: u32): u32 {
  const crossed = new Uint8Array(count);
  let primes: u32 = 0;
  for (let i: u32 = 2; i < count; i++) {
    if (crossed[i] != 0) continue;
    primes++;
    for (let j = i * 2; j < count; j += i) crossed[j] = 1;
  }
  return primes;
}

export function lookup(count: u32): u32 {
  const map = new Map<u32, u32>();
  for (let i: u32 = 0; i < count; i++) map.set((i * 7) % 1000, i);
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) total += map.get((i * 7) % 1000);
  return total;
}

export function spin(): void {
  while (true) {}
}
