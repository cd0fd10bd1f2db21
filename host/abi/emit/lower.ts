/**
 * Lowering: values from the other end → core values or bytes in linear memory.
 *
 * One case a type, named as in design/mvp/CanonicalABI.md: `store` writes memory, `lower_flat` makes core values. The
 * value has been checked. A value with getters, or a proxy, may be another by now: each part is read once here, whatever
 * it is stays within what was allocated, and what does not fit any more is an error before the guest is called.
 */
import { toCamelCase } from "../../model/spelling.ts";
import type { ValueType } from "../../model/types.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence, type FlatType } from "../layout.ts";
import { casesOf, type Case } from "../../model/cases.ts";
import { checkExpression } from "./check.ts";
import { field, quote, type Code } from "./code.ts";
import { borrowArgument, type Context, type Emitter } from "./context.ts";
import { plus } from "./lift.ts";
import { typedArrayOf } from "./numbers.ts";

/** `store`: writes the value `v` (a name or member access) at the address `p`, which is aligned and in bounds. */
export function store(emitter: Emitter, type: ValueType, v: string, p: string, context: Context, code: Code): void {
  const m = context.memory;
  switch (type.kind) {
    case "bool":
      code.line(`${m}.u8[${p}] = ${v} ? 1 : 0;`);
      break;
    case "u8":
    case "s8":
      code.line(`${m}.u8[${p}] = ${v};`);
      break;
    case "u16":
    case "s16":
      code.line(`${m}.view.setInt16(${p}, ${v}, true);`);
      break;
    case "u32":
    case "s32":
      code.line(`${m}.view.setInt32(${p}, ${v}, true);`);
      break;
    case "u64":
    case "s64":
      code.line(`${m}.view.setBigInt64(${p}, ${v}, true);`);
      break;
    case "f32":
      code.line(`${m}.view.setFloat32(${p}, ${v}, true);`);
      break;
    case "f64":
      code.line(`${m}.view.setFloat64(${p}, ${v}, true);`);
      break;
    case "char":
      code.line(`${m}.view.setInt32(${p}, rt.codePoint(${v}), true);`);
      break;
    case "own":
    case "borrow":
      code.line(`${m}.view.setInt32(${p}, ${lowerHandle(emitter, type, v, context)}, true);`);
      break;
    case "string":
    case "list":
    case "map":
      if (type.kind !== "list" || type.length === undefined) {
        // The pointer comes first: storing what it points to may move the memory's views.
        const pointer = code.name(storeRange(emitter, type, v, context));
        code.line(`${m}.view.setInt32(${p}, ${pointer}, true);`);
        code.line(`${m}.view.setInt32(${plus(p, 4)}, ${m}.length, true);`);
        break;
      }
      storeHelperCall(emitter, type, v, p, context, code);
      break;
    default:
      storeHelperCall(emitter, type, v, p, context, code);
  }
}

function storeHelperCall(emitter: Emitter, type: ValueType, v: string, p: string, context: Context, code: Code): void {
  code.line(`${storeHelper(emitter, type, context)}(${v}, ${p}${borrowArgument(type)});`);
}

/** An expression that stores a string, list or map and gives its pointer, leaving its length in the memory's `length`. */
function storeRange(emitter: Emitter, type: ValueType, v: string, context: Context): string {
  if (type.kind !== "string") return `${listHelper(emitter, type, context)}(${v}${borrowArgument(type)})`;
  const { memory, encoding, source, realloc } = context;
  if (source !== undefined) return `rt.transcode(${memory}, ${v}, ${quote(source)}, ${quote(encoding)}, ${realloc})`;
  const method = encoding === "utf8" ? "storeUtf8" : encoding === "utf16" ? "storeUtf16" : "storeLatin1OrUtf16";
  return `${memory}.${method}(${v}, ${realloc})`;
}

function lowerHandle(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "own" | "borrow" }>,
  v: string,
  { component, peer }: Context,
): string {
  const resource = emitter.types.resource(type.resource);
  const { origin } = emitter.resources[resource]!;
  const table = `t${component}`;
  if (type.kind === "own") {
    const rep = peer === "guest" ? v : origin.kind === "host" ? `o${resource}.add(${v})` : `rt.take(${resource}, ${v})`;
    return `${table}.add(${resource}, ${rep}, true, undefined)`;
  }
  if (peer === "host" && origin.kind === "host")
    return `${table}.add(${resource}, b.keep(o${resource}, ${v}), false, b)`;
  const rep = peer === "guest" ? v : `rt.rep(${resource}, ${v})`;
  // The implementer sees the representation itself ("lower_borrow").
  return origin.kind === "guest" && origin.component === component
    ? rep
    : `${table}.add(${resource}, ${rep}, false, b)`;
}

