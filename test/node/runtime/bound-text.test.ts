/** The text that `tenon bind` writes is read by people: it has a key to its names, and says what each function is. */
import { expect, test } from "vitest";
import { comment } from "../../../host/abi/emit/code.ts";
import { emitBindings } from "../../../host/bindings/emit.ts";
import { emitBoundModule } from "../../../host/bindings/emit-bound.ts";
import { analyze } from "../../../host/plan/analyze.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

const wat = `(component
  (import "demo:log/log@0.1.0" (instance $log (export "write" (func))))
  (type $t (resource (rep i32)))
  (core func $write (canon lower (func $log "write")))
  (core func $new (canon resource.new $t))
  (core module $M (import "" "write" (func $write)) (import "" "new" (func $new (param i32) (result i32)))
    (func (export "go") (call $write)))
  (core instance $m (instantiate $M (with "" (instance (export "write" (func $write)) (export "new" (func $new))))))
  (export "t" (type $t))
  (func $go (canon lift (core func $m "go")))
  (instance $api (export "go" (func $go)))
  (export "demo:calc/api@1.0.0" (instance $api)))`;

const planned = async () => analyze(new Uint8Array(await parseWat(wat))).plan;

test("emitBoundModule says above each function which canonical definition it is, below a key to the names", async () => {
  const text = emitBoundModule("bound", "0".repeat(64), await planned(), []);
  const lines = text.split("\n");
  const after = (comment: string): string => lines[lines.indexOf(`  // ${comment}`) + 1]!;
  expect(after("canon lift demo:calc/api@1.0.0#go")).toMatch(/^ {2}function f0\(/);
  expect(after("canon lower demo:log/log@0.1.0#write")).toMatch(/^ {2}function g\d\(/);
  expect(after("canon resource.new t")).toMatch(/^ {2}function g\d\(rep/);
  expect(after("the destructor of t, for the host")).toMatch(/^ {2}rt\.resource\(0, "t"/);
  const legend = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith("//")),
  );
  for (const name of ["i", "m", "r", "x", "c", "f", "g", "h", "w", "o", "s"])
    expect(legend.join("\n")).toMatch(new RegExp(`  ${name}  `));
});

test("emitBindings writes no comments: what is evaluated is read by nobody", async () => {
  expect(emitBindings(await planned())).not.toContain("//");
});

test("emitBindings makes a state for the component instances that run something, and for those around them", async () => {
  const passing = `(component $Passing
    (import "go" (func $go)) (instance $api (export "go" (func $go))) (export "api" (instance $api)))`;
  const running = `(component $Running
    (component $Inner (core module $M (func (export "go"))) (core instance $m (instantiate $M))
      (func (export "go") (canon lift (core func $m "go"))))
    (instance $i (instantiate $Inner)) (alias export $i "go" (func $go)) (export "go" (func $go)))`;
  const bytes = await parseWat(`(component ${passing} ${running}
    (instance $r (instantiate $Running)) (alias export $r "go" (func $go))
    (instance $p (instantiate $Passing (with "go" (func $go)))) (alias export $p "api" (instance $api))
    (export "api" (instance $api)))`);
  const { plan } = analyze(new Uint8Array(bytes));
  expect(plan.components).toHaveLength(4);
  // The root, $Running and $Inner: $Passing, the last, names a function of theirs again.
  expect(emitBindings(plan)).toContain("const i0 = rt.root, i1 = rt.component(), i2 = rt.component();");
});

test("comment is one line whatever it says", () => {
  expect(comment("canon lift a\nb\r\u2028c\u2029*/").split(/[\n\r\u2028\u2029]/)).toHaveLength(1);
});
