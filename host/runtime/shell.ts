/**
 * The shell of a component: everything that decides its plan, which is all but the code and data of its core modules.
 *
 * A module that is built again has new code in the same shell most of the time. Then what was decoded, validated and
 * planned before still holds, and only the core modules are compiled. The scan reads section headers and names of custom
 * sections; what it does not understand it leaves to the decoder, which says what is wrong.
 */
import { CUSTOM_SECTION, eachSection, PREAMBLE_BYTES, readName } from "../binary/framing.ts";

export interface Shell {
  /** Equal for components that differ only in code, data and custom sections. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Where the core modules at the top are, in order. */
  readonly modules: readonly { readonly start: number; readonly end: number }[];
}

const CORE_MODULE = 1;
/** Sections of a core module that say what it imports and exports: types, imports, functions, tables, memories, … */
const interfaceSections: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 13]);

/** What an entry of the key is, beside the sections of the component, whose ids are below. */
const PREAMBLE = 0x100;
const MODULE_BEGINS = 0x200;
const MODULE_SECTION = 0x300;
const MODULE_ENDS = 0x400;

/** Bytes of what stands before the contents of an entry: what it is, and how long. */
const HEADER_BYTES = 8;

/** The shell of a component, or `undefined` when its sections cannot be told apart. */
export function shellOf(bytes: Uint8Array): Shell | undefined {
  const modules: { start: number; end: number }[] = [];
  /** What each entry of the key is, and where its contents begin and end. */
  const entries: number[] = [];
  let size = 0;
  const add = (what: number, start: number, end: number): boolean => {
    entries.push(what, start, end);
    size += HEADER_BYTES + end - start;
    return true;
  };
  const named = (start: number, end: number): boolean => readName(bytes, start, end) !== undefined;
  add(PREAMBLE, 0, Math.min(PREAMBLE_BYTES, bytes.length));
  const whole = eachSection(bytes, PREAMBLE_BYTES, bytes.length, (id, start, end) => {
    if (id === CUSTOM_SECTION) return named(start, end);
    if (id !== CORE_MODULE) return add(id, start, end);
    modules.push({ start, end });
    add(MODULE_BEGINS, start, Math.min(start + PREAMBLE_BYTES, end));
    const read = eachSection(bytes, start + PREAMBLE_BYTES, end, (inner, from, to) =>
      // Which sections there are, and their order, is checked by the decoder; code and data by the engine.
      inner === CUSTOM_SECTION
        ? named(from, to)
        : add(MODULE_SECTION + inner, from, interfaceSections.has(inner) ? to : from),
    );
    return read && add(MODULE_ENDS, end, end);
  });
  return whole ? { key: keyOf(bytes, entries, size), modules } : undefined;
}

/** Every entry says what it is and how long, so that bytes cannot pass from one to the next. */
function keyOf(bytes: Uint8Array, entries: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(size);
  const view = new DataView(key.buffer);
  for (let i = 0, at = 0; i < entries.length; i += 3) {
    const [what, start, end] = [entries[i]!, entries[i + 1]!, entries[i + 2]!];
    view.setUint32(at, what);
    view.setUint32(at + 4, end - start);
    key.set(bytes.subarray(start, end), at + HEADER_BYTES);
    at += HEADER_BYTES + end - start;
  }
  return key;
}
