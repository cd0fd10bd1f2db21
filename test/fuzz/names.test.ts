/**
 * Hostile names: core modules may import and export under any text, and none of it may reach the generated code as
 * anything but a string. Names from the component model itself follow a grammar; awkward words of it are tried too.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bare } from "../../host/abi/emit/code.ts";
import { decodeComponent } from "../../host/binary/decode.ts";
import { validateComponent } from "../../host/binary/validate/index.ts";
import { DecodeError } from "../../host/errors.ts";
import { scaled, seed } from "../differential/budget.ts";
import { compileText } from "../differential/harness.ts";
import { component, exports, exportType, flatten, resource, types } from "./writers.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "", '"', "'", "`", "${globalThis.pwned = 1}", '"+(globalThis.pwned=1)+"', "');globalThis.pwned=1//", "*/globalThis.pwned=1/*",
    "\\", '\\"', "\n", "\r\n", "\u2028", "\u2029", "\0", "</script>", "__proto__", "constructor", "prototype", "toString",
    "hasOwnProperty", "then", "0", "-1", "a.b", "#x", "//", "\ufeff", "\u202e", "=>", "arguments", "eval",
  ),
); // prettier-ignore

/** A string literal of the text format for any text. */
function literal(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return `"${Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}"`;
}

test("core names of any text link and run, and are never code", async () => {
  const names = fc.uniqueArray(hostile, { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(names, names, async ([module, first, second], [outFirst, outSecond, memory]) => {
      const component = await compileText(`
        (component
          (core module $a
            (func (export ${literal(outFirst!)}) (result i32) (i32.const 40))
            (func (export ${literal(outSecond!)}) (result i32) (i32.const 2))
            (memory (export ${literal(memory!)}) 1))
          (core module $b
            (import ${literal(module!)} ${literal(first!)} (func $f (result i32)))
            (import ${literal(module!)} ${literal(second!)} (func $g (result i32)))
            (func (export ${literal(outSecond!)}) (result i32) (i32.add (call $f) (call $g))))
          (core instance $a (instantiate $a))
          (alias core export $a ${literal(outFirst!)} (core func $f))
          (alias core export $a ${literal(outSecond!)} (core func $g))
          (core instance $b (instantiate $b (with ${literal(module!)} (instance
            (export ${literal(first!)} (func $f)) (export ${literal(second!)} (func $g))))))
          (func (export "sum") (result u32) (canon lift (core func $b ${literal(outSecond!)}))))`);
      const instance = component.instantiateSync();
      expect((instance.exports as { sum(): number }).sum()).toBe(42);
      expect(Object.hasOwn(globalThis, "pwned")).toBe(false);
      instance.dispose();
    }),
    { seed, numRuns: scaled(150) },
  );
});

const words = [
  "constructor", "prototype", "to-string", "value-of", "has-own-property", "then", "await", "yield", "class", "new", "delete",
  "default", "arguments", "eval", "this", "null", "true", "undefined", "let", "static", "length", "name", "caller", "call",
  "apply", "bind", "f0", "i32", "memory", "exports", "imports", "instance", "a", "x1", "B", "API-v2",
] as const; // prettier-ignore

test("every awkward word works as a function, parameter, field, case and interface name", async () => {
  for (const word of words) {
    const component = await compileText(`
      (component
        (import "test:names/${word.toLowerCase()}" (instance $host
          (type $r' (record (field "${word}" u32)))
          (export "rec" (type $r (eq $r')))
          (export "${word}" (func (param "${word}" $r) (result u32)))))
        (alias export $host "rec" (type $r))
        (canon lower (func $host "${word}") (core func $lower))
        (core module $m
          (import "" "f" (func $f (param i32) (result i32)))
          (func (export "f") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
          (func (export "case") (param i32 i32) (result i32) (local.get 1)))
        (core instance $m (instantiate $m (with "" (instance (export "f" (func $lower))))))
        (type $v' (variant (case "other") (case "${word}" u32)))
        (export $v "var" (type $v'))
        (func $lifted (param "${word}" $r) (result u32) (canon lift (core func $m "f")))
        (export "${word}" (func $lifted))
        (func (export "case-of") (param "${word}" $v) (result u32) (canon lift (core func $m "case"))))`);
    const camel = word.toLowerCase().replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const instance = component.instantiateSync({
      [`test:names/${word.toLowerCase()}`]: { [camel]: (given: Record<string, number>) => given[camel]! * 2 },
    });
    const exports = instance.exports as Record<string, (value: unknown) => number>;
    expect(exports[camel]!({ [camel]: 20 }), word).toBe(41);
    expect(exports["caseOf"]!({ tag: word, val: 7 }), word).toBe(7);
    instance.dispose();
  }
});

test("what is written into text without quotes is an identifier, or nothing is written", () => {
  for (const name of ["Thing", "X12Y", "_", "$a"]) expect(bare(name)).toBe(name);
  for (const name of ["", "1a", "Url=<{};globalThis.pwned=1;class x>", "a b", "a\n", "a-b", "class{}", "é"]) {
    expect(() => bare(name), name).toThrow("is not an identifier");
  }
});

test("a resource whose name could hold any text is refused before text is made of it", () => {
  const name = "url=<{};globalThis.pwned=1;class x>";
  const bytes = flatten(component(types(resource), exports([exportType(name, 0)])));
  expect(() => validateComponent(decodeComponent(bytes))).toThrow(DecodeError);
  expect(() => validateComponent(decodeComponent(bytes))).toThrow("dropped");
});
