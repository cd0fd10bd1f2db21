import { expect, test } from "vitest";
import { compile as compileComponent } from "../../host/node/index.ts";
import { declarations } from "../../scripts/toolchain/types/dts.ts";
import { componentEmbed, componentNew, emptyModule, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { describeSources } from "../../scripts/toolchain/wit/world.ts";
import { compile, declare, hostConfig, wasiPackages } from "./declare.ts";

test("a world's declarations with the host's own types", async () => {
  const text = await declare(`package demo:calc@1.0.0;
    interface api { add: func(a: s32, b: s32) -> s32; area: func(radius: option<f64>) -> result<f64, string>; }
    interface log { write: func(text: string); }
    world calc { import log; export api; }`);
  const use = `
    import { attempt, compile, createHost } from "tenon";
    import type { Calc } from "./calc.d.ts";
    const component = await compile<Calc>("calc.wasm");
    const instance = await component.instantiate({ "demo:calc/log@1.0.0": { write: (text: string): void => void text } });
    export const sum: number = instance.exports.api.add(1, 2);
    // @ts-expect-error: the import is missing
    await component.instantiate({});
    const module = await createHost().load<Calc>("calc.wasm");
    export const area: number = module.exports["demo:calc/api@1.0.0"].area();
    const result = attempt(() => module.exports.api.area(2));
    export const found: number = result.ok ? result.value : 0;
    // @ts-expect-error: a string is no s32
    module.exports.api.add("1", 2);`;
  expect(await compile({ "calc.d.ts": text, "use.ts": use, "tsconfig.json": hostConfig(), "globals.d.ts": "" })).toBe(
    "",
  );
});

test("the imports of tenon/wasi and of preview2-shim fit the declarations of WASI's worlds, for load and for instantiate", async () => {
  // The shim does not have what is still behind a gate.
  const nested = (await wasiPackages("0.2.12")).replace(/exit-with-code: func[^;]*;/, "");
  const text = await declare(
    `package demo:wasi; world program { include wasi:cli/imports@0.2.12; export wasi:cli/run@0.2.12; }\n${nested}`,
    "program",
  );
  const use = `
    import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
    import { compile, createHost } from "tenon";
    import { runCommand, wasi } from "tenon/wasi";
    import type { Program } from "./program.d.ts";
    const shim = new WASIShim({ sandbox: { args: [] } }).getImportObject();
    const component = await compile<Program>("program.wasm");
    (await component.instantiate(shim)).exports.run.run();
    // The shim's own exit ends the process.
    const exit = (status: { tag: "ok" | "err" }): never => { throw new Error(status.tag); };
    await component.instantiate({ ...shim, "wasi:cli/exit": { exit } });
    await createHost().load<Program>("program.wasm", { imports: shim });
    const program = await createHost({ imports: wasi() }).load<Program>("program.wasm", { imports: wasi({ args: ["a"] }) });
    export const code: number = await runCommand(program);
    await createHost().load<Program>("program.wasm", { imports: [wasi(), {}], isolation: "worker" });
    // A class that nobody may construct, of the program's own.
    class Failure {
      static readonly none: Failure = new Failure();
      private constructor() {}
      toDebugString(): string { return ""; }
    }
    const { "wasi:io/error": _, ...others } = shim;
    await component.instantiate({ ...others, "wasi:io/error@0.2.12": { Error: Failure } });
    // @ts-expect-error: an interface is missing
    await component.instantiate(others);`;
  expect(
    await compile({ "program.d.ts": text, "use.ts": use, "tsconfig.json": hostConfig(), "globals.d.ts": "" }),
  ).toBe("");
});

test("declarations need no library of a newer TypeScript than ES2022", async () => {
  const text = await declare(`package demo:res;
    interface i { resource r { constructor(); } }
    world w { import i; export i; }`);
  const tsconfig = JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      lib: ["ES2022", "DOM"],
      module: "NodeNext",
      types: [],
      strict: true,
      noEmit: true,
    },
    include: ["*.ts"],
  });
  expect(await compile({ "w.d.ts": text, "tsconfig.json": tsconfig, "globals.d.ts": "" })).toBe("");
});

