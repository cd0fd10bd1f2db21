/**
 * Components from C and Rust, by the compilers that Debian packages (`clang lld wasi-libc libclang-rt-dev-wasm32`, `rustc
 * libstd-rust-dev-wasm32`), with jco's adapters for WASI; a compiler that cannot make WebAssembly here is `undefined`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as wasi from "@bytecodealliance/preview2-shim";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import { afterAll } from "vitest";
import { componentEmbed, componentNew } from "../../../scripts/toolchain/wasm-tools.ts";

const folder = mkdtempSync(join(tmpdir(), "tenon-native-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a compiler over one source text; its output is the core module. */
export function build(compiler: readonly string[], extension: string, source: string): Uint8Array<ArrayBuffer> {
  const [program, ...args] = compiler as [string, ...string[]];
  const input = join(folder, `source.${extension}`);
  const output = join(folder, "module.wasm");
  writeFileSync(input, source);
  execFileSync(program, [...args, input, "-o", output], { stdio: "pipe" });
  return new Uint8Array(readFileSync(output));
}

/** The first of several command lines that can make WebAssembly here. */
function firstThatBuilds(
  compilers: readonly (readonly string[])[],
  extension: string,
  source: string,
): readonly string[] | undefined {
  return compilers.find((compiler) => {
    try {
      return build(compiler, extension, source).length > 0;
    } catch {
      return false;
    }
  });
}

export const clang: readonly string[] | undefined = firstThatBuilds(
  ["clang", "clang-14"].map((name) => [name, "--target=wasm32-wasi", "-O2"]),
  "c",
  '#include <stdio.h>\nint main(void) { return puts("") < 0; }',
);
const rustArgs = [
  "--target",
  "wasm32-wasi",
  "--crate-type",
  "cdylib",
  "-O",
  "-C",
  "linker=wasm-ld",
  "-C",
  "strip=symbols",
];
// A rustup toolchain without WebAssembly may stand before Debian's own in the path.
export const rustc: readonly string[] | undefined = firstThatBuilds(
  ["rustc", "/usr/bin/rustc"].map((name) => [name, ...rustArgs]),
  "rs",
  '#[no_mangle] pub extern "C" fn answer() -> u32 { 42 }',
);

/** Core modules of these compilers import WASI's first preview; jco's adapters turn that into the second. */
export async function component(
  core: Uint8Array<ArrayBuffer>,
  kind: "command" | "reactor",
  world?: object,
): Promise<Uint8Array<ArrayBuffer>> {
  const jco = createRequire(import.meta.url).resolve("@bytecodealliance/jco");
  const adapter = readFileSync(join(jco, `../../lib/wasi_snapshot_preview1.${kind}.wasm`));
  const embedded =
    world === undefined
      ? core
      : await componentEmbed(core, { stringEncoding: "utf8", ...(world as { witSource: string }) });
  return componentNew(embedded, [["wasi_snapshot_preview1", new Uint8Array(adapter)]]);
}

/** Standard output that is kept, as an object of the shim's own class. */
export function capture(): { readonly stream: object; text(): string } {
  const chunks: Uint8Array[] = [];
  const { OutputStream } = wasi.io.streams;
  const keep = (bytes: Uint8Array): void => void chunks.push(bytes.slice());
  const stream = Object.assign(Object.create(OutputStream.prototype) as object, {
    checkWrite: () => 1_000_000n,
    write: keep,
    blockingWriteAndFlush: keep,
    flush: () => undefined,
    blockingFlush: () => undefined,
  });
  return { stream, text: () => chunks.map((bytes) => new TextDecoder().decode(bytes)).join("") };
}

export function imports(stdout: object, options: { args?: string[]; env?: Record<string, string> } = {}): object {
  const shim = new WASIShim({
    sandbox: { preopens: {}, env: options.env ?? {}, args: options.args ?? [], enableNetwork: false },
  });
  return { ...shim.getImportObject(), "wasi:cli/stdout": { getStdout: () => stdout } };
}
