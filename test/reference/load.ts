/**
 * Lifting: from memory and flat core values to plain values.
 *
 * A plain value is a boolean, number, bigint or string; an array for lists and records, by position; booleans by
 * position for flags; `{ index, value }` for variants; a representation for handles. Part of the reference. Follows
 * design/mvp/CanonicalABI.md, "Loading" and "Flat Lifting".
 */
import { ReferenceTrap, trapIf, type Context } from "./context.ts";
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

export interface PlainCase {
  readonly index: number;
  readonly value: PlainValue | undefined;
}
export type PlainValue = boolean | number | bigint | string | PlainCase | readonly PlainValue[];

/** A core value: `i32` and `i64` as unsigned bigints, floats as numbers. */
export type CoreValue = bigint | number;

const maxByteLength = 2 ** 28 - 1;

function loadInt(context: Context, pointer: number, byteLength: number): bigint {
  let value = 0n;
  for (let index = byteLength - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(context.memory()[pointer + index]!);
  }
  return value;
}

export function load(context: Context, pointer: number, type: Plain): PlainValue {
  switch (type.kind) {
    case "bool":
      return loadInt(context, pointer, 1) !== 0n;
    case "int":
      return toInteger(loadInt(context, pointer, type.bits / 8), type.bits, type.signed);
    case "f32":
      return floatFromBits(loadInt(context, pointer, 4), 32);
    case "f64":
      return floatFromBits(loadInt(context, pointer, 8), 64);
    case "char":
      return toChar(loadInt(context, pointer, 4));
    case "string":
      return loadString(context, Number(loadInt(context, pointer, 4)), Number(loadInt(context, pointer + 4, 4)));
    case "list":
      if (type.length !== undefined) return loadElements(context, pointer, type.length, type.element);
      return loadList(
        context,
        Number(loadInt(context, pointer, 4)),
        Number(loadInt(context, pointer + 4, 4)),
        type.element,
      );
    case "record": {
      let at = pointer;
      return type.fields.map((field) => {
        at = alignTo(at, alignmentOf(field));
        const value = load(context, at, field);
        at += sizeOf(field);
        return value;
      });
    }
    case "variant": {
      const size = discriminantSize(type.cases.length);
      const index = Number(loadInt(context, pointer, size));
      trapIf(index >= type.cases.length, "invalid-discriminant");
      const payload = type.cases[index];
      const at = alignTo(pointer + size, payloadAlignment(type.cases));
      return { index, value: payload && load(context, at, payload) };
    }
    case "flags":
      return unpackFlags(loadInt(context, pointer, flagsSize(type.count)), type.count);
    case "own":
    case "borrow":
      return liftHandle(context, Number(loadInt(context, pointer, 4)), type);
  }
}

function toInteger(bits: bigint, width: number, signed: boolean): number | bigint {
  const value = signed ? BigInt.asIntN(width, bits) : BigInt.asUintN(width, bits);
  return width === 64 ? value : Number(value);
}

function floatFromBits(bits: bigint, width: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits, true);
  const value = width === 32 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  return Number.isNaN(value) ? Number.NaN : value;
}

function toChar(value: bigint): string {
  trapIf(value >= 0x110000n || (value >= 0xd800n && value <= 0xdfffn), "invalid-char");
  return String.fromCodePoint(Number(value));
}

function unpackFlags(bits: bigint, count: number): readonly boolean[] {
  return Array.from({ length: count }, (_, index) => ((bits >> BigInt(index)) & 1n) === 1n);
}

const utf16Tag = 2 ** 31;

function loadString(context: Context, pointer: number, taggedCodeUnits: number): string {
  let alignment = 2;
  let byteLength = 2 * taggedCodeUnits;
  let encoding: "utf8" | "utf16" | "latin1" = "utf16";
  if (context.encoding === "utf8") {
    alignment = 1;
    byteLength = taggedCodeUnits;
    encoding = "utf8";
  } else if (context.encoding === "latin1+utf16") {
    const tagged = taggedCodeUnits >= utf16Tag;
    encoding = tagged ? "utf16" : "latin1";
    byteLength = tagged ? 2 * (taggedCodeUnits - utf16Tag) : taggedCodeUnits;
  }
  trapIf(byteLength > maxByteLength, "string-out-of-bounds");
  trapIf(pointer % alignment !== 0, "unaligned-pointer");
  trapIf(pointer + byteLength > context.memory().length, "string-out-of-bounds");
  const bytes = context.memory().slice(pointer, pointer + byteLength);
  if (encoding === "utf8") return decodeUtf8(bytes);
  return encoding === "utf16" ? decodeUtf16(bytes) : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** By hand, from RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF. */
function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    trapIf(length === 0 || at + length > bytes.length, "invalid-utf8");
    let point = length === 1 ? first : first & (0x7f >> length);
    for (let index = 1; index < length; index++) {
      const next = bytes[at + index]!;
      trapIf((next & 0xc0) !== 0x80, "invalid-utf8");
      point = (point << 6) | (next & 0x3f);
    }
    const least = [0, 0, 0x80, 0x800, 0x10000][length]!;
    trapIf(point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff), "invalid-utf8");
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

