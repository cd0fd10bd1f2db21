/** Resources that a guest implements, as the host's user sees them. */
import { beforeAll, describe, expect, test } from "vitest";
import { ComponentError, LowerError, TrapError, UnloadedError, UsageError } from "../../../host/errors.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { compileGuest, thingsGuest } from "./guests.ts";
import { instantiateWat, thrown, type Dynamic } from "./support.ts";

let component: Component<Dynamic>;
beforeAll(async () => {
  component = await compileGuest(thingsGuest);
});

// oxlint-disable-next-line no-explicit-any
function start(): { instance: Instance<Dynamic>; api: any } {
  const instance = component.instantiateSync();
  return { instance, api: instance.exports.things };
}

describe("a guest's resource is a class", () => {
  test("with constructor, methods and statics", () => {
    const { api } = start();
    const thing = new api.Thing(3);
    expect(thing).toBeInstanceOf(api.Thing);
    expect(thing.value()).toBe(3);
    expect(api.Thing.make(4)).toBeInstanceOf(api.Thing);
    expect(api.Thing.name).toBe("Thing");
    expect(thing.constructor).toBe(api.Thing);
  });

  test("whose static may fail with a typed error and leave the instance live", () => {
    const { api, instance } = start();
    expect(api.Thing.parse(7).value()).toBe(7);
    const error = thrown(() => api.Thing.parse(101)) as ComponentError;
    expect(error).toBeInstanceOf(ComponentError);
    expect(error.payload).toBe("too large");
    expect(instance.state).toBe("live");
  });

  test("with all its members, also when an interface that only uses it is exported first", async () => {
    const { exports } = await instantiateWat(`(component
      (component $Maker
        (core module $M (func (export "value") (param i32) (result i32) (local.get 0)))
        (core instance $m (instantiate $M))
        (type $R' (resource (rep i32)))
        (export $R "r" (type $R'))
        (core func $new (canon resource.new $R'))
        (func (export "[constructor]r") (param "rep" u32) (result (own $R)) (canon lift (core func $new)))
        (func (export "[static]r.make") (param "rep" u32) (result (own $R)) (canon lift (core func $new)))
        (func (export "[method]r.value") (param "self" (borrow $R)) (result u32) (canon lift (core func $m "value"))))
      (instance $maker (instantiate $Maker))
      (instance $user (export "other-name" (type $maker "r")) (export "make" (func $maker "[static]r.make")))
      (export "user" (instance $user))
      (export "maker" (instance $maker)))`);
    expect(new exports.maker.R(5).value()).toBe(5);
    expect(exports.maker.R.make(6).value()).toBe(6);
    expect(exports.user.make(7).value()).toBe(7);
    expect(exports.user.OtherName).toBe(exports.maker.R);
    expect(exports.maker.R.name).toBe("R");
  });

  test("whose fallible constructor throws the payload", async () => {
    const fallible = await compileGuest({
      wit: `package demo:res; interface api { resource even { constructor(n: u32) -> result<even, u32>; half: func() -> u32; } } world w { export api; }`,
      core: `(module
        (import "[export]demo:res/api" "[resource-new]even" (func $new (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "demo:res/api#[constructor]even") (param i32) (result i32)
          (i32.store8 (i32.const 16) (i32.and (local.get 0) (i32.const 1)))
          (i32.store (i32.const 20) (local.get 0))
          (if (i32.eqz (i32.and (local.get 0) (i32.const 1))) (then (i32.store (i32.const 20) (call $new (local.get 0)))))
          (i32.const 16))
        (func (export "demo:res/api#[method]even.half") (param i32) (result i32) (i32.shr_u (local.get 0) (i32.const 1))))`,
    });
    const { api } = fallible.instantiateSync().exports;
    expect(new api.Even(8).half()).toBe(4);
    expect((thrown(() => new api.Even(7)) as ComponentError).payload).toBe(7);
  });

  test("without a constructor cannot be made by hand", async () => {
    const sealed = await compileGuest({
      wit: `package demo:res; interface api { resource sealed { make: static func() -> sealed; } } world w { export api; }`,
      core: `(module
        (import "[export]demo:res/api" "[resource-new]sealed" (func $new (param i32) (result i32)))
        (func (export "demo:res/api#[static]sealed.make") (result i32) (call $new (i32.const 5))))`,
    });
    const { api } = sealed.instantiateSync().exports;
    expect(api.Sealed.make()).toBeInstanceOf(api.Sealed);
    expect(thrown(() => new api.Sealed())).toBeInstanceOf(UsageError);
  });

  test("with a method called like JavaScript's own", async () => {
    const guest = await compileGuest({
      wit: `package demo:res; interface api { resource odd {
        constructor(); to-string: func() -> u32; %constructor: func() -> u32; has-own-property: func() -> u32; call: static func() -> u32;
        name: static func() -> u32; prototype: static func() -> u32; length: static func() -> u32; } } world w { export api; }`,
      core: `(module
        (import "[export]demo:res/api" "[resource-new]odd" (func $new (param i32) (result i32)))
        (func (export "demo:res/api#[constructor]odd") (result i32) (call $new (i32.const 1)))
        (func (export "demo:res/api#[method]odd.to-string") (param i32) (result i32) (i32.const 11))
        (func (export "demo:res/api#[method]odd.constructor") (param i32) (result i32) (i32.const 12))
        (func (export "demo:res/api#[method]odd.has-own-property") (param i32) (result i32) (i32.const 13))
        (func (export "demo:res/api#[static]odd.call") (result i32) (i32.const 14))
        (func (export "demo:res/api#[static]odd.name") (result i32) (i32.const 15))
        (func (export "demo:res/api#[static]odd.length") (result i32) (i32.const 16))
        (func (export "demo:res/api#[static]odd.prototype") (result i32) (i32.const 17)))`,
    });
    const { Odd } = guest.instantiateSync().exports.api;
    const odd = new Odd();
    expect([odd.toString(), odd.constructor(), odd.hasOwnProperty()]).toEqual([11, 12, 13]);
    expect([Odd.call(), Odd.name(), Odd.length(), Odd.prototype_()]).toEqual([14, 15, 16, 17]);
    expect(odd).toBeInstanceOf(Odd);
  });
});

