/**
 * Mutations of a component binary, from a seeded generator: the same seed gives the same mutants.
 */

/** A small generator (mulberry32): numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A half-open range of bytes that may be changed. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const interesting = [0x00, 0x01, 0x02, 0x0a, 0x0b, 0x40, 0x5a, 0x60, 0x61, 0x6e, 0x70, 0x72, 0x7f, 0x80, 0xff] as const;

/**
 * Changes bytes within the ranges: some in place, some inserted, removed, copied from elsewhere in the binary or (when
 * a donor is given) from another. Mostly one change a mutant, at most four.
 */
export function mutate(
  bytes: Uint8Array,
  ranges: readonly Range[],
  random: () => number,
  donor: Uint8Array = bytes,
): Uint8Array<ArrayBuffer> {
  let result = [...bytes];
  // Growing and shrinking moves what follows, so the ranges are used from the back to the front.
  const picks = Array.from({ length: random() < 0.7 ? 1 : 2 + Math.floor(random() * 3) }, () => {
    const range = ranges[Math.floor(random() * ranges.length)]!;
    return range.start + Math.floor(random() * (range.end - range.start));
  }).sort((a, b) => b - a);
  for (const at of picks) {
    const length = 1 + Math.floor(random() * 8);
    const kind = Math.floor(random() * 10);
    if (kind === 0) result[at] = Math.floor(random() * 256);
    else if (kind === 1) result[at] = interesting[Math.floor(random() * interesting.length)]!;
    else if (kind === 2) result[at] = ((result[at] ?? 0) + (random() < 0.5 ? 1 : 255)) & 0xff;
    else if (kind === 3) result[at] = (result[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    else if (kind === 4) result.splice(at, 0, ...Array.from({ length }, () => Math.floor(random() * 256)));
    else if (kind === 5) result.splice(at, length);
    else if (kind === 6) {
      const from = Math.floor(random() * donor.length);
      result.splice(at, random() < 0.5 ? length : 0, ...donor.slice(from, from + length));
    } else if (random() < 0.2) result = result.slice(0, at);
    else result[at] = 0x80;
  }
  return Uint8Array.from(result);
}
