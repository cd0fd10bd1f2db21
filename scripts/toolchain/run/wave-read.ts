/**
 * Values from their text form, WAVE ("WebAssembly Value Encoding"): text and a type in, the host's JavaScript value out.
 *
 * Follows the grammar of wasm-wave, the text form of component values. Of what it has no form for, a stream is written as the
 * list of its elements, or their number where they have no type, a future as its value, or as `()` where it has no type, and
 * an error-context as its message. Handles are refused by name.
 */
import { UsageError } from "../../../host/errors.ts";
import { nearestName } from "../../../host/model/nearest.ts";
import { toCamelCase } from "../../../host/model/spelling.ts";
import { formatType } from "../../../host/model/text.ts";
import type { ValueType } from "../../../host/model/types.ts";

/** The arguments in `text`, which is `(…)` or empty, for these parameters. @throws {UsageError} with the place in the text */
export function readArguments(
  text: string,
  params: readonly { readonly name: string; readonly type: ValueType }[],
): unknown[] {
  const reader = new WaveReader(text);
  const values: unknown[] = [];
  reader.open("(");
  while (!reader.closes(")")) {
    const param = params[values.length];
    if (param === undefined) throw reader.wrong(`no more than ${params.length} arguments`);
    values.push(reader.value(param.type));
    if (!reader.takes(",") && !reader.sees(")")) throw reader.wrong("`,` or `)`");
  }
  reader.end();
  // Options at the end may be left out.
  const needed = params.findLastIndex(({ type }) => type.kind !== "option") + 1;
  if (values.length < needed) {
    const { name, type } = params[values.length]!;
    throw new UsageError(`Expected an argument for \`${name}: ${formatType(type)}\`, got nothing: ${text || "()"}`);
  }
  return values;
}

/** A value by itself. @throws {UsageError} with the place in the text */
export function readValue(text: string, type: ValueType): unknown {
  const reader = new WaveReader(text);
  const value = reader.value(type);
  reader.end();
  return value;
}

const escapes: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", '"': '"', "'": "'", "\\": "\\" };

class WaveReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(type: ValueType): unknown {
    switch (type.kind) {
      case "bool":
        return this.word(["false", "true"], type) === "true";
      case "s8":
      case "u8":
      case "s16":
      case "u16":
      case "s32":
      case "u32":
        return Number(this.match(/-?\d+/y, type));
      case "s64":
      case "u64":
        return BigInt(this.match(/-?\d+/y, type));
      case "f32":
      case "f64": {
        const text = this.match(/nan\b|-?inf\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y, type);
        return Number(text.replace("inf", "Infinity"));
      }
      case "char":
        return this.quoted("'", type);
      case "string":
        return this.quoted('"', type);
      case "list":
        return this.items("[", "]", type, () => this.value(type.element));
      case "map":
        return new Map(
          this.items("[", "]", type, () => {
            this.open("(", type);
            const key = this.value(type.key);
            this.open(",", type);
            const value = this.value(type.value);
            this.open(")", type);
            return [key, value] as const;
          }),
        );
      case "tuple": {
        let index = 0;
        const values = this.items("(", ")", type, () => {
          const part = type.types[index++];
          if (part === undefined) throw this.wrong(`${type.types.length} parts`);
          return this.value(part);
        });
        if (values.length !== type.types.length) throw this.wrong(`${type.types.length} parts`);
        return values;
      }
      case "record":
        return this.record(type);
      case "flags": {
        const named = this.items("{", "}", type, () => this.word(type.names, type));
        return Object.fromEntries(type.names.map((name) => [toCamelCase(name), named.includes(name)]));
      }
      case "enum":
        return this.word(type.names, type);
      case "variant": {
        const tag = this.word(
          type.cases.map(({ name }) => name),
          type,
        );
        const payload = type.cases.find(({ name }) => name === tag)!.type;
        return payload === undefined ? { tag } : { tag, val: this.payload(payload) };
      }
      case "option":
        return this.option(type);
      case "result": {
        // The value alone stands for `ok`, where it cannot be taken for a case.
        const bare = type.ok !== undefined && !this.seesWord("ok", "err");
        if (bare) return { tag: "ok", val: this.value(type.ok) };
        const tag = this.word(["ok", "err"], type) as "ok" | "err";
        const payload = type[tag];
        return payload === undefined ? { tag } : { tag, val: this.payload(payload) };
      }
      case "stream": {
        const { type: element } = type;
        // A chunk of elements without a type is their number.
        if (element === undefined) return [Number(this.match(/\d+/y, type))].values();
        return this.items("[", "]", type, () => this.value(element));
      }
      case "future":
        if (type.type !== undefined) return this.value(type.type);
        this.open("(", type);
        return this.open(")", type);
      case "error-context":
        return { debugMessage: this.quoted('"', type) };
      default:
        throw new UsageError(`A value of type ${formatType(type)} has no text form`);
    }
  }

  private option(type: Extract<ValueType, { kind: "option" }>): unknown {
    const nested = type.type.kind === "option";
    if (this.seesWord("none")) {
      this.word(["none"], type);
      return nested ? { tag: "none" } : undefined;
    }
    // The value alone stands for `some`, where it is no option or result itself.
    const value = this.seesWord("some") ? (this.word(["some"], type), this.payload(type.type)) : this.value(type.type);
    return nested ? { tag: "some", val: value } : value;
  }

  private record(type: Extract<ValueType, { kind: "record" }>): unknown {
    const found: Record<string, unknown> = {};
    this.open("{", type);
    // Nothing but options that are left out.
    if (this.takes(":")) this.open("}", type);
    else {
      while (!this.closes("}")) {
        const name = this.word(
          type.fields.map((field) => field.name),
          type,
        );
        const key = toCamelCase(name);
        if (Object.hasOwn(found, key)) throw this.wrong(`the field ${name} once`);
        this.open(":", type);
        found[key] = this.value(type.fields.find((field) => field.name === name)!.type);
        if (!this.takes(",") && !this.sees("}")) throw this.wrong("`,` or `}`");
      }
    }
    for (const { name, type: field } of type.fields) {
      if (Object.hasOwn(found, toCamelCase(name))) continue;
      if (field.kind !== "option") throw this.wrong(`a field \`${name}: ${formatType(field)}\``);
      // Said outright: every object has a `toString` and a `constructor` of its own kind.
      found[toCamelCase(name)] = field.type.kind === "option" ? { tag: "none" } : undefined;
    }
    return found;
  }

  private payload(type: ValueType): unknown {
    this.open("(", type);
    const value = this.value(type);
    this.open(")", type);
    return value;
  }

  private items<T>(open: string, close: string, type: ValueType, item: () => T): T[] {
    const found: T[] = [];
    this.open(open, type);
    while (!this.closes(close)) {
      found.push(item());
      if (!this.takes(",") && !this.sees(close)) throw this.wrong(`\`,\` or \`${close}\``);
    }
    return found;
  }

  private quoted(mark: '"' | "'", type: ValueType): string {
    this.open(mark, type);
    let text = "";
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) throw this.wrong(`\`${mark}\``);
      this.at += 1;
      if (char === mark) return text;
      if (char !== "\\") text += char;
      else text += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text[this.at] ?? "";
    this.at += 1;
    if (letter !== "u") {
      const char = escapes[letter];
      if (char === undefined) throw this.wrong("one of \\t \\n \\r \\\" \\' \\\\ \\u{…}", -1);
      return char;
    }
    const code = /\{([0-9a-fA-F]{1,6})\}/y;
    code.lastIndex = this.at;
    const match = code.exec(this.text);
    const value = Number.parseInt(match?.[1] ?? "110000", 16);
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
      throw this.wrong("\\u{…} of a Unicode scalar value", -2);
    this.at = code.lastIndex;
    return String.fromCodePoint(value);
  }

  /** One of some names, which may be written with a percent sign. */
  private word(names: readonly string[], type: ValueType): string {
    this.space();
    const label = /%?([A-Za-z][\w-]*)/y;
    label.lastIndex = this.at;
    const name = label.exec(this.text)?.[1];
    if (name !== undefined && names.includes(name)) {
      this.at = label.lastIndex;
      return name;
    }
    const near = name === undefined ? undefined : nearestName(name, names);
    throw this.wrong(`${formatType(type)}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }

  private match(pattern: RegExp, type: ValueType): string {
    this.space();
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.text)?.[0];
    if (text === undefined) throw this.wrong(formatType(type));
    this.at = pattern.lastIndex;
    return text;
  }

  private seesWord(...words: readonly string[]): boolean {
    this.space();
    const name = /[A-Za-z][\w-]*/y;
    name.lastIndex = this.at;
    return words.includes(name.exec(this.text)?.[0] ?? "");
  }

  open(mark: string, type?: ValueType): void {
    if (!this.takes(mark)) throw this.wrong(type === undefined ? `\`${mark}\`` : `\`${mark}\` of ${formatType(type)}`);
  }

  sees(mark: string): boolean {
    this.space();
    return this.text[this.at] === mark;
  }

  takes(mark: string): boolean {
    if (!this.sees(mark)) return false;
    this.at += 1;
    return true;
  }

  closes(mark: string): boolean {
    return this.takes(mark);
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw this.wrong("nothing more");
  }

  private space(): void {
    // Comments run to the end of a line.
    const blank = /(?:\s|\/\/[^\n]*)*/y;
    blank.lastIndex = this.at;
    blank.exec(this.text);
    this.at = blank.lastIndex;
  }

  wrong(wanted: string, back = 0): UsageError {
    this.space();
    const at = this.at + back;
    const found = this.text.slice(at, at + 12);
    return new UsageError(
      `Expected ${wanted}, found ${found === "" ? "the end" : `\`${found}\``} at ${at + 1}: ${this.text}`,
    );
  }
}
