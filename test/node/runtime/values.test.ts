import { describe, expect, test } from "vitest";
import { ComponentError, LowerError } from "../../../host/errors.ts";
import { allocator, compileWat, instantiateWat, options, thrown, type Dynamic } from "./support.ts";
import type { Instance } from "../../../host/runtime/types.ts";

/** Types that are passed by pointer and length, or spilled: the core function gets and returns one address. */
const types = `
  (type $size' (record (field "width" f64) (field "height-in-mm" u16)))
  (export $size "size" (type $size'))
  (type $shape' (variant (case "circle" f64) (case "rectangle" $size) (case "point")))
  (export $shape "shape" (type $shape'))
  (type $level' (enum "debug" "info" "warn-ing"))
  (export $level "level" (type $level'))
  (type $access' (flags "read" "write-back"))
  (export $access "access" (type $access'))`;

/** A component that echoes a list of each type, through memory on both ways. */
async function echo(type: string): Promise<Instance<Dynamic>> {
  return instantiateWat(`(component ${types}
    (core module $M ${allocator}
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16)))
    (core instance $m (instantiate $M))
    (func (export "echo") (param "values" (list ${type})) (result (list ${type}))
      (canon lift (core func $m "echo") ${options})))`);
}

describe("values through memory and back", () => {
  const cases: readonly (readonly [string, unknown[]])[] = [
    ["bool", [true, false]],
    ["char", ["a", "é", "😀", "\u{10ffff}"]],
    ["string", ["", "ascii", "héllo", "☃😀", "x".repeat(500), "\u{feff}bom"]],
    ["$size", [{ width: 1.5, heightInMm: 65_535 }]],
    ["$shape", [{ tag: "circle", val: 2 }, { tag: "rectangle", val: { width: 1, heightInMm: 2 } }, { tag: "point" }]],
    ["$level", ["debug", "warn-ing"]],
    [
      "$access",
      [
        { read: true, writeBack: false },
        { read: false, writeBack: true },
      ],
    ],
    ["(option u8)", [undefined, 0, 255]],
    ["(option (option u8))", [{ tag: "none" }, { tag: "some", val: undefined }, { tag: "some", val: 3 }]],
    [
      "(result u8 (error string))",
      [
        { tag: "ok", val: 1 },
        { tag: "err", val: "bad" },
      ],
    ],
    ["(result)", [{ tag: "ok" }, { tag: "err" }]],
    ["(tuple s8 s64 f32)", [[-128, -(2n ** 63n), 0.5]]],
    ["(list (list u16))", [[], [Uint16Array.of(1, 2), new Uint16Array()]]],
    ["(list u32 3)", [Uint32Array.of(1, 2, 0xffff_ffff)]],
  ];
  test.each(cases)("%s", async (type, values) => {
    expect((await echo(type)).exports.echo(values)).toEqual(values);
  });

  test.each([
    ["u8", Uint8Array.of(0, 255)],
    ["s8", Int8Array.of(-128, 127)],
    ["u16", Uint16Array.of(0, 65_535)],
    ["s16", Int16Array.of(-32_768, 32_767)],
    ["u32", Uint32Array.of(0, 2 ** 32 - 1)],
    ["s32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
    ["u64", BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ["s64", BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    ["f32", Float32Array.of(0.5, -Infinity, Number.NaN)],
    ["f64", Float64Array.of(Math.PI, -0)],
  ])("list<%s> is its typed array, and an ordinary array is accepted", async (type, values) => {
    const { exports } = await echo(type);
    expect(exports.echo(values)).toEqual(values);
    expect(exports.echo([...values])).toEqual(values);
    expect(exports.echo([])).toEqual(values.slice(0, 0));
  });

  test("a result does not share the guest's memory", async () => {
    const { exports } = await echo("u8");
    const first = exports.echo(Uint8Array.of(1, 2, 3)) as Uint8Array;
    exports.echo(Uint8Array.of(9, 9, 9));
    expect(first).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("a lone surrogate becomes U+FFFD, as Web IDL's USVString has it", async () => {
    expect((await echo("string")).exports.echo(["a\ud800b", "\udc00"])).toEqual(["a\ufffdb", "\ufffd"]);
  });

  test("memory that grows during lowering is followed", async () => {
    const values = Array.from({ length: 5_000 }, (_, i) => `value number ${i} ${"é".repeat(i % 60)}`);
    expect((await echo("string")).exports.echo(values)).toEqual(values);
  });
});

describe("LowerError", () => {
  test.each([
    ["u8", [1, 256], "values[1]", "a u8 (integer from 0 to 255)", "256"],
    ["u32", [1.5], "values[0]", "u32", "1.5"],
    ["s64", [1], "values[0]", "s64 (bigint", "1"],
    ["bool", [0], "values[0]", "bool", "0"],
    ["char", ["ab"], "values[0]", "char", `"ab"`],
    ["char", ["\ud800"], "values[0]", "char", `"\\ud800"`],
    ["string", ["a", 7], "values[1]", "string", "7"],
    ["$size", [{ width: "wide", heightInMm: 1 }], "values[0].width", "f64", `"wide"`],
    ["$size", [{ width: 1 }], "values[0].heightInMm", "u16", "undefined"],
    ["$shape", [{ tag: "rectangle", val: { width: 1, heightInMm: -1 } }], "values[0].val.heightInMm", "u16", "-1"],
    ["$shape", [{ tag: "square" }], "values[0].tag", `"circle"`, `"square"`],
    ["$level", ["loud"], "values[0]", `"debug"`, `"loud"`],
    ["$access", [{ read: 1 }], "values[0].read", "boolean", "1"],
    ["(option (option u8))", [3], "values[0]", "option", "3"],
    ["(result u8 (error string))", [{ tag: "err", val: 1 }], "values[0].val", "string", "1"],
    ["(tuple u8 u8)", [[1]], "values[0]", "2 elements", "1 elements"],
    ["(list u32 3)", [[1, 2]], "values[0]", "3 elements", "2 elements"],
  ] as const)("%s refuses %j at %s", async (type, values, path, expected, found) => {
    const instance = await echo(type);
    const error = thrown(() => instance.exports.echo(values)) as LowerError;
    expect(error).toBeInstanceOf(LowerError);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.path).toBe(path);
    expect(error.expected).toContain(expected);
    expect(error.message).toContain(found);
    expect(instance.state).toBe("live");
  });

  test.each([[undefined], [null], ["text"], [{}], [new DataView(new ArrayBuffer(4))], [new Map()]])(
    "a list refuses %s",
    async (value) => {
      const { exports } = await echo("u8");
      expect(thrown(() => exports.echo(value))).toBeInstanceOf(LowerError);
    },
  );

  test("leaves nothing behind in the guest", async () => {
    const { exports } = await instantiateWat(`(component
      (core module $M ${allocator} (func (export "next") (result i32) global.get $next) (func (export "take") (param i32 i32 i32 i32)))
      (core instance $m (instantiate $M))
      (func (export "next") (result u32) (canon lift (core func $m "next")))
      (func (export "take") (param "name" string) (param "numbers" (list u8)) (canon lift (core func $m "take") ${options})))`);
    const before = exports.next();
    expect(thrown(() => exports.take("allocated first?", [1, "two"]))).toBeInstanceOf(LowerError);
    expect(exports.next()).toBe(before);
  });
});

describe("a result at the top of a function", () => {
  const component = `(component
    (core module $M ${allocator}
      (func (export "halve") (param i32) (result i32)
        (i32.store8 (i32.const 16) (i32.and (local.get 0) (i32.const 1)))
        (i32.store (i32.const 20) (i32.shr_u (local.get 0) (i32.const 1))) (i32.const 16))
      (func (export "bare") (param i32) (result i32) local.get 0))
    (core instance $m (instantiate $M))
    (func (export "halve") (param "n" u32) (result (result u32 (error u32))) (canon lift (core func $m "halve") ${options}))
    (func (export "bare") (param "n" u32) (result (result)) (canon lift (core func $m "bare"))))`;

  test("returns ok and throws err as a ComponentError with the payload", async () => {
    const instance = await instantiateWat(component);
    expect(instance.exports.halve(8)).toBe(4);
    const error = thrown(() => instance.exports.halve(7)) as ComponentError;
    expect(error).toBeInstanceOf(ComponentError);
    expect(error.payload).toBe(3);
    expect(instance.exports.bare(0)).toBeUndefined();
    expect((thrown(() => instance.exports.bare(1)) as ComponentError).payload).toBeUndefined();
    expect(instance.state).toBe("live");
  });

  test("with a discriminant that is no case is a trap", async () => {
    const instance = await instantiateWat(component);
    expect(thrown(() => instance.exports.bare(2))).toMatchObject({ trap: "invalid-discriminant" });
  });
});

describe("flat arguments", () => {
  test("a variant joins its payloads, and each comes back as it went", async () => {
    // join(f32, s32) = i32, join(f64, s64) = i64, join(f32, s64) = i64: every coercion is on the way.
    const { exports } = await instantiateWat(`(component
      (type $v' (variant (case "a" (tuple f32 f64 f32)) (case "b" (tuple s32 s64 s64)) (case "c" (tuple u8 f32))))
      (export $v "v" (type $v'))
      (core module $M ${allocator}
        (func (export "echo") (param i32 i32 i64 i64) (result i32)
          (i32.store8 (i32.const 64) (local.get 0))
          (i32.store (i32.const 72) (local.get 1))
          (if (i32.eqz (local.get 0))
            (then (i64.store (i32.const 80) (local.get 2)) (i32.store (i32.const 88) (i32.wrap_i64 (local.get 3))))
            (else (if (i32.eq (local.get 0) (i32.const 1))
              (then (i64.store (i32.const 80) (local.get 2)) (i64.store (i32.const 88) (local.get 3)))
              (else (i32.store (i32.const 76) (i32.wrap_i64 (local.get 2)))))))
          (i32.const 64)))
      (core instance $m (instantiate $M))
      (func (export "echo") (param "v" $v) (result $v) (canon lift (core func $m "echo") ${options})))`);
    for (const value of [
      { tag: "a", val: [1.5, -2.25, -0.5] },
      { tag: "b", val: [-7, 2n ** 40n, -1n] },
      { tag: "c", val: [200, 0.125] },
    ]) {
      expect(exports.echo(value)).toEqual(value);
    }
  });

  test("small integers from the guest are wrapped, not refused", async () => {
    const { exports } = await instantiateWat(`(component
      (core module $M (func (export "big") (result i32) i32.const 0x12345))
      (core instance $m (instantiate $M))
      (func (export "u8") (result u8) (canon lift (core func $m "big")))
      (func (export "s16") (result s16) (canon lift (core func $m "big")))
      (func (export "bool") (result bool) (canon lift (core func $m "big"))))`);
    expect([exports.u8(), exports.s16(), exports.bool()]).toEqual([0x45, 0x2345, true]);
  });

  test("more than sixteen flat parameters are spilled to memory", async () => {
    const params = Array.from({ length: 17 }, (_, i) => `(param "p${i}" u64)`).join(" ");
    const { exports } = await instantiateWat(`(component
      (core module $M ${allocator} (func (export "last") (param i32) (result i64) (i64.load offset=128 (local.get 0))))
      (core instance $m (instantiate $M))
      (func (export "last") ${params} (result u64) (canon lift (core func $m "last") ${options})))`);
    expect(exports.last(...Array.from({ length: 17 }, (_, i) => BigInt(i)))).toBe(16n);
  });
});

describe("names that JavaScript cannot tell apart", () => {
  test.each([
    ["record fields", `(type $r' (record (field "a1" u8) (field "a-1" u8))) (export $r "r" (type $r'))`],
    ["flags", `(type $r' (flags "b2" "b-2")) (export $r "r" (type $r'))`],
  ])("as %s are refused", async (what, type) => {
    const text = `(component ${type}
      (core module $M (func (export "f") (param ${what === "flags" ? "i32" : "i32 i32"})))
      (core instance $m (instantiate $M))
      (func (export "f") (param "v" $r) (canon lift (core func $m "f"))))`;
    await expect(compileWat(text)).rejects.toMatchObject({ feature: "name-collision" });
  });

  test("as exports are refused", async () => {
    const text = `(component (core module $M (func (export "f"))) (core instance $m (instantiate $M))
      (func $f (canon lift (core func $m "f"))) (export "run1" (func $f)) (export "run-1" (func $f)))`;
    await expect(compileWat(text)).rejects.toThrow(`"run1" and "run-1" are both run1 in JavaScript`);
  });

  test.each([
    ["functions of the world", `(import "a1" (func)) (import "a-1" (func))`],
    ["functions of an interface", `(import "x:y/z" (instance (export "a1" (func)) (export "a-1" (func))))`],
    ["classes", `(import "x:y/z" (instance (export "a1" (type (sub resource))) (export "a-1" (type (sub resource)))))`],
  ])("as imported %s are refused", async (_, imports) => {
    const refused = compileWat(`(component ${imports})`);
    await expect(refused).rejects.toMatchObject({ feature: "name-collision" });
    await expect(refused).rejects.toThrow(/The imports "a1" and "a-1" are both a1 in JavaScript/);
  });

  test("as ids of interfaces are kept apart: ids are not spelled anew", async () => {
    const text = `(component (import "x:y/z1" (instance (export "f" (func)))) (import "x:y/z-1" (instance (export "f" (func)))))`;
    const given = { "x:y/z1": { f: () => undefined } };
    expect((await compileWat(text)).missing(given).map((issue) => issue.import)).toEqual(["x:y/z-1"]);
  });
});
