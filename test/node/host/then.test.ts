/** An export called `then`: its object is what JavaScript takes for a promise, so the host itself must never await it. */
import { expect, test } from "vitest";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { host, type Any } from "./support.ts";

const wat = `(component
  (core module $M (global $calls (mut i32) (i32.const 0))
    (func (export "then") (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
    (func (export "calls") (result i32) (global.get $calls)))
  (core instance $m (instantiate $M))
  (func $then (canon lift (core func $m "then")))
  (func $calls (result u32) (canon lift (core func $m "calls")))
  (instance $api (export "then" (func $then)) (export "calls" (func $calls)))
  (export "then" (func $then)) (export "calls" (func $calls)) (export "demo:then/api" (instance $api)))`;

test("an export called then is a function as any other, and neither load, reload nor lookups call it", async () => {
  const bytes = new Uint8Array(await parseWat(wat));
  const module: Any = await host().load(bytes, { name: "then" });
  expect(module.exports.calls()).toBe(0);
  await module.reload(bytes);
  const { api } = module.exports;
  expect([module.exports.calls(), api.calls()]).toEqual([0, 0]);
  const { then } = module.exports;
  for (const call of [then, api.then]) call();
  expect(module.exports.calls()).toBe(2);
  await module.unload();
});

test("exports with a function called then are awaited as a promise is, and the module that has them is not", async () => {
  const module: Any = await host().load(new Uint8Array(await parseWat(wat)), { name: "then" });
  expect(await Promise.race([(async () => module)(), Promise.resolve("pending")])).toBe(module);
  // The language hands two functions to it, which the component ignores: a promise of the exports never settles.
  void (async () => module.exports)();
  await new Promise((resolve) => setTimeout(resolve));
  expect(module.exports.calls()).toBe(1);
});
