import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BuildError } from "../../scripts/toolchain/build/errors.ts";
import { collectDocs } from "../../scripts/toolchain/wit/docs.ts";
import { readWorld } from "../../scripts/toolchain/wit/world.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-test-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;
async function folder(files: Record<string, string>): Promise<string> {
  const path = join(root, `${folders++}`);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return path;
}

async function issue(path: string, options = {}): Promise<{ at: string; message: string; hint: string | undefined }> {
  const error = await readWorld(path, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BuildError)) throw error ?? new Error("expected a BuildError");
  const { file, line, column, message, hint } = error.issues[0]!;
  return { at: `${file!.slice(root.length).replace(/^\/\d+\//, "")}:${line}:${column}`, message, hint };
}

describe("readWorld", () => {
  test("a file finds the packages beside it, in deps, and tenon's own", async () => {
    const dir = await folder({
      "main.wit": `package a:main; world w { import b:dep/one@1.0.0; import c:side/two; export f: func(); }`,
      "side.wit": `package c:side; interface two { use e:used/only@2.1.0-rc.{u}; g: func(x: u); }`,
      "deps/used.wit": "package e:used@2.1.0-rc; interface only { type u = u8; }",
      "broken-but-unused.wit": "package d:unused; interface {",
      "deps/dep/a.wit": "package b:dep@1.0.0; interface one { type t = u32; }",
      "deps/dep/b.wit": "package b:dep@1.0.0; interface other { use one.{t}; }",
    });
    const { description, sources } = await readWorld(join(dir, "main.wit"));
    expect(description.imports.map(({ name }) => name).sort()).toEqual([
      "b:dep/one@1.0.0",
      "c:side/two",
      "e:used/only@2.1.0-rc",
    ]);
    expect(sources.dependencies.map(({ name }) => name)).toEqual(["b:dep@1.0.0", "c:side", "e:used@2.1.0-rc"]);
  });

  test("a folder whose files use names of their own works too", async () => {
    const dir = await folder({
      "a.wit": "package a:main; use b:dep/one as x; world w { import x; }",
      "b.wit": "use c:dep/one as x; interface i { use x.{t}; }",
      "deps/b.wit": "package b:dep; interface one { type t = u32; }",
      "deps/c.wit": "package c:dep; interface one { type t = u64; }",
    });
    expect((await readWorld(dir)).description.imports.map(({ name }) => name)).toEqual(["b:dep/one"]);
  });

  test("of several worlds the one named, or the preferred one, or none", async () => {
    const dir = await folder({ "a.wit": "package a:b;\nworld one { }\nworld two { export f: func(); }" });
    expect((await readWorld(dir, { preferred: "two" })).name).toBe("two");
    expect((await readWorld(dir, { world: "one" })).description.name).toBe("a:b/one");
    expect((await issue(dir)).message).toBe('The WIT has several worlds: "one", "two"');
    expect((await issue(dir, { world: "tow" })).hint).toContain('Did you mean "two"?');
  });

  test("a syntax error has its line, whichever file it is in", async () => {
    const text = "package a:b;\n\nworld w {\n  // fine: func(\n  export f: fnc(a: string) -> u32;\n}\n";
    const one = await folder({ "a.wit": text });
    expect(await issue(one)).toMatchObject({ at: "a.wit:5:16", message: "Expected ';', found '('" });
    const two = await folder({
      "a.wit": "package a:b; world v { import i; }",
      "z.wit": "interface i {\n  f func();\n}",
    });
    expect((await issue(two)).at).toBe("z.wit:2:5");
    const open = await folder({ "a.wit": "package a:b;\nworld w {\n  export f: func();\n" });
    expect((await issue(open)).at).toBe("a.wit:3:20");
  });

  test("an unknown type has the line of its use and a nearest name", async () => {
    const dir = await folder({
      "a.wit":
        "package a:b;\nworld w {\n  // strng\n  export strng-user: func(strng: u8);\n  export f: func(a: strng);\n}",
    });
    expect(await issue(dir)).toEqual({
      at: "a.wit:5:21",
      message: "Name `strng` does not exist",
      hint: "Did you mean `string`? Otherwise define `strng` here or bring it in with `use`",
    });
  });

  test("an error in a dependency has the dependency's file", async () => {
    const dir = await folder({
      "a.wit": "package a:b;\nworld w { import c:d/i; }",
      "deps/d/one.wit": "package c:d;\ninterface i {\n  f: func(a: nope);\n}",
      "deps/d/two.wit": "package c:d;\ninterface j { }",
    });
    expect((await issue(dir)).at).toBe("deps/d/one.wit:3:14");
  });

  test("a clash has the line of the second, a missing package the line of its name", async () => {
    const clash = await folder({ "a.wit": "package a:b;\nworld w {\n  export f: func();\n  export f: func();\n}" });
    expect((await issue(clash)).at).toBe("a.wit:4:10");
    const named = await folder({ "a.wit": "package a:b;\ninterface b { }\nworld b {\n  import b;\n}" });
    expect((await issue(named)).at).toBe("a.wit:3:7");
    const lacking = await folder({ "a.wit": "package a:b;\nworld w {\n  import x:y/z@1.0.0;\n}" });
    expect(await issue(lacking)).toMatchObject({
      at: expect.stringMatching(/^a\.wit:3:1/),
      hint: "Put the WIT of x:y@1.0.0 into the folder deps beside your WIT",
    });
  });

  test("a package without its semicolon is told where the next word stands, and what it lacks", async () => {
    const dir = await folder({ "a.wit": "package a:b\ninterface i {}\nworld w {}" });
    expect(await issue(dir)).toMatchObject({ at: "a.wit:2:1", hint: "End the line of the package with a semicolon" });
  });

  test.each<[string, string, string, RegExp, RegExp]>([
    [
      "a record with two fields of one name",
      "interface i {\n  record r { x: u8,\n    x: u16 }\n}",
      "4:5",
      /"x" conflicts/,
      /^Rename/,
    ],
    [
      "a type within itself",
      "interface i {\n  record r { x: option<r> }\n}",
      "3:24",
      /`r` depends on itself/,
      /^Break/,
    ],
    ["a use of no interface", "interface i {\n  use nope.{x};\n}", "3:7", /`nope` does not exist/, /^Define `nope`/],
    [
      "a use of no type",
      "interface i {\n  use j.{x};\n}\ninterface j { }",
      "3:10",
      /`x` does not exist/,
      /^Define `x`/,
    ],
    [
      "a borrow as a result",
      "interface i {\n  resource r;\n  f: func() -> borrow<r>;\n}",
      "4:3",
      /borrow/,
      /owned handle/,
    ],
    ["a keyword as a name", "interface i {\n  list: func();\n}", "3:3", /keyword `list`/, /`%list`/],
    ["a name with an underscore", "interface i {\n  do_it: func();\n}", "3:3", /'_'/, /: `do-it`$/],
    ["a name with a capital", "interface i {\n  doItNow: func();\n}", "3:3", /'I'/, /: `do-it-now`$/],
    ["another language's int", "interface i {\n  f: func(a: int);\n}", "3:14", /`int`/, /^Did you mean `s32`/],
    ["another language's number", "interface i {\n  f: func(a: number);\n}", "3:14", /`number`/, /^Did you mean `f64`/],
    ["names that differ in case", "interface i {\n  f: func();\n  F: func();\n}", "4:3", /"F" conflicts/, /^Rename/],
    [
      "a handle of no resource",
      "interface i {\n  type t = u8;\n  f: func(x: borrow<t>);\n}",
      "4:21",
      /`t` used in a handle/,
      /^Correct/,
    ],
    ["a record without fields", "interface i {\n  record r { }\n}", "5:11", /at least one field/, /^Correct/],
    ["an open comment", "interface i {\n  /* f: func();\n}", "3:3", /Unterminated/, /^Correct/],
    ["a character of no word", "interface i {\n  f: func(a$: u8);\n}", "3:12", /'\$'/, /^Correct/],
    [
      "an interface exported twice",
      "interface i { }\nworld v {\n  export i;\n  export i;\n}",
      "5:3",
      /more than once/,
      /^Rename/,
    ],
  ])("%s", async (_, text, place, message, hint) => {
    const world = text.includes("world") ? "v" : "w";
    const dir = await folder({ "a.wit": `package a:b;\n${text}\nworld w { import i; }` });
    const found = await issue(dir, { world });
    expect(found.at).toBe(`a.wit:${place}`);
    expect(found.message).toMatch(message);
    expect(found.hint).toMatch(hint);
  });

  test("feature gates are closed unless opened", async () => {
    const dir = await folder({
      "a.wit": "package a:b@1.0.0; world w { export f: func(); @unstable(feature = g) export h: func(); }",
    });
    const exports = async (features?: readonly string[] | "all"): Promise<string[]> =>
      (await readWorld(dir, { features })).description.exports.map(({ name }) => name);
    expect(await exports()).toEqual(["f"]);
    expect(await exports(["g"])).toEqual(["f", "h"]);
    expect(await exports("all")).toEqual(["f", "h"]);
  });

  test("the life-cycle interfaces need not be copied", async () => {
    const dir = await folder({ "a.wit": "package a:b; world w { export tenon:module/state@0.1.0; }" });
    expect((await readWorld(dir)).description.exports.map(({ name }) => name)).toEqual(["tenon:module/state@0.1.0"]);
  });

  test("the life-cycle interfaces may be named without their version", async () => {
    const dir = await folder({
      "a.wit":
        "package a:b;\nworld w { export tenon:module/state; import tenon:module/teardown@0.1.0; export f: func(a: nope); }",
    });
    await expect(readWorld(dir)).rejects.toThrow("Name `nope` does not exist");
    await writeFile(
      join(dir, "a.wit"),
      "package a:b; world w { export tenon:module/state; import tenon:module/teardown; }",
    );
    const { imports, exports } = (await readWorld(dir)).description;
    expect([...imports, ...exports].map(({ name }) => name)).toEqual([
      "tenon:module/teardown@0.1.0",
      "tenon:module/state@0.1.0",
    ]);
  });

  test("nothing there to read is an issue as well", async () => {
    await expect(readWorld(join(root, "nothing"))).rejects.toThrow("There is no such WIT file or folder");
    const empty = await folder({ "readme.txt": "" });
    await expect(readWorld(empty)).rejects.toThrow("The folder has no .wit files");
  });
});

