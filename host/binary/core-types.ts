/**
 * Core WebAssembly types: value types, limits, function, struct and array types, recursion groups.
 *
 * Shared by the reader of core modules and the reader of the core type section. Value types become text (`i32`,
 * `(ref null func)`); a reference to a defined type becomes `(ref #n)`, where n is the identity that `CoreTypeInterner`
 * gives to structurally equal types, so comparing texts compares types. Follows "Types" of the core specification's
 * binary format, with the memory64, threads, custom page sizes and shared-everything encodings.
 */
import type { CoreGlobalType, CoreLimits, CoreMemoryType, CoreTableType, CoreValueType } from "../model/types.ts";
import { limits } from "./limits.ts";
import type { Reader } from "./reader.ts";

const numberTypes: ReadonlyMap<number, string> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
]);

const abstractHeapTypes: ReadonlyMap<number, string> = new Map([
  [0x70, "func"],
  [0x6f, "extern"],
  [0x6e, "any"],
  [0x6d, "eq"],
  [0x6c, "i31"],
  [0x6b, "struct"],
  [0x6a, "array"],
  [0x69, "exn"],
  [0x68, "cont"],
  [0x71, "none"],
  [0x72, "noextern"],
  [0x73, "nofunc"],
  [0x74, "noexn"],
  [0x75, "nocont"],
]);

/** A defined core type. Only function types matter to linking; the other forms are kept by name. */
export type CoreDefinedType =
  | {
      readonly kind: "core-func";
      readonly params: readonly CoreValueType[];
      readonly results: readonly CoreValueType[];
    }
  | { readonly kind: "core-other"; readonly form: string };

/** Turns the index of a defined type into the text a reference to it is written with. */
export type TypeNamer = (index: number, reader: Reader, offset: number) => string;

export function readCoreValueType(reader: Reader, nameType: TypeNamer): CoreValueType {
  const at = reader.offset;
  const byte = reader.byte("a core value type");
  const number = numberTypes.get(byte);
  if (number !== undefined) return number;
  const reference = referenceType(reader, byte, nameType);
  if (reference === undefined) throw reader.error(`0x${byte.toString(16)} is not a core value type`, at);
  return reference;
}

function referenceType(reader: Reader, byte: number, nameType: TypeNamer): string | undefined {
  const heap = abstractHeapTypes.get(byte);
  if (heap !== undefined) return `(ref null ${heap})`;
  if (byte === 0x63) return `(ref null ${readHeapType(reader, nameType)})`;
  if (byte === 0x64) return `(ref ${readHeapType(reader, nameType)})`;
  if (byte === 0x65) return `(ref null (shared ${readAbstractHeapType(reader)}))`;
  return undefined;
}

function readReferenceType(reader: Reader, nameType: TypeNamer): string {
  const at = reader.offset;
  const byte = reader.byte("a reference type");
  const type = referenceType(reader, byte, nameType);
  if (type === undefined) throw reader.error(`0x${byte.toString(16)} is not a reference type`, at);
  return type;
}

function readAbstractHeapType(reader: Reader): string {
  const byte = reader.byte("a heap type");
  const heap = abstractHeapTypes.get(byte);
  if (heap === undefined) throw reader.unknown(byte, "a heap type");
  return heap;
}

export function readHeapType(reader: Reader, nameType: TypeNamer): string {
  const at = reader.offset;
  const byte = reader.peek("a heap type");
  if (byte === 0x65) {
    reader.byte("a heap type");
    return `(shared ${readAbstractHeapType(reader)})`;
  }
  if ((byte & 0xc0) === 0x40) return readAbstractHeapType(reader);
  const index = reader.signed(33, "a heap type");
  if (index < 0n) throw reader.error("A type index cannot be negative", at);
  return nameType(Number(index), reader, at);
}

/** The limits of a memory or table. Flags: 1 a maximum follows, 2 shared, 4 64-bit indices, 8 a page size follows. */
function readLimits(reader: Reader, allowedFlags: number): CoreLimits {
  const flags = reader.byte("the flags of limits");
  if ((flags & ~allowedFlags) !== 0) throw reader.unknown(flags, "a combination of limits flags");
  const index = (flags & 4) !== 0 ? "i64" : "i32";
  const number = (what: string): bigint => (index === "i64" ? reader.u64(what) : BigInt(reader.u32(what)));
  const min = number("a minimum size");
  const max = (flags & 1) !== 0 ? number("a maximum size") : undefined;
  if ((flags & 8) !== 0) reader.u32("the logarithm of a page size");
  return { min, max, shared: (flags & 2) !== 0, index };
}

export function readMemoryType(reader: Reader): CoreMemoryType {
  return { kind: "core-memory", limits: readLimits(reader, 0x0f) };
}

export function readTableType(reader: Reader, nameType: TypeNamer): CoreTableType {
  const element = readReferenceType(reader, nameType);
  return { kind: "core-table", element, limits: readLimits(reader, 0x07) };
}

