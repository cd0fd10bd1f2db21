/**
 * The outside of a core module: its imports and exports with their types.
 *
 * Reads the sections that types depend on and steps over the rest; bodies, segments and everything else are validated by
 * the engine. Follows "Modules" of the core specification's binary format.
 */
import type {
  CoreExternType,
  CoreFuncType,
  CoreGlobalType,
  CoreMemoryType,
  CoreModuleType,
  CoreTableType,
} from "../model/types.ts";
import {
  type CoreDefinedType,
  type CoreTypeInterner,
  readGlobalType,
  readHeapType,
  readMemoryType,
  readRecursionGroup,
  readTableType,
  type TypeNamer,
} from "./core-types.ts";
import { limits } from "./limits.ts";
import type { Reader } from "./reader.ts";

/** Section ids in the order they must come in; custom sections (0) may stand anywhere. */
const sectionOrder: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
const sectionNames: readonly string[] = [
  "core custom section",
  "core type section",
  "core import section",
  "core function section",
  "core table section",
  "core memory section",
  "core global section",
  "core export section",
  "core start section",
  "core element section",
  "core code section",
  "core data section",
  "core data count section",
  "core tag section",
];

interface ModuleSpaces {
  readonly types: CoreDefinedType[];
  /** The text a reference to each type is written with. */
  readonly typeNames: string[];
  readonly funcs: CoreFuncType[];
  readonly tables: CoreTableType[];
  readonly memories: CoreMemoryType[];
  readonly globals: CoreGlobalType[];
  readonly tags: CoreExternType[];
}

/** Reads a core module that fills `reader`. */
export function readCoreModule(reader: Reader, interner: CoreTypeInterner): CoreModuleType {
  readModulePreamble(reader);
  const spaces: ModuleSpaces = { types: [], typeNames: [], funcs: [], tables: [], memories: [], globals: [], tags: [] };
  const imports: { module: string; name: string; type: CoreExternType }[] = [];
  const exports: { name: string; type: CoreExternType }[] = [];
  let last = -1;
  while (reader.remaining > 0) {
    const at = reader.offset;
    const id = reader.byte("a core section id");
    const name = sectionNames[id];
    if (name === undefined) throw reader.error(`${id} is not the id of a core section`, at);
    const section = reader.sub(reader.u32("the size of a core section"), name);
    if (id === 0) {
      section.name("the name of a core custom section");
      continue;
    }
    const order = sectionOrder.indexOf(id);
    if (order <= last) throw section.error(`The ${name} comes twice or out of order`, at);
    last = order;
    if (id === 1) readTypes(section, spaces, interner);
    else if (id === 2) readImports(section, spaces, imports);
    else if (id === 3) readFunctions(section, spaces);
    else if (id === 4) readTables(section, spaces);
    else if (id === 5) section.vector("memories", limits.memories, () => spaces.memories.push(readMemoryType(section)));
    else if (id === 6) readGlobals(section, spaces);
    else if (id === 7) readExports(section, spaces, exports);
    else if (id === 13) section.vector("tags", limits.tags, () => spaces.tags.push(readTag(section, spaces)));
    else continue;
    section.finish();
  }
  return { kind: "core-module", imports, exports };
}

function readModulePreamble(reader: Reader): void {
  const start = reader.offset;
  reader.skip(8, "the preamble of a core module");
  const [m0, m1, m2, m3, v0, v1, v2, v3] = reader.bytes.subarray(start, start + 8);
  if (m0 !== 0 || m1 !== 0x61 || m2 !== 0x73 || m3 !== 0x6d) {
    throw reader.error("A core module starts with the bytes 00 61 73 6d", start);
  }
  if (v0 !== 1 || v1 !== 0 || v2 !== 0 || v3 !== 0) {
    throw reader.error("Expected the version 01 00 00 00 of a core module", start + 4);
  }
}

function readTypes(reader: Reader, spaces: ModuleSpaces, interner: CoreTypeInterner): void {
  reader.vector("recursion groups", limits.types, () => {
    const first = spaces.types.length;
    // Inside its group a type is named by its place in it, so that equal groups have equal texts wherever they stand.
    const nameInGroup: TypeNamer = (index, at, offset) =>
      index < first ? typeName(spaces, index, at, offset) : `rec.${index - first}`;
    const members = readRecursionGroup(reader, nameInGroup);
    const identity = interner.intern(members);
    members.forEach((_, position) => spaces.typeNames.push(identity(position)));
    const resolve = (text: string): string =>
      text.replace(/rec\.(\d+)/, (_, position: string) => identity(Number(position)));
    for (const { type } of members) {
      spaces.types.push(
        type.kind === "core-func"
          ? { kind: "core-func", params: type.params.map(resolve), results: type.results.map(resolve) }
          : type,
      );
    }
  });
}

function typeName(spaces: ModuleSpaces, index: number, reader: Reader, offset: number): string {
  const name = spaces.typeNames[index];
  if (name === undefined) throw reader.error(`Core type ${index} is not defined`, offset);
  return name;
}

function namer(spaces: ModuleSpaces): TypeNamer {
  return (index, reader, offset) => typeName(spaces, index, reader, offset);
}

