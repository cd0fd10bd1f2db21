/**
 * The host's side of a world as TypeScript declarations: what `host.load<Calc>(…)` gives and takes.
 *
 * Pure: extern declarations in, text out. Owns names and layout of the text; how values look in JavaScript is decided
 * by the host's bindings (`host/abi`), and the two must say the same.
 */
import { Budget } from "../../../host/budget.ts";
import { typedArrayOf } from "../../../host/abi/emit/numbers.ts";
import { isValueType } from "../../../host/model/cases.ts";
import { ownName } from "../../../host/model/ids.ts";
import { identityOf, isNominal } from "../../../host/model/nominal.ts";
import { externName, shortNames, toCamelCase, toPascalCase } from "../../../host/model/spelling.ts";
import { parseInterfaceId } from "../../../host/model/extern-names.ts";
import { printable } from "../../../host/model/printable.ts";
import type { ExternDecl, ResourceType, ValueType } from "../../../host/model/types.ts";
import type { WitDocs } from "../wit/docs.ts";
import { Directions } from "./directions.ts";
import { futureType, streamType } from "./asynchronous.ts";
import { interfaceMembers, type Resource, resourceDeclarations } from "./members.ts";
import type { Group, Spelling } from "./spelling.ts";
import { globals, identifier, interfaceName, memberKey, NameTable } from "./declaration-names.ts";
import { commentText, Writer } from "./writer.ts";

/** What is declared: a world, or a component's imports and exports. */
export interface Declared {
  /** The world's id, such as `demo:calc/calc@1.0.0`; its last part names the exported interface `Calc`. */
  readonly name: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
}

/**
 * The text of a `.d.ts` file. The same world gives the same text.
 * @throws {UnsupportedError} when it would be out of all proportion to the budget
 */
export function declarations(world: Declared, docs: WitDocs = new Map(), options: DeclarationOptions = {}): string {
  return new Declarations(world, docs, options.budget ?? new Budget(Infinity)).write(options);
}

export interface DeclarationOptions {
  /** Also declare the default export of a module written by `tenon bind`. */
  readonly bound?: boolean | undefined;
  /** Also the world's description at run time: what follows its declaration, from the type's name on. */
  readonly demand?: ((type: string) => string) | undefined;
  /** The work allowed: what is left of the component's. By default without end, for the author's own WIT. */
  readonly budget?: Budget | undefined;
}

/** A named type, as it is declared. */
interface Definition {
  readonly local: string;
  readonly path: string;
  readonly type: ValueType;
  /** The host gives its values. */
  readonly fromHost: boolean;
}

/** Where types got their names, and how they are spelled from there. */
class Declarations implements Spelling {
  private readonly docs: WitDocs;
  private readonly world: Declared;
  private readonly budget: Budget;
  private readonly top: NameTable = topNames();
  private readonly groups: Group[] = [];
  private readonly groupOf = new Map<ExternDecl, Group>();
  private readonly typeNames = new Map<ValueType, string>();
  private readonly resourceNames = new Map<ResourceType, string>();
  private readonly classNames = new Map<ResourceType, string>();
  /** The parts of a named type are kept when another interface takes it over, and tell where it came from. */
  private readonly origins = new Map<object, string>();
  private readonly inputOrigins = new Map<object, string>();
  private readonly directions: Directions;
  /** The names of what the host gives, of types that it receives otherwise. */
  private readonly inputNames = new Map<ValueType, string>();
  private usesDisposable = false;
  /** What the world's types use of what the host exports: its name there, and the one it has here. */
  private readonly imported = new Map<string, string>();
  /** Every name that the world has given to something. */
  private readonly claimed = new Set<string>();

  constructor(world: Declared, docs: WitDocs, budget: Budget) {
    this.world = world;
    this.docs = docs;
    this.budget = budget;
    this.directions = new Directions(this.spend);
  }

  write({ bound, demand }: DeclarationOptions): string {
    const { name: id, imports, exports } = this.world;
    const worldName = this.claim(this.top, worldTypeName(id));
    this.directions.add(imports, false);
    this.directions.add(exports, true);
    this.collect(imports, exports);
    const out = new Writer(this.spend);
    out.line(`// The world ${printable(id)}, for the host. Written by tenon; do not edit.`);
    const start = out.place();
    for (const group of this.groups) this.writeGroup(out, group);
    out.line("");
    out.doc(this.doc(id));
    out.block(`export interface ${worldName} extends World`, () => {
      out.block("imports:", () => this.writeSide(out, imports, false), ";");
      out.block("exports:", () => this.writeSide(out, exports, true), ";");
    });
    if (bound) {
      out.line("");
      out.line("/** A source for `compile` and `load`. */");
      out.line(`declare const component: BoundComponent<${worldName}>;`);
      out.line("export default component;");
    }
    if (demand !== undefined) {
      out.line("");
      out.line(demand(worldName));
    }
    const needed = [
      ...(bound ? ["BoundComponent"] : []),
      ...[...this.imported].map(([name, local]) => (name === local ? name : `${name} as ${local}`)),
      "World",
      ...(demand === undefined ? [] : ["WorldDemand"]),
    ];
    out.insert(start, `import type { ${needed.toSorted().join(", ")} } from "tenon";`);
    // Libraries older than resources that are disposed by `using` lack the name.
    if (this.usesDisposable) out.insert(start, '/// <reference lib="esnext.disposable" />');
    return out.text();
  }

