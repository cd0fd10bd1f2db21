/** From the frames of a trap to lines: source maps in core modules, what is told of frames, and maps that make no sense. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeComponent } from "../../../host/binary/decode.ts";
import type { Limits } from "../../../host/runtime/engine.ts";
import { mappedLines } from "../../../host/debug/source-map.ts";
import { LimitError, LowerError, TrapError, UnloadedError } from "../../../host/errors.ts";
import { wasmFrame } from "../../../host/runtime/stack.ts";
import { compileBytes } from "../../compile.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { thrown } from "./support.ts";

/** A segment of a map, its numbers relative to the segment before. */
function vlq(...numbers: readonly number[]): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return numbers
    .map((number) => {
      let left = number < 0 ? -number * 2 + 1 : number * 2;
      let text = "";
      do {
        text += letters[(left & 31) | (left >= 32 ? 32 : 0)]!;
        left >>>= 5;
      } while (left > 0);
      return text;
    })
    .join("");
}

/** A map in which the byte at an offset comes from the line of that number, column 3, of one file. */
function everyByte(source: string, bytes = 2_000): object {
  const mappings = Array.from({ length: bytes }, (_, i) => vlq(i === 0 ? 0 : 1, 0, i === 0 ? 0 : 1, i === 0 ? 2 : 0));
  return { version: 3, names: [], sources: [source], mappings: mappings.join(",") };
}

const inline = (map: unknown): string =>
  `data:application/json;base64,${btoa(
    String.fromCharCode(...new TextEncoder().encode(typeof map === "string" ? map : JSON.stringify(map))),
  )}`;

