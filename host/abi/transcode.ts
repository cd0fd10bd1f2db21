/**
 * Strings from one guest to another, with the allocations the specification prescribes for each pair of encodings.
 *
 * Follows design/mvp/CanonicalABI.md, "Storing", from `store_string_into_range` on. Guests can observe the sequence of
 * `realloc` calls, so it is kept even where JavaScript could do with fewer.
 */
import type { StringEncoding } from "../plan/plan.ts";
import { isLatin1, utf8Length, type Memory, type Realloc } from "./memory.ts";

const UTF16_TAG = 0x8000_0000;
const encoder = new TextEncoder();

/** Stores `text`, which was lifted in the encoding `from`, and leaves its length in `memory.length`. */
export function transcode(
  memory: Memory,
  text: string,
  from: StringEncoding,
  to: StringEncoding,
  realloc: Realloc,
): number {
  if (to === "utf8") {
    if (from === "utf8") return memory.storeUtf8(text, realloc);
    return storeToUtf8(memory, text, text.length * (from === "latin1+utf16" && isLatin1(text) ? 2 : 3), realloc);
  }
  if (to === "utf16")
    return from === "utf8" ? storeUtf8ToUtf16(memory, text, realloc) : memory.storeUtf16(text, realloc);
  return storeToLatin1OrUtf16(memory, text, from, realloc);
}

/** `store_string_to_utf8` */
function storeToUtf8(memory: Memory, text: string, worstCase: number, realloc: Realloc): number {
  const { length } = text;
  let pointer = realloc(0, 0, 1, length);
  const byteLength = utf8Length(text);
  if (byteLength !== length) {
    pointer = realloc(pointer, length, 1, worstCase);
    encoder.encodeInto(text, memory.u8.subarray(pointer, pointer + byteLength));
    if (worstCase > byteLength) pointer = realloc(pointer, worstCase, 1, byteLength);
  } else {
    encoder.encodeInto(text, memory.u8.subarray(pointer, pointer + byteLength));
  }
  memory.length = byteLength;
  return pointer;
}

/** `store_utf8_to_utf16` */
function storeUtf8ToUtf16(memory: Memory, text: string, realloc: Realloc): number {
  const worstCase = 2 * utf8Length(text);
  let pointer = realloc(0, 0, 2, worstCase);
  memory.storeUtf16(text, () => pointer);
  if (text.length * 2 < worstCase) pointer = realloc(pointer, worstCase, 2, text.length * 2);
  return pointer;
}

/** `store_string_to_latin1_or_utf16` */
function storeToLatin1OrUtf16(memory: Memory, text: string, from: StringEncoding, realloc: Realloc): number {
  const sourceUnits = from === "utf8" ? utf8Length(text) : text.length;
  if (isLatin1(text)) {
    if (from === "latin1+utf16") return memory.storeLatin1OrUtf16(text, realloc);
    let pointer = realloc(0, 0, 2, sourceUnits);
    memory.storeLatin1OrUtf16(text, () => pointer);
    if (text.length < sourceUnits) pointer = realloc(pointer, sourceUnits, 2, text.length);
    return pointer;
  }
  let pointer: number;
  if (from === "latin1+utf16") {
    // The source was tagged as UTF-16, so the destination starts as UTF-16 ("store_probably_utf16_…").
    pointer = realloc(0, 0, 2, 2 * sourceUnits);
    memory.storeUtf16(text, () => pointer);
  } else {
    pointer = realloc(0, 0, 2, sourceUnits);
    const worstCase = 2 * sourceUnits;
    pointer = realloc(pointer, sourceUnits, 2, worstCase);
    memory.storeUtf16(text, () => pointer);
    if (text.length * 2 < worstCase) pointer = realloc(pointer, worstCase, 2, text.length * 2);
  }
  memory.length = (text.length | UTF16_TAG) >>> 0;
  return pointer;
}
