/**
 * Lifting in the guest: values out of memory and out of flat parameters, as AssemblyScript text.
 *
 * Follows design/mvp/CanonicalABI.md, "Loading" and "Flat Lifting"; the guest trusts what the host has checked. What is
 * lifted is copied to the collector's heap, and its blocks are freed.
 */
import type { FlatType } from "../../../host/model/facts.ts";
import { discriminantSize, layoutOf, payloadOffset, sequence } from "../../../host/model/layout.ts";
import { casesOf } from "../../../host/model/cases.ts";
import type { ValueType } from "../../../host/model/types.ts";
import { AbiBase, endOf, numbers, type Of, tableOf, takeBack } from "./abi-base.ts";
import { variantMembers } from "./declarations.ts";
import type { AssemblyWriter } from "./writer.ts";

export class AbiLifter extends AbiBase {
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
      case "stream":
      case "future":
        return `${endOf(type, this.types)}(load<i32>(${at}))`;
      case "error-context":
        return `own<${this.text(type)}>(load<i32>(${at}))`;
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
    writer: AssemblyWriter,
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
      case "stream":
      case "future":
        return `${endOf(type, this.types)}(${first})`;
      case "error-context":
        return `own<${this.text(type)}>(${first})`;
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
}

/** A payload's flat value out of the wider one it shares with other cases. */
function narrow(name: string, have: FlatType, want: FlatType): string {
  if (have === want) return name;
  if (have === "i32") return `reinterpret<f32>(${name})`;
  if (want === "i32") return `(<i32>${name})`;
  return want === "f32" ? `reinterpret<f32>(<i32>${name})` : `reinterpret<f64>(${name})`;
}
