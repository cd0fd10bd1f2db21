/**
 * Sizes, alignments and flattened forms of value types.
 *
 * Follows design/mvp/CanonicalABI.md, "Alignment", "Element Size" and "Flattening". Results are remembered by type
 * object (`facts.ts`), because validation and emission ask for the same type many times.
 */
import { type Case, casesOf } from "./cases.ts";
import { factsOf, type FlatType, type Layout, type Size } from "./facts.ts";
import type { ValueType } from "./types.ts";

export const MAX_FLAT_PARAMS = 16;
export const MAX_FLAT_ASYNC_PARAMS = 4;
export const MAX_FLAT_RESULTS = 1;

/** Bytes of an address in linear memory. */
type Pointer = 4 | 8;

export function layoutOf(type: ValueType): Layout {
  return (factsOf(type).layout ??= { ...sizeOf(type, 4), flat: flatten(type) });
}

/** The size of a type in a memory whose addresses have as many bytes. */
export function sizeOf(type: ValueType, pointer: Pointer): Size {
  return (factsOf(type)[`size${pointer}`] ??= computeSize(type, pointer));
}

function scalar(size: number): Size {
  return { alignment: size, size };
}

function computeSize(type: ValueType, pointer: Pointer): Size {
  switch (type.kind) {
    case "bool":
    case "s8":
    case "u8":
      return scalar(1);
    case "s16":
    case "u16":
      return scalar(2);
    case "s32":
    case "u32":
    case "f32":
    case "char":
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      return scalar(4);
    case "s64":
    case "u64":
    case "f64":
      return scalar(8);
    case "string":
    case "map":
      return { alignment: pointer, size: 2 * pointer };
    case "list": {
      if (type.length === undefined) return { alignment: pointer, size: 2 * pointer };
      const { alignment, size } = sizeOf(type.element, pointer);
      return { alignment, size: size * type.length };
    }
    case "record":
      return sequence(
        type.fields.map((field) => field.type),
        pointer,
      );
    case "tuple":
      return sequence(type.types, pointer);
    case "enum":
      return scalar(discriminantSize(type.names.length));
    case "flags": {
      const count = type.names.length;
      return scalar(count <= 8 ? 1 : count <= 16 ? 2 : 4);
    }
    case "variant":
    case "option":
    case "result": {
      const cases = casesOf(type);
      const payload = payloadSize(cases, pointer);
      const discriminant = discriminantSize(cases.length);
      const alignment = Math.max(discriminant, payload.alignment);
      return { alignment, size: alignTo(alignTo(discriminant, payload.alignment) + payload.size, alignment) };
    }
  }
}

export interface SequenceLayout extends Size {
  /** Byte offset of each member. */
  readonly offsets: readonly number[];
}

/** Members one after another, as in records, tuples and spilled parameters. */
export function sequence(types: readonly ValueType[], pointer: Pointer = 4): SequenceLayout {
  let alignment = 1;
  let offset = 0;
  const offsets: number[] = [];
  for (const type of types) {
    const member = sizeOf(type, pointer);
    alignment = Math.max(alignment, member.alignment);
    offset = alignTo(offset, member.alignment);
    offsets.push(offset);
    offset += member.size;
  }
  return { alignment, size: alignTo(offset, alignment), offsets };
}

function alignTo(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** Bytes of a variant's discriminant. */
export function discriminantSize(cases: number): 1 | 2 | 4 {
  return cases <= 0x100 ? 1 : cases <= 0x10000 ? 2 : 4;
}

/** What has room for the payload of every case. */
function payloadSize(cases: readonly Case[], pointer: Pointer): Size {
  let alignment = 1;
  let size = 0;
  for (const { type } of cases) {
    if (type === undefined) continue;
    const payload = sizeOf(type, pointer);
    alignment = Math.max(alignment, payload.alignment);
    size = Math.max(size, payload.size);
  }
  return { alignment, size };
}

/** Byte offset of a variant's payload. */
export function payloadOffset(cases: readonly Case[]): number {
  return alignTo(discriminantSize(cases.length), payloadSize(cases, 4).alignment);
}

/** Past the most that any flattened signature can use, nothing asks for the exact length, so it need not be built. */
const MAX_FLAT_KEPT = MAX_FLAT_PARAMS + 1;

function flatten(type: ValueType): readonly FlatType[] {
  return (factsOf(type).flat ??= computeFlat(type));
}

/** The core values of several types in a row, as far as {@link Layout.flat} keeps them. */
export function flatOf(types: readonly ValueType[]): readonly FlatType[] {
  const flat: FlatType[] = [];
  for (const type of types) {
    flat.push(...flatten(type));
    if (flat.length >= MAX_FLAT_KEPT) return flat.slice(0, MAX_FLAT_KEPT);
  }
  return flat;
}

function computeFlat(type: ValueType): readonly FlatType[] {
  switch (type.kind) {
    case "s64":
    case "u64":
      return ["i64"];
    case "f32":
    case "f64":
      return [type.kind];
    case "string":
    case "map":
      return ["i32", "i32"];
    case "list":
      if (type.length === undefined) return ["i32", "i32"];
      return flatOf(Array.from({ length: Math.min(type.length, MAX_FLAT_KEPT) }, () => type.element));
    case "record":
      return flatOf(type.fields.map((field) => field.type));
    case "tuple":
      return flatOf(type.types);
    case "variant":
    case "option":
    case "result":
      return flattenVariant(casesOf(type));
    default:
      return ["i32"];
  }
}

function flattenVariant(cases: readonly Case[]): readonly FlatType[] {
  const flat: FlatType[] = ["i32"];
  for (const { type } of cases) {
    if (type === undefined) continue;
    for (const [place, want] of flatten(type).entries()) {
      const have = flat[place + 1];
      flat[place + 1] = have === undefined ? want : join(have, want);
    }
  }
  return flat.slice(0, MAX_FLAT_KEPT);
}

function join(a: FlatType, b: FlatType): FlatType {
  if (a === b) return a;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}
