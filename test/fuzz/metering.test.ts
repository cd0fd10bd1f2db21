/** Random programs, as they are and metered: the same results, traps, memories and globals, and the same count of steps. */
import { expect, inject, test } from "vitest";
import { meterModule } from "../../host/instrument/meter.ts";
import { HOOKS } from "../../host/instrument/meter-helpers.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { checkFree } from "../node/check-free.ts";
import { randomControl } from "./control.ts";
import { randomFrom } from "./mutate.ts";
import { randomModule } from "./programs.ts";

type Exports = Record<string, (...values: readonly unknown[]) => unknown> & {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
};

const PROGRAMS = Math.ceil(150 * inject("scale"));
const FUNCTIONS = 6;
const BOUND = 3000;
/** What a function with these parameters may be called with: values of another type are refused before it begins. */
const argumentsToTry = [1, 1n].flatMap((a) => [2, 2n].flatMap((b) => [3, 3n].map((c) => [a, b, c])));

const adapter = new WebAssembly.Module(
  new Uint8Array(
    await parseWat(`(module
      (import "" "tick" (func $tick (result i32)))
      (import "" "grow" (func $grow (param f64) (result i32)))
      (export "tick" (func $tick)) (export "grow" (func $grow)))`),
  ),
);

/** The metered module with hooks that give `quantum` steps at a time, and how many steps it has taken. */
function attach(
  module: Uint8Array<ArrayBuffer>,
  quantum: number,
  stack = false,
): { readonly exports: Exports; start(): void; steps(): number; stackBytes(): number } {
  const metered = meterModule(module, { counts: quantum > 0, stack });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(metered.bytes));
  const counter = exports[metered.counter] as WebAssembly.Global;
  const table = exports[metered.hooks] as WebAssembly.Table;
  let granted = 0;
  const tick = (): number => {
    const left = counter.value as number;
    const grant = quantum * Math.max(1, Math.ceil(-left / quantum));
    granted += grant;
    counter.value = left + grant;
    return 0;
  };
  const hooks = new WebAssembly.Instance(adapter, { "": { tick, grow: () => 1 } }).exports;
  table.set(HOOKS.tick, hooks["tick"]);
  table.set(HOOKS.growMemory, hooks["grow"]);
  table.set(HOOKS.growTable, hooks["grow"]);
  table.set(HOOKS.growStack, hooks["tick"]);
  // No function asks for more.
  if (metered.stack !== undefined) (exports[metered.stack.granted] as WebAssembly.Global).value = 2 ** 30;
  const stackBytes = (): number =>
    metered.stack === undefined ? 0 : ((exports[metered.stack.used] as WebAssembly.Global).value as number);
  const start = metered.start === undefined ? () => {} : (exports[metered.start] as () => void);
  return { exports: exports as Exports, start, steps: () => granted - (counter.value as number), stackBytes };
}

/** What a call gives: a value or the text of a trap; `stack` when the stack ended, which comes sooner in larger frames. */
function outcome(call: () => unknown): string {
  try {
    return String(
      JSON.stringify(call(), (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : String(value))),
    );
  } catch (error) {
    return error instanceof RangeError ? "stack" : `trap: ${(error as Error).message}`;
  }
}

function callAny(exports: Exports, index: number): unknown {
  (exports["bound"] as unknown as WebAssembly.Global).value = BOUND;
  for (const values of argumentsToTry) {
    try {
      return exports[`f${index}`]!(...values);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    }
  }
  throw new Error("No arguments fit");
}

function stateOf(exports: Exports): string {
  const values = ["bound", "i32", "i64", "f64"].map((name) =>
    String((exports[name] as unknown as WebAssembly.Global).value),
  );
  const bytes = new Uint8Array(exports.memory.buffer);
  const sum = bytes.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0);
  return [...values, bytes.length, sum, exports.table.length].join(" ");
}

test("meterModule changes nothing that a program computes, and counts the same whatever is given out at once", () => {
  const seed = inject("seed");
  let compared = 0;
  let trapped = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const module = randomModule(randomFrom(seed + i));
    const plainModule = new WebAssembly.Module(module);
    let plain: Exports | undefined;
    const started = outcome(() => void (plain = new WebAssembly.Instance(plainModule).exports as Exports));
    const runs = [
      attach(module, 1 + (i % 40)),
      attach(module, 100_000),
      attach(module, 100_000, true),
      attach(module, 0, true),
    ];
    for (const run of runs)
      expect(
        outcome(() => run.start()),
        `start of program ${i}`,
      ).toBe(started);
    if (plain === undefined) continue;
    for (let index = 0; index < FUNCTIONS; index++) {
      const wanted = outcome(() => callAny(plain!, index));
      const got = runs.map((run) => outcome(() => callAny(run.exports, index)));
      if (wanted === "stack" || got.includes("stack")) break;
      expect(got, `function ${index} of program ${i}, seed ${seed}`).toEqual(runs.map(() => wanted));
      compared++;
      // A trap may come some pieces later than it did.
      if (wanted.startsWith("trap")) {
        trapped++;
        break;
      }
      const state = stateOf(plain);
      for (const run of runs) expect(stateOf(run.exports), `state after function ${index} of program ${i}`).toBe(state);
      const steps = runs.map((run) => run.steps());
      expect(steps, `steps of program ${i}`).toEqual([steps[0], steps[0], steps[0], 0]);
      expect(runs[2]!.stackBytes() + runs[3]!.stackBytes(), `stack after function ${index} of program ${i}`).toBe(0);
    }
  }
  expect(compared).toBeGreaterThan(PROGRAMS);
  expect(trapped).toBeGreaterThan(0);
});

test("meterModule has the counter looked at on every way through random control flow", async () => {
  const seed = inject("seed");
  let spared = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const text = randomControl(randomFrom(seed + i));
    const module = new Uint8Array(await parseWat(text));
    expect(WebAssembly.validate(module), text).toBe(true);
    const { bytes } = meterModule(module, { counts: true });
    expect(WebAssembly.validate(bytes), text).toBe(true);
    const { faults, looks } = checkFree(module, bytes);
    expect(faults, `program ${i}, seed ${seed}: ${text}`).toEqual([]);
    const places = text.split(/\(loop|\(func \$f/).length - 1;
    if (looks.reduce((sum, count) => sum + count, 0) < places) spared++;
  }
  expect(spared).toBeGreaterThan(0);
});
