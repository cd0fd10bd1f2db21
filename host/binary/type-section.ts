/**
 * The type section and the core type section: type definitions as they stand, indices unresolved.
 *
 * Follows design/mvp/Binary.md, "Type Definitions".
 */
import { lacks } from "../model/lacks.ts";
import {
  type CoreDefinedType,
  readGlobalType,
  readMemoryType,
  readRecursionGroup,
  readSubType,
  readTableType,
  type TypeNamer,
} from "./core-types.ts";
import type {
  RawCoreDeclarator,
  RawCoreExtern,
  RawCoreType,
  RawDeclarator,
  RawDefinedType,
  RawFuncType,
  RawType,
  RawValueType,
} from "./definition.ts";
import { primitiveAt, readAlias, readExternName, readExternType, readValueType } from "./externs.ts";
import { limits } from "./limits.ts";
import type { Reader } from "./reader.ts";

/** Reads one entry of the type section. `depth` counts the component and instance types around it. */
export function readType(reader: Reader, depth = 0): RawType {
  const byte = reader.byte("a type");
  switch (byte) {
    case 0x40:
      return readFuncType(reader, false);
    case 0x43:
      return readFuncType(reader, true);
    case 0x41:
      return { kind: "component", declarators: readDeclarators(reader, depth, true) };
    case 0x42:
      return { kind: "instance", declarators: readDeclarators(reader, depth, false) };
    case 0x3f: {
      const at = reader.offset;
      const rep = reader.byte("the representation of a resource");
      if (rep !== 0x7f && rep !== 0x7e) throw reader.error("A resource is represented by i32", at);
      const dtor = reader.optional("a destructor", () => reader.u32("a core function index"));
      return { kind: "resource", rep: rep === 0x7f ? "i32" : "i64", dtor };
    }
    default:
      return readDefinedType(reader, byte);
  }
}

function readFuncType(reader: Reader, async: boolean): RawFuncType {
  const params = reader.vector("parameters", limits.parameters, () => ({
    name: reader.name("the name of a parameter"),
    type: readValueType(reader),
  }));
  return { kind: "func", params, result: readResultList(reader), async };
}

/** `resultlist`: one result, or an empty list of named ones. */
export function readResultList(reader: Reader): RawValueType | undefined {
  const byte = reader.byte("a result list");
  if (byte === 0x00) return readValueType(reader);
  if (byte !== 0x01) throw reader.unknown(byte, "a result list");
  reader.expect(0x00, "the number of named results");
  return undefined;
}

function readDefinedType(reader: Reader, byte: number): RawDefinedType {
  const primitive = primitiveAt(byte);
  if (primitive !== undefined) return { kind: primitive };
  const optionalType = (): RawValueType | undefined => reader.optional("a type", () => readValueType(reader));
  switch (byte) {
    case 0x72:
      return {
        kind: "record",
        fields: reader.vector("fields", limits.fields, () => ({
          name: reader.name("the name of a field"),
          type: readValueType(reader),
        })),
      };
    case 0x71:
      return {
        kind: "variant",
        cases: reader.vector("cases", limits.cases, () => {
          const name = reader.name("the name of a case");
          const type = optionalType();
          reader.expect(0x00, "the end of a case");
          return { name, type };
        }),
      };
    case 0x70:
      return { kind: "list", element: readValueType(reader), length: undefined };
    case 0x67: {
      const element = readValueType(reader);
      return { kind: "list", element, length: reader.u32("the length of a list") };
    }
    case 0x6f:
      return {
        kind: "tuple",
        types: reader.vector("types of a tuple", limits.tupleTypes, () => readValueType(reader)),
      };
    case 0x6e:
    case 0x6d: {
      const names = reader.vector("labels", limits.labels, () => reader.name("a label"));
      return { kind: byte === 0x6e ? "flags" : "enum", names };
    }
    case 0x6b:
      return { kind: "option", type: readValueType(reader) };
    case 0x6a: {
      const ok = optionalType();
      return { kind: "result", ok, err: optionalType() };
    }
    case 0x69:
    case 0x68:
      return { kind: byte === 0x69 ? "own" : "borrow", resource: reader.u32("a resource type index") };
    case 0x66:
    case 0x65:
      return { kind: byte === 0x66 ? "stream" : "future", type: optionalType() };
    case 0x63: {
      const key = readValueType(reader);
      return { kind: "map", key, value: readValueType(reader) };
    }
    default:
      throw reader.unknown(byte, "a type");
  }
}

