/** Whole components under tenon and under jco's glue, which nobody here wrote: both must answer alike. */
import { describe, expect, test } from "vitest";
import { ComponentError } from "../../../host/errors.ts";
import { componentEmbed, componentNew, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { filesGuest, guestBytes, thingsGuest, type Guest } from "../runtime/guests.ts";
import { allocator, thrown } from "../runtime/support.ts";
import { exportsOf, runners } from "./runners.ts";

const valuesGuest: Guest = {
  wit: `package demo:values;
    interface api {
      variant shape { circle(f64), square(f64), point }
      flags marks { read, to-string, third }
      record person { first-name: string, age: option<u8>, tags: list<string> }
      echo-u32: func(n: u32) -> u32;
      echo-char: func(n: char) -> char;
      echo-bool: func(n: bool) -> bool;
      echo-s64: func(n: s64) -> s64;
      echo-string: func(s: string) -> string;
      echo-bytes: func(s: list<u8>) -> list<u8>;
      echo-words: func(s: list<u32>) -> list<u32>;
      echo-shape: func(s: shape) -> shape;
      echo-marks: func(s: marks) -> marks;
      echo-person: func(p: person) -> person;
      check: func(n: u32) -> result<u32, u32>;
      trap: func();
      deep: func();
    }
    world values { export api; }`,
  core: `(module ${allocator.replace('"realloc"', '"cabi_realloc"')}
    (func (export "demo:values/api#echo-u32") (export "demo:values/api#echo-char") (export "demo:values/api#echo-bool")
      (export "demo:values/api#echo-marks") (param i32) (result i32) (local.get 0))
    (func (export "demo:values/api#echo-s64") (param i64) (result i64) (local.get 0))
    (func (export "demo:values/api#echo-string") (export "demo:values/api#echo-bytes") (export "demo:values/api#echo-words")
      (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
    (func (export "demo:values/api#echo-shape") (param i32 f64) (result i32)
      (i32.store8 (i32.const 16) (local.get 0)) (f64.store (i32.const 24) (local.get 1)) (i32.const 16))
    (func (export "demo:values/api#echo-person") (param i32 i32 i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
      (i32.store8 (i32.const 24) (local.get 2)) (i32.store8 (i32.const 25) (local.get 3))
      (i32.store (i32.const 28) (local.get 4)) (i32.store (i32.const 32) (local.get 5)) (i32.const 16))
    (func (export "demo:values/api#check") (param i32) (result i32)
      (i32.store8 (i32.const 16) (i32.gt_u (local.get 0) (i32.const 9))) (i32.store (i32.const 20) (local.get 0)) (i32.const 16))
    (func (export "demo:values/api#trap") unreachable)
    (func $deep (export "demo:values/api#deep") (call $deep)))`,
};

describe.each(runners)("a synchronous component under %s", (by) => {
  test("has these values", async () => {
    const { api: exports } = await exportsOf(by, await guestBytes(valuesGuest));
    expect(exports.echoU32(4_000_000_000)).toBe(4_000_000_000);
    expect(exports.echoChar("\u{1f600}")).toBe("\u{1f600}");
    expect(exports.echoBool(true)).toBe(true);
    expect(exports.echoS64(-5n)).toBe(-5n);
    expect(exports.echoString("h\u00e9llo \u65e5")).toBe("h\u00e9llo \u65e5");
    expect(exports.echoBytes(new Uint8Array([1, 2, 255]))).toEqual(new Uint8Array([1, 2, 255]));
    expect(exports.echoWords(new Uint32Array([1, 70_000]))).toEqual(new Uint32Array([1, 70_000]));
    expect(exports.echoShape({ tag: "circle", val: 1.5 })).toEqual({ tag: "circle", val: 1.5 });
    expect(exports.echoShape({ tag: "point" }).tag).toBe("point");
    expect(exports.echoMarks({ read: true, toString: false, third: true })).toEqual({
      read: true,
      toString: false,
      third: true,
    });
    const person = { firstName: "Ada", age: 36, tags: ["a", "b"] };
    expect(exports.echoPerson(person)).toEqual(person);
    expect(exports.echoPerson({ ...person, age: undefined }).age).toBeUndefined();
  });

  test("returns or throws a result", async () => {
    const { api } = await exportsOf(by, await guestBytes(valuesGuest));
    expect(api.check(5)).toBe(5);
    expect(thrown(() => api.check(10))).toMatchObject({ payload: 10 });
    expect(api.check(9)).toBe(9);
  });

  test.each(["trap", "deep"])("throws the fault %s", async (name) => {
    const { api } = await exportsOf(by, await guestBytes(valuesGuest));
    expect(api[name]).toThrow();
  });

  test("has a guest's resources as classes", async () => {
    const exports = await exportsOf(by, await guestBytes(thingsGuest));
    const api = exports["demo:res/things@1.0.0"];
    expect(exports.things).toBe(api);
    const thing = new api.Thing(5);
    expect(thing).toBeInstanceOf(api.Thing);
    expect(thing.value()).toBe(5);
    expect(thing.add(api.Thing.make(6))).toBe(11);
    expect(api.Thing.parse(7).value()).toBe(7);
    expect(thrown(() => api.Thing.parse(101))).toMatchObject({ payload: "too large" });
    expect(api.sum([thing, thing])).toBe(10);
    expect(api.takeAll([thing])).toBe(5);
    expect(() => thing.value()).toThrow();
    expect(() => api.keep({})).toThrow();
    const before = api.alive();
    const last = new api.Thing(1);
    last[Symbol.dispose]();
    expect(api.alive()).toBe(before);
  });

  test("has one class, with all its members, for a resource that it exports from several interfaces", async () => {
    const witSource = `package a:b;
      interface types { resource thing { constructor(n: u32); get: func() -> u32; } }
      interface user { use types.{thing}; make: func() -> thing; }
      world w { export user; export types; }`;
    const core = await parseWat(`(module
      (import "[export]a:b/types" "[resource-new]thing" (func $new (param i32) (result i32)))
      (func (export "a:b/types#[constructor]thing") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "a:b/types#[method]thing.get") (param i32) (result i32) (local.get 0))
      (func (export "a:b/user#make") (result i32) (call $new (i32.const 7))))`);
    const bytes = await componentNew(await componentEmbed(core, { witSource }));
    const { types, user } = await exportsOf(by, bytes);
    expect(new types.Thing(5).get()).toBe(5);
    const made = user.make();
    expect(made).toBeInstanceOf(types.Thing);
    expect(made.get()).toBe(7);
  });

  test("uses a host's resources", async () => {
    class File {
      disposed = 0;
      name: string;
      constructor(name: string) {
        if (name === "") throw new Error("no name");
        this.name = name;
      }
      size(): number {
        if (this.name === "broken") throw new ComponentError("cannot read");
        return this.name.length;
      }
      touch(): void {}
      static open(name: string): File {
        return new File(`opened ${name}`);
      }
      [Symbol.dispose](): void {
        this.disposed++;
      }
    }
    const seen: unknown[] = [];
    const files = {
      File,
      inspect: (it: File) => it.name.length,
      consume: (it: File) => void seen.push(it),
      both: () => undefined,
      latest: () => undefined,
      pair: () => [new File("left"), new File("right")],
    };
    const exports = await exportsOf(by, await guestBytes(filesGuest), { "demo:res/files@1.0.0": files });
    const file = new File("four");
    expect(exports.size(file)).toBe(4);
    expect(thrown(() => exports.size(new File("broken")))).toMatchObject({ payload: "cannot read" });
    expect(exports.inspectTwice(file)).toBe(8);
    exports.take(file);
    expect(exports.give()).toBe(file);
    exports.take(file);
    exports.dropKept();
    expect(file.disposed).toBe(1);
    exports.open();
    exports.consumeKept();
    expect(seen).toMatchObject([{ name: "opened made" }]);
    expect(() => exports.take({})).toThrow();
  });
});

describe.each(runners)("an import that throws, under %s", (by) => {
  const text = `(component
    (import "demo:h/h" (instance $h (export "plain" (func)) (export "may-fail" (func (result (result (error u32)))))))
    (core func $plain (canon lower (func $h "plain")))
    (core module $L (memory (export "memory") 1)) (core instance $l (instantiate $L))
    (core func $may (canon lower (func $h "may-fail") (memory (core memory $l "memory"))))
    (core module $M (import "" "plain" (func $plain)) (import "" "may" (func $may (param i32))) (import "" "memory" (memory 1))
      (func (export "plain") (call $plain))
      (func (export "may") (result i32) (call $may (i32.const 16)) (i32.load (i32.const 20))))
    (core instance $m (instantiate $M (with "" (instance
      (export "plain" (func $plain)) (export "may" (func $may)) (export "memory" (memory $l "memory"))))))
    (func (export "plain") (canon lift (core func $m "plain")))
    (func (export "may") (result u32) (canon lift (core func $m "may"))))`;

  test("ends the call where no error result is to be had", async () => {
    const broken = new Error("the host is broken");
    const fail = (): never => {
      throw broken;
    };
    const exports = await exportsOf(by, await parseWat(text), { "demo:h/h": { plain: fail, mayFail: fail } });
    const error = thrown(() => exports.plain());
    expect(by === "jco" ? error : error.cause).toBe(broken);
  });

  test("with a payload, or a payload alone, is an error result", async () => {
    for (const error of [new ComponentError(7), Object.assign(new Error("x"), { payload: 7 }), 7]) {
      const mayFail = (): never => {
        throw error;
      };
      const exports = await exportsOf(by, await parseWat(text), { "demo:h/h": { plain: () => undefined, mayFail } });
      expect(exports.may()).toBe(7);
    }
  });
});

/** Asynchronous exports lifted with a callback: one returns at once, one yields a number of times first, one traps. */
const later = `(component
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (memory (export "memory") 1)
    (global $left (mut i32) (i32.const 0))
    (func (export "now") (param i32) (result i32) (call $return (i32.add (local.get 0) (i32.const 1))) (i32.const 0))
    (func (export "later") (param i32) (result i32) (global.set $left (local.get 0)) (i32.const 1))
    (func (export "callback") (param i32 i32 i32) (result i32)
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (if (result i32) (i32.gt_s (global.get $left) (i32.const 0))
        (then (i32.const 1))
        (else (call $return (i32.const 99)) (i32.const 0))))
    (func (export "plain") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "fault") (result i32) unreachable)
    (func (export "later-fault") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func (export "now") async (param "n" u32) (result u32) (canon lift (core func $m "now") async (callback (core func $m "callback"))))
  (func (export "later") async (param "n" u32) (result u32) (canon lift (core func $m "later") async (callback (core func $m "callback"))))
  (func (export "fault") async (result u32) (canon lift (core func $m "fault") async (callback (core func $m "callback"))))
  (func (export "later-fault") async (param "n" u32) (result u32)
    (canon lift (core func $m "later") async (callback (core func $m "later-fault"))))
  (func (export "plain") (param "n" u32) (result u32) (canon lift (core func $m "plain"))))`;

describe.each(runners)("an asynchronous component under %s", (by) => {
  test("gives promises, and values at once for what is synchronous", async () => {
    const exports = await exportsOf(by, await parseWat(later));
    const promise = exports.now(4);
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toBe(5);
    expect(exports.plain(4)).toBe(8);
    expect(await exports.now(5)).toBe(6);
  });

  test("goes on by its callback until it returns", async () => {
    const exports = await exportsOf(by, await parseWat(later));
    expect(await exports.later(5)).toBe(99);
  });

  test("rejects with a trap, and with one of its callback", async () => {
    const bytes = await parseWat(later);
    await expect((await exportsOf(by, bytes)).fault()).rejects.toThrow("unreachable");
    const other = await exportsOf(by, bytes);
    await expect((await exportsOf(by, bytes)).laterFault(3)).rejects.toThrow("unreachable");
    expect(await other.later(2)).toBe(99);
  });
});
