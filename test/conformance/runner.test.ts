/**
 * The runner itself: it reads what scripts may hold, and it fails what does not hold.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readDirectives } from "./run/directives.ts";
import { compare, listFailures, type ExpectedFailures } from "./run/expected.ts";
import { findOutdated } from "./run/outdated.ts";
import { runScript } from "./run/run.ts";
import { readForms, SyntaxFault } from "./run/sexpr.ts";
import { trapFor } from "./run/traps.ts";
import { nextTurn, settled, Unsettled } from "./run/turns.ts";

const component = `
(component $c
  (core module $m
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "trap") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "add-up") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
  (func (export "trap") (param "x" u32) (result u8) (canon lift (core func $i "trap"))))
`;

describe("readForms", () => {
  test("skips line comments and nested block comments, and keeps parentheses in strings", () => {
    const forms = readForms('(a) ;; ) (\n(; x (; y ;) ) ;) (b "(;\\29;; \\u{2603}")');
    expect(forms).toHaveLength(2);
    const second = forms[1];
    expect(second?.kind === "list" && second.items[1]?.kind === "string" && [...second.items[1].bytes]).toEqual([
      ...new TextEncoder().encode("(;\x29;; \u2603"),
    ]);
  });

  test.each([
    ["(a", "never closed"],
    ["a)", "Unexpected closing"],
    ['("a', "never closed"],
    ["(; a", "never closed"],
    ['("\\q")', "Unknown escape"],
  ])("refuses %s", (text, message) => {
    expect(() => readForms(text)).toThrow(SyntaxFault);
    expect(() => readForms(text)).toThrow(message);
  });

  test("reads a nesting deeper than the stack", () => {
    const depth = 200_000;
    expect(readForms("(".repeat(depth) + ")".repeat(depth))).toHaveLength(1);
  });
});

describe("readDirectives", () => {
  test("gives each directive its line, and `unknown` for what it cannot read", () => {
    const directives = readDirectives('(component)\n\n(assert_sense (component) "")\n(assert_return (invoke 1))');
    expect(directives.map(({ kind, line }) => [kind, line])).toEqual([
      ["component", 1],
      ["unknown", 3],
      ["unknown", 4],
    ]);
  });

  test("takes names, definitions and instances", () => {
    expect(
      readDirectives("(component definition $a) (component instance $b $a) (component instance $a)"),
    ).toMatchObject([
      { kind: "component definition", source: { name: "$a" } },
      { kind: "component instance", name: "$b", definition: "$a" },
      { kind: "component instance", name: undefined, definition: "$a" },
    ]);
  });
});

describe("runScript", () => {
  const holds = async (directive: string): Promise<boolean> => (await runScript(component + directive)).at(-1)!.passed;

  test.each([
    ['(assert_return (invoke "add-up" (u32.const 40) (u32.const 2)) (u32.const 42))', true],
    ['(assert_return (invoke "add-up" (u32.const 40) (u32.const 2)) (u32.const 43))', false],
    ['(assert_return (invoke "add-up" (u32.const 40) (u32.const 2)) (u64.const 42))', false],
    ['(assert_return (invoke "add-up" (u32.const 40) (u32.const 2)))', false],
    ['(assert_return (invoke "add-up" (u32.const 40)) (u32.const 40))', false],
    ['(assert_return (invoke "add-up" (str.const "40") (u32.const 2)) (u32.const 42))', false],
    ['(assert_return (invoke "absent") (u32.const 42))', false],
    ['(assert_return (invoke $other "add-up" (u32.const 40) (u32.const 2)) (u32.const 42))', false],
    ['(assert_trap (invoke "trap" (u32.const 0)) "integer divide by zero")', true],
    ['(assert_trap (invoke "trap" (u32.const 0)) "wasm trap: integer divide by zero")', true],
    ['(assert_trap (invoke "trap" (u32.const 0)) "integer overflow")', false],
    ['(assert_trap (invoke "trap" (u32.const 0)) "a trap that nobody has heard of")', false],
    ['(assert_trap (invoke "trap" (u32.const 1)) "integer divide by zero")', false],
    ['(assert_invalid (component (type (list 9))) "unknown type")', true],
    ['(assert_invalid (component (type (list u8))) "unknown type")', false],
    ['(assert_invalid (component (type (list 9))) "unknown component")', false],
    ['(assert_invalid (component (type (list 9))) "a message that nobody has heard of")', false],
    [
      '(assert_invalid (component (type (record (field "A" u8) (field "b" u8) (field "a" u8)))) "record field name `a` conflicts with previous field name `A`")',
      true,
    ],
    [
      '(assert_invalid (component (type (record (field "A" u8) (field "b" u8) (field "a" u8)))) "record field name `b` conflicts with previous field name `A`")',
      false,
    ],
    ['(assert_malformed (component quote "(component (nonsense))") "expected valid component field")', true],
    ['(assert_malformed (component quote "(component (nonsense))") "expected `)`")', false],
    ['(assert_unlinkable (component (import "f" (func))) "incompatible import type")', false],
    ['(assert_malformed (component binary "\\00asm") "unexpected end")', true],
    ['(assert_malformed (component quote "(type (list u8))") "unexpected token")', false],
    ['(assert_malformed (component quote "(component (type (list u8)))") "unexpected token")', false],
    ['(assert_unlinkable (component (import "f" (func))) "unknown import")', true],
    ['(assert_unlinkable (component) "unknown import")', false],
    ['(component (import "f" (func)))', false],
    ['(component definition (import "f" (func)))', true],
    ["(component definition (type (list 9)))", false],
    ["(component instance $d $nothing)", false],
    ["(component instance $d $c)", true],
    ["(nonsense)", false],
  ])("%s: %s", async (directive, expected) => {
    expect(await holds(directive)).toBe(expected);
  });

  test("tells a refusal for another reason from one that did not come", async () => {
    const outcomes = await runScript(
      `(assert_invalid (component (type (list 9))) "unknown component")
       (assert_invalid (component (type (list u8))) "unknown component")`,
    );
    expect(outcomes.map(({ passed, forAnotherReason }) => [passed, forAnotherReason])).toEqual([
      [false, true],
      [false, undefined],
    ]);
  });

  test("says of an outdated directive that it gives what the specification gives now, and passes it not", async () => {
    const script = `${component}${"\n".repeat(24 - 1 - component.split("\n").length + 1)}(assert_trap (invoke "trap" (u32.const 0)) "cannot block a synchronous task before returning")`;
    const at24 = async (file: string): Promise<object | undefined> => (await runScript(script, file)).at(-1);
    // It traps, but neither as the script says nor as the specification says now.
    expect(await at24("async/dont-block-start.wast")).toMatchObject({ line: 24, passed: false });
    expect(await at24("async/dont-block-start.wast")).not.toHaveProperty("outdated");
    const unreachable = script.replace("(i32.div_u (i32.const 1) (local.get 0))", "unreachable");
    expect((await runScript(unreachable, "async/dont-block-start.wast")).at(-1)).toMatchObject({
      passed: false,
      outdated: { now: "unreachable", since: "#656, #696" },
    });
    expect((await runScript(unreachable, "async/other.wast")).at(-1)).not.toHaveProperty("outdated");
  });

  test("calls synchronous functions in one turn: what is ready runs before anything else, and not between them", async () => {
    const script = `(component $c
      (core module $Libc (table (export "table") 1 funcref))
      (core instance $libc (instantiate $Libc))
      (alias core export $libc "table" (core table $table))
      (core type $start (func (param i32)))
      (core func $new (canon thread.new-indirect $start (core table $table)))
      (core func $resume (canon thread.resume-later))
      (core module $M
        (import "libc" "table" (table 1 funcref))
        (import "" "new" (func $new (param i32 i32) (result i32)))
        (import "" "resume" (func $resume (param i32)))
        (global $ran (mut i32) (i32.const 0))
        (func $thread (param i32) (global.set $ran (i32.const 1)))
        (elem (table 0) (i32.const 0) func $thread)
        (func (export "arm") (call $resume (call $new (i32.const 0) (i32.const 0))))
        (func (export "ran") (result i32) (global.get $ran)))
      (core instance $m (instantiate $M (with "libc" (instance $libc))
        (with "" (instance (export "new" (func $new)) (export "resume" (func $resume))))))
      (func (export "arm") (canon lift (core func $m "arm")))
      (func (export "ran") (result u32) (canon lift (core func $m "ran"))))
    (invoke "arm")
    (assert_return (invoke "ran") (u32.const 0))
    (component definition $other)
    (assert_return (invoke "ran") (u32.const 1))`;
    expect((await runScript(script)).map(({ passed, reason }) => passed || reason)).toEqual(Array(5).fill(true));
  });

  test("fails what depends on an instance that could not be made, for its reason", async () => {
    const outcomes = await runScript(
      `(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))
       (assert_return (invoke "f"))`,
    );
    expect(outcomes.map(({ passed }) => passed)).toEqual([false, false]);
    expect(outcomes[1]?.reason).toBe(outcomes[0]?.reason);
  });
});

describe("the list of expected failures", () => {
  const results = [
    {
      file: "a.wast",
      outcomes: [
        { line: 1, kind: "component", passed: true },
        { line: 5, kind: "invoke", passed: false, reason: "needs async: the one" },
        { line: 9, kind: "invoke", passed: false, reason: "needs async: the other" },
      ],
    },
  ] as const;

  test("fits what it was made from", () => {
    const list = listFailures(results);
    expect(list).toEqual({ "needs async": { "a.wast": [5, 9] } });
    expect(compare(results, list)).toEqual([]);
  });

  test("reports what fails unlisted, what passes though listed, and what is not there", () => {
    const list = { why: { "a.wast": [1, 9, 12], "b.wast": [1] } };
    expect(compare(results, list).map(({ file, line, problem }) => `${file}:${line} ${problem}`)).toEqual([
      "a.wast:1 passes",
      "a.wast:5 fails",
      "a.wast:12 absent",
      "b.wast:1 absent",
    ]);
  });
});

test("the README's table is what the list of expected failures leaves", () => {
  const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const table = /^\| validation (.*) \|\n\|[-|]*\n\| (.*) \|$/m.exec(file("README.md"));
  const names = `validation ${table?.[1]}`.split(" | ");
  const failures = Object.fromEntries(names.map((name) => [name, 0]));
  const list = JSON.parse(file("test/conformance/expected-failures.json")) as ExpectedFailures;
  for (const [path, lines] of Object.values(list).flatMap((files) => Object.entries(files))) {
    failures[path.split("/")[0]!]! += lines.length;
  }
  const claimed = table![2]!.split(" | ").map((cell) => cell.split(" / ").map(Number) as [number, number]);
  expect(Object.fromEntries(claimed.map(([passed, total], index) => [names[index], total - passed]))).toEqual(failures);
});

describe("trapFor", () => {
  test("tells one rule from another by code, and what it was broken with by words", () => {
    expect(trapFor("cannot drop busy stream")?.codes).toEqual(["stream-busy"]);
    expect(trapFor("wasm trap: cannot block a synchronous task before returning")?.codes).toEqual(["cannot-block"]);
    const read = trapFor("cannot read from future after previous read succeeded");
    const lift = trapFor("cannot lift future after previous read succeeded");
    const says = (meaning: typeof read, words: string): boolean => meaning!.said.every((said) => said.test(words));
    expect([read?.codes, lift?.codes]).toEqual([["stream-done"], ["stream-done"]]);
    expect(says(read, "Cannot read from the future: its value has been read")).toBe(true);
    expect(says(read, "Cannot read from the stream: its writable end is gone")).toBe(false);
    expect(says(lift, "Cannot read from the future: its value has been read")).toBe(false);
  });

  test("knows nothing of a message that is in no script", () => {
    expect(trapFor("cannot drop busy streams")).toBeUndefined();
  });
});

describe("findOutdated", () => {
  test("knows a directive by its place and by what it expects", () => {
    const message = "cannot block a synchronous task before returning";
    expect(findOutdated("test/async/dont-block-start.wast", 24, message)?.now).toBe("unreachable");
    expect(findOutdated("test/async/dont-block-start.wast", 24, "unreachable")).toBeUndefined();
    expect(findOutdated("test/async/dont-block-start.wast", 3, message)).toBeUndefined();
    expect(findOutdated("test/values/dont-block-start.wast", 24, message)).toBeUndefined();
  });
});

describe("settled", () => {
  test("waits for promises that are settled after turns of the event loop", async () => {
    const late = async (): Promise<number> => {
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      return 42;
    };
    expect(await settled(late())).toBe(42);
  });

  test("gives the reason of one that is rejected, and gives one up that nothing settles", async () => {
    const reason = new Error("why");
    await expect(settled(Promise.reject(reason))).rejects.toBe(reason);
    await expect(settled(new Promise(() => {}))).rejects.toThrow(Unsettled);
    let reject: (error: Error) => void = () => {};
    const stuck = new Promise((_, give) => (reject = give));
    await expect(settled(stuck, () => reject(reason))).rejects.toBe(reason);
  });
});
