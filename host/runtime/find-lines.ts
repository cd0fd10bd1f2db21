/** What leads from the frames of a component's core modules to lines: loaded with the first component that brings any. */
import { codeOf } from "../debug/code.ts";
import { Lines } from "../debug/lines.ts";
import type { LineTable, ReadBeside } from "../debug/lines.ts";
import type { Shifts } from "../instrument/shifts.ts";
import type { Plan } from "../plan/plan.ts";

/**
 * Where the code of each core module is, by its place in the plan: nothing for one without code, and for one that comes
 * again, which is one all the same.
 *
 * @param rewritingsOf what is where in what is compiled for a core module
 * @returns `undefined` when frames cannot be told from those of core modules that are given as imports
 */
export function lineTables(
  bytes: Uint8Array<ArrayBuffer>,
  places: Plan["modules"],
  rewritingsOf: (module: Uint8Array<ArrayBuffer>) => readonly Shifts[],
): (LineTable | null)[] | undefined {
  const known = new Set<number>();
  const tables: (LineTable | null)[] = [];
  for (const place of places) {
    if (place.kind === "imported") return undefined;
    const module = bytes.subarray(place.start, place.end);
    const code = known.has(place.start) ? undefined : codeOf(module);
    known.add(place.start);
    tables.push(code === undefined ? null : { code, rewritings: rewritingsOf(module) });
  }
  return tables;
}

/** @param modules compiled, by their place in the plan */
export function linesOf(
  tables: readonly (LineTable | null)[],
  modules: readonly (WebAssembly.Module | undefined)[],
  beside: ReadBeside,
): Lines {
  return new Lines(
    tables.flatMap((table, i) => (table === null ? [] : [{ ...table, compiled: modules[i]! }])),
    beside,
  );
}

/** As {@link linesOf}, of a component's bytes. */
export function findLines(
  bytes: Uint8Array<ArrayBuffer>,
  places: Plan["modules"],
  modules: readonly (WebAssembly.Module | undefined)[],
  rewritingsOf: (module: Uint8Array<ArrayBuffer>) => readonly Shifts[],
  beside: ReadBeside,
): Lines | undefined {
  const tables = lineTables(bytes, places, rewritingsOf);
  return tables && linesOf(tables, modules, beside);
}
