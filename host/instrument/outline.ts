/**
 * What a core module has outside its code: how many of everything, the types of its functions, and where its sections are.
 *
 * Whoever appends to a module's index spaces must know where they ended: an index beyond was invalid before and must not become
 * valid by what is appended. Follows "Binary Format: Modules" of the core specification.
 */
import {
  eachImport,
  noName,
  readGlobalType,
  readMemoryType,
  readRecursionGroup,
  readTableType,
  type CoreDefinedType,
} from "../binary/core-types.ts";
import { eachSection, PREAMBLE_BYTES } from "../binary/framing.ts";
import { Reader } from "../binary/reader.ts";
import { DecodeError } from "../errors.ts";

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** The order of sections in a module: tags stand between memories and globals, the count of data before the code. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

const PAGE_BYTES = 65_536;

export interface Section {
  readonly id: number;
  /** Where the contents are. */
  readonly start: number;
  readonly end: number;
}

export interface Outline {
  readonly sections: readonly Section[];
  readonly types: readonly CoreDefinedType[];
  /** Entries of the type section: a group of types is one. */
  readonly typeEntries: number;
  /** The type of each function, imported ones first. */
  readonly functions: readonly number[];
  readonly imported: {
    readonly functions: number;
    readonly tables: number;
    readonly memories: number;
    readonly globals: number;
  };
  /** Everything there is, imported or defined. */
  readonly tables: number;
  readonly memories: number;
  readonly globals: number;
  /** Whether tables and memories are counted in 64 bits. */
  readonly wide: boolean;
  /** The function that instantiation calls. */
  readonly startFunction: number | undefined;
  readonly exports: readonly string[];
  /** The types of the tables' elements, as the bytes that write them. */
  readonly tableElements: readonly Uint8Array[];
  /** Elements that the module's own tables begin with. */
  readonly tableMinimum: number;
  /** Bytes that the module's own memories begin with. */
  readonly memoryMinimum: number;
}

/** @throws {DecodeError} where a section is not valid; what is wrong with code the engine says */
export function outlineOf(module: Uint8Array): Outline {
  const sections: Section[] = [];
  const types: CoreDefinedType[] = [];
  const functions: number[] = [];
  const tableElements: Uint8Array[] = [];
  const exports: string[] = [];
  const imported = { functions: 0, tables: 0, memories: 0, globals: 0 };
  const defined = { tables: 0, memories: 0, globals: 0 };
  let typeEntries = 0;
  let startFunction: number | undefined;
  let wide = false;
  let tableMinimum = 0;
  let memoryMinimum = 0;

  const count = (what: keyof typeof defined): number => imported[what] + defined[what];
  const table = (reader: Reader): number => {
    const from = reader.offset;
    // A table with an initial value begins with a byte that no reference type begins with.
    const initialised = reader.peek("a table") === 0x40;
    if (initialised) reader.skip(2, "a table");
    const at = reader.offset;
    const { limits } = readTableType(reader, noName);
    tableElements.push(module.slice(at, at + elementBytes(module, at)));
    wide ||= limits.index === "i64";
    if (initialised) throw reader.error("A table with an initial value cannot be kept within limits", from);
    return Number(limits.min);
  };
  const memory = (reader: Reader): number => {
    const { limits } = readMemoryType(reader);
    wide ||= limits.index === "i64";
    return Number(limits.min) * PAGE_BYTES;
  };
  const each = (reader: Reader, read: () => void): number => {
    const entries = reader.count("entries", 10_000_000);
    for (let left = entries; left > 0; left--) read();
    reader.finish();
    return entries;
  };
  const readers: Partial<Record<number, (reader: Reader) => void>> = {
    [SECTION.type]: (reader) => {
      typeEntries = each(reader, () => {
        for (const { type } of readRecursionGroup(reader, noName)) types.push(type);
      });
    },
    [SECTION.import]: (reader) => {
      eachImport(reader, {
        0: () => {
          functions.push(reader.u32("a core type index"));
          imported.functions++;
        },
        1: () => {
          table(reader);
          imported.tables++;
        },
        2: () => {
          memory(reader);
          imported.memories++;
        },
        3: () => {
          readGlobalType(reader, noName);
          imported.globals++;
        },
      });
      reader.finish();
    },
    [SECTION.function]: (reader) => {
      each(reader, () => functions.push(reader.u32("a core type index")));
    },
    [SECTION.table]: (reader) => {
      defined.tables = each(reader, () => (tableMinimum += table(reader)));
    },
    [SECTION.memory]: (reader) => {
      defined.memories = each(reader, () => (memoryMinimum += memory(reader)));
    },
    [SECTION.global]: (reader) => {
      defined.globals = reader.count("globals", 1_000_000);
    },
    [SECTION.export]: (reader) => {
      each(reader, () => {
        exports.push(reader.name("the name of a core export"));
        const at = reader.offset;
        const kind = reader.byte("the kind of a core export");
        const index = reader.u32("the index of a core export");
        // What is appended later has the next indices, and must stay out of reach.
        const there = [functions.length, count("tables"), count("memories"), count("globals")][kind];
        if (there !== undefined && index >= there)
          throw reader.error("A core export of something that is not there", at);
      });
    },
    [SECTION.start]: (reader) => {
      startFunction = reader.u32("the start function");
    },
  };

  let last = -1;
  const whole = eachSection(module, PREAMBLE_BYTES, module.length, (id, start, end) => {
    if (id !== SECTION.custom) {
      const place = SECTION_ORDER.indexOf(id);
      if (place <= last) return false;
      last = place;
    }
    sections.push({ id, start, end });
    readers[id]?.(new Reader(module, start, end, "core module"));
    return true;
  });
  if (!whole)
    throw new DecodeError("The sections of a core module cannot be told apart", { offset: 0, section: "core module" });
  return {
    sections,
    types,
    typeEntries,
    functions,
    imported,
    tables: count("tables"),
    memories: count("memories"),
    globals: count("globals"),
    wide,
    startFunction,
    exports,
    tableElements,
    tableMinimum,
    memoryMinimum,
  };
}

/** How many bytes the reference type takes that begins here. */
function elementBytes(module: Uint8Array, at: number): number {
  if (module[at] !== 0x63 && module[at] !== 0x64) return 1;
  let end = at + 1;
  while (module[end]! >= 0x80) end++;
  return end + 1 - at;
}
