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
const MOST_CHANGES = 4;
const LONGEST_CHANGE = 8;

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
  const below = (limit: number): number => Math.floor(random() * limit);
  const buffer = new Uint8Array(bytes.length + MOST_CHANGES * LONGEST_CHANGE);
  buffer.set(bytes);
  let length = bytes.length;
  /** Makes room for `wide` bytes in the place of `narrow`, as far as there are so many. */
  const resize = (at: number, narrow: number, wide: number): void => {
    const from = Math.min(length, at + narrow);
    buffer.copyWithin(at + wide, from, length);
    length += wide - (from - at);
  };
  const changes = random() < 0.7 ? 1 : 2 + below(MOST_CHANGES - 1);
  // Growing and shrinking moves what follows, so the ranges are used from the back to the front.
  const places = Array.from({ length: changes }, () => {
    const range = ranges[below(ranges.length)]!;
    return range.start + below(range.end - range.start);
  }).sort((a, b) => b - a);
  for (const place of places) {
    const at = Math.min(place, length);
    const size = 1 + below(LONGEST_CHANGE);
    const kind = below(10);
    if (kind === 4) {
      resize(at, 0, size);
      for (let i = 0; i < size; i++) buffer[at + i] = below(256);
    } else if (kind === 5) resize(at, size, 0);
    else if (kind === 6) {
      const from = below(donor.length);
      const copied = donor.subarray(from, from + size);
      resize(at, random() < 0.5 ? size : 0, copied.length);
      buffer.set(copied, at);
    } else if (kind === 9 && random() < 0.2) length = at;
    else if (at < length) {
      const old = buffer[at]!;
      if (kind === 0) buffer[at] = below(256);
      else if (kind === 1) buffer[at] = interesting[below(interesting.length)]!;
      else if (kind === 2) buffer[at] = old + (random() < 0.5 ? 1 : 255);
      else if (kind === 3) buffer[at] = old ^ (1 << below(8));
      else if (kind === 7) buffer[at] = below(8);
      else buffer[at] = 0x80;
    }
  }
  return buffer.slice(0, length);
}
