/**
 * The fixed areas of `abi.ts`, where parameters and results lie that travel through memory.
 */

/** Larger areas than this, in bytes, are not fixed. */
export const maxArea = 4096;

export type Area = "params" | "results";

/** Bytes that the fixed areas of one world must have. */
export class AreaSizes {
  params = 0;
  results = 0;

  /** Makes the area large enough. @returns whether it may be: a larger one needs a place of its own */
  reserve(area: Area, bytes: number): boolean {
    if (bytes > maxArea) return false;
    this[area] = Math.max(this[area], bytes);
    return true;
  }
}
