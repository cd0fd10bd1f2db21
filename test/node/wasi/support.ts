/** Programs of C, made to components by jco's adapter, for the tests of `tenon/wasi`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentNew } from "../../../scripts/toolchain/wasm-tools.ts";

const CLANGS = ["clang", "clang-14"];

function compileWith(program: string, source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "tenon-wasi-"));
  try {
    writeFileSync(join(folder, "program.c"), source);
    const args = ["--target=wasm32-wasi", "-O2", "program.c", "-o", "program.wasm"];
    execFileSync(program, args, { cwd: folder, stdio: "pipe" });
    return new Uint8Array(readFileSync(join(folder, "program.wasm")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The compiler for C, where this machine has one with WASI's library. */
export const clang: string | undefined = CLANGS.find((program) => {
  try {
    return compileWith(program, "#include <stdio.h>\nint main(void) { return 0; }").length > 0;
  } catch {
    return false;
  }
});

/** A program of C as a component that exports `wasi:cli/run`. */
export async function command(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return adapted(compileWith(clang!, source));
}

/** A core module that imports WASI's first preview, as a component that imports the second. */
async function adapted(core: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  const adapter = readFileSync(join(jco, "../../lib/wasi_snapshot_preview1.command.wasm"));
  return componentNew(core, [["wasi_snapshot_preview1", new Uint8Array(adapter)]]);
}
