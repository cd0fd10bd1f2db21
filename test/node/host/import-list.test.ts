/** Imports given as a list: the first entry that offers an import meets it. */
import { expect, expectTypeOf, test, vi } from "vitest";
import { type ImportOrigin, type Imports, LinkError, type World } from "../../../host/node/index.ts";
import { component, math, twice } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

const gives = (value: number, log?: string[], name = ""): object => ({
  "demo:math/api": {
    add: () => {
      log?.push(name);
      return value;
    },
  },
});

test("the first entry that offers an import meets it: the module's own in order, the host's in order, then modules", async () => {
  const here = host({ imports: [{}, gives(30), gives(31)] });
  await here.load(await math(), { name: "math" });
  const load = async (name: string, imports?: Imports): Promise<unknown[]> => {
    const module: Any = await here.load(await twice(), { name, ...(imports && { imports }) });
    return [module.exports.api.twice(1), module.info().imports];
  };
  const id = "demo:math/api@1.0.0";
  expect(await load("own", [{}, gives(10), gives(11)])).toEqual([10, [{ name: id, from: "imports", entry: 1 }]]);
  expect(await load("alone", gives(12))).toEqual([12, [{ name: id, from: "imports" }]]);
  expect(await load("shared", [])).toEqual([30, [{ name: id, from: "host", entry: 1 }]]);
  const other = host({ imports: [{}] });
  await other.load(await math(), { name: "math" });
  const linked: Any = await other.load(await twice(), { name: "linked", imports: [{}, () => ({})] });
  expect([linked.exports.api.twice(1), linked.info().imports]).toEqual([
    2,
    [{ name: id, from: "module", module: "math" }],
  ]);
});

test("factories among the entries are called in order for each instance, and each has its deadline", async () => {
  const calls: string[] = [];
  const factory = (name: string) => async (): Promise<object> => {
    calls.push(name);
    return name === "b" ? gives(5) : {};
  };
  const here = host({ imports: [factory("c")] });
  const module: Any = await here.load(await twice(), { name: "m", imports: [factory("a"), factory("b")] });
  expect([module.exports.api.twice(1), calls.splice(0)]).toEqual([5, ["a", "b", "c"]]);
  await module.reload();
  expect(calls).toEqual(["a", "b", "c"]);
  expect((await caught(here.load(await twice(), { name: "n", imports: [{}, (() => 5) as never] }))).message).toBe(
    "Expected imports[1] of module n to be an object, got 5",
  );
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const bytes = await twice();
    const refused = expect(
      module.reload(bytes, { imports: [gives(1), () => new Promise<object>(() => undefined)] }),
    ).rejects.toThrow(/The factory of imports\[1\] of module m did not end within 30000 ms/);
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
  } finally {
    vi.useRealTimers();
  }
});

test("the first entry that offers an import decides, also when it does not fit; the issue names the entry", async () => {
  const here = host({ imports: [{ "demo:math/api": { add: 5 } }] });
  const bytes = await twice();
  const wrong = { "demo:math/api": { ad: () => 1 } };
  const error = await caught(here.load(bytes, { name: "m", imports: [{}, wrong, gives(1)] }));
  expect(error).toBeInstanceOf(LinkError);
  expect(error.issues).toMatchObject([{ import: "demo:math/api@1.0.0#add", problem: "missing", nearest: "ad" }]);
  expect(error.issues[0].reason).toMatch(/got nothing; the nearest is ad, given by imports\[1\]$/);
  expect(await here.missing(bytes, { imports: [{}, wrong, gives(1)] })).toEqual(error.issues);
  expect((await here.missing(bytes))[0]!.reason).toMatch(/got 5, given by the host's imports\[0\]$/);
});

test("a class of the world, and functions beside it, may come from different entries", async () => {
  const bytes = await component(`(component
    (import "r" (type $r (sub resource)))
    (import "[constructor]r" (func $new (result (own $r))))
    (import "now" (func $now (result u32)))
    (core func (canon lower (func $new)))
    (core func $now' (canon lower (func $now)))
    (core module $m (import "i" "now" (func $now (result i32))) (func (export "run") (result i32) (call $now)))
    (core instance $i (instantiate $m (with "i" (instance (export "now" (func $now'))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
  const module: Any = await host().load(bytes, {
    name: "m",
    imports: [{ now: () => 3 }, { R: class {}, now: () => 4 }],
  });
  expect(module.exports.run()).toBe(3);
  expect(module.info().imports.map((origin: ImportOrigin) => origin.entry)).toEqual([1, 1, 0]);
});

test("entries of a list are typed by the world", async () => {
  interface Sum extends World {
    imports: { "demo:math/api@1.0.0": { add(a: number, b: number): number }; now: () => number };
    exports: object;
  }
  const list: Imports<Sum> = [{ now: () => 1 }, () => ({ "demo:math/api": { add: (a, b) => a + b } })];
  expectTypeOf(list).toExtend<Imports<Sum>>();
  // @ts-expect-error an import of another type
  const wrong: Imports<Sum> = [{ now: () => "late" }];
  expect([list, wrong].map((each) => (each as unknown[]).length)).toEqual([2, 1]);
  const refused = host({ imports: [5] }).load(await math(), { name: "m" });
  await expect(refused).rejects.toThrow("Expected the host's imports[0] of module m to be an object, got 5");
});
