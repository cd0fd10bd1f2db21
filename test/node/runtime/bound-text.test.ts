/** The text that `tenon bind` writes is read by people: it has a key to its names, and says what each function is. */
import { expect, test } from "vitest";
import { comment } from "../../../host/abi/emit/code.ts";
import { emitBindings } from "../../../host/bindings/emit.ts";
import { emitBoundModule } from "../../../host/bindings/emit-bound.ts";
import { Budget } from "../../../host/budget.ts";
import { UnsupportedError } from "../../../host/errors.ts";
import { analyze } from "../../../host/plan/analyze.ts";
import { bind } from "../../../scripts/toolchain/bind.ts";
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

/** Imports functions of a type that unfolds to 2^14 parts and has no name: their declarations would write out each. */
async function unfolding(functions: number): Promise<Uint8Array> {
  const types = Array.from({ length: 14 }, (_, i) => `(type $t${i + 1} (tuple $t${i} $t${i}))`);
  const imports = Array.from({ length: functions }, (_, i) => `(import "f${i}" (func (param "x" $t14)))`);
  return parseWat(`(component (type $t0 (tuple u8)) ${types.join(" ")} ${imports.join(" ")})`);
}

test("bind goes on with the budget that is left of the component's, to the last line of its declarations", async () => {
  const { files } = bind(await unfolding(1), { name: "one" });
  expect(files.get("one.d.ts")).toMatch(/^ {4}f0\(x: \[.{100000,}\]\): void;$/m);
  const bytes = await unfolding(20);
  let error: unknown;
  try {
    bind(bytes);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error).toMatchObject({ feature: "complexity" });
  expect((error as Error).message).toBe(`This component of ${bytes.length} bytes is too complex to declare`);
});

test("emitBoundModule asks for no more than the budget it is given", async () => {
  const plan = await planned();
  const enough = new Budget(plan.byteLength);
  emitBoundModule("bound", "0".repeat(64), plan, [], { budget: enough });
  expect(enough.spent).toBeGreaterThan(100);
  const budget = new Budget(plan.byteLength);
  budget.spend(1_000_000 + 2 * plan.byteLength - enough.spent + 1, "test");
  expect(() => emitBoundModule("bound", "0".repeat(64), plan, [], { budget })).toThrow(UnsupportedError);
});

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
