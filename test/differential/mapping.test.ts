/**
 * The JavaScript mapping, row by row, as the README's section "Values" tells it: what a value of each type is in
 * JavaScript, what else is taken for one, what is refused, and what jco makes of the same.
 *
 * No rule of the specification decides these; a row changes only on purpose. tenon refuses what jco coerces: a value that
 * does not fit is nearly always a mistake, and a wrong number is found later than a `LowerError`.
 */
import { expect, test } from "vitest";
import { LowerError } from "../../host/errors.ts";
import type { ValueType } from "../../host/model/types.ts";
import { EchoPair } from "./harness.ts";
import { same, show } from "./same.ts";

/** In the place of a value: the call throws. */
const THROWS = Symbol("throws");

interface Row {
  readonly name: string;
  readonly type: ValueType;
  /** What goes in, and what comes out. */
  readonly taken: readonly (readonly [given: unknown, got: unknown])[];
  /** A `LowerError`, each. */
  readonly refused: readonly unknown[];
  /** Where jco differs: what goes in, and what jco makes of it. All else that is taken, jco takes alike. */
  readonly jco: readonly (readonly [given: unknown, got: unknown])[];
}

const list = (element: ValueType, length?: number): ValueType => ({ kind: "list", element, length });
const option = (type: ValueType): ValueType => ({ kind: "option", type });
const result = (ok?: ValueType, err?: ValueType): ValueType => ({ kind: "result", ok, err });
const bool: ValueType = { kind: "bool" };
const u8: ValueType = { kind: "u8" };
const u16: ValueType = { kind: "u16" };
const s32: ValueType = { kind: "s32" };
const u64: ValueType = { kind: "u64" };
const s64: ValueType = { kind: "s64" };
const f32: ValueType = { kind: "f32" };
const f64: ValueType = { kind: "f64" };
const char: ValueType = { kind: "char" };
const string: ValueType = { kind: "string" };
/** What comes out as it went in. */
const plain = (...values: readonly unknown[]): readonly (readonly [unknown, unknown])[] =>
  values.map((value) => [value, value]);
const bytes = Uint8Array.of(1, 2);

