/**
 * What lifting and lowering share: the helper functions made so far, and the names of what stands in `abi.ts`.
 */
import type { AsyncValueType, ValueType } from "../../../host/model/types.ts";
import { Namer } from "./assembly-names.ts";
import type { FileScope, TypeText } from "./assembly-types.ts";
import type { GuestResource } from "./world.ts";
import { AssemblyWriter } from "./writer.ts";

export type Of<K extends ValueType["kind"]> = Extract<ValueType, { kind: K }>;

/** Element types whose arrays AssemblyScript lays out as the canonical ABI does. */
export const numbers: Readonly<Record<string, string>> = {
  bool: "bool",
  s8: "i8",
  u8: "u8",
  s16: "i16",
  u16: "u16",
  s32: "i32",
  u32: "u32",
  s64: "i64",
  u64: "u64",
  f32: "f32",
  f64: "f64",
  char: "u32",
};

export class AbiBase {
  readonly types: TypeText;
  readonly scope: FileScope;
  private readonly functions = new Map<string, string>();
  private readonly names = new Namer();
  private readonly texts: string[] = [];
  private temporaries = 0;

  constructor(types: TypeText, scope: FileScope) {
    this.types = types;
    this.scope = scope;
  }

  /** All functions made so far. */
  helpers(): string {
    return this.texts.join("\n");
  }

  text(type: ValueType): string {
    return this.types.text(type, this.scope);
  }

  /** A local name that no other part of the same function has. */
  temporary(): string {
    return `_t${this.temporaries++}`;
  }

  /** The helper of a purpose and type; `make` writes its body when it does not exist yet. */
  protected helper(purpose: string, type: ValueType, make: (name: string, writer: AssemblyWriter) => void): string {
    const key = `${purpose} ${this.types.key(type)}`;
    let name = this.functions.get(key);
    if (name === undefined) {
      const word = "fields" in type || "cases" in type ? this.types.named(type).name : type.kind;
      name = this.names.unique(`${purpose}_${word}_${this.functions.size}`);
      this.functions.set(key, name);
      const writer = new AssemblyWriter();
      make(name, writer);
      this.texts.push(writer.toString());
    }
    return name;
  }
}

/** The table of an exported resource's objects, in `abi.ts`. */
export function tableOf(resource: GuestResource): string {
  return `${resource.file.alias}_all${resource.name}`;
}

/** The function that makes a handle of a representation. */
export function newHandle(resource: GuestResource): string {
  return `${resource.file.alias}_new${resource.name}`;
}

/** The same for an object; who lowers it may have it back. */
export function giveHandle(resource: GuestResource): string {
  return `${resource.file.alias}_give${resource.name}`;
}

/** The function that turns an owned handle into the object it stands for. */
export function takeBack(resource: GuestResource): string {
  return `${resource.file.alias}_take${resource.name}`;
}

/** The function that makes the readable end of a stream or future out of its handle. */
export function endOf(type: AsyncValueType, types: TypeText): string {
  return `${types.channelName(type)}_of`;
}
