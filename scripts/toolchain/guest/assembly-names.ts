/**
 * How WIT names are spelled in AssemblyScript, and how clashes are settled.
 *
 * Every name the generator makes up for itself starts with an underscore, which no WIT name can. A WIT name that is a
 * word of the language, or that is taken in its scope, gets a trailing underscore.
 */
import { toCamelCase, toPascalCase } from "../../../host/model/spelling.ts";

/** Words that AssemblyScript, or TypeScript in the editor, does not take as the name of a function or parameter. */
const words = new Set(
  (
    "arguments await break case catch class const constructor continue debugger default delete do else enum eval " +
    "export extends false finally for function if implements import in instanceof interface let new null of package " +
    "private protected public return static super switch this throw true try typeof undefined var void while with " +
    "yield any auto never number string boolean symbol object bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 " +
    "v128 i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 externref funcref anyref eqref i31ref structref arrayref stringref " +
    "stringviewWtf8 stringviewWtf16 stringviewIter refAny refExtern refFunc memory"
  ).split(" "),
);

/** Classes of AssemblyScript's library and of these bindings: a type of the same name would hide them. */
const classes = new Set(
  (
    "Array ArrayBuffer ArrayBufferView Atomics BigInt Boolean DataView Date Error EvalError Float32Array Float64Array " +
    "Function I8 I16 I32 I64 U8 U16 U32 U64 F32 F64 Bool Int8Array Int16Array Int32Array Int64Array IndexSizeError " +
    "Infinity Isize Iterator JSON Map Math Mathf NaN NativeMath NativeMathf Number Object RangeError Ref ReferenceError " +
    "RegExp Set StaticArray String Symbol SyntaxError TemplateStringsArray TypeError URIError Uint8Array " +
    "Uint8ClampedArray Uint16Array Uint32Array Uint64Array Usize V128 WeakMap WeakRef WeakSet Promise Proxy Reflect " +
    "ErrorContext Option Resource Result Unit Exclude Extract Omit Partial Pick Readonly Record Required Parameters ReturnType " +
    "InstanceType NonNullable IArguments CallableFunction NewableFunction PropertyDescriptor"
  ).split(" "),
);

/** Statics of a class that the language itself gives it. */
export const staticNames: readonly string[] = ["apply", "bind", "call", "caller", "length", "name", "prototype"];

/** Names given out in one scope, each once. */
export class Namer {
  private readonly taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set(taken);
  }

  /** The name, with as many underscores after it as it takes to be the only one. */
  unique(wanted: string): string {
    let name = wanted;
    while (this.taken.has(name)) name += "_";
    this.taken.add(name);
    return name;
  }
}

/** A function or method. */
export function camel(name: string): string {
  const text = toCamelCase(name);
  return words.has(text) ? `${text}_` : text;
}

/** Words that would hide a type from a whole file as a function, and do no harm as a parameter or field. */
const harmless = new Set(["any", "boolean", "never", "number", "object", "symbol"]);

/** A parameter or field, where AssemblyScript takes two words more for something else. */
export function local(name: string): string {
  const text = toCamelCase(name);
  if (harmless.has(text)) return text;
  return text === "get" || text === "set" || words.has(text) ? `${text}_` : text;
}

/** A class, an enum or a type alias. */
export function pascal(name: string): string {
  const text = toPascalCase(name);
  return classes.has(text) || /^Tuple\d+$/.test(text) ? `${text}_` : text;
}

/** A member of an enum, or a part of a longer name. */
export function pascalPart(name: string): string {
  return toPascalCase(name);
}

/** The file of an interface: `demo:log/log@0.1.0` → `demo-log-log`, or `demo-log-log-0-1-0` with its version. */
export function fileName(id: string, withVersion: boolean): string {
  const [path = "", version] = id.split("@");
  const name = path.replace(/[:/]/g, "-");
  return (
    version === undefined || !withVersion ? name : `${name}-${version.replace(/[^0-9a-z]+/gi, "-")}`
  ).toLowerCase();
}

/** A prefix no WIT name has, for what the generated code imports for itself. */
export function privateName(file: string): string {
  return `_${toCamelCase(file)}`;
}
