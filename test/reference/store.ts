/**
 * Lowering: from plain values to memory and flat core values.
 *
 * Part of the reference. Strings are lowered from JavaScript, whose own encoding is UTF-16 with every surrogate paired
 * (a lone one has no component value). Follows design/mvp/CanonicalABI.md, "Storing" and "Flat Lowering".
 */
import { ReferenceTrap, trapIf, type Context } from "./context.ts";
import type { CoreSource, CoreValue, PlainCase, PlainValue } from "./load.ts";
import {
  alignmentOf,
  alignTo,
  discriminantSize,
  flagsSize,
  flatten,
  flattenPayload,
  payloadAlignment,
  sizeOf,
  type Core,
  type Plain,
} from "./types.ts";

function storeInt(context: Context, value: bigint, pointer: number, byteLength: number): void {
  const bytes = context.memory();
  for (let index = 0; index < byteLength; index++) {
    bytes[pointer + index] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
}

export function store(context: Context, value: PlainValue, type: Plain, pointer: number): void {
  switch (type.kind) {
    case "bool":
      return storeInt(context, value === true ? 1n : 0n, pointer, 1);
    case "int":
      return storeInt(context, BigInt(value as number | bigint), pointer, type.bits / 8);
    case "f32":
      return storeInt(context, bitsOfFloat(value as number, 32), pointer, 4);
    case "f64":
      return storeInt(context, bitsOfFloat(value as number, 64), pointer, 8);
    case "char":
      return storeInt(context, BigInt((value as string).codePointAt(0)!), pointer, 4);
    case "string": {
      const [start, units] = storeString(context, value as string);
      storeInt(context, BigInt(start), pointer, 4);
      return storeInt(context, BigInt(units), pointer + 4, 4);
    }
    case "list": {
      const items = value as readonly PlainValue[];
      if (type.length !== undefined) return storeElements(context, items, type.element, pointer);
      const start = storeList(context, items, type.element);
      storeInt(context, BigInt(start), pointer, 4);
      return storeInt(context, BigInt(items.length), pointer + 4, 4);
    }
    case "record": {
      let at = pointer;
      for (const [index, field] of type.fields.entries()) {
        at = alignTo(at, alignmentOf(field));
        store(context, (value as readonly PlainValue[])[index]!, field, at);
        at += sizeOf(field);
      }
      return;
    }
    case "variant": {
      const { index, value: payload } = value as PlainCase;
      const size = discriminantSize(type.cases.length);
      storeInt(context, BigInt(index), pointer, size);
      const payloadType = type.cases[index];
      if (payloadType === undefined) return;
      return store(context, payload!, payloadType, alignTo(pointer + size, payloadAlignment(type.cases)));
    }
    case "flags":
      return storeInt(context, packFlags(value as readonly boolean[]), pointer, flagsSize(type.count));
    case "own":
    case "borrow":
      return storeInt(context, BigInt(lowerHandle(context, value as number, type)), pointer, 4);
  }
}

function bitsOfFloat(value: number, width: 32 | 64): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 32) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return view.getBigUint64(0, true);
}

function packFlags(flags: readonly boolean[]): bigint {
  return flags.reduce((bits, flag, index) => bits | (flag ? 1n << BigInt(index) : 0n), 0n);
}

const utf16Tag = 2 ** 31;

/** @returns the pointer and the tagged number of code units */
function storeString(context: Context, text: string): readonly [pointer: number, units: number] {
  const allUnits = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  if (context.encoding === "utf8") {
    const bytes = [...new TextEncoder().encode(text)];
    return [storeBytes(context, bytes, 1), bytes.length];
  }
  if (context.encoding === "latin1+utf16" && allUnits.every((unit) => unit < 0x100)) {
    return [storeBytes(context, allUnits, 2), allUnits.length];
  }
  const bytes = allUnits.flatMap((unit) => [unit & 0xff, unit >> 8]);
  const tag = context.encoding === "utf16" ? 0 : utf16Tag;
  return [storeBytes(context, bytes, 2), tag + allUnits.length];
}

function storeBytes(context: Context, bytes: readonly number[], alignment: number): number {
  const pointer = allocate(context, alignment, bytes.length);
  context.memory().set(bytes, pointer);
  return pointer;
}

