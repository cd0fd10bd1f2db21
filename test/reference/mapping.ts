/**
 * The JavaScript mapping: plain values of the reference <-> the values that users of the host see.
 *
 * Part of the reference, led by the same conventions as jco's bindings and written independently of `host/`.
 */
import type { ValueType } from "../../host/model/types.ts";
import type { PlainCase, PlainValue } from "./load.ts";

/** kebab-case → camelCase. */
export function camelCase(name: string): string {
  return name.toLowerCase().replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

const arrays = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

export function toJs(value: PlainValue, type: ValueType): unknown {
  const items = (): readonly PlainValue[] => value as readonly PlainValue[];
  const named = (names: readonly string[], types?: readonly ValueType[]): object =>
    Object.fromEntries(
      names.map((name, index) => [camelCase(name), types ? toJs(items()[index]!, types[index]!) : items()[index]]),
    );
  const tagged = (tag: string, payload: ValueType | undefined): object => {
    const inner = (value as PlainCase).value;
    return payload === undefined ? { tag } : { tag, val: toJs(inner!, payload) };
  };
  switch (type.kind) {
    case "list": {
      const TypedArray = type.element.kind in arrays ? arrays[type.element.kind as keyof typeof arrays] : undefined;
      const elements = items().map((item) => toJs(item, type.element));
      return TypedArray === undefined ? elements : (TypedArray.from as (items: unknown[]) => unknown)(elements);
    }
    case "map":
      return new Map(
        items().map((entry) => {
          const [key, inner] = entry as readonly [PlainValue, PlainValue];
          return [toJs(key, type.key), toJs(inner, type.value)];
        }),
      );
    case "record":
      return named(
        type.fields.map((field) => field.name),
        type.fields.map((field) => field.type),
      );
    case "flags":
      return named(type.names);
    case "tuple":
      return items().map((item, index) => toJs(item, type.types[index]!));
    case "variant": {
      const { name, type: payload } = type.cases[(value as PlainCase).index]!;
      return tagged(name, payload);
    }
    case "enum":
      return type.names[(value as PlainCase).index];
    case "result": {
      const [tag, payload] =
        (value as PlainCase).index === 0 ? (["ok", type.ok] as const) : (["err", type.err] as const);
      return { val: undefined, ...tagged(tag, payload) };
    }
    case "option": {
      const { index } = value as PlainCase;
      if (type.type.kind === "option") return index === 0 ? { tag: "none" } : tagged("some", type.type);
      return index === 0 ? undefined : toJs((value as PlainCase).value!, type.type);
    }
    default:
      return value;
  }
}

/** A field of an object; a method with a name that every object inherits is not one. */
function fieldOf(object: Record<string, unknown>, name: string): unknown {
  const value = object[name];
  return name in Object.prototype && typeof value === "function" ? undefined : value;
}

/** Text of a JavaScript string: a lone surrogate has no scalar value and becomes U+FFFD, as in WebIDL's USVString. */
function scalarText(text: string): string {
  return Array.from(text, (char) => (/^[\ud800-\udfff]$/.test(char) ? "\ufffd" : char)).join("");
}

/** Integers are wrapped to their width and `f32` is rounded, as converting a JavaScript number does. */
export function fromJs(value: unknown, type: ValueType): PlainValue {
  const object = value as Record<string, unknown>;
  const choice = (index: number, payload: ValueType | undefined, inner: unknown): PlainCase => ({
    index,
    value: payload && fromJs(inner, payload),
  });
  switch (type.kind) {
    case "list":
      return [...(value as Iterable<unknown>)].map((item) => fromJs(item, type.element));
    case "map":
      return [...(value as Map<unknown, unknown>)].map(([key, inner]) => [
        fromJs(key, type.key),
        fromJs(inner, type.value),
      ]);
    case "record":
      return type.fields.map((field) => fromJs(fieldOf(object, camelCase(field.name)), field.type));
    case "flags":
      return type.names.map(
        (name) => value !== undefined && value !== null && Boolean(fieldOf(object, camelCase(name))),
      );
    case "tuple":
      return type.types.map((inner, index) => fromJs((value as readonly unknown[])[index], inner));
    case "variant": {
      const index = type.cases.findIndex((item) => item.name === object["tag"]);
      return choice(index, type.cases[index]!.type, object["val"]);
    }
    case "enum":
      return choice(type.names.indexOf(value as string), undefined, undefined);
    case "result":
      return object["tag"] === "ok" ? choice(0, type.ok, object["val"]) : choice(1, type.err, object["val"]);
    case "option":
      if (type.type.kind === "option") {
        return object["tag"] === "none" ? choice(0, undefined, undefined) : choice(1, type.type, object["val"]);
      }
      return value === undefined || value === null ? choice(0, undefined, undefined) : choice(1, type.type, value);
    case "string":
      return scalarText(value as string);
    case "f32":
      return Math.fround(value as number);
    case "s8":
    case "s16":
    case "s32":
      return Number(BigInt.asIntN(Number(type.kind.slice(1)), BigInt(value as number)));
    case "u8":
    case "u16":
    case "u32":
      return Number(BigInt.asUintN(Number(type.kind.slice(1)), BigInt(value as number)));
    default:
      return value as PlainValue;
  }
}
