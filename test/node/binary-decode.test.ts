import { describe, expect, test } from "vitest";
import { decodeComponent } from "../../host/binary/decode.ts";
import type { ComponentDefinition, Definition } from "../../host/binary/definition.ts";
import { joined, u32Bytes } from "../../host/binary/framing.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

const preamble = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const coreModule = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A component of sections given as id and payload. */
function component(...sections: readonly (readonly [id: number, ...payload: number[]])[]): Uint8Array {
  return Uint8Array.from([...preamble, ...sections.flatMap(([id, ...payload]) => [id, payload.length, ...payload])]);
}

function failure(bytes: Uint8Array): DecodeError {
  try {
    decodeComponent(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return error as DecodeError;
  }
  throw new Error("expected the decoder to refuse the bytes");
}

function only<K extends Definition["kind"]>(
  definition: ComponentDefinition,
  kind: K,
): Extract<Definition, { kind: K }>[] {
  return definition.definitions.filter((item): item is Extract<Definition, { kind: K }> => item.kind === kind);
}

test("decodeComponent reads an empty component", () => {
  expect(decodeComponent(component())).toEqual({ offset: 0, byteLength: 8, definitions: [], customSections: [] });
});

test("a core module in place of a component is refused by name", () => {
  expect(failure(Uint8Array.from(coreModule)).message).toMatch(/core module, not a component/);
});

describe("malformed bytes are a DecodeError with the offset and the section", () => {
  test.each<[string, Uint8Array, number, string, RegExp]>([
    ["nothing", Uint8Array.of(), 0, "component", /Unexpected end/],
    ["wrong magic", Uint8Array.of(0, 0x61, 0x73, 0x6e, 0x0d, 0, 1, 0), 3, "component", /starts with the bytes/],
    ["wrong version", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0), 4, "component", /version/],
    ["wrong layer", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 2, 0), 6, "component", /layer/],
    ["unknown section", component([13]), 8, "component", /13 is not the id/],
    ["section past the end", Uint8Array.from([...preamble, 7, 9, 0]), 11, "component", /Unexpected end/],
    ["bytes left in a section", component([7, 0, 0]), 11, "type section", /1 bytes are left/],
    ["count larger than the bytes", component([7, 0x7f, 0x73]), 10, "type section", /127 types cannot fit in 1 bytes/],
    [
      "integer too long",
      Uint8Array.from([...preamble, 7, 0x80, 0x80, 0x80, 0x80, 0x80]),
      9,
      "component",
      /longer than 5/,
    ],
    ["integer too large", Uint8Array.from([...preamble, 7, 0x80, 0x80, 0x80, 0x80, 0x10]), 9, "component", /32 bits/],
    ["negative type index", component([7, 1, 0x70, 0x40]), 12, "type section", /not a value type/],
    ["unknown type", component([7, 1, 0x62]), 10 + 1, "type section", /0x62 is not a type/],
    ["name not UTF-8", component([0, 2, 0xff, 0xfe]), 11, "custom section", /not UTF-8/],
    ["name not UTF-8: a surrogate", component([0, 3, 0xed, 0xa0, 0x80]), 11, "custom section", /not UTF-8/],
    ["resource of f32", component([7, 1, 0x3f, 0x7d, 0]), 12, "type section", /represented by i32/],
    ["case without its end", component([7, 1, 0x71, 1, 1, 0x61, 0, 1]), 16, "type section", /end of a case/],
    ["import in an instance type", component([7, 1, 0x42, 1, 0x03]), 13, "type section", /cannot declare an import/],
    ["alias of an unknown sort", component([6, 1, 6, 2, 0, 0]), 11, "alias section", /not a sort/],
    ["outer alias of a function", component([6, 1, 1, 2, 0, 0]), 11, "alias section", /cannot refer/],
    ["core alias of a type", component([6, 1, 3, 1, 0, 0]), 11, "alias section", /cannot export a type/],
    ["canon unknown", component([8, 1, 7]), 11, "canon section", /not a canonical definition/],
    ["option twice", component([8, 1, 1, 0, 0, 2, 3, 0, 3, 0]), 17, "canon section", /memory is given twice/],
    ["options in conflict", component([8, 1, 1, 0, 0, 2, 0, 1]), 16, "canon section", /utf16 conflicts with utf8/],
    ["unknown attribute", component([10, 1, 2, 1, 0x61, 1, 3, 0, 1, 0]), 15, "import section", /not an attribute/],
    ["attribute twice", component([10, 1, 2, 1, 0x61, 2, 2, 0, 2, 0, 1, 0]), 17, "import section", /comes twice/],
    [
      "module sections out of order",
      component([1, ...coreModule, 3, 1, 0, 1, 1, 0]),
      21,
      "core type section",
      /out of order/,
    ],
    ["unknown module section", component([1, ...coreModule, 14, 0]), 18, "core module section", /core section/],
    [
      "function of no type",
      component([1, ...coreModule, 3, 2, 1, 4]),
      21,
      "core function section",
      /type 4 is not defined/,
    ],
    ["export of no item", component([1, ...coreModule, 7, 4, 1, 0, 0, 0]), 23, "core export section", /no item 0/],
    ["component in place of a module", component([1, ...preamble]), 14, "core module section", /01 00 00 00/],
  ])("%s", (_, bytes, offset, section, message) => {
    const error = failure(bytes);
    expect(error.message).toMatch(message);
    expect({ offset: error.offset, section: error.section }).toEqual({ offset, section });
  });

  test("the offsets of a nested component count from the outermost byte", () => {
    const nested = component([7, 1, 0x62]);
    const error = failure(component([4, ...nested]));
    expect(error.offset).toBe(10 + 11);
    expect(error.section).toBe("type section");
  });
});

