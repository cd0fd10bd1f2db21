/**
 * Other people's programs, as they are and within limits that they never reach: results, traps and memories are the same, and
 * the same work takes the same steps whatever other limits there are. The compilers of `native.ts`, and componentize-js.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { compile, type Limits } from "../../../host/node/index.ts";
import type { Dynamic } from "../runtime/support.ts";
import { componentize } from "./componentize.ts";
import { build, capture, clang, component, imports, rustc } from "./native.ts";

const ways: readonly Limits[] = [
  {},
  { timeoutMs: 600_000 },
  { cpuMs: 600_000 },
  { fuel: 1e14 },
  { stackBytes: 900_000 },
  { memoryBytes: 2 ** 30, tableElements: 100_000 },
  { timeoutMs: 600_000, cpuMs: 600_000, fuel: 1e14, stackBytes: 900_000, memoryBytes: 2 ** 30 },
];

type Call = readonly [name: string, ...values: readonly unknown[]];

/** What the calls give, one after the other on one instance, and what is left in the end. */
async function run(bytes: Uint8Array, given: object, limits: Limits, calls: readonly Call[]): Promise<object> {
  const compiled = await compile<Dynamic>(bytes, { limits });
  const instance = compiled.instantiateSync(given);
  const { api } = instance.exports as { api: Record<string, (...values: readonly unknown[]) => unknown> };
  const results = calls.map(([name, ...values]) => {
    try {
      return api[name]!(...values);
    } catch (error) {
      const { name: kind, trap } = error as { readonly name: string; readonly trap?: string };
      return `${kind}: ${trap ?? String((error as { readonly payload?: unknown }).payload)}`;
    }
  });
  const { memoryBytes, fuel } = instance.usage();
  return { results, memoryBytes, fuel };
}

async function compareAll(
  bytes: Uint8Array,
  given: () => object,
  calls: readonly Call[],
  limited = ways.slice(1),
): Promise<void> {
  const plain = await run(bytes, given(), {}, calls);
  expect(JSON.stringify(plain).length).toBeGreaterThan(100);
  const steps = new Set<unknown>();
  for (const limits of limited) {
    const { fuel, ...rest } = (await run(bytes, given(), limits, calls)) as { readonly fuel: number | undefined };
    expect(rest, JSON.stringify(limits)).toEqual(JSON.parse(JSON.stringify(plain)));
    if (fuel !== undefined) steps.add(fuel);
  }
  expect(steps.size).toBe(1);
}

/** WASI, whose output nobody reads. */
function wasi(): object {
  const { stream } = capture();
  return { ...imports(stream), "wasi:cli/stderr": { getStderr: () => stream } };
}

const numbers = [0, 1, 7, 1000, 4_294_967_295];

describe.skipIf(clang === undefined)("C within limits", () => {
  // Allocation, sorting, formatting, memory moved in large pieces, recursion, calls through pointers, and a sum over all of
  // its memory in the end, which a stray write of what was added would change.
  const source = `
    #include <stdint.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #define EXPORT(name) __attribute__((export_name("demo:c/api#" name)))
    static uint32_t state = 1;
    static uint32_t next(void) { return state = state * 1664525u + 1013904223u; }
    static int up(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return x < y ? -1 : x > y; }
    static int down(const void *a, const void *b) { return up(b, a); }
    static uint32_t ackermann(uint32_t m, uint32_t n) {
      return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
    }
    EXPORT("sort") uint32_t sort(uint32_t seed) {
      uint32_t n = 20000, *values = malloc(n * sizeof *values), sum = 0;
      state = seed;
      for (uint32_t i = 0; i < n; i++) values[i] = next();
      qsort(values, n, sizeof *values, seed & 1 ? up : down);
      for (uint32_t i = 0; i < n; i++) sum = sum * 31 + values[i];
      free(values);
      return sum;
    }
    EXPORT("text") uint32_t text(uint32_t seed) {
      char buffer[200];
      uint32_t sum = 0;
      state = seed;
      for (int i = 0; i < 300; i++) {
        int length = snprintf(buffer, sizeof buffer, "%d %s %.9g %llx", i, strchr("abc", 'b'), next() / 3.0, (long long)next() << 20);
        for (int j = 0; j < length; j++) sum = sum * 33 ^ (unsigned char)buffer[j];
      }
      return sum;
    }
    EXPORT("move") uint32_t move(uint32_t seed) {
      size_t size = 3u << 20;
      unsigned char *a = malloc(size);
      memset(a, seed, size);
      for (int i = 0; i < 20; i++) { state = seed + i; memmove(a + next() % 100000, a + next() % 100000, size - 100000); a[i] = next(); }
      uint32_t sum = 0;
      for (size_t i = 0; i < size; i += 97) sum = sum * 31 + a[i];
      free(a);
      return sum;
    }
    EXPORT("deep") uint32_t deep(uint32_t n) { return ackermann(2, n % 200); }
    EXPORT("divide") uint32_t divide(uint32_t n) { return 1000 / (n % 7); }
    EXPORT("memory") uint32_t memory(void) {
      uint32_t sum = 0;
      for (unsigned char *at = (unsigned char *)16, *end = (unsigned char *)(__builtin_wasm_memory_size(0) << 16); at < end; at++) sum = sum * 31 + *at;
      return sum;
    }`;
  const wit = `package demo:c; interface api {
    sort: func(seed: u32) -> u32; text: func(seed: u32) -> u32; move: func(seed: u32) -> u32; deep: func(n: u32) -> u32;
    divide: func(n: u32) -> u32; memory: func() -> u32;
  } world c { export api; }`;

  test.each(["-O0", "-O3"])("computes the same, leaves the same memory and traps alike (%s)", async (level) => {
    const core = build([...clang!, "-mexec-model=reactor", level], "c", source);
    const bytes = await component(core, "reactor", { witSource: wit });
    const work = ["sort", "text", "move", "deep"].flatMap((name) => numbers.map((n): Call => [name, n]));
    const calls: Call[] = [...work, ["memory"], ["divide", 1], ["divide", 14], ["sort", 1]];
    await compareAll(bytes, wasi, calls);
  });
});