test("an imported interface of types alone need not be given", async () => {
  const text = await declare(`package demo:types@0.1.0;
    interface types { record row { cells: list<string> } }
    interface feed { use types.{row}; next: func() -> row; }
    world w { import feed; }`);
  expect(text).toContain('"demo:types/types@0.1.0"?: DemoTypesTypes;');
  const use = `
    import { compile, createHost } from "tenon";
    import type { W } from "./w.d.ts";
    const next = () => ({ cells: [] });
    const component = await compile<W>("w.wasm");
    component.instantiateSync({ "demo:types/feed": { next } });
    component.instantiateSync({ "demo:types/feed@0.1.0": { next }, "demo:types/types": {} });
    await createHost().load<W>("w.wasm", { imports: { "demo:types/feed": { next } } });
    // @ts-expect-error: the functions are missing
    component.instantiateSync({});`;
  expect(await compile({ "w.d.ts": text, "use.ts": use, "tsconfig.json": hostConfig(), "globals.d.ts": "" })).toBe("");
  // Nor does the host ask for it.
  const core = await componentEmbed(emptyModule, {
    witSource:
      "package demo:types@0.1.0; interface types { record row { x: u8 } } interface feed { use types.{row}; next: func() -> row; } world w { import types; import feed; export run: func(); }",
    dummy: true,
  });
  const component = await compileComponent(await componentNew(core));
  expect(component.missing({ "demo:types/feed": { next: () => ({ x: 1 }) } })).toEqual([]);
});

test("what the host gives may be read-only", async () => {
  const text = await declare(`package demo:lists;
    interface api { record row { cells: list<string> }
      f: func(names: list<list<string>>, pair: tuple<string, option<list<row>>>) -> list<string>; }
    interface feed { next: func(seen: list<string>) -> result<list<string>, string>; }
    world w { import feed; export api; }`);
  const use = `
    import type { W } from "./w.d.ts";
    declare const w: W;
    const names = [["a"], ["b"]] as const;
    const found: string[] = w.exports.api.f(names, ["x", [{ cells: [] }]] as const);
    const feed: W["imports"]["demo:lists/feed"] = { next: (seen: string[]) => { seen.push("mine"); return names[0]; } };
    export { feed, found };`;
  expect(await compile({ "w.d.ts": text, "use.ts": use })).toBe("");
});

test("what goes both ways is declared twice where the host may write it more freely than it reads it", async () => {
  const text = await declare(`package demo:ways;
    interface types {
      flags marks { bold, italic }
      flags only-asked { deep }
      record row { cells: list<string>, marks: marks }
      record plain { x: u8 }
      record rows-input { x: u8 }
      variant rows { none, some(list<row>) }
    }
    interface api { use types.{rows, plain}; turn: func(rows: rows, plain: plain) -> rows; }
    world w { use types.{marks, only-asked}; export api;
      export marks-of: func(name: string, how: only-asked) -> marks;
      export set-marks: func(marks: marks); }`);
  // What is written as it is read has one declaration.
  expect(text).not.toContain("PlainInput");
  expect(text).not.toContain("OnlyAskedInput");
  const use = `
    import type { DemoWaysTypes, Marks, W } from "./w.d.ts";
    declare const w: W["exports"];
    const rows = { tag: "some", val: [{ cells: ["a"], marks: { bold: true } }] } as const;
    const back: DemoWaysTypes.Rows = w.api.turn(rows, { x: 1 });
    if (back.tag === "some") {
      back.val[0]!.cells.push("b");
      const italic: boolean = back.val[0]!.marks.italic;
      void italic;
    }
    w.api.turn(back, { x: 1 });
    const marks: Marks = w.marksOf("a", { deep: undefined });
    const bold: boolean = marks.bold;
    w.setMarks({});
    w.setMarks({ italic: bold });
    w.setMarks(marks);
    // @ts-expect-error: there is no such flag
    w.setMarks({ bolder: true });
    // @ts-expect-error: no flag is left out of what the component gives
    const lacking: Marks = { bold: true };
    export { lacking };`;
  expect(await compile({ "w.d.ts": text, "use.ts": use })).toBe("");
});

test("a resource of the component is none that anybody else has made, and what a component exports may meet another's import", async () => {
  const text = await declare(`package demo:idx;
    interface index { resource index { constructor(); size: func() -> u32; }
      resource guest-resource { }
      merge: func(a: index, b: borrow<index>) -> list<index>; }
    world giver { export index; }`);
  const taker = await declare(
    `package demo:idx;
    interface index { resource index { constructor(); size: func() -> u32; }
      resource guest-resource { }
      merge: func(a: index, b: borrow<index>) -> list<index>; }
    world taker { import index; }`,
  );
  const use = `
    import type { DemoIdxIndex, Giver } from "./giver.d.ts";
    import type { Taker } from "./taker.d.ts";
    import { compile } from "tenon";
    declare const giver: Giver["exports"];
    const index = new giver.index.Index();
    const merged: DemoIdxIndex.Index = giver.index.merge(index, giver.index.merge(index, index)[0]!)[0]!;
    const fake = { size: () => 1, [Symbol.dispose]() {} };
    // @ts-expect-error: it merely looks like one
    giver.index.merge(merged, fake);
    const taker = await compile<Taker>("taker.wasm");
    await taker.instantiate({ "demo:idx/index": giver.index });`;
  const files = { "giver.d.ts": text, "taker.d.ts": taker, "use.ts": use };
  expect(await compile({ ...files, "tsconfig.json": hostConfig(), "globals.d.ts": "" })).toBe("");
});

