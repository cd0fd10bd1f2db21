/** A cursor over the bytes of a debug section: fixed and variable numbers, strings. Sections are the guest's: anything may be in them. */

/** What is read is not there. Not an `Error`: it costs nothing, and never leaves this folder. */
export class OutOfBytes {}

const utf8 = new TextDecoder();

export class Bytes {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new OutOfBytes();
    return byte;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return this.u16() + this.u16() * 2 ** 16;
  }

  /** Numbers beyond what is exact are no offsets of anything. */
  uleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw new OutOfBytes();
    return value;
  }

  sleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0x80) continue;
      if (byte >= 0x40) value -= 2 ** (shift + 7);
      break;
    }
    if (!Number.isSafeInteger(value)) throw new OutOfBytes();
    return value;
  }

  /** Up to the next zero, which is passed over. */
  string(): string {
    const end = this.#bytes.indexOf(0, this.at);
    if (end < 0 || this.at < 0) throw new OutOfBytes();
    const text = utf8.decode(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  skip(count: number): void {
    this.at += count;
  }
}
