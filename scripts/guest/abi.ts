/**
 * The canonical ABI on the guest's side, as AssemblyScript text: values out of and into memory, and out of and into
 * flat parameters.
 *
 * Each compound type gets functions of its own, made when first asked for. Follows
 * design/mvp/CanonicalABI.md, "Loading", "Storing", "Flat Lifting" and "Flat Lowering"; the guest trusts what the host
 * has checked. What is lifted is copied and its blocks are freed; what is lowered stays where it is when AssemblyScript's
 * own form is the canonical one, so the collector must find it until it has been read.
 */
import { casesOf, discriminantSize, type FlatType, layoutOf, payloadOffset, sequence } from "../../host/abi/layout.ts";
import type { ValueType } from "../../host/model/types.ts";
import { fieldNames, variantMembers } from "./declarations.ts";
import { Namer } from "./names.ts";
import { anyPart } from "./parts.ts";
import type { FileScope, TypeText } from "./types.ts";
import { type GuestResource, tagMembers } from "./world.ts";
import { Writer } from "./writer.ts";

type Of<K extends ValueType["kind"]> = Extract<ValueType, { kind: K }>;

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

/** Whether lowering leaves pointers to memory that must live until the host has read it. */
export function hasPointer(type: ValueType | undefined): boolean {
  return anyPart(type, (part) => {
    return part.kind === "string" || part.kind === "map" || (part.kind === "list" && part.length === undefined);
  });
}

export class AbiEmitter {
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
  private helper(purpose: string, type: ValueType, make: (name: string, writer: Writer) => void): string {
    const key = `${purpose} ${this.types.key(type)}`;
    let name = this.functions.get(key);
    if (name === undefined) {
      const word = "fields" in type || "cases" in type ? this.types.named(type).name : type.kind;
      name = this.names.unique(`${purpose}_${word}_${this.functions.size}`);
      this.functions.set(key, name);
      const writer = new Writer();
      make(name, writer);
      this.texts.push(writer.toString());
    }
    return name;
  }

  // Loading

  /** The value of a type at an address, as an expression. */
  load(type: ValueType, pointer: string, offset = 0): string {
    const at = offset === 0 ? pointer : `${pointer}, ${offset}`;
    const address = offset === 0 ? pointer : `${pointer} + ${offset}`;
    switch (type.kind) {
      case "bool":
        return `load<u8>(${at}) != 0`;
      case "enum":
        return `<${this.text(type)}>load<u${discriminantSize(type.names.length) * 8}>(${at})`;
      case "flags":
        return `<${this.text(type)}>load<u${layoutOf(type).size * 8}>(${at})`;
      case "string":
        return `liftString(load<usize>(${at}), load<i32>(${pointer}, ${offset + 4}))`;
      case "map":
        return `${this.liftMap(type)}(load<usize>(${at}), load<i32>(${pointer}, ${offset + 4}))`;
      case "list":
        if (type.length !== undefined) return `${this.loadCompound(type)}(${address})`;
        return `${this.liftList(type)}(load<usize>(${at}), load<i32>(${pointer}, ${offset + 4}))`;
      case "own":
      case "borrow":
        return this.liftHandle(type, `load<i32>(${at})`);
      case "record":
      case "tuple":
      case "variant":
      case "option":
      case "result":
        return `${this.loadCompound(type)}(${address})`;
      default:
        return `load<${numbers[type.kind]!}>(${at})`;
    }
  }

  private loadCompound(type: Of<"record" | "tuple" | "variant" | "option" | "result" | "list">): string {
    return this.helper("load", type, (name, writer) => {
      writer.write(`function ${name}(p: usize): ${this.text(type)} {`);
      if (type.kind === "list") {
        const { size } = layoutOf(type.element);
        const length = type.length!;
        writer.write(`const list = new StaticArray<${this.text(type.element)}>(${length});`);
        writer.write(`for (let i = 0; i < ${length}; i++, p += ${size}) {`);
        writer
          .write(`list[i] = ${this.load(type.element, "p")};`)
          .write("}")
          .write("return list;");
      } else if (type.kind === "record" || type.kind === "tuple") {
        const members = type.kind === "record" ? type.fields.map((field) => field.type) : type.types;
        const { offsets } = sequence(members);
        writer.write(`return new ${this.text(type)}(`);
        members.forEach((member, i) => writer.write(`  ${this.load(member, "p", offsets[i])},`));
        writer.write(");");
      } else {
        const cases = casesOf(type);
        const offset = payloadOffset(cases);
        const tag = `load<u${discriminantSize(cases.length) * 8}>(p)`;
        this.choose(writer, type, tag, (payload) => this.load(payload, "p", offset));
      }
      writer.write("}");
    });
  }

