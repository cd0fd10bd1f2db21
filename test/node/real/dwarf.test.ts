/**
 * Traps of components from C and Rust with debug information: the line tables that their compilers write lead to the lines
 * of the source. And line tables that make no sense: random changes of real ones.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, inject, test } from "vitest";
import { dwarfLines } from "../../../host/debug/dwarf.ts";
import { sections } from "../../../scripts/toolchain/core-sections.ts";
import { componentEmbed, componentNew } from "../../../scripts/toolchain/wasm-tools.ts";
import { TrapError } from "../../../host/errors.ts";
import { compileBytes } from "../../compile.ts";
import { thrown } from "../runtime/support.ts";

const folder = mkdtempSync(join(tmpdir(), "tenon-dwarf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const C = `static int divide(int dividend, int divisor) {
  return dividend /
         divisor;
}
__attribute__((noinline)) static int middle(int value) {
  return divide(7, value) + 1;
}
__attribute__((export_name("run"))) int run(int value) {
  return middle(value) * 2;
}
`;

const RUST = `#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
#[inline(never)]
fn element(list: &[i32], index: usize) -> i32 {
    list[index]
}
#[no_mangle]
pub extern "C" fn run(value: i32) -> i32 {
    element(&[1, 2, 3], 5 - value as usize) + 1
}
`;

const clang = ["--target=wasm32", "-nostdlib", "-Wl,--no-entry"];
const rustc = [
  "--target",
  "wasm32-unknown-unknown",
  "--crate-type",
  "cdylib",
  "-C",
  "panic=abort",
  "-C",
  "linker=wasm-ld",
];

/** Without npm's: clang runs any `wasm-opt` that it finds over what it has linked, which leaves line tables as they were. */
const PATH = process.env["PATH"]!.split(delimiter)
  .filter((path) => !path.includes("node_modules"))
  .join(delimiter);

/** Compiles a source; `undefined` where no such compiler makes WebAssembly. */
function build(
  programs: readonly string[],
  args: readonly string[],
  extension: string,
  text: string,
): Uint8Array<ArrayBuffer> | undefined {
  const input = join(folder, `source.${extension}`);
  const output = join(folder, "module.wasm");
  writeFileSync(input, text);
  for (const program of programs) {
    try {
      execFileSync(program, [...args, input, "-o", output], { stdio: "pipe", env: { ...process.env, PATH } });
      return new Uint8Array(readFileSync(output));
    } catch {
      // Another one may.
    }
  }
  return undefined;
}

async function trapOf(core: Uint8Array<ArrayBuffer>, value: number): Promise<TrapError> {
  const witSource = "package t:t; world w { export run: func(value: s32) -> s32; }";
  const component = await componentNew(await componentEmbed(core, { witSource }));
  const { exports } = (await compileBytes(component, "0", { name: "native" })).instantiateSync();
  return thrown(() => (exports as { run(value: number): number }).run(value)) as TrapError;
}

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split("\n").length;

/** In CI what is missing is a failure, not a reason to skip. */
function available(core: Uint8Array | undefined, skip: (reason: string) => void): core is Uint8Array<ArrayBuffer> {
  if (core === undefined && process.env["CI"] === undefined) skip("no such compiler that makes WebAssembly");
  expect(core).toBeDefined();
  return true;
}

describe("a trap of a component with DWARF line tables", () => {
  test.for([
    ["-gdwarf-4", "-O0"],
    ["-gdwarf-5", "-O0"],
    ["-gdwarf-5", "-O2"],
  ])("names the lines of C compiled with %s %s", async (options, { skip }) => {
    const core = build(["clang", "clang-14"], [...clang, ...options], "c", C);
    if (!available(core, skip)) return;
    const trap = await trapOf(core, 0);
    expect(trap.trap).toBe("integer-divide-by-zero");
    expect(trap.position!.file).toMatch(/source\.c$/);
    const lines = trap.frames.map(({ line }) => line);
    expect(lines.at(-1)).toBe(lineOf(C, "return middle"));
    // The optimiser puts `divide` into `middle`; the line of the division stays.
    expect(trap.position!.line).toBe(lineOf(C, "return dividend"));
    if (options.includes("-O0")) {
      expect(lines).toEqual([lineOf(C, "return dividend"), lineOf(C, "return divide("), lineOf(C, "return middle")]);
      expect(trap.frames.map(({ function: name }) => name)).toEqual(["divide", "middle", "run"]);
    }
    if (options.includes("-gdwarf-5")) expect(trap.position!.file).toBe(join(folder, "source.c"));
  });

  test("names the author's line in Rust, not that of its library", async ({ skip }) => {
    const core = build(["rustc", "/usr/bin/rustc"], [...rustc, "-g"], "rs", RUST);
    if (!available(core, skip)) return;
    const trap = await trapOf(core, 0);
    expect(trap.trap).toBe("unreachable");
    expect(trap.frames[0]!.file).toContain("/library/core/");
    const author = trap.frames.filter(({ file }) => file?.endsWith("source.rs") === true).map(({ line }) => line);
    expect(author).toContain(lineOf(RUST, "list[index]"));
    expect(author.at(-1)).toBe(lineOf(RUST, "element(&[1"));
    expect(trap.position!.file).toMatch(/source\.rs$/);
  });

  test("has none for a place that the table does not cover, and never throws whatever the table holds", ({ skip }) => {
    const core = build(["clang", "clang-14"], [...clang, "-gdwarf-5", "-O0"], "c", C);
    if (!available(core, skip)) return;
    const named = (name: string): Uint8Array => {
      const found = sections(core).find((section) => section.name === name);
      return found === undefined ? new Uint8Array() : core.slice(found.start, found.end);
    };
    const real = { line: named(".debug_line"), lineStrings: named(".debug_line_str"), strings: named(".debug_str") };
    const wanted = [
      { start: 1, offset: 40, end: 400 },
      { start: 10_000, offset: 10_010, end: 10_020 },
    ];
    const [covered, beyond] = dwarfLines(real, wanted);
    expect(covered!.file).toMatch(/source\.c$/);
    expect(beyond).toBeUndefined();
    const change = fc.record({ at: fc.nat(real.line.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(real.line.length), (changes, length) => {
        const line = real.line.slice();
        for (const { at, byte } of changes) line[at] = byte;
        for (const table of [line, line.subarray(0, length)]) {
          const found = dwarfLines({ ...real, line: table }, wanted);
          expect(found).toHaveLength(2);
        }
      }),
      { numRuns: 2_000 * inject("scale"), seed: inject("seed") },
    );
  });
});
