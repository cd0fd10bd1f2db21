/**
 * Bytes made to hurt: every one must end in an accepted component or a typed error. How much work that may take is counted
 * in `test/fuzz`: `shapes.test.ts` for what unfolds, `binary.test.ts` for mutants.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { decodeComponent } from "../../host/binary/decode.ts";
import { validateComponent } from "../../host/binary/validate/index.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { scaled, seed } from "../differential/budget.ts";
import { crafted } from "../fuzz/crafted.ts";
import { mutate, randomFrom } from "../fuzz/mutate.ts";

type Verdict = "valid" | "refused" | "unsupported";

/** Decodes and validates; anything but a typed error fails the test. */
function verdict(bytes: Uint8Array): Verdict {
  try {
    validateComponent(decodeComponent(bytes));
    return "valid";
  } catch (error) {
    if (error instanceof UnsupportedError) return "unsupported";
    if (!(error instanceof DecodeError)) throw error;
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return "refused";
  }
}

function refusal(text: Uint8Array): string {
  try {
    validateComponent(decodeComponent(text));
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  return "valid";
}

describe("types that unfold without end are refused", () => {
  const chain = (count: number, next: (before: number) => string): string =>
    Array.from({ length: count }, (_, i) => `(type $t${i + 1} ${next(i)})`).join(" ");

  test.each<[string, string, RegExp]>([
    ["lists in lists", `(type $t0 u8) ${chain(5_000, (i) => `(list $t${i})`)}`, /nested deeper/],
    [
      "tuples of two lists",
      `(type $t0 (list u8)) ${chain(60, (i) => `(tuple (list $t${i}) (list $t${i}))`)}`,
      /unfolds to/,
    ],
    [
      "instances of two instances",
      `(type $t0 (instance (export "r" (type (sub resource)))))
       ${chain(60, (i) => `(instance (export "a" (instance (type $t${i}))) (export "b" (instance (type $t${i}))))`)}`,
      /too complex/,
    ],
    [
      "components that take two of the one before",
      `(type $t0 (component)) ${chain(60, (i) => `(component (import "a" (component (type $t${i}))) (import "b" (component (type $t${i}))))`)}`,
      /unfolds to/,
    ],
  ])("%s", async (_, text, reason) => {
    expect(refusal(await parseWat(`(component ${text})`))).toMatch(reason);
  });

  test("work repeated for every import is bounded", async () => {
    const fields = Array.from({ length: 300 }, (_, i) => `(export "r${i}" (type (sub resource)))`).join(" ");
    const imports = (count: number): string =>
      Array.from({ length: count }, (_, i) => `(import "i${i}" (instance (type $t)))`).join(" ");
    expect(refusal(await parseWat(`(component (type $t (instance ${fields})) ${imports(200)})`))).toBe("valid");
    const many = await parseWat(`(component (type $t (instance ${fields})) ${imports(60_000)})`);
    expect(refusal(many)).toMatch(/too complex/);
  });
});

describe("mutated components", () => {
  let corpus: Uint8Array[];
  beforeAll(async () => {
    corpus = await Promise.all(crafted.map((fields) => parseWat(`(component ${fields})`)));
  });

  test("the seeds are valid", () => {
    expect(corpus.map((bytes) => refusal(bytes))).toEqual(crafted.map(() => "valid"));
  });

  test("end in a typed error or are valid", () => {
    const counts: Record<Verdict, number> = { valid: 0, refused: 0, unsupported: 0 };
    const total = scaled(20_000);
    for (let number = seed; number < seed + total; number++) {
      const original = corpus[number % corpus.length]!;
      const bytes = mutate(original, [{ start: 8, end: original.length }], randomFrom(number));
      try {
        counts[verdict(bytes)]++;
      } catch (cause) {
        throw new Error(`Mutant ${number} gave an untyped error`, { cause });
      }
    }
    // All three ways out are taken, or the mutations prove nothing.
    expect(counts.refused).toBeGreaterThan(0.5 * total);
    expect(counts.valid).toBeGreaterThan(0.02 * total);
    expect(counts.unsupported).toBeGreaterThan(0.0005 * total);
  });
});
