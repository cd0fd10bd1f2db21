/**
 * Components that echo: for any function type, the text of a component whose core module gives back what it was given.
 *
 * Owns the text and the core code in it, which copies flat parameters to the memory layout of the result by the rules
 * of the reference (`test/reference/types.ts`). Each function exists twice: `echo-N` answers by itself and `via-N`
 * passes on to the import `f-N`, so that both directions are exercised on both sides.
 */
import type { ValueType } from "../../host/model/types.ts";
import type { StringEncoding } from "../reference/context.ts";
import {
  alignmentOf,
  alignTo,
  despecialize,
  discriminantSize,
  flagsSize,
  flatten,
  flattenPayload,
  maxFlatParams,
  payloadAlignment,
  sizeOf,
  type Core,
  type Plain,
} from "../reference/types.ts";

/** The parameters of a function, which are also its result: the type itself, or a tuple when there are several. */
export type Signature = readonly ValueType[];

/** The interface that an echo component imports. */
export const hostInterface = "test:echo/host@1.0.0";
/** Where `echo-N` leaves its flat parameters, eight bytes each. */
export const slotsAt = 1024;
/** Where its allocator begins. */
export const heapBase = 4096;

export function resultType(signature: Signature): ValueType {
  return signature.length === 1 ? signature[0]! : { kind: "tuple", types: signature };
}

/** The types that WIT must name, in the order in which they can be defined. */
export class TypeNames {
  readonly #names = new Map<ValueType, string>();
  readonly order: ValueType[] = [];

  constructor(types: readonly ValueType[]) {
    for (const type of types) this.#visit(type);
  }

  #visit(type: ValueType): void {
    const inner: readonly (ValueType | undefined)[] =
      type.kind === "list" ? [type.element]
      : type.kind === "map" ? [type.key, type.value]
      : type.kind === "tuple" ? type.types
      : type.kind === "record" ? type.fields.map((field) => field.type)
      : type.kind === "variant" ? type.cases.map((item) => item.type)
      : type.kind === "option" ? [type.type]
      : type.kind === "result" ? [type.ok, type.err]
      : []; // prettier-ignore
    for (const part of inner) if (part !== undefined) this.#visit(part);
    if (!["record", "variant", "enum", "flags"].includes(type.kind) || this.#names.has(type)) return;
    this.#names.set(type, `t${this.order.length}`);
    this.order.push(type);
  }

  nameOf(type: ValueType): string {
    return this.#names.get(type)!;
  }

  /** A type where it is used: by name, or in place. */
  use(type: ValueType | undefined): string {
    if (type === undefined) return "";
    const name = this.#names.get(type);
    return name === undefined ? this.define(type) : `$${name}`;
  }

  /** A type where it is defined. */
  define(type: ValueType): string {
    switch (type.kind) {
      case "list":
        return `(list ${this.use(type.element)}${type.length === undefined ? "" : ` ${type.length}`})`;
      case "map":
        return `(map ${this.use(type.key)} ${this.use(type.value)})`;
      case "tuple":
        return `(tuple ${type.types.map((item) => this.use(item)).join(" ")})`;
      case "option":
        return `(option ${this.use(type.type)})`;
      case "result":
        return `(result ${this.use(type.ok)}${type.err === undefined ? "" : ` (error ${this.use(type.err)})`})`;
      case "record":
        return `(record ${type.fields.map((field) => `(field "${field.name}" ${this.use(field.type)})`).join(" ")})`;
      case "variant":
        return `(variant ${type.cases.map((item) => `(case "${item.name}" ${this.use(item.type)})`).join(" ")})`;
      case "enum":
      case "flags":
        return `(${type.kind} ${type.names.map((name) => `"${name}"`).join(" ")})`;
      default:
        return type.kind;
    }
  }

  /** The signature of a function, without its name. */
  signature(signature: Signature): string {
    const params = signature.map((type, index) => `(param "p${index}" ${this.use(type)})`);
    return `${params.join(" ")} (result ${this.use(resultType(signature))})`;
  }
}

