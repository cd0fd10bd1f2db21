import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { DecodeError } from "../../../host/errors.ts";
import { inspect as inspectSource } from "../../../host/node/index.ts";
import { formatInspection, inspectBytes } from "../../../host/runtime/inspect.ts";
import { embedWorld, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { readComponent } from "../../../host/plan/analyze.ts";
import { describeWorld } from "../../../host/plan/world.ts";
import { formatWorld } from "../../../host/model/wit.ts";

async function inspect(text: string): Promise<ReturnType<typeof inspectBytes>> {
  const bytes = new Uint8Array(await parseWat(text));
  return inspectBytes(bytes, createHash("sha256").update(bytes).digest("hex"));
}

test("inspectBytes tells imports, exports, modules, memories and producers", async () => {
  const found = await inspect(`(component
    (import "demo:log/log@0.1.0" (instance (export "write" (func (param "text" string)))))
    (core module $M (memory (export "memory") 2 5) (func (export "f")))
    (core instance $m (instantiate $M))
    (func (export "run-it") (canon lift (core func $m "f")))
    (@producers (language "WAT" "1") (processed-by "a-tool" "0.3")))`);
  expect(found.imports).toEqual([
    { name: "demo:log/log@0.1.0", kind: "instance", type: "interface { write: func(text: string) }" },
  ]);
  expect(found.exports).toEqual([{ name: "run-it", kind: "func", type: "func()" }]);
  expect(found.modules).toMatchObject([
    { imports: 0, exports: ["memory", "f"], memories: [{ name: "memory", minimum: 2, maximum: 5 }] },
  ]);
  expect(found.producers).toMatchObject({ language: [{ name: "WAT", version: "1" }] });
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  const text = formatInspection(found);
  expect(text).toContain("export run-it: func();");
  expect(text).toContain(found.hash);
});

test("inspectBytes looks into a component that this host cannot run", async () => {
  const found = await inspect(`(component
    (import "other" (component))
    (core module $M (func (export "f"))) (core instance $m (instantiate $M))
    (func (export "run") (canon lift (core func $m "f"))))`);
  expect(found.unsupported).toContain("component");
  expect(found.modules).toHaveLength(1);
});

test("formatWorld writes WIT that WIT tools read back as the same world", async () => {
  const source = `package demo:all@1.2.0;
    interface types {
      record point { x: f64, %type: list<u8> }
      variant shape { dot(point), line(tuple<point, point>), nothing }
      enum level { low, high }
      flags access { read, write }
      type shapes = list<shape>;
      resource blob {
        constructor(size: u32);
        read: func(count: option<u32>) -> result<list<u8>, string>;
        merge: static func(a: borrow<blob>, b: blob) -> blob;
      }
      draw: func(shapes: shapes, level: level) -> result<_, access>;
    }
    world all {
      import types;
      import log: func(text: string);
      import inline: interface { ping: func() -> char; }
      export draw-all: func(maps: result<s64>) -> result;
    }`;
  const read = (component: Uint8Array): ReturnType<typeof describeWorld> => describeWorld(readComponent(component));
  const world = read(await embedWorld({ witSource: source, world: "all" }));
  const text = formatWorld("all", world.imports, world.exports);
  const again = read(await embedWorld({ witSource: text, world: "all" }));
  expect(formatWorld("all", again.imports, again.exports)).toBe(text);
  for (const piece of [
    "resource blob {",
    "constructor(size: u32);",
    "merge: static func(a: borrow<blob>, b: blob) -> blob;",
    "%type: list<u8>,",
  ]) {
    expect(text).toContain(piece);
  }
});

test("inspect is public: from any source, as data and as text", async () => {
  const bytes = await parseWat(`(component (core module $M (func (export "f"))) (core instance $m (instantiate $M))
    (func (export "run") (canon lift (core func $m "f"))))`);
  const found = await inspectSource(new Uint8Array(bytes));
  expect(found.exports).toEqual([{ name: "run", kind: "func", type: "func()" }]);
  expect(found.hash).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(found.text).toContain("export run: func();");
  await expect(inspectSource(new Uint8Array(8))).rejects.toThrow(DecodeError);
});
