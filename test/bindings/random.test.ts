/**
 * Random types through generated AssemblyScript and back: host → module → import → module → host.
 *
 * Each module holds an echo function a type, so one value goes through lifting and lowering, exported and imported.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ValueType } from "../../host/model/types.ts";
import { type TypeOptions, valuesOf, valueTypes } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { jcoHandlesType, jcoHandlesValue } from "../differential/deviations.ts";
import { difference, same } from "../differential/same.ts";
import { hostsOf, tenonHost, Workshop } from "./harness.ts";
import { echoWit } from "./wit-text.ts";

const typesPerModule = 40;
const valuesPerType = 15;
const counts = { types: 0, values: 0, modules: 0, againstJco: 0 };
let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(async () => {
  await workshop.close();
  console.log(
    `bindings: seed ${seed}, ${counts.types} random types in ${counts.modules} modules, ${counts.values} values, ` +
      `${counts.againstJco} of them also through jco`,
  );
});

/** A result at the end of a function would be thrown, so it goes inside a tuple. */
function wrapped(type: ValueType): ValueType {
  return type.kind === "result" ? { kind: "tuple", types: [type] } : type;
}

async function roundTrip(options: TypeOptions, start: number): Promise<void> {
  const types = fc.sample(valueTypes(options), { seed: start, numRuns: typesPerModule }).map(wrapped);
  const dir = await workshop.passThrough(echoWit(types));
  const { component } = await workshop.build(dir);
  counts.modules++;
  counts.types += types.length;
  const seen: unknown[] = [];
  const imports = Object.fromEntries(types.map((_, i) => [`echo${i}`, (value: unknown) => (seen.push(value), value)]));
  // One type that jco cannot have spoils a whole component, which is why the extended ones stay without it here.
  for (const host of options.extended ? [await tenonHost(component)] : await hostsOf(component)) {
    const { t } = await host.instantiate({ "test:random/t": imports });
    for (const [i, type] of types.entries()) {
      if (host.name === "jco" && !jcoHandlesType(type, "utf16")) continue;
      for (const value of fc.sample(valuesOf(type), { seed: start + i, numRuns: valuesPerType })) {
        if (host.name === "jco" && !jcoHandlesValue(value)) continue;
        const result = t[`echo${i}`](value);
        for (const got of [result, seen.pop()]) {
          if (same(got, value)) continue;
          throw new Error(`${host.name}, echo${i}, ${echoWit([type])}: ${difference(got, value)}`);
        }
        if (host.name === "jco") counts.againstJco++;
        else counts.values++;
      }
    }
  }
}

for (let i = 0; i < scaled(3); i++) {
  test(`random types come back as they went, module ${i + 1}`, { timeout: 300_000 }, async () => {
    const before = counts.values;
    await roundTrip({ extended: false }, seed + 100 * i);
    expect(counts.values - before).toBeGreaterThanOrEqual(typesPerModule * valuesPerType);
  });
}

test("so do maps and fixed-length lists", { timeout: 300_000 }, async () => {
  await roundTrip({ extended: true }, seed + 7);
});

test("most values went through jco too", () => {
  expect(counts.againstJco).toBeGreaterThan(0.7 * scaled(3) * typesPerModule * valuesPerType);
});
