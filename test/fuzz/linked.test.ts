/**
 * Growing pairs of components, loaded one after the other and linked: at a size, twice it and four times it. Work is counted
 * as for one component (`shapes.test.ts`), and must stay below a line through the bytes and not grow faster than they do.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHost, LinkError } from "../../host/node/index.ts";
import {
  component,
  declareFunc,
  declareType,
  flatten,
  func,
  importInstance,
  imports,
  instanceType,
  label,
  types,
} from "./writers.ts";
import { type LinkedShape, linkedShapes } from "./linked-shapes.ts";
import { WORK_AT_LEAST, WORK_PER_BYTE, WorkCounter } from "./work.ts";

/** Below this nobody minds how work grows. */
const floor = 20e6;
/** More than the factor of sizes, less than its square. */
const mostGrowth = 2.6;

const counter = new WorkCounter();
beforeAll(() => counter.start());
afterAll(() => counter.stop());

/** What the provider exports is this: an instance with every function, a function, and a class. */
const given: object = new Proxy(() => undefined, {
  get: (target, key) =>
    typeof key === "string" && /^(?:n[0-9a-z]+|f|R)$/.test(key) ? class {} : Reflect.get(target, key),
});

interface Cost {
  readonly bytes: number;
  readonly work: number;
  readonly outcome: string;
}

async function costOf({ provider, consumer }: ReturnType<LinkedShape["make"]>): Promise<Cost> {
  const host = createHost();
  await counter.blocksRun();
  let letters = 0;
  let outcome = "linked";
  try {
    await host.load(provider, { name: "provider", imports: { given } });
    await host.load(consumer, { name: "consumer" });
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    letters += error.message.length;
    for (const issue of error.issues) letters += JSON.stringify(issue).length;
    outcome = `${error.name}: ${error.message.slice(0, 200)}`;
  }
  const work = (await counter.blocksRun()) + letters / 8;
  await host.close();
  return { bytes: provider.length + consumer.length, work, outcome };
}

test("the names of many functions of one interface with a long name take no more than they must", async () => {
  const id = `a:b/${"c".repeat(90_000)}`;
  const functions = Array.from({ length: 20_000 }, (_, i) => declareFunc(label(i), 0));
  const type = instanceType(declareType(func([])), ...functions);
  const bytes = flatten(component(types(type), imports([importInstance(id, 0)])));
  const host = createHost();
  const error: unknown = await host
    .load(bytes, { name: "m", imports: [{ [id]: {} }] })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LinkError);
  const { issues, message } = error as LinkError;
  expect(issues).toHaveLength(20_000);
  expect(issues[0]!.import).toBe(`${id}#n0`);
  const letters = issues.reduce((sum, issue) => sum + issue.import!.length + issue.reason.length, message.length);
  expect(letters).toBeLessThan(20e6);
  expect(issues.at(-1)!.import).toMatch(/^a:b\/c+…#nffj$/);
});

describe("the work that linking two modules asks for", () => {
  test.each(linkedShapes.map((shape) => [shape.name, shape] as const))(
    "is bounded by their bytes: %s",
    async (_, { make }) => {
      let before: Cost | undefined;
      for (const factor of [1, 2, 4]) {
        const cost: Cost = await costOf(make(25_000 * factor));
        const words = JSON.stringify({ before, cost });
        expect(cost.outcome, words).not.toContain("Cannot link module provider");
        expect(cost.work, words).toBeLessThan(WORK_AT_LEAST + WORK_PER_BYTE * cost.bytes);
        if (before !== undefined && cost.work > floor) {
          expect(cost.work / before.work, words).toBeLessThan((mostGrowth / 2) * (cost.bytes / before.bytes));
        }
        before = cost;
      }
    },
    300_000,
  );
});
