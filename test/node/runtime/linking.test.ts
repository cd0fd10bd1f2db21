/** Components inside components, and components linked to one another in JavaScript. */
import { describe, expect, test } from "vitest";
import { ComponentError, TrapError, UnloadedError } from "../../../host/errors.ts";
import type { Instance } from "../../../host/runtime/types.ts";
import { compileGuest, thingsGuest } from "./guests.ts";
import { allocator, instantiateWat, options, thrown, type Dynamic } from "./support.ts";

type Encoding = "utf8" | "utf16" | "latin1+utf16";
const encodings: readonly Encoding[] = ["utf8", "utf16", "latin1+utf16"];

/** A consumer and a provider, each with its own encoding: `run` passes its string on and gives back what comes. */
function echoThrough(consumer: Encoding, provider: Encoding): string {
  return `(component
    (component $Provider
      (core module $M ${allocator}
        (func (export "echo") (param i32 i32) (result i32)
          (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16)))
      (core instance $m (instantiate $M))
      (func (export "echo") (param "s" string) (result string)
        (canon lift (core func $m "echo") string-encoding=${provider} ${options})))
    (component $Consumer
      (import "echo" (func $echo (param "s" string) (result string)))
      (core module $Libc ${allocator})
      (core instance $m (instantiate $Libc))
      (core func $echo' (canon lower (func $echo) string-encoding=${consumer} ${options}))
      (core module $M (import "" "echo" (func $echo (param i32 i32 i32)))
        (func (export "run") (param i32 i32) (result i32) (call $echo (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16)))
      (core instance $main (instantiate $M (with "" (instance (export "echo" (func $echo'))))))
      (func (export "run") (param "s" string) (result string)
        (canon lift (core func $main "run") string-encoding=${consumer} ${options})))
    (instance $provider (instantiate $Provider))
    (instance $consumer (instantiate $Consumer (with "echo" (func $provider "echo"))))
    (export "run" (func $consumer "run")))`;
}

const strings = [
  "",
  "plain",
  "caf\u00e9",
  "\u00ff".repeat(60),
  "\u65e5\u672c\u8a9e",
  "a\u00e9\u65e5\u{1f600}",
  "\ufeffmark",
  "a\0b",
  "x".repeat(300),
  "\u{1f600}".repeat(200),
];

describe("strings between guests", () => {
  for (const consumer of encodings) {
    for (const provider of encodings) {
      test(`${consumer} to ${provider} and back`, async () => {
        const { exports } = await instantiateWat(echoThrough(consumer, provider));
        for (const text of strings) expect(exports.run(text)).toBe(text);
      });
    }
  }

  test.each([
    ["invalid UTF-8", "utf8", "\\ff", 1, "invalid-utf8"],
    ["a surrogate in UTF-8", "utf8", "\\ed\\a0\\80", 3, "invalid-utf8"],
    ["a lone surrogate in UTF-16", "utf16", "\\00\\d8", 1, "invalid-utf16"],
    ["a string past the end", "utf8", "", 0x7fff_0000, "string-out-of-bounds"],
  ] as const)("%s traps in the caller's name, before the callee runs", async (_, encoding, bytes, length, code) => {
    const instance = await instantiateWat(`(component
      (component $Provider
        (core module $M ${allocator} (func (export "take") (param i32 i32) unreachable))
        (core instance $m (instantiate $M))
        (func (export "take") (param "s" string) (canon lift (core func $m "take") ${options})))
      (component $Consumer
        (import "take" (func $take (param "s" string)))
        (core module $Libc ${allocator} (data (i32.const 64) "${bytes}"))
        (core instance $m (instantiate $Libc))
        (core func $take' (canon lower (func $take) string-encoding=${encoding} ${options}))
        (core module $M (import "" "take" (func $take (param i32 i32))) (func (export "run") (call $take (i32.const 64) (i32.const ${length}))))
        (core instance $main (instantiate $M (with "" (instance (export "take" (func $take'))))))
        (func (export "run") (canon lift (core func $main "run"))))
      (instance $provider (instantiate $Provider))
      (instance $consumer (instantiate $Consumer (with "take" (func $provider "take"))))
      (export "run" (func $consumer "run")))`);
    expect(thrown(() => instance.exports.run())).toMatchObject({ trap: code });
    expect(instance.state).toBe("trapped");
  });
});

