/**
 * Section framing, which core modules and components share: where sections begin and end, read and written.
 *
 * Owns no section's contents and makes no errors: what cannot be told apart is `undefined` or `false`, and the decoder says
 * what is wrong with it. Follows the core specification, "Binary Format: Modules".
 */

/** The id of a custom section, in core modules and components. */
export const CUSTOM_SECTION = 0;
/** Bytes before the first section: magic, version and layer. */
export const PREAMBLE_BYTES = 8;
/** The longest name a decoder accepts, in bytes; wasmtime's limit. */
export const MAX_NAME_BYTES = 100_000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An unsigned LEB128 number of 32 bits; `undefined` when it is longer, or its end is not there. */
export function readU32(bytes: Uint8Array, at: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || (i === 4 && byte > 0x0f)) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return undefined;
}

/** The bytes of an unsigned LEB128 number, as few as it takes. */
export function u32Bytes(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

/**
 * Visits sections as long as `visit` agrees; `start` and `end` are those of the contents, `offset` that of the id.
 * @returns whether they fill the range exactly
 */
export function eachSection(
  bytes: Uint8Array,
  from: number,
  to: number,
  visit: (id: number, start: number, end: number, offset: number) => boolean,
): boolean {
  let at = from;
  while (at < to) {
    const id = bytes[at]!;
    const size = readU32(bytes, at + 1);
    if (size === undefined) return false;
    const end = size.next + size.value;
    if (end > to || !visit(id, size.next, end, at)) return false;
    at = end;
  }
  return at === to;
}

/** A length-prefixed name and where it ends; `undefined` when it is too long, or not UTF-8, or its end is not there. */
export function readName(bytes: Uint8Array, at: number, end: number): { value: string; next: number } | undefined {
  const length = readU32(bytes, at);
  if (length === undefined || length.value > MAX_NAME_BYTES || length.next + length.value > end) return undefined;
  const next = length.next + length.value;
  try {
    return { value: utf8.decode(bytes.subarray(length.next, next)), next };
  } catch {
    return undefined;
  }
}

/** Pieces of a binary as one. */
export function joined(pieces: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What no name begins with: the prefix, after as many dollar signs as it takes. */
export function unusedPrefix(prefix: string, names: readonly string[]): string {
  return names.some((name) => name.startsWith(prefix)) ? unusedPrefix(`$${prefix}`, names) : prefix;
}
