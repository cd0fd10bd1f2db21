/** Metered code never runs on without a look at its counter, and looks no oftener than it has to. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { eachSection, PREAMBLE_BYTES } from "../../host/binary/framing.ts";
import { meterModule } from "../../host/instrument/meter.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { checkFree } from "./check-free.ts";

async function core(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parseWat(`(module ${text})`));
}

const metered = (module: Uint8Array): Uint8Array => meterModule(module, { counts: true }).bytes;

/** A function that its callers count and that calls nothing: calls of it keep the counter in the global. */
const LEAF = `(func $leaf (param i32) (result i32) (local.get 0))`;
const leaf = `(drop (call $leaf (i32.const 1)))`;
/** A loop within: looked at where it begins and at each turn. */
const inner = `(loop $in ${leaf} (br_if $in (local.get 0)))`;

/** What a function of one parameter looks like, and how many places look at the counter: two where a loop became two. */
const bodies: readonly (readonly [name: string, body: string, looks: number])[] = [
  ["one loop", `(loop $out ${leaf} (br_if $out (local.get 0)))`, 2],
  ["a loop that never turns", `(loop $out ${leaf} ${leaf})`, 1],
  ["a loop around one that is always entered", `(loop $out ${inner} (br_if $out (local.get 0)))`, 2],
  [
    "a loop around one that an if enters",
    `(loop $out (if (local.get 0) (then ${inner})) (br_if $out (local.get 0)))`,
    3,
  ],
  [
    "a loop around one in each arm of an if",
    `(loop $out (if (local.get 0) (then ${inner}) (else ${inner})) (br_if $out (local.get 0)))`,
    4,
  ],
  [
    "a loop around one in one arm of an if",
    `(loop $out (if (local.get 0) (then ${inner}) (else (nop))) (br_if $out (local.get 0)))`,
    3,
  ],
  [
    "a loop around one that a branch passes by",
    `(loop $out (block $by (br_if $by (local.get 0)) ${inner}) (br_if $out (local.get 0)))`,
    3,
  ],
  [
    "a loop that turns before the one within",
    `(loop $out (br_if $out (local.get 0)) ${inner} (br_if $out (local.get 0)))`,
    3,
  ],
  [
    "a loop that turns from within the one within, whose head that has passed",
    `(loop $out (loop $in ${leaf} (br_if $out (local.get 0)) (br_if $in (local.get 0))) (br_if $out (local.get 0)))`,
    2,
  ],
  [
    "a loop around one that a table of branches passes by",
    `(loop $out (block $a (block $b (block $c (br_table $a $b $c (local.get 0))) ${inner} (br $out)) (br $a)) (br_if $out (local.get 0)))`,
    3,
  ],
  [
    "a loop that a table of branches turns, before and after",
    `(loop $out (block $go (br_table $go $out $go (local.get 0))) ${inner} (br $out))`,
    3,
  ],
  [
    "a loop that a table of branches turns, after",
    `(loop $out ${inner} (block $end (br_table $end $out (local.get 0))))`,
    2,
  ],
  [
    "three loops, of which the middle one may turn not at all",
    `(loop $a (loop $b (if (local.get 0) (then ${inner} (br $b)))) (br_if $a (local.get 0)))`,
    3,
  ],
  [
    "a loop after one that has ended, in the same block",
    `(block $end ${inner} (br_if $end (local.get 0)) (loop $out ${leaf} (br_if $out (local.get 0))))`,
    4,
  ],
  [
    "a loop after a branch out of one that looks",
    `(block $end (loop $in ${leaf} (br_if $end (local.get 0)) (br $in))) (loop $out ${leaf} (br_if $out (local.get 0)))`,
    4,
  ],
  ["a loop that calls a function that looks", `(loop $out (call $deep) (br_if $out (local.get 0)))`, 0],
  ["a loop that calls itself", `(loop $out (call $f (local.get 0)) (br_if $out (local.get 0)))`, 1],
  ["a loop that calls a function of a higher number", `(loop $out (call $high) (br_if $out (local.get 0)))`, 1],
  ["a loop that calls an import", `(loop $out (call $import) (br_if $out (local.get 0)))`, 2],
  ["a loop that calls through a table", `(loop $out (call_indirect (i32.const 0)) (br_if $out (local.get 0)))`, 2],
  [
    "a loop with a parameter",
    `(i32.const 1) (loop $out (param i32) (drop) ${leaf} (i32.const 1) (br_if $out (local.get 0)) (drop))`,
    1,
  ],
  ["a loop in code that nothing reaches", `(return) ${inner}`, 1],
  ["a function that ends before its loop", `(if (local.get 0) (then (return))) ${inner}`, 3],
  ["a tail call of a function of a higher number", `(return_call $high)`, 1],
  ["a tail call of a function of a lower number", `${leaf} (return_call $deep)`, 0],
  ["two calls of a function that looks", `(call $deep) (call $deep)`, 0],
  ["a call of a short one that ends by calling itself", `(drop (call $ending (local.get 0))) ${inner}`, 3],
  ["a call of an import before a loop", `(call $import) ${inner}`, 3],
];

