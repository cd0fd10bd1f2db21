/**
 * Types as WIT-like text, for messages and for inspection.
 *
 * Structure is written out, except that resources appear by name. Not a WIT printer, which `wit.ts` is: types keep no
 * names of their own.
 */
import type { ExternDecl, ExternType, FuncType, ResourceType, ValueType } from "./types.ts";

/**
 * The letters that are left for what is being written. Types share parts, and written out they grow without end: when
 * none is left, the rest is `…`.
 */
let room = 0;

/** @param count how many texts stand side by side: one may have 20,000 letters, and all together stay below 4 million */
function start(count = 1): void {
  room = 4e6 / (199 + count);
}

/** Counts the letters of a name. */
function word(name: string): string {
  room -= name.length;
  return name;
}

/** Items in a row, as far as there is room. */
function row<T>(items: readonly T[], write: (item: T) => string): string {
  let text = "";
  for (const item of items) {
    if (text !== "") text += ", ";
    if ((room -= 2) < 0) return `${text}…`;
    text += write(item);
  }
  return text;
}

/**
 * The text of a value type: `list<option<u8>>`, `record { x: f64, y: f64 }`; a very long one ends with `…`.
 * @param count how many such texts stand side by side
 */
export function formatType(type: ValueType, count?: number): string {
  start(count);
  return typeText(type);
}

function typeText(type: ValueType | ResourceType): string {
  if (type.kind === "resource") return word(type.name || "resource");
  if ((room -= 4) < 0) return "…";
  switch (type.kind) {
    case "record":
      return braces(
        "record",
        row(type.fields, (field) => `${word(field.name)}: ${typeText(field.type)}`),
      );
    case "variant":
      return braces(
        "variant",
        row(type.cases, (c) => word(c.name) + (c.type === undefined ? "" : `(${typeText(c.type)})`)),
      );
    case "enum":
    case "flags":
      return braces(type.kind, row(type.names, word));
    case "tuple":
      return `tuple<${row(type.types, typeText)}>`;
    default:
      return formatParts(type, typeText);
  }
}

/** A type in the words of WIT, its parts as they are spelled; of a record, variant, enum or flags its kind is all. */
export function formatParts(type: ValueType, spell: (part: ValueType | ResourceType) => string): string {
  switch (type.kind) {
    case "list":
      return type.length === undefined
        ? `list<${spell(type.element)}>`
        : `list<${spell(type.element)}, ${type.length}>`;
    case "map":
      return `map<${spell(type.key)}, ${spell(type.value)}>`;
    case "tuple":
      return `tuple<${type.types.map(spell).join(", ")}>`;
    case "option":
      return `option<${spell(type.type)}>`;
    case "result":
      if (type.err === undefined) return type.ok === undefined ? "result" : `result<${spell(type.ok)}>`;
      return `result<${type.ok === undefined ? "_" : spell(type.ok)}, ${spell(type.err)}>`;
    case "own":
      return spell(type.resource);
    case "borrow":
      return `borrow<${spell(type.resource)}>`;
    case "stream":
    case "future":
      return type.type === undefined ? type.kind : `${type.kind}<${spell(type.type)}>`;
    default:
      return type.kind;
  }
}

/** `func(a: u32) -> string`. */
function funcText(type: FuncType): string {
  const params = row(type.params, (param) => `${word(param.name)}: ${typeText(param.type)}`);
  const result = type.result === undefined ? "" : ` -> ${typeText(type.result)}`;
  return `${type.async ? "async " : ""}func(${params})${result}`;
}

/**
 * The text of anything a component can import or export; a very long one ends with `…`.
 * @param count how many such texts stand side by side
 */
export function formatExtern(type: ExternType, count?: number): string {
  start(count);
  return externText(type);
}

function externText(type: ExternType): string {
  switch (type.kind) {
    case "func":
      return funcText(type);
    case "instance":
      return braces("interface", row(type.exports, declText));
    case "component": {
      const imports = row(type.imports, (item) => `import ${declText(item)}`);
      const exports = row(type.exports, (item) => `export ${declText(item)}`);
      return braces("component", imports + (imports && exports && ", ") + exports);
    }
    case "core-module":
      return "core module";
    case "resource-type":
      return "resource";
    case "type": {
      const { type: inner } = type;
      if (inner.kind === "func" || inner.kind === "instance" || inner.kind === "component") {
        return `type ${externText(inner)}`;
      }
      return `type ${typeText(inner)}`;
    }
  }
}

function declText(item: ExternDecl): string {
  return `${word(item.name)}: ${externText(item.type)}`;
}

/** `name: type` of each. */
export function formatDecls(items: readonly ExternDecl[]): string[] {
  return items.map((item) => {
    start(items.length);
    return declText(item);
  });
}

/** `keyword { items }` */
function braces(keyword: string, items: string): string {
  return items === "" ? `${keyword} {}` : `${keyword} { ${items} }`;
}
