/** What a type is: a value's or not, its cases when it has some, its parts and labels; the exports of an instance by name. */
import type { ExternDecl, ExternType, ResourceType, Type, ValueType, VariantType } from "./types.ts";

export type Case = VariantType["cases"][number];

/** A type that is a variant, or one of the types that the specification treats as one. */
export type VariantLike = Extract<ValueType, { kind: "variant" | "enum" | "option" | "result" }>;

/** The cases of a variant, or of an enum, option or result seen as one ("Despecialization"). */
export function casesOf(type: VariantLike): readonly Case[] {
  switch (type.kind) {
    case "enum":
      return type.names.map((name) => ({ name, type: undefined }));
    case "variant":
      return type.cases;
    case "option":
      return [
        { name: "none", type: undefined },
        { name: "some", type: type.type },
      ];
    case "result":
      return [
        { name: "ok", type: type.ok },
        { name: "err", type: type.err },
      ];
  }
}

/** The properties that {@link partsOf} reads, of types with a certain number of parts. */
const partKeys: Readonly<Partial<Record<ValueType["kind"], readonly string[]>>> = {
  list: ["element"],
  map: ["key", "value"],
  option: ["type"],
  result: ["ok", "err"],
  stream: ["type"],
  future: ["type"],
};

type Parts = readonly (ValueType | undefined)[];

/** The types a type is made of directly; `undefined` where there is none, such as a case without payload. */
export function partsOf(type: ValueType): Parts {
  switch (type.kind) {
    case "record":
      return type.fields.map((field) => field.type);
    case "variant":
      return type.cases.map((c) => c.type);
    case "tuple":
      return type.types;
    case "list":
      return [type.element];
    case "option":
    case "stream":
    case "future":
      return [type.type];
    case "result":
      return [type.ok, type.err];
    case "map":
      return [type.key, type.value];
    default:
      return none;
  }
}

const none: Parts = [];

/** The type with each part replaced; itself where nothing changes. */
export function mapParts(type: ValueType, map: (part: ValueType) => ValueType): ValueType {
  const parts = partsOf(type);
  const mapped = parts.map((part) => part && map(part));
  return mapped.every((part, place) => part === parts[place]) ? type : withParts(type, mapped);
}

function withParts(type: ValueType, parts: Parts): ValueType {
  const members = (named: readonly { readonly name: string }[]): readonly { name: string; type: ValueType }[] =>
    named.map(({ name }, place) => ({ name, type: parts[place]! }));
  switch (type.kind) {
    case "record":
      return { ...type, fields: members(type.fields) };
    case "variant":
      return { ...type, cases: members(type.cases) };
    case "tuple":
      return { ...type, types: parts as readonly ValueType[] };
    default:
      return { ...type, ...Object.fromEntries(partKeys[type.kind]!.map((key, place) => [key, parts[place]])) };
  }
}

/** The names of a type's fields, cases, flags or values, where it has any; in the order of {@link partsOf} where there are parts. */
export function labelsOf(type: ValueType): readonly string[] {
  switch (type.kind) {
    case "record":
      return type.fields.map((field) => field.name);
    case "variant":
      return type.cases.map((c) => c.name);
    case "flags":
    case "enum":
      return type.names;
    default:
      return [];
  }
}

/** Whether any part of a type satisfies a test. Parts that are shared are looked at once: types unfold without end. */
export function someType(
  type: ValueType | undefined,
  test: (type: ValueType) => boolean,
  seen: Set<ValueType> = new Set(),
): boolean {
  if (type === undefined || seen.has(type)) return false;
  seen.add(type);
  return test(type) || partsOf(type).some((part) => someType(part, test, seen));
}

const byName = new WeakMap<readonly ExternDecl[], ReadonlyMap<string, ExternType>>();

/** Declarations by name, put in order once. */
export function declsByName(decls: readonly ExternDecl[]): ReadonlyMap<string, ExternType> {
  let map = byName.get(decls);
  if (map === undefined) byName.set(decls, (map = new Map(decls.map(({ name, type }) => [name, type]))));
  return map;
}

/** Whether a type that has a name is one of values. */
export function isValueType(type: Type): type is ValueType {
  return type.kind !== "func" && type.kind !== "instance" && type.kind !== "component" && type.kind !== "resource";
}

/** The resource type itself, whichever of its names this is. */
export function resourceOf(resource: ResourceType): ResourceType {
  return resource.of ?? resource;
}

/** The type that an import or export of a type stands for, under the name that it gives it. */
export function typeOf(extern: Extract<ExternType, { kind: "type" | "resource-type" }>): Type {
  return extern.kind === "type" ? extern.type : extern.resource;
}

/** An import or export of a type. */
export function externOf(type: Type): Extract<ExternType, { kind: "type" | "resource-type" }> {
  return type.kind === "resource" ? { kind: "resource-type", resource: type } : { kind: "type", type };
}