function funcTypeAt(reader: Reader, spaces: ModuleSpaces): CoreFuncType {
  const at = reader.offset;
  const index = reader.u32("a core type index");
  const type = spaces.types[index];
  if (type === undefined) throw reader.error(`Core type ${index} is not defined`, at);
  if (type.kind !== "core-func") throw reader.error(`Core type ${index} is a ${type.form}, not a function type`, at);
  return type;
}

function readTag(reader: Reader, spaces: ModuleSpaces): CoreExternType {
  reader.expect(0, "the attribute of a tag");
  return { kind: "core-tag", params: funcTypeAt(reader, spaces).params };
}

function readImports(
  reader: Reader,
  spaces: ModuleSpaces,
  imports: { module: string; name: string; type: CoreExternType }[],
): void {
  reader.vector("imports", limits.imports, () => {
    const module = reader.name("the module of a core import");
    const name = reader.name("the name of a core import");
    imports.push({ module, name, type: readImportType(reader, spaces) });
  });
}

function readImportType(reader: Reader, spaces: ModuleSpaces): CoreExternType {
  const kind = reader.byte("the kind of a core import");
  switch (kind) {
    case 0x00: {
      const type = funcTypeAt(reader, spaces);
      spaces.funcs.push(type);
      return type;
    }
    case 0x01: {
      const type = readTableType(reader, namer(spaces));
      spaces.tables.push(type);
      return type;
    }
    case 0x02: {
      const type = readMemoryType(reader);
      spaces.memories.push(type);
      return type;
    }
    case 0x03: {
      const type = readGlobalType(reader, namer(spaces));
      spaces.globals.push(type);
      return type;
    }
    case 0x04: {
      const type = readTag(reader, spaces);
      spaces.tags.push(type);
      return type;
    }
    default:
      throw reader.unknown(kind, "the kind of a core import");
  }
}

function readFunctions(reader: Reader, spaces: ModuleSpaces): void {
  reader.vector("functions", limits.functions, () => spaces.funcs.push(funcTypeAt(reader, spaces)));
}

function readTables(reader: Reader, spaces: ModuleSpaces): void {
  reader.vector("tables", limits.tables, () => {
    const initialised = reader.peek("a table") === 0x40;
    if (initialised) {
      reader.byte("a table");
      reader.expect(0, "the reserved byte of a table");
    }
    spaces.tables.push(readTableType(reader, namer(spaces)));
    if (initialised) skipConstantExpression(reader, spaces);
  });
}

function readGlobals(reader: Reader, spaces: ModuleSpaces): void {
  reader.vector("globals", limits.globals, () => {
    spaces.globals.push(readGlobalType(reader, namer(spaces)));
    skipConstantExpression(reader, spaces);
  });
}

function readExports(reader: Reader, spaces: ModuleSpaces, exports: { name: string; type: CoreExternType }[]): void {
  const names = new Set<string>();
  reader.vector("exports", limits.exports, () => {
    const start = reader.offset;
    const name = reader.name("the name of a core export");
    if (names.has(name)) throw reader.error(`The core module exports ${JSON.stringify(name)} twice`, start);
    names.add(name);
    const kind = reader.byte("the kind of a core export");
    const at = reader.offset;
    const index = reader.u32("the index of a core export");
    const space = [spaces.funcs, spaces.tables, spaces.memories, spaces.globals, spaces.tags][kind];
    if (space === undefined) throw reader.error(`0x${kind.toString(16)} is not the kind of a core export`, at - 1);
    const type = space[index];
    if (type === undefined) throw reader.error(`The core export ${JSON.stringify(name)} has no item ${index}`, at);
    exports.push({ name, type });
  });
}

/** Steps over a constant expression; its meaning is checked by the engine. */
function skipConstantExpression(reader: Reader, spaces: ModuleSpaces): void {
  for (;;) {
    const opcode = reader.byte("a constant expression");
    switch (opcode) {
      case 0x0b:
        return;
      case 0x41:
        reader.signed(32, "i32.const");
        break;
      case 0x42:
        reader.signed(64, "i64.const");
        break;
      case 0x43:
        reader.skip(4, "f32.const");
        break;
      case 0x44:
        reader.skip(8, "f64.const");
        break;
      case 0x23:
        reader.u32("global.get");
        break;
      case 0xd0:
        readHeapType(reader, namer(spaces));
        break;
      case 0xd2:
        reader.u32("ref.func");
        break;
      case 0x6a:
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e:
        break;
      case 0xfd:
        if (reader.u32("a vector instruction") !== 12) throw reader.unknown(opcode, "a constant vector instruction");
        reader.skip(16, "v128.const");
        break;
      case 0xfb:
        skipConstantObject(reader);
        break;
      default:
        throw reader.unknown(opcode, "an instruction of a constant expression");
    }
  }
}

/**
 * How many immediates follow: struct.new, struct.new_default, array.new, array.new_default, array.new_fixed,
 * any.convert_extern, extern.convert_any, ref.i31.
 */
const objectImmediates: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [6, 1],
  [7, 1],
  [8, 2],
  [26, 0],
  [27, 0],
  [28, 0],
]);

function skipConstantObject(reader: Reader): void {
  const opcode = reader.u32("an object instruction");
  const immediates = objectImmediates.get(opcode);
  if (immediates === undefined) throw reader.error(`0xfb ${opcode} is not an instruction of a constant expression`);
  for (let left = immediates; left > 0; left--) reader.u32("an object instruction");
}
