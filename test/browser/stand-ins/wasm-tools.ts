/** wasm-tools for a test in the page: the tools run in Node, behind a command of the test runner. */
import { commands } from "vitest/browser";
import { evaluateJco, type JcoComponent } from "../../../scripts/toolchain/jco-glue.ts";

export type StringEncoding = "utf8" | "utf16" | "compact-utf16";

/** As in `scripts/toolchain/wasm-tools.ts`; what does not parse is an `Error` with the same message. */
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

/** jco transpiles in Node; what it wrote is evaluated here. */
export async function jcoComponent(component: Uint8Array, options: object = {}): Promise<JcoComponent> {
  const files = Object.entries(await commands.transpile(toBase64(component), options));
  return evaluateJco(Object.fromEntries(files.map(([name, bytes]) => [name, fromBase64(bytes)])));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
