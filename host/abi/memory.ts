/**
 * A linear memory as the canonical ABI sees it: views that survive growth, range checks, and the string codecs.
 *
 * Follows design/mvp/CanonicalABI.md, "Loading" and "Storing" of strings and lists. Generated text calls these methods;
 * they are ordinary code rather than generated text so that every instance shares what the engine has optimised.
 */
import type { TrapCode } from "../errors.ts";
import type { Quota } from "./quota.ts";
import { AbiTrap } from "./trap.ts";

/** Calls the guest's `realloc` with checks: alignment and bounds of what comes back. */
export type Realloc = (pointer: number, oldSize: number, alignment: number, newSize: number) => number;

/** Below this many code units a loop beats the platform's codec (measured on Node 20: the crossing is near 60). */
const SHORT = 48;
/** Bytes of one crossing after which no string is made by a loop: V8 keeps its pieces, thirty bytes for each unit. */
const LOOPED = 4 * 2 ** 20;
/** The longest string or list a component may pass, in bytes. */
const MAX_BYTE_LENGTH = 2 ** 28 - 1;
const UTF16_TAG = 0x8000_0000;

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf16Decoder = new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();
const EMPTY = new ArrayBuffer(0);
/** Bytes that are lifted between two looks at the clock: about a millisecond. */
const LOOK_BYTES = 2 ** 18;

export class Memory {
  u8: Uint8Array<ArrayBuffer> = new Uint8Array(EMPTY);
  view: DataView<ArrayBuffer> = new DataView(EMPTY);
  /** Code units (bytes in utf8) of the string or elements of the list stored last; tagged in latin1+utf16. */
  length = 0;
  private memory: WebAssembly.Memory | undefined;
  private readonly quota: Quota;
  /** Bytes that may still be lifted in this crossing. */
  private left: number;
  /** Below this something is done: the limit is passed, or, where time is limited, the clock is looked at. */
  private floor: number;
  /** While more than this is left, short strings are made by a loop. */
  private readonly decodeFrom: number;

  constructor(quota: Quota) {
    this.quota = quota;
    this.left = quota.hostCallBytes;
    this.floor = quota.look === undefined ? 0 : this.left - LOOK_BYTES;
    this.decodeFrom = quota.hostCallBytes - LOOPED;
  }

  attach(memory: WebAssembly.Memory): void {
    this.memory = memory;
    this.refresh();
  }

  /** Drops the memory and every view of it. */
  detach(): void {
    this.memory = undefined;
    this.u8 = new Uint8Array(EMPTY);
    this.view = new DataView(EMPTY);
  }

  /** To be called before anything is lifted: what the guest hands over is counted from here on. */
  beginLift(): void {
    this.left = this.quota.hostCallBytes;
    if (this.quota.look !== undefined) this.floor = this.left - LOOK_BYTES;
    this.sync();
  }

  /** To be called whenever the guest has run: growing a memory detaches its buffer, and a detached view is empty. */
  sync(): void {
    if (this.u8.length === 0) this.refresh();
  }

