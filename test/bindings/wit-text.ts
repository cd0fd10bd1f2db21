/** A WIT interface of echo functions for types made at random. */
import type { ValueType } from "../../host/model/types.ts";

/** `t`, imported and exported by the world `w`, with a function `echo0`, `echo1`, … for each type: what goes in comes out. */
export function echoWit(types: readonly ValueType[]): string {
  const declarations: string[] = [];
  const texts = types.map((type) => textOf(type, declarations));
  const functions = texts.map((text, i) => `  echo${i}: func(x: ${text}) -> ${text};`);
  return [
    "package test:random;",
    "interface t {",
    ...declarations,
    ...functions,
    "}",
    "world w { import t; export t; }",
  ].join("\n");
}

/** The text of a type; named types are declared first, each under a name of its own. */
function textOf(type: ValueType, declarations: string[]): string {
  const text = (inner: ValueType): string => textOf(inner, declarations);
  const payload = (inner: ValueType | undefined): string => (inner === undefined ? "" : `(${text(inner)})`);
  const declare = (keyword: string, members: readonly string[]): string => {
    const name = `t${declarations.length}`;
    declarations.push(`  ${keyword} ${name} { ${members.join(", ")} }`);
    return name;
  };
  switch (type.kind) {
    case "record":
      return declare(
        "record",
        type.fields.map((field) => `%${field.name}: ${text(field.type)}`),
      );
    case "variant":
      return declare(
        "variant",
        type.cases.map((one) => `%${one.name}${payload(one.type)}`),
      );
    case "enum":
    case "flags":
      return declare(
        type.kind,
        type.names.map((name) => `%${name}`),
      );
    case "tuple":
      return `tuple<${type.types.map(text).join(", ")}>`;
    case "list":
      return type.length === undefined ? `list<${text(type.element)}>` : `list<${text(type.element)}, ${type.length}>`;
    case "map":
      return `map<${text(type.key)}, ${text(type.value)}>`;
    case "option":
      return `option<${text(type.type)}>`;
    case "result": {
      const { ok, err } = type;
      if (err !== undefined) return `result<${ok === undefined ? "_" : text(ok)}, ${text(err)}>`;
      return ok === undefined ? "result" : `result<${text(ok)}>`;
    }
    default:
      return type.kind;
  }
}