/** The text of an echo component. */
export function echoText(signatures: readonly Signature[], encoding: StringEncoding): string {
  const names = new TypeNames(signatures.flat());
  const options = `(memory (core memory $memory)) (realloc (core func $realloc)) string-encoding=${encoding}`;
  const lines = [
    "(component",
    `(import "${hostInterface}" (instance $host`,
    ...names.order.flatMap((type) => [
      `(type $d-${names.nameOf(type)} ${names.define(type)})`,
      `(export "${names.nameOf(type)}" (type $${names.nameOf(type)} (eq $d-${names.nameOf(type)})))`,
    ]),
    ...signatures.map((signature, index) => `(export "f${index}" (func ${names.signature(signature)}))`),
    "))",
    ...names.order.map((type) => `(alias export $host "${names.nameOf(type)}" (type $${names.nameOf(type)}))`),
    libcText,
    "(core instance $libc (instantiate $libc))",
    '(alias core export $libc "memory" (core memory $memory))',
    '(alias core export $libc "realloc" (core func $realloc))',
    ...signatures.map((_, index) => `(core func $lower${index} (canon lower (func $host "f${index}") ${options}))`),
    mainText(signatures),
    '(core instance $main (instantiate $main (with "libc" (instance $libc)) (with "host" (instance',
    ...signatures.map((_, index) => `(export "f${index}" (func $lower${index}))`),
    "))))",
    ...signatures.flatMap((signature, index) =>
      ["echo", "via"].map(
        (kind) =>
          `(func (export "${kind}-n${index}") ${names.signature(signature)} (canon lift (core func $main "${kind}${index}") ` +
          `${options} (post-return (core func $main "post-${coreResult(signature)}"))))`,
      ),
    ),
    ")",
  ];
  return lines.join("\n");
}

/** The text of a component that exports the interface itself: `f-N` echoes, and no host is needed. */
function providerText(signatures: readonly Signature[], encoding: StringEncoding): string {
  const names = new TypeNames(signatures.flat());
  const options = `(memory (core memory $memory)) (realloc (core func $realloc)) string-encoding=${encoding}`;
  return [
    "(component $A",
    ...names.order.flatMap((type) => [
      `(type $d-${names.nameOf(type)} ${names.define(type)})`,
      `(export $${names.nameOf(type)} "${names.nameOf(type)}" (type $d-${names.nameOf(type)}))`,
    ]),
    libcText,
    "(core instance $libc (instantiate $libc))",
    '(alias core export $libc "memory" (core memory $memory))',
    '(alias core export $libc "realloc" (core func $realloc))',
    mainText(signatures, false),
    '(core instance $main (instantiate $main (with "libc" (instance $libc))))',
    ...signatures.map(
      (signature, index) =>
        `(func (export "f${index}") ${names.signature(signature)} (canon lift (core func $main "echo${index}") ` +
        `${options} (post-return (core func $main "post-${coreResult(signature)}"))))`,
    ),
    ")",
  ].join("\n");
}

/** Two components, each with a string encoding of its own: `via-N` of the outer one goes through both. */
export function linkedText(signatures: readonly Signature[], caller: StringEncoding, callee: StringEncoding): string {
  const names = new TypeNames(signatures.flat());
  return [
    "(component",
    providerText(signatures, callee),
    echoText(signatures, caller).replace("(component", "(component $B"),
    "(instance $a (instantiate $A))",
    `(instance $b (instantiate $B (with "${hostInterface}" (instance $a))))`,
    ...names.order.flatMap((type) => [
      `(type $d-${names.nameOf(type)} ${names.define(type)})`,
      `(export $${names.nameOf(type)} "${names.nameOf(type)}" (type $d-${names.nameOf(type)}))`,
    ]),
    ...signatures.map(
      (signature, index) => `(export "via-n${index}" (func $b "via-n${index}") (func ${names.signature(signature)}))`,
    ),
    ")",
  ].join("\n");
}

/** Memory of one page to begin with, so that lowering has to grow it, and an allocator that `reset` empties. */
const libcText = `
(core module $libc
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const ${heapBase}))
  (func (export "reset") (global.set $heap (i32.const ${heapBase})))
  (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $new i32) (local $missing i32)
    (local.set $new (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $new) (local.get $size)))
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
    (memory.copy (local.get $new) (local.get $old)
      (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
    (local.get $new)))`;

export function plainParams(signature: Signature): readonly Plain[] {
  return signature.map(despecialize);
}

function coreResult(signature: Signature): Core {
  const flat = plainParams(signature).flatMap(flatten);
  return flat.length === 1 ? flat[0]! : "i32";
}

/** The core parameters of a function: flat, or one pointer when they spill. */
export function coreParams(signature: Signature): readonly Core[] {
  const flat = plainParams(signature).flatMap(flatten);
  return flat.length > maxFlatParams ? ["i32"] : flat;
}

function mainText(signatures: readonly Signature[], withImports = true): string {
  const imports = (withImports ? signatures : []).map((signature, index) => {
    const flat = plainParams(signature).flatMap(flatten);
    const params = [...coreParams(signature), ...(flat.length > 1 ? ["i32"] : [])];
    const result = flat.length > 1 ? "" : `(result ${flat[0]})`;
    return `(import "host" "f${index}" (func $f${index} (param ${params.join(" ")}) ${result}))`;
  });
  return `
(core module $main
  (import "libc" "memory" (memory 1))
  (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "libc" "reset" (func $reset))
  ${imports.join("\n  ")}
  ${(["i32", "i64", "f32", "f64"] as const)
    .map((core) => `(func (export "post-${core}") (param ${core}) (call $reset))`)
    .join("\n  ")}
  ${signatures.map((signature, index) => functionsText(signature, index, withImports)).join("\n  ")}
)`;
}