  private refresh(): void {
    if (this.memory === undefined) return;
    // A component's memory is never shared here: validation refuses shared memories without threads.
    const buffer = this.memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Checks a pointer to `size` bytes that the guest gave. */
  check(pointer: number, size: number, alignment: number): number {
    return this.within("memory-out-of-bounds", "Pointer", pointer >>> 0, size, alignment);
  }

  /** Checks what `realloc` returned. */
  checkAllocated(pointer: number, size: number, alignment: number): number {
    return this.within("realloc-out-of-bounds", "Result of realloc", pointer >>> 0, size, alignment);
  }

  /**
   * Checks a list's pointer and length; its element count is at most what 2^28 - 1 bytes hold.
   * @param cost bytes that an element takes of the host's heap
   */
  checkList(pointer: number, length: number, elementSize: number, alignment: number, cost: number): number {
    const byteLength = (length >>> 0) * elementSize;
    if (byteLength > MAX_BYTE_LENGTH)
      throw new AbiTrap("list-out-of-bounds", `A list of ${byteLength} bytes is too long`);
    const at = this.within("list-out-of-bounds", "List pointer and length", pointer >>> 0, byteLength, alignment);
    this.spend((length >>> 0) * cost);
    return at;
  }

  /** Counts what is about to be lifted: before it is, so that a guest cannot make the host run out of memory. */
  spend(bytes: number): void {
    if ((this.left -= bytes) < this.floor) this.reached();
  }

  /** Between the elements of a list, where time is limited. */
  look(): void {
    const trap = this.quota.look?.();
    if (trap !== undefined) throw trap;
  }

  private reached(): void {
    const trap = this.quota.passed(this.left);
    if (trap !== undefined) throw trap;
    this.floor = Math.max(this.left - LOOK_BYTES, 0);
  }

  private within(code: TrapCode, what: string, at: number, byteLength: number, alignment: number): number {
    if ((at & (alignment - 1)) !== 0) {
      throw new AbiTrap("unaligned-pointer", `Pointer ${at} is not aligned to ${alignment}`);
    }
    if (at + byteLength > this.u8.length) {
      throw new AbiTrap(code, `${what} out of bounds: ${byteLength} bytes at ${at}, the memory has ${this.u8.length}`);
    }
    return at;
  }

  // Lifting strings ("load_string_from_range").

  loadUtf8(pointer: number, byteLength: number): string {
    const length = byteLength >>> 0;
    const at = this.checkString(pointer, length, 1);
    const { u8 } = this;
    if (length <= SHORT && this.left > this.decodeFrom) {
      let text = "";
      let i = 0;
      for (; i < length; i++) {
        const byte = u8[at + i]!;
        if (byte > 0x7f) break;
        text += String.fromCharCode(byte);
      }
      if (i === length) return text;
    }
    try {
      return utf8Decoder.decode(u8.subarray(at, at + length));
    } catch {
      throw new AbiTrap("invalid-utf8", `The ${length} bytes at ${at} are not valid UTF-8`);
    }
  }

  loadUtf16(pointer: number, codeUnits: number): string {
    const length = codeUnits >>> 0;
    const at = this.checkString(pointer, length * 2, 2);
    if (length <= SHORT && this.left > this.decodeFrom) {
      const { view } = this;
      let text = "";
      let i = 0;
      for (; i < length; i++) {
        const unit = view.getUint16(at + i * 2, true);
        if ((unit & 0xf800) === 0xd800) break;
        text += String.fromCharCode(unit);
      }
      if (i === length) return text;
    }
    try {
      return utf16Decoder.decode(this.u8.subarray(at, at + length * 2));
    } catch {
      throw new AbiTrap("invalid-utf16", `The ${length} code units at ${at} are not valid UTF-16`);
    }
  }

  loadLatin1OrUtf16(pointer: number, tagged: number): string {
    if ((tagged & UTF16_TAG) !== 0) return this.loadUtf16(pointer, tagged ^ UTF16_TAG);
    const length = tagged >>> 0;
    const at = this.checkString(pointer, length, 2);
    const { u8 } = this;
    if (this.left <= this.decodeFrom) return latin1(u8, at, length);
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(u8[at + i]!);
    return text;
  }

  private checkString(pointer: number, byteLength: number, alignment: number): number {
    if (byteLength > MAX_BYTE_LENGTH) {
      throw new AbiTrap("string-out-of-bounds", `A string of ${byteLength} bytes is too long`);
    }
    const at = this.within("string-out-of-bounds", "String pointer and length", pointer >>> 0, byteLength, alignment);
    this.spend(byteLength);
    return at;
  }

  // Lowering host strings ("store_string_into_range"): the host may choose its source encoding, and chooses the
  // guest's own, so that one allocation of the exact size is enough. A lone surrogate becomes U+FFFD, as in Web IDL's
  // USVString, which is what the JavaScript embedding of `string` is.

  storeUtf8(text: string, realloc: Realloc): number {
    const { length } = asString(text);
    let byteLength = length;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) {
        byteLength = utf8Length(text, i);
        break;
      }
    }
    checkByteLength(byteLength);
    const at = realloc(0, 0, 1, byteLength);
    const { u8 } = this;
    if (byteLength === length && length <= SHORT) {
      for (let i = 0; i < length; i++) u8[at + i] = text.charCodeAt(i);
    } else {
      utf8Encoder.encodeInto(text, u8.subarray(at, at + byteLength));
    }
    this.length = byteLength;
    return at;
  }

  storeUtf16(text: string, realloc: Realloc): number {
    const { length } = asString(text);
    checkByteLength(length * 2);
    const at = realloc(0, 0, 2, length * 2);
    this.writeUtf16(text, at);
    this.length = length;
    return at;
  }

  private writeUtf16(text: string, at: number): void {
    const { length } = text;
    if (length <= SHORT) {
      // Making a typed array costs as much as writing some thirty code units.
      const { view } = this;
      for (let i = 0; i < length; i++) {
        const unit = text.charCodeAt(i);
        view.setUint16(at + i * 2, (unit & 0xf800) === 0xd800 && isLone(text, i, unit) ? 0xfffd : unit, true);
      }
      return;
    }
    const units = new Uint16Array(this.u8.buffer, at, length);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      units[i] = (unit & 0xf800) === 0xd800 && isLone(text, i, unit) ? 0xfffd : unit;
    }
  }

  storeLatin1OrUtf16(text: string, realloc: Realloc): number {
    if (!isLatin1(asString(text))) {
      const at = this.storeUtf16(text, realloc);
      this.length = (this.length | UTF16_TAG) >>> 0;
      return at;
    }
    const { length } = text;
    checkByteLength(length);
    const at = realloc(0, 0, 2, length);
    const { u8 } = this;
    for (let i = 0; i < length; i++) u8[at + i] = text.charCodeAt(i);
    this.length = length;
    return at;
  }

  /** Stores a `list<u8>` of `length` bytes at `at`, from a typed array or an array of numbers. */
  storeBytes(bytes: ArrayLike<number>, at: number, length: number): void {
    // An empty list may be a detached array, from which nothing can be set.
    if (length === 0) return;
    if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) {
      this.u8.set(bytes, at);
    } else {
      // A subclass may lie about its length: through a view of exactly the allocation no byte beyond is written.
      new Uint8Array(this.u8.buffer, at, length).set(bytes);
    }
  }
}

