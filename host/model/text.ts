/**
 * Types as WIT-like text, for messages and for inspection.
 *
 * Structure is written out, except that resources appear by name. Not a WIT printer: types keep no names of their own.
 */
import type { ExternDecl, ExternType, FuncType, ValueType } from "./types.ts";

/** The text of a value type: `list<option<u8>>`, `record { x: f64, y: f64 }`. */
export function formatType(type: ValueType): string {
  switch (type.kind) {
    case "list":
      return type.length === undefined
        ? `list<${formatType(type.element)}>`
        : `list<${formatType(type.element)}, ${type.length}>`;
    case "map":
      return `map<${formatType(type.key)}, ${formatType(type.value)}>`;
    case "record":
      return block(
        "record",
        type.fields.map((field) => `${field.name}: ${formatType(field.type)}`),
      );
    case "tuple":
      return `tuple<${type.types.map(formatType).join(", ")}>`;
    case "variant":
      return block(
        "variant",
        type.cases.map(({ name, type: payload }) => (payload === undefined ? name : `${name}(${formatType(payload)})`)),
      );
    case "enum":
    case "flags":
      return block(type.kind, type.names);
    case "option":
      return `option<${formatType(type.type)}>`;
    case "result":
      if (type.ok === undefined && type.err === undefined) return "result";
      if (type.err === undefined) return `result<${formatType(type.ok!)}>`;
      return `result<${type.ok === undefined ? "_" : formatType(type.ok)}, ${formatType(type.err)}>`;
    case "own":
      return type.resource.name || "resource";
    case "borrow":
      return `borrow<${type.resource.name || "resource"}>`;
    case "stream":
    case "future":
      return type.type === undefined ? type.kind : `${type.kind}<${formatType(type.type)}>`;
    default:
      return type.kind;
  }
}

/** `func(a: u32) -> string`. */
function formatFunc(type: FuncType): string {
  const params = type.params.map((param) => `${param.name}: ${formatType(param.type)}`).join(", ");
  const result = type.result === undefined ? "" : ` -> ${formatType(type.result)}`;
  return `${type.async ? "async " : ""}func(${params})${result}`;
}

/** The text of anything a component can import or export. */
export function formatExtern(type: ExternType): string {
  switch (type.kind) {
    case "func":
      return formatFunc(type);
    case "instance":
      return block("interface", type.exports.map(formatDecl));
    case "component":
      return block("component", [
        ...type.imports.map((item) => `import ${formatDecl(item)}`),
        ...type.exports.map((item) => `export ${formatDecl(item)}`),
      ]);
    case "core-module":
      return "core module";
    case "resource-type":
      return "resource";
    case "type": {
      const { type: inner } = type;
      if (inner.kind === "func" || inner.kind === "instance" || inner.kind === "component") {
        return `type ${formatExtern(inner)}`;
      }
      return `type ${formatType(inner)}`;
    }
  }
}

/** `name: type`. */
export function formatDecl(item: ExternDecl): string {
  return `${item.name}: ${formatExtern(item.type)}`;
}

/** `keyword { item, item }` */
export function block(keyword: string, items: readonly string[]): string {
  return items.length === 0 ? `${keyword} {}` : `${keyword} { ${items.join(", ")} }`;
}