/** A resource of an inner component, used by a second one that lends and gives it to a third. */
const threeComponents = `(component
  (component $Maker
    (core module $D (global $dropped (mut i32) (i32.const 0))
      (func (export "dtor") (param i32) (global.set $dropped (i32.add (global.get $dropped) (local.get 0))))
      (func (export "dropped") (result i32) (global.get $dropped))
      (func (export "value") (param i32) (result i32) (local.get 0)))
    (core instance $d (instantiate $D))
    (type $R' (resource (rep i32) (dtor (core func $d "dtor"))))
    (core func $new (canon resource.new $R'))
    (export $R "r" (type $R'))
    (func (export "make") (param "rep" u32) (result (own $R)) (canon lift (core func $new)))
    (func (export "value") (param "it" (borrow $R)) (result u32) (canon lift (core func $d "value")))
    (func (export "dropped") (result u32) (canon lift (core func $d "dropped"))))
  (component $Third
    (import "maker" (instance $maker (export "r" (type (sub resource)))
      (export "value" (func (param "it" (borrow 0)) (result u32)))))
    (alias export $maker "r" (type $R))
    (core func $drop (canon resource.drop $R))
    (core func $value (canon lower (func $maker "value")))
    (core module $M
      (import "" "drop" (func $drop (param i32))) (import "" "value" (func $value (param i32) (result i32)))
      (global $kept (mut i32) (i32.const 0))
      (func (export "look") (param i32) (result i32) (call $value (local.get 0)) (call $drop (local.get 0)))
      (func (export "leak") (param i32))
      (func (export "keep") (param i32) (global.set $kept (local.get 0)))
      (func (export "drop-kept") (call $drop (global.get $kept)))
      (func (export "drop-as-borrow") (param i32) (call $drop (local.get 0)) (call $drop (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "drop" (func $drop)) (export "value" (func $value))))))
    (func (export "look") (param "it" (borrow $R)) (result u32) (canon lift (core func $m "look")))
    (func (export "leak") (param "it" (borrow $R)) (canon lift (core func $m "leak")))
    (func (export "twice") (param "it" (borrow $R)) (canon lift (core func $m "drop-as-borrow")))
    (func (export "keep") (param "it" (own $R)) (canon lift (core func $m "keep")))
    (func (export "drop-kept") (canon lift (core func $m "drop-kept"))))
  (component $User
    (import "maker" (instance $maker (export "r" (type (sub resource)))
      (export "make" (func (param "rep" u32) (result (own 0)))) (export "value" (func (param "it" (borrow 0)) (result u32)))))
    (alias export $maker "r" (type $R))
    (import "third" (instance $third
      (alias outer 1 $R (type $r)) (export "r" (type (eq $r)))
      (export "look" (func (param "it" (borrow $r)) (result u32))) (export "leak" (func (param "it" (borrow $r))))
      (export "twice" (func (param "it" (borrow $r)))) (export "keep" (func (param "it" (own $r))))))
    (core func $make (canon lower (func $maker "make")))
    (core func $value (canon lower (func $maker "value")))
    (core func $look (canon lower (func $third "look")))
    (core func $leak (canon lower (func $third "leak")))
    (core func $twice (canon lower (func $third "twice")))
    (core func $keep (canon lower (func $third "keep")))
    (core func $drop (canon resource.drop $R))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32))) (import "" "value" (func $value (param i32) (result i32)))
      (import "" "look" (func $look (param i32) (result i32))) (import "" "leak" (func $leak (param i32)))
      (import "" "twice" (func $twice (param i32))) (import "" "keep" (func $keep (param i32))) (import "" "drop" (func $drop (param i32)))
      (global $kept (mut i32) (i32.const 0))
      (func (export "make") (param i32) (result i32) (global.set $kept (call $make (local.get 0))) (global.get $kept))
      (func (export "value") (result i32) (call $value (global.get $kept)))
      (func (export "look") (result i32) (call $look (global.get $kept)))
      (func (export "leak") (call $leak (global.get $kept)))
      (func (export "twice") (call $twice (global.get $kept)))
      (func (export "give") (call $keep (global.get $kept)))
      (func (export "drop") (call $drop (global.get $kept))))
    (core instance $m (instantiate $M (with "" (instance
      (export "make" (func $make)) (export "value" (func $value)) (export "look" (func $look)) (export "leak" (func $leak))
      (export "twice" (func $twice)) (export "keep" (func $keep)) (export "drop" (func $drop))))))
    (func (export "make") (param "rep" u32) (result u32) (canon lift (core func $m "make")))
    (func (export "value") (result u32) (canon lift (core func $m "value")))
    (func (export "look") (result u32) (canon lift (core func $m "look")))
    (func (export "leak") (canon lift (core func $m "leak")))
    (func (export "twice") (canon lift (core func $m "twice")))
    (func (export "give") (canon lift (core func $m "give")))
    (func (export "drop") (canon lift (core func $m "drop"))))
  (instance $maker (instantiate $Maker))
  (instance $third (instantiate $Third (with "maker" (instance $maker))))
  (instance $third' (export "r" (type $maker "r"))
    (export "look" (func $third "look")) (export "leak" (func $third "leak")) (export "twice" (func $third "twice"))
    (export "keep" (func $third "keep")))
  (instance $user (instantiate $User (with "maker" (instance $maker)) (with "third" (instance $third'))))
  (export "user" (instance $user))
  (export "dropped" (func $maker "dropped"))
  (export "third-drop-kept" (func $third "drop-kept")))`;

