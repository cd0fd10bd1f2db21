/**
 * The productions that several sections share: sorts, extern names with attributes, extern types, value types, aliases.
 *
 * Follows design/mvp/Binary.md, "Instance Definitions", "Alias Definitions", "Type Definitions" and "Import and Export
 * Definitions". Feature-gated value definitions are an `UnsupportedError`.
 */
import { lacks } from "../model/lacks.ts";
import type { PrimitiveKind } from "../model/types.ts";
import type { AliasDefinition, CoreSort, RawExternType, RawName, RawValueType, Sort, SortIndex } from "./definition.ts";
import { limits } from "./limits.ts";
import type { Reader } from "./reader.ts";

const primitives: ReadonlyMap<number, PrimitiveKind> = new Map([
  [0x7f, "bool"],
  [0x7e, "s8"],
  [0x7d, "u8"],
  [0x7c, "s16"],
  [0x7b, "u16"],
  [0x7a, "s32"],
  [0x79, "u32"],
  [0x78, "s64"],
  [0x77, "u64"],
  [0x76, "f32"],
  [0x75, "f64"],
  [0x74, "char"],
  [0x73, "string"],
  [0x64, "error-context"],
]);

const coreSorts: ReadonlyMap<number, CoreSort> = new Map([
  [0x00, "func"],
  [0x01, "table"],
  [0x02, "memory"],
  [0x03, "global"],
  [0x04, "tag"],
  [0x10, "type"],
  [0x11, "module"],
  [0x12, "instance"],
]);

export function primitiveAt(byte: number): PrimitiveKind | undefined {
  return primitives.get(byte);
}

export function readValueType(reader: Reader): RawValueType {
  const byte = reader.peek("a value type");
  const kind = primitives.get(byte);
  if (kind !== undefined) {
    reader.byte("a value type");
    return { kind };
  }
  const at = reader.offset;
  const index = reader.signed(33, "a value type");
  if (index < 0n) throw reader.error(`0x${byte.toString(16)} is not a value type`, at);
  return { kind: "index", index: Number(index) };
}

export function readCoreSort(reader: Reader): CoreSort {
  const byte = reader.byte("a core sort");
  const sort = coreSorts.get(byte);
  if (sort === undefined) throw reader.unknown(byte, "a core sort");
  return sort;
}

/** A sort, core or not. */
function readSort(reader: Reader): { core: true; sort: CoreSort } | { core: false; sort: Sort } {
  const byte = reader.byte("a sort");
  switch (byte) {
    case 0x00:
      return { core: true, sort: readCoreSort(reader) };
    case 0x01:
      return { core: false, sort: "func" };
    case 0x02:
      throw lacks("component-values");
    case 0x03:
      return { core: false, sort: "type" };
    case 0x04:
      return { core: false, sort: "component" };
    case 0x05:
      return { core: false, sort: "instance" };
    default:
      throw reader.unknown(byte, "a sort");
  }
}

export function readSortIndex(reader: Reader): SortIndex {
  const sort = readSort(reader);
  return { ...sort, index: reader.u32("an index") };
}

/** An extern name and its attributes; whether the name is well-formed is for validation to say. */
export function readExternName(reader: Reader): RawName {
  const byte = reader.byte("an extern name");
  if (byte > 0x02) throw reader.unknown(byte, "the start of an extern name");
  const name = reader.name("an extern name");
  if (byte !== 0x02) return { name };
  const attributes: { implements?: string; versionSuffix?: string; externalId?: string } = {};
  reader.vector("attributes", limits.attributes, () => {
    const at = reader.offset;
    const kind = reader.byte("an attribute");
    const key = (["implements", "versionSuffix", "externalId"] as const)[kind];
    if (key === undefined) throw reader.error(`0x${kind.toString(16)} is not an attribute`, at);
    if (attributes[key] !== undefined) throw reader.error(`The attribute ${key} comes twice`, at);
    attributes[key] = reader.name(`the attribute ${key}`);
  });
  return { name, ...attributes };
}

export function readExternType(reader: Reader): RawExternType {
  const byte = reader.byte("an extern type");
  switch (byte) {
    case 0x00:
      reader.expect(0x11, "the core sort of an extern type");
      return { kind: "core-module", index: reader.u32("a core type index") };
    case 0x01:
      return { kind: "func", index: reader.u32("a type index") };
    case 0x02:
      throw lacks("component-values");
    case 0x03: {
      const bound = reader.byte("a type bound");
      if (bound === 0x00) return { kind: "type", bound: { kind: "eq", index: reader.u32("a type index") } };
      if (bound === 0x01) return { kind: "type", bound: { kind: "resource" } };
      throw reader.unknown(bound, "a type bound");
    }
    case 0x04:
      return { kind: "component", index: reader.u32("a type index") };
    case 0x05:
      return { kind: "instance", index: reader.u32("a type index") };
    default:
      throw reader.unknown(byte, "an extern type");
  }
}

export function readAlias(reader: Reader): AliasDefinition {
  const offset = reader.offset;
  const { core, sort } = readSort(reader);
  const target = reader.byte("an alias target");
  switch (target) {
    case 0x00: {
      if (core && sort !== "module") throw reader.error(`A component instance cannot export a core ${sort}`, offset);
      const instance = reader.u32("an instance index");
      const name = reader.name("the name of an alias");
      return { kind: "alias", offset, target: { kind: "export", sort: core ? "core-module" : sort, instance, name } };
    }
    case 0x01: {
      if (!core) throw reader.error(`A core instance cannot export a ${sort}`, offset);
      const instance = reader.u32("a core instance index");
      const name = reader.name("the name of a core alias");
      return { kind: "alias", offset, target: { kind: "core-export", sort, instance, name } };
    }
    case 0x02: {
      const allowed = core ? sort === "module" || sort === "type" : sort === "type" || sort === "component";
      if (!allowed) throw reader.error(`An outer alias cannot refer to a ${core ? "core " : ""}${sort}`, offset);
      const count = reader.u32("the count of an outer alias");
      const index = reader.u32("the index of an outer alias");
      return { kind: "alias", offset, target: { kind: "outer", core, sort, count, index } };
    }
    default:
      throw reader.unknown(target, "an alias target");
  }
}
