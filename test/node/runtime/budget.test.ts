/** What a guest may take of the host's heap: bytes handed over at once, and live handles. Passing either is a trap. */
import { describe, expect, test } from "vitest";
import { LimitError, UnloadedError, UsageError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import type { Limits } from "../../../host/runtime/engine.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { handles, lists } from "./greedy.ts";
import { compileWat, thrown, type Dynamic } from "./support.ts";

const passing = (call: () => unknown): LimitError => {
  const error = thrown(call);
  expect(error).toBeInstanceOf(LimitError);
  return error as LimitError;
};

describe("bytes handed over in one call", () => {
  test.each([
    ["bool", 2 ** 28 - 1],
    ["(option bool)", 2 ** 27 - 1],
    ["(tuple bool)", 10 ** 8],
    ["(list u8)", 2 ** 25 - 1],
    ["u8", 2 ** 27 + 1],
  ])("a list<%s> of %i elements is a LimitError before it is made", async (type, count) => {
    const instance = (await compileWat(lists(type, 4096))).instantiateSync();
    const error = passing(() => instance.exports.list(0, count));
    expect(error).toMatchObject({ limit: "host-call-bytes", allowed: 2 ** 27, trap: "limit-exceeded", export: "list" });
    expect(error.used).toBeGreaterThan(2 ** 27);
    expect(instance.state).toBe("trapped");
    expect(thrown(() => instance.exports.text())).toBeInstanceOf(UnloadedError);
    instance.dispose();
  });

  test("lists that share their bytes are counted each time", async () => {
    const component = await compileWat(lists("u8", 2));
    const instance = component.instantiateSync();
    expect(instance.exports.aliased(1_000, 100_000)).toHaveLength(1_000);
    expect(passing(() => instance.exports.aliased(8_000, 100_000)).limit).toBe("host-call-bytes");
    const strings = component.instantiateSync();
    expect(strings.exports.strings(1_000, 9)).toHaveLength(1_000);
    passing(() => strings.exports.strings(8_000, 0x6060));
  });

  test("many short strings stay within what was counted for them", async () => {
    const instance = (await compileWat(lists("u8", 64))).instantiateSync();
    // Bytes of the descriptors themselves, which are zero or ASCII: 64, 0, 0, 0, 40, 0, …
    const strings: string[] = instance.exports.strings(400_000, 40);
    expect(strings).toHaveLength(400_000);
    expect(new Set(strings).size).toBe(1);
    expect(strings.at(-1)).toBe(strings[0]);
  });

  test("the limit is for each call, not for all of them", async () => {
    const instance = (await compileWat(lists("u8", 4))).instantiateSync({}, { limits: { hostCallBytes: 100_000 } });
    for (let i = 0; i < 50; i++) expect(instance.exports.list(0, 100_000)).toHaveLength(100_000);
    const error = passing(() => instance.exports.list(0, 100_001));
    expect(error).toMatchObject({ allowed: 100_000, used: 100_001 });
    expect(error.message).toContain("100001 bytes handed to the host at once, of at most 100000");
  });

  test("a limit of nothing lets nothing over but empty lists and strings", async () => {
    const component = await compileWat(lists("u8", 4));
    const limits: Limits = { hostCallBytes: 0 };
    expect(component.instantiateSync({}, { limits }).exports.list(0, 0)).toHaveLength(0);
    passing(() => component.instantiateSync({}, { limits }).exports.text());
  });

  test("arguments of imports and of other guests are counted as results are", async () => {
    const taking = `(component
      (import "take" (func $take (param "l" (list u8))))
      (core module $Mem (memory (export "memory") 2)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
      (core instance $m (instantiate $Mem))
      (core func $take' (canon lower (func $take) (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
      (core module $M (import "h" "take" (func $take (param i32 i32)))
        (func (export "run") (param i32) (call $take (i32.const 0) (local.get 0))))
      (core instance $c (instantiate $M (with "h" (instance (export "take" (func $take'))))))
      (func (export "run") (param "n" u32) (canon lift (core func $c "run"))))`;
    const limits: Limits = { hostCallBytes: 1_000 };
    const host = await compileWat(taking);
    let seen = 0;
    const instance = host.instantiateSync({ take: (list: Uint8Array) => (seen = list.length) }, { limits });
    instance.exports.run(1_000);
    expect(seen).toBe(1_000);
    passing(() => instance.exports.run(1_001));
    const guest = await compileWat(`(component
      (component $Other
        (core module $Mem (memory (export "memory") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
          (func (export "take") (param i32 i32)))
        (core instance $m (instantiate $Mem))
        (func (export "take") (param "l" (list u8)) (canon lift (core func $m "take")
          (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
      (component $Caller ${taking.slice("(component".length)}
      (instance $other (instantiate $Other))
      (instance $caller (instantiate $Caller (with "take" (func $other "take"))))
      (export "run" (func $caller "run")))`);
    const both = guest.instantiateSync({}, { limits });
    both.exports.run(1_000);
    passing(() => both.exports.run(1_001));
  });

  test("a list of fixed length is counted", async () => {
    const text = `(component
      (core module $M (memory (export "memory") 4) (func (export "list") (result i32) (i32.const 0)))
      (core instance $m (instantiate $M))
      (func (export "list") (result (list bool 100000)) (canon lift (core func $m "list") (memory (core memory $m "memory")))))`;
    const component = await compileWat(text);
    expect(component.instantiateSync().exports.list()).toHaveLength(100_000);
    passing(() => component.instantiateSync({}, { limits: { hostCallBytes: 10_000 } }).exports.list());
  });
});

describe("live handles", () => {
  test("100,000 are allowed, and one more is a LimitError", async () => {
    const instance = (await compileWat(handles)).instantiateSync();
    instance.exports.make(100_000);
    expect(passing(() => instance.exports.make(1))).toMatchObject({
      limit: "resources",
      allowed: 100_000,
      used: 100_001,
    });
  });

  test("what was dropped is not counted", async () => {
    const instance = (await compileWat(handles)).instantiateSync({}, { limits: { resources: 3 } });
    instance.exports.make(2);
    instance.exports.churn(10_000);
    passing(() => instance.exports.make(2));
  });

  test("the limit is for the instance, however many components it consists of", async () => {
    const nested = `(component
      (component $C ${handles.slice("(component".length)}
      (instance $a (instantiate $C)) (instance $b (instantiate $C))
      (export "a" (func $a "make")) (export "b" (func $b "make")))`;
    const instance = (await compileWat(nested)).instantiateSync({}, { limits: { resources: 10 } });
    instance.exports.a(6);
    passing(() => instance.exports.b(5));
  });
});

describe("limits as options", () => {
  test.each([
    [{ hostCallBytes: Number.NaN }, "Expected hostCallBytes to be an integer of at least 0"],
    [{ hostCallBytes: -1 }, "Expected hostCallBytes to be an integer of at least 0"],
    [{ hostCallBytes: 1.5 }, "Expected hostCallBytes to be an integer of at least 0"],
    [{ resources: "10" }, "Expected resources to be an integer of at least 0"],
    [{ resources: null }, "Expected resources to be an integer of at least 0"],
    [{ memory: 1 }, "Unknown option memory of limits"],
    ["none", "Expected limits to be an object"],
  ])("%o is a UsageError", async (limits, words) => {
    const component = await compileWat(handles);
    const error = thrown(() => component.instantiateSync({}, { limits: limits as Limits }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain(words);
  });
});

describe("limits of a host and its modules", () => {
  test("the module's go before the host's, one by one, also after a restart and a reload", async () => {
    const bytes = new Uint8Array(await parseWat(handles));
    await using host = createHost({ limits: { resources: 5, hostCallBytes: 7 } });
    const allowed = async (limits?: Limits): Promise<number> => {
      const module = await host.load<Dynamic>(bytes, { name: "m", limits, onTrap: { delayMs: 0 } });
      const restarted = new Promise((resolve) => host.on("restarted", resolve));
      const first = passing(() => module.exports.make(1_000)).allowed;
      await restarted;
      await module.reload();
      expect(passing(() => module.exports.make(1_000)).allowed).toBe(first);
      await module.unload({ force: true });
      return first;
    };
    expect(await allowed()).toBe(5);
    expect(await allowed({ resources: 3 })).toBe(3);
    expect(await allowed({ resources: undefined, hostCallBytes: 1 })).toBe(5);
  });

  test("what is no limit is refused by createHost and load", async () => {
    expect(thrown(() => createHost({ limits: { resources: Number.NaN } }))).toBeInstanceOf(UsageError);
    await using host = createHost();
    await expect(host.load(new Uint8Array(8), { limits: { hostCallBytes: -1 } })).rejects.toThrow(UsageError);
  });
});
