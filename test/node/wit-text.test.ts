/** The text of `inspect` is WIT: it parses back, and what is read is the same world. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../host/cli/main.ts";
import { readComponent } from "../../host/plan/analyze.ts";
import type { ExternDecl, ValueType } from "../../host/model/types.ts";
import { formatWorld } from "../../host/model/wit.ts";
import { checkWorld } from "../../host/module/imports/type-check.ts";
import { describeWorld, type WorldDescription } from "../../host/plan/world.ts";
import { inspectBytes } from "../../host/runtime/inspect.ts";
import { componentEmbed, componentNew, embedWorld, emptyModule, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { readWit, withWitInput } from "../../scripts/toolchain/wit/sources.ts";
import { describeSources } from "../../scripts/toolchain/wit/world.ts";
import { tokenize } from "../../scripts/toolchain/wit/tokens.ts";
import { echoWit } from "../bindings/wit-text.ts";
import { valueTypes } from "../differential/arbitraries.ts";
import { scaled, seed } from "../differential/budget.ts";
import { counter, keeper, math, poker, things, twice } from "./host/fixtures.ts";
import { filesGuest, guestBytes, thingsGuest } from "./runtime/guests.ts";

const home = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

async function parse(text: string, world: string): Promise<WorldDescription> {
  return describeWorld(readComponent(await embedWorld({ witSource: text, world, features: "all" })));
}

/** Prints a world, reads the text, and compares the two by their types, in both directions. */
async function roundTrip(world: Pick<WorldDescription, "imports" | "exports">): Promise<string> {
  const text = formatWorld("root", world.imports, world.exports);
  const again = await parse(text, "root").catch((error: unknown) => {
    throw new Error(`${String(error)}\n${text}`);
  });
  expect(checkWorld(world, again)).toEqual([]);
  expect(checkWorld(again, world)).toEqual([]);
  const names = (side: WorldDescription["imports"]): string[] => side.map(({ name }) => name).sort();
  expect(names(again.imports)).toEqual(names(world.imports));
  expect(names(again.exports)).toEqual(names(world.exports));
  // The order may change once: the tools put interfaces behind those they use.
  const second = formatWorld("root", again.imports, again.exports);
  const third = await parse(second, "root");
  expect(formatWorld("root", third.imports, third.exports)).toBe(second);
  expect(second.split("\n").sort()).toEqual(text.split("\n").sort());
  return text;
}

/** Names that files declare outside other braces: `world` or `interface`. */
function declared(text: string, keyword: "world" | "interface"): string[] {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "doc");
  let depth = 0;
  return tokens.flatMap((token, at) => {
    if (token.text === "{") depth += 1;
    if (token.text === "}") depth -= 1;
    return depth === 0 && token.text === keyword && tokens[at + 2]?.text === "{" ? [tokens[at + 1]!.text] : [];
  });
}

const own = [
  ...(await readdir(home("wit"))).map((name) => `wit/${name}`),
  ...(await readdir(home("test/bindings/features")))
    .map((name) => `test/bindings/features/${name}/${name === "worlds" ? "wit" : "world.wit"}`)
    .filter((name) => !name.includes("logging/") || name.endsWith(".wit")),
  "test/bindings/wit/values.wit",
  "test/bindings/overhead/world.wit",
];

describe("worlds of this repository", () => {
  test.each(own)("%s", async (path) => {
    const sources = await readWit(home(path));
    const worlds = sources.main.files.flatMap(({ text }) => declared(text, "world"));
    for (const world of worlds) {
      const { description } = await describeSources(sources, { world, features: "all" });
      await roundTrip(description);
      await checkComponent(await dummy(sources, world));
    }
    if (worlds.length > 0) return;
    const interfaces = sources.main.files.flatMap(({ text }) => declared(text, "interface"));
    const [file] = sources.main.files;
    expect(interfaces).not.toEqual([]);
    for (const verb of ["import", "export"]) {
      const text = `${file!.text}\nworld all { ${interfaces.map((name) => `${verb} ${name};`).join(" ")} }`;
      await roundTrip(await parse(text, "all"));
    }
  });
});

/** A component of a world whose functions do nothing. */
async function dummy(sources: Parameters<typeof withWitInput>[0], world: string): Promise<Uint8Array> {
  const core = await withWitInput(sources, (wit) =>
    componentEmbed(emptyModule, { ...wit, world, features: "all", dummy: true }),
  );
  return componentNew(core);
}

