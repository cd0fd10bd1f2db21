import { describe, expect, test } from "vitest";
import { Comparing, explainMismatch, type ResourceBindings } from "../../host/model/subtype.ts";
import { formatCoreExtern, formatCoreModule } from "../../host/model/core-text.ts";
import { formatExtern, formatType } from "../../host/model/text.ts";
import type {
  CoreLimits,
  CoreModuleType,
  ExternType,
  FuncType,
  PrimitiveKind,
  ResourceType,
  ValueType,
} from "../../host/model/types.ts";

const primitive = (kind: PrimitiveKind): ValueType => ({ kind });
const u32 = primitive("u32");
const string = primitive("string");
const list = (element: ValueType, length?: number): ValueType => ({ kind: "list", element, length });
const func = (params: Record<string, ValueType>, result?: ValueType, async = false): FuncType => ({
  kind: "func",
  params: Object.entries(params).map(([name, type]) => ({ name, type })),
  result,
  async,
});
const instance = (exports: Record<string, ExternType>): ExternType => ({
  kind: "instance",
  exports: Object.entries(exports).map(([name, type]) => ({ name, type })),
});
const isSubtype = (found: ExternType, wanted: ExternType, bindings?: ResourceBindings): boolean =>
  explainMismatch(found, wanted, bindings) === undefined;
const resource = (name: string): ResourceType => ({ kind: "resource", name });

describe("explainMismatch of functions", () => {
  const wanted = func({ id: u32, name: string }, list(string));

  test("accepts an equal type made of other objects", () => {
    expect(isSubtype(func({ id: { kind: "u32" }, name: { kind: "string" } }, list({ kind: "string" })), wanted)).toBe(
      true,
    );
  });

  test.each([
    [func({ id: u32, name: u32 }, list(string)), "parameter 2 `name`: expected string, found u32"],
    [func({ id: u32 }, list(string)), "expected 2 parameters, found 1"],
    [func({ id: u32, title: string }, list(string)), "parameter 2 `name`: the parameter found has the name `title`"],
    [func({ id: u32, name: string }), "result: expected list<string>, found nothing"],
    [func({ id: u32, name: string }, list(u32)), "result: element: expected string, found u32"],
    [func({ id: u32, name: string }, list(string, 3)), "result: expected list<string>, found list<string, 3>"],
    [func({ id: u32, name: string }, list(string), true), "expected a synchronous function, found an async one"],
    [instance({}), "expected a function, found an instance"],
  ])("names the place: %#", (found, why) => {
    expect(explainMismatch(found, wanted)).toBe(why);
  });
});

test.each<[ValueType, ValueType, string]>([
  [
    { kind: "record", fields: [{ name: "x", type: u32 }] },
    { kind: "record", fields: [{ name: "y", type: u32 }] },
    "field 1: expected `y`, found `x`",
  ],
  [
    { kind: "record", fields: [{ name: "x", type: u32 }] },
    { kind: "record", fields: [{ name: "x", type: { kind: "option", type: string } }] },
    "field `x`: expected option<string>, found u32",
  ],
  [
    { kind: "variant", cases: [{ name: "a", type: undefined }] },
    { kind: "variant", cases: [{ name: "a", type: u32 }] },
    "case `a`: expected u32, found nothing",
  ],
  [
    { kind: "variant", cases: [{ name: "a", type: u32 }] },
    { kind: "variant", cases: [{ name: "a", type: undefined }] },
    "case `a`: expected nothing, found u32",
  ],
  [
    { kind: "tuple", types: [u32, u32] },
    { kind: "tuple", types: [u32, string] },
    "element 2: expected string, found u32",
  ],
  [{ kind: "tuple", types: [u32] }, { kind: "tuple", types: [u32, u32] }, "expected tuple<u32, u32>, found tuple<u32>"],
  [
    { kind: "enum", names: ["a", "b"] },
    { kind: "enum", names: ["b", "a"] },
    "expected enum { b, a }, found enum { a, b }",
  ],
  [
    { kind: "result", ok: u32, err: undefined },
    { kind: "result", ok: u32, err: string },
    "err: expected string, found nothing",
  ],
  [
    { kind: "map", key: string, value: u32 },
    { kind: "map", key: string, value: string },
    "value: expected string, found u32",
  ],
  [{ kind: "stream", type: undefined }, { kind: "stream", type: u32 }, "element: expected u32, found nothing"],
])("value types must be equal: %#", (found, wanted, why) => {
  expect(explainMismatch(func({}, found), func({}, wanted))).toBe(`result: ${why}`);
  expect(explainMismatch(func({}, wanted), func({}, wanted))).toBeUndefined();
});

