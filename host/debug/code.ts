/**
 * Where the functions of a core module stand among its bytes: what tells whether a frame of a stack is one of this module's,
 * and which lines can be meant.
 */
import { eachSection, PREAMBLE_BYTES, readU32 } from "../binary/framing.ts";

const CODE_SECTION = 10;

/** Where code is, in bytes from the start of the core module as the component has it. */
export interface Code {
  /** Of the contents of the code section: the addresses of DWARF count from here. */
  readonly start: number;
  /** Where each function that the module defines begins, and behind the last one where they end. */
  readonly functions: Uint32Array;
}

/** Reads where the functions of a core module are; `undefined` when it has none, or is not what it should be. */
export function codeOf(module: Uint8Array): Code | undefined {
  let code: Code | undefined;
  eachSection(module, PREAMBLE_BYTES, module.length, (id, start, end) => {
    if (id !== CODE_SECTION) return true;
    code = readCode(module, start, end);
    return false;
  });
  return code;
}

function readCode(module: Uint8Array, start: number, end: number): Code | undefined {
  const count = readU32(module, start);
  // Every function takes a byte at least: no list is made longer than its module.
  if (count === undefined || count.value > end - start) return undefined;
  const functions = new Uint32Array(count.value + 1);
  let at = count.next;
  for (let index = 0; index < count.value; index++) {
    const size = readU32(module, at);
    if (size === undefined || size.next + size.value > end) return undefined;
    functions[index] = size.next;
    at = size.next + size.value;
  }
  functions[count.value] = at;
  return { start, functions };
}