test("zero-padded integers are accepted", () => {
  expect(decodeComponent(Uint8Array.from([...preamble, 7, 0x81, 0x80, 0x80, 0x80, 0x00, 0])).definitions).toEqual([]);
});

test("what is behind a feature gate is unsupported by name, not malformed", () => {
  const feature = (bytes: Uint8Array): string => {
    try {
      decodeComponent(bytes);
    } catch (error) {
      if (error instanceof UnsupportedError) return error.feature;
      throw error;
    }
    return "accepted";
  };
  expect(feature(component([9, 0, 0, 0]))).toBe("component-start");
  expect(feature(component([12, 1, 0x7f, 1, 0]))).toBe("component-values");
  expect(feature(component([10, 1, 0, 1, 0x61, 2, 1, 0x7f]))).toBe("component-values");
});

test("custom sections keep their payload's place, repeated or unreadable as they may be", () => {
  const bytes = component([0, 1, 0x61, 0xff, 0xfe], [0, 1, 0x61]);
  expect(decodeComponent(bytes).customSections).toEqual([
    { name: "a", offset: 8, start: 12, end: 14 },
    { name: "a", offset: 14, start: 18, end: 18 },
  ]);
});

test("deep nesting of components ends in an error, not in a stack overflow", () => {
  let bytes: number[] = [...preamble];
  const wrap = (inner: readonly number[]): number[] => [...preamble, 4, ...u32Bytes(inner.length), ...inner];
  for (let depth = 0; depth < 100; depth++) bytes = wrap(bytes);
  expect(decodeComponent(Uint8Array.from(bytes)).definitions).toHaveLength(1);
  expect(failure(Uint8Array.from(wrap(bytes))).message).toMatch(/nested deeper than 100/);
});

test("deep nesting of types ends in an error", () => {
  const types = (depth: number): number[] => [
    1,
    ...Array.from({ length: depth }, () => [0x41, 0x01, 0x01]).flat(),
    0x73,
  ];
  const section = (payload: readonly number[]): Uint8Array =>
    joined([preamble, [7], u32Bytes(payload.length), payload]);
  expect(decodeComponent(section(types(100))).definitions).toHaveLength(1);
  expect(failure(section(types(101))).message).toMatch(/nested deeper than 100/);
});

