/**
 * Random types and values through the host, jco's bindings and the reference: all must give the same back.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { StringEncoding } from "../reference/context.ts";
import { parameterTypes, valuesOf } from "./arbitraries.ts";
import { scaled, seed } from "./budget.ts";
import { jcoHandlesType, jcoHandlesValue } from "./deviations.ts";
import { linkedText, resultType, type Signature } from "./echo.ts";
import { call, compileText, EchoPair, referenceEcho } from "./harness.ts";
import { difference, same } from "./same.ts";

const encodings: readonly StringEncoding[] = ["utf8", "utf16", "latin1+utf16"];
const functionsPerComponent = 12;
const valuesPerFunction = 12;
const counts = { functions: 0, values: 0, againstJco: 0 };

afterAll(() => {
  console.log(
    `differential: seed ${seed}, ${counts.functions} random function types, ${counts.values} argument lists, ` +
      `${counts.againstJco} of them also through jco`,
  );
});

function agree(actual: unknown, expected: unknown, what: string): void {
  if (!same(actual, expected)) throw new Error(`${what}: ${difference(actual, expected)}`);
}

function compareAll(pair: EchoPair, index: number, args: readonly unknown[], withJco: boolean): void {
  const signature = pair.signatures[index]!;
  const expected = referenceEcho(signature, pair.encoding, args);
  const list = signature.length === 1 ? [expected] : (expected as readonly unknown[]);
  agree(pair.callHost("echo", index, args), expected, "the host's result");
  agree(pair.receivedByGuest(index), list, "what the guest received");
  agree(pair.callHost("via", index, args), expected, "the host's result through an import");
  agree(pair.lastImportArgs, list, "what the import received");
  counts.values++;
  if (!withJco || !args.every(jcoHandlesValue)) return;
  agree(pair.callJco("echo", index, args), expected, "jco's result");
  agree(pair.callJco("via", index, args), expected, "jco's result through an import");
  counts.againstJco++;
}

async function run(signatures: readonly Signature[], encoding: StringEncoding, withJco: boolean): Promise<void> {
  const pair = await EchoPair.build(signatures, encoding, withJco);
  for (const [index, signature] of signatures.entries()) {
    counts.functions++;
    fc.assert(
      fc.property(fc.tuple(...signature.map(valuesOf)), (args) => compareAll(pair, index, args, withJco)),
      { seed: seed + index, numRuns: valuesPerFunction },
    );
  }
  pair.host.dispose();
}

/** With jco where it can be compared, in components of their own, as one type it cannot have spoils a whole component. */
async function runAll(signatures: readonly Signature[], encoding: StringEncoding): Promise<void> {
  const jcoTypes = signatures.filter((signature) => jcoHandlesType(resultType(signature), encoding));
  const others = signatures.filter((signature) => !jcoTypes.includes(signature));
  for (const [list, withJco] of [
    [jcoTypes, true],
    [others, false],
  ] as const) {
    for (let from = 0; from < list.length; from += functionsPerComponent) {
      await run(list.slice(from, from + functionsPerComponent), encoding, withJco);
    }
  }
}

describe("the host, jco and the reference agree", () => {
  for (const [number, encoding] of encodings.entries()) {
    for (const extended of [false, true]) {
      test(`on random types${extended ? ", maps and fixed-length lists among them," : ""} in ${encoding}`, async () => {
        const signatures = fc.sample(parameterTypes({ extended }), {
          seed: seed + 1000 * number + (extended ? 500 : 0),
          numRuns: scaled(8) * functionsPerComponent,
        });
        await runAll(signatures, encoding);
      });
    }
  }
});

describe("values pass between two components unchanged", () => {
  const pairs = encodings.flatMap((caller) => encodings.map((callee) => ({ caller, callee })));
  for (const [number, { caller, callee }] of pairs.entries()) {
    test(`from ${caller} to ${callee} and back`, async () => {
      const components = scaled(3);
      const signatures = fc.sample(parameterTypes({ extended: true }), {
        seed: seed + 1000 * number + 700,
        numRuns: components * functionsPerComponent,
      });
      for (let from = 0; from < signatures.length; from += functionsPerComponent) {
        const batch = signatures.slice(from, from + functionsPerComponent);
        const instance = (await compileText(linkedText(batch, caller, callee))).instantiateSync();
        for (const [index, signature] of batch.entries()) {
          counts.functions++;
          const target = (instance.exports as Record<string, (...args: unknown[]) => unknown>)[`viaN${index}`]!;
          fc.assert(
            fc.property(fc.tuple(...signature.map(valuesOf)), (args) => {
              counts.values++;
              const expected = referenceEcho(signature, caller, args);
              agree(call(target, args, resultType(signature)), expected, "the result");
            }),
            { seed: seed + index, numRuns: valuesPerFunction },
          );
        }
        instance.dispose();
      }
    });
  }
});

test("most values were compared with jco too, and none of the comparisons was left out", () => {
  const components = 3 * (scaled(8) + scaled(8)) + 9 * scaled(3);
  expect(counts.functions).toBe(components * functionsPerComponent);
  expect(counts.values).toBe(counts.functions * valuesPerFunction);
  // Two encodings of three, less the types and values of the list of deviations.
  expect(counts.againstJco).toBeGreaterThan(0.7 * 4 * scaled(8) * functionsPerComponent * valuesPerFunction);
});

describe("the comparison", () => {
  test("sees a value that differs in one bit, in one class, or in one field", () => {
    expect(same({ a: [1, 2n, "x"] }, { a: [1, 2n, "x"] })).toBe(true);
    expect(same(-0, 0)).toBe(false);
    expect(same(Number.NaN, Number.NaN)).toBe(true);
    expect(same([1], Uint8Array.of(1))).toBe(false);
    expect(same(Int8Array.of(1), Uint8Array.of(1))).toBe(false);
    expect(same({ tag: "a", val: 1 }, { tag: "a", val: 2 })).toBe(false);
    expect(same(new Map([[1, "a"]]), new Map([[1, "b"]]))).toBe(false);
  });

  test("fails when the import answers something else", async () => {
    const pair = await EchoPair.build([[{ kind: "u32" }]], "utf8", false);
    const wrong = { ...pair, signatures: pair.signatures, encoding: pair.encoding } as unknown as EchoPair;
    Object.assign(wrong, { callHost: () => 8, receivedByGuest: () => [7], lastImportArgs: [7] });
    expect(() => compareAll(wrong, 0, [7], false)).toThrow("the host's result: value: 8 against 7");
  });
});
