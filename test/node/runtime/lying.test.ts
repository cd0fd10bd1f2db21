/**
 * Values that lie: lengths that are not true, getters and proxies that change their mind, throw or call back. Nothing of
 * them locks an instance, and nothing is written beyond what was allocated for them.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { LowerError, TrapError } from "../../../host/errors.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { compileGuest, thingsGuest } from "./guests.ts";
import { allocator, compileWat, options, thrown, type Dynamic } from "./support.ts";
import { memoriesOf } from "../../compile.ts";

/** Each function takes a type by value and says how many bytes its \`realloc\` has handed out since the last call. */
const types: Readonly<Record<string, string>> = {
  bytes: "(list u8)",
  shorts: "(list u16)",
  longs: "(list u64)",
  nested: "(list (list u16))",
  strings: "(list string)",
  pairs: "$pairs",
  point: "$point",
  many: "(list $point)",
  shape: "$shape",
  level: "(tuple $level u8)",
  chars: "(tuple char u8)",
  table: "(map string u32)",
  bits: "(tuple $bits u8)",
};

const text = `(component
  (core module $M ${allocator}
    (func (export "guarded") (result i32) (i32.load8_u (global.get $next)))
    (func (export "mark") (i32.store8 (global.get $next) (i32.const 165))
      (memory.fill (global.get $next) (i32.const 165) (i32.const 4096)))
    (func (export "pair") (param i32 i32))
    (func (export "take3") (param i32 i64 i32))
    (func (export "one") (param i32))
    (func (export "two") (param i32 f64))
    (func (export "used") (result i32) (global.get $next)))
  (core instance $m (instantiate $M))
  (type $pairs' (list (tuple u32 u64))) (export $pairs "pairs-type" (type $pairs'))
  (type $point' (record (field "x" u32) (field "y" u64) (field "z" u8))) (export $point "point-type" (type $point'))
  (type $shape' (variant (case "none") (case "circle" f64) (case "square" f64))) (export $shape "shape-type" (type $shape'))
  (type $level' (enum "low" "high")) (export $level "level-type" (type $level'))
  (type $bits' (flags "a" "b")) (export $bits "bits-type" (type $bits'))
  ${Object.entries(types)
    .map(([name, type]) => {
      const core = name === "point" ? "take3" : name === "shape" ? "two" : "pair";
      return `(func (export "${name}") (param "v" ${type}) (canon lift (core func $m "${core}") ${options}))`;
    })
    .join("\n")}
  (func (export "mark") (canon lift (core func $m "mark")))
  (func (export "used") (result u32) (canon lift (core func $m "used"))))`;

let component: Component<Dynamic>;
beforeAll(async () => {
  component = await compileWat(text);
});

/** A value that is the first one the first time it is read and the second one afterwards. */
const changing = (first: unknown, then: unknown, key: PropertyKey, base: object = {}): object => {
  let reads = 0;
  return Object.defineProperty(base, key, { get: () => (reads++ === 0 ? first : then), enumerable: true });
};
const withLength = (list: object, length: unknown): object => Object.defineProperty(list, "length", { value: length });
const proxied = (list: unknown[], length: unknown): unknown[] =>
  new Proxy(list, { get: (target, key) => (key === "length" ? length : Reflect.get(target, key)) });
class Sub extends Uint8Array {
  override get length(): number {
    return 3;
  }
}
const throwing = (key: PropertyKey, base: object = {}): object =>
  Object.defineProperty(base, key, {
    get: () => {
      throw new Error("no reading");
    },
  });
const point = { x: 1, y: 2n, z: 3 };

