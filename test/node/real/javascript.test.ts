/** A component that another toolchain made of JavaScript, with its WASI imports met by jco's shim. */
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import { beforeAll, describe, expect, test } from "vitest";
import { ComponentError, UnloadedError } from "../../../host/errors.ts";
import { compile, createHost } from "../../../host/node/index.ts";
import { inspectBytes } from "../../../host/runtime/inspect.ts";
import type { Component } from "../../../host/runtime/types.ts";
import { thrown, type Dynamic } from "../runtime/support.ts";
import { componentize } from "./componentize.ts";
import { exportsOf, runners } from "./runners.ts";
import { source, wit } from "./shapes.ts";

let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  bytes = await componentize({ wit, source });
});

function imports(logged: string[]): object {
  return {
    ...new WASIShim().getImportObject(),
    log: (message: string) => void logged.push(message),
    measure: (text: string) => {
      if (text === "") throw new ComponentError("nobody");
      return text.length;
    },
  };
}

describe.each(runners)("a component made from JavaScript, under %s", (by) => {
  test("computes", async () => {
    const logged: string[] = [];
    const { api } = await exportsOf(by, bytes, imports(logged));
    expect(api.area({ tag: "circle", val: 2 })).toBeCloseTo(12.566);
    const corners = [
      { x: 0, y: 0 },
      { x: 2, y: 0 },
      { x: 2, y: 2 },
    ];
    expect(api.area({ tag: "polygon", val: corners })).toBe(2);
    expect((thrown(() => api.area({ tag: "polygon", val: [] })) as ComponentError).payload).toBe(
      "a polygon has three corners at least",
    );
    expect(api.greet("J\u00fcrgen \u2713")).toBe("Hello, J\u00fcrgen \u2713 of 8 letters!");
    expect(logged).toEqual(["greeting J\u00fcrgen \u2713"]);
    expect(api.reverse(new Uint8Array([1, 2, 3]))).toEqual(new Uint8Array([3, 2, 1]));
    const marks = { bold: true, italic: false };
    expect(api.paint("green", marks, { x: 1, y: 2 })).toEqual(["green", marks, { x: 1, y: 2 }]);
    expect(api.paint("red", marks, undefined)).toEqual(["red", marks, undefined]);
    expect(api.big(9_007_199_254_740_993n)).toBe(9_007_199_254_740_994n);
    expect(() => api.paint("blue", marks, undefined)).toThrow(TypeError);
    expect(api.area({ tag: "circle", val: 0 })).toBe(0);
  });

  test("reads the clock and takes random bytes through WASI", async () => {
    const { api } = await exportsOf(by, bytes, imports([]));
    const [before, now, after] = [Date.now(), api.now(), Date.now()];
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after);
    expect(api.random(32)).toHaveLength(32);
    expect(api.random(32)).not.toEqual(api.random(32));
  });

  test("has resources", async () => {
    const { api } = await exportsOf(by, bytes, imports([]));
    const [one, two] = [new api.Counter(5), new api.Counter(20)];
    expect(one.increment(3)).toBe(8);
    const merged = api.Counter.merge(one, two);
    expect(merged.increment(0)).toBe(28);
    expect(two.increment(1)).toBe(21);
    expect(() => one.increment(1)).toThrow();
    merged[Symbol.dispose]();
    expect(() => merged.increment(1)).toThrow();
  });
});

describe("a component made from JavaScript", () => {
  let component: Component<Dynamic>;
  beforeAll(async () => {
    component = await compile<Dynamic>(bytes, { name: "shapes" });
  });

  test("links with the shim of WASI and nothing missing", () => {
    expect(component.imports.filter(({ name }) => name.startsWith("wasi:")).length).toBeGreaterThan(10);
    expect(component.missing(imports([]))).toEqual([]);
    expect(component.missing({}).length).toBeGreaterThan(10);
  });

  test("traps on an exception that is no result, and is locked", () => {
    const instance = component.instantiateSync(imports([]));
    expect(thrown(() => instance.exports.api.fail())).toMatchObject({ name: "TrapError", trap: "unreachable" });
    expect(instance.state).toBe("trapped");
    expect(thrown(() => instance.exports.api.now())).toBeInstanceOf(UnloadedError);
  });
});

test("it loads into a host, reloads, and gives its memory back", async () => {
  const host = createHost();
  const module = await host.load<Dynamic>(bytes, { name: "shapes", imports: imports([]) });
  expect(module.exports.api.area({ tag: "nothing" })).toBe(0);
  await module.reload();
  expect(module.exports.api.area({ tag: "nothing" })).toBe(0);
  expect((await module.unload()).memoryBytes).toBeGreaterThan(5_000_000);
});

test("inspecting it names its makers", () => {
  const inspection = inspectBytes(bytes, "0");
  expect(inspection.unsupported).toBeUndefined();
  expect(inspection.wit).toContain("resource counter");
  expect(inspection.modules.length).toBeGreaterThan(1);
  expect(JSON.stringify(inspection.producers)).toContain("ComponentizeJS");
});
