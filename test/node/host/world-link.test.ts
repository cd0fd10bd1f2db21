/** Functions and resources of the world itself, linked between modules as interfaces are. */
import { describe, expect, test } from "vitest";
import { InUseError, LinkError, ReloadError, StillRunningError } from "../../../host/node/index.ts";
import { component } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

/** Exports `name`, which adds to a number. */
const adder = (bias: number, name = "run", type = "u32"): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (core module $m (func (export "run") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${bias}))))
    (core instance $i (instantiate $m))
    (func (export "${name}") (param "n" ${type}) (result ${type}) (canon lift (core func $i "run"))))`);

/** Imports `run` and exports `ask`, which calls it. */
const asker = (name = "run"): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (import "${name}" (func $run (param "n" u32) (result u32)))
    (core func $run' (canon lower (func $run)))
    (core module $m (import "i" "run" (func $run (param i32) (result i32)))
      (func (export "ask") (param i32) (result i32) (call $run (local.get 0))))
    (core instance $i (instantiate $m (with "i" (instance (export "run" (func $run'))))))
    (func (export "ask") (param "n" u32) (result u32) (canon lift (core func $i "ask"))))`);

/** Exports a resource `thing` of the world: a constructor, a method, a static and a function that takes one. */
const maker = (bias = 0): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (type $thing' (resource (rep i32)))
    (core func $new (canon resource.new $thing'))
    (core module $m
      (import "t" "new" (func $new (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "value") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${bias}))))
    (core instance $i (instantiate $m (with "t" (instance (export "new" (func $new))))))
    (export $thing "thing" (type $thing'))
    (func (export "[constructor]thing") (param "value" u32) (result (own $thing)) (canon lift (core func $i "make")))
    (func (export "[method]thing.value") (param "self" (borrow $thing)) (result u32) (canon lift (core func $i "value")))
    (func (export "peek") (param "it" (borrow $thing)) (result u32) (canon lift (core func $i "value"))))`);

/** Exports an interface with a resource `thing` and a function that takes one and gives a number of a type. */
const peeker = (version: string, type: string): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (type $thing (resource (rep i32)))
    (core module $m (func (export "value") (param i32) (result i32) (local.get 0)))
    (core instance $i (instantiate $m))
    (func $peek (param "it" (borrow $thing)) (result ${type}) (canon lift (core func $i "value")))
    (component $c
      (import "thing" (type $thing (sub resource)))
      (import "peek" (func $peek (param "it" (borrow $thing)) (result ${type})))
      (export $out "thing" (type $thing))
      (export "peek" (func $peek) (func (param "it" (borrow $out)) (result ${type}))))
    (instance $api (instantiate $c (with "thing" (type $thing)) (with "peek" (func $peek))))
    (export "demo:peek/api@${version}" (instance $api)))`);

/** Imports that interface. */
const peeking = (): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (import "demo:peek/api@1.0.0" (instance $api
      (export "thing" (type $thing (sub resource)))
      (export "peek" (func (param "it" (borrow $thing)) (result u32)))))
    (core func $peek (canon lower (func $api "peek"))))`);

/** Imports the resource; `keep` makes one and asks its value, `look` asks with the function. */
const user = (): Promise<Uint8Array<ArrayBuffer>> =>
  component(`(component
    (import "thing" (type $thing (sub resource)))
    (import "[constructor]thing" (func $new (param "value" u32) (result (own $thing))))
    (import "[method]thing.value" (func $value (param "self" (borrow $thing)) (result u32)))
    (import "peek" (func $peek (param "it" (borrow $thing)) (result u32)))
    (core func $new' (canon lower (func $new)))
    (core func $value' (canon lower (func $value)))
    (core func $peek' (canon lower (func $peek)))
    (core func $drop (canon resource.drop $thing))
    (core module $m
      (import "t" "new" (func $new (param i32) (result i32)))
      (import "t" "value" (func $value (param i32) (result i32)))
      (import "t" "peek" (func $peek (param i32) (result i32)))
      (import "t" "drop" (func $drop (param i32)))
      (global $kept (mut i32) (i32.const 0))
      (func (export "keep") (param i32) (result i32)
        (global.set $kept (call $new (local.get 0)))
        (call $value (global.get $kept)))
      (func (export "look") (result i32) (call $peek (global.get $kept)))
      (func (export "drop") (call $drop (global.get $kept))))
    (core instance $i (instantiate $m (with "t" (instance
      (export "new" (func $new')) (export "value" (func $value')) (export "peek" (func $peek')) (export "drop" (func $drop))))))
    (func (export "keep") (param "value" u32) (result u32) (canon lift (core func $i "keep")))
    (func (export "look") (result u32) (canon lift (core func $i "look")))
    (func (export "drop-it") (canon lift (core func $i "drop"))))`);

async function refusal(promise: Promise<unknown>): Promise<LinkError> {
  const error = await caught(promise);
  expect(error).toBeInstanceOf(LinkError);
  return error as LinkError;
}

describe("a function of the world", () => {
  test("is met by the one module that exports it, and follows its reloads and its end", async () => {
    const here = host();
    const provider: Any = await here.load(await adder(1), { name: "one" });
    const module: Any = await here.load(await asker(), { name: "asker" });
    expect(module.exports.ask(5)).toBe(6);
    expect(module.info()).toMatchObject({ imports: [{ name: "run", from: "module", module: "one" }], uses: ["one"] });
    await provider.reload(await adder(10));
    expect(module.exports.ask(5)).toBe(15);
    const refused = await caught(provider.reload(await adder(1, "other")));
    expect(refused).toBeInstanceOf(ReloadError);
    expect(refused.cause.issues[0].reason).toBe("module asker uses it: the new version does not export it");
    expect((await caught(provider.reload(await adder(1, "run", "s32")))).cause.issues).toMatchObject([
      { problem: "mismatch", reason: "module asker uses it: parameter 1 `n`: expected u32, found s32" },
    ]);
    expect(await caught(provider.unload())).toBeInstanceOf(InUseError);
    expect(module.exports.ask(5)).toBe(15);
    await provider.unload({ cascade: true });
    expect(module.state).toBe("unloaded");
  });

  test("that two modules export is refused unless link says which, and by type one may be left", async () => {
    const here = host();
    await here.load(await adder(1), { name: "one" });
    await here.load(await adder(2), { name: "two" });
    const bytes = await asker();
    const { issues, message } = await refusal(here.load(bytes, { name: "asker" }));
    expect(issues).toMatchObject([{ import: "run", problem: "missing", expected: "func(n: u32) -> u32" }]);
    expect(message).toContain(
      'modules one and two both export it; say which may meet it with the option link, such as { "run": "one" }',
    );
    expect(await here.missing(bytes)).toEqual(issues);
    const module: Any = await here.load(bytes, { name: "asker", link: { run: "two" } });
    expect(module.exports.ask(5)).toBe(7);
    await here.load(await adder(3, "go"), { name: "three" });
    await here.load(await adder(4, "go", "s32"), { name: "four" });
    const other: Any = await here.load(await asker("go"), { name: "other" });
    expect(other.exports.ask(5)).toBe(8);
  });

  test("is not lent by a module whose provides leaves it out, nor taken with link: false, nor where it is given", async () => {
    const here = host();
    await here.load(await adder(1), { name: "one", provides: false });
    const bytes = await asker();
    const { issues } = await refusal(here.load(bytes, { name: "asker" }));
    expect(issues[0]!.reason).toMatch(/the option provides of one does not lend it/);
    await here.load(await adder(2), { name: "two", provides: ["run"] });
    await refusal(here.load(bytes, { name: "asker", link: false }));
    const given: Any = await here.load(bytes, { name: "given", imports: { run: () => 9 } });
    const linked: Any = await here.load(bytes, { name: "linked" });
    expect([given.exports.ask(5), linked.exports.ask(5)]).toEqual([9, 7]);
  });

  test("orders modules that are loaded together, and one of another type is told with its type", async () => {
    const here = host();
    const modules: Any[] = (await here.loadAll([
      { name: "asker", source: await asker() },
      { name: "one", source: await adder(1) },
    ])) as Any[];
    expect(modules[0]!.exports.ask(1)).toBe(2);
    const other = host();
    await other.load(await adder(1, "run", "s32"), { name: "one" });
    expect((await refusal(other.load(await asker(), { name: "asker" }))).issues).toMatchObject([
      { import: "run", problem: "mismatch", nearest: "run of module one", found: "func(n: s32) -> s32" },
    ]);
    await other.load(await adder(1, "rum"), { name: "two" });
    expect((await refusal(other.load(await asker("ruma"), { name: "asker" }))).issues).toMatchObject([
      { import: "ruma", problem: "missing", nearest: "rum of module two" },
    ]);
  });
});

describe("a resource of the world", () => {
  test("is met with all its functions by one module, and is the same to the functions that take it", async () => {
    const here = host();
    const owner: Any = await here.load(await maker(), { name: "maker" });
    const module: Any = await here.load(await user(), { name: "user" });
    expect(module.exports.keep(4)).toBe(4);
    expect(module.exports.look()).toBe(4);
    expect(module.info().uses).toEqual(["maker"]);
    const held = await caught(owner.reload(await maker(50)));
    expect(held).toBeInstanceOf(ReloadError);
    expect(held.cause).toBeInstanceOf(StillRunningError);
    expect(held.cause.activity).toEqual([{ kind: "resource", owner: "thing, held by user", count: 1 }]);
    module.exports.dropIt();
    await owner.reload(await maker(50));
    expect(module.exports.keep(4)).toBe(54);
    expect(owner.exports.peek(new owner.exports.Thing(1))).toBe(51);
  });

  test("of a module that does not fit after all is not kept for the next one", async () => {
    const here = host();
    await here.load(await peeker("1.4.0", "s32"), { name: "newer" });
    await here.load(await peeker("1.1.0", "u32"), { name: "older" });
    const module: Any = await here.load(await peeking(), { name: "user" });
    expect(module.info().uses).toEqual(["older"]);
  });

  test("of another module does not do for a function that takes that of the first", async () => {
    const here = host();
    await here.load(await maker(), { name: "one" });
    await here.load(await maker(1), { name: "two" });
    const bytes = await user();
    const { issues } = await refusal(
      here.load(bytes, {
        name: "user",
        link: { thing: "one", "[constructor]thing": "one", "[method]thing.value": "one", peek: "two" },
      }),
    );
    expect(issues).toMatchObject([{ import: "peek", problem: "mismatch" }]);
    expect(issues[0]!.reason).toMatch(/the resource found, `thing`, is not the one expected/);
    const module: Any = await here.load(bytes, { name: "user", link: { thing: "two", peek: "two" } });
    expect(module.exports.keep(4)).toBe(5);
  });
});
