/**
 * The section structure of a binary: enough to find, drop and replace whole sections.
 *
 * Owns no section's contents; works on core modules and components alike, because both share the framing. Follows the
 * core specification, "Binary Format: Modules".
 */
import { CUSTOM_SECTION, eachSection, joined, PREAMBLE_BYTES, readU32, u32Bytes } from "../../host/binary/framing.ts";

export interface Section {
  readonly id: number;
  /** The name of a custom section; empty for every other. */
  readonly name: string;
  /** Where the section begins, its id byte included. */
  readonly offset: number;
  /** Where its payload begins: after the size, and after the name of a custom section. */
  readonly start: number;
  readonly end: number;
}

const text = new TextDecoder();

/** The sections of a binary in order. @throws {RangeError} when the framing runs past the end */
export function sections(bytes: Uint8Array): Section[] {
  const found: Section[] = [];
  const whole = eachSection(bytes, PREAMBLE_BYTES, bytes.length, (id, contents, end, offset) => {
    let start = contents;
    let name = "";
    if (id === CUSTOM_SECTION) {
      const length = readU32(bytes, contents);
      if (length === undefined || length.next + length.value > end) return false;
      start = length.next + length.value;
      name = text.decode(bytes.subarray(length.next, start));
    }
    found.push({ id, name, offset, start, end });
    return true;
  });
  if (whole || bytes.length < PREAMBLE_BYTES) return found;
  throw new RangeError(`The section at byte ${found.at(-1)?.end ?? PREAMBLE_BYTES} runs past the end`);
}

/** The binary without the sections that `drop` picks. */
export function withoutSections(bytes: Uint8Array, drop: (section: Section) => boolean): Uint8Array<ArrayBuffer> {
  const kept = sections(bytes).filter((section) => !drop(section));
  return joined([bytes.subarray(0, PREAMBLE_BYTES), ...kept.map(({ offset, end }) => bytes.subarray(offset, end))]);
}

/** The binary with a custom section more, at its end, where it moves nothing. */
export function withCustomSection(bytes: Uint8Array, name: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const contents = joined([prefixed(new TextEncoder().encode(name)), payload]);
  return joined([bytes, [CUSTOM_SECTION], prefixed(contents)]);
}

/** Bytes after their number: a name, or a whole section. */
export function prefixed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined([u32Bytes(bytes.length), bytes]);
}
