/**
 * Lifting: core values or bytes in linear memory → values for the other end.
 *
 * One case a type, named as in design/mvp/CanonicalABI.md: `load` reads memory, `lift_flat` reads core values. Both
 * return an expression; statements that must come before it go to the block. Everything a guest can get wrong is a trap.
 */
import { toCamelCase } from "../../model/spelling.ts";
import type { ValueType } from "../../model/types.ts";
import type { FlatType } from "../../model/facts.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence } from "../../model/layout.ts";
import { casesOf, type Case, type VariantLike } from "../../model/cases.ts";
import { key, quote } from "./code.ts";
import { elementCost } from "./cost.ts";
import { borrowArgument, helper, type Crossing } from "./context.ts";
import { liftBorrow, liftOwn, liftPassed } from "./handles.ts";
import { typedArrayOf } from "./numbers.ts";

type RangeType = Extract<ValueType, { kind: "list" | "map" }>;

/** `load`: the value of a type at the address `p`, which is aligned and in bounds. `p` is a name or a literal sum. */
export function load(crossing: Crossing, type: ValueType, p: string): string {
  const m = crossing.context.memory;
  switch (type.kind) {
    case "bool":
      return `${m}.u8[${p}] !== 0`;
    case "u8":
      return `${m}.u8[${p}]`;
    case "s8":
      return `${m}.view.getInt8(${p})`;
    case "u16":
      return `${m}.view.getUint16(${p}, true)`;
    case "s16":
      return `${m}.view.getInt16(${p}, true)`;
    case "u32":
      return `${m}.view.getUint32(${p}, true)`;
    case "s32":
      return `${m}.view.getInt32(${p}, true)`;
    case "u64":
      return `${m}.view.getBigUint64(${p}, true)`;
    case "s64":
      return `${m}.view.getBigInt64(${p}, true)`;
    case "f32":
      return `${m}.view.getFloat32(${p}, true)`;
    case "f64":
      return `${m}.view.getFloat64(${p}, true)`;
    case "char":
      return `rt.char(${m}.view.getUint32(${p}, true))`;
    case "string":
      return loadString(crossing, `${m}.view.getUint32(${p}, true)`, `${m}.view.getUint32(${plus(p, 4)}, true)`);
    case "own":
      return liftOwn(crossing, type, `${m}.view.getInt32(${p}, true)`);
    case "borrow":
      return liftBorrow(crossing, type, `${m}.view.getInt32(${p}, true)`);
    case "stream":
    case "future":
    case "error-context":
      return liftPassed(crossing, type, `${m}.view.getInt32(${p}, true)`);
    case "list":
      if (type.length === undefined) {
        return loadRange(crossing, type, `${m}.view.getInt32(${p}, true)`, `${m}.view.getInt32(${plus(p, 4)}, true)`);
      }
      break;
    case "map":
      return loadRange(crossing, type, `${m}.view.getInt32(${p}, true)`, `${m}.view.getInt32(${plus(p, 4)}, true)`);
    default:
  }
  return `${loadHelper(crossing, type)}(${p}${borrowArgument(type)})`;
}

/** Adds a constant to an address expression. */
export function plus(p: string, offset: number): string {
  if (offset === 0) return p;
  const sum = /^(\w+) \+ (\d+)$/.exec(p);
  return sum === null ? `${p} + ${offset}` : `${sum[1]} + ${Number(sum[2]) + offset}`;
}

function loadString({ context: { memory, encoding } }: Crossing, pointer: string, length: string): string {
  const method = encoding === "utf8" ? "loadUtf8" : encoding === "utf16" ? "loadUtf16" : "loadLatin1OrUtf16";
  return `${memory}.${method}(${pointer}, ${length})`;
}

function loadHelper(crossing: Crossing, type: ValueType): string {
  return helper(crossing, "L", type, `p${borrowArgument(type)}`, (crossing) => {
    switch (type.kind) {
      case "record":
      case "tuple":
        crossing.code.line(`return ${loadMembers(crossing, type)};`);
        break;
      case "list": {
        const array = typedArrayOf(type.element);
        const { size } = layoutOf(type.element);
        const length = type.length!;
        crossing.code.line(`${crossing.context.memory}.spend(${length * elementCost(type.element)});`);
        if (array !== undefined) {
          crossing.code.line(
            `return new ${array}(${crossing.context.memory}.u8.buffer.slice(p, p + ${size * length}));`,
          );
          break;
        }
        loadElements(crossing, type.element, `${length}`);
        crossing.code.line("return list;");
        break;
      }
      case "enum":
      case "variant":
      case "option":
      case "result":
        loadVariant(crossing, type);
        break;
      case "flags": {
        const { size } = layoutOf(type);
        const bits = size === 1 ? `u8[p]` : `view.getUint${size * 8}(p, true)`;
        crossing.code.line(`return ${flagsObject(crossing, type.names, `${crossing.context.memory}.${bits}`)};`);
        break;
      }
      default:
        throw new Error(`tenon bug: ${type.kind} has no load helper`);
    }
  });
}

