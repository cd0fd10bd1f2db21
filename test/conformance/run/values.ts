/**
 * Component values as a script writes them, and their agreement with the JavaScript values of the host.
 *
 * Owns the literals (`u32.const 1`, `record.const …`) and the two directions: literal -> argument and result against
 * literal. Both are led by the function's own type, because the JavaScript mapping depends on it (an option directly
 * in an option, a number list as a typed array).
 */
import type { ValueType } from "../../../host/model/types.ts";
import { jsName } from "./names.ts";
import { stringText, SyntaxFault, type Node } from "./sexpr.ts";

export type WastValue =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "integer"; readonly type: string; readonly value: bigint }
  | {
      readonly kind: "float";
      readonly type: "f32" | "f64";
      readonly value: number | "nan:canonical" | "nan:arithmetic";
    }
  | { readonly kind: "char" | "string"; readonly value: string }
  | { readonly kind: "list" | "tuple"; readonly items: readonly WastValue[] }
  | { readonly kind: "record"; readonly fields: readonly { readonly name: string; readonly value: WastValue }[] }
  | {
      readonly kind: "case";
      readonly of: "variant" | "enum" | "option" | "result";
      readonly tag: string;
      readonly value: WastValue | undefined;
    }
  | { readonly kind: "flags"; readonly names: readonly string[] };

/** Reads `(u32.const 1)` and its like. @throws {SyntaxFault} on anything else */
export function readValue(node: Node): WastValue {
  if (node.kind !== "list") throw new SyntaxFault("Expected a value in parentheses", node.start);
  return readBody(node.items, node);
}

/** Reads the inside of a value literal: a record field holds it without parentheses of its own. */
function readBody(items: readonly Node[], parent: Node): WastValue {
  const [head, ...rest] = items;
  if (head?.kind !== "atom") throw new SyntaxFault("Expected a value's keyword", parent.start);
  const one = (): string => {
    const node = rest[0];
    if (node?.kind !== "atom" || rest.length !== 1) throw new SyntaxFault("Expected one literal", head.end);
    return node.text;
  };
  const payload = (from: number): WastValue | undefined => {
    const node = rest[from];
    return node === undefined ? undefined : node.kind === "list" ? readValue(node) : readBody(rest.slice(from), parent);
  };
  switch (head.text) {
    case "bool.const":
      return { kind: "bool", value: one() === "true" || one() === "1" };
    case "u8.const":
    case "s8.const":
    case "u16.const":
    case "s16.const":
    case "u32.const":
    case "s32.const":
    case "u64.const":
    case "s64.const":
      return { kind: "integer", type: head.text.slice(0, -6), value: readInteger(one(), head) };
    case "f32.const":
    case "f64.const":
      return { kind: "float", type: head.text === "f32.const" ? "f32" : "f64", value: readFloat(one(), head) };
    case "char.const":
      return { kind: "char", value: stringText(rest[0], "a character", parent) };
    case "str.const":
      return { kind: "string", value: stringText(rest[0], "a string", parent) };
    case "list.const":
    case "tuple.const":
      return { kind: head.text === "list.const" ? "list" : "tuple", items: rest.map(readValue) };
    case "record.const":
      return { kind: "record", fields: rest.map(readField) };
    case "variant.const":
      return { kind: "case", of: "variant", tag: stringText(rest[0], "a case name", parent), value: payload(1) };
    case "enum.const":
      return { kind: "case", of: "enum", tag: stringText(rest[0], "a case name", parent), value: undefined };
    case "option.none":
    case "option.some":
    case "result.ok":
    case "result.err":
      return {
        kind: "case",
        of: head.text.startsWith("option") ? "option" : "result",
        tag: head.text.slice(head.text.indexOf(".") + 1),
        value: payload(0),
      };
    case "flags.const":
      return { kind: "flags", names: rest.map((node) => stringText(node, "a flag name", parent)) };
    default:
      throw new SyntaxFault(`Unknown value ${head.text}`, head.start);
  }
}

