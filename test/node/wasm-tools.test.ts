import { expect, test } from "vitest";
import { readComponent } from "../../host/plan/analyze.ts";
import { describeWorld } from "../../host/plan/world.ts";
import {
  componentEmbed,
  componentNew,
  componentWit,
  embedWorld,
  emptyModule,
  jcoComponent,
  metadataAdd,
  metadataShow,
  parseWat,
  print,
  ToolError,
} from "../../scripts/toolchain/wasm-tools.ts";

const wit = `package demo:x@1.0.0;
interface log { write: func(text: string); }
world w { import log; import shout: func(text: string) -> string; export add: func(a: s32, b: s32) -> s32; }`;

test("parseWat and print are inverse, and a syntax error says where", async () => {
  const bytes = await parseWat('(module (func (export "f") (result i32) i32.const 7))');
  expect(await print(bytes)).toContain("i32.const 7");
  await expect(parseWat("(module\n  (func i32.konst))")).rejects.toThrow(/^2:\d+: .*unknown operator/);
});

test("embedWorld gives what the host's decoder reads", async () => {
  const world = describeWorld(readComponent(await embedWorld({ witSource: wit, world: "w" })));
  expect(world.name).toBe("demo:x/w@1.0.0");
  expect(world.imports.map(({ name }) => name)).toEqual(["demo:x/log@1.0.0", "shout"]);
  expect(world.exports.map(({ name }) => name)).toEqual(["add"]);
});

test("componentNew makes a component that jco's glue runs, imports by versioned id", async () => {
  const source = "package demo:x; world w { import shout: func(a: u32) -> u32; export f: func(a: u32) -> u32; }";
  const core = await parseWat(`(module
    (import "$root" "shout" (func $shout (param i32) (result i32)))
    (func (export "f") (param i32) (result i32) local.get 0 call $shout))`);
  const component = await componentNew(await componentEmbed(core, { witSource: source }));
  expect(await componentWit(component)).toContain("shout: func");
  const jco = await jcoComponent(component);
  expect(jco.instantiate({ shout: (a: number) => a * 2 })["f"](21)).toBe(42);
});

test("metadataAdd fills in the producers", async () => {
  const bytes = await metadataAdd(emptyModule, [["processed-by", [["tenon", "1"]]]]);
  expect((await metadataShow(bytes))[0]?.producers).toEqual([["processed-by", [["tenon", "1"]]]]);
});

test("a refusal is a ToolError, and so is a panic, after which the tools work again", async () => {
  await expect(embedWorld({ witSource: wit, world: "nope" })).rejects.toThrow(ToolError);
  const panic = await embedWorld({ witPath: "/no/such/folder", world: "w" }).catch((error: unknown) => error);
  expect(panic).toBeInstanceOf(ToolError);
  expect((panic as ToolError).panicked).toBe(true);
  expect((await embedWorld({ witSource: wit, world: "w" })).length).toBeGreaterThan(8);
});