  /** Returns the case that a discriminant tells, with its payload. */
  private choose(
    writer: Writer,
    type: Of<"variant" | "option" | "result">,
    tag: string,
    payload: (type: ValueType) => string,
  ): void {
    const cases = casesOf(type);
    writer.write(`switch (${tag}) {`);
    cases.forEach((one, i) => {
      const value = one.type === undefined ? undefined : payload(one.type);
      // The host has checked the discriminant, so the last case needs no test.
      const head = i === cases.length - 1 ? "default:" : `case ${i}:`;
      writer.write(`${head} return ${this.construct(type, i, value)};`);
    });
    writer.write("}");
  }

  private construct(type: Of<"variant" | "option" | "result">, index: number, value: string | undefined): string {
    if (type.kind === "variant") {
      return `${this.text(type)}.${variantMembers(type)[index]!.make}(${value ?? ""})`;
    }
    if (type.kind === "option") {
      if (this.types.isNullable(type)) return value ?? "null";
      const option = this.scope.runtime("Option");
      const inner = this.text(type.type);
      return value === undefined ? `${option}.none<${inner}>()` : `${option}.some<${inner}>(${value})`;
    }
    const [ok, err] = [type.ok, type.err].map((one) =>
      one === undefined ? this.scope.runtime("Unit") : this.text(one),
    );
    return `${this.scope.runtime(index === 0 ? "ok" : "err")}<${ok}, ${err}>(${value ?? ""})`;
  }

  private liftList(type: Of<"list">): string {
    const { element } = type;
    if (element.kind === "u8") return "liftBytes";
    const plain = numbers[element.kind];
    if (plain !== undefined) return `liftNumbers<${plain}>`;
    return this.helper("lift", type, (name, writer) => {
      const text = this.text(element);
      writer.write(`function ${name}(pointer: usize, length: i32): ${this.text(type)} {`);
      writer.write(`const list = new Array<${text}>(length);`);
      writer.write(`for (let i = 0, p = pointer; i < length; i++, p += ${layoutOf(element).size}) {`);
      writer.write(`unchecked(list[i] = ${this.load(element, "p")});`).write("}");
      writer.write("if (length != 0) heap.free(pointer);").write("return list;").write("}");
    });
  }

  private liftMap(type: Of<"map">): string {
    return this.helper("lift", type, (name, writer) => {
      const entry = sequence([type.key, type.value]);
      writer.write(`function ${name}(pointer: usize, length: i32): ${this.text(type)} {`);
      writer.write(`const map = new ${this.text(type)}();`);
      writer.write(`for (let i = 0, p = pointer; i < length; i++, p += ${entry.size}) {`);
      // The key first: lifting frees blocks and allocates, and its order is that of the memory.
      writer.write(`const key = ${this.load(type.key, "p")};`);
      writer.write(`map.set(key, ${this.load(type.value, "p", entry.offsets[1])});`).write("}");
      writer.write("if (length != 0) heap.free(pointer);").write("return map;").write("}");
    });
  }

  private liftHandle(type: Of<"own" | "borrow">, handle: string): string {
    const resource = this.types.resource(type);
    const text = this.scope.name(resource, resource.name);
    if (resource.origin === "imported") return `${type.kind}<${text}>(${handle})`;
    return type.kind === "own" ? `${takeBack(resource)}(${handle})` : `${tableOf(resource)}.get(${handle})`;
  }

  // Flat lifting

  /** The value of flat parameters, as an expression. */
  lift(type: ValueType, flats: readonly string[]): string {
    const [first = "", second = ""] = flats;
    switch (type.kind) {
      case "bool":
        return `${first} != 0`;
      case "enum":
      case "flags":
        return `<${this.text(type)}>${first}`;
      case "string":
        return `liftString(<usize>${first}, ${second})`;
      case "map":
        return `${this.liftMap(type)}(<usize>${first}, ${second})`;
      case "own":
      case "borrow":
        return this.liftHandle(type, first);
      case "list":
        if (type.length === undefined) return `${this.liftList(type)}(<usize>${first}, ${second})`;
        return `${this.liftCompound(type)}(${flats.join(", ")})`;
      case "record":
      case "tuple":
      case "variant":
      case "option":
      case "result":
        return `${this.liftCompound(type)}(${flats.join(", ")})`;
      case "s64":
      case "f32":
      case "f64":
      case "s32":
        return first;
      default:
        return `<${numbers[type.kind]!}>${first}`;
    }
  }