const lies: Readonly<Record<string, readonly [name: string, make: (instance: Instance<Dynamic>) => unknown]>> = {
  "bytes with a greater length of their own": ["bytes", () => withLength(new Uint8Array(3), 40)],
  "bytes with a smaller length of their own": ["bytes", () => withLength(new Uint8Array(40), 3)],
  "bytes with a negative length": ["bytes", () => withLength(new Uint8Array(3), -1)],
  "bytes with a length of NaN": ["bytes", () => withLength(new Uint8Array(3), Number.NaN)],
  "a subclass that lies": ["bytes", () => new Sub(40)],
  "an object of the prototype of bytes": ["bytes", () => Object.create(Uint8Array.prototype) as object],
  "a proxy of bytes": ["bytes", () => new Proxy(new Uint8Array(4), {})],
  "an array that is longer the second time": ["bytes", () => changing(1, 300, 0, [1, 2])],
  "an array of bytes that changes to a symbol": ["bytes", () => changing(1, Symbol("s"), 0, [1])],
  "shorts given as a proxy of length -1": ["shorts", () => proxied([1, 2], -1)],
  "shorts given as a proxy of length 1.5": ["shorts", () => proxied([1, 2, 3], 1.5)],
  "shorts given as a proxy of length 2 ** 32": ["shorts", () => proxied([1], 2 ** 32)],
  "shorts given as a proxy of length 2 ** 53": ["shorts", () => proxied([1], 2 ** 53)],
  "shorts given as a proxy of length '2'": ["shorts", () => proxied([1, 2], "2")],
  "shorts of another class": ["shorts", () => withLength(new Uint32Array([1, 2]), 9)],
  "longs that become numbers": ["longs", () => changing(1n, 1, 0, [])],
  "a list in a list of length -1": [
    "nested",
    () => new Proxy([[1, 2]], { get: (t, k) => (k === "0" ? proxied([1], -1) : Reflect.get(t, k)) }),
  ],
  "a list that shrinks while it is read": [
    "nested",
    () => {
      const list: unknown[] = [[1], [2], [3]];
      return Object.defineProperty(list, 0, { get: () => ((list.length = 1), [1]) });
    },
  ],
  "strings that become objects": ["strings", () => changing("ab", { length: 1.5, charCodeAt: () => 65 }, 0, [])],
  "strings that become numbers": ["strings", () => changing("ab", 7, 0, [])],
  "a tuple whose u64 becomes a number": ["pairs", () => [changing(2n, 2, 1, [1])]],
  "a record whose u64 becomes a number": ["point", () => changing(2n, 2, "y", { ...point })],
  "a record whose u8 becomes 300": ["point", () => changing(3, 300, "z", { ...point })],
  "a record whose u32 becomes an object": ["point", () => changing(1, { valueOf: () => 1 }, "x", { ...point })],
  "a record that throws": ["point", () => throwing("y", { ...point })],
  "a record that throws the second time": [
    "point",
    () => {
      let reads = 0;
      return Object.defineProperty({ ...point }, "y", {
        get: () => {
          if (reads++ > 0) throw new Error("no more");
          return 2n;
        },
      });
    },
  ],
  "a record in a list that throws": ["many", () => [point, throwing("z", { ...point })]],
  "a revoked proxy": [
    "many",
    () => {
      const { proxy, revoke } = Proxy.revocable([], {});
      revoke();
      return proxy;
    },
  ],
  "a variant whose tag becomes another's": ["shape", () => changing("circle", "hexagon", "tag", { val: 1 })],
  "a variant whose payload becomes a string": ["shape", () => changing(1, "1", "val", { tag: "circle" })],
  "an enum that becomes another word": ["level", () => changing("low", "middle", 0, [undefined, 1])],
  "a char that becomes two": ["chars", () => changing("a", "ab", 0, [undefined, 1])],
  "a char that becomes a lone surrogate": ["chars", () => changing("a", "\ud800", 0, [undefined, 1])],
  "a map that is none": ["table", () => Object.create(Map.prototype) as object],
  "a map whose iterator lies": [
    "table",
    () => Object.assign(new Map([["a", 1]]), { [Symbol.iterator]: () => [["a", "b"]][Symbol.iterator]() }),
  ],
  "flags that become a number": ["bits", () => changing({}, 1, 0, [undefined, 1])],
  "a getter that calls the instance": [
    "point",
    (it) => Object.defineProperty({ ...point }, "x", { get: () => it.exports.used() }),
  ],
};

test.each(Object.entries(lies))("%s: refused or taken for what it is, and the instance lives", (_, [name, make]) => {
  const instance = component.instantiateSync();
  const { exports } = instance;
  exports.mark();
  const before = exports.used() as number;
  const memory = new Uint8Array(memoriesOf(instance)[0]!.buffer);
  try {
    exports[name](make(instance));
  } catch (error) {
    expect(error).toBeInstanceOf(LowerError);
    expect((error as LowerError).message).toMatch(/^Expected .* at .*, got /);
  }
  expect(instance.state).toBe("live");
  const after = exports.used() as number;
  expect(after - before).toBeLessThan(4096);
  // What lies behind the last allocation was marked, and nobody has written there.
  expect(memory.slice(after, before + 4096).every((byte) => byte === 165)).toBe(true);
  exports.point(point);
  exports.bytes(new Uint8Array(4));
});

