/**
 * Sizes, alignments and flattened forms of value types in a 32-bit linear memory.
 *
 * Follows design/mvp/CanonicalABI.md, "Alignment", "Element Size" and "Flattening". Results are remembered by type
 * object, because emission asks for the same type many times.
 */
import { type Case, casesOf } from "../model/cases.ts";
import type { ValueType } from "../model/types.ts";

export type FlatType = "i32" | "i64" | "f32" | "f64";

export const MAX_FLAT_PARAMS = 16;
export const MAX_FLAT_RESULTS = 1;

export interface Layout {
  /** In bytes: 1, 2, 4 or 8. */
  readonly alignment: number;
  /** In bytes, a multiple of the alignment. */
  readonly size: number;
  /** The core values it flattens to; of more than {@link MAX_FLAT_PARAMS} the first ones, enough to tell that there are more. */
  readonly flat: readonly FlatType[];
}

/** Past the most that any flattened signature can use, nothing asks for the exact length, so it need not be built. */
const MAX_FLAT_KEPT = MAX_FLAT_PARAMS + 1;

const layouts = new WeakMap<ValueType, Layout>();

export function layoutOf(type: ValueType): Layout {
  let layout = layouts.get(type);
  if (layout === undefined) layouts.set(type, (layout = computeLayout(type)));
  return layout;
}

function scalar(size: number, flat: FlatType): Layout {
  return { alignment: size, size, flat: [flat] };
}

const POINTER_PAIR: Layout = { alignment: 4, size: 8, flat: ["i32", "i32"] };

function computeLayout(type: ValueType): Layout {
  switch (type.kind) {
    case "bool":
    case "s8":
    case "u8":
      return scalar(1, "i32");
    case "s16":
    case "u16":
      return scalar(2, "i32");
    case "s32":
    case "u32":
    case "char":
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      return scalar(4, "i32");
    case "s64":
    case "u64":
      return scalar(8, "i64");
    case "f32":
      return scalar(4, "f32");
    case "f64":
      return scalar(8, "f64");
    case "string":
    case "map":
      return POINTER_PAIR;
    case "list": {
      if (type.length === undefined) return POINTER_PAIR;
      const element = layoutOf(type.element);
      const repeats = Math.min(type.length, MAX_FLAT_KEPT);
      return {
        alignment: element.alignment,
        size: element.size * type.length,
        flat: flatOf(Array.from({ length: repeats }, () => type.element)),
      };
    }
    case "record":
      return recordLayout(type.fields.map((field) => field.type));
    case "tuple":
      return recordLayout(type.types);
    case "enum":
      return scalar(discriminantSize(type.names.length), "i32");
    case "flags": {
      const count = type.names.length;
      return scalar(count <= 8 ? 1 : count <= 16 ? 2 : 4, "i32");
    }
    case "variant":
    case "option":
    case "result":
      return variantLayout(casesOf(type));
  }
}

function recordLayout(types: readonly ValueType[]): Layout {
  const { alignment, size } = sequence(types);
  return { alignment, size, flat: flatOf(types) };
}

/** The core values of several types in a row, as far as {@link Layout.flat} keeps them. */
export function flatOf(types: readonly ValueType[]): readonly FlatType[] {
  const flat: FlatType[] = [];
  for (const type of types) {
    flat.push(...layoutOf(type).flat);
    if (flat.length >= MAX_FLAT_KEPT) return flat.slice(0, MAX_FLAT_KEPT);
  }
  return flat;
}

export interface SequenceLayout {
  readonly alignment: number;
  readonly size: number;
  /** Byte offset of each member. */
  readonly offsets: readonly number[];
}

/** Members one after another, as in records, tuples and spilled parameters. */
export function sequence(types: readonly ValueType[]): SequenceLayout {
  let alignment = 1;
  let offset = 0;
  const offsets: number[] = [];
  for (const type of types) {
    const layout = layoutOf(type);
    alignment = Math.max(alignment, layout.alignment);
    offset = alignTo(offset, layout.alignment);
    offsets.push(offset);
    offset += layout.size;
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

/** Byte offset of a variant's payload. */
export function payloadOffset(cases: readonly Case[]): number {
  let alignment = 1;
  for (const { type } of cases) if (type !== undefined) alignment = Math.max(alignment, layoutOf(type).alignment);
  return alignTo(discriminantSize(cases.length), alignment);
}

function variantLayout(cases: readonly Case[]): Layout {
  const discriminant = discriminantSize(cases.length);
  let alignment: number = discriminant;
  let size = 0;
  const flat: FlatType[] = [];
  for (const { type } of cases) {
    if (type === undefined) continue;
    const payload = layoutOf(type);
    alignment = Math.max(alignment, payload.alignment);
    size = Math.max(size, payload.size);
    payload.flat.forEach((want, i) => {
      const have = flat[i];
      flat[i] = have === undefined ? want : join(have, want);
    });
  }
  return {
    alignment,
    size: alignTo(payloadOffset(cases) + size, alignment),
    flat: ["i32", ...flat].slice(0, MAX_FLAT_KEPT) as FlatType[],
  };
}

function join(a: FlatType, b: FlatType): FlatType {
  if (a === b) return a;
  return (a === "i32" && b === "f32") || (a === "f32" && b === "i32") ? "i32" : "i64";
}
