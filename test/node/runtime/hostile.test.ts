/** Names that a component may have and that must neither break the generated text nor be executed by it. */
import { afterEach, describe, expect, test } from "vitest";
import { parseSync } from "oxc-parser";
import { emitBoundModule } from "../../../host/bindings/emit-bound.ts";
import { waitingText } from "../../../host/bindings/waiting.ts";
import { emitBindings } from "../../../host/bindings/emit.ts";
import { LinkError, LowerError } from "../../../host/errors.ts";
import { analyze } from "../../../host/plan/analyze.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compileGuest, guestBytes, type Guest } from "./guests.ts";
import { instantiateWat, thrown } from "./support.ts";

const marked = globalThis as { pwned?: unknown };
afterEach(() => {
  expect(marked.pwned).toBeUndefined();
});

const hostile: readonly string[] = [
  `"); globalThis.pwned = 1; ("`,
  `"]; globalThis.pwned = 1; //`,
  "`${globalThis.pwned = 1}`",
  "${globalThis.pwned = 1}",
  `'+(globalThis.pwned=1)+'`,
  `\\"; globalThis.pwned = 1; //`,
  "*/ globalThis.pwned = 1; /*",
  "</script><script>globalThis.pwned = 1</script>",
  "a\nglobalThis.pwned = 1\nb",
  "a\r\nglobalThis.pwned = 1",
  "a\u2028globalThis.pwned = 1",
  "a\u2029globalThis.pwned = 1",
  "a\0b",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "",
  " ",
  "\u{1f4a9}\ufeff",
  "memory",
  "x0",
  "rt",
  "long ".repeat(4000),
];

function watString(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return `"${Array.from(bytes, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}"`;
}

/** Two core modules that meet under a hostile module name and hostile field names of every kind. */
function coreNames(name: string): string {
  const text = watString(name);
  return `(component
    (core module $A (memory (export ${watString(`${name}m`)}) 1) (global (export ${watString(`${name}g`)}) i32 (i32.const 40))
      (func (export ${text}) (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
    (core instance $a (instantiate $A))
    (core module $B
      (import ${text} ${text} (func $f (param i32) (result i32))) (import ${text} ${watString(`${name}g`)} (global $g i32))
      (func (export ${text}) (param i32) (result i32) (i32.add (call $f (local.get 0)) (global.get $g))))
    (core instance $b (instantiate $B (with ${text} (instance $a))))
    (core instance $bag (export ${text} (func $b ${text})))
    (core module $C (import ${text} ${text} (func $f (param i32) (result i32)))
      (func (export ${text}) (param i32) (result i32) (call $f (local.get 0))))
    (core instance $c (instantiate $C (with ${text} (instance $bag))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $c ${text}))))`;
}

test.each(hostile.map((name) => [JSON.stringify(name).slice(0, 40), name]))(
  "core names %s link and run",
  async (_, name) => {
    expect((await instantiateWat(coreNames(name))).exports.run(1)).toBe(42);
  },
);

/** Every identifier, and every string, in a text that must parse as JavaScript. */
function tokens(text: string): { identifiers: Set<string>; strings: Set<string> } {
  const { program, errors } = parseSync("bindings.js", text, { sourceType: "module" });
  expect(errors).toEqual([]);
  const identifiers = new Set<string>();
  const strings = new Set<string>();
  JSON.stringify(program, (_, node: unknown) => {
    if (typeof node === "object" && node !== null && "type" in node) {
      const { type, name, value } = node as { type: string; name?: unknown; value?: unknown };
      if (type === "Identifier") identifiers.add(String(name));
      else if (type === "Literal" && typeof value === "string") strings.add(value);
      else if (type === "TemplateLiteral") throw new Error("Generated text has no templates");
    }
    return typeof node === "bigint" ? null : node;
  });
  return { identifiers, strings };
}

