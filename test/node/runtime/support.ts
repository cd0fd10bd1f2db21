/** Small components written as text, compiled for the runtime's tests. */
import { createHash } from "node:crypto";
import { decodeComponent } from "../../../host/binary/decode.ts";
import { joined, u32Bytes } from "../../../host/binary/framing.ts";
import { compileBytes } from "../../compile.ts";
import type { Component, CompileOptions, Instance } from "../../../host/runtime/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

export interface Dynamic {
  imports: object;
  // Tests call exports that only the text knows.
  // oxlint-disable-next-line no-explicit-any
  exports: any;
}

export async function compileWat(text: string, options: CompileOptions = {}): Promise<Component<Dynamic>> {
  const bytes = new Uint8Array(await parseWat(text));
  const hash = createHash("sha256").update(bytes).digest("hex");
  return (await compileBytes(bytes, hash, { name: "test", ...options })) as Component<Dynamic>;
}

export async function instantiateWat(text: string, imports: object = {}): Promise<Instance<Dynamic>> {
  return (await compileWat(text)).instantiateSync(imports);
}

/** What a call throws; fails the test when it returns. */
export function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected the call to throw");
}

/** Puts another core module in the place of a component's first one. */
export function replaceModule(component: Uint8Array, module: Uint8Array): Uint8Array<ArrayBuffer> {
  const found = decodeComponent(component).definitions.find((item) => item.kind === "core-module");
  if (found === undefined) throw new Error("Expected a component with a core module");
  const header = 1 + u32Bytes(found.end - found.start).length;
  const before = component.subarray(0, found.start - header);
  return joined([before, [1], u32Bytes(module.length), module, component.subarray(found.end)]);
}

/** A memory of one page and a bump allocator that hands out aligned addresses and never frees. */
export const allocator = `
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func $realloc (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))))
    (memory.copy (local.get $at) (local.get $old)
      (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
    (local.get $at))`;

/** The canonical options that use {@link allocator} of the core instance \`$m\`. */
export const options = `(memory (core memory $m "memory")) (realloc (core func $m "realloc"))`;