describe("own and borrow cross in every position", () => {
  test("as parameters: a borrow stays with the host, an own leaves it", () => {
    const { api } = start();
    const [a, b] = [new api.Thing(5), new api.Thing(6)];
    expect(a.add(b)).toBe(11);
    expect(b.value()).toBe(6);
    expect(a.absorb(b)).toBe(11);
    expect(thrown(() => b.value())).toMatchObject({
      name: "LowerError",
      path: "self",
      message: expect.stringContaining("dropped or given away"),
    });
    expect(api.alive()).toBe(1);
  });

  test("in records and options, parameter and result", () => {
    const { api } = start();
    const both = api.swap({ left: new api.Thing(1), right: new api.Thing(2) });
    expect([both.left.value(), both.right.value()]).toEqual([2, 1]);
    const one = api.swap({ left: both.left, right: undefined });
    expect([one.left.value(), one.right]).toEqual([2, undefined]);
  });

  test("in lists, parameter and result", () => {
    const { api } = start();
    const all = api.makeAll(10);
    expect(all).toHaveLength(10);
    expect(api.sum(all)).toBe(45);
    expect(api.sum([all[3], all[3]])).toBe(6);
    expect(api.takeAll(all)).toBe(45);
    expect(api.alive()).toBe(0);
    expect(thrown(() => api.sum([all[0]]))).toBeInstanceOf(LowerError);
  });

  test("held by the guest and given back as a new wrapper of the same resource", () => {
    const { api } = start();
    api.keep(new api.Thing(8));
    expect(api.alive()).toBe(1);
    const back = api.giveBack();
    expect(back.value()).toBe(8);
    expect(api.giveBack()).toBeUndefined();
  });
});

describe("one wrapper twice in a call", () => {
  test.each([
    ["own and own", (api: any, it: unknown) => api.merge(it, it), "b"],
    ["own and borrow", (api: any, it: unknown) => api.mix(it, it), "b"],
    ["twice in a list", (api: any, it: unknown) => api.takeAll([it, it]), "all[1]"],
    ["in a record", (api: any, it: unknown) => api.swap({ left: it, right: it }), "both.right"],
    ["itself and its own argument", (_: any, it: any) => it.absorb(it), "other"],
  ])("%s is refused before the guest sees any of it", (_, call, path) => {
    const { api, instance } = start();
    const it = new api.Thing(9);
    expect(thrown(() => call(api, it))).toMatchObject({ name: "LowerError", path });
    expect(instance.state).toBe("live");
    expect(it.value()).toBe(9);
    expect(api.alive()).toBe(1);
    it[Symbol.dispose]();
    expect(api.alive()).toBe(0);
  });

  test("is fine for borrows, and in a call after a refused one", () => {
    const { api } = start();
    const it = new api.Thing(9);
    expect(it.add(it)).toBe(18);
    thrown(() => api.merge(it, it));
    expect(api.merge(it, new api.Thing(1)).value()).toBe(10);
  });
});