/** The custom section that says where the map is, in the text format. */
const mapped = (url: string): string => {
  // A backslash takes two letters in the text format.
  const bytes: number[] = [];
  for (let left = url.replaceAll("\\\\", "\\").length; ; left >>>= 7) {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  const head = bytes.map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  return `(@custom "sourceMappingURL" "${head}${url}")`;
};

async function load(
  text: string,
  imports: object = {},
  name = "test",
  limits?: Limits,
): Promise<{ exports: any; bytes: Uint8Array }> {
  const bytes = new Uint8Array(await parseWat(text));
  const component = await compileBytes(bytes, "0", { name, limits });
  return { exports: component.instantiateSync(imports).exports, bytes };
}

/** The byte of a core module at an offset of a frame: what the guest was executing. */
function opcodeAt(component: Uint8Array, offset: number | undefined, module = 0): number | undefined {
  const modules = decodeComponent(component).definitions.filter((item) => item.kind === "core-module");
  return component[(modules[module] as { start: number }).start + offset!];
}

const UNREACHABLE = 0x00;
const CALL = 0x10;

/** A component whose `run` calls `mid`, which calls `deep`, which traps. */
const nested = (fields: string): string => `(component
  (core module $M (func $deep (export "deep") unreachable) (func $mid call $deep) (func (export "run") call $mid) ${fields})
  (core instance $m (instantiate $M))
  (func (export "run") (canon lift (core func $m "run"))))`;

describe("TrapError.frames", () => {
  test("have the lines of an inline source map, and position is the innermost", async () => {
    const { exports, bytes } = await load(nested(mapped(inline(everyByte("src/index.ts")))));
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.frames.map(({ function: name }) => name)).toEqual(["deep", "mid", "wasm-function[2]"]);
    for (const { file, line, column, offset } of trap.frames) {
      expect({ file, line, column }).toEqual({ file: "src/index.ts", line: offset! + 1, column: 3 });
    }
    expect(trap.frames.map(({ offset }) => opcodeAt(bytes, offset))).toEqual([UNREACHABLE, CALL, CALL]);
    expect(trap.position).toEqual({ file: "src/index.ts", line: trap.frames[0]!.line, column: 3 });
    expect(trap.message).toBe(`Trap in "test", export "run": unreachable at src/index.ts:${trap.position!.line}:3`);
  });

  test("lead back through what the host put into the core module", async () => {
    // The memory is exported by the host, which moves the code behind it.
    const { exports, bytes } = await load(nested(`(memory 1) ${mapped(inline(everyByte("src/index.ts")))}`));
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.frames.map(({ offset }) => opcodeAt(bytes, offset))).toEqual([UNREACHABLE, CALL, CALL]);
    expect(trap.frames.map(({ line, offset }) => line! - offset!)).toEqual([1, 1, 1]);
  });

  /** Loops within loops, calls around and in them, branches over them, work that is done in pieces, and code that computes only. */
  const busy = `(component
    (core module $M (memory 1) (table $t 1 funcref) (type $none (func)) (elem (i32.const 0) $deep)
      (func $deep unreachable)
      (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.div_u (i32.const 1) (local.get 0))))
      (func $work (param $kind i32) (local $i i32)
        (block $out
          (loop $outer
            (loop $inner
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $inner (i32.lt_u (local.get $i) (i32.const 10)))
              (memory.fill (i32.const 0) (i32.const 0) (i32.const 16))
              (if (i32.eq (local.get $kind) (i32.const 1)) (then (call $deep)))
              (if (i32.eq (local.get $kind) (i32.const 2)) (then (call_indirect $t (type $none) (i32.const 0))))
              (if (i32.eq (local.get $kind) (i32.const 3)) (then (drop (call $leaf (i32.const 0)))))
              (if (i32.eq (local.get $kind) (i32.const 4)) (then (drop (memory.grow (i32.const 1))) unreachable))
              (if (i32.eq (local.get $kind) (i32.const 5)) (then (memory.fill (i32.const 65535) (i32.const 0) (i32.const 9))))
              (if (i32.eq (local.get $kind) (i32.const 6)) (then (br $inner)))
              (br_if $out (i32.eq (local.get $kind) (i32.const 7))))
            (br_if $outer (i32.lt_u (local.get $i) (i32.const 20)))))
        (drop (i32.load (i32.const -4))))
      (func (export "run") (param i32) (call $work (local.get 0)))
      ${mapped(inline(everyByte("src/index.ts")))})
    (core instance $m (instantiate $M))
    (func (export "run") (param "kind" u32) (canon lift (core func $m "run"))))`;

  test.each([1, 2, 3, 4, 5, 7])("lead back through code that limits have rewritten (%d)", async (kind) => {
    const plain = thrown((await load(busy)).exports.run.bind(undefined, kind)) as TrapError;
    expect(plain.frames.length).toBeGreaterThan(1);
    for (const limits of [{ timeoutMs: 60_000 }, { fuel: 1_000_000 }, { memoryBytes: 2 ** 20 }] satisfies Limits[]) {
      const { exports } = await load(busy, {}, "test", limits);
      const trap = thrown(() => exports.run(kind)) as TrapError;
      expect(trap.trap).toBe(plain.trap);
      expect(trap.frames).toEqual(plain.frames);
      expect(trap.position).toEqual(plain.position);
    }
  });

  test("of a limit that was passed are the guest's own: the loop that did not end", async () => {
    const { exports, bytes } = await load(busy, {}, "test", { fuel: 100_000 });
    const trap = thrown(() => exports.run(6)) as TrapError;
    expect(trap).toBeInstanceOf(LimitError);
    expect(trap.frames.map(({ function: name }) => name)).toEqual(["work", "wasm-function[3]"]);
    expect(opcodeAt(bytes, trap.frames[1]!.offset)).toBe(CALL);
    expect(trap.position!.file).toBe("src/index.ts");
  });

  test("of a component without lines whose code was rewritten have no offsets", async () => {
    const { exports } = await load(nested("(memory 1)"), {}, "test", { fuel: 1_000 });
    const { frames } = thrown(() => exports.run()) as TrapError;
    expect(frames[0]).toMatchObject({ function: "deep", offset: undefined });
  });

  test("of a component without lines have names and offsets", async () => {
    const { exports } = await load(nested(""));
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.frames[0]).toMatchObject({ function: "deep", module: "M" });
    expect(trap.frames[0]!.file).toBeUndefined();
    expect(trap.position).toBeUndefined();
  });

  test("in a library are passed over by position", async () => {
    const { exports } = await load(nested(mapped(inline(everyByte("src/index.ts")))));
    const [deep, mid] = (thrown(() => exports.run()) as TrapError).frames.map(({ offset }) => offset!);
    for (const library of ["~lib/array.ts", "src/bindings/entry.ts", "/rustc/0123/library/core/src/panicking.rs"]) {
      const map = {
        version: 3,
        sources: [library, "src/index.ts"],
        mappings: [vlq(deep!, 0, 6, 0), vlq(mid! - deep!, 1, 1, 1)].join(","),
      };
      const other = await load(nested(mapped(inline(map))));
      const trap = thrown(() => other.exports.run()) as TrapError;
      expect(trap.frames[0]).toMatchObject({ file: library, line: 7, column: 1 });
      expect(trap.position).toEqual({ file: "src/index.ts", line: 8, column: 2 });
    }
  });

  test("of two core modules have the lines of each, and none where it may be either", async () => {
    const two = (first: string): string => `(component
      (core module $A (func $fa (export "f") ${first} unreachable) ${mapped(inline(everyByte("a.ts")))})
      (core module $B (import "a" "f" (func $f)) (func (export "run") call $f) ${mapped(inline(everyByte("b.ts")))})
      (core instance $a (instantiate $A)) (core instance $b (instantiate $B (with "a" (instance $a))))
      (func (export "run") (canon lift (core func $b "run"))))`;
    const told = await load(two("nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop"));
    const trap = thrown(() => told.exports.run()) as TrapError;
    expect(trap.frames.map(({ file }) => file)).toEqual(["a.ts", "b.ts"]);
    expect(opcodeAt(told.bytes, trap.frames[0]!.offset, 0)).toBe(UNREACHABLE);
    expect(opcodeAt(told.bytes, trap.frames[1]!.offset, 1)).toBe(CALL);

    const twins = (source: string): string => `(func $f (export "f") unreachable) ${mapped(inline(everyByte(source)))}`;
    const same = await load(`(component
      (core module $A ${twins("a.ts")}) (core module $B ${twins("b.ts")})
      (core instance $a (instantiate $A)) (core instance $b (instantiate $B))
      (func (export "run") (canon lift (core func $a "f"))) (func (export "other") (canon lift (core func $b "f"))))`);
    const either = thrown(() => same.exports.run()) as TrapError;
    expect(either.frames).toHaveLength(1);
    expect(either.frames[0]!.file).toBeUndefined();
  });

  const importing = `(component
    (import "act" (func $act)) (core func $act' (canon lower (func $act)))
    (core module $M (import "h" "act" (func $act)) (func $inner call $act) (func (export "run") call $inner)
      (func (export "quiet")) ${mapped(inline(everyByte("src/index.ts")))})
    (core instance $m (instantiate $M (with "h" (instance (export "act" (func $act'))))))
    (func (export "run") (canon lift (core func $m "run"))) (func (export "quiet") (canon lift (core func $m "quiet"))))`;

  test("of an import that threw are those of the guest that called it", async () => {
    // An error made beforehand, whose own stack knows nothing of the guest.
    const error = new Error("early");
    const { exports, bytes } = await load(importing, {
      act: () => {
        throw error;
      },
    });
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap).toMatchObject({ trap: "import-threw", cause: error });
    expect(trap.frames.map(({ function: name }) => name)).toEqual(["inner", "wasm-function[2]"]);
    expect(trap.frames.map(({ offset }) => opcodeAt(bytes, offset))).toEqual([CALL, CALL]);
    expect(trap.position).toEqual({ file: "src/index.ts", line: trap.frames[0]!.offset! + 1, column: 3 });
  });

  test("of a call back into the instance are those that led to it", async () => {
    let refusal: unknown;
    const here: { exports: any } = await load(importing, {
      act: () => {
        refusal = thrown(() => here.exports.quiet());
      },
    });
    here.exports.run();
    expect(refusal).toMatchObject({ trap: "cannot-enter-component", export: "quiet" });
    const { frames, position } = refusal as TrapError;
    expect(frames.map(({ function: name }) => name)).toEqual(["inner", "wasm-function[2]"]);
    expect(position).toMatchObject({ file: "src/index.ts", line: frames[0]!.line });
  });

  test("are the module's own, not those of the module that called it", async () => {
    const callee = await load(nested(mapped(inline(everyByte("callee.ts")))), {}, "callee");
    const caller = await load(importing, { act: () => callee.exports.run() }, "caller");
    const outer = thrown(() => caller.exports.run()) as TrapError;
    const inner = outer.cause as TrapError;
    expect(inner.frames.map(({ file }) => file)).toEqual(["callee.ts", "callee.ts", "callee.ts"]);
    expect(outer.frames.map(({ file }) => file)).toEqual(["src/index.ts", "src/index.ts"]);
  });

  test("are there at the end of the stack, though the engine stops before a function's first instruction", async () => {
    const { exports } = await load(`(component
      (core module $M (func $deep (param i32 i32) (result i32) (i32.add (call $deep (local.get 0) (local.get 1)) (i32.const 1)))
        (func (export "run") (drop (call $deep (i32.const 1) (i32.const 2)))) ${mapped(inline(everyByte("src/index.ts")))})
      (core instance $m (instantiate $M)) (func (export "run") (canon lift (core func $m "run"))))`);
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.trap).toBe("stack-overflow");
    expect(trap.frames.length).toBeGreaterThan(0);
    expect(new Set(trap.frames.map(({ function: name }) => name))).toEqual(new Set(["deep"]));
    expect(trap.position!.file).toBe("src/index.ts");
  });

  test("and files that a guest named carry no control characters", async () => {
    const evil = "a\u001b[2J\u202eb\n    at fake (host.ts:1:1)";
    const { exports } = await load(nested(mapped(inline(everyByte(`${evil}.ts`)))));
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.frames[0]!.file).toBe("a\\u{1b}[2J\\u{202e}b\\u{a}    at fake (host.ts:1:1).ts");
    for (const control of ["\u001b", "\u202e"]) expect(trap.message + trap.stack).not.toContain(control);
  });
});