function storeHelper(emitter: Emitter, type: ValueType, context: Context): string {
  return emitter.helper("S", type, context, `v, p${borrowArgument(type)}`, (code) => {
    switch (type.kind) {
      case "record": {
        const { offsets } = sequence(type.fields.map((field) => field.type));
        type.fields.forEach((of, i) => {
          store(emitter, of.type, field("v", toCamelCase(of.name)), plus("p", offsets[i]!), context, code);
        });
        break;
      }
      case "tuple": {
        const { offsets } = sequence(type.types);
        type.types.forEach((inner, i) => store(emitter, inner, `v[${i}]`, plus("p", offsets[i]!), context, code));
        break;
      }
      case "list":
        storeElements(emitter, type.element, "v", `${type.length}`, context, code);
        break;
      case "flags": {
        const { size } = layoutOf(type);
        const bits = flagBits(type.names, "v");
        code.line(
          size === 1
            ? `${context.memory}.u8[p] = ${bits};`
            : `${context.memory}.view.setInt${size * 8}(p, ${bits}, true);`,
        );
        break;
      }
      case "enum":
      case "variant":
      case "option":
      case "result":
        storeVariant(emitter, type, context, code);
        break;
      default:
        throw new Error(`tenon bug: ${type.kind} has no store helper`);
    }
  });
}

function storeElements(
  emitter: Emitter,
  element: ValueType,
  v: string,
  length: string,
  context: Context,
  code: Code,
): void {
  const array = typedArrayOf(element);
  if (array !== undefined) {
    // A view of exactly the allocation: whatever `v` claims its length to be, no byte beyond is written. Nothing is set
    // from an empty list, because an array may be empty by being detached or of a class that cannot be mixed.
    if (array === "Uint8Array") {
      code.line(`${context.memory}.storeBytes(${v}, p, ${length});`);
      return;
    }
    const guard = length === "n" ? "if (n !== 0) " : "";
    code.line(`${guard}new ${array}(${context.memory}.u8.buffer, p, ${length}).set(${v});`);
    return;
  }
  code.block(`for (let i = 0, q = p; i < ${length}; i++, q += ${layoutOf(element).size})`, () => {
    code.line(`const x = ${v}[i];`);
    store(emitter, element, "x", "q", context, code);
  });
}

/** The helper that stores a list or map into memory it allocates ("store_list_into_range"). */
function listHelper(emitter: Emitter, type: ValueType, context: Context): string {
  return emitter.helper("S", type, context, `v${borrowArgument(type)}`, (code) => {
    if (type.kind !== "list" && type.kind !== "map") throw new Error(`tenon bug: ${type.kind} is no list`);
    const element: ValueType = type.kind === "map" ? { kind: "tuple", types: [type.key, type.value] } : type.element;
    const { size, alignment } = layoutOf(element);
    if (type.kind === "map" && context.peer === "host") code.line("v = [...rt.entries(v)];");
    code.line(context.peer === "host" ? `const n = rt.storedLength(v, ${size});` : "const n = v.length;");
    code.line(`const p = ${context.realloc}(0, 0, ${alignment}, n * ${size});`);
    storeElements(emitter, element, "v", "n", context, code);
    code.line(`${context.memory}.length = n;`);
    code.line("return p;");
  });
}

function storeVariant(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "enum" | "variant" | "option" | "result" }>,
  context: Context,
  code: Code,
): void {
  const cases = variantCases(type);
  const size = discriminantSize(cases.length);
  const at = plus("p", payloadOffset(cases));
  const setDiscriminant = (i: number): string =>
    size === 1 ? `${context.memory}.u8[p] = ${i};` : `${context.memory}.view.setInt${size * 8}(p, ${i}, true);`;
  matchCases(type, cases, "v", context, code, (c, i, payload) => {
    code.line(setDiscriminant(i));
    if (c.type !== undefined) store(emitter, c.type, payload, at, context, code);
  });
}

function variantCases(type: Extract<ValueType, { kind: "enum" | "variant" | "option" | "result" }>): readonly Case[] {
  return type.kind === "enum" ? type.names.map((name) => ({ name, type: undefined })) : casesOf(type);
}

/** Writes the branches of "match_case": by string for an enum, by presence for an option, by tag otherwise. */
function matchCases(
  type: ValueType,
  cases: readonly Case[],
  v: string,
  { peer }: Context,
  code: Code,
  use: (c: Case, index: number, payload: string) => void,
): void {
  if (type.kind === "option" && type.type.kind !== "option") {
    code.branch(
      `${v} === undefined || ${v} === null`,
      () => use(cases[0]!, 0, v),
      () => use(cases[1]!, 1, v),
    );
    return;
  }
  code.block(`switch (${type.kind === "enum" ? v : `${v}.tag`})`, () => {
    cases.forEach((c, i) => {
      code.block(`case ${quote(c.name)}:`, () => {
        use(c, i, c.type === undefined ? v : code.name(`${v}.val`));
        code.line("break;");
      });
    });
    if (peer === "host") code.line("default: throw rt.changed();");
  });
}

