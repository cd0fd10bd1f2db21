/** wasm-tools for a test in the page: the tools run in Node, behind a command of the test runner. */
import { commands } from "vitest/browser";

export type StringEncoding = "utf8" | "utf16" | "compact-utf16";

/** As in `scripts/wasm-tools.ts`; what does not parse is an `Error` with the same message. */
export async function parseWat(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.wasmTools("parseWat", [text]));
}

export async function componentEmbed(core: Uint8Array, options: object): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.wasmTools("componentEmbed", [toBase64(core), options]));
}

export async function componentNew(core: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.wasmTools("componentNew", [toBase64(core)]));
}

export async function embedWorld(options: object): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.wasmTools("embedWorld", [options]));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
