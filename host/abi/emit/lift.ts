/**
 * Lifting: core values or bytes in linear memory → values for the other end.
 *
 * One case a type, named as in design/mvp/CanonicalABI.md: `load` reads memory, `lift_flat` reads core values. Both
 * return an expression; statements that must come before it go to the block. Everything a guest can get wrong is a trap.
 */
import { toCamelCase } from "../../model/spelling.ts";
import type { ValueType } from "../../model/types.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence, type FlatType } from "../layout.ts";
import { casesOf, type Case } from "../../model/cases.ts";
import { key, quote, type Code } from "./code.ts";
import { elementCost } from "./cost.ts";
import { borrowArgument, type Context, type Emitter } from "./context.ts";
import { typedArrayOf } from "./numbers.ts";

/** `load`: the value of a type at the address `p`, which is aligned and in bounds. `p` is a name or a literal sum. */
export function load(emitter: Emitter, type: ValueType, p: string, context: Context): string {
  const m = context.memory;
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
      return loadString(`${m}.view.getUint32(${p}, true)`, `${m}.view.getUint32(${plus(p, 4)}, true)`, context);
    case "own":
    case "borrow":
      return liftHandle(emitter, type, `${m}.view.getInt32(${p}, true)`, context);
    case "list":
      if (type.length === undefined) {
        return `${listHelper(emitter, type, context)}(${m}.view.getInt32(${p}, true), ${m}.view.getInt32(${plus(p, 4)}, true)${borrowArgument(type)})`;
      }
      break;
    case "map":
      return `${listHelper(emitter, type, context)}(${m}.view.getInt32(${p}, true), ${m}.view.getInt32(${plus(p, 4)}, true)${borrowArgument(type)})`;
    default:
  }
  return `${loadHelper(emitter, type, context)}(${p}${borrowArgument(type)})`;
}

/** Adds a constant to an address expression. */
export function plus(p: string, offset: number): string {
  if (offset === 0) return p;
  const sum = /^(\w+) \+ (\d+)$/.exec(p);
  return sum === null ? `${p} + ${offset}` : `${sum[1]} + ${Number(sum[2]) + offset}`;
}

function loadString(pointer: string, length: string, { memory, encoding }: Context): string {
  const method = encoding === "utf8" ? "loadUtf8" : encoding === "utf16" ? "loadUtf16" : "loadLatin1OrUtf16";
  return `${memory}.${method}(${pointer}, ${length})`;
}

function liftHandle(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "own" | "borrow" }>,
  index: string,
  { component, peer }: Context,
): string {
  const resource = emitter.types.resource(type.resource);
  const rep =
    type.kind === "own"
      ? `t${component}.takeOwn(${index}, ${resource})`
      : `b.add(t${component}.get(${index}, ${resource}))`;
  if (peer === "guest") return rep;
  if (emitter.resources[resource]!.origin.kind === "host") {
    return type.kind === "own" ? `o${resource}.give(${rep})` : `o${resource}.get(${rep})`;
  }
  // A guest's resource reaches the host as an own only: imports are declared before there is a resource they could borrow.
  return `rt.wrap(${resource}, ${rep})`;
}

function loadHelper(emitter: Emitter, type: ValueType, context: Context): string {
  return emitter.helper("L", type, context, `p${borrowArgument(type)}`, (code) => {
    switch (type.kind) {
      case "record":
      case "tuple":
        code.line(`return ${loadMembers(emitter, type, context)};`);
        break;
      case "list": {
        const array = typedArrayOf(type.element);
        const { size } = layoutOf(type.element);
        const length = type.length!;
        code.line(`${context.memory}.spend(${length * elementCost(type.element)});`);
        if (array !== undefined) {
          code.line(`return new ${array}(${context.memory}.u8.buffer.slice(p, p + ${size * length}));`);
          break;
        }
        loadElements(emitter, type.element, `${length}`, context, code);
        code.line("return list;");
        break;
      }
      case "enum":
      case "variant":
      case "option":
      case "result":
        loadVariant(emitter, type, context, code);
        break;
      case "flags": {
        const { size } = layoutOf(type);
        const bits = size === 1 ? `u8[p]` : `view.getUint${size * 8}(p, true)`;
        code.line(`return ${flagsObject(type.names, `${context.memory}.${bits}`, code)};`);
        break;
      }
      default:
        throw new Error(`tenon bug: ${type.kind} has no load helper`);
    }
  });
}

function loadMembers(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "record" | "tuple" }>,
  context: Context,
): string {
  if (type.kind === "tuple") {
    const { offsets } = sequence(type.types);
    return `[${type.types.map((member, i) => load(emitter, member, plus("p", offsets[i]!), context)).join(", ")}]`;
  }
  const { offsets } = sequence(type.fields.map((field) => field.type));
  const members = type.fields.map(
    (field, i) => `${key(toCamelCase(field.name))}: ${load(emitter, field.type, plus("p", offsets[i]!), context)}`,
  );
  return `{ ${members.join(", ")} }`;
}

/** Declares `list` and fills it with `length` elements from `p` on. */
function loadElements(emitter: Emitter, element: ValueType, length: string, context: Context, code: Code): void {
  const { size } = layoutOf(element);
  code.line(`const list = [];`);
  code.block(`for (let i = 0, q = p; i < ${length}; i++, q += ${size})`, () => {
    code.line(`list.push(${load(emitter, element, "q", context)});`);
  });
}