describe("a source map that makes no sense", () => {
  const ok = everyByte("src/index.ts") as { mappings: string };
  test.each<readonly [string, unknown]>([
    ["is no JSON", "{"],
    ["is null", "null"],
    ["has no mappings", { version: 3, sources: ["a"] }],
    ["has sources that are none", { ...ok, sources: "src" }],
    ["has a source that is no text", { ...ok, sources: [{}] }],
    ["has no such source", { ...ok, sources: [] }],
    ["consists of maps", { version: 3, sections: [{ offset: { line: 0, column: 0 }, map: ok }] }],
    ["has letters that are none", { ...ok, mappings: `!${ok.mappings}` }],
    ["has a number without end", { ...ok, mappings: "ggggggggggggggggggggggggggg" }],
    ["goes backwards", { ...ok, mappings: `${vlq(500, 0, 0, 0)},${vlq(-400, 0, 1, 0)}` }],
    ["has lines before the first", { ...ok, mappings: `${vlq(0, 0, -5, 0)}` }],
  ])("and %s gives a trap without lines", async (_, map) => {
    const { exports } = await load(nested(mapped(inline(map))));
    const trap = thrown(() => exports.run()) as TrapError;
    expect(trap.trap).toBe("unreachable");
    expect(trap.frames.map(({ function: name }) => name)).toEqual(["deep", "mid", "wasm-function[2]"]);
    expect(trap.frames.every(({ file }) => file === undefined)).toBe(true);
    expect(trap.position).toBeUndefined();
  });

  test("never throws, whatever its mappings are", () => {
    const letters = fc.string({ unit: fc.constantFrom(..."ACDgg5/,;+!"), maxLength: 60 });
    const range = fc.record({ start: fc.nat(20), offset: fc.nat(40), end: fc.nat(60) });
    fc.assert(
      fc.property(letters, fc.array(range, { maxLength: 3 }), (mappings, wanted) => {
        const found = mappedLines(JSON.stringify({ version: 3, sources: ["a.ts"], mappings }), wanted);
        for (const line of found) if (line !== undefined) expect(line.line).toBeGreaterThan(0);
        expect(found).toHaveLength(wanted.length);
      }),
    );
  });

  test.each([
    "https://example.com/x.map",
    "/etc/passwd",
    "../secret.map",
    "..\\\\secret.map",
    "C:secret.map",
    ".map",
    "x.wasm.map",
    "data:application/json;base64,%%%",
    "",
  ])("or is looked for at %j is not there", async (url) => {
    const { exports } = await load(nested(mapped(url)));
    expect((thrown(() => exports.run()) as TrapError).position).toBeUndefined();
  });
});

