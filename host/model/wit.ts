/**
 * The imports and exports of a component as WIT text that WIT tools can read.
 *
 * Follows design/mvp/WIT.md. Names are recovered from the identity of type objects (`types.ts`). A type that one
 * interface takes from another is written out again, except resources, which are used by name; comments do not survive
 * in a component.
 */
import { isValueType } from "./cases.ts";
import { parseInterfaceId } from "./names.ts";
import type { ExternDecl, FuncType, InstanceType, ResourceType, ValueType } from "./types.ts";

/** The text of a world with these imports and exports. `name` is the world's own name. */
export function formatWorld(name: string, imports: readonly ExternDecl[], exports: readonly ExternDecl[]): string {
  return new WitPrinter(imports, exports).print(name);
}

interface Home {
  readonly interfaceId: string;
  readonly name: string;
}

/** Words that WIT reserves: a name that is one of them is written with a `%`. */
const reserved = new Set(
  (
    "as async bool borrow char constructor enum error-context export f32 f64 flags from func future import include interface list map " +
    "option own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use variant with world"
  ).split(" "),
);

function id(name: string): string {
  return reserved.has(name) ? `%${name}` : name;
}

class WitPrinter {
  private readonly imports: readonly ExternDecl[];
  private readonly exports: readonly ExternDecl[];
  private readonly homes = new Map<ResourceType, Home>();
  private readonly interfaces = new Map<string, InstanceType>();

  constructor(imports: readonly ExternDecl[], exports: readonly ExternDecl[]) {
    this.imports = imports;
    this.exports = exports;
    for (const { name, type } of [...imports, ...exports]) {
      if (type.kind !== "instance" || parseInterfaceId(name) === undefined) continue;
      if (!this.interfaces.has(name)) this.interfaces.set(name, type);
      for (const item of type.exports) {
        if (item.type.kind === "resource-type" && !this.homes.has(item.type.resource)) {
          this.homes.set(item.type.resource, { interfaceId: name, name: item.name });
        }
      }
    }
  }

  print(name: string): string {
    const world: string[] = [];
    for (const [verb, decls] of [
      ["import", this.imports],
      ["export", this.exports],
    ] as const) {
      world.push(...this.members(decls, undefined, verb));
    }
    const blocks = [`world ${id(name)} {\n${indent(world)}\n}`];
    const packages = new Map<string, string[]>();
    for (const [interfaceId, type] of this.interfaces) {
      const parsed = parseInterfaceId(interfaceId)!;
      const version = parsed.version === undefined ? "" : `@${parsed.version}`;
      const owner = `${parsed.namespace}:${parsed.package}${version}`;
      const text = `interface ${id(parsed.interface)} {\n${indent(this.members(type.exports, interfaceId, ""))}\n}`;
      packages.set(owner, [...(packages.get(owner) ?? []), text]);
    }
    for (const [owner, texts] of packages) blocks.push(`package ${owner} {\n${indent(texts)}\n}`);
    return `package root:component;\n\n${blocks.join("\n\n")}\n`;
  }

  /** Declarations in order; `verb` is `import` or `export` in a world and empty in an interface. */
  private members(decls: readonly ExternDecl[], interfaceId: string | undefined, verb: string): string[] {
    const names = new Map<ValueType, string>();
    const lines: string[] = [];
    const prefix = verb === "" ? "" : `${verb} `;
    for (const { name, type } of decls) {
      switch (type.kind) {
        case "func":
          if (!name.startsWith("[")) lines.push(`${prefix}${id(name)}: ${this.func(type, names)};`);
          break;
        case "instance":
          if (parseInterfaceId(name) === undefined) {
            lines.push(`${prefix}${id(name)}: interface {\n${indent(this.members(type.exports, undefined, ""))}\n}`);
          } else {
            lines.push(`${prefix}${name};`);
          }
          break;
        case "resource-type":
          lines.push(this.resource(name, type.resource, interfaceId, decls, names));
          break;
        case "type":
          if (isValueType(type.type)) {
            lines.push(this.definition(name, type.type, names));
            names.set(type.type, id(name));
          }
          break;
        default:
          lines.push(`// ${prefix}${name}: ${type.kind}, which WIT cannot express`);
      }
    }
    return lines;
  }

