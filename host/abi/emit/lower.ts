/**
 * Lowering: values from the other end → core values or bytes in linear memory.
 *
 * One case a type, named as in design/mvp/CanonicalABI.md: `store` writes memory, `lower_flat` makes core values. The
 * value has been checked. A value with getters, or a proxy, may be another by now: each part is read once here, whatever
 * it is stays within what was allocated, and what does not fit any more is an error before the guest is called.
 */
import { toCamelCase } from "../../model/spelling.ts";
import type { ValueType } from "../../model/types.ts";
import type { FlatType } from "../../model/facts.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence } from "../../model/layout.ts";
import { casesOf, type Case, type VariantLike } from "../../model/cases.ts";
import { checkExpression } from "./check.ts";
import { field, quote } from "./code.ts";
import { borrowArgument, helper, type Crossing } from "./context.ts";
import { lowerBorrow, lowerOwn, lowerPassed } from "./handles.ts";
import { plus } from "./lift.ts";
import { typedArrayOf } from "./numbers.ts";

/** `store`: writes the value `v` (a name or member access) at the address `p`, which is aligned and in bounds. */
export function store(crossing: Crossing, type: ValueType, v: string, p: string): void {
  const m = crossing.context.memory;
  switch (type.kind) {
    case "bool":
      crossing.code.line(`${m}.u8[${p}] = ${v} ? 1 : 0;`);
      break;
    case "u8":
    case "s8":
      crossing.code.line(`${m}.u8[${p}] = ${v};`);
      break;
    case "u16":
    case "s16":
      crossing.code.line(`${m}.view.setInt16(${p}, ${v}, true);`);
      break;
    case "u32":
    case "s32":
      crossing.code.line(`${m}.view.setInt32(${p}, ${v}, true);`);
      break;
    case "u64":
    case "s64":
      crossing.code.line(`${m}.view.setBigInt64(${p}, ${v}, true);`);
      break;
    case "f32":
      crossing.code.line(`${m}.view.setFloat32(${p}, ${v}, true);`);
      break;
    case "f64":
      crossing.code.line(`${m}.view.setFloat64(${p}, ${v}, true);`);
      break;
    case "char":
      crossing.code.line(`${m}.view.setInt32(${p}, rt.codePoint(${v}), true);`);
      break;
    case "own":
      crossing.code.line(`${m}.view.setInt32(${p}, ${lowerOwn(crossing, type, v)}, true);`);
      break;
    case "borrow":
      crossing.code.line(`${m}.view.setInt32(${p}, ${lowerBorrow(crossing, type, v)}, true);`);
      break;
    case "stream":
    case "future":
    case "error-context":
      crossing.code.line(`${m}.view.setInt32(${p}, ${lowerPassed(crossing, type, v)}, true);`);
      break;
    case "string":
    case "list":
    case "map":
      if (type.kind !== "list" || type.length === undefined) {
        // The pointer comes first: storing what it points to may move the memory's views.
        const pointer = crossing.code.name(storeRange(crossing, type, v));
        crossing.code.line(`${m}.view.setInt32(${p}, ${pointer}, true);`);
        crossing.code.line(`${m}.view.setInt32(${plus(p, 4)}, ${m}.length, true);`);
        break;
      }
      storeHelperCall(crossing, type, v, p);
      break;
    default:
      storeHelperCall(crossing, type, v, p);
  }
}

function storeHelperCall(crossing: Crossing, type: ValueType, v: string, p: string): void {
  crossing.code.line(`${storeHelper(crossing, type)}(${v}, ${p}${borrowArgument(type)});`);
}

/** An expression that stores a string, list or map and gives its pointer, leaving its length in the memory's `length`. */
function storeRange(crossing: Crossing, type: ValueType, v: string): string {
  if (type.kind !== "string") return `${listHelper(crossing, type)}(${v}${borrowArgument(type)})`;
  const { memory, encoding, source, realloc } = crossing.context;
  if (source !== undefined) return `rt.transcode(${memory}, ${v}, ${quote(source)}, ${quote(encoding)}, ${realloc})`;
  const method = encoding === "utf8" ? "storeUtf8" : encoding === "utf16" ? "storeUtf16" : "storeLatin1OrUtf16";
  return `${memory}.${method}(${v}, ${realloc})`;
}