test("texts that others chose end no line and no comment, and make no name", async () => {
  const world = { name: "evil*/\nexport type Pwned = 1;\u202e", imports: [], exports: [] };
  const text = declarations(world, new Map([[world.name, "Docs */ export type Pwned = 2; /*\u2028x\u001b[2J"]]));
  expect(text).not.toMatch(/^\s*export type Pwned/m);
  expect(text.split("\n")[0]).toBe(
    "// The world evil*/\\u{a}export type Pwned = 1;\\u{202e}, for the host. Written by tenon; do not edit.",
  );
  expect(text).toContain("/** Docs *\\/ export type Pwned = 2; /*\\u{2028}x\\u{1b}[2J */");
  expect(await compile({ "w.d.ts": text })).toBe("");
  const hostile = "a } declare global {";
  const func = { kind: "func", params: [], result: undefined, async: false } as const;
  const withParam = { ...func, params: [{ name: hostile, type: { kind: "u8" } as const }] };
  for (const items of [
    [{ name: hostile, type: func }],
    [{ name: "f", type: withParam }],
    [{ name: hostile, type: { kind: "type", type: { kind: "record", fields: [] } } as const }],
    [
      {
        name: "r",
        type: { kind: "type", type: { kind: "record", fields: [{ name: hostile, type: { kind: "u8" } }] } } as const,
      },
    ],
    [{ name: "r", type: { kind: "type", type: { kind: "flags", names: [hostile] } } as const }],
    [{ name: hostile, type: { kind: "instance", exports: [] } as const }],
  ]) {
    expect(() => declarations({ name: "w", imports: items, exports: [] })).toThrow("is no identifier");
  }
});

test("declarations of every value type, with docs", async () => {
  const text = await declare(`package demo:all@1.2.0;
    /// All there is.
    interface all {
      /// A point.
      record point { x: f64, /// Up is positive.
        y: f64, label: option<string>, deep: option<option<u8>> }
      variant shape { circle(f64), /// Nothing to it.
        none, poly(list<point>) }
      enum colour { red, light-blue }
      flags rights { read, can-write }
      type bytes = list<u8>;
      type wide = list<s64>;
      type bits = list<bool>;
      type pair = tuple<char, result<u32, string>>;
      type either = result;
      /// Moves a point.
      move-by: func(p: point, delete: s64, new: option<u8>, last: option<string>) -> result<point, colour>;
      needed: func(a: option<u8>, b: u8) -> list<option<u8>>;
      fail: func() -> result<_, string>;
      nothing: func();
    }
    world all-types { export all; export greet: func(name: string) -> string; }`);
  expect(text).toMatchInlineSnapshot(`
    "// The world demo:all/all-types@1.2.0, for the host. Written by tenon; do not edit.
    import type { World } from "tenon";

    /** The interface \`demo:all/all@1.2.0\`. All there is. */
    export interface DemoAllAll {
      /**
       * Moves a point.
       * @throws ComponentError with \`payload\` DemoAllAll.Colour
       */
      moveBy(p: DemoAllAll.Point, delete_: bigint, new_?: number | undefined, last?: string | undefined): DemoAllAll.Point;
      needed(a: number | undefined, b: number): (number | undefined)[];
      /** @throws ComponentError with \`payload\` string */
      fail(): void;
      nothing(): void;
    }
    export namespace DemoAllAll {
      /** A point. */
      export interface Point {
        x: number;
        /** Up is positive. */
        y: number;
        label?: string | undefined;
        deep: { tag: "some"; val: number | undefined } | { tag: "none"; val?: undefined };
      }
      export type Shape =
        | { tag: "circle"; val: number }
        /** Nothing to it. */
        | { tag: "none"; val?: undefined }
        | { tag: "poly"; val: DemoAllAll.Point[] };
      export type Colour = "red" | "light-blue";
      export interface Rights {
        read: boolean;
        canWrite: boolean;
      }
      export type Bytes = Uint8Array;
      export type Wide = BigInt64Array;
      export type Bits = boolean[];
      export type Pair = [string, { tag: "ok"; val: number } | { tag: "err"; val: string }];
      export type Either = { tag: "ok"; val?: void } | { tag: "err"; val?: void };
    }

    export interface AllTypes extends World {
      imports: {};
      exports: {
        "demo:all/all@1.2.0": DemoAllAll;
        all: DemoAllAll;
        greet(name: string): string;
      };
    }
    "
  `);
  expect(await compile({ "all.d.ts": text })).toBe("");
});

