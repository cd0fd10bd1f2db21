/**
 * Mutated binaries: each is refused with a typed error or compiles; nothing crashes, hangs or throws anything else.
 *
 * Seeds are the components of our own test scripts and echo components. Mutants of everything are decoded, validated
 * and compiled; mutants whose core modules are untouched (so that nothing in them can loop for ever) also run.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { decodeComponent } from "../../host/binary/decode.ts";
import { validateComponent } from "../../host/binary/validate/index.ts";
import {
  ComponentError,
  DecodeError,
  LinkError,
  LowerError,
  TrapError,
  UnloadedError,
  UnsupportedError,
} from "../../host/errors.ts";
import type { ExternDecl } from "../../host/model/types.ts";
import { compileBytes } from "../compile.ts";
import type { Component } from "../../host/runtime/types.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { scaled, seed } from "../differential/budget.ts";
import { crafted } from "./crafted.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { isPromised, originals, outsideCoreModules, type ErrorClass } from "./originals.ts";
import { WORK_AT_LEAST, WORK_PER_BYTE, WorkCounter } from "./work.ts";

const seeds: Uint8Array<ArrayBuffer>[] = [];
const counts = { mutants: 0, compiled: 0, instantiated: 0, called: 0, outcomes: new Map<string, number>() };

const counter = new WorkCounter();
/** Mutants since work was last counted: together they may take what one component of their bytes may. */
const uncounted = { mutants: 0, bytes: 0 };
const MUTANTS_A_COUNT = 100;

beforeAll(async () => {
  seeds.push(...(await originals(seed)));
  await counter.start();
});

afterEach(expectWork);

afterAll(() => {
  counter.stop();
  const outcomes = [...counts.outcomes].sort().map(([name, count]) => `${name} ${count}`);
  console.log(
    `mutated binaries: seed ${seed}, ${seeds.length} originals, ${counts.mutants} mutants, ${counts.compiled} compiled, ` +
      `${counts.instantiated} instantiated, ${counts.called} calls (${outcomes.join(", ")})`,
  );
});

/** Notes a mutant, and fails when the last ones took more work than their bytes allow. */
async function countWork(mutant: Uint8Array): Promise<void> {
  uncounted.bytes += mutant.length;
  if (++uncounted.mutants === MUTANTS_A_COUNT) await expectWork();
}

async function expectWork(): Promise<void> {
  const { mutants, bytes } = uncounted;
  Object.assign(uncounted, { mutants: 0, bytes: 0 });
  const work = await counter.blocksRun();
  expect(work, `${mutants} mutants of ${bytes} bytes`).toBeLessThan(WORK_AT_LEAST + WORK_PER_BYTE * bytes);
}

function note(name: string): void {
  counts.outcomes.set(name, (counts.outcomes.get(name) ?? 0) + 1);
}

