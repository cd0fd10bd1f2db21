/**
 * The string encoding of a component's built-ins of streams and futures.
 *
 * wasm-tools gives those of functions that are in no interface UTF-8, whatever encoding the strings of the module have. Owns
 * putting that right; follows design/mvp/Binary.md, "Canonical Definitions".
 */
import { readCanon } from "../../../host/binary/canon.ts";
import { Reader } from "../../../host/binary/reader.ts";
import { sections } from "../core-sections.ts";

const CANON_SECTION = 8;
const UTF8 = 0x00;
const UTF16 = 0x01;
const LATIN1_OR_UTF16 = 0x02;
const ASYNC = 0x06;
const builtins = new Set(["stream.read", "stream.write", "future.read", "future.write"]);

/** Makes the built-ins that copy elements take strings for UTF-16, in place. */
export function setUtf16(component: Uint8Array): void {
  for (const { id, start, end } of sections(component)) {
    if (id !== CANON_SECTION) continue;
    const reader = new Reader(component, start, end, "canon section");
    for (let left = reader.u32("the number of canonical definitions"); left > 0; left--) {
      const canon = readCanon(reader);
      if (canon.op === "other" && builtins.has(canon.name)) setOptions(component, canon.offset + 1, reader.offset);
    }
  }
}

/** @param start where the type's index is, before the options */
function setOptions(component: Uint8Array, start: number, end: number): void {
  const reader = new Reader(component, start, end, "canon section");
  reader.u32("a type index");
  for (let left = reader.u32("the number of canonical options"); left > 0; left--) {
    const at = reader.offset;
    const option = reader.byte("a canonical option");
    if (option === UTF8) component[at] = UTF16;
    else if (option > LATIN1_OR_UTF16 && option !== ASYNC) reader.u32("the index of a canonical option");
  }
}