function flagBits(names: readonly string[], v: string): string {
  const bits = names.map((name, i) => `(${field(v, toCamelCase(name))} ? ${1 << i} : 0)`).join(" | ");
  return `${v} === undefined || ${v} === null ? 0 : ${bits}`;
}

/**
 * Names a part of a value that will be a core value as it is. The host's values may have changed since they were checked,
 * so a part is checked again where it is read for the last time: the core function would convert it without a word.
 */
function part(emitter: Emitter, type: ValueType, expression: string, { peer }: Context, code: Code): string {
  const name = code.name(expression);
  if (peer === "host" && numbers.has(type.kind)) {
    code.line(`if (!(${checkExpression(emitter, type, name)})) throw rt.changed();`);
  }
  return name;
}

const numbers: ReadonlySet<ValueType["kind"]> = new Set([
  "u8",
  "s8",
  "u16",
  "s16",
  "u32",
  "s32",
  "u64",
  "s64",
  "f32",
  "f64",
] as const);

/** `lower_flat`: the core values of `v`, each as an expression without side effects. */
export function lowerFlat(emitter: Emitter, type: ValueType, v: string, context: Context, code: Code): string[] {
  switch (type.kind) {
    case "bool":
      return [`${v} ? 1 : 0`];
    case "char":
      return [code.name(`rt.codePoint(${v})`)];
    case "string":
    case "map":
      return lowerRange(emitter, type, v, context, code);
    case "list": {
      if (type.length === undefined) return lowerRange(emitter, type, v, context, code);
      const list = code.name(v);
      return Array.from({ length: type.length }, (_, i) =>
        lowerFlat(emitter, type.element, part(emitter, type.element, `${list}[${i}]`, context, code), context, code),
      ).flat();
    }
    case "own":
    case "borrow":
      return [code.name(lowerHandle(emitter, type, v, context))];
    case "record": {
      const record = code.name(v);
      return type.fields.flatMap((of) =>
        lowerFlat(
          emitter,
          of.type,
          part(emitter, of.type, field(record, toCamelCase(of.name)), context, code),
          context,
          code,
        ),
      );
    }
    case "tuple": {
      const tuple = code.name(v);
      return type.types.flatMap((inner, i) =>
        lowerFlat(emitter, inner, part(emitter, inner, `${tuple}[${i}]`, context, code), context, code),
      );
    }
    case "flags":
      return [code.name(flagBits(type.names, code.name(v)))];
    case "enum":
    case "variant":
    case "option":
    case "result":
      return lowerVariant(emitter, type, code.name(v), context, code);
    default:
      return [v];
  }
}

function lowerRange(emitter: Emitter, type: ValueType, v: string, context: Context, code: Code): string[] {
  const pointer = code.name(storeRange(emitter, type, v, context));
  return [pointer, code.name(`${context.memory}.length`)];
}

const zero: Record<FlatType, string> = { i32: "0", i64: "0n", f32: "0", f64: "0" };

function lowerVariant(
  emitter: Emitter,
  type: Extract<ValueType, { kind: "enum" | "variant" | "option" | "result" }>,
  v: string,
  context: Context,
  code: Code,
): string[] {
  const { flat } = layoutOf(type);
  const names = flat.map(() => code.fresh());
  code.line(`let ${names.map((name, i) => `${name} = ${zero[flat[i]!]}`).join(", ")};`);
  matchCases(type, variantCases(type), v, context, code, (c, index, payload) => {
    if (index > 0) code.line(`${names[0]} = ${index};`);
    if (c.type === undefined) return;
    const have = layoutOf(c.type).flat;
    lowerFlat(emitter, c.type, part(emitter, c.type, payload, context, code), context, code).forEach((value, i) => {
      code.line(`${names[i + 1]} = ${toJoined(value, have[i]!, flat[i + 1]!)};`);
    });
  });
  return names;
}

/** A payload's core value as the joined type that carries it. */
function toJoined(value: string, have: FlatType, want: FlatType): string {
  if (have === want) return value;
  if (want === "i32") return `rt.bitsOfF32(${value})`;
  if (have === "f64") return `rt.bitsOfF64(${value})`;
  // The specification zero-extends: the bits of an i32 are those of an unsigned number.
  return have === "f32" ? `BigInt(rt.bitsOfF32(${value}) >>> 0)` : `BigInt((${value}) >>> 0)`;
}