const others = `(import "" "f" (func $import)) (table 1 funcref) ${LEAF}
  (func $deep (loop $l (br_if $l (call $leaf (i32.const 0)))))
  (func $ending (param i32) (result i32) (if (local.get 0) (then (call $f (local.get 0)) (unreachable))) (local.get 0))`;

describe("meterModule", () => {
  test.each(bodies)("looks at the counter on every way: %s", async (_, body, looks) => {
    const module = await core(`${others} (func $f (param i32) ${body}) (func $high (call $f (i32.const 1)))`);
    expect(WebAssembly.validate(module)).toBe(true);
    const bytes = metered(module);
    expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true);
    const found = checkFree(module, bytes);
    expect(found.faults).toEqual([]);
    expect(found.looks[3]).toBe(looks);
  });

  test("looks at each turn where the counter is in a local", async () => {
    const module = await core(
      `(func (param i32) (loop $a (loop $b (br_if $b (local.get 0))) (br_if $a (local.get 0))))`,
    );
    expect(checkFree(module, metered(module))).toEqual({ faults: [], looks: [4] });
  });

  test("looks where functions call each other in a ring, and where each calls the next twice", async () => {
    const ring = await core(`(func $a (call $b)) (func $b (call $c)) (func $c (call $a))`);
    // Whose number is the lowest relies on nobody.
    expect(checkFree(ring, metered(ring))).toEqual({ faults: [], looks: [1, 1, 0] });
    const chain = Array.from(
      { length: 30 },
      (_, i) => `(func (call ${Math.max(i - 1, 0)}) (call ${Math.max(i - 1, 0)}))`,
    );
    const module = await core(chain.join(" "));
    expect(checkFree(module, metered(module))).toEqual({ faults: [], looks: [1, ...chain.slice(1).map(() => 0)] });
  });

  test("looks on every way in the modules that AssemblyScript makes", () => {
    const folder = fileURLToPath(new URL("../../dist/modules/", import.meta.url));
    let functions = 0;
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".wasm"))) {
      const bytes = new Uint8Array(readFileSync(folder + file));
      eachSection(bytes, PREAMBLE_BYTES, bytes.length, (id, start, end) => {
        if (id !== 1) return true;
        const module = bytes.slice(start, end);
        const { faults, looks } = checkFree(module, metered(module));
        expect(faults, file).toEqual([]);
        functions += looks.length;
        return true;
      });
    }
    expect(functions).toBeGreaterThan(100);
  });

  test("is found out where a look is missing", async () => {
    const module = await core(`${others} (func $f (param i32) ${inner}) (func $high (call $import))`);
    const whole = metered(module);
    expect(checkFree(module, whole).faults).toEqual([]);
    // `(i32.lt_s (global.get 0) (i32.const 0))`, of the counter or of the local that has it, becomes a look at a number.
    const look = (at: number): boolean =>
      (whole[at] === 0x23 || whole[at] === 0x20) && [0x41, 0, 0x48].every((byte, i) => whole[at + 2 + i] === byte);
    const at = [...whole.keys()].filter(look);
    const found = at.map((place) => {
      const copy = whole.slice();
      copy.set([0x41, 0x01], place);
      return checkFree(module, copy).faults;
    });
    expect(found).toContainEqual(["4 turns"]);
    expect(found).toContainEqual(["5 ends", "5 calls anything"]);
  });
});