describe("handles that are swapped between check and lowering", () => {
  const things = "demo:res/things@1.0.0";

  test("take and rep refuse the handle of another instance", async () => {
    const guest = await compileGuest(thingsGuest);
    const [mine, other] = [guest.instantiateSync(), guest.instantiateSync()];
    const [{ Thing, swap, sum }, { Thing: Foreign }] = [mine.exports[things], other.exports[things]];
    const foreign = new Foreign(7);
    const swapped = thrown(() => swap(changing(new Thing(1), foreign, "left", { right: undefined })));
    expect(swapped).toBeInstanceOf(LowerError);
    expect(thrown(() => sum(changing(new Thing(1), foreign, 0, [])))).toBeInstanceOf(LowerError);
    expect([mine.state, other.state]).toEqual(["live", "live"]);
    expect(foreign.value()).toBe(7);
  });

  test("what was given away before is taken back: the caller has it still, and the guest has no handle", async () => {
    const mine = (await compileGuest(thingsGuest)).instantiateSync();
    const { Thing, swap, sum, takeAll } = mine.exports[things];
    const [kept, fresh, gone] = [new Thing(7), new Thing(1), new Thing(8)];
    gone[Symbol.dispose]();
    const refused = (call: () => unknown): void => expect(thrown(call)).toBeInstanceOf(LowerError);
    refused(() => swap(changing(fresh, gone, "right", { left: kept })));
    refused(() => takeAll(changing(fresh, gone, 1, [kept])));
    refused(() => sum(changing(fresh, gone, 1, [kept])));
    expect([kept.value(), fresh.value(), mine.resources().heldByHost.get("thing")]).toEqual([7, 1, 2]);
    expect(takeAll([kept, fresh])).toBe(8);
    expect(thrown(() => kept.value())).toBeInstanceOf(LowerError);
    expect([mine.resources().heldByHost.size, mine.state]).toEqual([0, "live"]);
  });

  test("an object of the host's that was given away before is the host's again", async () => {
    const guest = await compileWat(`(component
      (import "r" (type $r (sub resource)))
      (core module $M (func (export "take") (param i32 i32) (result i32) (local.get 0)))
      (core instance $m (instantiate $M))
      (func (export "own") (param "v" (tuple (own $r) u8)) (result u32) (canon lift (core func $m "take")))
      (func (export "borrow") (param "v" (tuple (borrow $r) u8)) (result u32) (canon lift (core func $m "take"))))`);
    class R {}
    const mine = guest.instantiateSync({ r: R });
    for (const call of [mine.exports.own, mine.exports.borrow]) {
      expect(thrown(() => call(changing(1, "no number", 1, [new R()])))).toBeInstanceOf(LowerError);
      expect(mine.resources().heldByGuest.size).toBe(0);
    }
    // The first handle there is, whatever was taken back before.
    expect(mine.exports.own([new R(), 1])).toBe(1);
    expect(mine.dispose().hostResourcesDisposed).toBe(1);
  });

  test("take and rep refuse a handle that was dropped or given away since the check", async () => {
    const mine = (await compileGuest(thingsGuest)).instantiateSync();
    const { Thing, swap, sum, keep } = mine.exports[things];
    for (const end of [(thing: Disposable) => thing[Symbol.dispose](), (thing: Disposable) => keep(thing)]) {
      const gone = new Thing(7);
      end(gone);
      expect(thrown(() => swap(changing(new Thing(1), gone, "left", { right: undefined })))).toBeInstanceOf(LowerError);
      expect(thrown(() => sum(changing(new Thing(1), gone, 0, [])))).toBeInstanceOf(LowerError);
    }
    expect(mine.state).toBe("live");
    expect(sum([new Thing(2)])).toBe(2);
  });

  test("a handle of another instance is named with it", async () => {
    const guest = await compileGuest(thingsGuest);
    const mine = guest.instantiateSync({}, { name: "mine" });
    const other = guest.instantiateSync({}, { name: "other" });
    const foreign = new other.exports[things].Thing(7);
    expect(thrown(() => mine.exports[things].keep(foreign)).message).toContain(`a thing of another instance, "other"`);
  });

  test("a check within a check does not forget which handles the first one gives away", async () => {
    const { Thing, swap, keep } = (await compileGuest(thingsGuest)).instantiateSync().exports[things];
    const thing = new Thing(1);
    const both = Object.defineProperty({ left: thing } as object, "right", {
      get: () => {
        keep(new Thing(2));
        return thing;
      },
    });
    const error = thrown(() => swap(both));
    expect(error).toBeInstanceOf(LowerError);
    expect(error.message).toContain("that the same call has already");
    expect(thing.value()).toBe(1);
  });

  test("the base of the classes gives nothing away and cannot be changed", async () => {
    const { Thing } = (await compileGuest(thingsGuest)).instantiateSync().exports[things];
    const base = Object.getPrototypeOf(Thing) as object;
    expect(Reflect.ownKeys(base).toSorted()).toEqual(["length", "name", "prototype"]);
    expect(Object.isFrozen(base)).toBe(true);
    expect(Object.isFrozen((base as { prototype: object }).prototype)).toBe(true);
  });
});