test("resources, worlds with imports, uses across interfaces", async () => {
  const text = await declare(`package demo:res;
    interface types {
      /// A blob.
      resource blob {
        /// From bytes.
        constructor(init: list<u8>);
        write: func(bytes: list<u8>);
        merge: static func(lhs: borrow<blob>, rhs: borrow<blob>) -> blob;
      }
      resource opaque { name: func() -> string; }
      record meta { owner: string, blob: borrow<blob> }
    }
    interface user { use types.{blob, meta}; take: func(b: blob, m: meta) -> list<blob>; }
    interface made { resource thing { constructor(n: u32); n: func() -> u32; } }
    world w {
      import user;
      import log: interface { write: func(text: string); }
      import now: func() -> u64;
      export made;
      export run: func(x: u32) -> u32;
    }`);
  expect(text).toMatchInlineSnapshot(`
    "// The world demo:res/w, for the host. Written by tenon; do not edit.
    /// <reference lib="esnext.disposable" />
    import type { GuestResource, World } from "tenon";

    /** The interface \`demo:res/types\`. */
    export interface DemoResTypes {
      /** A blob. */
      Blob: DemoResTypes.BlobClass;
      Opaque: DemoResTypes.OpaqueClass;
    }
    export namespace DemoResTypes {
      /** A blob. */
      export interface Blob extends Partial<Disposable> {
        write(bytes: Uint8Array): void;
      }
      /** The class of {@link Blob}. */
      export interface BlobClass {
        /** From bytes. */
        new (init: Uint8Array): Blob;
        merge(lhs: DemoResTypes.Blob, rhs: DemoResTypes.Blob): DemoResTypes.Blob;
      }
      export interface Opaque extends Partial<Disposable> {
        name(): string;
      }
      /** The class of {@link Opaque}. */
      export interface OpaqueClass {
        readonly prototype: Opaque;
      }
      export interface Meta {
        owner: string;
        blob: DemoResTypes.Blob;
      }
    }

    /** The interface \`demo:res/user\`. */
    export interface DemoResUser {
      take(b: DemoResTypes.Blob, m: DemoResUser.Meta): readonly DemoResTypes.Blob[];
    }
    export namespace DemoResUser {
      export type Blob = DemoResTypes.Blob;
      export type Meta = DemoResTypes.Meta;
    }

    /** The interface \`log\`. */
    export interface Log {
      write(text: string): void;
    }

    /** The interface \`demo:res/made\`. */
    export interface DemoResMade {
      Thing: DemoResMade.ThingClass;
    }
    export namespace DemoResMade {
      export interface Thing extends GuestResource<"demo:res/made#thing"> {
        n(): number;
      }
      /** The class of {@link Thing}. */
      export interface ThingClass {
        new (n: number): Thing;
      }
    }

    export interface W extends World {
      imports: {
        "demo:res/types": DemoResTypes;
        "demo:res/user": DemoResUser;
        log: Log;
        now(): bigint;
      };
      exports: {
        "demo:res/made": DemoResMade;
        made: DemoResMade;
        run(x: number): number;
      };
    }
    "
  `);
  const use = `
    import type { W, DemoResTypes } from "./w.d.ts";
    class Blob implements DemoResTypes.Blob {
      constructor(readonly bytes: Uint8Array) {}
      write(bytes: Uint8Array): void { this.bytes.set(bytes); }
      static merge(lhs: DemoResTypes.Blob, rhs: DemoResTypes.Blob): DemoResTypes.Blob { return lhs ?? rhs; }
    }
    class Opaque { constructor(private label: string) {} name(): string { return this.label; } [Symbol.dispose](): void {} }
    export const imports: W["imports"] = {
      "demo:res/types": { Blob, Opaque },
      "demo:res/user": { take: (b, m) => [b, m.blob] },
      log: { write: (text: string) => void text },
      now: () => 1n,
    };
    export function go(exports: W["exports"]): number {
      using thing = new exports.made.Thing(3);
      return exports.run(thing.n()) + exports["demo:res/made"].Thing.length;
    }
    // @ts-expect-error: there is no such export
    export const wrong = (exports: W["exports"]) => exports.nope;
    // @ts-expect-error: an import is missing
    export const lacking: W["imports"] = { log: { write() {} }, now: () => 1n };`;
  expect(await compile({ "w.d.ts": text, "use.ts": use })).toBe("");
});

