/**
 * What can be called in a component: its exports sorted into groups, one an interface, with names for people.
 *
 * Owns names and order; knows no module and no element of the page.
 */
import { isValueType } from "../../../../host/model/cases.ts";
import { withoutVersion } from "../../../../host/model/ids.ts";
import { parseExternName } from "../../../../host/model/extern-names.ts";
import { toCamelCase, toPascalCase } from "../../../../host/model/spelling.ts";
import type { ExternDecl, FuncType, ResourceType, ValueType } from "../../../../host/model/types.ts";
import { formatParts } from "../../../../host/model/text.ts";
import { formatWorld } from "../../../../host/model/wit.ts";

/** A component as the page shows it. */
export interface Description {
  readonly groups: readonly Group[];
  readonly wit: string;
  /** Names the author gave to types. */
  readonly names: ReadonlyMap<ValueType, string>;
  /** A resource → what the shelf calls it, the same for every version of the component. */
  readonly resources: ReadonlyMap<ResourceType, string>;
}

/** An exported interface, or the world's own functions. */
export interface Group {
  /** The interface's id; empty for the world itself. */
  readonly id: string;
  readonly callables: readonly Callable[];
}

export interface Callable {
  readonly kind: "function" | "constructor" | "method" | "static";
  readonly group: string;
  /** The WIT name, such as `integer-overflow`. */
  readonly label: string;
  /** The resource it belongs to: its WIT name. */
  readonly resource: string | undefined;
  /** The shelf that a method's object is taken from. */
  readonly shelf: string | undefined;
  /** As a caller writes it: `api.add`, `new Counter`, `Counter.make`, `counter.increment`. */
  readonly written: string;
  /** Without `self`. */
  readonly params: FuncType["params"];
  readonly result: ValueType | undefined;
  /** The whole signature, so that two versions can be compared. */
  readonly signature: string;
  readonly doc: string;
}

export interface DescribeInput {
  readonly name: string;
  readonly imports: readonly ExternDecl[];
  readonly exports: readonly ExternDecl[];
  readonly docs: Readonly<Record<string, string>>;
}

export function describe({ name, imports, exports, docs }: DescribeInput): Description {
  const names = new Map<ValueType, string>();
  const resources = new Map<ResourceType, string>();
  for (const decls of [imports, exports]) collectNames(decls, "", names, resources);
  const groups = [
    group("", exports, names, resources, docs),
    ...exports.flatMap(({ name: id, type }) =>
      type.kind === "instance" ? [group(id, type.exports, names, resources, docs)] : [],
    ),
  ];
  return {
    groups: groups.filter(({ callables }) => callables.length > 0),
    wit: formatWorld(isWitName(name) ? name : "component", imports, exports),
    names,
    resources,
  };
}

function isWitName(name: string): boolean {
  return parseExternName(name)?.kind === "label";
}

function collectNames(
  decls: readonly ExternDecl[],
  owner: string,
  names: Map<ValueType, string>,
  resources: Map<ResourceType, string>,
): void {
  for (const { name, type } of decls) {
    if (type.kind === "instance") collectNames(type.exports, name, names, resources);
    else if (type.kind === "resource-type") resources.set(type.resource, `${withoutVersion(owner)}#${name}`);
    else if (type.kind === "type" && isValueType(type.type)) names.set(type.type, name);
  }
}

function group(
  id: string,
  decls: readonly ExternDecl[],
  names: Description["names"],
  resources: Description["resources"],
  docs: DescribeInput["docs"],
): Group {
  const callables = decls.flatMap(({ name, type }): Callable[] => {
    const parsed = parseExternName(name);
    if (type.kind !== "func" || parsed === undefined) return [];
    const member = memberOf(parsed);
    if (member === undefined) return [];
    const { kind, resource, label } = member;
    const self = kind === "method" ? type.params[0]?.type : undefined;
    const params = kind === "method" ? type.params.slice(1) : type.params;
    const docName = resource === undefined ? label : `${resource}.${kind === "constructor" ? "constructor" : label}`;
    return [
      {
        ...{ kind, group: id, label, resource, params, result: type.result },
        shelf: self?.kind === "borrow" || self?.kind === "own" ? resources.get(self.resource) : undefined,
        written: written(id, member),
        signature: `${type.async ? "async " : ""}${kind} ${signatureOf(params, type.result, names)}`,
        doc: docOf(docs, id, docName),
      },
    ];
  });
  return { id, callables };
}

interface Member {
  readonly kind: Callable["kind"];
  readonly resource: string | undefined;
  readonly label: string;
}

function memberOf(name: NonNullable<ReturnType<typeof parseExternName>>): Member | undefined {
  switch (name.kind) {
    case "label":
      return { kind: "function", resource: undefined, label: name.label };
    case "constructor":
      return { kind: "constructor", resource: name.resource, label: "constructor" };
    case "method":
    case "static":
      return { kind: name.kind, resource: name.resource, label: name.label };
    default:
      return undefined;
  }
}

function written(id: string, { kind, resource, label }: Member): string {
  const parsed = parseExternName(id);
  const owner =
    parsed?.kind === "interface" ? `${toCamelCase(parsed.interface)}.` : id === "" ? "" : `${toCamelCase(id)}.`;
  switch (kind) {
    case "function":
      return `${owner}${toCamelCase(label)}`;
    case "constructor":
      return `new ${owner}${toPascalCase(resource!)}`;
    case "static":
      return `${owner}${toPascalCase(resource!)}.${toCamelCase(label)}`;
    case "method":
      return `${toCamelCase(resource!)}.${toCamelCase(label)}`;
  }
}

function docOf(docs: DescribeInput["docs"], id: string, name: string): string {
  if (id !== "") return docs[`${id}#${name}`] ?? docs[`${withoutVersion(id)}#${name}`] ?? "";
  // The world's own name is not in a component, so its functions are found by their own.
  const key = Object.keys(docs).find((path) => path.endsWith(`#${name}`));
  return key === undefined ? "" : docs[key]!;
}

function signatureOf(params: FuncType["params"], result: ValueType | undefined, names: Description["names"]): string {
  const list = params.map(({ name, type }) => `${name}: ${structure(type, names)}`).join(", ");
  return `(${list}) -> ${result === undefined ? "()" : structure(result, names)}`;
}

/** A type with everything in it, so that a change deep inside shows. */
function structure(type: ValueType, names: Description["names"]): string {
  const inner = (t: ValueType | undefined): string => (t === undefined ? "_" : structure(t, names));
  switch (type.kind) {
    case "record":
      return `record{${type.fields.map((field) => `${field.name}:${inner(field.type)}`).join()}}`;
    case "variant":
      return `variant{${type.cases.map((item) => `${item.name}(${inner(item.type)})`).join()}}`;
    case "enum":
    case "flags":
      return `${type.kind}{${type.names.join()}}`;
    case "list":
      return `list<${inner(type.element)},${type.length}>`;
    case "map":
      return `map<${inner(type.key)},${inner(type.value)}>`;
    case "tuple":
      return `tuple<${type.types.map(inner).join()}>`;
    case "option":
    case "stream":
    case "future":
      return `${type.kind}<${inner(type.type)}>`;
    case "result":
      return `result<${inner(type.ok)},${inner(type.err)}>`;
    default:
      return typeName(type, names);
  }
}

/** A type in as few words as an author would use: names for what has one. */
export function typeName(type: ValueType | ResourceType | undefined, names: Description["names"]): string {
  if (type === undefined) return "_";
  if (type.kind === "resource") return type.name;
  return names.get(type) ?? formatParts(type, (part) => typeName(part, names));
}
