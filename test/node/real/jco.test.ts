/** The option `engine: "jco"`: another tool's bindings behind the same interface. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  ComponentError,
  LinkError,
  LowerError,
  StillRunningError,
  TrapError,
  UnloadedError,
  type UnsupportedFeature,
  UsageError,
} from "../../../host/errors.ts";
import { compile, createHost } from "../../../host/node/index.ts";
import { compileSource } from "../../../host/module/compile.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import type { EngineName, Component, Instance } from "../../../host/runtime/types.ts";
import { componentEmbed, componentNew, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { handles } from "../runtime/greedy.ts";
import { filesGuest, guestBytes, thingsGuest, type Guest } from "../runtime/guests.ts";
import { allocator, thrown, type Dynamic } from "../runtime/support.ts";
import { memoriesOf } from "../../compile.ts";

const suspends = "promising" in WebAssembly;
const both: readonly EngineName[] = ["tenon", "jco"];

async function fromWat(text: string, engine: EngineName): Promise<Component<Dynamic>> {
  return compile<Dynamic>(await parseWat(text), { engine, name: "test" });
}

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
let valuesBytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  valuesBytes = await guestBytes(valuesGuest);
});

function values(engine: EngineName): Promise<Component<Dynamic>> {
  return compile<Dynamic>(valuesBytes, { engine, name: "test" });
}

describe.each(both)("a synchronous component by the engine %s", (engine) => {
  test("has the same values", async () => {
    const { api: exports } = (await values(engine)).instantiateSync().exports;
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

  test("has the same description", async () => {
    const [one, other] = [await values("tenon"), await values(engine)];
    expect(other.hash).toBe(one.hash);
    expect(other.exports).toEqual(one.exports);
    expect(Object.keys(other.instantiateSync().exports).sort()).toEqual(
      Object.keys(one.instantiateSync().exports).sort(),
    );
  });

  test("refuses arguments before anything runs", async () => {
    const instance = (await values(engine)).instantiateSync();
    expect(thrown(() => instance.exports.api.echoU32(-1))).toMatchObject({ name: "LowerError", path: "n" });
    expect(thrown(() => instance.exports.api.echoPerson({ firstName: 5 }))).toMatchObject({
      name: "LowerError",
      path: "p.firstName",
    });
    expect(instance.state).toBe("live");
  });

  test("returns or throws a result", async () => {
    const instance = (await values(engine)).instantiateSync();
    expect(instance.exports.api.check(5)).toBe(5);
    const error = thrown(() => instance.exports.api.check(10)) as ComponentError;
    expect(error).toBeInstanceOf(ComponentError);
    expect(error.payload).toBe(10);
    expect(instance.state).toBe("live");
  });

  test.each([
    ["trap", "unreachable"],
    ["deep", "stack-overflow"],
  ])("is locked by the fault %s", async (name, code) => {
    const traps: Error[] = [];
    const instance = (await values(engine)).instantiateSync({}, { onTrap: (trap) => traps.push(trap) });
    const trap = thrown(() => instance.exports.api[name]()) as TrapError;
    expect(trap).toMatchObject({ name: "TrapError", trap: code, module: "test", export: `demo:values/api#${name}` });
    expect(instance.state).toBe("trapped");
    expect(instance.trap).toBe(trap);
    expect(traps).toEqual([trap]);
    const next = thrown(() => instance.exports.api.echoU32(1));
    expect(next).toBeInstanceOf(UnloadedError);
    expect(next.cause).toBe(trap);
  });

  test("whose module was reloaded says of the objects of the old version when that was", async () => {
    const host = createHost();
    const module = await host.load<Dynamic>(await guestBytes(thingsGuest), { name: "things", engine });
    const thing = new module.exports.things.Thing(1);
    await module.reload(undefined, { force: true });
    expect(thrown(() => thing.value())).toMatchObject({
      name: "UnloadedError",
      message: expect.stringMatching(/: it belongs to the version replaced at \d{4}-.*Z$/),
    });
    await host.close();
  });

  test("is gone after dispose", async () => {
    const instance = (await values(engine)).instantiateSync();
    expect(instance.memoryBytes).toBe(65_536);
    expect(instance.dispose().memoryBytes).toBe(65_536);
    expect([instance.state, instance.memoryBytes, memoriesOf(instance)]).toEqual(["unloaded", 0, []]);
    expect(thrown(() => instance.exports.api.echoU32(1))).toBeInstanceOf(UnloadedError);
  });

  test("has a guest's resources as classes", async () => {
    const component = await compile<Dynamic>(await guestBytes(thingsGuest), { engine });
    const instance: Instance<Dynamic> = component.instantiateSync();
    const api = instance.exports["demo:res/things@1.0.0"];
    expect(instance.exports.things).toBe(api);
    const thing = new api.Thing(5);
    expect(thing).toBeInstanceOf(api.Thing);
    expect(thing.constructor).toBe(api.Thing);
    expect(thing.value()).toBe(5);
    expect(thing.add(api.Thing.make(6))).toBe(11);
    expect(api.Thing.parse(7).value()).toBe(7);
    expect((thrown(() => api.Thing.parse(101)) as ComponentError).payload).toBe("too large");
    expect(api.sum([thing, thing])).toBe(10);
    expect(api.takeAll([thing])).toBe(5);
    expect(thrown(() => thing.value())).toBeInstanceOf(LowerError);
    expect(thrown(() => api.keep({}))).toBeInstanceOf(LowerError);
    const before = api.alive();
    const last = new api.Thing(1);
    last[Symbol.dispose]();
    expect(api.alive()).toBe(before);
    expect(instance.state).toBe("live");
  });

  test("uses a host's resources", async () => {
    const component = await compile<Dynamic>(await guestBytes(filesGuest), { engine });
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
    expect(component.missing({}).length).toBeGreaterThan(0);
    expect(thrown(() => component.instantiateSync({}))).toBeInstanceOf(LinkError);
    const { exports, state } = component.instantiateSync({ "demo:res/files@1.0.0": files });
    const file = new File("four");
    expect(exports.size(file)).toBe(4);
    expect((thrown(() => exports.size(new File("broken"))) as ComponentError).payload).toBe("cannot read");
    expect(exports.inspectTwice(file)).toBe(8);
    exports.take(file);
    expect(exports.give()).toBe(file);
    exports.take(file);
    exports.dropKept();
    expect(file.disposed).toBe(1);
    exports.open();
    exports.consumeKept();
    expect(seen).toMatchObject([{ name: "opened made" }]);
    expect(thrown(() => exports.take({}))).toBeInstanceOf(LowerError);
    expect(state).toBe("live");
  });
});

describe("an import that throws", () => {
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

  test.each(both)("is a fault with its error as cause, by the engine %s", async (engine) => {
    const broken = new Error("the host is broken");
    const fail = (): never => {
      throw broken;
    };
    const instance = (await fromWat(text, engine)).instantiateSync({ "demo:h/h": { plain: fail, mayFail: fail } });
    const trap = thrown(() => instance.exports.plain());
    expect(trap).toMatchObject({
      name: "TrapError",
      trap: "import-threw",
      message: expect.stringContaining("demo:h/h#plain"),
    });
    expect(trap.cause).toBe(broken);
    expect(trap.message).not.toContain("ComponentError");
    expect(instance.state).toBe("trapped");
  });

  test.each(both)("where an error result was to be had says how to give one, by the engine %s", async (engine) => {
    const mayFail = (): never => {
      throw new Error("no such word");
    };
    const imports = { "demo:h/h": { plain: () => undefined, mayFail } };
    const instance = (await fromWat(text, engine)).instantiateSync(imports);
    expect(thrown(() => instance.exports.may()).message).toBe(
      'Trap in "test", export "may": import-threw (import "demo:h/h#may-fail" threw: no such word (to give err, throw a ComponentError with its payload))',
    );
  });

  test.each(both)("with a payload is an error result, by the engine %s", async (engine) => {
    const component = await fromWat(text, engine);
    for (const error of [new ComponentError(7), Object.assign(new Error("x"), { payload: 7 }), 7]) {
      const mayFail = (): never => {
        throw error;
      };
      const instance = component.instantiateSync({ "demo:h/h": { plain: () => undefined, mayFail } });
      expect(instance.exports.may()).toBe(7);
      expect(instance.state).toBe("live");
    }
  });

  test.each(both)("because it re-enters is refused, by the engine %s", async (engine) => {
    const component = await fromWat(text, engine);
    let inner: Error | undefined;
    const instance: Instance<Dynamic> = component.instantiateSync({
      "demo:h/h": {
        plain: () => {
          expect(instance.depth).toBe(1);
          inner = thrown(() => instance.exports.plain());
        },
        mayFail: () => undefined,
      },
    });
    instance.exports.plain();
    expect(inner).toMatchObject({ name: "TrapError", trap: "cannot-enter-component" });
    expect(instance.state).toBe("live");
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

describe.each(both)("an asynchronous component by the engine %s", (engine) => {
  test("is described with its asynchronous types", async () => {
    const component = await fromWat(later, engine);
    expect(component.exports.map(({ name, type }) => [name, type.kind === "func" && type.async])).toEqual([
      ["now", true],
      ["later", true],
      ["fault", true],
      ["later-fault", true],
      ["plain", false],
    ]);
  });

  test("gives promises, and values at once for what is synchronous", async () => {
    const { exports } = (await fromWat(later, engine)).instantiateSync();
    const promise = exports.now(4);
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toBe(5);
    expect(exports.plain(4)).toBe(8);
    expect(await exports.now(5)).toBe(6);
    // jco's functions throw where those of tenon reject.
    await expect((async () => exports.now(-1))()).rejects.toBeInstanceOf(LowerError);
  });

  test("goes on by its callback until it returns", async () => {
    const instance = (await fromWat(later, engine)).instantiateSync();
    const promise = instance.exports.later(5);
    expect(await promise).toBe(99);
  });

  test("rejects with a trap and is locked", async () => {
    const instance = (await fromWat(later, engine)).instantiateSync();
    await expect(instance.exports.fault()).rejects.toMatchObject({
      name: "TrapError",
      trap: "unreachable",
      export: "fault",
    });
    expect(instance.state).toBe("trapped");
    expect(thrown(() => instance.exports.plain(1))).toBeInstanceOf(UnloadedError);
  });

  test("rejects with a trap of its callback, and other instances go on", async () => {
    const component = await fromWat(later, engine);
    const [one, other] = [component.instantiateSync(), component.instantiateSync()];
    await expect(one.exports.laterFault(3)).rejects.toMatchObject({ name: "TrapError", trap: "unreachable" });
    expect([one.state, other.state]).toEqual(["trapped", "live"]);
    expect(await other.exports.later(2)).toBe(99);
    expect(other.exports.plain(2)).toBe(4);
  });

  test("rejects what is pending when it is disposed of", async () => {
    const instance = (await fromWat(later, engine)).instantiateSync();
    const pending = instance.exports.later(20) as Promise<unknown>;
    instance.dispose();
    await expect(pending).rejects.toBeInstanceOf(UnloadedError);
    expect(instance.depth).toBe(0);
  });

  test("rejects what is pending when another call traps", async () => {
    const instance = (await fromWat(later, engine)).instantiateSync();
    const pending = instance.exports.later(200) as Promise<unknown>;
    const ended = expect(pending).rejects.toBeInstanceOf(UnloadedError);
    await expect(instance.exports.fault()).rejects.toBeInstanceOf(TrapError);
    await ended;
  });

  test("loads into a host as a module", async () => {
    const host = createHost();
    const module = await host.load<Dynamic>(await parseWat(later), { name: "later", engine });
    expect(await module.exports.later(2)).toBe(99);
    expect(module.exports.plain(3)).toBe(6);
    expect(await module.reload()).toMatchObject({ name: "later" });
    expect(await module.exports.now(1)).toBe(2);
    await module.unload();
    expect(thrown(() => module.exports.plain(3))).toBeInstanceOf(UnloadedError);
    await host[Symbol.asyncDispose]();
  });

  test("holds back an unload until what is pending has ended", async () => {
    const host = createHost();
    const module = await host.load<Dynamic>(await parseWat(later), { name: "later", engine });
    const pending = module.exports.later(20) as Promise<unknown>;
    await expect(module.unload()).rejects.toBeInstanceOf(StillRunningError);
    await module.unload({ drain: 10_000 });
    expect(await pending).toBe(99);
    expect(thrown(() => module.exports.plain(1))).toBeInstanceOf(UnloadedError);
  });
});

describe("resources that a component exports from several interfaces", () => {
  test.each(["tenon", "jco"] as const)("%s: one class, with all its members", async (engine) => {
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
    const { types, user } = (await compile<Dynamic>(bytes, { engine })).instantiateSync().exports;
    expect(user.Thing).toBe(types.Thing);
    expect(new types.Thing(5).get()).toBe(5);
    const made = user.make();
    expect(made).toBeInstanceOf(types.Thing);
    expect(made.get()).toBe(7);
  });
});

describe("what cannot be", () => {
  test.each<[UnsupportedFeature, string | Uint8Array<ArrayBuffer>]>([
    ["component-imports", `(component (import "c" (component)))`],
    ["component-start", new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 9, 3, 0, 0, 0])],
    ["component-values", `(component (import "v" (value u32)))`],
    [
      "memory64",
      `(component (core module $M (memory (export "m") i64 1) (func (export "f") (param i32 i32)))
      (core instance $m (instantiate $M))
      (func (export "f") (param "s" string) (canon lift (core func $m "f") (memory (core memory $m "m")))))`,
    ],
    [
      "name-collision",
      `(component (type $f (flags "a1" "a-1")) (import "t" (type $t (eq $f))) (import "f" (func $i (param "p" $t))) (core func (canon lower (func $i))))`,
    ],
  ])("what jco does not run either has no such hint: %s", async (feature, source) => {
    const bytes = typeof source === "string" ? await parseWat(source) : source;
    await expect(compile(bytes)).rejects.toMatchObject({
      name: "UnsupportedError",
      feature,
      message: expect.not.stringContaining("jco"),
    });
  });

  test("jco is refused where there is none, as in a page", async () => {
    const { tenon } = nodePlatform.engines;
    const page = { ...nodePlatform, name: "browser", engines: { tenon: tenon! } };
    const error = await compileSource(page, valuesBytes, { engine: "jco" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe('There is no engine "jco" here');
  });

  test("an engine of another name is refused, and the option by the name that it had", async () => {
    await expect(compile(valuesBytes, { engine: "other" as EngineName })).rejects.toBeInstanceOf(UsageError);
    await expect(compile(valuesBytes, { bindings: "jco" } as object)).rejects.toThrow(
      "Unknown option bindings of compile; did you mean engine?",
    );
  });

  test.each([{ hostCallBytes: 1 }, { resources: 100_000 }])(
    "limits are refused, which jco does not enforce: %o",
    async (limits) => {
      const refusal = /The engine "jco" enforces no limits, and limits\.(?:hostCallBytes|resources) is given/;
      const refused = createHost().load(valuesBytes, { engine: "jco", limits });
      await expect(refused).rejects.toThrow(refusal);
      await expect(refused).rejects.toBeInstanceOf(UsageError);
      await expect(createHost({ limits }).load(valuesBytes, { engine: "jco" })).rejects.toThrow(refusal);
      const component = await compile(valuesBytes, { engine: "jco" });
      expect(() => component.instantiateSync({}, { limits })).toThrow(refusal);
    },
  );

  test("jco: no limit of handles holds where none is given, as the README says", async () => {
    const make = async (engine: EngineName): Promise<unknown> =>
      (await fromWat(handles, engine)).instantiateSync().exports.make(100_001);
    await expect(make("tenon")).rejects.toMatchObject({ limit: "resources" });
    expect(await make("jco")).toBeUndefined();
  });

  test("bindings written ahead of time are refused", async () => {
    const bound = { format: 1, name: "b", hash: "0", modules: [], plan: {}, instantiate: () => ({}) };
    await expect(compile(bound, { engine: "jco" })).rejects.toThrow('The bindings of "b" are tenon\'s own');
  });

  const waits = `(component
    (import "demo:later/clock@0.1.0" (instance $clock (export "sleep" (func async (param "ms" u32) (result u32)))))
    (core func $sleep (canon lower (func $clock "sleep")))
    (core module $M (import "" "sleep" (func $sleep (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $sleep (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "sleep" (func $sleep))))))
    (func (export "run") async (param "n" u32) (result u32) (canon lift (core func $m "run"))))`;

  test.skipIf(suspends)("an asynchronous import takes a newer engine, and the error says so", async () => {
    const component = await fromWat(waits, "jco");
    expect(thrown(() => component.instantiateSync({ "demo:later/clock": { sleep: async () => 1 } }))).toMatchObject({
      name: "UnsupportedError",
      feature: "jspi",
      message: expect.stringContaining("Node 24"),
    });
  });
});