function loadMembers(crossing: Crossing, type: Extract<ValueType, { kind: "record" | "tuple" }>): string {
  if (type.kind === "tuple") {
    const { offsets } = sequence(type.types);
    return `[${type.types.map((member, i) => load(crossing, member, plus("p", offsets[i]!))).join(", ")}]`;
  }
  const { offsets } = sequence(type.fields.map((field) => field.type));
  const members = type.fields.map(
    (field, i) => `${key(toCamelCase(field.name))}: ${load(crossing, field.type, plus("p", offsets[i]!))}`,
  );
  return `{ ${members.join(", ")} }`;
}

/** Declares `list` and fills it with `length` elements from `p` on. */
function loadElements(crossing: Crossing, element: ValueType, length: string): void {
  const { size } = layoutOf(element);
  crossing.code.line(`const list = [];`);
  crossing.code.block(`for (let i = 0, q = p; i < ${length}; i++, q += ${size})`, () => {
    if (crossing.emitter.metered) crossing.code.line(`if ((i & 1023) === 1023) ${crossing.context.memory}.look();`);
    crossing.code.line(`list.push(${load(crossing, element, "q")});`);
  });
}

/** `load_list_from_range`: a list or map from its pointer and length. */
function loadRange(crossing: Crossing, type: RangeType, pointer: string, length: string): string {
  return `${listHelper(crossing, type)}(${pointer}, ${length}${borrowArgument(type)})`;
}

/** The helper that lifts a list or map from a pointer and a length. */
function listHelper(crossing: Crossing, type: RangeType): string {
  return helper(crossing, "L", type, `a, n${borrowArgument(type)}`, (crossing) => {
    const element: ValueType = type.kind === "map" ? { kind: "tuple", types: [type.key, type.value] } : type.element;
    const { size, alignment } = layoutOf(element);
    crossing.code.line(`n >>>= 0;`);
    crossing.code.line(
      `const p = ${crossing.context.memory}.checkList(a, n, ${size}, ${alignment}, ${elementCost(element)});`,
    );
    const array = typedArrayOf(element);
    if (array !== undefined) {
      const bytes = `${crossing.context.memory}.u8`;
      crossing.code.line(
        array === "Uint8Array"
          ? `return ${bytes}.slice(p, p + n);`
          : `return new ${array}(${bytes}.buffer.slice(p, p + n * ${size}));`,
      );
      return;
    }
    loadElements(crossing, element, "n");
    // Between guests a map stays the list of pairs it is in memory: duplicates and order are not ours to change.
    crossing.code.line(
      type.kind === "map" && crossing.context.peer === "host" ? "return new Map(list);" : "return list;",
    );
  });
}

function loadVariant(crossing: Crossing, type: VariantLike): void {
  const cases = casesOf(type);
  const size = discriminantSize(cases.length);
  const discriminant = size === 1 ? "u8[p]" : `view.getUint${size * 8}(p, true)`;
  const at = plus("p", payloadOffset(cases));
  crossing.code.block(`switch (${crossing.context.memory}.${discriminant})`, () => {
    cases.forEach((c, i) => {
      const payload = c.type === undefined ? undefined : load(crossing, c.type, at);
      crossing.code.line(`case ${i}: return ${caseValue(type, c, payload)};`);
    });
  });
  crossing.code.line(`throw rt.discriminant();`);
}

/** What a case looks like from outside. */
function caseValue(type: ValueType, { name }: Case, payload: string | undefined): string {
  if (type.kind === "enum") return quote(name);
  if (type.kind === "option" && type.type.kind !== "option") return payload ?? "undefined";
  // A `result` has its `val` in both cases, as in jco's mapping: one shape of object, and what declarations of others expect.
  const val = payload ?? (type.kind === "result" ? "undefined" : undefined);
  return val === undefined ? `{ tag: ${quote(name)} }` : `{ tag: ${quote(name)}, val: ${val} }`;
}