function functionsText(signature: Signature, index: number, withImports: boolean): string {
  const fields = plainParams(signature);
  const params = coreParams(signature);
  const flat = fields.flatMap(flatten);
  const area: Plain = { kind: "record", fields };
  const header = (kind: string): string =>
    `(func (export "${kind}${index}") (param ${params.join(" ")}) (result ${coreResult(signature)}) (local $area i32)`;
  const allocate =
    `(local.set $area (call $realloc (i32.const 0) (i32.const 0) ` +
    `(i32.const ${alignmentOf(area)}) (i32.const ${sizeOf(area)})))`;
  const locals = params.map((_, at) => `(local.get ${at})`);
  const remember = params.map((core, at) => `(${core}.store (i32.const ${slotsAt + 8 * at}) (local.get ${at}))`);
  let echo: readonly string[];
  // A spilled parameter block has the layout of the result; a single flat value is the result.
  if (flat.length > maxFlatParams || flat.length === 1) echo = ["(local.get 0)"];
  else echo = [allocate, ...storeFields(fields, locals, 0), "(local.get $area)"];
  const via =
    flat.length === 1
      ? [`(call $f${index} ${locals.join(" ")})`]
      : [allocate, `(call $f${index} ${locals.join(" ")} (local.get $area))`, "(local.get $area)"];
  const echoFunction = `${header("echo")} ${[...remember, ...echo].join("\n")})`;
  return withImports ? `${echoFunction}\n${header("via")} ${via.join("\n")})` : echoFunction;
}

function storeFields(fields: readonly Plain[], values: readonly string[], offset: number): readonly string[] {
  let at = offset;
  let next = 0;
  return fields.flatMap((field) => {
    at = alignTo(at, alignmentOf(field));
    const count = flatten(field).length;
    const code = storeFlat(field, values.slice(next, next + count), at);
    at += sizeOf(field);
    next += count;
    return code;
  });
}

/** Core code that writes a value, given as flat expressions, at an offset from the area. */
function storeFlat(type: Plain, values: readonly string[], offset: number): readonly string[] {
  const put = (instruction: string, value: string, at: number): string =>
    `(${instruction} offset=${at} (local.get $area) ${value})`;
  const sized = { 1: "i32.store8", 2: "i32.store16", 4: "i32.store", 8: "i64.store" } as const;
  switch (type.kind) {
    case "bool":
      return [put("i32.store8", values[0]!, offset)];
    case "int":
      return [put(sized[(type.bits / 8) as 1 | 2 | 4 | 8], values[0]!, offset)];
    case "f32":
    case "f64":
      return [put(`${type.kind}.store`, values[0]!, offset)];
    case "char":
    case "own":
    case "borrow":
      return [put("i32.store", values[0]!, offset)];
    case "flags":
      return [put(sized[flagsSize(type.count)], values[0]!, offset)];
    case "string":
      return [put("i32.store", values[0]!, offset), put("i32.store", values[1]!, offset + 4)];
    case "list": {
      if (type.length === undefined) {
        return [put("i32.store", values[0]!, offset), put("i32.store", values[1]!, offset + 4)];
      }
      return storeFields(
        Array.from({ length: type.length }, () => type.element),
        values,
        offset,
      );
    }
    case "record":
      return storeFields(type.fields, values, offset);
    case "variant": {
      const size = discriminantSize(type.cases.length);
      const at = alignTo(offset + size, payloadAlignment(type.cases));
      const slots = flattenPayload(type.cases);
      const branches = type.cases.flatMap((payload, index) => {
        if (payload === undefined) return [];
        const inner = flatten(payload).map((want, slot) => coerce(values[slot + 1]!, slots[slot]!, want));
        const code = storeFlat(payload, inner, at);
        return [`(if (i32.eq ${values[0]} (i32.const ${index})) (then ${code.join("\n")}))`];
      });
      return [put(sized[size], values[0]!, offset), ...branches];
    }
  }
}

function coerce(value: string, have: Core, want: Core): string {
  if (have === want) return value;
  if (have === "i32") return `(f32.reinterpret_i32 ${value})`;
  if (want === "i32") return `(i32.wrap_i64 ${value})`;
  if (want === "f32") return `(f32.reinterpret_i32 (i32.wrap_i64 ${value}))`;
  return `(f64.reinterpret_i64 ${value})`;
}