export function readGlobalType(reader: Reader, nameType: TypeNamer): CoreGlobalType {
  const type = readCoreValueType(reader, nameType);
  const flags = reader.byte("the mutability of a global");
  if (flags > 3) throw reader.unknown(flags, "the mutability of a global");
  return { kind: "core-global", type: (flags & 2) !== 0 ? `(shared ${type})` : type, mutable: (flags & 1) !== 0 };
}

/** One member of a recursion group: its form, and a text that says everything about it. */
interface GroupMember {
  readonly type: CoreDefinedType;
  readonly text: string;
}

/** Reads a recursion group, or a single type as a group of one. */
export function readRecursionGroup(reader: Reader, nameType: TypeNamer): GroupMember[] {
  if (reader.peek("a core type") !== 0x4e) return [readSubType(reader, nameType)];
  reader.byte("a core type");
  return reader.vector("types in a recursion group", limits.types, () => readSubType(reader, nameType));
}

export function readSubType(reader: Reader, nameType: TypeNamer): GroupMember {
  const byte = reader.peek("a core type");
  if (byte !== 0x50 && byte !== 0x4f) return readCompositeType(reader, nameType);
  reader.byte("a core type");
  const supers = reader.vector("supertypes", 1, () => {
    const at = reader.offset;
    return nameType(reader.u32("a supertype index"), reader, at);
  });
  const { type, text } = readCompositeType(reader, nameType);
  return { type, text: `${byte === 0x50 ? "sub" : "sub final"} ${supers.join(" ")} ${text}` };
}

function readCompositeType(reader: Reader, nameType: TypeNamer): GroupMember {
  const byte = reader.byte("a core type");
  switch (byte) {
    case 0x60: {
      const params = reader.vector("parameters", limits.parameters, () => readCoreValueType(reader, nameType));
      const results = reader.vector("results", limits.parameters, () => readCoreValueType(reader, nameType));
      return { type: { kind: "core-func", params, results }, text: `func ${params.join(" ")} -> ${results.join(" ")}` };
    }
    case 0x5f: {
      const fields = reader.vector("fields", limits.fields, () => readFieldType(reader, nameType));
      return { type: { kind: "core-other", form: "struct" }, text: `struct ${fields.join(" ")}` };
    }
    case 0x5e:
      return { type: { kind: "core-other", form: "array" }, text: `array ${readFieldType(reader, nameType)}` };
    case 0x5d:
      return { type: { kind: "core-other", form: "cont" }, text: `cont ${readHeapType(reader, nameType)}` };
    case 0x65: {
      if (reader.peek("a core type") === 0x65) throw reader.error("A core type is shared twice");
      const { type, text } = readCompositeType(reader, nameType);
      return { type, text: `shared ${text}` };
    }
    default:
      throw reader.unknown(byte, "a core type");
  }
}

function readFieldType(reader: Reader, nameType: TypeNamer): string {
  const byte = reader.peek("a storage type");
  let storage: string;
  if (byte === 0x78 || byte === 0x77) {
    reader.byte("a storage type");
    storage = byte === 0x78 ? "i8" : "i16";
  } else {
    storage = readCoreValueType(reader, nameType);
  }
  return reader.flag("the mutability of a field") ? `(mut ${storage})` : storage;
}

/** Gives one number to all structurally equal recursion groups of the core modules in a component. */
export class CoreTypeInterner {
  private readonly groups = new Map<string, number>();

  /** The text that identifies member `position` of a group. */
  intern(members: readonly { readonly text: string }[]): (position: number) => string {
    const key = members.map((member) => member.text).join(";");
    let group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, (group = this.groups.size));
    const identity = group;
    return (position) => (members.length === 1 ? `#${identity}` : `#${identity}.${position}`);
  }
}

/** What reads the type of an import, by its kind: a function, a table, a memory, a global, a tag. */
type ImportReaders = readonly ((reader: Reader) => unknown)[];

/** Types are stepped over, not compared. */
export const noName = (): string => "";

const stepsOver: ImportReaders = [
  (reader) => reader.u32("a core type index"),
  (reader) => readTableType(reader, noName),
  readMemoryType,
  (reader) => readGlobalType(reader, noName),
  (reader) => {
    reader.skip(1, "the attribute of a tag");
    reader.u32("a core type index");
  },
];

/** @param readers of the kinds that are more than stepped over */
export function eachImport(reader: Reader, readers: Readonly<Record<number, (reader: Reader) => void>>): void {
  reader.vector("imports", limits.imports, () => {
    reader.name("the module of a core import");
    reader.name("the name of a core import");
    const kind = reader.byte("the kind of a core import");
    const read = readers[kind] ?? stepsOver[kind];
    if (read === undefined) throw reader.unknown(kind, "the kind of a core import");
    read(reader);
  });
}
