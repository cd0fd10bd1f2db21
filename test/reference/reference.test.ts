/**
 * The reference itself, against bytes and traps worked out by hand from the specification.
 */
import { describe, expect, test } from "vitest";
import type { ValueType } from "../../host/model/types.ts";
import { BumpMemory, bumpContext, HandleTable, ReferenceTrap, type Context } from "./context.ts";
import { liftValues, load, sourceOf, type CoreValue, type PlainValue } from "./load.ts";
import { fromJs, toJs } from "./mapping.ts";
import { lowerValues, store } from "./store.ts";
import { alignmentOf, despecialize, flatten, sizeOf } from "./types.ts";

const u8: ValueType = { kind: "u8" };
const u32: ValueType = { kind: "u32" };
const f32: ValueType = { kind: "f32" };
const f64: ValueType = { kind: "f64" };
const s64: ValueType = { kind: "s64" };
const string: ValueType = { kind: "string" };
const list = (element: ValueType, length?: number): ValueType => ({ kind: "list", element, length });
const tuple = (...types: ValueType[]): ValueType => ({ kind: "tuple", types });
const option = (type: ValueType): ValueType => ({ kind: "option", type });
const variant = (...types: (ValueType | undefined)[]): ValueType => ({
  kind: "variant",
  cases: types.map((type, index) => ({ name: `c${index}`, type })),
});
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

describe("layout", () => {
  test.each<[string, ValueType, number, number, string]>([
    ["bool", { kind: "bool" }, 1, 1, "i32"],
    ["char", { kind: "char" }, 4, 4, "i32"],
    ["string", string, 8, 4, "i32 i32"],
    ["tuple<u8, s64, u8>", tuple(u8, s64, u8), 24, 8, "i32 i64 i32"],
    ["option<u8>", option(u8), 2, 1, "i32 i32"],
    ["option<f64>", option(f64), 16, 8, "i32 f64"],
    ["variant(f32, u32)", variant(f32, u32), 8, 4, "i32 i32"],
    ["variant(f32, f64)", variant(f32, f64), 16, 8, "i32 i64"],
    ["variant(string, tuple<f32, s64>)", variant(string, tuple(f32, s64)), 24, 8, "i32 i32 i64"],
    ["result<_, u8>", { kind: "result", ok: undefined, err: u8 }, 2, 1, "i32 i32"],
    ["enum of 256", { kind: "enum", names: names(256) }, 1, 1, "i32"],
    ["enum of 257", { kind: "enum", names: names(257) }, 2, 2, "i32"],
    ["flags of 8", { kind: "flags", names: names(8) }, 1, 1, "i32"],
    ["flags of 9", { kind: "flags", names: names(9) }, 2, 2, "i32"],
    ["flags of 17", { kind: "flags", names: names(17) }, 4, 4, "i32"],
    ["list<u8>", list(u8), 8, 4, "i32 i32"],
    ["list<u8, 3>", list(u8, 3), 3, 1, "i32 i32 i32"],
    ["map<u8, s64>", { kind: "map", key: u8, value: s64 }, 8, 4, "i32 i32"],
  ])("%s", (_, type, size, alignment, flat) => {
    const plain = despecialize(type);
    expect([sizeOf(plain), alignmentOf(plain), flatten(plain).join(" ")]).toEqual([size, alignment, flat]);
  });
});

describe("store", () => {
  const bytesOf = (type: ValueType, value: PlainValue, encoding: Context["encoding"] = "utf8"): number[] => {
    const memory = new BumpMemory(64);
    const plain = despecialize(type);
    store(bumpContext(encoding, memory), value, plain, 0);
    return [...memory.bytes().subarray(0, sizeOf(plain))];
  };

  test("pads fields and writes little-endian", () => {
    expect(bytesOf(tuple(u8, u32), [1, 0x04030201])).toEqual([1, 0, 0, 0, 1, 2, 3, 4]);
  });
  test("writes a discriminant and its payload", () => {
    expect(bytesOf(variant(u8, u32), { index: 1, value: 7 })).toEqual([1, 0, 0, 0, 7, 0, 0, 0]);
  });
  test("packs flags from the lowest bit", () => {
    const flags = names(10).map((_, index) => index === 0 || index === 9);
    expect(bytesOf({ kind: "flags", names: names(10) }, flags)).toEqual([0x01, 0x02]);
  });
  test("tags UTF-16 only where Latin-1 does not do", () => {
    expect(bytesOf(string, "é", "utf8")).toEqual([64, 0, 0, 0, 2, 0, 0, 0]);
    expect(bytesOf(string, "é", "utf16")).toEqual([64, 0, 0, 0, 1, 0, 0, 0]);
    expect(bytesOf(string, "é", "latin1+utf16")).toEqual([64, 0, 0, 0, 1, 0, 0, 0]);
    expect(bytesOf(string, "☃", "latin1+utf16")).toEqual([64, 0, 0, 0, 1, 0, 0, 0x80]);
  });
});