describe("an import that is exported again", () => {
  const again = `(component (import "f" (func $f (param "v" u8) (result u8))) (export "g" (func $f)))`;

  test("is a function of its own that checks arguments and is cut by dispose", async () => {
    const given = Object.assign((v: number) => v + 1, { secret: 1 });
    const instance = (await compileWat(again)).instantiateSync({ f: given });
    const { g } = instance.exports;
    expect(g(1)).toBe(2);
    expect(g).not.toBe(given);
    expect(Object.hasOwn(g, "secret")).toBe(false);
    const refused = thrown(() => g("no u8"));
    expect(refused).toBeInstanceOf(LowerError);
    expect(refused.message).toContain("at v");
    instance.dispose();
    expect(thrown(() => g(1)).message).toContain(`Cannot call export "g"`);
  });
});

/** Imports whose result the guest stores and gives back as bytes. */
const returning = (type: string): string => `(component
  (import "f" (func $f (result ${type})))
  (core module $Mem ${allocator})
  (core instance $m (instantiate $Mem))
  (core func $f' (canon lower (func $f) ${options}))
  (core module $M (import "h" "f" (func $f (param i32))) (import "m" "memory" (memory 1))
    (func (export "run") (result i32) (call $f (i32.const 64)) (i32.load8_u (i32.const 64))))
  (core instance $c (instantiate $M (with "m" (instance $m)) (with "h" (instance (export "f" (func $f'))))))
  (func (export "run") (result u8) (canon lift (core func $c "run"))))`;

describe("results of imports", () => {
  test("a result that changes between check and lowering is a trap of the import", async () => {
    const instance = (await compileWat(returning("(tuple u64 string)"))).instantiateSync({
      f: () => changing("a", 5, 1, [1n]),
    });
    expect((thrown(() => instance.exports.run()) as TrapError).trap).toBe("import-threw");
  });

  test.each([
    ["a value", "a", 0],
    ["a thrown payload", undefined, 1],
    ["a result that is ok", { tag: "ok", val: "a" }, 0],
    ["a result that is an error", { tag: "err", val: "boom" }, 1],
  ])("of the type result are taken as %s", async (_, value, discriminant) => {
    const f = (): unknown => {
      // oxlint-disable-next-line no-throw-literal
      if (value === undefined) throw "boom";
      return value;
    };
    const full = (await compileWat(returning("(result string (error string))"))).instantiateSync({ f });
    expect(full.exports.run()).toBe(discriminant);
    const bare = (await compileWat(returning("(result (error string))"))).instantiateSync({ f });
    expect(bare.exports.run()).toBe(discriminant);
  });

  test("an object with a tag is the value of ok where such a value may have one", async () => {
    const type = "(result (result u8) (error string))";
    const instance = (await compileWat(returning(type))).instantiateSync({ f: () => ({ tag: "err" }) });
    expect(instance.exports.run()).toBe(0);
  });
});

test.each([undefined, null, {}, { x: false }])(
  "%o for flags is no flag set, as an argument and as a result",
  async (none) => {
    const wat = `(component
    (type $fl' (flags "x" "y"))
    (import "fl" (type $fl (eq $fl')))
    (import "f" (func $f (result $fl)))
    (core func $f' (canon lower (func $f)))
    (core module $M (import "h" "f" (func $f (result i32))) (func (export "run") (result i32) (call $f))
      (func (export "bits") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M (with "h" (instance (export "f" (func $f'))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "bits") (param "v" $fl) (result u32) (canon lift (core func $m "bits"))))`;
    const instance = (await compileWat(wat)).instantiateSync({ f: () => none });
    expect(instance.exports.run()).toBe(0);
    expect(instance.exports.bits(none)).toBe(0);
    expect(instance.exports.bits({ y: true })).toBe(2);
  },
);
