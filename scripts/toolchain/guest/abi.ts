/**
 * The canonical ABI on the guest's side, as AssemblyScript text; this file has the lowering half.
 *
 * Each compound type gets functions of its own, made when first asked for. Follows design/mvp/CanonicalABI.md, "Storing"
 * and "Flat Lowering". What is lowered stays where it is when AssemblyScript's own form is the canonical one, so the
 * collector must find it until it has been read.
 */
import type { FlatType } from "../../../host/model/facts.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence } from "../../../host/model/layout.ts";
import { casesOf, someType } from "../../../host/model/cases.ts";
import type { ValueType } from "../../../host/model/types.ts";
import { giveHandle, newHandle, numbers, type Of, tableOf } from "./abi-base.ts";
import { AbiLifter } from "./abi-lift.ts";
import { fieldNames, variantMembers } from "./declarations.ts";
import { tagMembers } from "./world.ts";
import type { AssemblyWriter } from "./writer.ts";

/** Whether lowering leaves pointers to memory, or handles of objects, that must live until the host has read it. */
export function hasPointer(type: ValueType | undefined): boolean {
  return someType(type, (part) => {
    if (part.kind === "list") return part.length === undefined;
    return part.kind === "string" || part.kind === "map" || part.kind === "error-context";
  });
}

/** Whether lowering gives handles away, which are to be had back when nobody takes them. */
export function givesHandles(type: ValueType | undefined): boolean {
  return someType(type, ({ kind }) => kind === "own" || kind === "stream" || kind === "future");
}

export class AbiEmitter extends AbiLifter {
  // Storing

  /** Writes the statements that put a value at an address. `value` must be cheap to say twice: a variable. */
  store(writer: AssemblyWriter, type: ValueType, value: string, pointer: string, offset = 0): void {
    const at = offset === 0 ? "" : `, ${offset}`;
    const address = offset === 0 ? pointer : `${pointer} + ${offset}`;
    switch (type.kind) {
      case "bool":
        writer.write(`store<u8>(${pointer}, ${value} ? 1 : 0${at});`);
        return;
      case "enum":
      case "flags":
        writer.write(`store<u${layoutOf(type).size * 8}>(${pointer}, <u${layoutOf(type).size * 8}>${value}${at});`);
        return;
      case "string":
        writer.write(`storeString(${value}, ${address});`);
        return;
      case "own":
      case "borrow":
        writer.write(`store<i32>(${pointer}, ${this.lowerHandle(type, value)}${at});`);
        return;
      case "stream":
      case "future":
        writer.write(`store<i32>(${pointer}, ${value}._give()${at});`);
        return;
      case "error-context":
        writer.write(`store<i32>(${pointer}, handleOf(${value})${at});`);
        return;
      case "list":
      case "map":
        if (type.kind === "list" && type.length !== undefined) break;
        writer.write(`store<usize>(${pointer}, ${this.lowerList(type as Of<"map">, value)}${at});`);
        writer.write(`store<i32>(${pointer}, ${lengthOf(type, value)}, ${offset + 4});`);
        return;
      case "record":
      case "tuple":
      case "variant":
      case "option":
      case "result":
        break;
      default:
        writer.write(`store<${numbers[type.kind]!}>(${pointer}, ${value}${at});`);
        return;
    }
    writer.write(`${this.storeCompound(type)}(${value}, ${address});`);
  }

  private storeCompound(type: Of<"record" | "tuple" | "variant" | "option" | "result" | "list">): string {
    return this.helper("store", type, (name, writer) => {
      writer.write(`function ${name}(v: ${this.text(type)}, p: usize): void {`);
      if (type.kind === "list") {
        this.checkLength(writer, type, "v");
        writer.write(`for (let i = 0; i < ${type.length}; i++, p += ${layoutOf(type.element).size}) {`);
        writer.write("const e = v[i];");
        this.store(writer, type.element, "e", "p");
        writer.write("}");
      } else if (type.kind === "record" || type.kind === "tuple") {
        const fields = this.fields(type);
        const { offsets } = sequence(fields.map((field) => field.type));
        fields.forEach((field, i) => this.storeExpression(writer, field.type, `v.${field.name}`, "p", offsets[i]!));
      } else {
        const offset = payloadOffset(casesOf(type));
        const size = discriminantSize(casesOf(type).length) * 8;
        this.eachCase(writer, type, "v", (payload, value, index) => {
          writer.write(`store<u${size}>(p, ${index});`);
          if (payload !== undefined) this.storeExpression(writer, payload, value, "p", offset);
        });
      }
      writer.write("}");
    });
  }

