/** Values as bytes, and answers in pieces: how a page's worker that waits is answered. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { AnswerWriter, CHUNK_BYTES, readAnswer } from "../../../host/worker/answers.ts";
import { decode, encode } from "../../../host/worker/wire.ts";

const leaf = fc.oneof(
  fc.constantFrom(undefined, null, true, false),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array(),
  fc.int16Array(),
  fc.float32Array(),
  fc.bigUint64Array(),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie("value"))).map((entries) => new Map(entries)),
  ),
}));

/** Bytes of its own, for what makes a view of them. */
const sent = (it: unknown): unknown => decode(Uint8Array.from(encode(it)));

test("decode gives back what encode took, for every sort of value that components have", () => {
  fc.assert(
    fc.property(value, (it) => {
      expect(sent(it)).toEqual(it);
    }),
  );
  expect(sent("\ud800 \ufeff")).toBe("\ufffd \ufeff");
  expect(Object.is(sent(-0), -0)).toBe(true);
});

test.each([
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a promise in a list", [Promise.resolve()]],
  ["an object of a class", { deep: new Date() }],
])("encode refuses %s", (_, it) => {
  expect(() => encode(it)).toThrow(/could not be cloned/);
});

test("an answer larger than the shared memory is read in pieces, and others after it", () => {
  const shared = new SharedArrayBuffer(CHUNK_BYTES);
  const writer = new AnswerWriter(shared);
  for (const length of [0, 10, CHUNK_BYTES - 40, CHUNK_BYTES, 5 * CHUNK_BYTES + 3]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    writer.write(["ok", { bytes, length }]);
    let pieces = 1;
    const read = readAnswer(shared, () => {
      pieces++;
      writer.more();
    });
    expect(read).toEqual(["ok", { bytes, length }]);
    expect(pieces).toBe(Math.ceil(encode(["ok", { bytes, length }]).length / (CHUNK_BYTES - 8)));
  }
});

test("decode makes a field named __proto__ a field, which sets no prototype", () => {
  const made = sent(JSON.parse(`{ "__proto__": { "polluted": true }, "kept": 1 }`)) as object;
  expect(Object.keys(made)).toEqual(["__proto__", "kept"]);
  expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
});
