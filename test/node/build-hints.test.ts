/** What TypeScript has and AssemblyScript does not: each kind is refused with what to write instead. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lacking } from "../../scripts/toolchain/build/hints.ts";
import { BuildError, type Builder, createBuilder } from "../../scripts/toolchain/index.ts";
import { typeErrors } from "../bindings/typescript.ts";

let dir: string;
let builder: Builder;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tenon-hints-"));
  builder = createBuilder({ cache: false, threads: 1 });
  const wit = `package t:t; world hints { record point { x: u32 } use-point: func(p: point); }`;
  await writeFile(
    join(dir, "hints.wit"),
    wit
      .replace("use-point", "import use-point")
      .replace(" }", " } export f: func(n: u32) -> u32; export g: func() -> result<string, string>;"),
  );
});
afterAll(async () => {
  await builder.close();
  await rm(dir, { recursive: true, force: true });
});

const good = "export function g(): Result<string, string> {\n  return ok<string, string>('');\n}\n";
const body = (text: string, rest = good): string =>
  `export function f(n: u32): u32 {\n${text}\n  return 0;\n}\n${rest}`;
const top = (text: string): string => `${text}\n${body("")}`;

/** By the feature's place in the table: what is written, and the line that is at fault, from 1, after that of the imports. */
const cases: readonly (readonly [what: string, text: string, line: number])[] = [
  ["closures", body("  const add = (x: u32): u32 => x + n;\n  add(1);"), 2],
  ["closures", body("  let k = n;\n  function add(): u32 { return k; }\n  add();"), 3],
  ["`for…of`", body("  for (const x of [1]) {}"), 2],
  ["`try`", body("  try { } catch (e) { }"), 2],
  ["regular expressions", body("  /a+/.test('x');"), 2],
  ["unions", body("  let x: string | i32 = 5;"), 2],
  ["unions", body("  let x: 'a' | 'b' = 'a';"), 2],
  ["`...`", body("  const a = [...[1], 2];"), 2],
  ["`...`", body("  Math.max(...[1.0, 2.0]);"), 2],
  ["tagged templates", body("  String.raw`a`;"), 2],
  ["object literals", body("  const p = { x: 1 };"), 2],
  ["object literals", body("  const p: Point = { x: 1 };"), 2],
  ["`any`", body("  let x: any = 1;"), 2],
  ["`undefined`", body("  let x = undefined;"), 2],
  ["`JSON`", body("  JSON.stringify(n);"), 2],
  ["`Promise`", body("  setTimeout(() => {}, 1);"), 2],
  ["`forEach`", body("  new Map<string, i32>().forEach((v: i32) => {});"), 2],
  ["type arguments of `ok`", body("", good.replace("<string, string>('')", "('')")), 6],
  ["conversions by themselves", body("  let x: u8 = 300;"), 2],
  ["conversions by themselves", body("  let x: i64 = 5;\n  const y: i32 = x;"), 3],
  ["parameters without types", body("  [1].map((x) => x + 1);"), 2],
  ["parameters without types", top("function h(x) { return x; }"), 1],
  ["tuple types", body("  const t: [i32, i32] = [1, 2];"), 2],
  ["enums of strings", top("enum E { A = 'a' }"), 1],
  ["`?.`", body("  let x: string | null = null;\n  x?.length;"), 3],
  ["`??`", body("  let x: string | null = null;\n  x ?? 'a';"), 3],
  ["destructuring", body("  const [a, b] = [1, 2];"), 2],
  ["destructuring", body("  const { x } = new Point(1);"), 2],
  ["`async`", top("async function h(): Promise<void> {}"), 1],
  ["`async`", body("  await n;"), 2],
  ["`async`", top("function* h(): i32 { yield 1; }"), 1],
  ["`for…in`", body("  for (const x in [1]) {}"), 2],
  ["intersection types", top("type Q = Point & Point;"), 1],
  ["labels", body("  outer: while (true) { break outer; }"), 2],
  ["fields with `#`", top("class Q { #a: i32 = 1; }"), 1],
];

test.each(cases)("%s: %j", async (what, text, line) => {
  const index = join(dir, "index.ts");
  await writeFile(index, `import { ok, Point, Result } from "./bindings/hints";\n${text}`);
  const error = await builder.build({ dir, wit: join(dir, "hints.wit"), debug: true, sourceMap: false }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BuildError);
  const { instead } = lacking.find((one) => one.what.startsWith(what))!;
  const told = (error as BuildError).issues.filter((issue) => issue.line === line + 1);
  expect(told.map(({ hint }) => hint)).toContain(instead);
});

test("what the table says an editor does not show, it does not show", async () => {
  const unseen = cases.filter(([what]) => /\beditor\b/.test(lacking.find((one) => one.what.startsWith(what))!.what));
  expect(unseen.map(([what]) => what)).toEqual([
    "type arguments of `ok`",
    ...["conversions by themselves", "conversions by themselves"],
  ]);
  for (const [, text] of unseen) {
    await writeFile(join(dir, "index.ts"), `import { ok, Point, Result } from "./bindings/hints";\n${text}`);
    expect(await typeErrors(dir)).toEqual([]);
  }
});

test("every row of the table has its case", () => {
  const rows = new Set(lacking.map(({ what }) => what));
  expect([...rows].filter((row) => !cases.some(([what]) => row.startsWith(what)))).toEqual([]);
});