  private storeExpression(
    writer: AssemblyWriter,
    type: ValueType,
    value: string,
    pointer: string,
    offset: number,
  ): void {
    const simple = this.types.holding(type) === "number" || type.kind === "string";
    if (simple || /^\w+$/.test(value)) return this.store(writer, type, value, pointer, offset);
    const name = this.temporary();
    writer.write(`const ${name} = ${value};`);
    this.store(writer, type, name, pointer, offset);
  }

  private fields(type: Of<"record" | "tuple">): { name: string; type: ValueType }[] {
    if (type.kind === "tuple") return type.types.map((member, i) => ({ name: `_${i}`, type: member }));
    const names = fieldNames(type);
    return type.fields.map((field, i) => ({ name: names[i]!, type: field.type }));
  }

  private checkLength(writer: AssemblyWriter, type: Of<"list">, value: string): void {
    writer.write(`assert(${value}.length == ${type.length}, "The list must have ${type.length} elements");`);
  }

  /** A statement for each case of a value, with the expression of its payload. */
  private eachCase(
    writer: AssemblyWriter,
    type: Of<"variant" | "option" | "result">,
    value: string,
    body: (payload: ValueType | undefined, value: string, index: number) => void,
  ): void {
    if (type.kind === "variant") {
      const named = this.types.named(type);
      const tag = this.scope.name(named, named.tagName);
      const members = variantMembers(type);
      const tags = tagMembers(type);
      writer.write(`switch (${value}.tag) {`);
      type.cases.forEach((one, i) => {
        writer.write(`case ${tag}.${tags[i]}: {`);
        body(one.type, `${value}.${members[i]!.as}`, i);
        writer.write("break;").write("}");
      });
      writer.write("}");
      return;
    }
    if (type.kind === "option") {
      const nullable = this.types.isNullable(type);
      writer.write(nullable ? `if (${value} !== null) {` : `if (${value}.isSome) {`);
      body(type.type, nullable ? value : `${value}.value`, 1);
      writer.write("} else {");
      body(undefined, "", 0);
      writer.write("}");
      return;
    }
    writer.write(`if (${value}.isOk) {`);
    body(type.ok, `${value}.value`, 0);
    writer.write("} else {");
    body(type.err, `${value}.error`, 1);
    writer.write("}");
  }

  /** The address of a list's elements, as an expression. */
  private lowerList(type: Of<"list" | "map">, value: string): string {
    if (type.kind === "list" && numbers[type.element.kind] !== undefined) return `${value}.dataStart`;
    return `${this.lowerListFunction(type)}(${value})`;
  }

  private lowerListFunction(type: Of<"list" | "map">): string {
    return this.helper("lower", type, (name, writer) => {
      writer.write(`function ${name}(v: ${this.text(type)}): usize {`);
      if (type.kind === "list") {
        const { size } = layoutOf(type.element);
        writer.write("const length = v.length;").write(`const pointer = block(<usize>length * ${size});`);
        writer.write(`for (let i = 0, p = pointer; i < length; i++, p += ${size}) {`).write("const e = v[i];");
        this.store(writer, type.element, "e", "p");
      } else {
        const entry = sequence([type.key, type.value]);
        writer.write("const keys = v.keys();").write(`const pointer = block(<usize>keys.length * ${entry.size});`);
        writer.write(`for (let i = 0, p = pointer; i < keys.length; i++, p += ${entry.size}) {`);
        writer.write("const k = keys[i];").write("const e = v.get(k);");
        this.store(writer, type.key, "k", "p");
        this.store(writer, type.value, "e", "p", entry.offsets[1]);
      }
      writer.write("}").write("return pointer;").write("}");
    });
  }