describe("the text itself", () => {
  async function texts(bytes: Uint8Array): Promise<string[]> {
    const { plan } = analyze(bytes);
    const modules = plan.modules.map((_, index) => ({ file: `core${index}.wasm`, hash: "0".repeat(64) }));
    return [
      emitBoundModule("bound", "0".repeat(64), plan, modules),
      emitBoundModule("bound", "0".repeat(64), plan, modules, { waiting: waitingText }),
      `export default (() => {\n${emitBindings(plan)}})();`,
    ];
  }

  test("has a hostile name only inside string literals, and only printable characters", async () => {
    for (const name of hostile) {
      for (const text of await texts(await parseWat(coreNames(name)))) {
        const { identifiers, strings } = tokens(text);
        expect(strings).toContain(name);
        expect(identifiers).not.toContain("pwned");
        // What remains when the literals are gone knows nothing of the component's names.
        expect(text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "")).not.toMatch(/pwned|globalThis/);
        // oxlint-disable-next-line no-control-regex
        expect(text).not.toMatch(/[\u2028\u2029\0\r]/);
      }
    }
  });

  test("has no comment that depends on a core name", async () => {
    const comments = async (name: string): Promise<string[]> =>
      (await texts(await parseWat(coreNames(name)))).flatMap((text) =>
        parseSync("bindings.js", text).comments.map(({ value }) => value),
      );
    expect(await comments("*/ globalThis.pwned = 1; /*")).toEqual(await comments("plain"));
  });

  test("of words of the language uses them as properties, never as names", async () => {
    for (const text of await texts(await guestBytes(wordsGuest))) {
      tokens(text);
      const code = text.replaceAll(/^ *\/\/.*$/gm, "");
      for (const word of keywords) expect(code).not.toMatch(new RegExp(`(?:const|let|var|function|class) ${word}\\b`));
    }
  });
});

const keywords = [
  "arguments",
  "async",
  "await",
  "break",
  "case",
  "catch",
  "class",
  "const",
  "continue",
  "debugger",
  "default",
  "delete",
  "do",
  "else",
  "enum",
  "eval",
  "export",
  "extends",
  "false",
  "finally",
  "for",
  "function",
  "get",
  "if",
  "implements",
  "import",
  "in",
  "instanceof",
  "interface",
  "let",
  "new",
  "null",
  "of",
  "package",
  "private",
  "protected",
  "public",
  "return",
  "set",
  "static",
  "super",
  "switch",
  "this",
  "throw",
  "true",
  "try",
  "typeof",
  "undefined",
  "var",
  "void",
  "while",
  "with",
  "yield",
] as const;
const reserved = [
  ...keywords,
  "constructor",
  "prototype",
  "then",
  "host",
  "modules",
  "rt",
  "exports",
  "error",
  "value",
  "failed",
  "name",
  "length",
] as const;
const inherited = [
  "to-string",
  "value-of",
  "has-own-property",
  "is-prototype-of",
  "to-locale-string",
  "property-is-enumerable",
];
const words = [...reserved, ...inherited];
const camel = (word: string): string => word.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** Every word as function, parameter, field, flag, case and enum name, imported and exported. */
const wordsGuest: Guest = {
  wit: `package demo:words;
    interface names {
      record fields { %constructor: u32, %class: u32, %to-string: u32 }
      flags marks { ${words
        .slice(0, 32)
        .map((word) => `%${word}`)
        .join(", ")} }
      flags others { %constructor, %to-string, %value-of, %has-own-property }
      enum kinds { ${words.map((word) => `%${word}`).join(", ")} }
      variant cases { ${words.map((word) => `%${word}(u32)`).join(", ")} }
      ${words.map((word) => `%${word}: func(%${word}: u32) -> u32;`).join("\n")}
    }
    interface echo {
      use names.{fields, marks, others, kinds, cases};
      record-of: func(it: fields) -> fields;
      mark: func(it: marks) -> marks;
      other: func(it: others) -> others;
      kind: func(it: kinds) -> kinds;
      pick: func(it: cases) -> cases;
    }
    world w { import names; export names; export echo; export call-imports: func(n: u32) -> u32; }`,
  core: `(module
    ${words.map((word) => `(import "demo:words/names" "${word}" (func $i-${word} (param i32) (result i32)))`).join("\n")}
    (memory (export "memory") 1)
    ${words.map((word, i) => `(func (export "demo:words/names#${word}") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${i})))`).join("\n")}
    (func (export "demo:words/echo#record-of") (param i32 i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.store (i32.const 24) (local.get 2))
      (i32.const 16))
    (func (export "demo:words/echo#mark") (param i32) (result i32) (local.get 0))
    (func (export "demo:words/echo#other") (param i32) (result i32) (local.get 0))
    (func (export "demo:words/echo#kind") (param i32) (result i32) (local.get 0))
    (func (export "demo:words/echo#pick") (param i32 i32) (result i32)
      (i32.store8 (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
    (func (export "call-imports") (param i32) (result i32) (local.get 0) ${words.map((word) => `(call $i-${word})`).join(" ")}))`,
};