function storeHelper(crossing: Crossing, type: ValueType): string {
  return helper(crossing, "S", type, `v, p${borrowArgument(type)}`, (crossing) => {
    switch (type.kind) {
      case "record": {
        const { offsets } = sequence(type.fields.map((field) => field.type));
        type.fields.forEach((of, i) => {
          store(crossing, of.type, field("v", toCamelCase(of.name)), plus("p", offsets[i]!));
        });
        break;
      }
      case "tuple": {
        const { offsets } = sequence(type.types);
        type.types.forEach((inner, i) => store(crossing, inner, `v[${i}]`, plus("p", offsets[i]!)));
        break;
      }
      case "list":
        storeElements(crossing, type.element, "v", `${type.length}`);
        break;
      case "flags": {
        const { size } = layoutOf(type);
        const bits = flagBits(type.names, "v");
        crossing.code.line(
          size === 1
            ? `${crossing.context.memory}.u8[p] = ${bits};`
            : `${crossing.context.memory}.view.setInt${size * 8}(p, ${bits}, true);`,
        );
        break;
      }
      case "enum":
      case "variant":
      case "option":
      case "result":
        storeVariant(crossing, type);
        break;
      default:
        throw new Error(`tenon bug: ${type.kind} has no store helper`);
    }
  });
}

function storeElements(crossing: Crossing, element: ValueType, v: string, length: string): void {
  const array = typedArrayOf(element);
  if (array !== undefined) {
    // A view of exactly the allocation: whatever `v` claims its length to be, no byte beyond is written. Nothing is set
    // from an empty list, because an array may be empty by being detached or of a class that cannot be mixed.
    if (array === "Uint8Array") {
      crossing.code.line(`${crossing.context.memory}.storeBytes(${v}, p, ${length});`);
      return;
    }
    const guard = length === "n" ? "if (n !== 0) " : "";
    crossing.code.line(`${guard}new ${array}(${crossing.context.memory}.u8.buffer, p, ${length}).set(${v});`);
    return;
  }
  crossing.code.block(`for (let i = 0, q = p; i < ${length}; i++, q += ${layoutOf(element).size})`, () => {
    crossing.code.line(`const x = ${v}[i];`);
    store(crossing, element, "x", "q");
  });
}

/** The helper that stores a list or map into memory it allocates ("store_list_into_range"). */
function listHelper(crossing: Crossing, type: ValueType): string {
  return helper(crossing, "S", type, `v${borrowArgument(type)}`, (crossing) => {
    if (type.kind !== "list" && type.kind !== "map") throw new Error(`tenon bug: ${type.kind} is no list`);
    const element: ValueType = type.kind === "map" ? { kind: "tuple", types: [type.key, type.value] } : type.element;
    const { size, alignment } = layoutOf(element);
    if (type.kind === "map" && crossing.context.peer === "host") crossing.code.line("v = [...rt.entries(v)];");
    crossing.code.line(
      crossing.context.peer === "host" ? `const n = rt.storedLength(v, ${size});` : "const n = v.length;",
    );
    crossing.code.line(`const p = ${crossing.context.realloc}(0, 0, ${alignment}, n * ${size});`);
    storeElements(crossing, element, "v", "n");
    crossing.code.line(`${crossing.context.memory}.length = n;`);
    crossing.code.line("return p;");
  });
}

function storeVariant(crossing: Crossing, type: VariantLike): void {
  const cases = casesOf(type);
  const size = discriminantSize(cases.length);
  const at = plus("p", payloadOffset(cases));
  const setDiscriminant = (i: number): string =>
    size === 1
      ? `${crossing.context.memory}.u8[p] = ${i};`
      : `${crossing.context.memory}.view.setInt${size * 8}(p, ${i}, true);`;
  matchCases(crossing, type, "v", (c, i, payload) => {
    crossing.code.line(setDiscriminant(i));
    if (c.type !== undefined) store(crossing, c.type, payload, at);
  });
}