  doc(path: string): string | undefined {
    return this.docs.get(path) ?? this.docs.get(path.replace(/@[^#]*/, ""));
  }

  private collect(imports: readonly ExternDecl[], exports: readonly ExternDecl[]): void {
    const exported = new Set(exports.map(({ name }) => name));
    // Exported interfaces have first choice of names, imported ones come first in the text: types flow that way.
    const plain = new Map<ExternDecl, string>();
    for (const decl of [...exports, ...imports]) {
      if (decl.type.kind !== "instance") continue;
      const name = interfaceName(decl.name);
      const version = parseInterfaceId(decl.name)?.version;
      const versioned = version === undefined ? [] : [`${name}${version.replaceAll(/[^0-9A-Za-z]/g, "_")}`];
      const both = plain.has(decl) || (imports.includes(decl) && exported.has(decl.name));
      plain.set(decl, this.claim(this.top, ...(both ? [`${name}Import`] : [name, ...versioned])));
    }
    // The world's own types come between: they may be names for those of imported interfaces.
    for (const [side, exported] of [
      [imports, false],
      [exports, true],
    ] as const) {
      const instances = side.filter(({ type }) => type.kind === "instance");
      const own = side.filter(({ type }) => type.kind !== "instance");
      const addOwn = (): void => this.addGroup({ id: this.world.name, namespace: "", items: own, exported }, this.top);
      if (exported) addOwn();
      for (const decl of instances) {
        if (decl.type.kind !== "instance") continue;
        const group: Group = { id: decl.name, namespace: plain.get(decl)!, items: decl.type.exports, exported };
        this.groupOf.set(decl, group);
        this.addGroup(group, new NameTable(["GuestResource"]));
      }
      if (!exported) addOwn();
    }
  }

  private claim(names: NameTable, ...candidates: readonly string[]): string {
    const name = names.claim(...candidates);
    this.claimed.add(name);
    return name;
  }

  private addGroup(group: Group, names: NameTable): void {
    this.groups.push(group);
    const prefix = group.namespace === "" ? "" : `${group.namespace}.`;
    for (const { name, type } of group.items) {
      if (type.kind !== "type" && type.kind !== "resource-type") continue;
      const local = this.claim(names, name.includes(":") ? interfaceName(name) : toPascalCase(name));
      this.local.set(`${group.namespace}\0${group.id}\0${name}`, local);
      if (type.kind === "type" && isValueType(type.type)) this.typeNames.set(type.type, prefix + local);
      if (type.kind === "resource-type" && !this.resourceNames.has(type.resource)) {
        this.resourceNames.set(type.resource, prefix + local);
        this.classNames.set(type.resource, prefix + this.claim(names, `${local}Class`));
      }
    }
    // After all that the world itself names.
    for (const { name, type } of group.items) {
      if (type.kind !== "type" || !isValueType(type.type) || !this.directions.isTwofold(type.type)) continue;
      this.inputNames.set(type.type, prefix + this.claim(names, `${this.localName(group, name)}Input`));
    }
  }
  private readonly local = new Map<string, string>();

  private localName(group: Group, name: string): string {
    return this.local.get(`${group.namespace}\0${group.id}\0${name}`)!;
  }

  private writeGroup(out: Writer, group: Group): void {
    if (group.namespace === "") {
      for (const item of group.items) this.writeType(out, group, item);
      return;
    }
    out.line("");
    out.line(`/** The interface \`${commentText(printable(group.id))}\`.${indented(this.doc(group.id))} */`);
    out.block(`export interface ${group.namespace}`, () => this.writeMembers(out, group));
    if (!group.items.some(({ type }) => type.kind === "type" || type.kind === "resource-type")) return;
    out.block(`export namespace ${group.namespace}`, () => {
      for (const item of group.items) this.writeType(out, group, item);
    });
  }

  private writeMembers(out: Writer, group: Group): void {
    for (const member of interfaceMembers(group, this)) {
      out.doc(this.doc(`${group.id}#${member.path}`), member.notes);
      out.line(member.text);
    }
  }

  private writeType(out: Writer, group: Group, { name, type }: ExternDecl): void {
    if (type.kind !== "type" && type.kind !== "resource-type") return;
    const local = this.localName(group, name);
    const qualified = group.namespace === "" ? local : `${group.namespace}.${local}`;
    const path = `${group.id}#${name}`;
    if (type.kind === "resource-type") {
      const first = this.resourceNames.get(type.resource)!;
      if (!this.defines(group, name, type.resource)) {
        out.doc(this.doc(path));
        out.line(`export type ${local} = ${first};`);
        return;
      }
      const className = this.classNames.get(type.resource)!.split(".").at(-1)!;
      const resource: Resource = { name, local, className, path, group };
      resourceDeclarations(out, resource, this);
      return;
    }
    if (!isValueType(type.type)) return;
    const parts = isNominal(type.type) ? identityOf(type.type) : undefined;
    const origin = parts === undefined ? undefined : this.origins.get(parts);
    if (parts !== undefined && origin === undefined) this.origins.set(parts, qualified);
    const input = this.inputNames.get(type.type);
    const inputLocal = input?.split(".").at(-1);
    if (parts !== undefined && origin === undefined && input !== undefined) this.inputOrigins.set(parts, input);
    out.doc(this.doc(path));
    if (origin === undefined) {
      this.writeDefinition(out, { local, path, type: type.type, fromHost: this.directions.isOnlyGiven(type.type) });
    } else out.line(`export type ${local} = ${origin};`);
    if (inputLocal === undefined) return;
    out.line(`/** {@link ${local}} as the host may give it. */`);
    const inputOrigin = origin === undefined ? undefined : this.inputOrigins.get(parts!);
    if (inputOrigin === undefined)
      this.writeDefinition(out, { local: inputLocal, path, type: type.type, fromHost: true });
    else out.line(`export type ${inputLocal} = ${inputOrigin};`);
  }

  defines(group: Group, name: string, resource: ResourceType): boolean {
    const local = this.localName(group, name);
    return this.resourceNames.get(resource) === (group.namespace === "" ? local : `${group.namespace}.${local}`);
  }

  private writeDefinition(out: Writer, { local, path, type, fromHost }: Definition): void {
    switch (type.kind) {
      case "record":
        out.block(`export interface ${local}`, () => {
          for (const { name, type: field } of type.fields) {
            out.doc(this.doc(`${path}.${name}`));
            out.line(`${identifier(toCamelCase(name))}${optionalMark(field)}: ${this.spell(field, fromHost)};`);
          }
        });
        break;
      case "flags":
        out.block(`export interface ${local}`, () => {
          for (const name of type.names) {
            out.doc(this.doc(`${path}.${name}`));
            out.line(`${this.flag(name, fromHost)};`);
          }
        });
        break;
      case "variant":
        out.line(`export type ${local} =`);
        out.indented(() => {
          type.cases.forEach(({ name, type: payload }, index) => {
            out.doc(this.doc(`${path}.${name}`));
            out.line(`| ${this.variantCase(name, payload, fromHost)}${index === type.cases.length - 1 ? ";" : ""}`);
          });
        });
        break;
      default:
        out.line(`export type ${local} = ${this.structure(type, fromHost)};`);
    }
  }

  spell(type: ValueType, fromHost = false): string {
    const name = (fromHost ? this.inputNames.get(type) : undefined) ?? this.typeNames.get(type);
    const text = name ?? this.structure(type, fromHost);
    // Types share parts and names may be long: both are written out wherever they are used.
    this.spend(text.length);
    return text;
  }

  private readonly spend = (letters: number): void => {
    this.budget.spend(1 + (letters >> 2), "declare");
  };

  className(resource: ResourceType): string {
    return this.classNames.get(resource) ?? "unknown";
  }

  guestResource(name: string): string {
    return `${this.tenon("GuestResource")}<${JSON.stringify(printable(name))}>`;
  }

  global(name: string): string {
    if (name === "Disposable") this.usesDisposable = true;
    return this.claimed.has(name) ? `globalThis.${name}` : name;
  }

  tenon(name: string): string {
    let local = this.imported.get(name);
    if (local === undefined) {
      local = name;
      while (this.claimed.has(local)) local = `Tenon${local}`;
      this.imported.set(name, local);
    }
    return local;
  }

  private structure(type: ValueType, fromHost = false): string {
    switch (type.kind) {
      case "bool":
        return "boolean";
      case "s64":
      case "u64":
        return "bigint";
      case "char":
      case "string":
        return "string";
      case "list": {
        const array = typedArrayOf(type.element);
        if (array !== undefined) return this.global(array);
        return `${fromHost ? "readonly " : ""}${parenthesised(this.spell(type.element, fromHost))}[]`;
      }
      case "map":
        return `${this.global(fromHost ? "ReadonlyMap" : "Map")}<${this.spell(type.key, fromHost)}, ${this.spell(type.value, fromHost)}>`;
      case "tuple":
        return `${fromHost ? "readonly " : ""}[${type.types.map((part) => this.spell(part, fromHost)).join(", ")}]`;
      case "record":
        return `{ ${type.fields.map((f) => `${identifier(toCamelCase(f.name))}${optionalMark(f.type)}: ${this.spell(f.type, fromHost)}`).join("; ")} }`;
      case "flags":
        return `{ ${type.names.map((name) => this.flag(name, fromHost)).join("; ")} }`;
      case "enum":
        return type.names.map((name) => JSON.stringify(name)).join(" | ");
      case "variant":
        return type.cases.map(({ name, type: payload }) => this.variantCase(name, payload, fromHost)).join(" | ");
      case "option":
        // An option directly inside an option would lose the difference between none and some(none).
        if (type.type.kind === "option")
          return `${this.variantCase("some", type.type, fromHost)} | ${this.variantCase("none", undefined)}`;
        return `${this.spell(type.type, fromHost)} | undefined`;
      case "result":
        // `void`, so that what is declared by jco's types fits as well.
        return [["ok", type.ok] as const, ["err", type.err] as const]
          .map(([name, payload]) => this.variantCase(name, payload, fromHost, "void"))
          .join(" | ");
      case "own":
      case "borrow":
        return this.resourceNames.get(type.resource) ?? "unknown";
      case "stream":
        return streamType(type.type, fromHost, this);
      case "future":
        return futureType(type.type, fromHost, this);
      case "error-context":
        return this.tenon("ErrorContext");
      default:
        return "number";
    }
  }

  /** What the component gives has every flag. */
  private flag(name: string, fromHost: boolean): string {
    return `${identifier(toCamelCase(name))}${fromHost ? "?: boolean | undefined" : ": boolean"}`;
  }

  private variantCase(name: string, payload: ValueType | undefined, fromHost = false, nothing = "undefined"): string {
    const val = payload === undefined ? `val?: ${nothing}` : `val: ${this.spell(payload, fromHost)}`;
    return `{ tag: ${JSON.stringify(name)}; ${val} }`;
  }

  /** The imports or exports of the world, by the keys that the host takes and gives. */
  private writeSide(out: Writer, items: readonly ExternDecl[], exports: boolean): void {
    const shorts = exports ? shortsOf(items) : new Map<string, string>();
    for (const item of items) {
      const group = this.groupOf.get(item);
      if (group === undefined) continue;
      const key = memberKey(externName(item.name));
      // An interface of types alone asks nothing of the host.
      const optional = !exports && interfaceMembers(group, this).length === 0;
      out.line(`${key}${optional ? "?" : ""}: ${group.namespace};`);
      const short = shorts.get(item.name);
      if (short !== undefined) out.line(`${short}: ${group.namespace};`);
    }
    for (const { name, type } of items) {
      if (type.kind === "core-module") out.line(`${memberKey(externName(name))}: WebAssembly.Module;`);
    }
    const own = items.filter(({ type }) => type.kind !== "instance");
    this.writeMembers(out, { id: this.world.name, namespace: "", items: own, exported: exports });
  }
}

/** The names of a file's top level that nothing of a world may take. */
function topNames(): NameTable {
  return new NameTable([...globals, "World", "WorldDemand", "BoundComponent", "GuestResource"]);
}

/** The name of a world's own type: of all names it is the first to be claimed. */
export function worldType(id: string): string {
  return topNames().claim(worldTypeName(id));
}

/** `Calc` for `demo:calc/calc@1.0.0`. */
function worldTypeName(id: string): string {
  return toPascalCase(
    ownName(id)
      .replaceAll(/[^A-Za-z0-9]+/g, "-")
      .replace(/^(?=\d)/, "world-"),
  );
}

/** Interface → its short name, where no other item has it: the rule of the bindings. */
function shortsOf(items: readonly ExternDecl[]): Map<string, string> {
  const taken = new Set(items.filter(({ name }) => !name.includes(":")).map(({ name }) => toCamelCase(name)));
  const interfaces = items.flatMap(({ name, type }) => (type.kind === "instance" ? [name] : []));
  return new Map([...shortNames(interfaces)].flatMap(([short, name]) => (taken.has(short) ? [] : [[name, short]])));
}

function optionalMark(type: ValueType): string {
  return type.kind === "option" && type.type.kind !== "option" ? "?" : "";
}

function parenthesised(type: string): string {
  return /[|]|^readonly /.test(type) ? `(${type})` : type;
}

function indented(doc: string | undefined): string {
  return doc === undefined ? "" : ` ${commentText(doc).replaceAll("\n", "\n * ")}`;
}