/** @throws what is not an error that the host promises, with the mutant to reproduce it */
function expectTyped(error: unknown, allowed: readonly ErrorClass[], mutant: Uint8Array): void {
  if (isPromised(error, allowed, mutant)) return note(error instanceof TrapError ? error.trap : (error as Error).name);
  const hex = Buffer.from(mutant).toString("hex");
  throw new Error(`Mutant ${hex} gave ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
}

async function compile(mutant: Uint8Array<ArrayBuffer>): Promise<Component | undefined> {
  counts.mutants++;
  try {
    const component = await compileBytes(mutant, "0".repeat(64), { name: "mutant" });
    counts.compiled++;
    return component;
  } catch (error) {
    expectTyped(error, [DecodeError, UnsupportedError], mutant);
    return undefined;
  } finally {
    await countWork(mutant);
  }
}

/** Imports that fit by shape: functions that return a number, and classes. */
function stubs(declarations: readonly ExternDecl[]): Record<string, unknown> {
  const camel = (name: string): string =>
    name.toLowerCase().replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const entries = declarations.flatMap(({ name, type }): [string, unknown][] => {
    if (type.kind === "func") return [[camel(name), () => 1]];
    if (type.kind === "instance") return [[name, stubs(type.exports)]];
    if (type.kind === "resource-type") {
      const pascal = camel(name).replace(/^./, (letter) => letter.toUpperCase());
      return [[pascal, class {}]];
    }
    return [];
  });
  return Object.fromEntries(entries);
}

function run(component: Component, mutant: Uint8Array): void {
  let instance;
  try {
    instance = component.instantiateSync(stubs(component.imports));
    counts.instantiated++;
  } catch (error) {
    return expectTyped(error, [LinkError, TrapError, UnsupportedError], mutant);
  }
  for (const value of Object.values(instance.exports)) {
    if (typeof value !== "function") continue;
    counts.called++;
    try {
      (value as (...args: unknown[]) => unknown)(1, 2, 3);
      note("returned");
    } catch (error) {
      // A class is not to be called without `new`, and says so in the engine's own words.
      if (error instanceof TypeError && /class constructor/i.test(error.message)) continue;
      expectTyped(error, [TrapError, LowerError, UnloadedError, ComponentError], mutant);
    }
  }
  instance.dispose();
}

test("isPromised refuses what the host does not promise: other classes, empty words, places outside", () => {
  const mutant = new Uint8Array(10);
  const at = (offset: number): DecodeError => new DecodeError("Expected a type", { offset, section: "type section" });
  const allowed = [DecodeError, TrapError];
  expect(isPromised(at(10), allowed, mutant)).toBe(true);
  expect(isPromised(at(11), allowed, mutant)).toBe(false);
  expect(isPromised(at(-1), allowed, mutant)).toBe(false);
  expect(isPromised(new TypeError("x is not a function"), allowed, mutant)).toBe(false);
  expect(isPromised(new UnsupportedError("core-wasm", "Needs gc"), allowed, mutant)).toBe(false);
  expect(isPromised("thrown", allowed, mutant)).toBe(false);
  const worded = new DecodeError("Expected undefined", { offset: 0, section: "type section" });
  expect(isPromised(worded, allowed, mutant)).toBe(false);
});

test("mutants of whole components are refused with a typed error, or compile", async () => {
  const random = randomFrom(seed);
  for (const original of seeds) {
    for (let count = scaled(60); count > 0; count--) {
      const donor = seeds[Math.floor(random() * seeds.length)]!;
      await compile(mutate(original, [{ start: 8, end: original.length }], random, donor));
    }
  }
  expect(counts.compiled).toBeGreaterThan(0.02 * counts.mutants);
});

test("mutants of everything but the core modules also link, run and trap with typed errors", async () => {
  const random = randomFrom(seed + 1);
  for (const original of seeds) {
    const ranges = outsideCoreModules(original);
    for (let count = scaled(60); count > 0; count--) {
      const mutant = mutate(original, ranges, random);
      const component = await compile(mutant);
      if (component !== undefined) run(component, mutant);
    }
  }
  expect(counts.instantiated).toBeGreaterThan(0.01 * counts.mutants);
  expect(counts.called).toBeGreaterThan(counts.instantiated);
});

test("every prefix of a component is refused, or is a whole component", async () => {
  for (const original of seeds.slice(0, scaled(6))) {
    for (let length = 0; length < Math.min(original.length, 2000); length++) await compile(original.slice(0, length));
  }
});

test("mutants of components with every kind of definition are decoded and validated with the work of their bytes", async () => {
  const originals = await Promise.all(crafted.map((fields) => parseWat(`(component ${fields})`)));
  for (let number = seed; number < seed + scaled(5_000); number++) {
    const original = originals[number % originals.length]!;
    const mutant = mutate(original, [{ start: 8, end: original.length }], randomFrom(number));
    try {
      validateComponent(decodeComponent(mutant));
    } catch (error) {
      expectTyped(error, [DecodeError, UnsupportedError], mutant);
    }
    await countWork(mutant);
  }
});

test("expectWork fails when mutants took more work than their bytes allow", async () => {
  const wide = await parseWat(
    `(component (type (enum ${Array.from({ length: 5_000 }, (_, i) => `"e${i}"`).join(" ")})))`,
  );
  for (let i = 0; i < 2_000; i++) decodeComponent(wide);
  await countWork(new Uint8Array(8));
  await expect(expectWork()).rejects.toThrow(/1 mutants of 8 bytes/);
});