/** Writes the branches of "match_case": by string for an enum, by presence for an option, by tag otherwise. */
function matchCases(
  crossing: Crossing,
  type: VariantLike,
  v: string,
  use: (c: Case, index: number, payload: string) => void,
): void {
  const cases = casesOf(type);
  if (type.kind === "option" && type.type.kind !== "option") {
    crossing.code.branch(
      `${v} === undefined || ${v} === null`,
      () => use(cases[0]!, 0, v),
      () => use(cases[1]!, 1, v),
    );
    return;
  }
  crossing.code.block(`switch (${type.kind === "enum" ? v : `${v}.tag`})`, () => {
    cases.forEach((c, i) => {
      crossing.code.block(`case ${quote(c.name)}:`, () => {
        use(c, i, c.type === undefined ? v : crossing.code.name(`${v}.val`));
        crossing.code.line("break;");
      });
    });
    if (crossing.context.peer === "host") crossing.code.line("default: throw rt.changed();");
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
function part(crossing: Crossing, type: ValueType, expression: string): string {
  const name = crossing.code.name(expression);
  if (crossing.context.peer === "host" && numbers.has(type.kind)) {
    crossing.code.line(`if (!(${checkExpression(crossing.emitter, type, name)})) throw rt.changed();`);
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
export function lowerFlat(crossing: Crossing, type: ValueType, v: string): string[] {
  switch (type.kind) {
    case "bool":
      return [`${v} ? 1 : 0`];
    case "char":
      return [crossing.code.name(`rt.codePoint(${v})`)];
    case "string":
    case "map":
      return lowerRange(crossing, type, v);
    case "list": {
      if (type.length === undefined) return lowerRange(crossing, type, v);
      const list = crossing.code.name(v);
      return Array.from({ length: type.length }, (_, i) =>
        lowerFlat(crossing, type.element, part(crossing, type.element, `${list}[${i}]`)),
      ).flat();
    }
    case "own":
      return [crossing.code.name(lowerOwn(crossing, type, v))];
    case "borrow":
      return [crossing.code.name(lowerBorrow(crossing, type, v))];
    case "stream":
    case "future":
    case "error-context":
      return [crossing.code.name(lowerPassed(crossing, type, v))];
    case "record": {
      const record = crossing.code.name(v);
      return type.fields.flatMap((of) =>
        lowerFlat(crossing, of.type, part(crossing, of.type, field(record, toCamelCase(of.name)))),
      );
    }
    case "tuple": {
      const tuple = crossing.code.name(v);
      return type.types.flatMap((inner, i) => lowerFlat(crossing, inner, part(crossing, inner, `${tuple}[${i}]`)));
    }
    case "flags":
      return [crossing.code.name(flagBits(type.names, crossing.code.name(v)))];
    case "enum":
    case "variant":
    case "option":
    case "result":
      return lowerVariant(crossing, type, crossing.code.name(v));
    default:
      return [v];
  }
}

function lowerRange(crossing: Crossing, type: ValueType, v: string): string[] {
  const pointer = crossing.code.name(storeRange(crossing, type, v));
  return [pointer, crossing.code.name(`${crossing.context.memory}.length`)];
}

const zero: Record<FlatType, string> = { i32: "0", i64: "0n", f32: "0", f64: "0" };

function lowerVariant(crossing: Crossing, type: VariantLike, v: string): string[] {
  const { flat } = layoutOf(type);
  const names = flat.map(() => crossing.code.fresh());
  crossing.code.line(`let ${names.map((name, i) => `${name} = ${zero[flat[i]!]}`).join(", ")};`);
  matchCases(crossing, type, v, (c, index, payload) => {
    if (index > 0) crossing.code.line(`${names[0]} = ${index};`);
    if (c.type === undefined) return;
    const have = layoutOf(c.type).flat;
    lowerFlat(crossing, c.type, part(crossing, c.type, payload)).forEach((value, i) => {
      crossing.code.line(`${names[i + 1]} = ${toJoined(value, have[i]!, flat[i + 1]!)};`);
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
