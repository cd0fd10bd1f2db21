/**
 * Value types as AssemblyScript writes them.
 *
 * | WIT | AssemblyScript |
 * |---|---|
 * | integers, floats, `bool` | `i8` … `u64`, `f32`, `f64`, `bool` |
 * | `char` | `u32`, a Unicode scalar value |
 * | `string` | `string` |
 * | `list<u8>` | `Uint8Array` |
 * | other lists | `Array<T>` |
 * | `list<T, N>` | `StaticArray<T>` |
 * | `map<K, V>` | `Map<K, V>` |
 * | `tuple<A, B>` | `Tuple2<A, B>` |
 * | `option<T>` | `T \| null` when `T` is an object that cannot be null already, else `Option<T>` |
 * | `result<T, E>` | `Result<T, E>`, with `Unit` for what is missing |
 * | record, variant, resource | a class |
 * | `stream<T>`, `future<T>` | `Stream<T>`, `Future<T>`: the end that is read; `Unit` where there is no type |
 * | `error-context` | `ErrorContext` |
 * | enum, flags | an enum |
 */
import { identityOf, type NominalType } from "../../../host/model/nominal.ts";
import type { AsyncValueType, ValueType } from "../../../host/model/types.ts";
import {
  asyncNames,
  channelNames,
  type GuestFile,
  type GuestResource,
  type GuestWorld,
  type NamedType,
} from "./world.ts";

/** How a file names what another file declares; it takes note of what must be imported. */
export interface Scope {
  /** The text for a class or enum; `own` is the declared name. An exported resource is the author's own class. */
  name(of: NamedType | GuestResource, own: string): string;
  /** The text for `Option`, `Result`, `Tuple2`, … of the runtime file. */
  runtime(name: string): string;
}

/** How a value of the type is held. */
export type Holding = "number" | "object" | "nullable";

export class TypeText {
  private readonly world: GuestWorld;

  constructor(world: GuestWorld) {
    this.world = world;
  }

  /** Whether values may be given away by what is under way. */
  get waits(): boolean {
    return this.world.waits;
  }

  named(type: NominalType): NamedType {
    return this.world.named.get(identityOf(type))!;
  }

  resource(type: Extract<ValueType, { kind: "own" | "borrow" }>): GuestResource {
    return this.world.resources.get(type.resource)!;
  }

  /** Whether a variable of the type is a plain number, a reference, or a reference that may be null. */
  holding(type: ValueType): Holding {
    switch (type.kind) {
      case "option":
        return this.isNullable(type) ? "nullable" : "object";
      case "string":
      case "list":
      case "map":
      case "record":
      case "tuple":
      case "variant":
      case "result":
      case "own":
      case "borrow":
      case "stream":
      case "future":
      case "error-context":
        return "object";
      default:
        return "number";
    }
  }

  /** Whether an option is `T | null`; otherwise it is an `Option<T>`. */
  isNullable(type: Extract<ValueType, { kind: "option" }>): boolean {
    return this.holding(type.type) === "object";
  }

  text(type: ValueType | undefined, scope: Scope): string {
    if (type === undefined) return "void";
    const text = (inner: ValueType): string => this.text(inner, scope);
    const generic = (name: string, inner: readonly (ValueType | undefined)[]): string =>
      `${name}<${inner.map((one) => (one === undefined ? scope.runtime("Unit") : text(one))).join(", ")}>`;
    switch (type.kind) {
      case "bool":
      case "string":
      case "f32":
      case "f64":
        return type.kind;
      case "s8":
      case "s16":
      case "s32":
      case "s64":
        return type.kind.replace("s", "i");
      case "u8":
      case "u16":
      case "u32":
      case "u64":
        return type.kind;
      case "char":
        return "u32";
      case "list":
        if (type.length !== undefined) return generic("StaticArray", [type.element]);
        if (type.element.kind === "u8") return "Uint8Array";
        return /^[\w.]+$/.test(text(type.element)) ? `${text(type.element)}[]` : generic("Array", [type.element]);
      case "map":
        return generic("Map", [type.key, type.value]);
      case "tuple":
        return generic(scope.runtime(`Tuple${type.types.length}`), type.types);
      case "option":
        return this.isNullable(type) ? `${text(type.type)} | null` : generic(scope.runtime("Option"), [type.type]);
      case "result":
        return generic(scope.runtime("Result"), [type.ok, type.err]);
      case "record":
      case "variant":
      case "enum":
      case "flags": {
        const named = this.named(type);
        return scope.name(named, named.name);
      }
      case "own":
      case "borrow": {
        const resource = this.resource(type);
        return scope.name(resource, resource.name);
      }
      case "stream":
      case "future":
        return generic(scope.runtime(type.kind === "stream" ? "Stream" : "Future"), [type.type]);
      case "error-context":
        return scope.runtime("ErrorContext");
    }
  }

