/** What stands between a guest and the host where calls wait: values of every core type, other components, JavaScript. */
import { describe, expect, test } from "vitest";
import { UnloadedError } from "../../../host/node/index.ts";
import { component } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

const JSPI = { jspi: true } as const;

// Node 20 and 22 have no JavaScript Promise Integration.
describe.runIf("Suspending" in WebAssembly)("with jspi", () => {
  test.each([
    ["i32", "u32", 7],
    ["i64", "u64", 2n ** 40n],
    ["f32", "f32", 1.5],
    ["f64", "f64", 0.1],
  ])("a value of core type %s comes through a wait", async (core, wit, value) => {
    const bytes = await component(`(component
      (import "get" (func $get (param "a" ${wit}) (param "b" string) (result ${wit})))
      (core module $mem (memory (export "memory") 1))
      (core instance $mem (instantiate $mem))
      (alias core export $mem "memory" (core memory $memory))
      (core func $get (canon lower (func $get) (memory $memory)))
      (core module $m
        (import "h" "get" (func $get (param ${core} i32 i32) (result ${core})))
        (func (export "run") (param ${core}) (result ${core})
          (call $get (call $get (local.get 0) (i32.const 0) (i32.const 0)) (i32.const 0) (i32.const 0))))
      (core instance $i (instantiate $m (with "h" (instance (export "get" (func $get))))))
      (func (export "run") (param "a" ${wit}) (result ${wit}) (canon lift (core func $i "run"))))`);
    const here = host();
    const late: Any = await here.load(bytes, { name: "late", imports: { get: async (it: unknown) => it }, ...JSPI });
    expect(await late.exports.run(value)).toBe(value);
    const soon: Any = await here.load(bytes, { name: "soon", imports: { get: (it: unknown) => it }, ...JSPI });
    expect(await soon.exports.run(value)).toBe(value);
  });

  test("a guest's endless recursion is a stack-overflow, before and after a wait", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (core func $wait (canon lower (func $wait)))
      (core module $m
        (import "h" "wait" (func $wait))
        (func $f (export "f") (param i32) (result i32)
          (i32.add (i32.const 1) (call $f (i32.add (local.get 0) (i32.const 1)))))
        (func (export "g") (result i32) (call $wait) (call $f (i32.const 1))))
      (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
      (func (export "f") (param "a" s32) (result s32) (canon lift (core func $i "f")))
      (func (export "g") (result s32) (canon lift (core func $i "g"))))`);
    for (const call of [(it: Any) => it.exports.f(1), (it: Any) => it.exports.g()]) {
      const module: Any = await host().load(bytes, { name: "s", imports: { wait: async () => undefined }, ...JSPI });
      expect(await caught(call(module))).toMatchObject({ name: "TrapError", trap: "stack-overflow" });
      expect(module.state).toBe("trapped");
    }
  });

  describe("limits.stackBytes and a guest that catches", () => {
    // `down` goes so deep, waits there and throws through all its frames; `caught` catches that, `times` often; `endless` catches
    // whatever ends an endless recursion after a wait, and begins another.
    const guest = (): Promise<Uint8Array<ArrayBuffer>> =>
      component(`(component
        (import "wait" (func $wait))
        (core func $wait (canon lower (func $wait)))
        (core module $m
          (import "h" "wait" (func $wait))
          (tag $e)
          (func $down (param i32) (if (local.get 0)
            (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $wait) (throw $e))))
          (func $once (block (try_table (catch_all 0) (call $down (i32.const 9)))))
          (func (export "caught") (param i32) (result i32) (local i32)
            (loop $l
              (call $once)
              (local.set 1 (i32.add (local.get 1) (i32.const 1)))
              (br_if $l (i32.lt_u (local.get 1) (local.get 0))))
            (local.get 1))
          (func $for_ever (call $for_ever))
          (func (export "endless") (loop $l
            (block (try_table (catch_all 0) (call $wait) (call $for_ever))) (br $l)))
          (func (export "stubborn") (loop $l (block (try_table (catch_all 0) (call $wait))) (br $l))))
        (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
        (func (export "caught") (param "times" u32) (result u32) (canon lift (core func $i "caught")))
        (func (export "endless") (canon lift (core func $i "endless")))
        (func (export "stubborn") (canon lift (core func $i "stubborn"))))`);
    const load = async (wait: () => unknown, limits: object): Promise<Any> =>
      (await host().load(await guest(), { name: "g", imports: { wait }, limits, ...JSPI } as object)) as Any;

    test.each([
      ["at once", () => undefined],
      ["later", async () => undefined],
    ])("what it took is given back after each catch, where the import answers %s", async (_, wait) => {
      for (const more of [{}, { fuel: Number.POSITIVE_INFINITY }]) {
        // Eleven frames of it take less than 1,500 bytes, and a hundred times those more.
        const module = await load(wait, { stackBytes: 1_500, ...more });
        for (let i = 0; i < 3; i++) expect(await module.exports.caught(100)).toBe(100);
      }
    });

    test.each([
      ["without other limits", {}],
      ["beside others", { fuel: 10_000_000, timeoutMs: 60_000 }],
      ["that gives the event loop turns", { yieldMs: 0.1 }],
    ])("an endless recursion after a wait is ended, and the catch is not reached: %s", async (_, more) => {
      let waits = 0;
      const module = await load(async () => void waits++, { stackBytes: 65_536, ...more });
      const calls = [module.exports.endless(), module.exports.caught(1)].map(caught);
      expect(await calls[0]).toMatchObject({ name: "LimitError", limit: "stack", allowed: 65_536, export: "endless" });
      expect(await calls[1]).toBeInstanceOf(UnloadedError);
      expect(waits).toBe(1);
      expect(module).toMatchObject({ state: "trapped" });
    });

    test.each([
      ["its time", { timeoutMs: 20 }, (module: Any) => module.exports.stubborn(), { limit: "timeout", allowed: 20 }],
      [
        "its signal",
        { timeoutMs: 60_000 },
        (module: Any) => module.with({ signal: AbortSignal.timeout(5) }).exports.stubborn(),
        { name: "TimeoutError" },
      ],
    ])(
      "a call that waits within a catch ends with %s, and the guest does not go on",
      async (_, limits, call, error) => {
        let waits = 0;
        const never = (): Promise<void> => {
          waits++;
          return new Promise(() => undefined);
        };
        const module = await load(never, { stackBytes: 1_500, ...limits });
        expect(await caught(call(module))).toMatchObject(error);
        expect(module.state).toBe("trapped");
        expect(waits).toBe(1);
      },
    );

    test("an import that fails within a catch is what the call ends with, and the guest reaches no import any more", async () => {
      let waits = 0;
      const failing = async (): Promise<never> => {
        waits++;
        throw new Error("no");
      };
      // What the guest does by itself after it has caught the error, its time ends.
      const module = await load(failing, { stackBytes: 1_500, timeoutMs: 50 });
      expect(await caught(module.exports.stubborn())).toMatchObject({ name: "TrapError", trap: "import-threw" });
      expect(waits).toBe(1);
    });
  });

  test("where JavaScript stands between, an import's promise is a trap that says so: in a start function", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (core func $wait (canon lower (func $wait)))
      (core module $m (import "h" "wait" (func $wait)) (start $wait))
      (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait)))))))`);
    const here = host();
    const error = await caught(here.load(bytes, { name: "s", imports: { wait: async () => undefined }, ...JSPI }));
    expect(error).toMatchObject({ name: "TrapError", trap: "import-threw", cause: { feature: "jspi" } });
    expect(error.message).toContain("cannot be suspended where it is being started");
    expect(here.manifest()).toEqual([]);
  });

  test("where JavaScript stands between, an import's promise is a trap that says so: in a destructor", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (core func $wait (canon lower (func $wait)))
      (core module $d (import "h" "wait" (func $wait)) (func (export "drop") (param i32) (call $wait)))
      (core instance $d (instantiate $d (with "h" (instance (export "wait" (func $wait))))))
      (type $t (resource (rep i32) (dtor (core func $d "drop"))))
      (core func $new (canon resource.new $t))
      (core func $drop (canon resource.drop $t))
      (core module $m
        (import "h" "new" (func $new (param i32) (result i32)))
        (import "h" "drop" (func $drop (param i32)))
        (func (export "run") (call $drop (call $new (i32.const 1)))))
      (core instance $i (instantiate $m (with "h" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
      (func (export "run") (canon lift (core func $i "run"))))`);
    const module: Any = await host().load(bytes, { name: "d", imports: { wait: async () => undefined }, ...JSPI });
    const error = await caught(module.exports.run());
    expect(error).toMatchObject({ name: "TrapError", trap: "import-threw", cause: { feature: "jspi" } });
    expect(error.message).toContain("where a destructor runs");
  });

  test("calls between the components inside a module are suspended as one", async () => {
    const bytes = await component(`(component
      (import "wait" (func $wait))
      (component $inner
        (import "wait" (func $wait))
        (core func $wait (canon lower (func $wait)))
        (core module $m (import "h" "wait" (func $wait)) (func (export "run") (call $wait)))
        (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait))))))
        (func (export "run") (canon lift (core func $i "run"))))
      (instance $inner (instantiate $inner (with "wait" (func $wait))))
      (component $outer
        (import "run" (func $run))
        (core func $run (canon lower (func $run)))
        (core module $m (import "h" "run" (func $run)) (func (export "run") (call $run)))
        (core instance $i (instantiate $m (with "h" (instance (export "run" (func $run))))))
        (func (export "run") (canon lift (core func $i "run"))))
      (instance $outer (instantiate $outer (with "run" (func $inner "run"))))
      (func (export "inner") (alias export $inner "run"))
      (func (export "outer") (alias export $outer "run")))`);
    const here = host();
    const module: Any = await here.load(bytes, { name: "n", imports: { wait: async () => undefined }, ...JSPI });
    await module.exports.inner();
    await module.exports.outer();
    expect(module.state).toBe("live");
    const sync: Any = await here.load(bytes, { name: "sync", imports: { wait: () => undefined }, ...JSPI });
    await sync.exports.outer();
    expect(sync.state).toBe("live");
  });

  test("calls between the components inside a module pass values, results, borrows and traps, also across a wait", async () => {
    const many = Array.from({ length: 17 }, (_, i) => `(param "p${i}" u32)`).join(" ");
    const bytes = await component(`(component
      (import "wait" (func $wait (param "n" u64) (result u64)))
      (import "file" (type $file (sub resource)))
      (component $inner
        (import "wait" (func $wait (param "n" u64) (result u64)))
        (import "file" (type $file (sub resource)))
        (core func $wait (canon lower (func $wait)))
        (core func $drop (canon resource.drop $file))
        (core module $m
          (import "h" "wait" (func $wait (param i64) (result i64)))
          (import "h" "drop" (func $drop (param i32)))
          (memory (export "memory") 1)
          (global $free (mut i32) (i32.const 1024))
          (global $returned (mut i32) (i32.const 0))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $free (i32.add (global.get $free) (i32.const 256)))
            (global.get $free))
          (func (export "shout") (param i32 i32 i64 f64 i32) (result i32)
            (call $drop (local.get 4))
            (i32.store (i32.const 16) (local.get 0))
            (i32.store (i32.const 20) (i32.add (local.get 1) (i32.wrap_i64 (call $wait (local.get 2)))))
            (i32.store8 (i32.add (local.get 0) (i32.const 1)) (i32.trunc_f64_u (local.get 3)))
            (i32.const 16))
          (func (export "after") (param i32) (global.set $returned (i32.add (global.get $returned) (i32.const 1))))
          (func (export "many") (param i32) (result i32)
            (i32.add (global.get $returned)
              (i32.add (i32.load (local.get 0)) (i32.add (i32.load offset=64 (local.get 0)) (i32.wrap_i64 (call $wait (i64.const 0)))))))
          (func (export "boom") (drop (call $wait (i64.const 0))) unreachable))
        (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait)) (export "drop" (func $drop))))))
        (alias core export $i "memory" (core memory $memory))
        (alias core export $i "realloc" (core func $realloc))
        (func (export "shout") (param "text" string) (param "n" u64) (param "letter" f64) (param "it" (borrow $file)) (result string)
          (canon lift (core func $i "shout") (memory $memory) (realloc $realloc) (post-return (core func $i "after"))))
        (func (export "many") ${many} (result u32) (canon lift (core func $i "many") (memory $memory) (realloc $realloc)))
        (func (export "boom") (canon lift (core func $i "boom"))))
      (instance $inner (instantiate $inner (with "wait" (func $wait)) (with "file" (type $file))))
      (component $outer
        (import "file" (type $file (sub resource)))
        (import "shout" (func $shout (param "text" string) (param "n" u64) (param "letter" f64) (param "it" (borrow $file)) (result string)))
        (import "many" (func $many ${many} (result u32)))
        (import "boom" (func $boom))
        (core module $mem
          (memory (export "memory") 1)
          (global $free (mut i32) (i32.const 1024))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $free (i32.add (global.get $free) (i32.const 256)))
            (global.get $free)))
        (core instance $mem (instantiate $mem))
        (alias core export $mem "memory" (core memory $memory))
        (alias core export $mem "realloc" (core func $realloc))
        (core func $shout (canon lower (func $shout) (memory $memory) (realloc $realloc)))
        (core func $many (canon lower (func $many) (memory $memory)))
        (core func $boom (canon lower (func $boom)))
        (core func $drop (canon resource.drop $file))
        (core module $m
          (import "h" "shout" (func $shout (param i32 i32 i64 f64 i32 i32)))
          (import "h" "many" (func $many (param i32) (result i32)))
          (import "h" "boom" (func $boom))
          (import "h" "drop" (func $drop (param i32)))
          (import "h" "memory" (memory 1))
          (func (export "shout") (param i32 i32 i64 f64 i32) (result i32)
            (call $shout (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (i32.const 32))
            (call $drop (local.get 4))
            (i32.const 32))
          (func (export "many") (param i32 i32) (result i32)
            (i32.store (i32.const 64) (local.get 0))
            (i32.store offset=64 (i32.const 64) (local.get 1))
            (call $many (i32.const 64)))
          (func (export "boom") (call $boom)))
        (core instance $i (instantiate $m (with "h" (instance
          (export "shout" (func $shout)) (export "many" (func $many)) (export "boom" (func $boom))
          (export "drop" (func $drop)) (export "memory" (memory $memory))))))
        (func (export "shout") (param "text" string) (param "n" u64) (param "letter" f64) (param "it" (borrow $file)) (result string)
          (canon lift (core func $i "shout") (memory $memory) (realloc $realloc)))
        (func (export "many") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "many")))
        (func (export "boom") (canon lift (core func $i "boom"))))
      (instance $outer (instantiate $outer (with "file" (type $file))
        (with "shout" (func $inner "shout")) (with "many" (func $inner "many")) (with "boom" (func $inner "boom"))))
      (export "shout" (func $outer "shout"))
      (export "many" (func $outer "many"))
      (export "boom" (func $outer "boom")))`);
    class File {}
    for (const wait of [(n: bigint) => n, async (n: bigint) => n]) {
      const module: Any = await host().load(bytes, {
        name: "n",
        imports: { wait, file: File, File },
        ...JSPI,
      } as object);
      const { shout, many, boom } = module.exports;
      expect(await shout("hello", 0n, 69, new File())).toBe("hEllo");
      expect(await Promise.all([shout("abc", 0n, 66, new File()), many(3, 4)])).toEqual(["aBc", 9]);
      const error = await caught(boom());
      expect(error).toMatchObject({ name: "TrapError", trap: "unreachable", export: "boom" });
      expect(module.state).toBe("trapped");
    }
  });
});
