/**
 * Values that do not fit: whatever a program passes in, the host accepts it or refuses it with a `LowerError` that says
 * where; the instance stays live and unharmed. What an import returns is held to the same, as a trap.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { LowerError, TrapError } from "../../host/errors.ts";
import { parameterTypes, valuesOf } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { EchoPair, referenceEcho } from "../differential/harness.ts";
import { difference, same, show } from "../differential/same.ts";

const counts = { accepted: 0, refused: 0, trapped: 0 };
afterAll(() => {
  console.log(
    `wrong values: seed ${seed}, ${counts.accepted} accepted, ${counts.refused} refused, ${counts.trapped} import results trapped`,
  );
});

/** Anything a program may have at hand. */
const anything = fc.oneof(
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 2,
  }),
  fc.constantFrom<unknown>(
    undefined, null, Number.NaN, -1, 1.5, 2 ** 53, 2n ** 64n, -1n, "", "\ud800", "ab", Symbol("s"), () => 0,
    { tag: "some" }, { tag: "none" }, { tag: "ok" }, { tag: "constructor" }, { length: 3 }, { length: -1 },
    { length: 2 ** 31, 0: 1 }, new Proxy({}, {}), new Proxy([], {}), new DataView(new ArrayBuffer(4)), Array(1), [[]],
  ), // prettier-ignore
);

/** A value of the right shape with one part replaced. */
function spoil(value: unknown, path: readonly number[], by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return by;
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => (step % 3 === 0 ? [by, item] : [key, spoil(item, rest, by)])));
  }
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? ([...(value as unknown[])] as unknown as Record<string, unknown>)
    : { ...value };
  copy[key] = spoil(copy[key], rest, by);
  return copy;
}

describe.each(["utf8", "utf16", "latin1+utf16"] as const)("wrong values in %s", (encoding) => {
  const signatures = fc.sample(parameterTypes({ extended: true }), {
    seed: seed + encoding.length,
    numRuns: scaled(4) * 10,
  });

  test("as arguments: accepted as they fit, or refused with a LowerError, and nothing is harmed", async () => {
    for (let from = 0; from < signatures.length; from += 10) {
      const batch = signatures.slice(from, from + 10);
      const pair = await EchoPair.build(batch, encoding, false);
      for (const [index, signature] of batch.entries()) {
        const good = fc.tuple(...signature.map(valuesOf));
        fc.assert(
          fc.property(good, fc.array(fc.nat({ max: 9 }), { maxLength: 4 }), anything, (args, path, by) => {
            const spoiled = spoil(args, path, by);
            const list = Array.isArray(spoiled) ? spoiled : [spoiled];
            try {
              const actual = pair.callHost("echo", index, list);
              const expected = referenceEcho(signature, encoding, list);
              if (!same(actual, expected)) throw new Error(`${show(list)} became ${difference(actual, expected)}`);
              counts.accepted++;
            } catch (error) {
              if (!(error instanceof LowerError)) throw error;
              expect(error.path).not.toBe("");
              expect(error.message).toContain(error.path);
              counts.refused++;
            }
            expect(pair.host.state).toBe("live");
            // The next call must not see anything of the failed one.
            const expected = referenceEcho(signature, encoding, args);
            const actual = pair.callHost("echo", index, args);
            if (!same(actual, expected)) throw new Error(`after ${show(list)}: ${difference(actual, expected)}`);
          }),
          { seed: seed + index, numRuns: 25 },
        );
      }
      pair.host.dispose();
    }
  });
});

test("as results of imports: a result that does not fit is a trap that says so", async () => {
  const signatures = fc.sample(parameterTypes({ extended: true }), { seed: seed + 9, numRuns: scaled(40) });
  for (let from = 0; from < signatures.length; from += 10) {
    const batch = signatures.slice(from, from + 10);
    const answers: { current: unknown } = { current: undefined };
    for (const [index, signature] of batch.entries()) {
      const pair = await EchoPair.build([signature], "utf8", false);
      pair.answerWith(() => answers.current);
      fc.assert(
        fc.property(fc.tuple(...signature.map(valuesOf)), anything, (args, by) => {
          if (pair.host.state !== "live") return;
          answers.current = by;
          try {
            pair.callHost("via", 0, args);
          } catch (error) {
            if (!(error instanceof TrapError)) throw error;
            expect(error.trap).toBe("import-threw");
            expect(error.cause).toBeInstanceOf(LowerError);
            expect(pair.host.state).toBe("trapped");
            counts.trapped++;
          }
        }),
        { seed: seed + index, numRuns: 5 },
      );
      pair.host.dispose();
    }
  }
});

describe("typed arrays in odd states", () => {
  const bytes = { kind: "list", element: { kind: "u8" }, length: undefined } as const;
  const longs = { kind: "list", element: { kind: "u64" }, length: undefined } as const;

  test("an empty typed array of another class is an empty list", async () => {
    const pair = await EchoPair.build([[longs]], "utf8", false);
    expect(pair.callHost("echo", 0, [new Uint8Array(0)])).toEqual(new BigUint64Array(0));
  });

  test("a detached typed array does not lock the instance", async () => {
    const pair = await EchoPair.build([[bytes]], "utf8", false);
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    try {
      pair.callHost("echo", 0, [detached]);
    } catch {
      // Refused or accepted as empty: either is right.
    }
    expect(pair.host.state).toBe("live");
  });

  test("a typed array that lies about its length writes nothing beyond its allocation", async () => {
    class Liar extends Uint8Array {
      override get length(): number {
        return 1;
      }
    }
    const pair = await EchoPair.build([[bytes]], "utf8", false);
    expect(() => pair.callHost("echo", 0, [new Liar(64)])).toThrow();
  });
});
