/**
 * Values that do not fit: whatever a program passes in, the host accepts it or refuses it with a `LowerError` that says
 * where; the instance stays live and unharmed. What an import returns is held to the same, as a trap.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { LowerError, TrapError } from "../../host/errors.ts";
import { parameterTypes, valuesOf } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { heapBase, resultType } from "../differential/echo.ts";
import { EchoPair, referenceEcho } from "../differential/harness.ts";
import { difference, same, show } from "../differential/same.ts";
import { memoriesOf } from "../compile.ts";

const counts = { accepted: 0, refused: 0, answersAccepted: 0, trapped: 0 };
afterAll(() => {
  console.log(
    `wrong values: seed ${seed}, ${counts.accepted} accepted, ${counts.refused} refused; of import results ` +
      `${counts.answersAccepted} accepted, ${counts.trapped} trapped`,
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

test("as results of imports: accepted as they fit, or a trap that says so", async () => {
  const signatures = fc.sample(parameterTypes({ extended: true }), { seed: seed + 9, numRuns: scaled(60) });
  const answers: { current: unknown } = { current: undefined };
  for (const [index, signature] of signatures.entries()) {
    const type = resultType(signature);
    const pair = await EchoPair.build([signature], "utf8", false);
    pair.answerWith(() => answers.current);
    const good = fc.tuple(...signature.map(valuesOf));
    fc.assert(
      fc.property(
        good,
        valuesOf(type),
        fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
        anything,
        (args, from, path, by) => {
          // What is returned for a `result` is its payload: an `err` is thrown.
          const fit = type.kind === "result" ? (from as { val?: unknown }).val : from;
          answers.current = spoil(fit, path, by);
          let actual: unknown;
          try {
            actual = pair.callHost("via", 0, args);
          } catch (error) {
            if (!(error instanceof TrapError)) throw error;
            expect(error.trap).toBe("import-threw");
            expect(error.cause).toBeInstanceOf(LowerError);
            expect((error.cause as LowerError).path).toMatch(/^result/);
            expect(pair.host.state).toBe("trapped");
            counts.trapped++;
            pair.renew();
            return;
          }
          const given = answers.current;
          // For a `result`, the payload of ok; or, where a payload cannot look like that, a whole result.
          const isWhole = type.kind === "result" && typeof given === "object" && given !== null && "tag" in given;
          const readings = type.kind === "result" ? [{ tag: "ok", val: given }, ...(isWhole ? [given] : [])] : [given];
          const expected = readings.map((reading) => {
            try {
              return referenceEcho([type], "utf8", [reading]);
            } catch (error) {
              if (isWhole) return error;
              throw error;
            }
          });
          if (!expected.some((one) => same(actual, one))) {
            throw new Error(`${show(given)} became ${difference(actual, expected[0])}`);
          }
          expect(pair.host.state).toBe("live");
          counts.answersAccepted++;
        },
      ),
      { seed: seed + index, numRuns: 20 },
    );
    pair.host.dispose();
  }
});

test("each outcome was met often enough to mean something", () => {
  expect(counts.accepted).toBeGreaterThan(scaled(100));
  expect(counts.refused).toBeGreaterThan(scaled(1000));
  expect(counts.answersAccepted).toBeGreaterThan(scaled(20));
  expect(counts.trapped).toBeGreaterThan(scaled(100));
});

describe.each(["utf8", "utf16", "latin1+utf16"] as const)("text in %s", (encoding) => {
  /** Code units of every kind, surrogates often: short texts and long ones are written by different loops. */
  const unit = fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xffff }),
    fc.constantFrom(0xd800, 0xdbff, 0xdc00, 0xdfff),
  );
  const text = fc
    .oneof(
      { weight: 4, arbitrary: fc.array(unit, { maxLength: 12 }) },
      { weight: 1, arbitrary: fc.array(unit, { minLength: 30, maxLength: 400 }) },
    )
    .map((units) => String.fromCharCode(...units));

  test("lone surrogates become U+FFFD, wherever they are and however long the text is", async () => {
    const signature = [{ kind: "string" }] as const;
    const pair = await EchoPair.build([signature], encoding, false);
    let replaced = 0;
    fc.assert(
      fc.property(text, (value) => {
        const expected = referenceEcho(signature, encoding, [value]);
        if (expected !== value) replaced++;
        const actual = pair.callHost("echo", 0, [value]);
        if (!same(actual, expected)) throw new Error(`${show(value)}: ${difference(actual, expected)}`);
        expect(same(pair.receivedByGuest(0), [expected])).toBe(true);
      }),
      { seed, numRuns: scaled(300) },
    );
    expect(replaced).toBeGreaterThan(scaled(100));
  });
});

describe("typed arrays in odd states", () => {
  const bytes = { kind: "list", element: { kind: "u8" }, length: undefined } as const;
  const longs = { kind: "list", element: { kind: "u64" }, length: undefined } as const;

  test("an empty typed array of another class is an empty list", async () => {
    const pair = await EchoPair.build([[longs]], "utf8", false);
    expect(pair.callHost("echo", 0, [new Uint8Array(0)])).toEqual(new BigUint64Array(0));
  });

  test("a detached typed array is an empty list", async () => {
    const pair = await EchoPair.build([[bytes]], "utf8", false);
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(pair.callHost("echo", 0, [detached])).toEqual(new Uint8Array(0));
    expect(pair.host.state).toBe("live");
  });

  test.each([
    ["fewer", 1],
    ["more", 100],
  ])("a typed array that claims %s bytes than it has writes nothing beyond its allocation", async (_, claimed) => {
    class Liar extends Uint8Array {
      override get length(): number {
        return claimed;
      }
    }
    const pair = await EchoPair.build([[bytes]], "utf8", false);
    const memory = (): Uint8Array => new Uint8Array(memoriesOf(pair.host)[0]!.buffer);
    // The allocator of an echo component starts here, so nothing lies behind what this call allocates.
    memory().fill(0xaa, heapBase);
    // The length that is believed is the array's own.
    expect(pair.callHost("echo", 0, [new Liar(64).fill(7)])).toEqual(new Uint8Array(64).fill(7));
    expect(pair.host.state).toBe("live");
    const allocated = Math.max(claimed, 64);
    // Eight bytes more for the pointer and length of the result.
    const beyond = memory().subarray(heapBase + allocated + 8, heapBase + 4096);
    expect(beyond.every((byte) => byte === 0xaa)).toBe(true);
  });
});
