import { describe, expect, test } from "vitest";
import { decodeComponent } from "../../../host/binary/decode.ts";
import { eachSection, joined, u32Bytes } from "../../../host/binary/framing.ts";
import { DecodeError } from "../../../host/errors.ts";
import { compileCore } from "../../../host/runtime/core.ts";
import { compileBytes } from "../../compile.ts";
import { shellOf } from "../../../host/runtime/shell.ts";
import type { Component } from "../../../host/runtime/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { type Dynamic, thrown } from "./support.ts";

interface Parts {
  readonly body?: string;
  readonly fields?: string;
  readonly result?: string;
  readonly extra?: string;
}

async function build({
  body = "i32.const 1",
  fields = "",
  result = "u32",
  extra = "",
}: Parts): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await parseWat(`(component ${extra}
      (core module $A (func (export "a") (result i32) ${body}) ${fields})
      (core module $B (import "a" "a" (func $a (result i32))) (memory (export "memory") 1)
        (func (export "b") (result i32) (i32.add (call $a) (i32.const 10))))
      (core instance $a (instantiate $A))
      (core instance $b (instantiate $B (with "a" (instance $a))))
      (func (export "run") (result ${result}) (canon lift (core func $b "b"))))`),
  );
}

async function run(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const component = (await compileBytes(bytes, "0", { name: "shell" })) as Component<Dynamic>;
  return component.instantiateSync().exports.run();
}

/** The component with a section of its first core module behind that module. */
function expelled(bytes: Uint8Array, id: number): Uint8Array<ArrayBuffer> {
  const { start, end } = shellOf(bytes)!.modules[0]!;
  const module = bytes.slice(start, end);
  const sections: Uint8Array[] = [];
  eachSection(module, 8, module.length, (_, __, to, offset) => sections.push(module.slice(offset, to)) > 0);
  const at = sections.findIndex((section) => section[0] === id);
  const rest = joined([module.slice(0, 8), ...sections.filter((_, index) => index !== at)]);
  const before = bytes.slice(0, start - 1 - u32Bytes(module.length).length);
  return joined([before, [1], u32Bytes(rest.length), rest, sections[at]!, bytes.slice(end)]);
}

describe("the shell of a component", () => {
  test("is the same when only code, data and custom sections differ", async () => {
    const first = await build({});
    const longer = await build({ body: "(i32.sub (i32.const 70000) (i32.const 69995))" });
    const custom = Uint8Array.from([...first, 0, 3, 1, 0x78, 7]);
    expect(shellOf(longer)!.key).toEqual(shellOf(first)!.key);
    expect(shellOf(custom)!.key).toEqual(shellOf(first)!.key);
    expect(shellOf(longer)!.modules).not.toEqual(shellOf(first)!.modules);
  });

  test.each<[string, Parts]>([
    ["an export of a core module", { fields: `(func (export "c"))` }],
    ["a function's type", { result: "s32" }],
    ["an import", { extra: `(import "log" (func))` }],
    ["another core module", { extra: "(core module)" }],
  ])("differs with %s", async (_, parts) => {
    expect(shellOf(await build(parts))!.key).not.toEqual(shellOf(await build({}))!.key);
  });

  test("differs when a section stands behind a core module instead of in it", async () => {
    // Its last section, so that the order of all is as before.
    const bytes = await build({ extra: `(core module (memory (export "m") 1))` });
    expect(shellOf(expelled(bytes, 7))!.key).not.toEqual(shellOf(bytes)!.key);
  });

  test.each([
    ["nothing after a section's id", [0, 97, 115, 109, 13, 0, 1, 0, 1]],
    ["a section longer than the bytes", [0, 97, 115, 109, 13, 0, 1, 0, 3, 9, 0]],
    ["a size of too many bytes", [0, 97, 115, 109, 13, 0, 1, 0, 3, 255, 255, 255, 255, 255, 1]],
    ["a custom section without a name", [0, 97, 115, 109, 13, 0, 1, 0, 0, 1, 5]],
    ["a custom section's name that is no UTF-8", [0, 97, 115, 109, 13, 0, 1, 0, 0, 2, 1, 255]],
    ["a core module cut short", [0, 97, 115, 109, 13, 0, 1, 0, 1, 4, 0, 97, 115, 109]],
  ])("is unknown for %s, and the decoder says what is wrong", async (_, bytes) => {
    expect(shellOf(Uint8Array.from(bytes))).toBeUndefined();
    await expect(compileBytes(Uint8Array.from(bytes), "0")).rejects.toBeInstanceOf(DecodeError);
  });
});

describe("a component in a known shell", () => {
  test("runs its own code, wherever its core modules begin", async () => {
    expect(await run(await build({}))).toBe(11);
    expect(await run(await build({ body: "(i32.sub (i32.const 70000) (i32.const 69995))" }))).toBe(15);
    expect(await run(await build({ body: "i32.const 2" }))).toBe(12);
  });

  test("is still refused when its code is invalid", async () => {
    const bytes = await build({});
    await run(bytes);
    // The body of the first module, `i32.const 1`, becomes an addition of nothing.
    const at = bytes.findIndex((byte, i) => byte === 0x41 && bytes[i + 1] === 1 && bytes[i + 2] === 0x0b);
    bytes.set([0x6a, 0x6a], at);
    await expect(compileBytes(bytes, "0")).rejects.toBeInstanceOf(DecodeError);
  });

  test("is refused when a section of its core module stands behind the module, or a custom section in it has no name", async () => {
    const bytes = await build({});
    await run(bytes);
    const { start, end } = shellOf(bytes)!.modules[0]!;
    const module = bytes.slice(start, end);
    const before = bytes.slice(0, start - 1 - u32Bytes(module.length).length);
    const named = joined([module, [0, 2, 1, 0xff]]);
    const nameless = joined([before, [1], u32Bytes(named.length), named, bytes.slice(end)]);
    for (const wrong of [expelled(bytes, 7), nameless]) {
      await expect(compileBytes(wrong, "0")).rejects.toBeInstanceOf(DecodeError);
    }
  });

  test("has errors of its own name", async () => {
    await run(await build({}));
    const component = (await compileBytes(await build({ body: "unreachable" }), "0", {
      name: "other",
    })) as Component<Dynamic>;
    expect(thrown(() => component.instantiateSync().exports.run()).message).toContain('"other", export "run"');
  });
});

test.each([
  ["exports", `(func (export "b"))`, "exports"],
  ["imports", `(import "a" "a" (func)) (func (export "a"))`, "imports"],
  ["kinds of exports", `(memory (export "a") 1)`, "exports"],
])("compileCore refuses a module of other %s than the plan was made from", async (_, fields, what) => {
  const moduleOf = async (text: string) => {
    const bytes = new Uint8Array(await parseWat(`(component (core module ${text}))`));
    const module = decodeComponent(bytes).definitions.find((item) => item.kind === "core-module")!;
    return { bytes, module };
  };
  const planned = await moduleOf(`(func (export "a"))`);
  const { bytes, module } = await moduleOf(fields);
  const { start, end } = module;
  await compileCore(bytes, { kind: "embedded", start, end, type: module.type });
  await expect(compileCore(bytes, { kind: "embedded", start, end, type: planned.module.type })).rejects.toThrow(
    `Expected the ${what} of a core module to be`,
  );
});