describe.skipIf(rustc === undefined)("Rust within limits", () => {
  const source = `
    use std::collections::BTreeMap;
    extern "C" { fn __wasm_call_ctors(); }
    #[export_name = "_initialize"] pub unsafe extern "C" fn initialize() { __wasm_call_ctors() }
    #[export_name = "cabi_realloc"]
    pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
        use std::alloc::{alloc, realloc, Layout};
        let layout = Layout::from_size_align_unchecked(if old_size == 0 { size } else { old_size }, align);
        if size == 0 { align as *mut u8 } else if old_size == 0 { alloc(layout) } else { realloc(old, layout, size) }
    }
    fn hash(text: &str) -> u32 { text.bytes().fold(2166136261, |h, b| (h ^ b as u32).wrapping_mul(16777619)) }
    #[export_name = "demo:rust/api#maps"] pub extern "C" fn maps(seed: u32) -> u32 {
        let mut map: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut x = seed;
        for i in 0..4000u32 { x = x.wrapping_mul(1664525).wrapping_add(1013904223); map.entry(format!("{:x}", x % 701)).or_default().push(i); }
        map.retain(|key, values| { values.sort_by(|a, b| b.cmp(a)); !key.ends_with('7') });
        hash(&format!("{:?}", map))
    }
    #[export_name = "demo:rust/api#numbers"] pub extern "C" fn numbers(seed: u32) -> u32 {
        let mut text = String::new();
        for i in 0..200u32 {
            let float = (seed as f64 + i as f64).sqrt() * 1e7;
            text += &format!("{} {:?} {:e} {}", float, (float as f32).to_bits(), float, (seed as u128).pow(3).wrapping_mul(i as u128 + 1) % 1_000_000_007);
            if let Ok(back) = text[text.len() - 3..].trim().parse::<f64>() { text += &back.to_string(); }
        }
        hash(&text)
    }
    trait Shape { fn area(&self, depth: u32) -> u32; }
    struct Leaf(u32); struct Pair(Box<dyn Shape>, Box<dyn Shape>);
    impl Shape for Leaf { fn area(&self, depth: u32) -> u32 { self.0.wrapping_mul(depth | 1) } }
    impl Shape for Pair { fn area(&self, depth: u32) -> u32 { self.0.area(depth + 1).rotate_left(3) ^ self.1.area(depth + 2) } }
    fn tree(depth: u32, seed: u32) -> Box<dyn Shape> {
        if depth == 0 { Box::new(Leaf(seed)) } else { Box::new(Pair(tree(depth - 1, seed.wrapping_mul(3)), tree(depth - 1, seed ^ depth))) }
    }
    #[export_name = "demo:rust/api#trees"] pub extern "C" fn trees(seed: u32) -> u32 { tree(12, seed).area(0) }
    #[export_name = "demo:rust/api#index"] pub extern "C" fn index(n: u32) -> u32 { vec![1u32, 2, 3][n as usize] }`;
  const wit = `package demo:rust; interface api {
    maps: func(seed: u32) -> u32; numbers: func(seed: u32) -> u32; trees: func(seed: u32) -> u32; index: func(n: u32) -> u32;
  } world rust { export api; }`;

  test("computes the same and panics alike", async () => {
    const bytes = await component(build(rustc!, "rs", source), "reactor", { witSource: wit });
    const work = ["maps", "numbers", "trees"].flatMap((name) => numbers.map((n): Call => [name, n]));
    await compareAll(bytes, wasi, [...work, ["index", 2], ["index", 3], ["trees", 1]]);
  });
});

describe("JavaScript of componentize-js within limits", () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await componentize({
      plain: true,
      wit: `package demo:js; interface api {
      work: func(seed: u32) -> string; deep: func(n: u32) -> u32; fails: func(n: u32) -> result<u32, string>; crash: func();
    } world js { export api; }`,
      source: `
      const ackermann = (m, n) => m === 0 ? n + 1 : n === 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
      export const api = {
        work(seed) {
          let x = seed;
          const next = () => (x = (Math.imul(x, 1664525) + 1013904223) >>> 0);
          const rows = Array.from({ length: 300 }, (_, i) => ({ id: i, key: next().toString(36), at: new Date(next() * 1000).toISOString(), big: String(BigInt(next()) ** 3n) }));
          rows.sort((a, b) => (a.key < b.key ? -1 : 1));
          const text = JSON.stringify(rows).replace(/([a-z]+)(\\d+)/g, (_, a, b) => b + a.toUpperCase());
          const groups = new Map(rows.map((row) => [row.key.length, row]));
          return text.slice(0, 300) + text.length + [...groups.keys()] + new Set(text.match(/[A-Z]+/g)).size + Math.sin(next());
        },
        deep(n) { return ackermann(2, n % 50); },
        fails(n) { try { if (n % 2) throw new Error("odd"); return n; } catch (error) { throw error.message + n; } },
        crash() { null.x; },
      };`,
    });
  }, 240_000);

  test("computes the same and throws alike", async () => {
    const work = ["work", "deep", "fails"].flatMap((name) => [0, 7, 4_294_967_295].map((n): Call => [name, n]));
    const calls: Call[] = [...work, ["crash"], ["deep", 1]];
    await compareAll(bytes, () => ({}), calls, [ways[3]!, ways[4]!, ways.at(-1)!]);
  }, 120_000);
});