/** The helper that lifts a list or map from a pointer and a length ("load_list_from_range"). */
function listHelper(emitter: Emitter, type: Extract<ValueType, { kind: "list" | "map" }>, context: Context): string {
  return emitter.helper("L", type, context, `a, n${borrowArgument(type)}`, (code) => {
    const element: ValueType = type.kind === "map" ? { kind: "tuple", types: [type.key, type.value] } : type.element;
    const { size, alignment } = layoutOf(element);
    code.line(`n >>>= 0;`);
    code.line(`const p = ${context.memory}.checkList(a, n, ${size}, ${alignment}, ${elementCost(element)});`);
    const array = typedArrayOf(element);
    if (array !== undefined) {
      const bytes = `${context.memory}.u8`;
      code.line(
        array === "Uint8Array"
          ? `return ${bytes}.slice(p, p + n);`
          : `return new ${array}(${bytes}.buffer.slice(p, p + n * ${size}));`,
      );
      return;
    }
    loadElements(emitter, element, "n", context, code);
    // Between guests a map stays the list of pairs it is in memory: duplicates and order are not ours to change.
    code.line(type.kind === "map" && context.peer === "host" ? "return new Map(list);" : "return list;");
  });
}

function loadVariant(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "enum" | "variant" | "option" | "result" }>,
  context: Context,
  code: Code,
): void {
  const cases: readonly Case[] =
    type.kind === "enum" ? type.names.map((name) => ({ name, type: undefined })) : casesOf(type);
  const size = discriminantSize(cases.length);
  const discriminant = size === 1 ? "u8[p]" : `view.getUint${size * 8}(p, true)`;
  const at = plus("p", payloadOffset(cases));
  code.block(`switch (${context.memory}.${discriminant})`, () => {
    cases.forEach((c, i) => {
      const payload = c.type === undefined ? undefined : load(emitter, c.type, at, context);
      code.line(`case ${i}: return ${caseValue(type, c, payload)};`);
    });
  });
  code.line(`throw rt.discriminant();`);
}

/** What a case looks like from outside. */
function caseValue(type: ValueType, { name }: Case, payload: string | undefined): string {
  if (type.kind === "enum") return quote(name);
  if (type.kind === "option" && type.type.kind !== "option") return payload ?? "undefined";
  return payload === undefined ? `{ tag: ${quote(name)} }` : `{ tag: ${quote(name)}, val: ${payload} }`;
}

function flagsObject(names: readonly string[], bits: string, code: Code): string {
  const n = code.name(bits);
  const members = names.map((name, i) => `${key(toCamelCase(name))}: (${n} & ${(1 << i) >>> 0}) !== 0`);
  return `{ ${members.join(", ")} }`;
}

/** `lift_flat`: the value of a type from its core values, each given as an expression. */
export function liftFlat(
  emitter: Emitter,
  type: ValueType,
  flat: readonly string[],
  context: Context,
  code: Code,
): string {
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
      return loadString(first, flat[1]!, context);
    case "own":
    case "borrow":
      return liftHandle(emitter, type, first, context);
    case "map":
      return `${listHelper(emitter, type, context)}(${first}, ${flat[1]}${borrowArgument(type)})`;
    case "list": {
      if (type.length === undefined)
        return `${listHelper(emitter, type, context)}(${first}, ${flat[1]}${borrowArgument(type)})`;
      const members = liftMembers(emitter, Array(type.length).fill(type.element), flat, context, code);
      const array = typedArrayOf(type.element);
      return array === undefined ? `[${members.join(", ")}]` : `${array}.of(${members.join(", ")})`;
    }
    case "tuple":
      return `[${liftMembers(emitter, type.types, flat, context, code).join(", ")}]`;
    case "record": {
      const types = type.fields.map((field) => field.type);
      const members = liftMembers(emitter, types, flat, context, code);
      return `{ ${type.fields.map((field, i) => `${key(toCamelCase(field.name))}: ${members[i]}`).join(", ")} }`;
    }
    case "flags":
      return flagsObject(type.names, first, code);
    case "enum":
    case "variant":
    case "option":
    case "result": {
      const cases: readonly Case[] =
        type.kind === "enum" ? type.names.map((name) => ({ name, type: undefined })) : casesOf(type);
      const result = code.fresh();
      code.line(`let ${result};`);
      liftCases(emitter, type, cases, flat, context, code, (c, payload) => {
        code.line(`${result} = ${caseValue(type, c, payload)};`);
      });
      return result;
    }
    default:
      throw new Error(`tenon bug: ${type.kind} cannot be lifted`);
  }
}

/** Writes a switch over the discriminant `flat[0]`, with `use` in each case. */
export function liftCases(
  emitter: Emitter,
  type: ValueType,
  cases: readonly Case[],
  flat: readonly string[],
  context: Context,
  code: Code,
  use: (c: Case, payload: string | undefined) => void,
): void {
  const joined = layoutOf(type).flat;
  code.block(`switch (${flat[0]})`, () => {
    cases.forEach((c, i) => {
      code.block(`case ${i}:`, () => {
        if (c.type === undefined) {
          use(c, undefined);
        } else {
          const wanted = layoutOf(c.type).flat;
          const payload = wanted.map((want, j) => fromJoined(flat[j + 1]!, joined[j + 1]!, want));
          use(c, liftFlat(emitter, c.type, payload, context, code));
        }
        code.line("break;");
      });
    });
    code.line("default: throw rt.discriminant();");
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
export function liftMembers(
  emitter: Emitter,
  types: readonly ValueType[],
  flat: readonly string[],
  context: Context,
  code: Code,
): string[] {
  let next = 0;
  return types.map((type) => {
    const { length } = layoutOf(type).flat;
    const value = liftFlat(emitter, type, flat.slice(next, next + length), context, code);
    next += length;
    return code.name(value);
  });
}
