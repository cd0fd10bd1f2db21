/**
 * The parts of the host under test, as the runner uses them.
 *
 * Owns nothing but the wiring: text to bytes through wasm-tools, bytes to component through the host.
 */
import { createHash } from "node:crypto";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { compileBytes } from "../../host/runtime/component.ts";
import type { Component } from "../../host/runtime/types.ts";

/** wasm-tools refused a text. */
export class TextRefused extends Error {
  override readonly name = "TextRefused";
}

/** @throws {TextRefused} with wasm-tools' own words */
export async function parseText(text: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await parse(text));
  } catch (error) {
    const words = String((error as Error).message ?? error);
    // The message is the debug print of a Rust value; its `kind` is the part for people.
    throw new TextRefused(/kind: (?:Custom\("((?:[^"\\]|\\.)*)"\)|(.*?) \})/.exec(words)?.slice(1).find(Boolean) ?? words);
  }
}

/** Decodes, validates and compiles. @throws {DecodeError | UnsupportedError} */
export function compile(bytes: Uint8Array<ArrayBuffer>, name: string): Component {
  return compileBytes(bytes, createHash("sha256").update(bytes).digest("hex"), { name });
}
