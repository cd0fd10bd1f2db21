/**
 * Random component types and, for a type, random JavaScript values of it.
 *
 * Owns the distributions: small types mostly, with the shapes that have rules of their own (wide flags, variants beyond
 * 256 cases, more than 16 flat values, payloads of mixed core types) made likely enough to be met in every run.
 */
import fc from "fast-check";
import type { PrimitiveKind, ValueType } from "../../host/model/types.ts";
import { camelCase } from "../reference/mapping.ts";

export interface TypeOptions {
  /** Maps and fixed-length lists too, which jco's bindings have in part. */
  readonly extended: boolean;
}

const integerKinds = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"] as const;
const primitiveKinds: readonly PrimitiveKind[] = ["bool", ...integerKinds, "f32", "f64", "char", "string"];

/** Names that are legal in WIT and awkward in JavaScript are among them. */
const words = [
  "a", "b", "c", "x", "size", "first-name", "top-left-2", "long-field-name", "constructor", "prototype", "class",
  "default", "to-string", "then", "length", "val", "tag", "value-of", "null", "await", "B", "HTTP-code",
]; // prettier-ignore

const primitive: fc.Arbitrary<ValueType> = fc.constantFrom(...primitiveKinds).map((kind) => ({ kind }));

const manyNames = (from: number, to: number): fc.Arbitrary<readonly string[]> =>
  fc.integer({ min: from, max: to }).map((count) => Array.from({ length: count }, (_, index) => `n${index}`));

const fewNames = (from: number, to: number): fc.Arbitrary<readonly string[]> =>
  fc.uniqueArray(fc.constantFrom(...words), { minLength: from, maxLength: to, selector: camelCase });

/** A random value type. */
export function valueTypes({ extended }: TypeOptions): fc.Arbitrary<ValueType> {
  const { type } = fc.letrec<{ type: ValueType }>((tie) => {
    const inner = tie("type");
    const maybe = fc.option(inner, { nil: undefined });
    const named = <T>(names: fc.Arbitrary<readonly string[]>, each: fc.Arbitrary<T>) =>
      names.chain((list) =>
        fc
          .tuple(...list.map(() => each))
          .map((types) => list.map((name, index) => ({ name, type: types[index] as T }))),
      );
    const composite: fc.Arbitrary<ValueType>[] = [
      inner.map((element) => ({ kind: "list", element, length: undefined })),
      primitive.map((element) => ({ kind: "list", element, length: undefined })),
      named(fewNames(1, 5), inner).map((fields) => ({ kind: "record", fields })),
      fc.array(inner, { minLength: 1, maxLength: 5 }).map((types) => ({ kind: "tuple", types })),
      named(fewNames(1, 5), maybe).map((cases) => ({ kind: "variant", cases })),
      inner.map((type) => ({ kind: "option", type })),
      fc.tuple(maybe, maybe).map(([ok, err]) => ({ kind: "result", ok, err })),
    ];
    if (extended) {
      composite.push(
        fc.tuple(inner, fc.integer({ min: 1, max: 5 })).map(([element, length]) => ({ kind: "list", element, length })),
        fc
          .tuple(fc.constantFrom<PrimitiveKind>("string", "u8", "u64", "char", "s32", "bool"), inner)
          .map(([key, value]) => ({ kind: "map", key: { kind: key }, value })),
      );
    }
    return {
      type: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        { weight: 6, arbitrary: primitive },
        { weight: 1, arbitrary: fewNames(1, 6).map((names): ValueType => ({ kind: "enum", names })) },
        { weight: 1, arbitrary: fewNames(1, 8).map((names): ValueType => ({ kind: "flags", names })) },
        { weight: 1, arbitrary: manyNames(9, 32).map((names): ValueType => ({ kind: "flags", names })) },
        ...composite.map((arbitrary) => ({ weight: 2, arbitrary })),
      ),
    };
  });
  return fc.oneof(
    { weight: 20, arbitrary: type },
    { weight: 1, arbitrary: manyNames(257, 300).map((names): ValueType => ({ kind: "enum", names })) },
    {
      weight: 1,
      arbitrary: fc.tuple(manyNames(257, 270), type).map(([names, payload]): ValueType => ({
        kind: "variant",
        cases: names.map((name, index) => ({ name, type: index % 64 === 0 ? payload : undefined })),
      })),
    },
    // More than sixteen flat values, so that parameters spill.
    {
      weight: 2,
      arbitrary: fc.array(type, { minLength: 9, maxLength: 17 }).map((types): ValueType => ({ kind: "tuple", types })),
    },
  );
}

/** The parameters of a random function. */
export function parameterTypes(options: TypeOptions): fc.Arbitrary<readonly ValueType[]> {
  return fc.oneof(
    { weight: 3, arbitrary: valueTypes(options).map((type) => [type]) },
    { weight: 1, arbitrary: fc.array(valueTypes(options), { minLength: 2, maxLength: 4 }) },
  );
}

/** Text without lone surrogates: short, of any plane, often one that fits a single byte a character. */
const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary-ascii", minLength: 50, maxLength: 300 }),
);

