/**
 * Value types as the canonical ABI sees them: specialised forms replaced by the general ones they stand for.
 *
 * Owns despecialisation, alignment, size and flattening. Part of the reference: plain and slow, sharing nothing with
 * `host/abi`. Follows design/mvp/CanonicalABI.md, "Despecialization", "Alignment", "Element Size", "Flattening".
 */
import type { ResourceType, ValueType } from "../../host/model/types.ts";

export type Plain =
  | { readonly kind: "bool" | "char" | "string" | "f32" | "f64" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: "list"; readonly element: Plain; readonly length: number | undefined }
  | { readonly kind: "record"; readonly fields: readonly Plain[] }
  | { readonly kind: "variant"; readonly cases: readonly (Plain | undefined)[] }
  | { readonly kind: "flags"; readonly count: number }
  | { readonly kind: "own" | "borrow"; readonly resource: ResourceType };

export function despecialize(type: ValueType): Plain {
  const maybe = (inner: ValueType | undefined): Plain | undefined => inner && despecialize(inner);
  switch (type.kind) {
    case "bool":
    case "char":
    case "string":
    case "f32":
    case "f64":
      return { kind: type.kind };
    case "s8":
    case "u8":
    case "s16":
    case "u16":
    case "s32":
    case "u32":
    case "s64":
    case "u64":
      return { kind: "int", bits: Number(type.kind.slice(1)) as 8 | 16 | 32 | 64, signed: type.kind[0] === "s" };
    case "list":
      return { kind: "list", element: despecialize(type.element), length: type.length };
    case "map":
      return {
        kind: "list",
        element: { kind: "record", fields: [despecialize(type.key), despecialize(type.value)] },
        length: undefined,
      };
    case "record":
      return { kind: "record", fields: type.fields.map((field) => despecialize(field.type)) };
    case "tuple":
      return { kind: "record", fields: type.types.map(despecialize) };
    case "variant":
      return { kind: "variant", cases: type.cases.map((item) => maybe(item.type)) };
    case "enum":
      return { kind: "variant", cases: type.names.map(() => undefined) };
    case "option":
      return { kind: "variant", cases: [undefined, despecialize(type.type)] };
    case "result":
      return { kind: "variant", cases: [maybe(type.ok), maybe(type.err)] };
    case "flags":
      return { kind: "flags", count: type.names.length };
    case "own":
    case "borrow":
      return { kind: type.kind, resource: type.resource };
    default:
      throw new Error(`The reference is synchronous and has no ${type.kind}`);
  }
}

/** Bytes of a variant's discriminant: the least that count its cases. */
export function discriminantSize(cases: number): 1 | 2 | 4 {
  return cases <= 2 ** 8 ? 1 : cases <= 2 ** 16 ? 2 : 4;
}

/** Bytes of a set of flags: 1, 2 or 4, for at most 32 of them. */
export function flagsSize(count: number): 1 | 2 | 4 {
  return count <= 8 ? 1 : count <= 16 ? 2 : 4;
}

export function alignTo(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

export function alignmentOf(type: Plain): number {
  switch (type.kind) {
    case "bool":
      return 1;
    case "int":
      return type.bits / 8;
    case "f32":
    case "char":
    case "string":
    case "own":
    case "borrow":
      return 4;
    case "f64":
      return 8;
    case "list":
      return type.length === undefined ? 4 : alignmentOf(type.element);
    case "record":
      return Math.max(1, ...type.fields.map(alignmentOf));
    case "variant":
      return Math.max(discriminantSize(type.cases.length), payloadAlignment(type.cases));
    case "flags":
      return flagsSize(type.count);
  }
}

export function payloadAlignment(cases: readonly (Plain | undefined)[]): number {
  return Math.max(1, ...cases.map((item) => (item === undefined ? 1 : alignmentOf(item))));
}

export function sizeOf(type: Plain): number {
  switch (type.kind) {
    case "bool":
      return 1;
    case "int":
      return type.bits / 8;
    case "f32":
    case "char":
    case "own":
    case "borrow":
      return 4;
    case "f64":
    case "string":
      return 8;
    case "list":
      return type.length === undefined ? 8 : type.length * sizeOf(type.element);
    case "record": {
      const end = type.fields.reduce((size, field) => alignTo(size, alignmentOf(field)) + sizeOf(field), 0);
      return alignTo(end, alignmentOf(type));
    }
    case "variant": {
      const start = alignTo(discriminantSize(type.cases.length), payloadAlignment(type.cases));
      const largest = Math.max(0, ...type.cases.map((item) => (item === undefined ? 0 : sizeOf(item))));
      return alignTo(start + largest, alignmentOf(type));
    }
    case "flags":
      return flagsSize(type.count);
  }
}

export type Core = "i32" | "i64" | "f32" | "f64";

export function flatten(type: Plain): readonly Core[] {
  switch (type.kind) {
    case "bool":
    case "char":
    case "flags":
    case "own":
    case "borrow":
      return ["i32"];
    case "int":
      return [type.bits === 64 ? "i64" : "i32"];
    case "f32":
    case "f64":
      return [type.kind];
    case "string":
      return ["i32", "i32"];
    case "list":
      if (type.length === undefined) return ["i32", "i32"];
      return Array.from({ length: type.length }, () => flatten(type.element)).flat();
    case "record":
      return type.fields.flatMap(flatten);
    case "variant":
      return ["i32", ...flattenPayload(type.cases)];
  }
}

/** The slots that the payloads of all cases share. */
export function flattenPayload(cases: readonly (Plain | undefined)[]): readonly Core[] {
  const flat: Core[] = [];
  for (const item of cases) {
    if (item === undefined) continue;
    for (const [index, core] of flatten(item).entries()) {
      const have = flat[index];
      flat[index] = have === undefined ? core : join(have, core);
    }
  }
  return flat;
}

function join(a: Core, b: Core): Core {
  if (a === b) return a;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}

export const maxFlatParams = 16;
export const maxFlatResults = 1;