  private lowerHandle(type: Of<"own" | "borrow">, value: string): string {
    const resource = this.types.resource(type);
    if (resource.origin === "imported") return type.kind === "own" ? `take(${value})` : `handleOf(${value})`;
    if (this.types.waits) return `${giveHandle(resource)}(${value})`;
    return `${newHandle(resource)}(${tableOf(resource)}.add(${value}))`;
  }

  // Flat lowering

  /** Writes the statements that take a value apart. @returns the flat values, as expressions */
  lower(writer: AssemblyWriter, type: ValueType, value: string): string[] {
    switch (type.kind) {
      case "bool":
        return [`${value} ? 1 : 0`];
      case "own":
      case "borrow": {
        const handle = this.temporary();
        writer.write(`const ${handle} = ${this.lowerHandle(type, value)};`);
        return [handle];
      }
      case "stream":
      case "future": {
        const handle = this.temporary();
        writer.write(`const ${handle} = ${value}._give();`);
        return [handle];
      }
      case "error-context":
        return [`handleOf(${value})`];
      case "string":
        return [`<i32>changetype<usize>(${this.held(writer, value)})`, `${this.lastHeld}.length`];
      case "map":
        return [`<i32>${this.lowerList(type, this.held(writer, value))}`, lengthOf(type, this.lastHeld)];
      case "list": {
        if (type.length === undefined) {
          return [`<i32>${this.lowerList(type, this.held(writer, value))}`, lengthOf(type, this.lastHeld)];
        }
        const list = this.held(writer, value);
        this.checkLength(writer, type, list);
        return Array.from({ length: type.length }, (_, i) => this.lower(writer, type.element, `${list}[${i}]`)).flat();
      }
      case "record":
      case "tuple": {
        const object = this.held(writer, value);
        return this.fields(type).flatMap((field) => this.lower(writer, field.type, `${object}.${field.name}`));
      }
      case "variant":
      case "option":
      case "result":
        return this.lowerCases(writer, type, this.held(writer, value));
      case "s32":
      case "s64":
      case "f32":
      case "f64":
        return [value];
      case "u64":
        return [`<i64>${value}`];
      default:
        return [`<i32>${value}`];
    }
  }

  private lastHeld = "";

  /** The value in a variable, so that it is made once and the collector sees it. */
  private held(writer: AssemblyWriter, value: string): string {
    if (/^\w+$/.test(value)) return (this.lastHeld = value);
    const name = this.temporary();
    writer.write(`const ${name} = ${value};`);
    return (this.lastHeld = name);
  }

  private lowerCases(writer: AssemblyWriter, type: Of<"variant" | "option" | "result">, value: string): string[] {
    const { flat } = layoutOf(type);
    const names = flat.map((core) => {
      const name = this.temporary();
      writer.write(`let ${name}: ${core} = 0;`);
      return name;
    });
    this.eachCase(writer, type, value, (payload, inner, index) => {
      writer.write(`${names[0]} = ${index};`);
      if (payload === undefined) return;
      const have = layoutOf(payload).flat;
      this.lower(writer, payload, inner).forEach((text, i) => {
        writer.write(`${names[i + 1]} = ${widen(text, have[i]!, flat[i + 1]!)};`);
      });
    });
    return names;
  }
}

function lengthOf(type: ValueType, value: string): string {
  return type.kind === "map" ? `${value}.size` : `${value}.length`;
}

/** A payload's flat value in the wider one it shares with other cases. */
function widen(value: string, have: FlatType, want: FlatType): string {
  if (have === want) return value;
  if (want === "i32") return `reinterpret<i32>(${value})`;
  // The upper half is not looked at; other guests extend the sign, so this does too.
  if (have === "i32") return `<i64><i32>(${value})`;
  return have === "f32" ? `<i64><u32>reinterpret<i32>(${value})` : `reinterpret<i64>(${value})`;
}
