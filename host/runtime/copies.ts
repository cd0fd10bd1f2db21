/**
 * Copies of the values that a program passes, made by their types: what is read once has neither getters nor what is inherited,
 * and does not change any more. One function a type is put together when it is first needed.
 */
import { ownField } from "../abi/runtime.ts";
import { casesOf, someType } from "../model/cases.ts";
import { holdsAsync } from "../model/facts.ts";
import { toCamelCase } from "../model/spelling.ts";
import type { ValueType } from "../model/types.ts";

export type HandleType = Extract<ValueType, { kind: "own" | "borrow" }>;
export type ChannelType = Extract<ValueType, { kind: "stream" | "future" }>;
/** What becomes of a resource, a stream or a future. */
export type Handle = (type: HandleType | ChannelType, value: unknown) => unknown;
export type Convert = (value: unknown, handle: Handle) => unknown;

type Converters = WeakMap<ValueType, Convert | "same">;

const copies: Converters = new WeakMap();
const keeps: Converters = new WeakMap();
const looks: Converters = new WeakMap();

/**
 * Copies what a program passes, for a structured clone: arrays of numbers are copied by that; `undefined` where the value can be
 * passed as it is.
 */
export function copying(type: ValueType): Convert | undefined {
  return converter(type, copies, (it) => isCompound(it) || holdsAsync(it));
}

/** A copy of what a program passes, with the same resources in it unless `handle` says otherwise. */
export function kept(type: ValueType, value: unknown, handle: Handle = (_, resource) => resource): unknown {
  const convert = converter(type, keeps, isCompound);
  return convert === undefined ? value : convert(value, handle);
}

/** Looks through plain values for resources, streams and futures; `undefined` where there can be none. */
export function handling(type: ValueType): Convert | undefined {
  return converter(type, looks, (it) => someType(it, isHandle));
}

/** A value whose resources, streams and futures `handle` has looked at; the value itself where its type has none, or there is no type. */
export function handled(type: ValueType | undefined, value: unknown, handle: Handle): unknown {
  const convert = type && handling(type);
  return convert === undefined ? value : convert(value, handle);
}

function isHandle(type: ValueType): type is HandleType | ChannelType {
  return type.kind === "own" || type.kind === "borrow" || isChannel(type);
}

export function isChannel(type: ValueType): type is ChannelType {
  return type.kind === "stream" || type.kind === "future";
}

const COMPOUND = new Set(["own", "borrow", "record", "tuple", "list", "variant", "flags", "result", "map"]);

/** Whether an object that the program made may stand for a value. */
function isCompound(type: ValueType): boolean {
  return type.kind === "option" ? isCompound(type.type) : COMPOUND.has(type.kind);
}

function converter(type: ValueType, known: Converters, concerns: (type: ValueType) => boolean): Convert | undefined {
  let found = known.get(type);
  if (found === undefined) {
    const array = known === keeps ? arrayOrView : justArray;
    found = concerns(type) ? make(type, (part) => (part && converter(part, known, concerns)) ?? same, array) : "same";
    known.set(type, found);
  }
  return found === "same" ? undefined : found;
}

const same: Convert = (value) => value;

// What does not fit its type is passed on as it is: the bindings in the worker say what is wrong with it.
function make(type: ValueType, of: (part: ValueType | undefined) => Convert, array: typeof justArray): Convert {
  switch (type.kind) {
    case "own":
    case "borrow":
    case "stream":
    case "future":
      return (value, handle) => handle(type, value);
    case "error-context":
      // An error of the program's would lose the field that it is about.
      return object((value) => ({ debugMessage: (value as { readonly debugMessage?: unknown }).debugMessage }));
    case "record": {
      const fields = type.fields.map(({ name, type: part }) => [toCamelCase(name), of(part)] as const);
      return object((value, handle) => {
        const copy: Record<string, unknown> = {};
        for (const [key, convert] of fields) {
          const found = ownField(value, key);
          if (found !== undefined) copy[key] = convert(found, handle);
        }
        return copy;
      });
    }
    case "flags": {
      const names = type.names.map(toCamelCase);
      return object((value) => Object.fromEntries(names.map((name) => [name, ownField(value, name)])));
    }
    case "tuple": {
      const parts = type.types.map(of);
      return array((values, handle) => values.map((value, i) => (parts[i] ?? same)(value, handle)));
    }
    case "list": {
      const element = of(type.element);
      return array((values, handle) => values.map((value) => element(value, handle)));
    }
    case "map": {
      const [key, item] = [of(type.key), of(type.value)];
      return (value, handle) =>
        value instanceof Map
          ? new Map([...value].map(([k, v]: [unknown, unknown]) => [key(k, handle), item(v, handle)]))
          : value;
    }
    case "option":
      if (type.type.kind !== "option") {
        const some = of(type.type);
        return (value, handle) => (value === undefined || value === null ? value : some(value, handle));
      }
      break;
  }
  const cases = new Map(
    casesOf(type as Extract<ValueType, { kind: "variant" | "result" | "option" }>).map((it) => [it.name, of(it.type)]),
  );
  return object((value, handle) => {
    const tag = ownField(value, "tag");
    const val = ownField(value, "val");
    return val === undefined ? { tag } : { tag, val: (cases.get(tag as string) ?? same)(val, handle) };
  });
}

function object(convert: (value: object, handle: Handle) => unknown): Convert {
  return (value, handle) => (typeof value === "object" && value !== null ? convert(value, handle) : value);
}

function justArray(convert: (values: readonly unknown[], handle: Handle) => unknown): Convert {
  return (value, handle) => (Array.isArray(value) ? convert(value as readonly unknown[], handle) : value);
}

// A Buffer's own makes no copy.
const typedSlice = (Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array).slice as (this: unknown) => unknown;

function arrayOrView(convert: Parameters<typeof justArray>[0]): Convert {
  const plain = justArray(convert);
  return (value, handle) =>
    ArrayBuffer.isView(value) && !(value instanceof DataView) ? typedSlice.call(value) : plain(value, handle);
}
