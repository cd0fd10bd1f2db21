/** Stable handles: what a user holds of a module, across reloads, traps and unload. */
import { expect, test } from "vitest";
import { ComponentError, LowerError, TrapError, UnloadedError, UsageError } from "../../../host/node/index.ts";
import { component, math, poker, things } from "./fixtures.ts";
import { type Any, host } from "./support.ts";

/** Functions `f0` to `f12`, the n-th with n parameters, each the sum of them all plus a bias. */
function arities(bias: number): Promise<Uint8Array<ArrayBuffer>> {
  const counts = Array.from({ length: 13 }, (_, count) => count);
  const cores = counts.map(
    (count) => `(func (export "f${count}") ${count > 0 ? `(param ${"i32 ".repeat(count)})` : ""} (result i32)
      i32.const ${bias} ${counts
        .slice(0, count)
        .map((i) => `local.get ${i} i32.add`)
        .join(" ")})`,
  );
  const lifts = counts.map(
    (count) => `(func (export "f${count}") ${counts
      .slice(0, count)
      .map((i) => `(param "p${i}" s32)`)
      .join(" ")} (result s32)
      (canon lift (core func $i "f${count}")))`,
  );
  return component(`(component (core module $m (memory (export "memory") 1) ${cores.join("\n")})
    (core instance $i (instantiate $m)) ${lifts.join("\n")})`);
}

test("handles of every arity pass their arguments, keep name and length, and follow reloads", async () => {
  const module: Any = await host().load(await arities(0), { name: "arities" });
  const handles = Array.from(
    { length: 13 },
    (_, count) => module.exports[`f${count}`] as (...args: number[]) => number,
  );
  for (const bias of [0, 1000, 2000]) {
    if (bias > 0) await module.reload(await arities(bias));
    for (const [count, handle] of handles.entries()) {
      const args = Array.from({ length: count }, (_, i) => 10 ** (i % 5));
      const sum = args.reduce((total, value) => total + value, 0);
      expect(handle(...args)).toBe(bias + sum);
      expect([handle.name, handle.length]).toEqual([`f${count}`, count]);
    }
  }
  expect(() => handles[2]!(1)).toThrow(LowerError);
  expect(module.state).toBe("live");
  expect(() => new (handles[1] as unknown as new (value: number) => object)(1)).toThrow(TypeError);
});

test("exports cannot be written to by their users", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  const { api } = module.exports;
  expect(() => (api.add = () => 0)).toThrow(TypeError);
  expect(() => ((module as { exports: unknown }).exports = {})).toThrow(TypeError);
  expect(api.add(1, 2)).toBe(3);
});

test("get finds exports by path in every spelling; require names the nearest", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  const stuff: Any = await host().load(await things(), { name: "things" });
  const { add } = module.exports.api;
  for (const path of ["api.add", "api#add", "demo:math/api@1.0.0#add", "demo:math/api#add"]) {
    expect(module.get(path), path).toBe(add);
  }
  expect(stuff.get("demo:things/api#Thing")).toBe(stuff.exports.api.Thing);
  expect(stuff.get("api.thing")).toBe(stuff.exports.api.Thing);
  expect(stuff.get("demo:things/api@1.0.0#Thing.make")).toBe(stuff.exports.api.Thing.make);
  expect(stuff.get("api.Thing.make")).toBe(stuff.exports.api.Thing.make);
  for (const path of [
    "",
    "nope",
    "api",
    "api.nope",
    "api.toString",
    "constructor",
    "demo:math/api@9.0.0#add",
    "api.add.add",
    "#add",
    ".",
  ]) {
    expect(module.get(path), path).toBeUndefined();
  }
  expect(() => module.require("api.ad")).toThrow(/Module math exports no api\.ad/);
  expect(() => module.require("ad")).toThrow(new UsageError("Module math exports no ad; did you mean add?"));
  expect(module.require("api.add")).toBe(add);
});

test("paths in info are paths that get takes", async () => {
  const module: Any = await host().load(await things(), { name: "things" });
  const { exports } = module.info();
  expect(exports).toEqual([
    "demo:things/api@1.0.0#Thing.make",
    "demo:things/api@1.0.0#peek",
    "demo:things/api@1.0.0#live",
    "demo:things/api@1.0.0#Thing",
  ]);
  for (const path of exports) expect(module.get(path), path).toBeTypeOf("function");
});

test("a stable class constructs, has statics, recognises its objects, and forwards methods found on its prototype", async () => {
  const module: Any = await host().load(await things(), { name: "things" });
  const { Thing, peek } = module.exports.api;
  const thing = new Thing(5);
  expect(thing).toBeInstanceOf(Thing);
  expect({}).not.toBeInstanceOf(Thing);
  expect((null as unknown as object) instanceof Thing).toBe(false);
  expect([Thing.name, Thing.length]).toEqual(["Thing", 1]);
  expect([thing.value(), Thing.make(6).value(), peek(thing)]).toEqual([5, 6, 1005]);
  expect(Thing.prototype.value.call(thing)).toBe(5);
  expect(() => Thing.prototype.value.call({})).toThrow("Expected a Thing to call value on");
  expect(() => Thing.prototype.value()).toThrow(UsageError);
  expect(() => Thing(1)).toThrow(TypeError);
  await module.unload({ force: true });
  expect(() => new Thing(1)).toThrow(UnloadedError);
  expect(() => Thing.make(1)).toThrow(UnloadedError);
  expect(() => thing.value()).toThrow(UnloadedError);
});

