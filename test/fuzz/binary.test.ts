/**
 * Mutated binaries: each is refused with a typed error or compiles; nothing crashes, hangs or throws anything else.
 *
 * Seeds are the components of our own test scripts and echo components. Mutants of everything are decoded, validated
 * and compiled; mutants whose core modules are untouched (so that nothing in them can loop for ever) also run.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeComponent } from "../../host/binary/decode.ts";
import type { ComponentDefinition } from "../../host/binary/definition.ts";
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
import { compileBytes } from "../../host/runtime/compile.ts";
import type { Component } from "../../host/runtime/types.ts";
import { readDirectives } from "../../scripts/conformance/directives.ts";
import { parseWat } from "../../scripts/wasm-tools.ts";
import { parameterTypes } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { echoText } from "../differential/echo.ts";
import { mutate, randomFrom, type Range } from "./mutate.ts";

const slowestAllowedMs = 5_000;
const seeds: Uint8Array<ArrayBuffer>[] = [];
const counts = { mutants: 0, compiled: 0, instantiated: 0, called: 0, outcomes: new Map<string, number>() };

beforeAll(async () => {
  const cases = new URL("../conformance/cases/", import.meta.url);
  for (const file of readdirSync(cases)) {
    for (const directive of readDirectives(readFileSync(new URL(file, cases), "utf8"))) {
      if (directive.kind !== "component" && directive.kind !== "component definition") continue;
      const { form } = directive.source;
      seeds.push(form.kind === "bytes" ? new Uint8Array(form.bytes) : await parseWat(form.text));
    }
  }
  const signatures = fc.sample(parameterTypes({ extended: true }), { seed, numRuns: 30 });
  for (let from = 0; from < signatures.length; from += 5) {
    seeds.push(await parseWat(echoText(signatures.slice(from, from + 5), "utf8")));
  }
});

afterAll(() => {
  const outcomes = [...counts.outcomes].sort().map(([name, count]) => `${name} ${count}`);
  console.log(
    `mutated binaries: seed ${seed}, ${seeds.length} originals, ${counts.mutants} mutants, ${counts.compiled} compiled, ` +
      `${counts.instantiated} instantiated, ${counts.called} calls (${outcomes.join(", ")})`,
  );
});

function note(name: string): void {
  counts.outcomes.set(name, (counts.outcomes.get(name) ?? 0) + 1);
}

/** @throws what is not an error that the host promises, with the mutant to reproduce it */
function expectTyped(error: unknown, allowed: readonly (new (...args: never[]) => Error)[], mutant: Uint8Array): void {
  const typed = allowed.some((type) => error instanceof type);
  const message = error instanceof Error ? error.message : String(error);
  const clean = !/tenon bug|(?<!got )undefined|\[object|cannot read prop/i.test(message);
  const inside = !(error instanceof DecodeError) || (error.offset >= 0 && error.offset <= mutant.length);
  // What the host cannot name may be a fault of its own: only builtins that need tasks are unnamed traps.
  const named = !(error instanceof TrapError) || error.trap !== "unknown" || /needs async tasks/.test(message);
  if (typed && clean && inside && named) return note(error instanceof TrapError ? error.trap : (error as Error).name);
  const hex = Buffer.from(mutant).toString("hex");
  throw new Error(`Mutant ${hex} gave ${error instanceof Error ? error.stack : message}`, { cause: error });
}

async function compile(mutant: Uint8Array<ArrayBuffer>): Promise<Component | undefined> {
  counts.mutants++;
  const started = performance.now();
  try {
    const component = await compileBytes(mutant, "0".repeat(64), { name: "mutant" });
    counts.compiled++;
    return component;
  } catch (error) {
    expectTyped(error, [DecodeError, UnsupportedError], mutant);
    return undefined;
  } finally {
    expect(performance.now() - started).toBeLessThan(slowestAllowedMs);
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
    const ranges = outside(coreModules(decodeComponent(original)), original.length);
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

function coreModules(definition: ComponentDefinition): readonly Range[] {
  return definition.definitions.flatMap((item): readonly Range[] => {
    if (item.kind === "core-module") return [{ start: item.start, end: item.end }];
    return item.kind === "component" ? coreModules(item.component) : [];
  });
}

/** What lies between the ranges, after the preamble. */
function outside(ranges: readonly Range[], length: number): readonly Range[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const starts = [8, ...sorted.map((range) => range.end)];
  const ends = [...sorted.map((range) => range.start), length];
  return starts.map((start, index) => ({ start, end: ends[index]! })).filter((range) => range.end > range.start);
}