function readField(node: Node): { name: string; value: WastValue } {
  if (node.kind !== "list" || node.items[0]?.kind !== "atom" || node.items[0].text !== "field") {
    throw new SyntaxFault("Expected a field", node.start);
  }
  const value = node.items[2];
  if (value === undefined) throw new SyntaxFault("Expected the field's value", node.end);
  return {
    name: stringText(node.items[1], "a field name", node),
    value: value.kind === "list" ? readValue(value) : readBody(node.items.slice(2), node),
  };
}

function readInteger(text: string, at: Node): bigint {
  const plain = text.replaceAll("_", "");
  const negative = plain.startsWith("-");
  try {
    const magnitude = BigInt(plain.replace(/^[+-]/, ""));
    return negative ? -magnitude : magnitude;
  } catch {
    throw new SyntaxFault(`Expected an integer, got ${text}`, at.end);
  }
}

function readFloat(text: string, at: Node): number | "nan:canonical" | "nan:arithmetic" {
  const plain = text.replaceAll("_", "");
  if (plain === "nan:canonical" || plain === "nan:arithmetic") return plain;
  if (/^[+-]?nan/.test(plain)) return Number.NaN;
  if (/^[+-]?inf$/.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  const hex = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(plain);
  if (hex !== null) {
    const digits = `${hex[2]}${hex[3] ?? ""}`;
    const scale = Number(hex[4] ?? 0) - 4 * (hex[3]?.length ?? 0);
    return (hex[1] === "-" ? -1 : 1) * Number.parseInt(digits || "0", 16) * 2 ** scale;
  }
  const value = Number(plain);
  if (plain === "" || Number.isNaN(value)) throw new SyntaxFault(`Expected a float, got ${text}`, at.end);
  return value;
}

/** The literal does not fit the function's type: the script and the component disagree. */
class ValueMismatch extends Error {
  override readonly name = "ValueMismatch";
}

/** The JavaScript value of a literal as an argument of type `type`. @throws {ValueMismatch} when it does not fit */
export function toJs(value: WastValue, type: ValueType): unknown {
  switch (type.kind) {
    case "bool":
      if (value.kind === "bool") return value.value;
      break;
    case "s64":
    case "u64":
      if (value.kind === "integer") return value.value;
      break;
    case "s8":
    case "u8":
    case "s16":
    case "u16":
    case "s32":
    case "u32":
      if (value.kind === "integer") return Number(value.value);
      break;
    case "f32":
    case "f64":
      if (value.kind === "float") return typeof value.value === "number" ? value.value : Number.NaN;
      break;
    case "char":
    case "string":
      if (value.kind === type.kind) return value.value;
      break;
    case "list":
      if (value.kind === "list") return value.items.map((item) => toJs(item, type.element));
      break;
    case "map":
      if (value.kind === "list") {
        const entry = { kind: "tuple", types: [type.key, type.value] } as const;
        return new Map(value.items.map((item) => toJs(item, entry) as [unknown, unknown]));
      }
      break;
    case "tuple":
      if (value.kind === "tuple" && value.items.length === type.types.length) {
        return value.items.map((item, index) => toJs(item, type.types[index]!));
      }
      break;
    case "record":
      if (value.kind === "record") {
        return Object.fromEntries(
          type.fields.map((field) => {
            const given = value.fields.find((candidate) => candidate.name === field.name);
            if (given === undefined) throw new ValueMismatch(`Field ${field.name} is missing`);
            return [jsName(field.name), toJs(given.value, field.type)];
          }),
        );
      }
      break;
    case "flags":
      if (value.kind === "flags") {
        return Object.fromEntries(type.names.map((name) => [jsName(name), value.names.includes(name)]));
      }
      break;
    case "enum":
      if (value.kind === "case") return value.tag;
      break;
    case "variant":
    case "result":
      if (value.kind === "case") {
        const payload = payloadType(type, value.tag);
        return value.value === undefined || payload === undefined
          ? { tag: value.tag }
          : { tag: value.tag, val: toJs(value.value, payload) };
      }
      break;
    case "option":
      if (value.kind === "case") {
        const inner = value.value === undefined ? undefined : toJs(value.value, type.type);
        if (type.type.kind !== "option") return inner;
        return value.tag === "none" ? { tag: "none" } : { tag: "some", val: inner };
      }
      break;
  }
  throw new ValueMismatch(`A ${describe(value)} does not fit ${type.kind}`);
}

function payloadType(type: ValueType, tag: string): ValueType | undefined {
  if (type.kind === "result") return tag === "ok" ? type.ok : type.err;
  return type.kind === "variant" ? type.cases.find((item) => item.name === tag)?.type : undefined;
}

/** Whether a result of the host is the value that a script expects. */
export function agrees(expected: WastValue, actual: unknown, type: ValueType): boolean {
  switch (expected.kind) {
    case "bool":
    case "char":
    case "string":
      return expected.kind === type.kind && actual === expected.value;
    case "integer":
      if (expected.type !== type.kind) return false;
      if (typeof actual !== (type.kind.endsWith("64") ? "bigint" : "number")) return false;
      return BigInt(actual as number) === expected.value;
    case "float":
      if (expected.type !== type.kind || typeof actual !== "number") return false;
      if (typeof expected.value === "string") return Number.isNaN(actual);
      return Object.is(actual, type.kind === "f32" ? Math.fround(expected.value) : expected.value);
    case "list": {
      if (type.kind === "map") {
        const entry = { kind: "tuple", types: [type.key, type.value] } as const;
        return actual instanceof Map && sequence(expected.items, [...actual], () => entry);
      }
      if (type.kind !== "list") return false;
      const isSequence = Array.isArray(actual) || ArrayBuffer.isView(actual);
      return isSequence && sequence(expected.items, [...(actual as unknown as Iterable<unknown>)], () => type.element);
    }
    case "tuple":
      return type.kind === "tuple" && Array.isArray(actual) && sequence(expected.items, actual, (i) => type.types[i]);
    case "record":
      return (
        type.kind === "record" &&
        isObject(actual) &&
        expected.fields.length === type.fields.length &&
        expected.fields.every(({ name, value }) => {
          const field = type.fields.find((candidate) => candidate.name === name);
          return field !== undefined && agrees(value, actual[jsName(name)], field.type);
        })
      );
    case "flags":
      return (
        type.kind === "flags" &&
        isObject(actual) &&
        type.names.every((name) => actual[jsName(name)] === expected.names.includes(name))
      );
    case "case": {
      if (type.kind === "enum") return actual === expected.tag;
      if (type.kind === "option" && type.type.kind !== "option") {
        if (expected.value === undefined) return actual === undefined;
        return actual !== undefined && agrees(expected.value, actual, type.type);
      }
      if (!isObject(actual) || actual["tag"] !== expected.tag) return false;
      const payload = type.kind === "option" ? type.type : payloadType(type, expected.tag);
      return expected.value === undefined || (payload !== undefined && agrees(expected.value, actual["val"], payload));
    }
  }
}

function sequence(
  expected: readonly WastValue[],
  actual: readonly unknown[],
  typeOf: (index: number) => ValueType | undefined,
): boolean {
  return (
    expected.length === actual.length &&
    expected.every((item, index) => {
      const type = typeOf(index);
      return type !== undefined && agrees(item, actual[index], type);
    })
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A literal for a message. */
export function describe(value: WastValue): string {
  switch (value.kind) {
    case "list":
    case "tuple":
      return `${value.kind}(${value.items.map(describe).join(", ")})`;
    case "record":
      return `record(${value.fields.map((field) => `${field.name}: ${describe(field.value)}`).join(", ")})`;
    case "flags":
      return `flags(${value.names.join(", ")})`;
    case "case":
      return value.value === undefined ? value.tag : `${value.tag}(${describe(value.value)})`;
    default:
      return typeof value.value === "string" ? JSON.stringify(value.value) : `${value.value}`;
  }
}
