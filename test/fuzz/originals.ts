/**
 * What mutations of binaries start from, and what is judged of a mutant: for the tests and for long runs, in Node.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { decodeComponent } from "../../host/binary/decode.ts";
import type { ComponentDefinition } from "../../host/binary/definition.ts";
import { DecodeError, TrapError } from "../../host/errors.ts";
import { readDirectives } from "../conformance/run/directives.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { parameterTypes } from "../differential/arbitraries.ts";
import { echoText } from "../differential/echo.ts";
import type { Range } from "./mutate.ts";

export type ErrorClass = new (...args: never[]) => Error;

/** The components of our own test scripts, and echo components of random types. */
export async function originals(seed: number): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const cases = new URL("../conformance/cases/", import.meta.url);
  for (const file of readdirSync(cases)) {
    for (const directive of readDirectives(readFileSync(new URL(file, cases), "utf8"))) {
      if (directive.kind !== "component" && directive.kind !== "component definition") continue;
      const { form } = directive.source;
      found.push(form.kind === "bytes" ? new Uint8Array(form.bytes) : await parseWat(form.text));
    }
  }
  const signatures = fc.sample(parameterTypes({ extended: true }), { seed, numRuns: 30 });
  for (let from = 0; from < signatures.length; from += 5) {
    found.push(await parseWat(echoText(signatures.slice(from, from + 5), "utf8")));
  }
  return found;
}

/** Whether an error is of a class that the host promises, says what it is about, and points into the mutant. */
export function isPromised(error: unknown, allowed: readonly ErrorClass[], mutant: Uint8Array): boolean {
  if (!(error instanceof Error) || !allowed.some((type) => error instanceof type)) return false;
  if (/tenon bug|(?<!got )undefined|\[object|cannot read prop/i.test(error.message)) return false;
  if (error instanceof DecodeError && (error.offset < 0 || error.offset > mutant.length)) return false;
  // What the host cannot name may be a fault of its own: only builtins that need tasks are unnamed traps.
  return (
    !(error instanceof TrapError) ||
    error.trap !== "unknown" ||
    /needs async tasks|null function or function signature mismatch/.test(error.message)
  );
}

/** What may be changed without touching code: everything after the preamble that is not a core module. */
export function outsideCoreModules(component: Uint8Array): readonly Range[] {
  const sorted = [...coreModules(decodeComponent(component))].sort((a, b) => a.start - b.start);
  const starts = [8, ...sorted.map((range) => range.end)];
  const ends = [...sorted.map((range) => range.start), component.length];
  return starts.map((start, index) => ({ start, end: ends[index]! })).filter((range) => range.end > range.start);
}

function coreModules(definition: ComponentDefinition): readonly Range[] {
  return definition.definitions.flatMap((item): readonly Range[] => {
    if (item.kind === "core-module") return [{ start: item.start, end: item.end }];
    return item.kind === "component" ? coreModules(item.component) : [];
  });
}
