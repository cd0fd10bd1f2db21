/** Programs of C and Rust for a test in the page: compiled in Node, behind a command of the test runner. */
import { commands } from "vitest/browser";

export const { clang, rustc } = await commands.nativeCompilers();

export async function command(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.nativeCommand("C", source));
}

export async function rustCommand(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return fromBase64(await commands.nativeCommand("Rust", source));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