describe("explainMismatch of types that share parts", () => {
  /** Unfolds to 2^60 of its leaf. */
  const doubled = (leaf: ValueType): ValueType => {
    let type = leaf;
    for (let depth = 0; depth < 60; depth++) type = { kind: "tuple", types: [type, type] };
    return type;
  };

  test("looks at each pair once", () => {
    expect(explainMismatch(func({ x: doubled(u32) }), func({ x: doubled(u32) }))).toBeUndefined();
    const [found, wanted] = [resource("r"), resource("r")];
    const own = (of: ResourceType): ValueType => doubled({ kind: "own", resource: of });
    const bindings: ResourceBindings = new Map([[wanted, found]]);
    expect(explainMismatch(func({ x: own(found) }), func({ x: own(wanted) }), bindings)).toBeUndefined();
    expect(explainMismatch(func({ x: own(found) }), func({ x: own(wanted) }))).toMatch(
      /the resource found, `r`, is not the one expected/,
    );
  });

  test("says where the first difference is, in so many words", () => {
    const why = explainMismatch(func({ x: doubled(string) }), func({ x: doubled(u32) }))!;
    expect(why).toMatch(/^parameter 1 `x`: element 1: .*expected u32, found string$/);
    const long = "a".repeat(90_000);
    const record = (type: ValueType): ValueType => ({ kind: "record", fields: [{ name: long, type }] });
    let [found, wanted] = [string, u32];
    for (let depth = 0; depth < 90; depth++) [found, wanted] = [record(found), record(wanted)];
    const words = explainMismatch(func({ [long]: found }), func({ [long]: wanted }))!;
    expect(words.length).toBeLessThan(10_000);
    expect(words).toMatch(/^parameter 1 `a+…`: field .*expected u32, found string$/);
  });

  test("gives up when the cost of its link is used up, and says so", () => {
    const comparing = new Comparing();
    comparing.left = 100;
    const wide = (): ValueType => ({ kind: "tuple", types: Array.from({ length: 1000 }, () => list(u32)) });
    expect(explainMismatch(func({ x: wide() }), func({ x: wide() }), new Map(), comparing)).toMatch(
      /the types are too large to be compared$/,
    );
  });
});

describe("explainMismatch of instances", () => {
  test("accepts more exports than wanted, and says which one is missing", () => {
    const wanted = instance({ add: func({}, u32) });
    expect(isSubtype(instance({ add: func({}, u32), sub: func({}) }), wanted)).toBe(true);
    expect(explainMismatch(instance({ sub: func({}) }), wanted)).toBe("`add` is missing: expected func() -> u32");
  });

  test("binds a resource to what is found for it, throughout", () => {
    const shape = (file: ResourceType): ExternType =>
      instance({
        file: { kind: "resource-type", resource: file },
        open: func({}, { kind: "own", resource: file }),
        read: func({ f: { kind: "borrow", resource: file } }, list(u32)),
      });
    const wantedFile = resource("file");
    const foundFile = resource("file");
    const bindings: ResourceBindings = new Map();
    expect(explainMismatch(shape(foundFile), shape(wantedFile), bindings)).toBeUndefined();
    expect(bindings.get(wantedFile)).toBe(foundFile);

    const mixed = instance({
      file: { kind: "resource-type", resource: foundFile },
      open: func({}, { kind: "own", resource: resource("other") }),
      read: func({ f: { kind: "borrow", resource: foundFile } }, list(u32)),
    });
    expect(explainMismatch(mixed, shape(wantedFile))).toBe(
      "`open`: result: expected the resource `file`, found `other`",
    );
  });

  test("keeps bindings between comparisons that share a resource", () => {
    const wanted = resource("file");
    const bindings: ResourceBindings = new Map();
    expect(
      isSubtype(
        { kind: "resource-type", resource: resource("a") },
        { kind: "resource-type", resource: wanted },
        bindings,
      ),
    ).toBe(true);
    expect(
      isSubtype(
        func({ f: { kind: "own", resource: resource("b") } }),
        func({ f: { kind: "own", resource: wanted } }),
        bindings,
      ),
    ).toBe(false);
  });
});

