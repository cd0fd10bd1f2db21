/** What meets an import, and who may: own properties, providers that may provide, and names that are there already. */
import { describe, expect, test } from "vitest";
import { compile, LinkError, UsageError } from "../../../host/node/index.ts";
import { component, counter, math, things, twice } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

/** A component that imports one function, of the world or of an interface, and calls it. */
const asking = (name: string, id?: string): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    ${
      id === undefined
        ? `(import "${name}" (func $f (result u32)))`
        : `(import "${id}" (instance $i (export "${name}" (func (result u32))))) (alias export $i "${name}" (func $f))`
    }
    (core func $f' (canon lower (func $f)))
    (core module $m (import "h" "f" (func $f (result i32))) (func (export "run") (result i32) (call $f)))
    (core instance $c (instantiate $m (with "h" (instance (export "f" (func $f'))))))
    (func (export "run") (result u32) (canon lift (core func $c "run"))))`);

const INHERITED = ["to-string", "value-of", "has-own-property", "constructor", "to-locale-string", "is-prototype-of"];

describe("an import that nobody gives", () => {
  test.each(INHERITED)(
    "and that every object inherits (%s) is missing: to load, missing, instantiate alike",
    async (name) => {
      const bytes = await asking(name);
      const here = host({ imports: {} });
      for (const imports of [undefined, {}, () => ({})]) {
        const error = await caught(here.load(bytes, { name: "m", ...(imports && { imports }) }));
        expect(error).toBeInstanceOf(LinkError);
        expect(error.issues).toMatchObject([{ import: name, problem: "missing" }]);
        expect(await here.missing(bytes, imports && { imports })).toMatchObject(error.issues);
      }
      const compiled = await compile(bytes);
      expect(compiled.missing({})).toHaveLength(1);
      expect(() => compiled.instantiateSync({})).toThrow(LinkError);
      const given = { [name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]: () => 7 };
      const module: Any = await here.load(bytes, { name: "m", imports: given });
      expect(module.exports.run()).toBe(7);
    },
  );

  test.each(INHERITED)(
    "and that an interface's object inherits (%s) is missing, unless a class of the user's has it",
    async (name) => {
      const bytes = await asking(name, "demo:ask/api@1.0.0");
      const here = host();
      const js = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      class Plain {}
      for (const api of [{}, new Plain(), () => 1, Plain]) {
        const error = await caught(here.load(bytes, { name: "m", imports: { "demo:ask/api": api } }));
        expect(error).toBeInstanceOf(LinkError);
        expect(error.issues).toMatchObject([{ import: `demo:ask/api@1.0.0#${name}`, problem: "missing" }]);
      }
      if (name === "constructor") return;
      class Base {
        value = 9;
      }
      Object.defineProperty(Base.prototype, js, {
        value(this: Base) {
          return this.value;
        },
      });
      class Derived extends Base {}
      const module: Any = await here.load(bytes, { name: "m", imports: { "demo:ask/api": new Derived() } });
      expect(module.exports.run()).toBe(9);
    },
  );

  test("at the level of the import object is not met by a prototype of the user's either", async () => {
    class Imports {
      ask(): number {
        return 1;
      }
    }
    const bytes = await asking("ask");
    const error = await caught(host().load(bytes, { imports: new Imports() }));
    expect(error).toBeInstanceOf(LinkError);
    const parent = { "demo:ask/api": { ask: () => 1 } };
    const inherits = Object.create(parent) as object;
    expect(await host().missing(await asking("ask", "demo:ask/api@1.0.0"), { imports: inherits })).toHaveLength(1);
  });

  test("is told with the nearest of the names that met nothing, whoever gave them", async () => {
    const bytes = await component(`(component
      (import "now" (func $now (result u32)))
      (import "demo:kv/store@0.1.0" (instance (export "get" (func)) (export "set" (func))))
      (import "demo:log/out@0.1.0" (instance (export "line" (func)))))`);
    const line = { line: () => undefined };
    const issuesWith = async (imports: object): Promise<object> =>
      Object.fromEntries(
        (await host().missing(bytes, { imports })).map((issue) => [issue.import, [issue.nearest, issue.reason]]),
      );
    expect(await issuesWith({ nwo: () => 1, "demo:kv/stores": {}, "demo:log/out": line })).toMatchObject({
      now: ["nwo", expect.any(String)],
      "demo:kv/store@0.1.0": ["demo:kv/stores", expect.any(String)],
    });
    expect(await issuesWith({ now: () => 1, "demo:kv/store@0.2.0": {}, "demo:log/out": line })).toMatchObject({
      "demo:kv/store@0.1.0": ["demo:kv/store@0.2.0", expect.stringMatching(/0\.2\.0 is not compatible with 0\.1\.0/)],
    });
    const kv = { get: () => undefined, sett: () => undefined };
    expect(await issuesWith({ now: () => 1, "demo:kv/store": kv, "demo:log/out": line })).toMatchObject({
      "demo:kv/store@0.1.0#set": ["sett", expect.any(String)],
    });
    // What meets another import was not meant.
    const { [`demo:kv/store@0.1.0`]: alone } = (await issuesWith({ now: () => 1, "demo:log/out": line })) as any;
    expect(alone[0]).toBeUndefined();
  });
});

test("a resource that the world itself imports is met by its class, in load as in instantiate", async () => {
  const bytes = await component(`(component
    (import "r" (type $r (sub resource)))
    (import "[constructor]r" (func $new (param "n" u32) (result (own $r))))
    (import "[method]r.get" (func $get (param "self" (borrow $r)) (result u32)))
    (import "[static]r.make" (func $make (result (own $r))))
    (core func $new' (canon lower (func $new)))
    (core func $get' (canon lower (func $get)))
    (core func $make' (canon lower (func $make)))
    (core func $drop (canon resource.drop $r))
    (core module $m
      (import "h" "new" (func $new (param i32) (result i32))) (import "h" "get" (func $get (param i32) (result i32)))
      (import "h" "make" (func $make (result i32))) (import "h" "drop" (func $drop (param i32)))
      (func $value (param i32) (result i32) (call $get (local.get 0)) (call $drop (local.get 0)))
      (func (export "run") (result i32) (i32.add (call $value (call $new (i32.const 40))) (call $value (call $make)))))
    (core instance $i (instantiate $m (with "h" (instance (export "new" (func $new')) (export "get" (func $get'))
      (export "make" (func $make')) (export "drop" (func $drop))))))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))`);
  class R {
    readonly n: number;
    constructor(n: number) {
      this.n = n;
    }
    get(): number {
      return this.n;
    }
    static make(): R {
      return new R(2);
    }
  }
  expect(((await compile(bytes)).instantiateSync({ R }).exports as any).run()).toBe(42);
  const own: Any = await host().load(bytes, { imports: { R } });
  expect(own.exports.run()).toBe(42);
  const shared: Any = await host({ imports: () => ({ R }) }).load(bytes);
  expect(shared.exports.run()).toBe(42);
  expect(await host().missing(bytes, { imports: { R } })).toEqual([]);
  expect(await host().missing(bytes)).not.toEqual([]);
});

describe("provides", () => {
  test("says what a module lends to others; the rest is the program's alone", async () => {
    const here = host();
    const real: Any = await here.load(await math({ version: "1.0.1" }), { name: "real", provides: ["demo:math/api"] });
    await here.load(await math({ version: "1.99.0", bias: 1000 }), { name: "theme", provides: false });
    await here.load(await math({ version: "1.50.0", bias: 500 }), { name: "other", provides: ["demo:other/api"] });
    await here.load(await math({ version: "1.60.0", bias: 600 }), {
      name: "exact",
      provides: ["demo:math/api@1.59.0"],
    });
    const user: Any = await here.load(await twice(), { name: "user" });
    expect(user.exports.api.twice(1)).toBe(2);
    expect(user.info().uses).toEqual(["real"]);
    expect(here.providers("demo:math/api").map(({ name }) => name)).toEqual(["real"]);
    expect(here.provides().map(({ name }) => name)).toEqual(["demo:math/api@1.0.1", "demo:twice/api@1.0.0"]);
    // The program itself calls what it likes.
    expect((here.require("theme") as unknown as Any).exports.api.add(0, 0)).toBe(1000);
    await user.unload();
    await real.unload();
    const error = await caught(here.load(await twice(), { name: "user" }));
    expect(error.message).toMatch(/theme comes nearest, but the option provides of theme does not lend it/);
    const named = caught(here.load(await twice(), { name: "user", link: { "demo:math/api": "theme" } }));
    expect(await named).toBeInstanceOf(LinkError);
  });

  test("counts in the order of loadAll and after a restart", async () => {
    const here = host({ onTrap: "restart" });
    await here.loadAll([
      { source: await twice(), name: "user" },
      { source: await math({ version: "1.9.0", bias: 900 }), name: "theme", provides: false },
      { source: await math(), name: "real" },
    ]);
    const user = here.require("user") as unknown as Any;
    expect(user.exports.api.twice(2)).toBe(4);
  });

  test("is a list of ids or false", async () => {
    await expect(host().load(await math(), { provides: "all" as never })).rejects.toThrow(
      "Expected provides to be false or a list of interface ids, got all",
    );
  });
});

test("link by name holds against every other offer, also for another compatible version and only by own properties", async () => {
  const here = host();
  await here.load(await math({ version: "1.0.5", bias: 1 }), { name: "real" });
  await here.load(await math({ version: "1.2.0", bias: 2 }), { name: "exact" });
  const answers: number[] = [];
  for (const [name, key] of [
    ["a", "demo:math/api"],
    ["b", "demo:math/api@1.0.0"],
    ["c", "demo:math/api@1.0.5"],
  ] as const) {
    const user: Any = await here.load(await twice({ version: "1.0.0" }), { name, link: { [key]: "real" } });
    answers.push(user.exports.api.twice(0));
  }
  expect(answers).toEqual([1, 1, 1]);
  const inherited = Object.create({ "demo:math/api": "real" }) as Record<string, string>;
  const user: Any = await here.load(await twice({ version: "1.2.0" }), { name: "d", link: inherited });
  expect(user.exports.api.twice(0)).toBe(2);
});

describe("a load of a name that is there", () => {
  test("gives the module only with the imports and options it has", async () => {
    const here = host();
    const bytes = await twice();
    const add = (a: number, b: number): number => a + b;
    const imports = { "demo:math/api": { add } };
    const first = await here.load(bytes, { name: "t", imports, link: false, onTrap: { delayMs: 5 } });
    // Not given, or given the same.
    expect(await here.load(bytes, { name: "t" })).toBe(first);
    expect(await here.load(bytes, { name: "t", imports: { "demo:math/api": { add } }, link: false })).toBe(first);
    expect(await here.load(bytes, { name: "t", onTrap: { delayMs: 5 } })).toBe(first);
    for (const [key, value] of Object.entries({
      imports: { "demo:math/api": { add: () => 0 } },
      link: { "demo:math/api": "t" },
      provides: false,
      onTrap: "restart",
    })) {
      const error = await caught(here.load(bytes, { name: "t", [key]: value }));
      expect(error).toBeInstanceOf(UsageError);
      expect(error).toMatchObject({ code: "options-differ" });
      expect(error.message).toContain(`Module t is already loaded, with another value of ${key}; `);
    }
    const factory = (): object => imports;
    expect((await caught(here.load(bytes, { name: "t", imports: factory }))).code).toBe("options-differ");
  });

  test("checks the world demanded, also while the first load is under way", async () => {
    const here = host();
    const bytes = await math();
    const world = await compile(await counter());
    const [first, second] = await Promise.allSettled([
      here.load(bytes, { name: "m" }),
      here.load(bytes, { name: "m", world }),
    ]);
    expect([first.status, second.status]).toEqual(["fulfilled", "rejected"]);
    expect((second as PromiseRejectedResult).reason).toBeInstanceOf(LinkError);
    const again = await caught(here.load(bytes, { name: "m", world }));
    expect(again.message).toMatch(/Module m does not fit the world demanded:\n {2}export demo:counter\/api/);
    expect(await here.load(bytes, { name: "m", world: await compile(await math({ less: true })) })).toBe(
      here.require("m"),
    );
  });
});

test("loadDirectory, loadAll, load and compile check their options by one table", async () => {
  const here = host();
  // What chose between the bindings of tenon and those of jco.
  for (const engine of ["tenon", "jco"]) {
    await expect(here.loadDirectory("/", { engine } as never)).rejects.toThrow(
      "Unknown option engine of loadDirectory: it is gone, and jco with it",
    );
  }
  await expect(here.loadDirectory("/", { name: "x" } as never)).rejects.toThrow(/Unknown option name of loadDirectory/);
  await expect(here.loadAll([{ source: await things(), nam: "x" } as never])).rejects.toThrow(
    "Unknown option nam of loadAll; did you mean name?",
  );
  for (const options of [{ integrity: {} }, { maxSourceBytes: -1 }, { name: 5 }, { signal: 1 }]) {
    await expect(here.load(await things(), options as never)).rejects.toBeInstanceOf(UsageError);
    await expect(compile(await things(), options as never)).rejects.toBeInstanceOf(UsageError);
  }
});
