/**
 * The section structure of a binary: enough to find, drop and replace whole sections.
 *
 * Owns no section's contents; works on core modules and components alike, because both share the framing. Follows the
 * core specification, "Binary Format: Modules".
 */

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
  for (let offset = 8; offset < bytes.length;) {
    const id = bytes[offset]!;
    const size = leb(bytes, offset + 1);
    const end = size.next + size.value;
    if (end > bytes.length) throw new RangeError(`Section ${id} at byte ${offset} runs past the end`);
    let start = size.next;
    let name = "";
    if (id === 0) {
      const length = leb(bytes, start);
      start = length.next + length.value;
      name = text.decode(bytes.subarray(length.next, start));
    }
    found.push({ id, name, offset, start, end });
    offset = end;
  }
  return found;
}

/** The binary without the sections that `drop` picks. */
export function withoutSections(bytes: Uint8Array, drop: (section: Section) => boolean): Uint8Array<ArrayBuffer> {
  const kept = sections(bytes).filter((section) => !drop(section));
  const parts = [bytes.subarray(0, 8), ...kept.map(({ offset, end }) => bytes.subarray(offset, end))];
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function leb(bytes: Uint8Array, offset: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0, next = offset; shift < 35; shift += 7) {
    const byte = bytes[next++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next };
  }
  throw new RangeError(`Malformed length at byte ${offset}`);
}
