/**
 * A cursor over bytes that reads the primitive productions of the binary format: bytes, LEB128 integers, names, vectors.
 *
 * Owns bounds and encoding checks; every failure is a `DecodeError` with the byte offset from the start of the outermost
 * component and the section being read. Does not know any component or core construct. Follows "Values" of the core
 * specification's binary format, which design/mvp/Binary.md reuses.
 */
import { DecodeError } from "../errors.ts";
import { MAX_NAME_BYTES } from "./framing.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Reader {
  /** The outermost component's bytes. */
  readonly bytes: Uint8Array;
  /** The offset of the next byte to read. */
  offset: number;
  /** The offset after the last byte this reader may read. */
  readonly end: number;
  /** What is being read, for messages. */
  readonly section: string;

  constructor(bytes: Uint8Array, offset: number, end: number, section: string) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    this.section = section;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Makes the error for a failure at `offset`, by default the next byte. */
  error(message: string, offset: number = this.offset): DecodeError {
    return new DecodeError(message, { offset, section: this.section });
  }

  peek(what: string): number {
    if (this.offset >= this.end) throw this.endOfInput(what);
    return this.bytes[this.offset]!;
  }

  byte(what: string): number {
    const value = this.peek(what);
    this.offset++;
    return value;
  }

  /** Reads a byte that must be one value. */
  expect(value: number, what: string): void {
    const at = this.offset;
    const found = this.byte(what);
    if (found !== value) throw this.error(`Expected ${what} ${hex(value)}, got ${hex(found)}`, at);
  }

  /** An error for a leading byte that opens no production; call it after {@link byte}. */
  unknown(found: number, what: string): DecodeError {
    return this.error(`${hex(found)} is not ${what}`, this.offset - 1);
  }

  skip(byteLength: number, what: string): void {
    if (byteLength > this.remaining) throw this.endOfInput(what);
    this.offset += byteLength;
  }

  u32(what: string): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte(what);
      if (shift === 28 && byte > 0x0f) {
        throw this.error(
          byte > 0x7f
            ? `The integer of ${what} is longer than 5 bytes`
            : `The integer of ${what} is larger than 32 bits`,
          start,
        );
      }
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  u64(what: string): bigint {
    const start = this.offset;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte(what);
      if (shift === 63n && byte > 0x01) throw this.error(`The integer of ${what} is larger than 64 bits`, start);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  /** A signed LEB128 integer of up to `bits` bits, at most 64. */
  signed(bits: 32 | 33 | 64, what: string): bigint {
    const start = this.offset;
    const longest = Math.ceil(bits / 7);
    let value = 0n;
    for (let count = 1; ; count++) {
      const byte = this.byte(what);
      value |= BigInt(byte & 0x7f) << BigInt(7 * (count - 1));
      if (byte < 0x80) {
        value = BigInt.asIntN(7 * count, value);
        break;
      }
      if (count === longest) throw this.error(`The integer of ${what} is longer than ${longest} bytes`, start);
    }
    if (BigInt.asIntN(bits, value) !== value)
      throw this.error(`The integer of ${what} is larger than ${bits} bits`, start);
    return value;
  }

  /** A length-prefixed UTF-8 name. */
  name(what: string): string {
    const start = this.offset;
    const byteLength = this.u32(`the length of ${what}`);
    if (byteLength > MAX_NAME_BYTES)
      throw this.error(`The length of ${what} is ${byteLength} bytes, more than ${MAX_NAME_BYTES}`, start);
    const from = this.offset;
    this.skip(byteLength, what);
    try {
      return utf8.decode(this.bytes.subarray(from, this.offset));
    } catch {
      throw this.error(`The bytes of ${what} are not UTF-8`, from);
    }
  }

  /** The count of a vector whose items take at least one byte each, checked against what is left and against `limit`. */
  count(what: string, limit: number): number {
    const start = this.offset;
    const count = this.u32(`the number of ${what}`);
    if (count > limit) throw this.error(`There are ${count} ${what}, more than ${limit}`, start);
    if (count > this.remaining) {
      throw this.error(`Unexpected end: ${count} ${what} cannot fit in ${this.remaining} bytes`, start);
    }
    return count;
  }

  vector<T>(what: string, limit: number, read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.count(what, limit); left > 0; left--) items.push(read());
    return items;
  }

  /** `<T>?`: a byte 0 or 1, then the item. */
  optional<T>(what: string, read: () => T): T | undefined {
    return this.flag(what) ? read() : undefined;
  }

  /** A byte that must be 0 or 1. */
  flag(what: string): boolean {
    const byte = this.byte(what);
    if (byte > 1) throw this.unknown(byte, `0x0 or 0x1 for ${what}`);
    return byte === 1;
  }

  /** A reader of the next `byteLength` bytes, which this reader steps over. */
  sub(byteLength: number, section: string): Reader {
    const start = this.offset;
    this.skip(byteLength, `the ${section}`);
    return new Reader(this.bytes, start, this.offset, section);
  }

  /** Fails when bytes are left. */
  finish(): void {
    if (this.remaining > 0) {
      throw this.error(`${this.remaining} bytes are left after the end of the ${this.section}`);
    }
  }

  private endOfInput(what: string): DecodeError {
    return this.error(`Unexpected end while reading ${what}`, this.end);
  }
}

export function hex(byte: number): string {
  return `0x${byte.toString(16)}`;
}