function flagsObject(crossing: Crossing, names: readonly string[], bits: string): string {
  const n = crossing.code.name(bits);
  const members = names.map((name, i) => `${key(toCamelCase(name))}: (${n} & ${(1 << i) >>> 0}) !== 0`);
  return `{ ${members.join(", ")} }`;
}

/** `lift_flat`: the value of a type from its core values, each given as an expression. */
export function liftFlat(crossing: Crossing, type: ValueType, flat: readonly string[]): string {
  const first = flat[0]!;
  switch (type.kind) {
    case "bool":
      return `${first} !== 0`;
    case "u8":
      return `${first} & 255`;
    case "s8":
      return `${first} << 24 >> 24`;
    case "u16":
      return `${first} & 65535`;
    case "s16":
      return `${first} << 16 >> 16`;
    case "u32":
      return `${first} >>> 0`;
    case "u64":
      return `BigInt.asUintN(64, ${first})`;
    case "s32":
    case "s64":
    case "f32":
    case "f64":
      return first;
    case "char":
      return `rt.char(${first} >>> 0)`;
    case "string":
      return loadString(crossing, first, flat[1]!);
    case "own":
      return liftOwn(crossing, type, first);
    case "borrow":
      return liftBorrow(crossing, type, first);
    case "stream":
    case "future":
    case "error-context":
      return liftPassed(crossing, type, first);
    case "map":
      return loadRange(crossing, type, first, flat[1]!);
    case "list": {
      if (type.length === undefined) return loadRange(crossing, type, first, flat[1]!);
      const members = liftMembers(crossing, Array(type.length).fill(type.element), flat);
      const array = typedArrayOf(type.element);
      return array === undefined ? `[${members.join(", ")}]` : `${array}.of(${members.join(", ")})`;
    }
    case "tuple":
      return `[${liftMembers(crossing, type.types, flat).join(", ")}]`;
    case "record": {
      const types = type.fields.map((field) => field.type);
      const members = liftMembers(crossing, types, flat);
      return `{ ${type.fields.map((field, i) => `${key(toCamelCase(field.name))}: ${members[i]}`).join(", ")} }`;
    }
    case "flags":
      return flagsObject(crossing, type.names, first);
    case "enum":
    case "variant":
    case "option":
    case "result": {
      const result = crossing.code.fresh();
      crossing.code.line(`let ${result};`);
      liftCases(crossing, type, flat, (c, payload) => {
        crossing.code.line(`${result} = ${caseValue(type, c, payload)};`);
      });
      return result;
    }
  }
}

/** Writes a switch over the discriminant `flat[0]`, with `use` in each case. */
export function liftCases(
  crossing: Crossing,
  type: VariantLike,
  flat: readonly string[],
  use: (c: Case, payload: string | undefined) => void,
): void {
  const joined = layoutOf(type).flat;
  const cases = casesOf(type);
  crossing.code.block(`switch (${flat[0]})`, () => {
    cases.forEach((c, i) => {
      crossing.code.block(`case ${i}:`, () => {
        if (c.type === undefined) {
          use(c, undefined);
        } else {
          const wanted = layoutOf(c.type).flat;
          const payload = wanted.map((want, j) => fromJoined(flat[j + 1]!, joined[j + 1]!, want));
          use(c, liftFlat(crossing, c.type, payload));
        }
        crossing.code.line("break;");
      });
    });
    crossing.code.line("default: throw rt.discriminant();");
  });
}

/** A payload's core value out of the joined one that carries it ("CoerceValueIter"). */
function fromJoined(value: string, have: FlatType, want: FlatType): string {
  if (have === want) return value;
  if (have === "i32") return `rt.f32FromBits(${value})`;
  if (want === "f64") return `rt.f64FromBits(${value})`;
  const low = `Number(BigInt.asIntN(32, ${value}))`;
  return want === "f32" ? `rt.f32FromBits(${low})` : low;
}

/** Lifts several values from consecutive core values. Each is given a name, so that they are lifted in order. */
export function liftMembers(crossing: Crossing, types: readonly ValueType[], flat: readonly string[]): string[] {
  let next = 0;
  return types.map((type) => {
    const { length } = layoutOf(type).flat;
    const value = liftFlat(crossing, type, flat.slice(next, next + length));
    next += length;
    return crossing.code.name(value);
  });
}