  private readonly channelKeys: string[] = [];

  /** Where the names of a stream's or future's functions and classes in `abi.ts` begin. */
  channelName(type: AsyncValueType): string {
    const key = this.key(type);
    if (!this.channelKeys.includes(key)) this.channelKeys.push(key);
    return `${type.kind}${this.channelKeys.indexOf(key)}`;
  }

  /** What two types of one key have in common: their AssemblyScript type and their form in memory. */
  key(type: ValueType | undefined): string {
    if (type === undefined) return "_";
    const all = (types: readonly (ValueType | undefined)[]): string => types.map((one) => this.key(one)).join(",");
    switch (type.kind) {
      case "list":
        return `list<${this.key(type.element)}${type.length === undefined ? "" : `;${type.length}`}>`;
      case "map":
        return `map<${all([type.key, type.value])}>`;
      case "tuple":
        return `tuple<${all(type.types)}>`;
      case "option":
        return `option<${this.key(type.type)}>`;
      case "result":
        return `result<${all([type.ok, type.err])}>`;
      case "record":
      case "variant":
      case "enum":
      case "flags": {
        const named = this.named(type);
        return `${named.file.path}/${named.name}`;
      }
      case "own":
      case "borrow": {
        const resource = this.resource(type);
        return `${type.kind}<${resource.file.path}/${resource.name}>`;
      }
      case "stream":
      case "future":
        return `${type.kind}<${this.key(type.type)}>`;
      default:
        return type.kind;
    }
  }
}

/** The file of the runtime that declares a name. */
function fileOf(name: string): string {
  if (asyncNames.includes(name)) return "async";
  return channelTypes.includes(name) ? "channels" : "tenon";
}

const channelTypes = Object.values(channelNames).flat();

/** The imports of names of the runtime from a folder. */
export function runtimeLines(names: Iterable<string>, folder: string): string[] {
  const sorted = [...names].sort();
  return ["async", "channels", "tenon"].flatMap((file) => {
    const own = sorted.filter((name) => fileOf(name) === file);
    return own.length === 0 ? [] : [`import { ${own.join(", ")} } from "${folder}/${file}";`];
  });
}

/** The import lines of one file, gathered while its text is made. */
export class FileScope implements Scope {
  private readonly file: GuestFile | undefined;
  private readonly imports = new Map<string, string>();
  private readonly runtimeNames = new Set<string>();

  /** `undefined` for the files that belong to no interface: `abi.ts` and `entry.ts`. */
  constructor(file: GuestFile | undefined) {
    this.file = file;
  }

  name(of: NamedType | GuestResource, own: string): string {
    if ("origin" in of && of.origin === "exported") {
      this.imports.set("../index", "_author");
      return of.file.namespace === undefined ? `_author.${own}` : `_author.${of.file.namespace}.${own}`;
    }
    if (of.file === this.file) return own;
    this.imports.set(`./${of.file.path}`, of.file.alias);
    return `${of.file.alias}.${own}`;
  }

  runtime(name: string): string {
    this.runtimeNames.add(name);
    return name;
  }

  /** Notes that the file uses `alias.something` of another file. */
  use(path: string, alias: string): string {
    this.imports.set(path, alias);
    return alias;
  }

  lines(): string[] {
    const lines = [...this.imports]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, alias]) => `import * as ${alias} from "${path}";`);
    return [...lines, ...runtimeLines(this.runtimeNames, ".")];
  }
}