  private liftCompound(type: Of<"record" | "tuple" | "variant" | "option" | "result" | "list">): string {
    return this.helper("flat", type, (name, writer) => {
      const { flat } = layoutOf(type);
      const names = flat.map((_, i) => `f${i}`);
      const params = names.map((param, i) => `${param}: ${flat[i]}`);
      writer.write(`function ${name}(${params.join(", ")}): ${this.text(type)} {`);
      if (type.kind === "list") {
        const text = this.text(type.element);
        const width = layoutOf(type.element).flat.length;
        writer.write(`const list = new StaticArray<${text}>(${type.length});`);
        for (let i = 0; i < type.length!; i++) {
          writer.write(`list[${i}] = ${this.lift(type.element, names.slice(i * width, (i + 1) * width))};`);
        }
        writer.write("return list;");
      } else if (type.kind === "record" || type.kind === "tuple") {
        const members = type.kind === "record" ? type.fields.map((field) => field.type) : type.types;
        let at = 0;
        writer.write(`return new ${this.text(type)}(`);
        for (const member of members) {
          const width = layoutOf(member).flat.length;
          writer.write(`  ${this.lift(member, names.slice(at, at + width))},`);
          at += width;
        }
        writer.write(");");
      } else {
        this.choose(writer, type, "f0", (payload) => {
          const wanted = layoutOf(payload).flat;
          return this.lift(
            payload,
            wanted.map((want, i) => narrow(names[i + 1]!, flat[i + 1]!, want)),
          );
        });
      }
      writer.write("}");
    });
  }

  // Storing

  /** Writes the statements that put a value at an address. `value` must be cheap to say twice: a variable. */
  store(writer: Writer, type: ValueType, value: string, pointer: string, offset = 0): void {
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

  private storeExpression(writer: Writer, type: ValueType, value: string, pointer: string, offset: number): void {
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

  private checkLength(writer: Writer, type: Of<"list">, value: string): void {
    writer.write(`assert(${value}.length == ${type.length}, "The list must have ${type.length} elements");`);
  }

  /** A statement for each case of a value, with the expression of its payload. */
  private eachCase(
    writer: Writer,
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
    return `${newHandle(resource)}(${tableOf(resource)}.add(${value}))`;
  }

  // Flat lowering

  /** Writes the statements that take a value apart. @returns the flat values, as expressions */
  lower(writer: Writer, type: ValueType, value: string): string[] {
    switch (type.kind) {
      case "bool":
        return [`${value} ? 1 : 0`];
      case "own":
      case "borrow": {
        const handle = this.temporary();
        writer.write(`const ${handle} = ${this.lowerHandle(type, value)};`);
        return [handle];
      }
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
  private held(writer: Writer, value: string): string {
    if (/^\w+$/.test(value)) return (this.lastHeld = value);
    const name = this.temporary();
    writer.write(`const ${name} = ${value};`);
    return (this.lastHeld = name);
  }

  private lowerCases(writer: Writer, type: Of<"variant" | "option" | "result">, value: string): string[] {
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

/** A payload's flat value out of the wider one it shares with other cases. */
function narrow(name: string, have: FlatType, want: FlatType): string {
  if (have === want) return name;
  if (have === "i32") return `reinterpret<f32>(${name})`;
  if (want === "i32") return `(<i32>${name})`;
  return want === "f32" ? `reinterpret<f32>(<i32>${name})` : `reinterpret<f64>(${name})`;
}

/** The opposite of {@link narrow}. */
function widen(value: string, have: FlatType, want: FlatType): string {
  if (have === want) return value;
  if (want === "i32") return `reinterpret<i32>(${value})`;
  // The upper half is not looked at; other guests extend the sign, so this does too.
  if (have === "i32") return `<i64><i32>(${value})`;
  return have === "f32" ? `<i64><u32>reinterpret<i32>(${value})` : `reinterpret<i64>(${value})`;
}

/** The table of an exported resource's objects, in `abi.ts`. */
export function tableOf(resource: GuestResource): string {
  return `${resource.file.alias}_all${resource.name}`;
}

/** The function that makes a handle of a representation. */
export function newHandle(resource: GuestResource): string {
  return `${resource.file.alias}_new${resource.name}`;
}

/** The function that turns an owned handle into the object it stands for. */
export function takeBack(resource: GuestResource): string {
  return `${resource.file.alias}_take${resource.name}`;
}