describe("core modules", () => {
  test("give the types of their imports and exports", async () => {
    const bytes = await parseWat(`(component
      (core module
        (type $pair (func (param i32 f64) (result i64)))
        (import "env" "f" (func (type $pair)))
        (import "env" "mem" (memory i64 1 2))
        (import "env" "g" (global (mut v128)))
        (import "env" "t" (table 1 10 externref))
        (import "env" "e" (tag (param i32)))
        (table (export "table") 3 funcref)
        (memory 1)
        (global (export "offset") i32 (i32.add (i32.const 1) (i32.const 2)))
        (global (export "ref") funcref (ref.func 0))
        (global (export "wide") v128 (v128.const i64x2 1 2))
        (global (export "float") f64 (f64.const 1.5))
        (func (export "run") (result i32 i32) (i32.const 1) (i32.const 2))
        (export "again" (func 0))
        (data (i32.const 0) "x")))`);
    const [module] = only(decodeComponent(bytes), "core-module");
    expect(module!.type.imports.map(({ module: from, name, type }) => [from, name, type])).toEqual([
      ["env", "f", { kind: "core-func", params: ["i32", "f64"], results: ["i64"] }],
      ["env", "mem", { kind: "core-memory", limits: { min: 1n, max: 2n, shared: false, index: "i64" } }],
      ["env", "g", { kind: "core-global", type: "v128", mutable: true }],
      [
        "env",
        "t",
        {
          kind: "core-table",
          element: "(ref null extern)",
          limits: { min: 1n, max: 10n, shared: false, index: "i32" },
        },
      ],
      ["env", "e", { kind: "core-tag", params: ["i32"] }],
    ]);
    const exports = new Map(module!.type.exports.map(({ name, type }) => [name, type]));
    expect([...exports.keys()]).toEqual(["table", "offset", "ref", "wide", "float", "run", "again"]);
    expect(exports.get("run")).toEqual({ kind: "core-func", params: [], results: ["i32", "i32"] });
    expect(exports.get("again")).toEqual({ kind: "core-func", params: ["i32", "f64"], results: ["i64"] });
    expect(bytes.subarray(module!.start, module!.start + 4)).toEqual(Uint8Array.of(0, 0x61, 0x73, 0x6d));
  });

  test("name references to equal recursive types equally, and to others differently", async () => {
    const types = `(rec (type $a (struct (field (ref null $b)))) (type $b (array (mut i8))))`;
    const other = `(rec (type $a (struct (field (ref null $b)))) (type $b (array i8)))`;
    const module = (group: string): string =>
      `(core module ${group} (func (export "f") (param (ref $a) (ref null $b))))`;
    const bytes = await parseWat(`(component ${module(types)} ${module(types)} ${module(other)})`);
    const params = only(decodeComponent(bytes), "core-module").map(({ type }) => {
      const [item] = type.exports;
      return item?.type.kind === "core-func" ? item.type.params : [];
    });
    expect(params[0]).toHaveLength(2);
    expect(params[1]).toEqual(params[0]);
    expect(params[2]).not.toEqual(params[0]);
  });
});

test("every kind of definition is decoded, in its order", async () => {
  const bytes = await parseWat(`(component
    (core module $m (func (export "f") (param i32)) (memory (export "mem") 1))
    (core instance $i (instantiate $m))
    (alias core export $i "f" (core func $f))
    (core type (module (import "a" "b" (func)) (export "c" (memory 1))))
    (type $r (resource (rep i32) (dtor (core func $f))))
    (type $v (variant (case "a" string) (case "b")))
    (core func $drop (canon resource.drop $r))
    (core func (canon waitable-set.new))
    (func $lifted (param "x" u32) (canon lift (core func $f)))
    (component $c (import "x" (func)))
    (import "dep" (instance (export "g" (func))))
    (instance (export "lifted" (func $lifted)))
    (export "lifted" (func $lifted) (func (param "x" u32))))`);
  const { definitions } = decodeComponent(bytes);
  expect([...new Set(definitions.map(({ kind }) => kind))].sort()).toEqual([
    "alias",
    "canon",
    "component",
    "core-instance",
    "core-module",
    "core-type",
    "export",
    "import",
    "instance",
    "type",
  ]);
  const offsets = definitions.map(({ offset }) => offset);
  expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  expect(definitions.flatMap((item) => (item.kind === "canon" && item.op === "other" ? [item.name] : []))).toEqual([
    "waitable-set.new",
  ]);
});

test("every proper prefix of a component is malformed, unless it ends between sections", async () => {
  const bytes = await parseWat(`(component
    (core module $m (func (export "f") (result i32) i32.const 1))
    (core instance $i (instantiate $m))
    (func (export "f") (result u32) (canon lift (core func $i "f"))))`);
  const whole = decodeComponent(bytes).definitions.length;
  let refused = 0;
  for (let length = 0; length < bytes.length; length++) {
    try {
      expect(decodeComponent(bytes.subarray(0, length)).definitions.length).toBeLessThanOrEqual(whole);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
      expect((error as DecodeError).offset).toBeLessThanOrEqual(length);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(bytes.length - 20);
});