test("a class that comes and goes with the world is new each time; the one held before is cut", async () => {
  const module: Any = await host().load(await things(), { name: "module" });
  const { Thing } = module.exports.api;
  const { removed } = (await module.reload(await math())).exports;
  expect(removed).toContain("demo:things/api@1.0.0#Thing");
  expect(() => new Thing(1)).toThrow(UnloadedError);
  expect(Object.keys(module.exports)).toEqual(["demo:math/api@1.0.0", "api"]);
  await module.reload(await things());
  expect(module.exports.api.Thing).not.toBe(Thing);
  expect(new module.exports.api.Thing(3).value()).toBe(3);
});

test("a short name is there only while it is unambiguous", async () => {
  const both = await component(`(component
    (core module $m (memory (export "memory") 1) (func (export "f") (result i32) i32.const 1))
    (core instance $i (instantiate $m))
    (func $f (result u32) (canon lift (core func $i "f")))
    (instance $x (export "f" (func $f)))
    (export "one:x/api@1.0.0" (instance $x)) (export "two:x/api@1.0.0" (instance $x)) (export "one:x/own@1.0.0" (instance $x))
    (export "own" (func $f)))`);
  const module: Any = await host().load(both, { name: "both" });
  expect(Object.keys(module.exports).sort()).toEqual(["one:x/api@1.0.0", "one:x/own@1.0.0", "own", "two:x/api@1.0.0"]);
  expect(module.exports.own()).toBe(1);
});

test("await using unloads a module at the end of its block", async () => {
  const here = host();
  let add: (a: number, b: number) => number;
  {
    await using module = (await here.load(await math(), { name: "math" })) as Any;
    add = module.exports.api.add;
    expect(add(1, 2)).toBe(3);
  }
  expect(() => add(1, 2)).toThrow(UnloadedError);
  expect(here.get("math")).toBeUndefined();
});

test("names that mean something to JavaScript, plain interfaces and two versions of one interface all have their place", async () => {
  const names = ["constructor", "to-string", "has-own-property", "then", "length", "class", "arguments"];
  const bytes = await component(`(component
    (core module $m (memory (export "memory") 1) (func (export "one") (result i32) i32.const 1) (func (export "two") (result i32) i32.const 2))
    (core instance $i (instantiate $m))
    (func $one (result u32) (canon lift (core func $i "one")))
    (func $two (result u32) (canon lift (core func $i "two")))
    (instance $odd ${names.map((name) => `(export "${name}" (func $one))`).join(" ")})
    (instance $first (export "f" (func $one))) (instance $second (export "f" (func $two)))
    (export "plain-name" (instance $odd))
    (export "x:y/z@1.0.0" (instance $first)) (export "x:y/z@1.2.0" (instance $second))
    ${names.map((name) => `(export "${name}" (func $two))`).join(" ")})`);
  const module: Any = await host().load(bytes, { name: "odd" });
  const camel = ["constructor", "toString", "hasOwnProperty", "then", "length", "class", "arguments"];
  for (const name of camel) {
    expect(module.exports[name](), name).toBe(2);
    expect(module.exports.plainName[name](), name).toBe(1);
    expect(module.get(`plain-name#${name}`), name).toBe(module.exports.plainName[name]);
  }
  expect(Object.keys(module.exports).sort()).toEqual([...camel, "plainName", "x:y/z@1.0.0", "x:y/z@1.2.0"].sort());
  expect(module.exports["x:y/z@1.0.0"].f()).toBe(1);
  expect(module.exports["x:y/z@1.2.0"].f()).toBe(2);
  await module.reload();
  expect(module.exports["x:y/z@1.0.0"].f()).toBe(1);
  expect(module.exports["x:y/z@1.2.0"].f()).toBe(2);
});

test("a stable class has the name of its resource, and no other in the engine's words", async () => {
  const module: Any = await host().load(await things(), { name: "things" });
  const { Thing } = module.exports.api;
  expect(Thing.name).toBe("Thing");
  expect(() => Thing(1)).toThrow(/^(?!.*face).*without 'new'/);
});

test("a handle that an import calls back while its module is under way is refused, and the whole call is one trap", async () => {
  const inner: unknown[] = [];
  const poke = (): void => {
    try {
      module.exports.run(1);
    } catch (error) {
      inner.push(error);
    }
  };
  const module: Any = await host().load(await poker(), { name: "poker", imports: { "demo:poke/host": { poke } } });
  const { run } = module.exports;
  expect(run(5)).toBe(5);
  expect(inner).toEqual([expect.objectContaining({ name: "TrapError", trap: "cannot-enter-component" })]);
  expect(inner[0]).toBeInstanceOf(TrapError);
  expect([module.state, run(6)]).toEqual(["live", 6]);
});

test("a program is run through its export wasi:cli/run, by the module that was loaded", async () => {
  const program = await component(`(component
    (core module $m (global $runs (mut i32) (i32.const 0))
      (func (export "run") (result i32)
        (global.set $runs (i32.add (global.get $runs) (i32.const 1))) (i32.gt_u (global.get $runs) (i32.const 1))))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $program (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $program)))`);
  const module: Any = await host().load(program, { name: "program" });
  expect(module.exports.run.run()).toBeUndefined();
  // The second time it says that it has failed, which is no fault.
  expect(() => module.require("wasi:cli/run#run")()).toThrow(ComponentError);
  expect(module.state).toBe("live");
});