function readDeclarators(reader: Reader, depth: number, component: boolean): RawDeclarator[] {
  if (depth >= limits.nesting) throw reader.error(`Types are nested deeper than ${limits.nesting}`);
  const declarators: RawDeclarator[] = [];
  reader.vector("declarators", limits.declarators, () => {
    const offset = reader.offset;
    const byte = reader.byte("a declarator");
    switch (byte) {
      case 0x00:
        for (const type of readCoreType(reader)) declarators.push({ kind: "core-type", offset, type });
        return;
      case 0x01:
        declarators.push({ kind: "type", offset, type: readType(reader, depth + 1) });
        return;
      case 0x02:
        declarators.push(readAlias(reader));
        return;
      case 0x03:
      case 0x04: {
        if (byte === 0x03 && !component) throw reader.error("An instance type cannot declare an import", offset);
        const name = readExternName(reader);
        declarators.push({
          kind: byte === 0x03 ? "import" : "export-type",
          offset,
          name,
          type: readExternType(reader),
        });
        return;
      }
      default:
        throw reader.unknown(byte, "a declarator");
    }
  });
  return declarators;
}

/** References to defined types occur only with garbage-collected types, which the host does not link. */
const refuseTypeReference: TypeNamer = () => {
  throw lacks("gc-types");
};

/** Reads one entry of the core type section; a recursion group defines several types. */
export function readCoreType(reader: Reader, depth = 0): RawCoreType[] {
  const byte = reader.peek("a core type");
  if (byte === 0x50) {
    reader.byte("a core type");
    if (depth >= limits.nesting) throw reader.error(`Core types are nested deeper than ${limits.nesting}`);
    return [{ kind: "core-module", declarators: readModuleDeclarators(reader, depth) }];
  }
  if (byte === 0x00) {
    reader.byte("a core type");
    if (reader.peek("a core type") !== 0x50) throw reader.error("Expected a non-final core subtype 0x50 after 0x0");
    return [readSubType(reader, refuseTypeReference).type];
  }
  return readRecursionGroup(reader, refuseTypeReference).map((member): CoreDefinedType => member.type);
}

function readModuleDeclarators(reader: Reader, depth: number): RawCoreDeclarator[] {
  const declarators: RawCoreDeclarator[] = [];
  reader.vector("module declarators", limits.declarators, () => {
    const offset = reader.offset;
    const byte = reader.byte("a module declarator");
    switch (byte) {
      case 0x00: {
        const module = reader.name("the module of a core import");
        const name = reader.name("the name of a core import");
        declarators.push({ kind: "import", offset, module, name, type: readCoreExtern(reader) });
        return;
      }
      case 0x01:
        for (const type of readCoreType(reader, depth + 1)) declarators.push({ kind: "type", offset, type });
        return;
      case 0x02: {
        reader.expect(0x10, "the sort of a core alias");
        reader.expect(0x01, "the target of a core alias");
        const count = reader.u32("the count of a core alias");
        declarators.push({ kind: "outer-alias", offset, count, index: reader.u32("a core type index") });
        return;
      }
      case 0x03: {
        const name = reader.name("the name of a core export");
        declarators.push({ kind: "export", offset, name, type: readCoreExtern(reader) });
        return;
      }
      default:
        throw reader.unknown(byte, "a module declarator");
    }
  });
  return declarators;
}

function readCoreExtern(reader: Reader): RawCoreExtern {
  const kind = reader.byte("a core extern type");
  switch (kind) {
    case 0x00:
      return { kind: "core-func", typeIndex: reader.u32("a core type index") };
    case 0x01:
      return readTableType(reader, refuseTypeReference);
    case 0x02:
      return readMemoryType(reader);
    case 0x03:
      return readGlobalType(reader, refuseTypeReference);
    case 0x04:
      reader.expect(0, "the attribute of a tag");
      return { kind: "core-tag", typeIndex: reader.u32("a core type index") };
    default:
      throw reader.unknown(kind, "a core extern type");
  }
}
