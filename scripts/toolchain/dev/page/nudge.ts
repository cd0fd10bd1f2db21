/**
 * Makes the engine collect garbage in a page that cannot ask it to.
 *
 * Chromium allows a limited number of live memories, and collects before it refuses one: so memories that are dropped
 * at once make it look for those that nobody holds. Nothing is kept, and a refusal is the end of it.
 */

/** More than any limit known for a page (124 in Chromium). */
const ENOUGH = 160;

export function canNudge(): boolean {
  return typeof WebAssembly === "object";
}

export function nudge(): void {
  try {
    for (let made = 0; made < ENOUGH; made++) new WebAssembly.Memory({ initial: 1 });
  } catch {
    // The limit was reached all the same; the collection has taken place.
  }
}