describe("a resource across inner components", () => {
  // oxlint-disable-next-line no-explicit-any
  async function three(): Promise<{ instance: Instance<Dynamic>; user: any; exports: any }> {
    const instance = await instantiateWat(threeComponents);
    return { instance, user: instance.exports.user, exports: instance.exports };
  }

  test("lent to its implementer it is the representation, lent to a third a handle", async () => {
    const { user } = await three();
    expect(user.make(70)).toBe(1);
    expect(user.value()).toBe(70);
    expect(user.look()).toBe(70);
  });

  test("dropped by its user, its implementer's destructor runs", async () => {
    const { user, exports } = await three();
    user.make(70);
    user.drop();
    expect(exports.dropped()).toBe(70);
  });

  test("given to a third, it is the third that may drop it", async () => {
    const { user, exports, instance } = await three();
    user.make(70);
    user.give();
    expect(exports.dropped()).toBe(0);
    exports.thirdDropKept();
    expect(exports.dropped()).toBe(70);
    expect(thrown(() => user.drop())).toMatchObject({ trap: "invalid-handle" });
    expect(instance.state).toBe("trapped");
  });

  test("handles are numbered anew by each component", async () => {
    const { user } = await three();
    expect([user.make(10), user.make(20)]).toEqual([1, 2]);
    user.give();
    expect(user.make(30)).toBe(2);
  });

  test("lent and not dropped by the borrower, it traps when the borrower returns", async () => {
    const { user, instance } = await three();
    user.make(70);
    expect(thrown(() => user.leak())).toMatchObject({
      trap: "invalid-handle",
      message: expect.stringContaining("remain"),
    });
    expect(instance.state).toBe("trapped");
  });

  test("a borrow dropped twice traps", async () => {
    const { user } = await three();
    user.make(70);
    expect(thrown(() => user.twice())).toMatchObject({ trap: "invalid-handle" });
  });

  test("after the loan has ended, its owner may drop it", async () => {
    const { user, exports } = await three();
    user.make(70);
    user.look();
    user.drop();
    expect(exports.dropped()).toBe(70);
  });
});

