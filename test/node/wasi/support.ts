/** Programs of C, C++ and Rust, made to components by jco's adapter, for the tests of `tenon/wasi`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentNew } from "../../../scripts/toolchain/wasm-tools.ts";

const CLANGS = ["clang", "clang-14"];
const CLANGXXS = ["clang++", "clang++-14"];
// A rustup toolchain without WebAssembly may stand before Debian's own in the path.
const RUSTCS = ["rustc", "/usr/bin/rustc"];

/**
 * The adapter takes its own memory from the program's allocator if it can. If not it grows the memory, and the allocator of these
 * compilers' C library, which begins by taking all memory there is, later takes the adapter's for its own.
 */
const REALLOC_C = `
  #include <stdlib.h>
  __attribute__((export_name("cabi_realloc")))
  void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    return size == 0 ? (void *)align : realloc(old, size);
  }`;
const REALLOC_RUST = `
  #[no_mangle]
  pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    use std::alloc::{alloc, realloc, Layout};
    let layout = |size| Layout::from_size_align_unchecked(size, align);
    if size == 0 { align as *mut u8 } else if old_size == 0 { alloc(layout(size)) } else { realloc(old, layout(old_size), size) }
  }`;

function compileWith(program: string, args: readonly string[], file: string, source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "tenon-wasi-"));
  try {
    writeFileSync(join(folder, file), source);
    execFileSync(program, [...args, file, "-o", "program.wasm"], { cwd: folder, stdio: "pipe" });
    return new Uint8Array(readFileSync(join(folder, "program.wasm")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compileC(program: string, source: string): Uint8Array {
  return compileWith(program, ["--target=wasm32-wasi", "-O2"], "program.c", source + REALLOC_C);
}

function compileCpp(program: string, source: string): Uint8Array {
  // With an export beside `_start` the linker has each call of it run constructors and destructors, which C++'s streams do not
  // survive: the adapter grows the memory.
  return compileWith(program, ["--target=wasm32-wasi", "-O2", "-fno-exceptions"], "program.cpp", source);
}

function compileRust(program: string, source: string): Uint8Array {
  const args = ["--target", "wasm32-wasi", "-O", "-C", "linker=wasm-ld", "-C", "strip=symbols"];
  return compileWith(program, [...args, "-C", "link-arg=--export=cabi_realloc"], "program.rs", source + REALLOC_RUST);
}

/** The first of several compilers that makes WebAssembly here. */
function working(programs: readonly string[], compile: (program: string) => Uint8Array): string | undefined {
  return programs.find((program) => {
    try {
      return compile(program).length > 0;
    } catch {
      return false;
    }
  });
}

/** The compiler for C, where this machine has one with WASI's library. */
export const clang: string | undefined = working(CLANGS, (program) =>
  compileC(program, "#include <stdio.h>\nint main(void) { return 0; }"),
);

/** The compiler for C++, where this machine has one with WASI's library and that of C++. */
export const clangxx: string | undefined = working(CLANGXXS, (program) =>
  compileCpp(program, "#include <vector>\nint main() { return (int)std::vector<int>().size(); }"),
);

/** The compiler for Rust, where this machine has one with WASI's library. */
export const rustc: string | undefined = working(RUSTCS, (program) => compileRust(program, "fn main() {}"));

/** A program of C as a component that exports `wasi:cli/run`. */
export async function command(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return adapted(compileC(clang!, source));
}

/** A program of C++ as a component that exports `wasi:cli/run`. */
export async function cppCommand(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return adapted(compileCpp(clangxx!, source));
}

/** A program of Rust as a component that exports `wasi:cli/run`. */
export async function rustCommand(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return adapted(compileRust(rustc!, source));
}

/** A core module that imports WASI's first preview, as a component that imports the second. */
async function adapted(core: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  const adapter = readFileSync(join(jco, "../../lib/wasi_snapshot_preview1.command.wasm"));
  return componentNew(core, [["wasi_snapshot_preview1", new Uint8Array(adapter)]]);
}
