/**
 * Values as their text form, WAVE: the host's JavaScript value and its type in, text out that {@link readValue} takes back.
 *
 * Nothing of the value is to come: streams are arrays or numbers of units, futures their values.
 */
import { toCamelCase } from "../../../host/model/spelling.ts";
import type { ErrorContext } from "../../../host/model/async-values.ts";
import type { ValueType } from "../../../host/model/types.ts";

/** Words that begin a value of some other kind, so that a name of the WIT is told from them. */
const keywords = new Set(["true", "false", "inf", "nan", "some", "none", "ok", "err"]);

export function printValue(value: unknown, type: ValueType): string {
  switch (type.kind) {
    case "f32":
    case "f64":
      return number(value as number);
    case "char":
      return quoted(String(value), "'");
    case "string":
      return quoted(String(value), '"');
    case "list":
      return `[${Array.from(value as ArrayLike<unknown>, (item) => printValue(item, type.element)).join(", ")}]`;
    case "map":
      return `[${[...(value as Map<unknown, unknown>)].map(([key, item]) => `(${printValue(key, type.key)}, ${printValue(item, type.value)})`).join(", ")}]`;
    case "tuple":
      return `(${type.types.map((part, index) => printValue((value as unknown[])[index], part)).join(", ")})`;
    case "record": {
      const fields = type.fields.flatMap(({ name, type: field }) => {
        const member = (value as Record<string, unknown>)[toCamelCase(name)];
        const absent = field.kind === "option" && field.type.kind !== "option" && member == null;
        return absent ? [] : [`${name}: ${printValue(member, field)}`];
      });
      return fields.length === 0 ? "{:}" : `{${fields.join(", ")}}`;
    }
    case "flags":
      return `{${type.names.filter((name) => (value as Record<string, boolean>)[toCamelCase(name)]).join(", ")}}`;
    case "enum":
      return label(String(value));
    case "variant": {
      const { tag, val } = value as { tag: string; val?: unknown };
      return withPayload(label(tag), type.cases.find(({ name }) => name === tag)?.type, val);
    }
    case "option": {
      const nested = type.type.kind === "option";
      if (!nested) return value == null ? "none" : `some(${printValue(value, type.type)})`;
      const { tag, val } = value as { tag: string; val?: unknown };
      return withPayload(tag, tag === "some" ? type.type : undefined, val);
    }
    case "result": {
      const { tag, val } = value as { tag: "ok" | "err"; val?: unknown };
      return withPayload(tag, type[tag], val);
    }
    case "stream":
      return type.type === undefined
        ? String(value)
        : printValue(value, { kind: "list", element: type.type, length: undefined });
    case "future":
      return type.type === undefined ? "()" : printValue(value, type.type);
    case "error-context":
      return quoted((value as ErrorContext).debugMessage, '"');
    case "own":
    case "borrow":
      return `<${type.resource.name}>`;
    default:
      return String(value);
  }
}

/** `ok(1)`, or `ok` where there is nothing in it. */
export function withPayload(tag: string, type: ValueType | undefined, value: unknown): string {
  return type === undefined ? tag : `${tag}(${printValue(value, type)})`;
}

function label(name: string): string {
  return keywords.has(name) ? `%${name}` : name;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

function quoted(text: string, mark: string): string {
  const inner = Array.from(text, (char) => {
    if (char === "\\" || char === mark) return `\\${char}`;
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\r") return "\\r";
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char) ? `\\u{${char.codePointAt(0)!.toString(16)}}` : char;
  });
  return `${mark}${inner.join("")}${mark}`;
}
