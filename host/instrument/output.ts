/** Bytes that are written one after the other, into an array that grows. */
import { u32Bytes } from "../binary/framing.ts";
import type { Copied, Shifts } from "./shifts.ts";

export class Output {
  private bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  /** What was copied of one source, when that is to be known. */
  private readonly copied: Copied[] | undefined;
  private readonly source: Uint8Array | undefined;

  /** @param source whose copied bytes are to be known; see {@link shifts} */
  constructor(capacity: number, source?: Uint8Array) {
    this.source = source;
    if (source !== undefined) this.copied = [];
    this.bytes = new Uint8Array(Math.max(capacity, 64));
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  all(values: readonly number[]): void {
    for (const value of values) this.byte(value);
  }

  /** Room for a number that is not known yet: five bytes, for {@link settle}. */
  slot(): number {
    this.reserve(5);
    this.length += 5;
    return this.length - 5;
  }

  /** Writes an unsigned LEB128 number as long as the slot. */
  settle(slot: number, value: number): void {
    for (let i = 0; i < 4; i++) this.bytes[slot + i] = ((value >>> (7 * i)) & 0x7f) | 0x80;
    this.bytes[slot + 4] = value >>> 28;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (from === this.source && size > 0) this.copied!.push({ from: start, to: this.length, length: size });
    this.reserve(size);
    // For a few bytes a view costs more than the copy.
    if (size > 32) this.bytes.set(from.subarray(start, end), this.length);
    else for (let i = 0; i < size; i++) this.bytes[this.length + i] = from[start + i]!;
    this.length += size;
  }

  u32(value: number): void {
    if (value < 0x80) this.byte(value);
    else this.all(u32Bytes(value));
  }

  /** A signed LEB128 number that is not negative. */
  positive(value: number): void {
    if (value < 0x40) this.byte(value);
    else this.all(positiveBytes(value));
  }

  /** What was copied of the source, when what is written here begins at an offset of something larger. */
  shifts(at: number): Shifts {
    return (this.copied ?? []).map(({ from, to, length }) => ({ from, to: to + at, length }));
  }

  /** What has been written. The array is the output's own. */
  done(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/** A signed LEB128 number that is not negative. */
export function positiveBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x40; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
