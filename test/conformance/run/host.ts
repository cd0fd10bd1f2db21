/**
 * The parts of the host under test, as the runner uses them.
 *
 * Owns nothing but the wiring: text to bytes through wasm-tools, bytes to component through the host.
 */
import { createHash } from "node:crypto";
import { compileBytes } from "../../compile.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { parseWat, ToolError } from "../../../scripts/toolchain/wasm-tools.ts";

/** wasm-tools refused a text. */
export class TextRefused extends Error {
  override readonly name = "TextRefused";
}

/** @throws {TextRefused} with wasm-tools' own words */
export async function parseText(text: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await parseWat(text);
  } catch (error) {
    if (error instanceof ToolError && !error.panicked) throw new TextRefused(error.message);
    throw error;
  }
}

/** Decodes, validates and compiles. @throws {DecodeError | UnsupportedError} */
export async function compile(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Component> {
  const hash = createHash("sha256").update(bytes).digest("hex");
  // Where guests can be suspended, those of synchronous functions too: a promise of their results is waited for.
  return compileBytes(bytes, hash, { name, awaited: "Suspending" in WebAssembly });
}

/** Has an instance trap whose calls can never end. A host cannot know that nobody will call again; a script does. */
export function trapIfStuck(instance: Instance): void {
  const { runtime } = instance as unknown as { readonly runtime: { readonly tasks?: { trapIfStuck(): void } } };
  runtime.tasks?.trapIfStuck();
}
