/**
 * The imports and exports of a component as WIT text that WIT tools can read back.
 *
 * Follows design/mvp/WIT.md. Names are recovered from the identity of type objects (`types.ts`): a copy under another
 * name shares the parts of its original, so what one interface takes from another is written as `use`. Comments do not
 * survive in a component. The text is bounded, whatever the types are: a name or a type past the bound is `…`.
 *
 * `text.ts` writes structure, for messages: there a type has no name and is written out wherever it is used. Here it is
 * written once and named from then on. What both write alike is {@link formatParts}.
 */
import { identityOf, isNominal } from "./nominal.ts";
import { isValueType } from "./cases.ts";
import { type InterfaceName, parseExternName, parseInterfaceId } from "./extern-names.ts";
import { printable } from "./printable.ts";
import { formatParts } from "./text.ts";
import type { ExternDecl, FuncType, InstanceType, ResourceType, ValueType } from "./types.ts";

/** The text of a world with these imports and exports. `name` is the world's own name. */
export function formatWorld(name: string, imports: readonly ExternDecl[], exports: readonly ExternDecl[]): string {
  return new WitPrinter(imports, exports).print(name);
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

/** A label or a path with a version as WIT writes it: `a:b/%type@1.0.0`. */
export function witName(name: string): string {
  const [path, version] = name.split("@");
  return path!.replaceAll(/[^:/]+/g, id) + (version === undefined ? "" : `@${version}`);
}

/** Characters of text for types, all together: names may be long and types may share parts, so text can outgrow bytes. */
const maxTypeText = 10_000_000;

/** An interface of the text. One that is imported and exported is written once, with the members of both. */
interface Interface {
  readonly name: InterfaceName;
  /** The package's name, with its version. */
  readonly owner: string;
  readonly sides: InstanceType[];
  /** Names of its items on either side. */
  readonly items: Set<string>;
}

/** Where a type was named first, seen from other interfaces. */
interface Home {
  readonly interface: Interface;
  readonly name: string;
}

/** The items of an interface or of the world, and what types are called there. */
class Block {
  /** `undefined` for the world and for interfaces written in place, from which nothing can be used elsewhere. */
  readonly interface: Interface | undefined;
  /** By type object, by the parts that copies share, by resource. */
  readonly names = new Map<object, string>();
  /** Names that are taken. */
  readonly taken = new Set<string>();
  /** Types the block needs and does not name. */
  readonly added: string[] = [];
  /** Unnamed types that have been written. */
  readonly texts = new Map<ValueType, string>();
  /** Constructors, methods and static functions by resource. */
  readonly members = new Map<string, ExternDecl[]>();

  constructor(own: Interface | undefined, decls: Iterable<ExternDecl>) {
    this.interface = own;
    for (const decl of decls) {
      const { name, type } = decl;
      const parsed = parseExternName(name);
      if (parsed !== undefined && "resource" in parsed && !this.taken.has(name)) {
        const known = this.members.get(parsed.resource);
        if (known === undefined) this.members.set(parsed.resource, [decl]);
        else known.push(decl);
      }
      this.taken.add(name);
      if (type.kind === "resource-type") this.call(type.resource, name);
      else if (type.kind === "type" && isValueType(type.type)) this.call(type.type, name);
    }
  }

  call(type: ValueType | ResourceType, name: string): void {
    this.names.set(type, this.names.get(type) ?? name);
    const parts = partsOf(type);
    this.names.set(parts, this.names.get(parts) ?? name);
  }

  nameOf(type: ValueType | ResourceType): string | undefined {
    return this.names.get(type) ?? this.names.get(partsOf(type));
  }

  /** A name nobody has yet. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let count = this.counts.get(wanted) ?? 2; this.taken.has(name); count++) {
      name = `${wanted}-x${count}`;
      this.counts.set(wanted, count + 1);
    }
    this.taken.add(name);
    return name;
  }
  private readonly counts = new Map<string, number>();
}

class WitPrinter {
  private readonly imports: readonly ExternDecl[];
  private readonly exports: readonly ExternDecl[];
  private readonly homes = new Map<object | string, Home>();
  private readonly interfaces = new Map<string, Interface>();
  private readonly partIds = new Map<object, number>();
  private room = maxTypeText;

  constructor(imports: readonly ExternDecl[], exports: readonly ExternDecl[]) {
    this.imports = imports;
    this.exports = exports;
    for (const side of [imports, exports]) for (const decl of side) this.addInterface(decl);
  }

  private addInterface({ name: key, type }: ExternDecl): void {
    if (type.kind !== "instance") return;
    const name = parseInterfaceId(key);
    if (name === undefined) return;
    let own = this.interfaces.get(key);
    if (own === undefined)
      this.interfaces.set(key, (own = { name, owner: packageName(name), sides: [], items: new Set() }));
    own.sides.push(type);
    for (const item of type.exports) {
      own.items.add(item.name);
      const key =
        item.type.kind === "resource-type"
          ? item.type.resource
          : item.type.kind === "type" && isValueType(item.type.type)
            ? this.identity(item.type.type)
            : undefined;
      if (key !== undefined && !this.homes.has(key)) this.homes.set(key, { interface: own, name: item.name });
    }
  }

  /**
   * What is the same for a type and for its copies under other names, and for no other type. A list has no parts of its
   * own that copies could share, but its element may have some; `list<u8>` has no identity.
   */
  private identity(type: ValueType): object | string | undefined {
    const parts = partsOf(type);
    if (parts !== type) return parts;
    const inside: (object | undefined)[] = insideOf(type).map((part) => part && partsOf(part));
    if (inside.every((part) => part === undefined || isPrimitive(part))) return undefined;
    return `${type.kind} ${inside.map((part) => this.partId(part)).join()} ${type.kind === "list" ? type.length : ""}`;
  }

  private partId(part: object | undefined): number | string {
    if (part === undefined) return "_";
    if (isPrimitive(part)) return part.kind;
    let known = this.partIds.get(part);
    if (known === undefined) this.partIds.set(part, (known = this.partIds.size));
    return known;
  }

  print(name: string): string {
    const blocks = [this.world(name)];
    const packages = new Map<string, string[]>();
    for (const own of this.interfaces.values()) {
      const text = `interface ${id(own.name.interface)} {\n${indent(this.interface(own))}\n}`;
      const texts = packages.get(own.owner);
      if (texts === undefined) packages.set(own.owner, [text]);
      else texts.push(text);
    }
    for (const [owner, texts] of packages) blocks.push(`package ${owner} {\n${indent(texts)}\n}`);
    let main = "root:component";
    while (packages.has(main)) main += "-x";
    return `package ${main};\n\n${blocks.join("\n\n")}\n`;
  }

  private world(name: string): string {
    const block = new Block(undefined, [...this.imports, ...this.exports]);
    const types = new Set<string>();
    const lines: string[] = [];
    for (const [verb, decls] of [
      ["import", this.imports],
      ["export", this.exports],
    ] as const) {
      for (const decl of decls) {
        const { name: key, type } = decl;
        const parsed = parseExternName(key);
        if (type.kind === "type" || type.kind === "resource-type") {
          // Types of a world have no direction: one that is imported and exported is written once.
          if (!types.has(key)) this.type(lines, block, decl);
          types.add(key);
        } else if (type.kind === "instance" && parsed?.kind === "interface") lines.push(`${verb} ${path(parsed)};`);
        else if (type.kind === "instance" && parsed?.kind === "label") {
          const inside = this.items(new Block(undefined, type.exports), type.exports);
          lines.push(`${verb} ${id(key)}: interface {\n${indent(inside)}\n}`);
        } else if (type.kind === "func" && parsed?.kind === "label") {
          lines.push(`${verb} ${id(key)}: ${this.func(type, block)};`);
        } else if (!isWritten(decl, block)) lines.push(comment(`${verb} ${key}`, type.kind));
      }
    }
    return `world ${id(name)} {\n${indent([...block.added, ...lines])}\n}`;
  }

  private interface(own: Interface): string[] {
    const all = own.sides.length === 1 ? own.sides[0]!.exports : own.sides.flatMap((side) => side.exports);
    const first = new Map<string, ExternDecl>();
    for (const decl of all) if (!first.has(decl.name)) first.set(decl.name, decl);
    return this.items(new Block(own, all), first.values());
  }

  private items(block: Block, decls: Iterable<ExternDecl>): string[] {
    const lines: string[] = [];
    for (const decl of decls) {
      const { name, type } = decl;
      if (type.kind === "type" || type.kind === "resource-type") this.type(lines, block, decl);
      else if (type.kind === "func" && parseExternName(name)?.kind === "label") {
        lines.push(`${id(name)}: ${this.func(type, block)};`);
      } else if (!isWritten(decl, block)) lines.push(comment(name, type.kind));
    }
    return [...block.added, ...lines];
  }

  /** A named type: taken from elsewhere, another name for one of this block, or defined. */
  private type(lines: string[], block: Block, { name, type }: ExternDecl): void {
    const what = type.kind === "resource-type" ? type.resource : type.kind === "type" ? type.type : undefined;
    if (what === undefined || (what.kind !== "resource" && !isValueType(what))) return;
    const here = block.names.get(partsOf(what))!;
    if (here !== name) {
      lines.push(`type ${id(name)} = ${id(here)};`);
      return;
    }
    const key = what.kind === "resource" ? what : this.identity(what);
    const home = key === undefined ? undefined : this.homes.get(key);
    if (home !== undefined && home.interface !== block.interface) {
      lines.push(use(block, home, name));
      const members = what.kind === "resource" ? (block.members.get(name) ?? []) : [];
      for (const member of members) {
        // Of a resource that is used from elsewhere WIT can add no members.
        if (!home.interface.items.has(member.name)) lines.push(comment(member.name, member.type.kind));
      }
    } else lines.push(what.kind === "resource" ? this.resource(name, block) : this.definition(name, what, block));
  }

  private resource(name: string, block: Block): string {
    const lines: string[] = [];
    for (const { name: member, type } of block.members.get(name) ?? []) {
      const parsed = parseExternName(member);
      if (type.kind !== "func") continue;
      if (parsed?.kind === "constructor") {
        const result = type.result?.kind === "result" ? ` -> ${this.spell(type.result, block)}` : "";
        lines.push(`constructor(${this.params(type, block, 0)})${result};`);
      } else if (parsed?.kind === "static") lines.push(`${id(parsed.label)}: static ${this.func(type, block)};`);
      else if (parsed?.kind === "method") lines.push(`${id(parsed.label)}: ${this.func(type, block, 1)};`);
    }
    return lines.length === 0 ? `resource ${id(name)};` : `resource ${id(name)} {\n${indent(lines)}\n}`;
  }

  private func(type: FuncType, block: Block, skip = 0): string {
    const result = type.result === undefined ? "" : ` -> ${this.spell(type.result, block)}`;
    return `${type.async ? "async " : ""}func(${this.params(type, block, skip)})${result}`;
  }

  private params(type: FuncType, block: Block, skip: number): string {
    return type.params
      .slice(skip)
      .map((param) => `${id(param.name)}: ${this.spell(param.type, block)}`)
      .join(", ");
  }

  private definition(name: string, type: ValueType, block: Block): string {
    const fields = (lines: readonly string[]): string => `${type.kind} ${id(name)} {\n${indent(lines)}\n}`;
    switch (type.kind) {
      case "record":
        return fields(type.fields.map((field) => `${id(field.name)}: ${this.spell(field.type, block)},`));
      case "variant":
        return fields(
          type.cases.map((c) => `${id(c.name)}${c.type === undefined ? "" : `(${this.spell(c.type, block)})`},`),
        );
      case "enum":
      case "flags":
        return fields(type.names.map((member) => `${id(member)},`));
      case "own":
        // The bare name of a resource would make this an alias of the resource, not a handle type.
        return `type ${id(name)} = own<${this.spell(type.resource, block)}>;`;
      default:
        return `type ${id(name)} = ${formatParts(type, (part) => this.spell(part, block))};`;
    }
  }

  /** A type where it is used: its name in this block, or its structure when it has none. */
  private spell(type: ValueType | ResourceType, block: Block): string {
    const name = block.nameOf(type) ?? this.addName(type, block);
    if (name !== undefined) return this.charge(id(name));
    if (type.kind === "resource") return id(type.name || "resource");
    let text = block.texts.get(type);
    if (text === undefined) {
      text = formatParts(type, (part) => this.spell(part, block));
      block.texts.set(type, text);
    }
    return this.charge(text);
  }

  private charge(text: string): string {
    this.room -= text.length;
    return this.room < 0 ? "…" : text;
  }

  /** Names a type that WIT cannot write in place and that is not named here. */
  private addName(type: ValueType | ResourceType, block: Block): string | undefined {
    if (type.kind !== "resource" && partsOf(type) === type) return undefined;
    const home = this.homes.get(partsOf(type));
    if (home === undefined && type.kind === "resource") return undefined;
    const name = block.fresh(home?.name ?? type.kind);
    block.call(type, name);
    if (home !== undefined) block.added.push(use(block, home, name));
    else if (type.kind !== "resource") block.added.push(this.definition(name, type, block));
    return name;
  }
}

/** `a:b@1.0.0`; a short version, as canonical ids have it, is filled up. */
function packageName({ namespace, package: own, version }: InterfaceName): string {
  return `${id(namespace)}:${id(own)}${versionText(version)}`;
}

function path(name: InterfaceName): string {
  return `${id(name.namespace)}:${id(name.package)}/${id(name.interface)}${versionText(name.version)}`;
}

function versionText(version: string | undefined): string {
  if (version === undefined) return "";
  const missing = /^\d+(?:\.\d+)?$/.test(version) ? (version.includes(".") ? ".0" : ".0.0") : "";
  return `@${version}${missing}`;
}

function use(block: Block, home: Home, name: string): string {
  const from = home.interface;
  // Within a package its own full name would be a package that depends on itself.
  const source = block.interface?.owner === from.owner ? id(from.name.interface) : path(from.name);
  return `use ${source}.{${id(home.name)}${home.name === name ? "" : ` as ${id(name)}`}};`;
}

/** Whether a function stands inside the resource it belongs to. */
function isWritten({ name, type }: ExternDecl, block: Block): boolean {
  const parsed = parseExternName(name);
  if (type.kind !== "func" || parsed === undefined || !("resource" in parsed)) return false;
  return block.taken.has(parsed.resource);
}

function comment(name: string, kind: string): string {
  return `// ${printable(name)}: ${kind}, which WIT cannot express here`;
}

/** What a type shares with its copies under other names: its fields, cases or names; itself when it has none of these. */
function partsOf(type: ValueType | ResourceType): object {
  return isNominal(type) ? identityOf(type) : type;
}

function isPrimitive(part: object): part is { readonly kind: string } {
  return "kind" in part && Object.keys(part).length === 1;
}

/** The types that an unnamed type is made of, in order. */
function insideOf(type: ValueType): readonly (ValueType | ResourceType | undefined)[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "tuple":
      return type.types;
    case "option":
    case "stream":
    case "future":
      return [type.type];
    case "result":
      return [type.ok, type.err];
    case "own":
    case "borrow":
      return [type.resource];
    default:
      return [];
  }
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join("\n");
}