test("names that clash with TypeScript's, with each other, or with a namespace's own", async () => {
  const text = await declare(`package demo:counter;
    interface counter {
      type %map = string; record array { x: list<string>, m: tuple<%map, u8>, b: list<u8> } record uint8-array { z: list<u8> }
      resource %world { constructor(); %constructor: func(); prototype: static func(); }
      resource %resource { }
      type world-class = u8;
      class: func(class: string, this: u8, arguments: u8) -> string;
    }
    interface any { f: func(); }
    world counter-world { import counter; export counter; export any; import %string: func(); }`);
  expect(await compile({ "counter.d.ts": text })).toBe("");
  expect(text).toContain("export interface CounterWorld extends World");
  expect(text).toContain("export namespace DemoCounterCounterImport {");
});

test("a function called new is called by its name", async () => {
  const text = await declare(`package demo:named;
    interface made { resource thing { constructor(); new: static func(n: u32) -> thing; } resource maker { new: func() -> thing; }
      new: func() -> maker; }
    world w { import made; export made; export new: func() -> u32; }`);
  const use = `
    import type { DemoNamedMade, W } from "./w.d.ts";
    export const things = ({ made, new: make }: W["exports"]): [DemoNamedMade.Thing[], number] =>
      [[made.Thing.new(1), new made.Thing(), made.new().new()], make()];
    // @ts-expect-error: the constructor takes nothing
    export const wrong = ({ made }: W["exports"]) => new made.Thing(1);`;
  expect(await compile({ "w.d.ts": text, "use.ts": use })).toBe("");
});

test("the same interface in two versions, and equal short names", async () => {
  const sources = {
    path: "w.wit",
    main: {
      name: "a:b",
      files: [
        {
          path: "w.wit",
          text: `package a:b;
      world w { import x:y/z@1.0.0; import x:y/z@2.0.0; export x:y/z@2.0.0; export p:q/z; }
      `,
        },
      ],
    },
    dependencies: ["x:y@1.0.0", "x:y@2.0.0", "p:q"].map((name) => ({
      name,
      files: [{ path: `${name}.wit`, text: `package ${name}; interface z { type t = u8; f: func(a: t) -> t; }` }],
    })),
  };
  const { description, docs } = await describeSources(sources);
  const text = declarations(description, docs);
  expect(text).toContain("export interface XYZ1_0_0");
  expect(text).not.toMatch(/^\s+z: /m);
  expect(await compile({ "w.d.ts": text })).toBe("");
});

test("what is no instance and has an interface's id is imported, exported and declared under it", async () => {
  const bytes = await parseWat(`(component
    (import "demo:my-lib/plus@1.0.0" (func $plus (param "n" u32) (result u32)))
    (import "my-tools" (core module $tools))
    (core func $plus' (canon lower (func $plus)))
    (type $thing' (resource (rep i32)))
    (core func $new (canon resource.new $thing'))
    (core module $m
      (import "t" "plus" (func $plus (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $plus (local.get 0))))
    (core instance $i (instantiate $m (with "t" (instance (export "plus" (func $plus'))))))
    (export "demo:my-lib/thing" (type $thing'))
    (export "my-tools-too" (core module $tools))
    (func (export "demo:my-lib/run@1.0.0") (param "n" u32) (result u32) (canon lift (core func $i "run"))))`);
  const component = await compileComponent(bytes);
  const tools = new WebAssembly.Module(emptyModule);
  const given = { "demo:my-lib/plus@1.0.0": (n: number) => n + 1, myTools: tools };
  const { exports } = await component.instantiate(given);
  expect((exports as any)["demo:my-lib/run@1.0.0"](4)).toBe(5);
  expect(Object.keys(exports)).toEqual([
    ...["demo:my-lib/thing", "myToolsToo", "demo:my-lib/run@1.0.0"],
    // By their short names as well.
    ...["thing", "run"],
  ]);
  const { imports, exports: exported } = component;
  const text = declarations({ name: "demo:my-lib/app", imports, exports: exported });
  const use = `
    import type { App } from "./app.d.ts";
    declare const app: App["exports"];
    declare const tools: WebAssembly.Module;
    export const imports: App["imports"] = { "demo:my-lib/plus@1.0.0": (n: number) => n + 1, myTools: tools };
    export const answer: number = app["demo:my-lib/run@1.0.0"](4);
    export const too: WebAssembly.Module = app.myToolsToo;
    export const isThing: boolean = {} instanceof app["demo:my-lib/thing"];`;
  expect(await compile({ "app.d.ts": text, "use.ts": use })).toBe("");
});
