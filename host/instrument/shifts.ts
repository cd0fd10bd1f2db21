/**
 * How far the bytes of a core module moved when it was rewritten: the one table by which positions in what the engine
 * compiled become positions in what the component holds. Every rewriting gives one.
 */

/** Bytes that were put in: those that stood at `at`, in the original, and behind it moved by `by`. */
export interface Shift {
  readonly at: number;
  readonly by: number;
}

/**
 * The offset that a byte had before the rewriting.
 * @param shifts in ascending order of `at`
 */
export function originalOffset(shifts: readonly Shift[], offset: number): number {
  let moved = 0;
  for (const { at, by } of shifts) {
    if (offset < at + moved + by) break;
    moved += by;
  }
  return offset - moved;
}