/** Where the string encodings of the specification reallocate on the way, only the end state matters here. */
function allocate(context: Context, alignment: number, byteLength: number): number {
  const pointer = context.realloc(0, 0, alignment, byteLength);
  trapIf(pointer % alignment !== 0, "unaligned-pointer");
  trapIf(pointer + byteLength > context.memory().length, "realloc-out-of-bounds");
  return pointer;
}

function storeList(context: Context, items: readonly PlainValue[], element: Plain): number {
  const pointer = allocate(context, alignmentOf(element), items.length * sizeOf(element));
  storeElements(context, items, element, pointer);
  return pointer;
}

function storeElements(context: Context, items: readonly PlainValue[], element: Plain, pointer: number): void {
  for (const [index, item] of items.entries()) store(context, item, element, pointer + index * sizeOf(element));
}

function lowerHandle(context: Context, rep: number, type: Plain & { kind: "own" | "borrow" }): number {
  const own = type.kind === "own";
  if (!own && context.implements(type.resource)) return rep;
  if (!own) context.handles.borrows++;
  return context.handles.add({ resource: type.resource, rep, own, lends: 0 });
}

function lowerFlat(context: Context, value: PlainValue, type: Plain): readonly CoreValue[] {
  switch (type.kind) {
    case "bool":
      return [value === true ? 1n : 0n];
    case "int":
      return [BigInt.asUintN(type.bits === 64 ? 64 : 32, BigInt(value as number | bigint))];
    case "f32":
    case "f64":
      return [value as number];
    case "char":
      return [BigInt((value as string).codePointAt(0)!)];
    case "string":
      return storeString(context, value as string).map(BigInt);
    case "list": {
      const items = value as readonly PlainValue[];
      if (type.length !== undefined) return items.flatMap((item) => lowerFlat(context, item, type.element));
      return [BigInt(storeList(context, items, type.element)), BigInt(items.length)];
    }
    case "record":
      return type.fields.flatMap((field, index) => lowerFlat(context, (value as readonly PlainValue[])[index]!, field));
    case "variant":
      return lowerVariant(context, value as PlainCase, type.cases);
    case "flags":
      return [packFlags(value as readonly boolean[])];
    case "own":
    case "borrow":
      return [BigInt(lowerHandle(context, value as number, type))];
  }
}

function lowerVariant(
  context: Context,
  { index, value }: PlainCase,
  cases: readonly (Plain | undefined)[],
): readonly CoreValue[] {
  const slots = flattenPayload(cases);
  const type = cases[index];
  const payload = type === undefined ? [] : lowerFlat(context, value!, type);
  const have = type === undefined ? [] : flatten(type);
  return [
    BigInt(index),
    ...slots.map((want, at) => {
      const core = payload[at];
      return core === undefined ? zero(want) : coerce(core, have[at]!, want);
    }),
  ];
}

function zero(core: Core): CoreValue {
  return core.startsWith("i") ? 0n : 0;
}

function coerce(value: CoreValue, have: Core, want: Core): CoreValue {
  if (have === want || have === "i32") return value;
  return bitsOfFloat(value as number, have === "f32" ? 32 : 64);
}

/** Parameters or results of a call: flat when they fit in `maxFlat`, else behind a pointer, given or allocated. */
export function lowerValues(
  context: Context,
  maxFlat: number,
  values: readonly PlainValue[],
  types: readonly Plain[],
  outParam?: CoreSource,
): readonly CoreValue[] {
  if (types.flatMap(flatten).length <= maxFlat) {
    return types.flatMap((type, index) => lowerFlat(context, values[index]!, type));
  }
  const tuple: Plain = { kind: "record", fields: types };
  const pointer =
    outParam === undefined
      ? context.realloc(0, 0, alignmentOf(tuple), sizeOf(tuple))
      : Number(outParam.next("i32") as bigint);
  if (pointer % alignmentOf(tuple) !== 0) throw new ReferenceTrap("unaligned-pointer");
  if (pointer + sizeOf(tuple) > context.memory().length) {
    throw new ReferenceTrap(outParam === undefined ? "realloc-out-of-bounds" : "memory-out-of-bounds");
  }
  store(context, values, tuple, pointer);
  return outParam === undefined ? [BigInt(pointer)] : [];
}