const f32s = fc.oneof(fc.float(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 2 ** -149));
const f64s = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 5e-324));

const typedArrays = {
  u8: fc.uint8Array({ maxLength: 40 }),
  s8: fc.int8Array({ maxLength: 40 }),
  u16: fc.uint16Array(),
  s16: fc.int16Array(),
  u32: fc.uint32Array(),
  s32: fc.int32Array(),
  u64: fc.bigUint64Array(),
  s64: fc.bigInt64Array(),
  f32: fc.float32Array(),
  f64: fc.float64Array(),
} as const;

/** A random JavaScript value of a type, in the shape in which the host gives it back. */
export function valuesOf(type: ValueType): fc.Arbitrary<unknown> {
  const object = (fields: readonly { readonly name: string; readonly type: ValueType }[]): fc.Arbitrary<unknown> =>
    fc.record(Object.fromEntries(fields.map((field) => [camelCase(field.name), valuesOf(field.type)])));
  const tagged = (tag: string, payload: ValueType | undefined): fc.Arbitrary<unknown> =>
    payload === undefined ? fc.constant({ tag }) : valuesOf(payload).map((val) => ({ tag, val }));
  const resultCase = (tag: "ok" | "err", payload: ValueType | undefined): fc.Arbitrary<unknown> =>
    payload === undefined ? fc.constant({ tag, val: undefined }) : tagged(tag, payload);
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "s64":
      return fc.oneof(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n),
      );
    case "u64":
      return fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(2n ** 63n, 2n ** 64n - 1n));
    case "s8":
    case "s16":
    case "s32": {
      const limit = 2 ** (Number(type.kind.slice(1)) - 1);
      return fc.oneof(fc.integer({ min: -limit, max: limit - 1 }), fc.constantFrom(-limit, limit - 1, -1, 0));
    }
    case "u8":
    case "u16":
    case "u32": {
      const limit = 2 ** Number(type.kind.slice(1));
      return fc.oneof(fc.integer({ min: 0, max: limit - 1 }), fc.constantFrom(limit / 2, limit - 1, 0));
    }
    case "f32":
      return f32s;
    case "f64":
      return f64s;
    case "char":
      return fc.oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.constantFrom("\0", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
      );
    case "string":
      return texts;
    case "list": {
      const length = type.length === undefined ? {} : { minLength: type.length, maxLength: type.length };
      if (type.element.kind in typedArrays && type.length === undefined) {
        return typedArrays[type.element.kind as keyof typeof typedArrays] as fc.Arbitrary<unknown>;
      }
      const items = fc.array(valuesOf(type.element), { maxLength: 5, ...length });
      if (!(type.element.kind in typedArrays)) return items;
      return items.map((values) => toTypedArray(type.element.kind, values));
    }
    case "map":
      return fc
        .array(fc.tuple(valuesOf(type.key), valuesOf(type.value)), { maxLength: 4 })
        .map((entries) => new Map(entries));
    case "tuple":
      return fc.tuple(...type.types.map(valuesOf));
    case "record":
      return object(type.fields);
    case "flags":
      return fc.record(Object.fromEntries(type.names.map((name) => [camelCase(name), fc.boolean()])));
    case "enum":
      return fc.constantFrom(...type.names);
    case "variant":
      return fc.oneof(...type.cases.map((item) => tagged(item.name, item.type)));
    case "result":
      return fc.oneof(resultCase("ok", type.ok), resultCase("err", type.err));
    case "option":
      if (type.type.kind === "option") return fc.oneof(tagged("none", undefined), tagged("some", type.type));
      return fc.option(valuesOf(type.type), { nil: undefined });
    default:
      throw new Error(`No values of ${type.kind} are made here`);
  }
}

const constructors = {
  u8: Uint8Array, s8: Int8Array, u16: Uint16Array, s16: Int16Array, u32: Uint32Array, s32: Int32Array,
  u64: BigUint64Array, s64: BigInt64Array, f32: Float32Array, f64: Float64Array,
} as const; // prettier-ignore

function toTypedArray(kind: string, values: readonly unknown[]): unknown {
  return (constructors[kind as keyof typeof constructors].from as (items: readonly unknown[]) => unknown)(values);
}

/** Whether a type has a part of one of the kinds. */
export function contains(type: ValueType, test: (part: ValueType) => boolean): boolean {
  return test(type) || partsOf(type).some((part) => contains(part, test));
}

/** How many parts of a type, itself included, are of one of the kinds. */
export function countOf(type: ValueType, test: (part: ValueType) => boolean): number {
  return partsOf(type).reduce((sum, part) => sum + countOf(part, test), test(type) ? 1 : 0);
}

function partsOf(type: ValueType): readonly ValueType[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "tuple":
      return type.types;
    case "record":
      return type.fields.map((field) => field.type);
    case "variant":
      return type.cases.flatMap((item) => item.type ?? []);
    case "option":
      return [type.type];
    case "result":
      return [type.ok ?? [], type.err ?? []].flat();
    default:
      return [];
  }
}