test("a component may import less and export more, never the reverse", () => {
  const component = (imports: Record<string, ExternType>, exports: Record<string, ExternType>): ExternType => ({
    kind: "component",
    imports: Object.entries(imports).map(([name, type]) => ({ name, type })),
    exports: Object.entries(exports).map(([name, type]) => ({ name, type })),
  });
  const a = func({}, u32);
  expect(isSubtype(component({}, { x: a, y: a }), component({ log: a }, { x: a }))).toBe(true);
  expect(explainMismatch(component({ log: a }, { x: a }), component({}, { x: a }))).toBe(
    "import `log`: found but not wanted",
  );
  expect(explainMismatch(component({}, {}), component({}, { x: a }))).toBe(
    "export: `x` is missing: expected func() -> u32",
  );
});

test("core modules match by import and export types, memories and tables by limits", () => {
  const limits = (min: number, max?: number): CoreLimits => ({
    min: BigInt(min),
    max: max === undefined ? undefined : BigInt(max),
    shared: false,
    index: "i32",
  });
  const module = (memory: CoreLimits, imported: CoreLimits): CoreModuleType => ({
    kind: "core-module",
    imports: [{ module: "env", name: "mem", type: { kind: "core-memory", limits: imported } }],
    exports: [{ name: "memory", type: { kind: "core-memory", limits: memory } }],
  });
  expect(isSubtype(module(limits(2, 3), limits(1)), module(limits(1, 4), limits(2)))).toBe(true);
  expect(explainMismatch(module(limits(1), limits(1)), module(limits(2), limits(1)))).toBe(
    "core export `memory`: expected memory 2.., found memory 1..",
  );
  expect(explainMismatch(module(limits(1), limits(3)), module(limits(1), limits(2)))).toBe(
    "core import `env` `mem`: expected memory 3.., found memory 2..",
  );
});

test("formatType and formatExtern write WIT-like text", () => {
  const point: ValueType = { kind: "record", fields: [{ name: "x", type: primitive("f64") }] };
  const file = resource("file");
  expect(formatType({ kind: "result", ok: undefined, err: string })).toBe("result<_, string>");
  expect(formatType({ kind: "result", ok: undefined, err: undefined })).toBe("result");
  expect(formatType({ kind: "result", ok: point, err: undefined })).toBe("result<record { x: f64 }>");
  expect(
    formatType({
      kind: "variant",
      cases: [
        { name: "a", type: u32 },
        { name: "b", type: undefined },
      ],
    }),
  ).toBe("variant { a(u32), b }");
  expect(formatType({ kind: "map", key: string, value: list(u32, 4) })).toBe("map<string, list<u32, 4>>");
  expect(
    formatExtern(
      instance({
        file: { kind: "resource-type", resource: file },
        size: { kind: "type", type: u32 },
        read: func({ self: { kind: "borrow", resource: file } }, { kind: "future", type: undefined }, true),
      }),
    ),
  ).toBe("interface { file: resource, size: type u32, read: async func(self: borrow<file>) -> future }");
  expect(formatCoreExtern({ kind: "core-func", params: ["i32", "i64"], results: ["f32"] })).toBe(
    "func(i32, i64) -> f32",
  );
  const memory = { kind: "core-memory", limits: { min: 1n, max: 2n, shared: false, index: "i32" } } as const;
  expect(
    formatCoreModule({ kind: "core-module", imports: [{ module: "a", name: "m", type: memory }], exports: [] }),
  ).toBe("core module { import a.m: memory 1..2 }");
});
