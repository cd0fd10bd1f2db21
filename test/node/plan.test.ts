/** What a plan takes from the types that validation resolved. */
import { expect, test } from "vitest";
import { UnsupportedError } from "../../host/errors.ts";
import { formatDecls } from "../../host/model/text.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { isAsynchronous } from "../../host/plan/asynchronous.ts";
import { inspectBytes } from "../../host/runtime/inspect.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

const bytesOf = async (fields: string): Promise<Uint8Array> => new Uint8Array(await parseWat(`(component ${fields})`));

const core = `(core module $m (func (export "f")) (func (export "g") (param i32)))
  (core instance $m (instantiate $m))`;

test("an instance that is exported with a narrower type has no more than the type says", async () => {
  const { plan } = analyze(
    await bytesOf(`${core}
      (func $f (canon lift (core func $m "f")))
      (instance $both (export "f" (func $f)) (export "h" (func $f)))
      (export "api" (instance $both) (instance (export "f" (func))))`),
  );
  expect(formatDecls(plan.exportDecls)).toEqual(["api: interface { f: func() }"]);
  expect(plan.exports).toMatchObject([{ name: "api", item: { kind: "instance", exports: [{ name: "f" }] } }]);
});

test("types of an instance that was put together keep the names that its functions use", async () => {
  const { wit } = inspectBytes(
    await bytesOf(`${core}
      (type $level' (enum "low" "high"))
      (export $level "level" (type $level'))
      (func $g (param "at" $level) (canon lift (core func $m "g")))
      (instance $api (export "level" (type $level)) (export "g" (func $g)))
      (export "a:b/api" (instance $api))`),
    "",
  );
  expect(wit).toContain("g: func(at: level);");
});

test("each instance of a component makes resource types of its own, and handles of one are no handles of the other", async () => {
  const { plan } = analyze(
    await bytesOf(`
      (component $inner
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core module $m (import "" "new" (func $new (param i32) (result i32)))
          (func (export "make") (result i32) (call $new (i32.const 1))))
        (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
        (export $s "r" (type $r))
        (func (export "make") (result (own $s)) (canon lift (core func $m "make"))))
      (instance $a (instantiate $inner)) (instance $b (instantiate $inner))
      (export "a" (instance $a)) (export "b" (instance $b))`),
  );
  expect(plan.resources.map(({ name, origin }) => [name, origin.kind])).toEqual([
    ["r", "guest"],
    ["r", "guest"],
  ]);
  const made = plan.lifts.map(({ type }) => (type.result?.kind === "own" ? type.result.resource : undefined));
  expect(made).toEqual(plan.resources.map(({ type }) => type));
  expect(made[0]).not.toBe(made[1]);
});

test("analyze refuses what this host lacks", async () => {
  const bytes = await bytesOf(`(import "f" (component))`);
  expect(() => analyze(bytes)).toThrow(UnsupportedError);
});

test("analyze plans asynchronous functions, and tells plans that have none", async () => {
  const { plan } = analyze(await bytesOf(`(import "f" (func async))`));
  expect(formatDecls(plan.imports)).toEqual(["f: async func()"]);
  expect(isAsynchronous(plan)).toBe(true);
  expect(isAsynchronous(analyze(await bytesOf(`(import "f" (func))`)).plan)).toBe(false);
  // Without other tasks there is nothing that these could do.
  const idle = `(core func (canon backpressure.inc)) (core func (canon thread.yield))`;
  expect(isAsynchronous(analyze(await bytesOf(idle)).plan)).toBe(false);
});