describe("stack", () => {
  const own = /[/\\]host[/\\](?:runtime|bindings|abi|module)[/\\]|evaluate/;

  test("of a trap begins with the guest's frames, and goes on with the caller", async () => {
    const { exports } = await load(nested(mapped(inline(everyByte("src/index.ts")))));
    const trap = thrown(function callsTheGuest() {
      exports.run();
    }) as TrapError;
    const lines = trap.stack!.split("\n");
    const first = lines.findIndex((line) => line.includes("deep"));
    expect(lines[first]).toMatch(/src\/index\.ts:\d+:3/);
    expect(lines[first + 3]).toContain("callsTheGuest");
    expect(trap.stack).not.toMatch(own);
  });

  test("of a refusal begins with the caller", async () => {
    const { exports } = await load(`(component
      (core module $M (func (export "take") (param i32)) (func (export "run") unreachable))
      (core instance $m (instantiate $M)) (func (export "run") (canon lift (core func $m "run")))
      (func (export "take") (param "it" u32) (canon lift (core func $m "take"))))`);
    const refused = [thrown(() => exports.take("1")), thrown(() => exports.run()), thrown(() => exports.take(1))];
    expect(refused.map((error) => error.constructor)).toEqual([LowerError, TrapError, UnloadedError]);
    for (const { stack } of refused) expect(stack).not.toMatch(own);
  });

  test("is read past what a program put in the way of the engine's", async () => {
    const errors = Error as unknown as { prepareStackTrace?: unknown };
    const before = Object.getOwnPropertyDescriptor(errors, "prepareStackTrace");
    const { exports } = await load(nested(mapped(inline(everyByte("src/index.ts")))));
    const mine = (error: Error): string => `${error.message}\n    at nowhere (mine.ts:1:1)`;
    errors.prepareStackTrace = mine;
    try {
      const trap = thrown(() => exports.run()) as TrapError;
      expect(errors.prepareStackTrace).toBe(mine);
      expect(trap.frames).toHaveLength(3);
    } finally {
      if (before === undefined) delete errors.prepareStackTrace;
      else Object.defineProperty(errors, "prepareStackTrace", before);
    }
  });
});