describe("lowerValues and liftValues", () => {
  const flat = (type: ValueType, value: PlainValue): readonly CoreValue[] =>
    lowerValues(bumpContext("utf8"), 16, [value], [despecialize(type)]);

  test("join payloads by their bits", () => {
    expect(flat(variant(f32, u32), { index: 0, value: 1 })).toEqual([0n, 0x3f800000n]);
    expect(flat(variant(f64, u8), { index: 0, value: -0 })).toEqual([0n, 0x8000000000000000n]);
    expect(flat(variant(f64, u8), { index: 1, value: 5 })).toEqual([1n, 5n]);
    expect(flat(variant(undefined, string, s64), { index: 0, value: undefined })).toEqual([0n, 0n, 0n]);
  });
  test("spill beyond sixteen", () => {
    const types = Array.from({ length: 17 }, () => despecialize(u8));
    const context = bumpContext("utf8");
    const values = types.map((_, index) => index);
    expect(lowerValues(context, 16, values, types)).toEqual([16n]);
    expect(liftValues(context, 16, sourceOf([16n]), types)).toEqual(values);
    expect(() => liftValues(context, 16, sourceOf([65530n]), types)).toThrow("memory-out-of-bounds");
  });
  test("ignore the upper bits of narrow integers", () => {
    const lift = (type: ValueType, value: CoreValue): PlainValue =>
      liftValues(bumpContext("utf8"), 1, sourceOf([value]), [despecialize(type)])[0]!;
    expect(lift({ kind: "s8" }, 0x1ffn)).toBe(-1);
    expect(lift({ kind: "u16" }, 0xffff1234n)).toBe(0x1234);
    expect(lift({ kind: "bool" }, 2n)).toBe(true);
    expect(() => lift({ kind: "char" }, 0xdfffn)).toThrow("invalid-char");
  });
});

describe("load", () => {
  const loadBytes = (type: ValueType, bytes: readonly number[], encoding: Context["encoding"] = "utf8"): PlainValue => {
    const memory = new BumpMemory(1024);
    memory.bytes().set(bytes);
    return load(bumpContext(encoding, memory), 0, despecialize(type));
  };
  const text = (...bytes: number[]): number[] => [8, 0, 0, 0, bytes.length, 0, 0, 0, ...bytes];

  test.each([
    ["a stray continuation", [0x80]],
    ["an overlong form", [0xc0, 0x80]],
    ["an overlong form of three bytes", [0xe0, 0x80, 0x80]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a cut sequence", [0x61, 0xe2, 0x98]],
    ["0xff", [0xff]],
  ])("refuses UTF-8 with %s", (_, bytes) => {
    expect(() => loadBytes(string, text(...bytes))).toThrow(new ReferenceTrap("invalid-utf8"));
  });
  test("keeps a byte order mark and a null", () => {
    expect(loadBytes(string, text(0xef, 0xbb, 0xbf, 0))).toBe("\ufeff\0");
  });
  test("checks length, then alignment, then bounds", () => {
    const range = (pointer: number, length: number): number[] => [
      ...new Uint8Array(Uint32Array.of(pointer, length).buffer),
    ];
    expect(() => loadBytes(list(u32), range(1, 0x10000000))).toThrow("list-out-of-bounds");
    expect(() => loadBytes(list(u32), range(65533, 1))).toThrow("unaligned-pointer");
    expect(() => loadBytes(list(u32), range(65532, 2))).toThrow("list-out-of-bounds");
    expect(loadBytes(list(u32), range(65536, 0))).toEqual([]);
    expect(() => loadBytes(string, range(3, 1), "utf16")).toThrow("unaligned-pointer");
    expect(() => loadBytes(string, range(65535, 2))).toThrow("string-out-of-bounds");
    expect(() => loadBytes(option(u8), [2])).toThrow("invalid-discriminant");
  });
});

describe("handles", () => {
  const resource = { kind: "resource", name: "r" } as const;

  test("a table starts at 1 and gives the latest freed index first", () => {
    const table = new HandleTable();
    const handle = { resource, rep: 1, own: true, lends: 0 };
    expect([table.add(handle), table.add(handle), table.add(handle)]).toEqual([1, 2, 3]);
    table.remove(1);
    table.remove(3);
    expect([table.add(handle), table.add(handle), table.add(handle)]).toEqual([3, 1, 4]);
    expect(() => table.get(0)).toThrow("invalid-handle");
  });
  test("owning handles leave the table, lent ones cannot", () => {
    const context = bumpContext("utf8");
    const own = despecialize({ kind: "own", resource });
    const borrow = despecialize({ kind: "borrow", resource });
    expect(lowerValues(context, 16, [40, 41], [own, own])).toEqual([1n, 2n]);
    expect(liftValues(context, 16, sourceOf([1n]), [own])).toEqual([40]);
    expect(() => liftValues(context, 16, sourceOf([1n]), [own])).toThrow("invalid-handle");
    expect(liftValues(context, 16, sourceOf([2n]), [borrow])).toEqual([41]);
    expect(() => liftValues(context, 16, sourceOf([2n]), [own])).toThrow("invalid-handle");
  });
});

describe("the JavaScript mapping", () => {
  test.each<[ValueType, unknown]>([
    [list(u8), Uint8Array.of(1, 2)],
    [list(s64), BigInt64Array.of(-1n)],
    [list({ kind: "bool" }), [true, false]],
    [option(option(u8)), { tag: "some", val: undefined }],
    [option(option(u8)), { tag: "none" }],
    [{ kind: "record", fields: [{ name: "first-name", type: string }] }, { firstName: "x" }],
    [
      { kind: "flags", names: ["a-b", "c"] },
      { aB: true, c: false },
    ],
    [{ kind: "enum", names: ["a-b", "c"] }, "a-b"],
    [
      { kind: "result", ok: undefined, err: u8 },
      { tag: "err", val: 3 },
    ],
    [{ kind: "map", key: string, value: u8 }, new Map([["k", 1]])],
  ])("%j there and back", (type, value) => {
    expect(toJs(fromJs(value, type), type)).toEqual(value);
  });
});