const folder = await mkdtemp(join(tmpdir(), "tenon-wit-text-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A component fits the world that `inspect` prints of it. */
async function checkComponent(bytes: Uint8Array): Promise<void> {
  const { wit, unsupported } = inspectBytes(bytes, "");
  await parse(wit, "root").catch((error: unknown) => {
    throw new Error(`${String(error)}\n${wit}`);
  });
  if (unsupported !== undefined) return;
  await writeFile(join(folder, "c.wasm"), bytes);
  await writeFile(join(folder, "c.wit"), wit);
  let said = "";
  const streams = { out: (text: string) => (said += text), err: (text: string) => (said += text) };
  const status = await main(["check", join(folder, "c.wasm"), "--wit", join(folder, "c.wit")], streams);
  expect(`${status} ${said}`).toMatch(/^0 .* fits the world root:component\/root\n$/);
}

describe("one thing at a time", () => {
  test.each<[string, string, readonly string[]]>([
    [
      "a resource stands before the types that its methods use",
      "interface i { resource r { m: func() -> result<rec, e>; } enum e { x, y } record rec { e: e } } world w { import i; export i; }",
      ["m: func() -> result<rec, e>;", "e: e,"],
    ],
    [
      "a type of the world is used by an exported function",
      "world w { record p { x: u8 } type list-of-p = list<p>; import g: func(a: list-of-p); export f: func(l: list-of-p) -> p; }",
      ["export f: func(l: list-of-p) -> p;", "type list-of-p = list<p>;"],
    ],
    [
      "aliases of resources, records and lists of records, within an interface and across",
      `interface i { resource x; type own-x = x; record r { a: u8 } type l = list<r>; type r-two = r; h: func(a: own-x, b: r-two); }
       interface j { use i.{x as y, r as s, l}; type z = s; f: func(a: borrow<y>, b: s, c: l) -> z; }
       world w { use i.{x as y}; import j; export f: func(a: y); export j; }`,
      [
        "use i.{x as y};",
        "use i.{r as s};",
        "use i.{l};",
        "f: func(a: borrow<y>, b: s, c: l) -> z;",
        "type r-two = r;",
      ],
    ],
    [
      "an inline interface with types of its own and of another",
      "interface i { resource r; flags f { a, b } } world w { import k: interface { use i.{r, f}; record p { f: f } g: func(p: p) -> r; } }",
      ["use a:b/i@1.2.3-pre.{r};", "g: func(p: p) -> r;"],
    ],
    [
      "primitives and lists of them have names in each interface",
      "interface i { type size = u32; type bytes = list<u8>; a: func(s: size) -> bytes; } interface j { use i.{size}; b: func(s: size); } world w { import j; }",
      ["type bytes = list<u8>;", "b: func(s: size);"],
    ],
    [
      "a resource of the world",
      "world w { resource r { constructor(n: u32); get: func() -> u32; make: static func() -> option<r>; } export f: func(a: r) -> r; }",
      ["make: static func() -> option<r>;", "export f: func(a: r) -> r;"],
    ],
    [
      "streams, futures, maps and asynchronous functions",
      "interface i { record r { a: u8 } f: async func(s: stream<r>, f: future, e: error-context) -> future<result<r>>; } world w { export i; }",
      ["f: async func(s: stream<r>, f: future, e: error-context) -> future<result<r>>;"],
    ],
  ])("%s", async (_, body, pieces) => {
    const text = await roundTrip(await parse(`package a:b@1.2.3-pre; ${body}`, "w"));
    for (const piece of pieces) expect(text).toContain(piece);
  });

  test("keywords name everything", async () => {
    const text = await roundTrip(
      await parse(
        `package %interface:%package;
        interface %flags {
          resource %resource { %constructor: func(%own: u8); %static: static func() -> %list; }
          record %record { %type: %resource } variant %variant { %enum(%record) } enum %enum { %use } flags %list { %as }
          %func: func(%result: %variant, %borrow: borrow<%resource>) -> %enum;
        }
        interface %type { use %flags.{%record, %resource as %string}; %async: func(%u8: %record) -> %string; }
        world %world { import %flags; import %type; use %flags.{%enum}; import %from: interface { %with: func(); } export %include: func() -> %enum; export %flags; }`,
        "%world",
      ),
    );
    expect(text).toContain("import %interface:%package/%flags;");
    expect(text).toContain("use %flags.{%resource as %string};");
  });

  test("an interface that is imported and exported is written once, with what either side has", async () => {
    const bytes = await parseWat(`(component
      (import "a:b/i" (instance $i (export "f" (func (param "a" u8)))))
      (instance $e (export "f" (func $i "f")) (export "g" (func $i "f")))
      (export "a:b/i" (instance $e)))`);
    const { wit } = inspectBytes(bytes, "");
    expect(wit.match(/interface i \{/g)).toHaveLength(1);
    expect(wit).toContain("f: func(a: u8);\n    g: func(a: u8);");
    await checkComponent(bytes);
  });

  test("a type that only another interface names is used from there", async () => {
    const bytes = await parseWat(`(component
      (import "a:b/i" (instance $i (type $r (record (field "x" u8))) (export "r" (type (eq $r)))))
      (alias export $i "r" (type $r))
      (import "f" (func (param "a" $r) (param "b" (list $r)))))`);
    const { wit } = inspectBytes(bytes, "");
    expect(wit).toContain("use a:b/i.{r};\n  import a:b/i;\n  import f: func(a: r, b: list<r>);");
    await checkComponent(bytes);
  });

  test("what WIT cannot express is told in a comment, on one line", async () => {
    const module = { kind: "core-module", imports: [], exports: [] } as const;
    const text = formatWorld("root", [{ name: "a\n  import b: func();\u001b[2J", type: module }], []);
    expect(text).toContain(
      "  // import a\\u{a}  import b: func();\\u{1b}[2J: core-module, which WIT cannot express here\n",
    );
    expect((await parse(text, "root")).imports).toEqual([]);
  });

  test("types that double and long names used often give bounded text", () => {
    let type: ValueType = { kind: "string" };
    for (let i = 0; i < 40; i++) type = { kind: "tuple", types: [type, type] };
    const named: ValueType = { kind: "enum", names: ["a"] };
    const name = "n".repeat(50_000);
    const func = { kind: "func", params: [{ name: "a", type: named }], result: type, async: false } as const;
    const decls: ExternDecl[] = [{ name, type: { kind: "type", type: named } }];
    for (let i = 0; i < 2_000; i++) decls.push({ name: `f${i}`, type: func });
    const text = formatWorld("root", decls, []);
    expect(text.length).toBeLessThan(15_000_000);
    expect(text).toContain("import f1999: func(a: …) -> …;");
  });
});

describe("components of the other tests", () => {
  test.each<[string, () => Promise<Uint8Array>]>([
    ["math", () => math()],
    ["twice", () => twice()],
    ["counter", () => counter()],
    ["poker", () => poker()],
    ["things", () => things()],
    ["keeper", () => keeper()],
    ["things of Rust's shape", () => guestBytes(thingsGuest)],
    ["files", () => guestBytes(filesGuest)],
    ...["calc", "counter", "faulty", "hello", "ledger", "logger-client", "prices", "records", "shout"].map(
      (name): [string, () => Promise<Uint8Array>] => [name, () => readFile(home(`dist/modules/${name}.wasm`))],
    ),
  ])("%s", async (_, make) => checkComponent(await make()));
});

test("random types", async () => {
  let count = 0;
  for (const extended of [false, true]) {
    for (let run = 0; run < scaled(4); run++) {
      const types = fc.sample(valueTypes({ extended }), { seed: seed + run, numRuns: 40 });
      await roundTrip(await parse(echoWit(types), "w"));
      count += types.length;
    }
  }
  expect(count).toBeGreaterThanOrEqual(80);
});

const builtin = home("node_modules/@bytecodealliance/jco/lib/wit/builtin");
const published = (await readdir(builtin, { recursive: true })).filter((name) => name.endsWith(".wit"));
const groups = [...new Set(published.map((name) => name.split("/")[0]!))];

describe("worlds that npm brings", () => {
  test("are the ones that are published there", () => {
    expect(groups).toEqual(expect.arrayContaining(["0.2.12", "0.3.0", "jco-node-0.1.0"]));
  });

  test.each(groups)("%s", async (group) => {
    const from = new Set(group === "0.3.0" ? [group] : [group, "0.2.12", "wasi-tls-0.2.0-draft"]);
    // Each folder is a package; the first of its name counts.
    const packages = new Map<string, { folder: string; bodies: string[] }>();
    for (const folder of new Set(
      published.filter((name) => from.has(name.split("/")[0]!)).map((name) => dirname(name)),
    )) {
      const files = published.filter((name) => dirname(name) === folder);
      const texts = await Promise.all(files.map((name) => readFile(join(builtin, name), "utf8")));
      const header = /^package ([^;]+);/m;
      const name = texts.map((text) => header.exec(text)?.[1]).find((found) => found !== undefined)!;
      const bodies = texts.map((text) => text.replace(header, ""));
      if (!packages.has(name)) packages.set(name, { folder, bodies });
    }
    const nested = [...packages].map(([name, { bodies }]) => `package ${name} {\n${bodies.join("\n")}\n}\n`).join("");
    let count = 0;
    for (const [name, { folder, bodies }] of packages) {
      if (!folder.startsWith(group)) continue;
      const [path, version] = name.split("@");
      const full = (item: string): string => `${path}/${item}@${version}`;
      const interfaces = bodies.flatMap((text) => declared(text, "interface")).map(full);
      const worlds = bodies.flatMap((text) => declared(text, "world")).map(full);
      const texts = [
        ...worlds.map((world) => `include ${world};`),
        interfaces.map((item) => `import ${item};`).join(" "),
        interfaces.map((item) => `export ${item};`).join(" "),
        interfaces.map((item) => `import ${item}; export ${item};`).join(" "),
      ];
      for (const text of texts) {
        await roundTrip(await parse(`package test:a; world w { ${text} }\n${nested}`, "w"));
        count += 1;
      }
    }
    expect(count).toBeGreaterThanOrEqual(3);
  });
});
