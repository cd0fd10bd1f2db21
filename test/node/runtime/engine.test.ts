/** What an engine refuses: features it lacks, named, and instances it has no room for, which no words of others imitate. */
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  compile,
  createHost,
  DecodeError,
  EngineLimitError,
  TrapError,
  UnsupportedError,
} from "../../../host/node/index.ts";
import { missingFeature } from "../../../host/runtime/features.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { thrown, type Dynamic } from "./support.ts";

async function wat(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parseWat(text));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a core module with a feature that engines have not always had", () => {
  const features: readonly (readonly [string, string])[] = [
    ["extended constant expressions", "(global i32 (i32.add (i32.const 1) (i32.const 2)))"],
    ["extended constant expressions", '(memory 1) (data (i32.sub (i32.const 9) (i32.const 2)) "a")'],
    ["extended constant expressions", "(table 9 funcref) (elem (i32.mul (i32.const 1) (i32.const 2)) func)"],
    ["memories and tables of 64-bit addresses (memory64)", "(memory i64 1)"],
    ["memories and tables of 64-bit addresses (memory64)", '(import "a" "m" (memory i64 1))'],
    ["several memories in one module", '(import "a" "m" (memory 1)) (memory 1)'],
    ["garbage collected objects", "(type (struct (field i32)))"],
    ["garbage collected objects", "(func (param (ref null any)))"],
    ["typed function references", "(func (param (ref func)))"],
    ["exceptions as references (exnref)", "(func (param exnref))"],
  ];
  test.each(features)("%s: runs, or is an UnsupportedError that names it (%s)", async (title, fields) => {
    const module = await wat(`(module ${fields})`);
    const has = WebAssembly.validate(module);
    // The engine's words are left out: the feature is found in the module.
    if (!has) expect(missingFeature(module, "")).toContain(`This engine lacks ${title}`);
    const imports = fields.includes("import") ? `(with "a" (instance (export "m" (memory $given))))` : "";
    const given = `(core module $given (memory (export "m") ${fields.includes("i64") ? "i64 " : ""}1))
      (core instance $g (instantiate $given)) (alias core export $g "m" (core memory $given))`;
    const text = `(component ${imports === "" ? "" : given} (core module $m ${fields}) (core instance (instantiate $m ${imports})))`;
    const compiled = compile(await wat(text));
    if (has) return expect((await compiled).instantiateSync().state).toBe("live");
    const error = await compiled.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error).toMatchObject({ feature: "core-wasm", message: expect.stringContaining(title) });
  });

  test("is a DecodeError when it is simply not valid", async () => {
    const bytes = await wat(
      `(component (core module $m (memory 1) (func (result i32) (i32.const 1))) (core instance (instantiate $m)))`,
    );
    const at = bytes.findIndex((byte, i) => byte === 0x41 && bytes[i + 1] === 1 && bytes[i + 2] === 0x0b);
    bytes.set([0x6a, 0x6a], at);
    await expect(compile(bytes)).rejects.toBeInstanceOf(DecodeError);
  });
});

const starting = `(component
  (import "hello" (func $hello))
  (core func $lowered (canon lower (func $hello)))
  (core module $a (memory (export "memory") 1) (func (export "one") (result i32) (i32.const 1)))
  (core module $b (import "h" "hello" (func $hello)) (import "a" "one" (func $one (result i32)))
    (memory 1) (func $start (call $hello)) (start $start) (func (export "two") (result i32) (i32.add (call $one) (i32.const 1))))
  (core instance $a (instantiate $a))
  (core instance $b (instantiate $b (with "h" (instance (export "hello" (func $lowered)))) (with "a" (instance $a))))
  (func (export "two") (result u32) (canon lift (core func $b "two"))))`;

/** An engine that makes no instance at once after the first. */
function refuseAtOnce(words: string): () => number {
  const engine = WebAssembly as { Instance: typeof WebAssembly.Instance };
  const original = engine.Instance;
  let made = 0;
  vi.spyOn(engine, "Instance").mockImplementation(function (module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    if (made++ > 0) throw new RangeError(words);
    return new original(module, imports);
  } as never);
  return () => made;
}

test("a component without core modules has nothing to instantiate, and is live", async () => {
  const component = await compile<Dynamic>(await wat(`(component (import "f" (func $f)) (export "g" (func $f)))`));
  expect(component.instantiateSync({ f: () => undefined }).state).toBe("live");
  expect((await component.instantiate({ f: () => undefined })).state).toBe("live");
});

describe("an instantiation that the engine refuses", () => {
  test("at once is made asynchronously from where it stood; instantiateSync says so and leaves nothing", async () => {
    const component = await compile<Dynamic>(await wat(starting));
    let greetings = 0;
    const imports = { hello: () => void greetings++ };
    const made = refuseAtOnce("disallowed on the main thread");
    const instance = await component.instantiate(imports);
    expect(instance.exports.two()).toBe(2);
    expect(instance.memoryBytes).toBe(2 * 65536);
    expect([made(), greetings]).toEqual([2, 1]);
    vi.restoreAllMocks();

    refuseAtOnce("disallowed on the main thread");
    const traps: unknown[] = [];
    const refused = thrown(() => component.instantiateSync(imports, { onTrap: (trap) => traps.push(trap) }));
    expect(refused).toBeInstanceOf(EngineLimitError);
    expect(refused).not.toBeInstanceOf(TrapError);
    expect(refused).toMatchObject({ code: "engine-limit", cause: expect.any(RangeError) });
    expect(refused.message).toContain("disallowed on the main thread");
    expect(refused.message).toContain("`instantiate`");
    expect([traps, greetings]).toEqual([[], 1]);
  });

  test("asynchronously too is an EngineLimitError of the component, and a MemoryLimitError of the host", async () => {
    const bytes = await wat(starting);
    const component = await compile<Dynamic>(bytes);
    refuseAtOnce("no room");
    vi.spyOn(WebAssembly, "instantiate").mockImplementation(() => Promise.reject(new RangeError("no room")));
    await expect(component.instantiate({ hello: () => undefined })).rejects.toBeInstanceOf(EngineLimitError);
    const host = createHost();
    const refused = await host.load(bytes, { imports: { hello: () => undefined } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "MemoryLimitError", code: "memory-limit", cause: { code: "engine-limit" } });
    expect(host.manifest()).toEqual([]);
    await host.close();
  });

  test("is never read out of what an import threw", async () => {
    const host = createHost();
    for (const hello of [
      () => {
        throw new Error("could not allocate memory for the texture");
      },
      () => {
        throw new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance");
      },
    ]) {
      const refused = await host
        .load(await wat(starting), { name: "m", imports: { hello } })
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(TrapError);
      expect(refused).toMatchObject({ trap: "import-threw" });
    }
    await host.close();
  });

  test("in the end of the stack is a trap", async () => {
    const component = await compile<Dynamic>(
      await wat(
        `(component (core module $m (func $deep (call $deep)) (start $deep)) (core instance (instantiate $m)))`,
      ),
    );
    expect(thrown(() => component.instantiateSync())).toMatchObject({ name: "TrapError", trap: "stack-overflow" });
    await expect(component.instantiate()).rejects.toMatchObject({ name: "TrapError", trap: "stack-overflow" });
  });
});