/** A Latin-1 string without the pieces that a loop would leave behind. The platform's own "latin1" is another encoding. */
function latin1(bytes: Uint8Array, at: number, length: number): string {
  const units = new Uint16Array(length);
  for (let i = 0; i < length; i++) units[i] = bytes[at + i]!;
  return utf16Decoder.decode(units);
}

/** A string that was checked before. */
function asString(text: unknown): string {
  if (typeof text !== "string") throw new AbiTrap("unknown", "The value changed while it was read");
  return text;
}

/** "trap_if(byte_length > MAX_…_BYTE_LENGTH)": what is longer would wrap around in the guest's `realloc`. */
export function checkByteLength(byteLength: number): void {
  if (byteLength > MAX_BYTE_LENGTH) {
    throw new AbiTrap("list-out-of-bounds", `A string or list of ${byteLength} bytes is too long`);
  }
}

function isLone(text: string, i: number, unit: number): boolean {
  if (unit < 0xdc00) {
    const next = text.charCodeAt(i + 1);
    return !(next >= 0xdc00 && next < 0xe000);
  }
  const previous = i === 0 ? 0 : text.charCodeAt(i - 1);
  return !(previous >= 0xd800 && previous < 0xdc00);
}

export function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

/** UTF-8 bytes of a string whose first `from` code units are ASCII. */
export function utf8Length(text: string, from = 0): number {
  const { length } = text;
  let bytes = length;
  for (let i = from; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x7f) continue;
    bytes += unit > 0x7ff ? 2 : 1;
    // A pair is four bytes for two units; a lone surrogate is replaced by U+FFFD, three bytes for one.
    if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++;
  }
  return bytes;
}
