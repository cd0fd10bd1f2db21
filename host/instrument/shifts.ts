/**
 * What of a core module stands where after it was rewritten: the tables by which positions in what the engine compiled become
 * positions in what the component holds. Every rewriting gives one.
 */

/** Bytes that were copied as they are, offsets from the start of the module. */
export interface Copied {
  /** Where they stood. */
  readonly from: number;
  /** Where they stand now. */
  readonly to: number;
  readonly length: number;
}

/** A rewriting: what was copied, in ascending order. */
export type Shifts = readonly Copied[];

/** The offset that a byte had before rewritings, the last of which is the first to be undone; of one that was put in, where it was. */
export function originalOffset(rewritings: readonly Shifts[], offset: number): number {
  return rewritings.reduceRight((at, shifts) => before(shifts, at), offset);
}

function before(shifts: Shifts, offset: number): number {
  let low = 0;
  for (let high = shifts.length; low < high;) {
    const middle = (low + high) >> 1;
    if (shifts[middle]!.to <= offset) low = middle + 1;
    else high = middle;
  }
  const last = shifts[low - 1];
  if (last === undefined) return offset;
  // What was put in behind copied bytes belongs to what stood there.
  return last.from + Math.min(offset - last.to, last.length);
}