test("wasmFrame reads the frames of every engine, and passes over those of JavaScript", () => {
  const known = { index: 36, offset: 0x186d };
  for (const [line, name, module] of [
    ["    at index/helper (wasm://wasm/5cc39b7a:wasm-function[36]:0x186d)", "index/helper", undefined],
    ["    at wasm://wasm/5cc39b7a:wasm-function[36]:0x186d", "wasm-function[36]", undefined],
    ["    at greeter.f(int, char) (wasm://wasm/greeter-5cc39b7a:wasm-function[36]:0x186d)", "f(int, char)", "greeter"],
    ["    at greeter (wasm://wasm/greeter-5cc39b7a:wasm-function[36]:0x186d)", "wasm-function[36]", "greeter"],
    ["    at f (http://localhost/x.wasm:wasm-function[36]:0x186d)", "f", undefined],
    ["f@http://localhost/a.js line 3 > WebAssembly.Module:wasm-function[36]:0x186d", "f", undefined],
    ["wasm-function[36]@http://localhost/x.wasm:wasm-function[36]:0x186d", "wasm-function[36]", undefined],
  ] as const) {
    expect(wasmFrame(line)).toMatchObject({ ...known, function: name, module });
  }
  expect(wasmFrame("<?>.wasm-function[36]@[wasm code]")).toMatchObject({ function: "wasm-function[36]", index: 36 });
  expect(wasmFrame("m.wasm-function[index/helper]@[wasm code]")).toMatchObject({
    function: "index/helper",
    module: "m",
  });
  expect(wasmFrame("deep@<?>:wasm-function[36]")).toMatchObject({ function: "deep", module: undefined, index: 36 });
  expect(wasmFrame("@m:wasm-function[36]")).toMatchObject({ function: "wasm-function[36]", module: "m" });
  expect(wasmFrame("    at null.<anonymous> (wasm://wasm/5cc39b7a:1:28)")).toMatchObject({
    offset: 27,
    index: undefined,
  });
  for (const line of [
    "    at f (file:///a/wasm.js:1:2)",
    "f@http://localhost/wasm.js:1:2",
    "wasm-stub@[wasm code]",
    "",
  ]) {
    expect(wasmFrame(line)).toBeUndefined();
  }
});
