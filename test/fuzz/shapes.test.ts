/**
 * Growing shapes: components that are small in bytes and large in what they say, at a size, twice it and four times it.
 *
 * Each goes the whole way: decode, validate, plan, the plan's key, text, the engine's parser, inspection, the words about
 * missing imports. Work is counted, not timed: the engine counts how often each block of the host ran, and the host's own
 * budget, texts and plans are counted too. The work must stay below a line through the bytes, whatever their shape, and must
 * not grow faster than they do once it is large; and what is thrown must be an error that the host promises.
 *
 * To look for an hour: `TENON_FUZZ_SCALE=500 npx vitest run --config test/vitest.config.ts --project node
 * test/fuzz/shapes.test.ts -t random`; the seed is fresh, and printed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emitBindings } from "../../host/bindings/emit.ts";
import { planKey } from "../../host/bindings/key.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { formatDecls } from "../../host/model/text.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { formatInspection, inspectBytes } from "../../host/runtime/inspect.ts";
import { findImports } from "../../host/runtime/given-imports.ts";
import { linkError } from "../../host/runtime/link-error.ts";
import { explainUnmet } from "../../host/runtime/unmet-imports.ts";
import { scaled, seed } from "../differential/budget.ts";
import { randomFrom } from "./mutate.ts";
import { composed, shapes } from "./shapes.ts";
import { WORK_AT_LEAST, WORK_PER_BYTE, WorkCounter } from "./work.ts";
import { flatten } from "./writers.ts";

interface Cost {
  readonly bytes: number;
  /** How often blocks of the host's code ran, and the letters written, eight for one. */
  readonly work: number;
  readonly outcome: string;
}

/** Below this nobody minds how work grows. */
const floor = 20e6;
/** More than the factor of sizes, less than its square. */
const mostGrowth = 2.6;

const counter = new WorkCounter();
beforeAll(() => counter.start());
afterAll(() => counter.stop());

/** @returns the letters of what was written @throws {DecodeError} {UnsupportedError} */
function wholeWay(bytes: Uint8Array): number {
  const { plan, budget } = analyze(bytes);
  const text = emitBindings(plan, budget);
  let letters = text.length + planKey(plan).length;
  new Function(text);
  const issues = explainUnmet(plan, findImports(plan, {}).unmet);
  for (const { expected, reason } of issues) letters += expected.length + reason.length;
  letters += linkError("shape", issues).message.length;
  for (const decls of [plan.imports, plan.exportDecls]) for (const line of formatDecls(decls)) letters += line.length;
  return letters;
}

function inspected(bytes: Uint8Array): number {
  const inspection = inspectBytes(bytes, "");
  return JSON.stringify(inspection).length + formatInspection(inspection).length;
}

async function costOf(bytes: Uint8Array): Promise<Cost> {
  await counter.blocksRun();
  let letters = 0;
  let outcome = "accepted";
  for (const go of [wholeWay, inspected]) {
    try {
      letters += go(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof UnsupportedError)) throw error;
      letters += error.message.length;
      outcome = `${error.name}: ${error.message.slice(0, 200)}`;
    }
  }
  return { bytes: bytes.length, work: (await counter.blocksRun()) + letters / 8, outcome };
}

/** Fails when a shape costs more than its bytes allow, or more and more for each. */
async function expectLinear(make: (size: number) => Uint8Array, size: number): Promise<Cost> {
  let before: Cost | undefined;
  for (const factor of [1, 2, 4]) {
    const cost = await costOf(make(size * factor));
    const words = JSON.stringify({ before, cost });
    expect(cost.work, words).toBeLessThan(WORK_AT_LEAST + WORK_PER_BYTE * cost.bytes);
    if (before !== undefined && cost.work > floor && cost.bytes > before.bytes) {
      expect(cost.work / before.work, words).toBeLessThan(
        (mostGrowth / 2) * (cost.bytes / before.bytes) + refusal(before, cost),
      );
    }
    before = cost;
  }
  return before!;
}

/** What is bounded by the budget alone may grow up to it, and is refused from there on. */
function refusal(before: Cost, cost: Cost): number {
  return cost.work < WORK_AT_LEAST || before.outcome !== cost.outcome ? Infinity : 0;
}

describe("the work that a component asks for", () => {
  test.each(shapes.map((shape) => [shape.name, shape] as const))(
    "is bounded by its bytes: %s",
    async (_, { make }) => {
      await expectLinear((size) => flatten(make(size)), 25_000);
    },
    300_000,
  );

  test("is bounded by the bytes of shapes put together at random", { timeout: 3_600_000 }, async () => {
    const random = randomFrom(seed);
    let accepted = 0;
    for (let count = scaled(5); count > 0; count--) {
      const recipe = Math.floor(random() * 2 ** 31);
      try {
        const { outcome } = await expectLinear((size) => flatten(composed(size, randomFrom(recipe))), 4_000);
        if (outcome === "accepted") accepted++;
      } catch (error) {
        throw new Error(`The recipe ${recipe} of seed ${seed} is too much`, { cause: error });
      }
    }
    // Most go the whole way, or little would be looked at.
    expect(accepted).toBeGreaterThan(scaled(5) / 4);
  });

  test("is counted: work that grows with the square of a size is seen", async () => {
    await counter.blocksRun();
    let sum = 0;
    for (let i = 0; i < 1000; i++) sum += flattenLabels(1000);
    expect(sum).toBeGreaterThan(0);
    expect(await counter.blocksRun()).toBeGreaterThan(1e6);
  });
});

/** Runs code of the host so many times. */
function flattenLabels(count: number): number {
  return formatDecls(
    Array.from({ length: count }, () => ({ name: "a", type: { kind: "core-module", imports: [], exports: [] } })),
  ).length;
}
