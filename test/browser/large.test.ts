/** Core modules over 8 MiB, which a page's own thread instantiates only asynchronously. */
import { expect, test } from "vitest";
import { commands } from "vitest/browser";
import { eachSection, joined, PREAMBLE_BYTES, u32Bytes } from "../../host/binary/framing.ts";
import { compile, createHost, EngineLimitError } from "../../host/browser/index.ts";
import { parseWat } from "./stand-ins/wasm-tools.ts";

interface Greeter {
  imports: { hello: () => void };
  exports: { two(): number };
}

const MIB = 2 ** 20;

/** Two core modules, the second with a start function, and the first larger by a custom section of `bytes`. */
async function greeter(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const small = new Uint8Array(
    await parseWat(`(component
      (import "hello" (func $hello))
      (core func $lowered (canon lower (func $hello)))
      (core module $a (memory (export "memory") 1) (func (export "one") (result i32) (i32.const 1)))
      (core module $b (import "h" "hello" (func $hello)) (import "a" "one" (func $one (result i32))) (memory 1)
        (func $start (call $hello)) (start $start)
        (func (export "two") (result i32) (i32.add (call $one) (i32.const 1))))
      (core instance $a (instantiate $a))
      (core instance $b (instantiate $b (with "h" (instance (export "hello" (func $lowered)))) (with "a" (instance $a))))
      (func (export "two") (result u32) (canon lift (core func $b "two"))))`),
  );
  const custom = joined([[0], u32Bytes(bytes + 2), [1, 0x78], new Uint8Array(bytes)]);
  const pieces: Uint8Array[] = [small.slice(0, PREAMBLE_BYTES)];
  eachSection(small, PREAMBLE_BYTES, small.length, (id, start, end, offset) => {
    const module = id === 1 ? joined([small.slice(start, end), custom]) : undefined;
    pieces.push(module === undefined ? small.slice(offset, end) : joined([[1], u32Bytes(module.length), module]));
    return true;
  });
  return joined(pieces);
}

test("a core module of 9 MiB is instantiated by instantiate, and instantiateSync says to use it", async () => {
  const component = await compile<Greeter>(await greeter(9 * MIB));
  let greetings = 0;
  const imports = { hello: () => void greetings++ };
  const instance = await component.instantiate(imports);
  expect(instance.exports.two()).toBe(2);
  expect([greetings, instance.memoryBytes]).toEqual([1, 2 * 65536]);
  instance.dispose();
  const refused = await new Promise((resolve) => resolve(component.instantiateSync(imports))).catch((e: unknown) => e);
  expect(refused).toBeInstanceOf(EngineLimitError);
  expect((refused as Error).message).toContain("`instantiate`");
  expect(greetings).toBe(1);
});

test("a host loads, reloads and unloads it", async () => {
  const host = createHost();
  const bytes = await greeter(9 * MIB);
  const module = await host.load<Greeter>(bytes, { name: "large", imports: { hello: () => undefined } });
  expect(module.exports.two()).toBe(2);
  await module.reload();
  expect(module.exports.two()).toBe(2);
  expect((await module.unload()).memoryBytes).toBe(2 * 65536);
  await host.close();
});

test("a component that componentize-js made of JavaScript runs in the page", { timeout: 300_000 }, async () => {
  const base64 = await commands.javaScriptComponent({
    wit: `package demo:words@0.1.0; world words { export reverse: func(text: string) -> string; export sum: func(of: list<u32>) -> u32; }`,
    source: `export const reverse = (text) => [...text].reverse().join(""); export const sum = (of) => of.reduce((a, b) => a + b, 0);`,
    plain: true,
  });
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  expect(bytes.length).toBeGreaterThan(8 * MIB);
  const host = createHost();
  const module = await host.load<{
    imports: object;
    exports: { reverse(text: string): string; sum(of: Uint32Array): number };
  }>(bytes, { name: "words" });
  expect(module.exports.reverse("page")).toBe("egap");
  expect(module.exports.sum(Uint32Array.of(1, 2, 3))).toBe(6);
  expect((await module.unload()).memoryBytes).toBeGreaterThan(5_000_000);
  await host.close();
});
