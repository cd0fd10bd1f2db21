/** Components that are exported: described with what they import and export, and named in JavaScript for what they are. */
import { expect, test } from "vitest";
import { inspectBytes } from "../../../host/runtime/inspect.ts";
import { formatDecls } from "../../../host/model/text.ts";
import { compileBytes } from "../../compile.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

const source = `(component
  (component $inner
    (import "log" (func (param "text" string)))
    (import "plug" (component $plug (import "x" (func)) (export "y" (func (result u8)))))
    (import "a:b/c" (instance $i (export "r" (type (sub resource))) (export "f" (func (result u32)))))
    (import "x" (func $x))
    (instance $plugged (instantiate $plug (with "x" (func $x))))
    (core module $m (func (export "f") (result i32) (i32.const 42)))
    (core instance $m (instantiate $m))
    (alias export $i "r" (type $r))
    (export "s" (type $r))
    (export "y" (func $plugged "y"))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (core module $m (func (export "f") (result i32) (i32.const 42)))
  (core instance $m (instantiate $m))
  (func (export "g") (result u32) (canon lift (core func $m "f")))
  (instance $both (export "c" (component $inner)))
  (export "inner-one" (component $inner))
  (export "both" (instance $both)))`;

const inner =
  "component { import log: func(text: string), import plug: component { import x: func(), export y: func() -> u8 }, " +
  "import a:b/c: interface { r: resource, f: func() -> u32 }, import x: func(), " +
  "export s: resource, export y: func() -> u8, export f: func() -> u32 }";

test("an exported component is described with its imports and exports, wherever it is exported", async () => {
  const bytes = new Uint8Array(await parseWat(source));
  const component = await compileBytes(bytes, "0".repeat(64), { name: "outer" });
  const expected = [`inner-one: ${inner}`, `both: interface { c: ${inner} }`, "g: func() -> u32"];
  expect(formatDecls(component.exports).sort()).toEqual(expected.sort());
  expect(component.missing({})).toEqual([]);
  const { exports } = inspectBytes(bytes, "");
  expect(exports.find(({ name }) => name === "inner-one")).toEqual({
    name: "inner-one",
    kind: "component",
    type: inner,
  });
});

test("an exported component is no function of an instance, and says that it is a component", async () => {
  const bytes = new Uint8Array(await parseWat(source));
  const component = await compileBytes(bytes, "0".repeat(64), { name: "outer" });
  const { exports } = component.instantiateSync();
  expect(exports).toMatchObject({ innerOne: { kind: "component" }, both: { c: { kind: "component" } } });
  expect((exports as { g(): number }).g()).toBe(42);
});
