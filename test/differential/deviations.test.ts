/**
 * Each known deviation of jco, shown: a test here that fails means that jco has changed and the entry can go.
 */
import { expect, test } from "vitest";
import type { ValueType } from "../../host/model/types.ts";
import { deviations, jcoHandlesType, jcoHandlesValue } from "./deviations.ts";
import { EchoPair, referenceEcho } from "./harness.ts";
import { same } from "./same.ts";

const option = (type: ValueType): ValueType => ({ kind: "option", type });
const demonstrations: Readonly<Record<string, { readonly type: ValueType; readonly value: unknown }>> = {
  "three options in a row": {
    type: option(option(option({ kind: "u8" }))),
    value: { tag: "some", val: { tag: "some", val: 3 } },
  },
  "a field called to-string in an error": {
    type: {
      kind: "result",
      ok: undefined,
      err: { kind: "record", fields: [{ name: "to-string", type: { kind: "u8" } }] },
    },
    value: { tag: "err", val: { toString: 1 } },
  },
  "a fixed-length list of numbers": {
    type: { kind: "list", element: { kind: "u16" }, length: 2 },
    value: Uint16Array.of(1, 2),
  },
  "two maps, or a map in a list": {
    type: { kind: "list", element: { kind: "map", key: { kind: "u8" }, value: { kind: "u8" } }, length: undefined },
    value: [new Map([[1, 2]])],
  },
  "leading U+FEFF": { type: { kind: "string" }, value: "\ufefftext" },
};

for (const { name, encoding = "utf8" } of deviations) {
  test(`${name}: jco differs, the host and the reference agree`, async () => {
    const { type, value } = demonstrations[name] ?? { type: { kind: "string" }, value: "é" };
    // The entry itself is what leaves the comparison out.
    expect(jcoHandlesType(type, encoding) && jcoHandlesValue(value)).toBe(false);
    const host = await EchoPair.build([[type]], encoding, false);
    const expected = referenceEcho([type], encoding, [value]);
    expect(same(host.callHost("echo", 0, [value]), expected)).toBe(true);
    let fromJco: unknown;
    try {
      fromJco = (await EchoPair.build([[type]], encoding, true)).callJco("echo", 0, [value]);
    } catch (error) {
      fromJco = error;
    }
    expect(same(fromJco, expected)).toBe(false);
  });
}
