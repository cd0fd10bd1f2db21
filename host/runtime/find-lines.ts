/** What leads from the frames of a component's core modules to lines: loaded with the first component that brings any. */
import { Lines } from "../debug/lines.ts";
import type { ReadBeside } from "../debug/lines.ts";
import type { Shifts } from "../instrument/shifts.ts";
import type { Plan } from "../plan/plan.ts";

/**
 * @param modules compiled, by their place in the plan
 * @param rewritingsOf what is where in what is compiled for a core module
 * @returns `undefined` when frames cannot be told from those of core modules that are given as imports
 */
export function findLines(
  bytes: Uint8Array<ArrayBuffer>,
  places: Plan["modules"],
  modules: readonly (WebAssembly.Module | undefined)[],
  rewritingsOf: (module: Uint8Array<ArrayBuffer>) => readonly Shifts[],
  beside: ReadBeside,
): Lines | undefined {
  // A core module may be instantiated several times: it is one all the same.
  const own = new Map<number, ConstructorParameters<typeof Lines>[0][number]>();
  for (const [i, place] of places.entries()) {
    if (place.kind === "imported") return undefined;
    const module = bytes.subarray(place.start, place.end);
    own.set(place.start, { bytes: module, compiled: modules[i]!, rewritings: rewritingsOf(module) });
  }
  return new Lines([...own.values()], beside);
}
