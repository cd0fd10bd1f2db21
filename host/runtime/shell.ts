/**
 * The shell of a component: everything that decides its plan, which is all but the code and data of its core modules.
 *
 * A module that is built again has new code in the same shell most of the time. Then what was decoded, validated and
 * planned before still holds, and only the core modules are compiled. The scan reads section headers and nothing else;
 * what it does not understand it leaves to the decoder, which says what is wrong.
 */

export interface Shell {
  /** Equal for components that differ only in code, data and custom sections. */
  readonly key: string;
  /** Where the core modules at the top are, in order. */
  readonly modules: readonly { readonly start: number; readonly end: number }[];
}

const CUSTOM = 0;
const CORE_MODULE = 1;
/** Sections of a core module that say what it imports and exports: types, imports, functions, tables, memories, … */
const interfaceSections: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 13]);

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The shell of a component, or `undefined` when its sections cannot be told apart. */
export function shellOf(bytes: Uint8Array): Shell | undefined {
  const modules: { start: number; end: number }[] = [];
  const parts: string[] = [];
  const add = (id: number, start: number, end: number): void => {
    parts.push(`${id} ${end - start} `, latin1.decode(bytes.subarray(start, end)));
  };
  add(-1, 0, Math.min(8, bytes.length));
  const whole = eachSection(bytes, 8, bytes.length, (id, start, end) => {
    if (id === CUSTOM) return isNamed(bytes, start, end);
    if (id !== CORE_MODULE) {
      add(id, start, end);
      return true;
    }
    modules.push({ start, end });
    add(id, start, start + 8);
    return eachSection(bytes, start + 8, end, (inner, from, to) => {
      if (interfaceSections.has(inner)) add(inner, from, to);
      return true;
    });
  });
  return whole ? { key: parts.join(""), modules } : undefined;
}

/** Visits sections as long as `visit` agrees. @returns whether they fill the range exactly */
function eachSection(
  bytes: Uint8Array,
  from: number,
  to: number,
  visit: (id: number, start: number, end: number) => boolean,
): boolean {
  let at = from;
  while (at < to) {
    const id = bytes[at]!;
    const size = readU32(bytes, at + 1);
    if (size === undefined) return false;
    const end = size.next + size.value;
    if (end > to || !visit(id, size.next, end)) return false;
    at = end;
  }
  return at === to;
}

/** A custom section needs a name that is UTF-8; the decoder says so when it has none. */
function isNamed(bytes: Uint8Array, start: number, end: number): boolean {
  const length = readU32(bytes, start);
  if (length === undefined || length.next + length.value > end) return false;
  try {
    utf8.decode(bytes.subarray(length.next, length.next + length.value));
    return true;
  } catch {
    return false;
  }
}

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