/** Rows that jco's bindings have in one component. */
const rows: readonly Row[] = [
  { name: "bool", type: bool, taken: plain(true, false), refused: [1, 0, "", undefined], jco: [[1, true], ["", false]] },
  {
    name: "u8", type: u8, taken: plain(0, 255), refused: [256, -1, 1.5, "7", 7n, true, Number.NaN, undefined],
    jco: [[256, 0], [-1, 255], [1.5, 1], ["7", 7], [true, 1]],
  },
  { name: "s32", type: s32, taken: plain(-1, 2 ** 31 - 1), refused: [2 ** 31, 0.5], jco: [[2 ** 31, -(2 ** 31)]] },
  { name: "u64", type: u64, taken: plain(2n ** 64n - 1n), refused: [1, "1", -1n, 2n ** 64n], jco: [[1, 1n], [-1n, 2n ** 64n - 1n]] },
  { name: "s64", type: s64, taken: plain(-(2n ** 63n)), refused: [1, 2n ** 63n], jco: [[2n ** 63n, -(2n ** 63n)]] },
  {
    name: "f32", type: f32, taken: [[0.1, Math.fround(0.1)], ...plain(Number.NaN, -0, Infinity)], refused: ["1", 1n, undefined],
    jco: [["1", 1], [undefined, Number.NaN]],
  },
  { name: "f64", type: f64, taken: plain(0.1, Number.NaN, -0), refused: ["1", 1n, undefined], jco: [["1", 1]] },
  { name: "char", type: char, taken: plain("é", "😀"), refused: ["ab", "", "\ud800", 97], jco: [["ab", "a"], ["", "\0"]] },
  {
    name: "string", type: string, taken: [["text", "text"], ["a\ud800b", "a\ufffdb"], ["\ufefftext", "\ufefftext"]],
    refused: [7, undefined, new String("text")], jco: [["\ufefftext", "text"]],
  },
  {
    name: "list<u8>", type: list(u8),
    taken: [[bytes, bytes], [[1, 2], bytes], [new Uint8ClampedArray(bytes), bytes], [Uint16Array.of(1, 2), bytes]],
    refused: [bytes.buffer, new DataView(bytes.buffer), Uint16Array.of(1, 256), [256], new Set([1]), { length: 1, 0: 7 }, "ab"],
    jco: [[bytes.buffer, bytes], [new DataView(bytes.buffer), bytes], [Uint16Array.of(1, 2), Uint8Array.of(1, 0, 2, 0)]],
  },
  {
    name: "list<u16>", type: list(u16),
    taken: [[Uint16Array.of(1, 2), Uint16Array.of(1, 2)], [[1, 2], Uint16Array.of(1, 2)], [bytes, Uint16Array.of(1, 2)]],
    refused: [Int16Array.of(-1), Uint16Array.of(1).buffer], jco: [[bytes, THROWS], [Int16Array.of(-1), Uint16Array.of(65_535)]],
  },
  { name: "list<string>", type: list(string), taken: plain(["a"], []), refused: [new Set(["a"]), { length: 1, 0: "a" }], jco: [[new Set(["a"]), []]] },
  { name: "tuple<u8, string>", type: { kind: "tuple", types: [u8, string] }, taken: plain([1, "a"]), refused: [[1], [1, "a", 2], { 0: 1, 1: "a" }], jco: [[[1, "a", 2], [1, "a"]]] },
  {
    name: "record", type: { kind: "record", fields: [{ name: "a-b", type: u8 }, { name: "c", type: option(u8) }] },
    taken: [[{ aB: 1, c: 2 }, { aB: 1, c: 2 }], [{ aB: 1 }, { aB: 1, c: undefined }], [{ aB: 1, c: null, other: 3 }, { aB: 1, c: undefined }]],
    refused: [{ c: 2 }, { "a-b": 1 }, undefined], jco: [[{ c: 2 }, { aB: 0, c: 2 }]],
  },
  {
    name: "variant", type: { kind: "variant", cases: [{ name: "none-at-all", type: undefined }, { name: "some", type: u8 }] },
    taken: [...plain({ tag: "none-at-all" }, { tag: "some", val: 1 }), [{ tag: "none-at-all", val: 7 }, { tag: "none-at-all" }]],
    refused: [{ tag: "some" }, { tag: "noneAtAll" }, "none-at-all"], jco: [[{ tag: "some" }, { tag: "some", val: 0 }]],
  },
  { name: "enum", type: { kind: "enum", names: ["a-b", "c"] }, taken: plain("a-b", "c"), refused: ["aB", 0], jco: [] },
  {
    name: "flags", type: { kind: "flags", names: ["a-b", "c"] },
    taken: [
      [{ aB: true, c: false }, { aB: true, c: false }], [{ aB: true, other: true }, { aB: true, c: false }],
      [{}, { aB: false, c: false }], [undefined, { aB: false, c: false }], [null, { aB: false, c: false }],
    ],
    refused: [{ aB: 1 }, 1, "aB"], jco: [[{ aB: 1 }, { aB: true, c: false }]],
  },
  { name: "option<u8>", type: option(u8), taken: [...plain(undefined, 3), [null, undefined]], refused: [{ tag: "some", val: 3 }], jco: [[{ tag: "some", val: 3 }, 0]] },
  {
    name: "option<option<u8>>", type: option(option(u8)),
    taken: [...plain({ tag: "none" }, { tag: "some", val: undefined }, { tag: "some", val: 3 }), [{ tag: "some" }, { tag: "some", val: undefined }]],
    refused: [3, undefined], jco: [],
  },
  {
    name: "result<u8, string> in a list", type: list(result(u8, string)),
    taken: plain([{ tag: "ok", val: 1 }, { tag: "err", val: "e" }]), refused: [[{ tag: "ok" }], [1]], jco: [[[{ tag: "ok" }], [{ tag: "ok", val: 0 }]]],
  },
  {
    name: "result without payloads in a list", type: list(result()),
    taken: [[[{ tag: "ok" }, { tag: "err" }], [{ tag: "ok", val: undefined }, { tag: "err", val: undefined }]]], refused: [["ok"]], jco: [],
  },
]; // prettier-ignore