describe("words of the language as WIT names", () => {
  const imports = { "demo:words/names": Object.fromEntries(words.map((word) => [camel(word), (n: number) => n + 1])) };

  test("functions are called by them, exported and imported", async () => {
    const { exports } = (await compileGuest(wordsGuest)).instantiateSync(imports);
    words.forEach((word, i) => expect(exports.names[camel(word)](1)).toBe(1 + i));
    expect(exports.callImports(5)).toBe(5 + words.length);
  });

  test("records, flags, enums and variants have them", async () => {
    const { echo } = (await compileGuest(wordsGuest)).instantiateSync(imports).exports;
    const record = { constructor: 1, class: 2, toString: 3 };
    expect(echo.recordOf(record)).toEqual(record);
    expect(thrown(() => echo.recordOf({ class: 2 }))).toMatchObject({ name: "LowerError", path: "it.constructor" });
    expect(echo.mark({ class: true, default: true })).toMatchObject({ class: true, default: true, delete: false });
    for (const word of words) {
      expect(echo.kind(word)).toBe(word);
      expect(echo.pick({ tag: word, val: 3 })).toEqual({ tag: word, val: 3 });
    }
  });

  test("flags left out are false, also those that every object inherits a function for", async () => {
    const { echo } = (await compileGuest(wordsGuest)).instantiateSync(imports).exports;
    const none = { constructor: false, toString: false, valueOf: false, hasOwnProperty: false };
    expect(echo.other({})).toEqual(none);
    expect(echo.other({ toString: true } as never)).toEqual({ ...none, toString: true });
    expect(thrown(() => echo.other({ toString: 1 }))).toMatchObject({ name: "LowerError", path: "it.toString" });
    class Marks {
      valueOf = true;
    }
    expect(echo.other(new Marks())).toEqual({ ...none, valueOf: true });
  });

  test("functions that every object inherits do not meet an import", async () => {
    const component = await compileGuest(wordsGuest);
    const missing = component.missing({ "demo:words/names": {} }).map((issue) => issue.import!.split("#")[1]);
    expect(missing).toEqual(words);
    class Names {}
    expect(component.missing({ "demo:words/names": new Names() })).toHaveLength(words.length);
    expect(thrown(() => component.instantiateSync({ "demo:words/names": () => 0 }))).toBeInstanceOf(LinkError);
  });

  test("an option field that is left out is none, also when every object inherits its name", async () => {
    const instance = await instantiateWat(`(component
      (type $r (record (field "constructor" (option u32)) (field "to-string" (option u32))))
      (export $r' "r" (type $r))
      (core module $M (func (export "f") (param i32 i32 i32 i32) (result i32)
        (i32.add (local.get 1) (i32.mul (i32.const 100) (i32.add (local.get 0) (local.get 2))))))
      (core instance $m (instantiate $M))
      (func (export "f") (param "r" $r') (result u32) (canon lift (core func $m "f"))))`);
    expect(instance.exports.f({})).toBe(0);
    expect(instance.exports.f({ constructor: 7 })).toBe(107);
    expect(thrown(() => instance.exports.f({ toString: "x" }))).toBeInstanceOf(LowerError);
  });

  test("methods and statics that every class inherits do not meet an import", async () => {
    const component = await compileGuest({
      wit: `package demo:words; interface api { resource thing {
          to-string: func() -> string; %constructor: func(); call: static func(); apply: static func(); } }
        world w { import api; export run: func(); }`,
      core: `(module
        (import "demo:words/api" "[method]thing.to-string" (func (param i32 i32)))
        (import "demo:words/api" "[method]thing.constructor" (func (param i32)))
        (import "demo:words/api" "[static]thing.call" (func)) (import "demo:words/api" "[static]thing.apply" (func))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "run")))`,
    });
    class Thing {}
    const missing = component.missing({ "demo:words/api": { Thing } }).map((issue) => issue.import!.split("#")[1]);
    expect(missing.sort()).toEqual([
      "[method]thing.constructor",
      "[method]thing.to-string",
      "[static]thing.apply",
      "[static]thing.call",
    ]);
  });
});