function decodeUtf16(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const unit = bytes[at]! | (bytes[at + 1]! << 8);
    if (unit < 0xd800 || unit > 0xdfff) {
      text += String.fromCharCode(unit);
      continue;
    }
    trapIf(unit >= 0xdc00 || at + 3 >= bytes.length, "invalid-utf16");
    const low = bytes[at + 2]! | (bytes[at + 3]! << 8);
    trapIf(low < 0xdc00 || low > 0xdfff, "invalid-utf16");
    text += String.fromCharCode(unit, low);
    at += 2;
  }
  return text;
}

function loadList(context: Context, pointer: number, length: number, element: Plain): PlainValue {
  const byteLength = length * sizeOf(element);
  trapIf(byteLength > maxByteLength, "list-out-of-bounds");
  trapIf(pointer % alignmentOf(element) !== 0, "unaligned-pointer");
  trapIf(pointer + byteLength > context.memory().length, "list-out-of-bounds");
  return loadElements(context, pointer, length, element);
}

function loadElements(context: Context, pointer: number, length: number, element: Plain): PlainValue {
  const size = sizeOf(element);
  return Array.from({ length }, (_, index) => load(context, pointer + index * size, element));
}

function liftHandle(context: Context, index: number, type: Plain & { kind: "own" | "borrow" }): number {
  const handle = context.handles.get(index);
  trapIf(handle.resource !== type.resource, "invalid-handle");
  if (type.kind === "borrow") {
    handle.lends++;
    return handle.rep;
  }
  trapIf(handle.lends !== 0 || !handle.own, "invalid-handle");
  return context.handles.remove(index).rep;
}

/** Takes core values in order; a variant's payload takes them through a coercion. */
export interface CoreSource {
  next(want: Core): CoreValue;
}

export function sourceOf(values: readonly CoreValue[]): CoreSource {
  let at = 0;
  return {
    next(want) {
      const value = values[at++];
      if (value === undefined || (typeof value === "bigint") !== want.startsWith("i")) {
        throw new Error(`The reference was given ${String(value)} where an ${want} belongs`);
      }
      return want === "i32"
        ? BigInt.asUintN(32, value as bigint)
        : want === "i64"
          ? BigInt.asUintN(64, value as bigint)
          : value;
    },
  };
}

function liftFlat(context: Context, source: CoreSource, type: Plain): PlainValue {
  const i32 = (): bigint => source.next("i32") as bigint;
  switch (type.kind) {
    case "bool":
      return i32() !== 0n;
    case "int":
      return toInteger(source.next(type.bits === 64 ? "i64" : "i32") as bigint, type.bits, type.signed);
    case "f32":
    case "f64": {
      const value = source.next(type.kind) as number;
      return Number.isNaN(value) ? Number.NaN : value;
    }
    case "char":
      return toChar(i32());
    case "string": {
      const pointer = Number(i32());
      return loadString(context, pointer, Number(i32()));
    }
    case "list": {
      if (type.length !== undefined) {
        return Array.from({ length: type.length }, () => liftFlat(context, source, type.element));
      }
      const pointer = Number(i32());
      return loadList(context, pointer, Number(i32()), type.element);
    }
    case "record":
      return type.fields.map((field) => liftFlat(context, source, field));
    case "variant":
      return liftVariant(context, source, type.cases);
    case "flags":
      return unpackFlags(i32(), type.count);
    case "own":
    case "borrow":
      return liftHandle(context, Number(i32()), type);
  }
}

function liftVariant(context: Context, source: CoreSource, cases: readonly (Plain | undefined)[]): PlainCase {
  const index = Number(source.next("i32") as bigint);
  trapIf(index >= cases.length, "invalid-discriminant");
  const slots = [...flattenPayload(cases)];
  const coerced: CoreSource = {
    next(want) {
      const have = slots.shift()!;
      const value = source.next(have);
      if (have === want) return value;
      const bits = value as bigint;
      if (want === "i32") return BigInt.asUintN(32, bits);
      return floatFromBits(bits, want === "f32" ? 32 : 64);
    },
  };
  const payload = cases[index];
  const value = payload && liftFlat(context, coerced, payload);
  for (const have of slots) source.next(have);
  return { index, value };
}

/** Parameters or results of a call: flat when they fit in `maxFlat`, else behind a pointer. */
export function liftValues(
  context: Context,
  maxFlat: number,
  source: CoreSource,
  types: readonly Plain[],
): readonly PlainValue[] {
  if (types.flatMap(flatten).length <= maxFlat) return types.map((type) => liftFlat(context, source, type));
  const pointer = Number(source.next("i32") as bigint);
  const tuple: Plain = { kind: "record", fields: types };
  if (pointer % alignmentOf(tuple) !== 0) throw new ReferenceTrap("unaligned-pointer");
  if (pointer + sizeOf(tuple) > context.memory().length) throw new ReferenceTrap("memory-out-of-bounds");
  return load(context, pointer, tuple) as readonly PlainValue[];
}