/** Rows with a component of their own, as what jco writes for one of these spoils the others. */
const apart: readonly Row[] = [
  { name: "list<u8, 2>", type: list(u8, 2), taken: [[bytes, bytes], [[1, 2], bytes]], refused: [[1], [1, 2, 3]], jco: [[bytes, [1, 2]], [[1, 2], [1, 2]], [[1], [1, 0]]] },
  { name: "list<string, 2>", type: list(string, 2), taken: plain(["a", "b"]), refused: [["a"]], jco: [] },
  { name: "map<string, u8>", type: { kind: "map", key: string, value: u8 }, taken: plain(new Map([["a", 1]])), refused: [[["a", 1]], { a: 1 }, new Map([["a", 256]])], jco: [[new Map([["a", 256]]), new Map([["a", 0]])]] },
]; // prettier-ignore

function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch {
    return THROWS;
  }
}

const pairs = new Map<readonly Row[], Promise<EchoPair>>();
async function pairOf(group: readonly Row[]): Promise<EchoPair> {
  let pair = pairs.get(group);
  if (pair === undefined) {
    pair = EchoPair.build(
      group.map(({ type }) => [type]),
      "utf8",
      true,
    );
    pairs.set(group, pair);
  }
  return pair;
}

const groups = [rows, ...apart.map((row) => [row])];
for (const group of groups) {
  test.each(group.map((row, index) => [row.name, row, index] as const))("%s", async (_, row, index) => {
    const pair = await pairOf(group);
    const expectSame = (actual: unknown, expected: unknown, what: string): void => {
      expect(same(actual, expected), `${what} gave ${show(actual)}, not ${show(expected)}`).toBe(true);
    };
    const ofJco = (given: unknown): unknown => row.jco.find(([value]) => same(value, given))?.[1];
    for (const [given, got] of row.taken) {
      expectSame(pair.callHost("echo", index, [given]), got, `tenon, ${show(given)}`);
      // Through an import it is the same.
      expectSame(pair.callHost("via", index, [given]), got, `tenon through an import, ${show(given)}`);
      if (!row.jco.some(([value]) => value === given || same(value, given))) {
        expectSame(
          outcome(() => pair.callJco("echo", index, [given])),
          got,
          `jco, ${show(given)}`,
        );
      }
    }
    for (const given of row.refused) {
      expect(() => pair.callHost("echo", index, [given]), show(given)).toThrow(LowerError);
      expect(pair.host.state).toBe("live");
    }
    for (const [given, got] of row.jco) {
      expectSame(
        outcome(() => pair.callJco("echo", index, [given])),
        got,
        `jco, ${show(given)}`,
      );
      const ours = outcome(() => pair.callHost("echo", index, [given]));
      expect(same(ours, ofJco(given)), `${show(given)} is no difference`).toBe(false);
    }
  });
}

test("a function's result is what it returns or throws; an import's may be an object with a tag as well", async () => {
  const pair = await EchoPair.build(
    [[result(u8, string)], [result(undefined, string)], [result(result(), string)]],
    "utf8",
    false,
  );
  const { echoN0 } = pair.host.exports as unknown as Record<string, (value: unknown) => unknown>;
  expect(echoN0!({ tag: "ok", val: 1 })).toBe(1);
  expect(() => echoN0!({ tag: "err", val: "why" })).toThrow(
    expect.objectContaining({ name: "ComponentError", payload: "why" }),
  );
  const viaImport = (index: number, val?: unknown): unknown => pair.callHost("via", index, [{ tag: "ok", val }]);
  // The import throws something with a `payload`, of whatever class.
  pair.answerWith(() => {
    throw Object.assign(new Error("No"), { payload: "why" });
  });
  expect(viaImport(0, 1)).toEqual({ tag: "err", val: "why" });
  pair.answerWith(() => ({ tag: "err", val: "why" }));
  expect(viaImport(0, 1)).toEqual({ tag: "err", val: "why" });
  expect(viaImport(1)).toEqual({ tag: "err", val: "why" });
  // Where the value of ok is itself an object with a tag, it is that value.
  pair.answerWith(() => ({ tag: "err" }));
  expect(viaImport(2, { tag: "ok" })).toEqual({ tag: "ok", val: { tag: "err", val: undefined } });
});