const things = "demo:res/things@1.0.0";

/** Uses the interface that {@link thingsGuest} exports. */
const consumer = {
  wit: `
    package demo:user;
    world w {
      import ${things};
      use ${things}.{thing};
      export make: func(value: u32) -> u32;
      export parse: func(value: u32) -> result<u32, string>;
      export adopt: func(it: thing);
      export release: func() -> thing;
      export ask-fail: func();
      export drop: func();
    }
    ${thingsGuest.wit.replace("package demo:res@1.0.0;", "package demo:res@1.0.0 {").replace(/world w \{.*\}/, "}")}`,
  core: `(module
    (import "${things}" "[constructor]thing" (func $make (param i32) (result i32)))
    (import "${things}" "[method]thing.value" (func $value (param i32) (result i32)))
    (import "${things}" "[static]thing.parse" (func $parse (param i32 i32)))
    (import "${things}" "[resource-drop]thing" (func $drop (param i32)))
    (import "${things}" "fail-next-drop" (func $fail))
    ${allocator.replace('"realloc"', '"cabi_realloc"')}
    (global $kept (mut i32) (i32.const 0))
    (func (export "make") (param i32) (result i32) (global.set $kept (call $make (local.get 0))) (call $value (global.get $kept)))
    (func (export "parse") (param i32) (result i32)
      (call $parse (local.get 0) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16))) (then (i32.store (i32.const 20) (call $value (i32.load (i32.const 20))))))
      (i32.const 16))
    (func (export "adopt") (param i32) (global.set $kept (local.get 0)))
    (func (export "release") (result i32) (global.get $kept))
    (func (export "ask-fail") (call $fail))
    (func (export "drop") (call $drop (global.get $kept))))`,
};

describe("one instance's exports are another's imports", () => {
  async function linked() {
    const provider = (await compileGuest(thingsGuest, { name: "provider" })).instantiateSync();
    const user = (await compileGuest(consumer, { name: "user" })).instantiateSync(provider.exports);
    return { provider, user, api: provider.exports.things };
  }

  test("as they are, resources and all", async () => {
    const { user, api } = await linked();
    expect(user.exports.make(12)).toBe(12);
    expect(api.alive()).toBe(1);
    user.exports.drop();
    expect(api.alive()).toBe(0);
  });

  test("with a resource of the one passed to the other by the host, and back", async () => {
    const { user, api } = await linked();
    const thing = new api.Thing(5);
    user.exports.adopt(thing);
    expect(user.exports.release()).toBe(thing);
    expect(thing.value()).toBe(5);
  });

  test("an error result crosses both as a payload", async () => {
    const { user } = await linked();
    expect(user.exports.parse(7)).toBe(7);
    const error = thrown(() => user.exports.parse(101)) as ComponentError;
    expect(error).toBeInstanceOf(ComponentError);
    expect(error.payload).toBe("too large");
    expect(user.state).toBe("live");
  });

  test("what the one leaks is disposed with it, in the other", async () => {
    const { user, api } = await linked();
    user.exports.make(1);
    expect(user.dispose().hostResourcesDisposed).toBe(1);
    expect(api.alive()).toBe(0);
  });

  test("a trap of the provider locks both, each with its own error", async () => {
    const { provider, user } = await linked();
    user.exports.make(1);
    user.exports.askFail();
    const trap = thrown(() => user.exports.drop()) as TrapError;
    expect(trap).toMatchObject({ trap: "import-threw", module: "user" });
    expect(trap.cause).toMatchObject({ name: "TrapError", trap: "unreachable", module: "provider" });
    expect([provider.state, user.state]).toEqual(["trapped", "trapped"]);
  });

  test("a provider that is gone is a fault of the user's next call", async () => {
    const { provider, user } = await linked();
    provider.dispose();
    const trap = thrown(() => user.exports.make(1)) as TrapError;
    expect(trap.trap).toBe("import-threw");
    expect(trap.cause).toBeInstanceOf(UnloadedError);
  });
});