  private resource(
    name: string,
    resource: ResourceType,
    interfaceId: string | undefined,
    decls: readonly ExternDecl[],
    names: ReadonlyMap<ValueType, string>,
  ): string {
    const home = this.homes.get(resource);
    if (home !== undefined && home.interfaceId !== interfaceId) {
      const alias = home.name === name ? "" : ` as ${id(name)}`;
      return `use ${home.interfaceId}.{${id(home.name)}${alias}};`;
    }
    const lines: string[] = [];
    for (const { name: member, type } of decls) {
      const match = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/.exec(member);
      if (match?.[2] !== name || type.kind !== "func") continue;
      if (match[1] === "constructor") {
        const result = type.result?.kind === "result" ? ` -> ${formatNamedType(type.result, names, id)}` : "";
        lines.push(`constructor(${this.params(type, names, 0)})${result};`);
      } else {
        const isStatic = match[1] === "static";
        const head = `${id(match[3]!)}: ${isStatic ? "static " : ""}`;
        lines.push(`${head}${this.func(type, names, isStatic ? 0 : 1)};`);
      }
    }
    return lines.length === 0 ? `resource ${id(name)};` : `resource ${id(name)} {\n${indent(lines)}\n}`;
  }

  private func(type: FuncType, names: ReadonlyMap<ValueType, string>, skip = 0): string {
    const result = type.result === undefined ? "" : ` -> ${formatNamedType(type.result, names, id)}`;
    return `${type.async ? "async " : ""}func(${this.params(type, names, skip)})${result}`;
  }

  private params(type: FuncType, names: ReadonlyMap<ValueType, string>, skip: number): string {
    return type.params
      .slice(skip)
      .map((param) => `${id(param.name)}: ${formatNamedType(param.type, names, id)}`)
      .join(", ");
  }

  private definition(name: string, type: ValueType, names: ReadonlyMap<ValueType, string>): string {
    const fields = (lines: readonly string[]): string => `${type.kind} ${id(name)} {\n${indent(lines)}\n}`;
    switch (type.kind) {
      case "record":
        return fields(type.fields.map((field) => `${id(field.name)}: ${formatNamedType(field.type, names, id)},`));
      case "variant":
        return fields(
          type.cases.map(
            (c) => `${id(c.name)}${c.type === undefined ? "" : `(${formatNamedType(c.type, names, id)})`},`,
          ),
        );
      case "enum":
      case "flags":
        return fields(type.names.map((member) => `${id(member)},`));
      default:
        return `type ${id(name)} = ${formatNamedType(type, names, id)};`;
    }
  }
}

/**
 * A type in as few words as an author would use: names for what has one.
 *
 * @param spell how the name of a resource is written
 */
export function formatNamedType(
  type: ValueType,
  names: ReadonlyMap<ValueType, string>,
  spell: (name: string) => string,
): string {
  const named = names.get(type);
  if (named !== undefined) return named;
  const inner = (t: ValueType): string => formatNamedType(t, names, spell);
  switch (type.kind) {
    case "list":
      return type.length === undefined
        ? `list<${inner(type.element)}>`
        : `list<${inner(type.element)}, ${type.length}>`;
    case "map":
      return `map<${inner(type.key)}, ${inner(type.value)}>`;
    case "tuple":
      return `tuple<${type.types.map(inner).join(", ")}>`;
    case "option":
      return `option<${inner(type.type)}>`;
    case "result":
      if (type.err === undefined) return type.ok === undefined ? "result" : `result<${inner(type.ok)}>`;
      return `result<${type.ok === undefined ? "_" : inner(type.ok)}, ${inner(type.err)}>`;
    case "own":
      return spell(type.resource.name);
    case "borrow":
      return `borrow<${spell(type.resource.name)}>`;
    case "stream":
    case "future":
      return type.type === undefined ? type.kind : `${type.kind}<${inner(type.type)}>`;
    default:
      return type.kind;
  }
}

function indent(lines: readonly string[]): string {
  return lines
    .flatMap((line) => line.split("\n"))
    .map((line) => `  ${line}`)
    .join("\n");
}