describe("disposing", () => {
  test("runs the guest's destructor once", () => {
    const { api, instance } = start();
    const thing = new api.Thing(1);
    expect(instance.resources().heldByHost).toEqual(new Map([["thing", 1]]));
    thing[Symbol.dispose]();
    thing[Symbol.dispose]();
    expect(api.alive()).toBe(0);
    expect(instance.resources().heldByHost.size).toBe(0);
    expect(thrown(() => thing.value())).toBeInstanceOf(LowerError);
  });

  test("of a resource given away does nothing", () => {
    const { api } = start();
    const thing = new api.Thing(1);
    api.keep(thing);
    thing[Symbol.dispose]();
    expect(api.alive()).toBe(1);
  });

  test("whose destructor traps locks the instance", () => {
    const { api, instance } = start();
    const [one, two] = [new api.Thing(1), new api.Thing(2)];
    api.failNextDrop();
    const trap = thrown(() => one[Symbol.dispose]()) as TrapError;
    expect(trap).toBeInstanceOf(TrapError);
    expect(trap.trap).toBe("unreachable");
    expect(instance.state).toBe("trapped");
    expect(thrown(() => api.alive())).toBeInstanceOf(UnloadedError);
    // Nothing is left to drop, and `using` must not hide the trap behind a second error.
    expect(() => two[Symbol.dispose]()).not.toThrow();
  });

  test("after the instance is gone does nothing, and calls are refused", () => {
    const { api, instance } = start();
    const thing = new api.Thing(1);
    expect(instance.dispose().guestResourcesCut).toBe(1);
    expect(() => thing[Symbol.dispose]()).not.toThrow();
    expect(thrown(() => thing.value())).toBeInstanceOf(UnloadedError);
  });
});

describe("while the guest runs", () => {
  const text = `(component
    (import "poke" (func $poke))
    (core func $poke' (canon lower (func $poke)))
    (core module $D (global $dropped (mut i32) (i32.const 0))
      (func (export "dtor") (param i32) (global.set $dropped (i32.add (global.get $dropped) (i32.const 1))))
      (func (export "dropped") (result i32) (global.get $dropped))
      (func (export "value") (param i32) (result i32) (local.get 0)))
    (core instance $d (instantiate $D))
    (type $R' (resource (rep i32) (dtor (core func $d "dtor"))))
    (core func $new (canon resource.new $R'))
    (core module $M (import "" "poke" (func $poke)) (func (export "run") (call $poke)))
    (core instance $m (instantiate $M (with "" (instance (export "poke" (func $poke'))))))
    (export $R "thing" (type $R'))
    (func (export "[constructor]thing") (param "rep" u32) (result (own $R)) (canon lift (core func $new)))
    (func (export "[method]thing.value") (param "self" (borrow $R)) (result u32) (canon lift (core func $d "value")))
    (func (export "dropped") (result u32) (canon lift (core func $d "dropped")))
    (func (export "run") (canon lift (core func $m "run"))))`;

  test("its resources can be neither used nor disposed of, and are what they were afterwards", async () => {
    const refused: Error[] = [];
    const { exports, state } = await instantiateWat(text, {
      poke: () => {
        refused.push(
          thrown(() => thing.value()),
          thrown(() => new exports.Thing(1)),
          thrown(() => thing[Symbol.dispose]()),
        );
      },
    });
    const thing = new exports.Thing(7);
    exports.run();
    expect(refused).toHaveLength(3);
    for (const error of refused) expect(error).toMatchObject({ name: "TrapError", trap: "cannot-enter-component" });
    expect(state).toBe("live");
    expect(thing.value()).toBe(7);
    thing[Symbol.dispose]();
    expect(exports.dropped()).toBe(1);
  });

  test("an import that disposes of the instance leaves wrappers that do nothing", async () => {
    const instance = await instantiateWat(text, { poke: () => void instance.dispose() });
    const thing = new instance.exports.Thing(7);
    expect(thrown(() => instance.exports.run())).toBeInstanceOf(UnloadedError);
    expect(() => thing[Symbol.dispose]()).not.toThrow();
  });
});

describe("what is no resource of this instance is refused", () => {
  test("another instance's", () => {
    const one = start();
    const two = start();
    const thing = new one.api.Thing(1);
    expect(thrown(() => two.api.keep(thing))).toMatchObject({
      name: "LowerError",
      message: expect.stringContaining("another instance"),
    });
    expect(thrown(() => two.api.Thing.prototype.value.call(thing))).toBeInstanceOf(LowerError);
    expect([one.instance.state, two.instance.state]).toEqual(["live", "live"]);
  });

  test.each([[undefined], [null], [5], [{}], ["thing"]])("%s", (value) => {
    const { api } = start();
    expect(thrown(() => api.keep(value))).toBeInstanceOf(LowerError);
    expect(thrown(() => api.Thing.prototype.value.call(value))).toBeInstanceOf(LowerError);
  });

  test("an object that only looks like one", () => {
    const { api } = start();
    expect(thrown(() => api.keep(Object.create(api.Thing.prototype)))).toBeInstanceOf(LowerError);
  });
});

test("generated names of resources are the plan's, so a second instance's do not mix", () => {
  const { api } = start();
  const first = api.makeAll(3);
  first[1][Symbol.dispose]();
  const again = new api.Thing(50);
  expect([first[0].value(), first[2].value(), again.value()]).toEqual([0, 2, 50]);
});
