/**
 * Finds where a value does not fit its type, and says so. Only runs after a generated check has said no, so it is
 * written to be read, not to be fast.
 */
import { toCamelCase } from "../model/spelling.ts";
import { describe } from "../words.ts";
import { formatType } from "../model/text.ts";
import type { IntegerKind, ValueType } from "../model/types.ts";
import { casesOf } from "../model/cases.ts";
import { ownField } from "./runtime.ts";

export interface Mismatch {
  /** Such as `area.s.val.x` or `people[3].name`. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

/** Says whether a handle fits, or why not. */
export interface ExplainHandle {
  (type: Extract<ValueType, { kind: "own" | "borrow" }>, value: unknown): string | undefined;
  /** The same of streams, futures and error contexts, where there are some. */
  channel?: (type: ValueType, value: unknown) => string | undefined;
}

const ranges: Record<IntegerKind, readonly [bigint, bigint]> = {
  u8: [0n, 0xffn],
  s8: [-0x80n, 0x7fn],
  u16: [0n, 0xffffn],
  s16: [-0x8000n, 0x7fffn],
  u32: [0n, 0xffff_ffffn],
  s32: [-0x8000_0000n, 0x7fff_ffffn],
  u64: [0n, 0xffff_ffff_ffff_ffffn],
  s64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
};

/** The first place where `value` does not fit, or `undefined` when it does. */
export function explain(type: ValueType, value: unknown, path: string, handle: ExplainHandle): Mismatch | undefined {
  const wrong = (expected: string, found = describe(value)): Mismatch => ({ path, expected, found });
  const inner = (t: ValueType, v: unknown, step: string): Mismatch | undefined =>
    explain(t, v, `${path}${step}`, handle);
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean" ? undefined : wrong("a bool (boolean)");
    case "u8":
    case "s8":
    case "u16":
    case "s16":
    case "u32":
    case "s32":
    case "u64":
    case "s64":
      return explainInteger(type.kind, value, wrong);
    case "f32":
    case "f64":
      return typeof value === "number" ? undefined : wrong(`an ${type.kind} (number)`);
    case "string":
      return typeof value === "string" ? undefined : wrong("a string");
    case "char":
      return typeof value === "string" && /^[^\ud800-\udfff]$/su.test(value)
        ? undefined
        : wrong("a char (string of one Unicode scalar value)");
    case "own":
    case "borrow": {
      const reason = handle(type, value);
      return reason === undefined ? undefined : wrong(formatType(type), reason);
    }
    case "stream":
    case "future":
    case "error-context": {
      const reason = handle.channel === undefined ? describe(value) : handle.channel(type, value);
      return reason === undefined ? undefined : wrong(formatType(type), reason);
    }
    case "list": {
      if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && !(value instanceof DataView)))
        return wrong(formatType(type));
      const list = value as ArrayLike<unknown>;
      if (type.length !== undefined && list.length !== type.length) {
        return wrong(`${formatType(type)} (exactly ${type.length} elements)`, `${list.length} elements`);
      }
      for (let i = 0; i < list.length; i++) {
        const mismatch = inner(type.element, list[i], `[${i}]`);
        if (mismatch !== undefined) return mismatch;
      }
      return undefined;
    }
    case "map": {
      if (!(value instanceof Map)) return wrong(`${formatType(type)} (Map)`);
      for (const [k, v] of value) {
        const mismatch = inner(type.key, k, `.keys(${describe(k)})`) ?? inner(type.value, v, `.get(${describe(k)})`);
        if (mismatch !== undefined) return mismatch;
      }
      return undefined;
    }
    case "tuple": {
      if (!Array.isArray(value)) return wrong(`${formatType(type)} (array)`);
      if (value.length !== type.types.length)
        return wrong(`${formatType(type)} (${type.types.length} elements)`, `${value.length} elements`);
      return first(type.types, (t, i) => inner(t, value[i], `[${i}]`));
    }
    case "record": {
      if (typeof value !== "object" || value === null) return wrong("a record (object)");
      return first(type.fields, (field) => {
        const name = toCamelCase(field.name);
        return inner(field.type, ownField(value, name), `.${name}`);
      });
    }
    case "flags": {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== "object") return wrong("flags (object of booleans)");
      return first(type.names, (flag) => {
        const name = toCamelCase(flag);
        const set = ownField(value, name);
        if (typeof set === "boolean" || set === undefined) return undefined;
        return { path: `${path}.${name}`, expected: "a boolean or undefined", found: describe(set) };
      });
    }
    case "enum":
      return type.names.includes(value as string)
        ? undefined
        : wrong(`one of ${type.names.map((n) => `"${n}"`).join(", ")}`);
    case "option":
      if (type.type.kind !== "option")
        return value === undefined || value === null ? undefined : inner(type.type, value, "");
      break;
    default:
  }
  if (type.kind !== "variant" && type.kind !== "option" && type.kind !== "result") return wrong(formatType(type));
  const cases = casesOf(type);
  if (typeof value !== "object" || value === null) return wrong(`a ${type.kind} (object with a tag)`);
  const { tag, val } = value as { tag?: unknown; val?: unknown };
  const found = cases.find(({ name }) => name === tag);
  if (found === undefined) {
    return {
      path: `${path}.tag`,
      expected: `one of ${cases.map(({ name }) => `"${name}"`).join(", ")}`,
      found: describe(tag),
    };
  }
  return found.type === undefined ? undefined : inner(found.type, val, ".val");
}

function first<T>(items: readonly T[], test: (item: T, index: number) => Mismatch | undefined): Mismatch | undefined {
  for (const [index, item] of items.entries()) {
    const mismatch = test(item, index);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

function explainInteger(
  kind: IntegerKind,
  value: unknown,
  wrong: (expected: string) => Mismatch,
): Mismatch | undefined {
  const [low, high] = ranges[kind];
  const big = kind === "u64" || kind === "s64";
  const article = kind.startsWith("u") ? "a" : "an";
  const expected = `${article} ${kind} (${big ? "bigint" : "integer"} from ${low} to ${high})`;
  if (big ? typeof value !== "bigint" : !Number.isInteger(value)) return wrong(expected);
  const number = BigInt(value as number | bigint);
  return number < low || number > high ? wrong(expected) : undefined;
}