test("collectDocs finds the comment of every kind of item", () => {
  const docs = collectDocs([
    `/// The package
     package a:b@1.2.0;
     /// An interface
     /// of two lines
     @since(version = 1.2.0)
     interface i {
       /** A record */
       record r {
         /// First field
         x: tuple<u32, u32>,
         y: u8, // not a doc
         /// Third
         z: u8,
       }
       /// Adds
       add: func(a: u32, b: list<u32>) -> result<u32, string>;
       /// A thing
       resource thing {
         /// Makes
         constructor(a: u32);
         /// Static
         make: static func() -> thing;
       }
       /// Alias
       type t = u32;
       enum e { /// one
         one, two }
     }
     /// World
     world w {
       /// Inline
       import log: interface { /// Writes
         write: func(); }
       /// Function
       export run: func();
     }`,
  ]);
  expect(Object.fromEntries(docs)).toEqual({
    "a:b/i@1.2.0": "An interface\nof two lines",
    "a:b/i@1.2.0#r": "A record",
    "a:b/i@1.2.0#r.x": "First field",
    "a:b/i@1.2.0#r.z": "Third",
    "a:b/i@1.2.0#add": "Adds",
    "a:b/i@1.2.0#thing": "A thing",
    "a:b/i@1.2.0#thing.constructor": "Makes",
    "a:b/i@1.2.0#thing.make": "Static",
    "a:b/i@1.2.0#t": "Alias",
    "a:b/i@1.2.0#e.one": "one",
    "a:b/w@1.2.0": "World",
    "a:b/w@1.2.0#log": "Inline",
    "log#write": "Writes",
    "a:b/w@1.2.0#run": "Function",
  });
});
