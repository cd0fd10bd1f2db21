/** `tenon run`, and the text form of values that it reads and prints. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { ValueType } from "../../host/model/types.ts";
import { buildModule } from "../../scripts/toolchain/build/index.ts";
import { settled } from "../../scripts/toolchain/run/settle.ts";
import { printValue } from "../../scripts/toolchain/run/wave-print.ts";
import { readArguments, readValue } from "../../scripts/toolchain/run/wave-read.ts";
import { componentEmbed, componentNew, emptyModule, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { valuesOf, valueTypes } from "../differential/arbitraries.ts";
import { pairGuest } from "./async/guests.ts";
import { tenon } from "./shell.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tenon-run-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const u8: ValueType = { kind: "u8" };
const string: ValueType = { kind: "string" };
const option = (type: ValueType): ValueType => ({ kind: "option", type });
const list = (element: ValueType): ValueType => ({ kind: "list", element, length: undefined });
const point: ValueType = {
  kind: "record",
  fields: [
    { name: "x-axis", type: u8 },
    { name: "note", type: option(string) },
  ],
};
const shape: ValueType = {
  kind: "variant",
  cases: [
    { name: "dot", type: undefined },
    { name: "circle", type: { kind: "f64" } },
  ],
};
const flags: ValueType = { kind: "flags", names: ["read", "write-all"] };
const result: ValueType = { kind: "result", ok: u8, err: string };

describe("WAVE", () => {
  test.each<[string, ValueType, unknown]>([
    ["true", { kind: "bool" }, true],
    ["-5", { kind: "s8" }, -5],
    ["18446744073709551615", { kind: "u64" }, 2n ** 64n - 1n],
    ["-inf", { kind: "f32" }, -Infinity],
    ["nan", { kind: "f64" }, Number.NaN],
    ["6.02e23", { kind: "f64" }, 6.02e23],
    ["'☃'", { kind: "char" }, "☃"],
    ["'\\''", { kind: "char" }, "'"],
    [String.raw`"a\t\"\\\u{1F44B}"`, string, 'a\t"\\\u{1f44b}'],
    ["[1, 2, 3,]", list(u8), [1, 2, 3]],
    ['("abc", 12)', { kind: "tuple", types: [string, u8] }, ["abc", 12]],
    ["{x-axis: 1}", point, { xAxis: 1 }],
    ['{note: "n", x-axis: 1}', point, { xAxis: 1, note: "n" }],
    ["{:}", { kind: "record", fields: [{ name: "note", type: option(string) }] }, {}],
    ["dot", shape, { tag: "dot" }],
    ["circle(1.5)", shape, { tag: "circle", val: 1.5 }],
    ["%south", { kind: "enum", names: ["south"] }, "south"],
    ["{write-all}", flags, { read: false, writeAll: true }],
    ["{}", flags, { read: false, writeAll: false }],
    ["none", option(u8), undefined],
    ["some(1)", option(u8), 1],
    ["1", option(u8), 1],
    ["some(none)", option(option(u8)), { tag: "some", val: undefined }],
    ["ok(1)", result, { tag: "ok", val: 1 }],
    ["1", result, { tag: "ok", val: 1 }],
    ['err("no")', result, { tag: "err", val: "no" }],
    ['[("a", 1)]', { kind: "map", key: string, value: u8 }, new Map([["a", 1]])],
    [" [ // one\n 1 ] ", list(u8), [1]],
    ["[1, 2]", { kind: "stream", type: u8 }, [1, 2]],
    ["1", { kind: "future", type: u8 }, 1],
    ["()", { kind: "future", type: undefined }, undefined],
    ['"lost"', { kind: "error-context" }, { debugMessage: "lost" }],
  ])("%s is read", (text, type, value) => {
    expect(readValue(text, type)).toEqual(value);
  });

  test("what is printed is read back as the same value", () => {
    const typed = valueTypes({ extended: true }).chain((type) => fc.tuple(fc.constant(type), valuesOf(type)));
    const options = { seed: inject("seed"), numRuns: 200 * inject("scale") };
    fc.assert(
      fc.property(typed, ([type, value]) => {
        const text = printValue(value, type);
        const read = readValue(text, type);
        expect(printValue(read, type)).toBe(text);
        // Numbers, strings and lists of them are the same values, not only the same text.
        if (typeof value !== "object") expect(read).toEqual(value);
        else if (ArrayBuffer.isView(value)) expect(read).toEqual([...(value as Uint8Array)]);
      }),
      options,
    );
  });

  test("a stream without a type is read as a number of units, and printed so", () => {
    const units: ValueType = { kind: "stream", type: undefined };
    expect([...(readValue("3", units) as Iterable<number>)]).toEqual([3]);
    expect(printValue(3, units)).toBe("3");
    expect(() => readValue("[1]", units)).toThrow("Expected stream, found `[1]` at 1: [1]");
  });

  test.each<[string, string]>([
    ["(", "Expected u8, found the end at 2: ("],
    ["(1", "Expected `,` or `)`, found the end at 3: (1"],
    ['(1, "a", 3)', 'Expected no more than 2 arguments, found `3)` at 10: (1, "a", 3)'],
    ["()", "Expected an argument for `a: u8`, got nothing: ()"],
    ["(x)", "Expected u8, found `x)` at 2: (x)"],
    ['(1, "a\\q")', "Expected one of"],
    ["(1) 2", "Expected nothing more, found `2` at 5: (1) 2"],
  ])("%s is refused with its place", (text, message) => {
    const params = [
      { name: "a", type: u8 },
      { name: "b", type: option(string) },
    ];
    expect(() => readArguments(text, params)).toThrow(message);
    expect(readArguments("(1)", params)).toEqual([1]);
  });

  test.each<[string, ValueType, string]>([
    ["{y-axis: 1}", point, "did you mean x-axis?"],
    ["{x-axis: 1, x-axis: 2}", point, "the field x-axis once"],
    ["{}", point, "a field `x-axis: u8`"],
    ["cricle(1)", shape, "did you mean circle?"],
    ["circle", shape, "`(` of f64"],
    ["{red}", flags, "did you mean read?"],
    ["'\\u{d800}'", { kind: "char" }, "Unicode scalar value"],
    ["(1)", { kind: "tuple", types: [u8, u8] }, "2 parts"],
    ["1", { kind: "own", resource: { kind: "resource", name: "pen" } }, "has no text form"],
  ])("%s is no value of its type", (text, type, message) => {
    expect(() => readValue(text, type)).toThrow(message);
  });
});

describe("settled", () => {
  async function* chunks<T>(...given: T[]): AsyncGenerator<T> {
    yield* given;
  }
  const stream = (type: ValueType | undefined): ValueType => ({ kind: "stream", type });
  const future = (type: ValueType | undefined): ValueType => ({ kind: "future", type });

  test.each<[ValueType, () => unknown, string]>([
    [stream(u8), () => chunks(new Uint8Array([1, 2]), new Uint8Array([3])), "[1, 2, 3]"],
    [stream(undefined), () => chunks(2, 3), "5"],
    [stream(list(u8)), () => chunks([[1], [2]], [[3]]), "[[1], [2], [3]]"],
    [stream(future(string)), () => chunks([Promise.resolve("a")], ["b"]), '["a", "b"]'],
    [future(undefined), () => Promise.resolve(), "()"],
    [future(stream(u8)), async () => chunks([1]), "[1]"],
    [option(future(u8)), () => undefined, "none"],
    [option(future(u8)), () => Promise.resolve(1), "some(1)"],
    [option(option(future(u8))), () => ({ tag: "some", val: Promise.resolve(1) }), "some(some(1))"],
    [list(future(u8)), () => [Promise.resolve(1), 2], "[1, 2]"],
    [
      { kind: "result", ok: future(u8), err: { kind: "error-context" } },
      () => ({ tag: "ok", val: Promise.resolve(1) }),
      "ok(1)",
    ],
    [
      { kind: "variant", cases: [{ name: "a", type: stream(string) }] },
      () => ({ tag: "a", val: chunks(["x"]) }),
      'a(["x"])',
    ],
    [
      { kind: "record", fields: [{ name: "the-body", type: stream(string) }] },
      () => ({ theBody: chunks(["x"]) }),
      '{the-body: ["x"]}',
    ],
    [{ kind: "map", key: string, value: future(u8) }, () => new Map([["a", Promise.resolve(1)]]), '[("a", 1)]'],
  ])("%o has no more to come", async (type, make, text) => {
    expect(printValue(await settled(make(), type), type)).toBe(text);
  });

  test("the parts of a value are waited for together: one may end only when another is read", async () => {
    let done!: () => void;
    const read = new Promise<void>((settle) => (done = settle));
    const body = (async function* () {
      yield [1];
      done();
    })();
    const type: ValueType = { kind: "tuple", types: [future(undefined), stream(u8)] };
    expect(printValue(await settled([read, body], type), type)).toBe("((), [1])");
  });

  test("what is waited for and fails is the failure", async () => {
    const failed = Promise.reject(new Error("gone"));
    await expect(settled([failed], list(future(u8)))).rejects.toThrow("gone");
  });

  test("a value of which nothing is to come is the same object", async () => {
    const value = { xAxis: 1 };
    expect(await settled(value, point)).toBe(value);
  });
});

describe("tenon run", () => {
  let file: string;
  beforeAll(async () => {
    const dir = join(root, "sums");
    await mkdir(dir);
    await writeFile(
      join(dir, "sums.wit"),
      `package demo:sums@1.0.0;
       interface counter { add-up: func(n: u32) -> u32; divide: func(a: u32, b: u32) -> result<u32, string>; }
       world sums { export counter; export greet: func(name: string) -> string; export nothing: func(); }`,
    );
    await writeFile(
      join(dir, "index.ts"),
      `import { err, ok, Result } from "./bindings/sums";
       let total: u32 = 0;
       export function addUp(n: u32): u32 { total += n; return total; }
       export function divide(a: u32, b: u32): Result<u32, string> {
         if (b == 7) unreachable();
         return b == 0 ? err<u32, string>("by zero") : ok<u32, string>(a / b);
       }
       export function greet(name: string): string { return "Hello, " + name; }
       export function nothing(): void {}`,
    );
    file = (await buildModule({ dir, debug: true })).component;
  });

  test("calls a function and prints what it gives", async () => {
    expect(await tenon("run", file, 'greet("A\\"da")')).toEqual({ status: 0, out: '"Hello, A\\"da"\n', err: "" });
    expect(await tenon("run", file, "nothing")).toEqual({ status: 0, out: "", err: "" });
  });

  test("calls several in one instance, found by any of their names", async () => {
    const names = ["demo:sums/counter@1.0.0#add-up", "demo:sums/counter#add-up", "counter.add-up", "add-up"];
    const said = await tenon("run", file, ...names.map((name, index) => `${name}(${index + 1})`));
    expect(said).toEqual({ status: 0, out: "1\n3\n6\n10\n", err: "" });
  });

  test("waits for an asynchronous function before the next is called", async () => {
    const pair = join(root, "pair.wasm");
    await writeFile(pair, await parseWat(pairGuest));
    expect(await tenon("run", pair, "run(4)", "run(5)")).toEqual({ status: 0, out: "8\n10\n", err: "" });
  });

  test("an err is printed and has status 1, and a trap ends it with its place", async () => {
    expect(await tenon("run", file, "divide(6, 2)")).toMatchObject({ status: 0, out: "ok(3)\n" });
    expect(await tenon("run", file, "divide(6, 0)", "divide(6, 3)")).toEqual({
      ...{ status: 1, out: 'err("by zero")\nok(2)\n', err: "" },
    });
    const trapped = await tenon("run", file, "divide(6, 7)");
    expect(trapped).toMatchObject({ status: 1, out: "" });
    expect(trapped.err).not.toContain("    at ");
  });

  test("what is not understood is told before anything runs", async () => {
    const wrong = await tenon("run", file, "add-up(1)", "greeet(1)");
    expect(wrong).toMatchObject({ status: 1, out: "" });
    expect(wrong.err).toContain("There is no function greeet; did you mean greet?");
    expect((await tenon("run", file, "add-up(-1x)")).err).toContain("Expected `,` or `)`, found `x)` at 4");
    expect((await tenon("run", file)).err).toMatch(
      /no program of wasi:cli\/run: .*exports\n[^]*add-up: func\(n: u32\)/,
    );
    expect((await tenon("run", join(root, "none.wasm"), "f()")).err).toContain("none.wasm");
  });

  test("imports that nobody gives are told", async () => {
    const asks = join(root, "asks.wasm");
    const witSource = "package a:b; world w { import ask: func(); export f: func(); }";
    await writeFile(asks, await componentNew(await componentEmbed(emptyModule, { witSource, dummy: true })));
    const said = await tenon("run", asks, "f()");
    expect(said).toMatchObject({ status: 1, out: "" });
    expect(said.err).toContain("asks.wasm: ");
    expect(said.err).toContain("ask");
  });
});
