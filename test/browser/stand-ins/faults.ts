/** The module of `test/fixtures/faults` for a test in the page: built in Node, behind a command of the test runner. */
import { commands } from "vitest/browser";
import type { BuiltFaults } from "../../node/real/built-faults.ts";

export async function buildFaults(): Promise<BuiltFaults> {
  const { bytes, ...rest } = await commands.buildFaults();
  return { ...rest, bytes: Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0)) };
}
