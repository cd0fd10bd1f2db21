/**
 * Resource identity between modules. A component's resource types are its own objects, new with every compilation and
 * shared by all instances of one component; a module's resources must be the same across its versions and different from
 * those of every other module. So each module gives its exported resources identities of its own, and its exports are
 * rewritten to mention those, and those of the modules it imports from.
 */
import type { ResourceBindings } from "../../model/subtype.ts";
import type { ExternDecl, ExternType, FuncType, ResourceType, ValueType } from "../../model/types.ts";
import { compatibilityKey } from "../../model/ids.ts";
import type { Exporter, ExportingVersion } from "../contract.ts";

const identified = new WeakMap<ExportingVersion, readonly ExternDecl[]>();

/** What a version of a module exports, with the resource identities that other modules know. */
export function identifiedExports(exporter: Exporter, version: ExportingVersion): readonly ExternDecl[] {
  let decls = identified.get(version);
  if (decls === undefined) identified.set(version, (decls = identify(exporter.resources, version)));
  return decls;
}

function identify(
  known: Map<string, ResourceType>,
  { component: { exports: decls }, resources: imported }: ExportingVersion,
): readonly ExternDecl[] {
  const identities: ResourceBindings = new Map(imported);
  const identifyIn = (key: string, items: readonly ExternDecl[]): void => {
    for (const { name, type } of items) {
      if (type.kind !== "resource-type" || identities.has(type.resource)) continue;
      const path = `${key}#${name}`;
      const identity = known.get(path) ?? { kind: "resource", name: type.resource.name };
      known.set(path, identity);
      identities.set(type.resource, identity);
    }
  };
  // Those of the world itself, then those of its interfaces.
  identifyIn("", decls);
  for (const { name, type } of decls) if (type.kind === "instance") identifyIn(compatibilityKey(name), type.exports);
  return identities.size === 0 ? decls : new Substitution(identities).decls(decls);
}

/** Rewrites types, sharing what is shared. */
class Substitution {
  readonly #identities: ResourceBindings;
  readonly #done = new Map<ValueType, ValueType>();

  constructor(identities: ResourceBindings) {
    this.#identities = identities;
  }

  decls(decls: readonly ExternDecl[]): readonly ExternDecl[] {
    return decls.map(({ name, type }) => ({ name, type: this.#extern(type) }));
  }

  #extern(type: ExternType): ExternType {
    switch (type.kind) {
      case "func":
        return this.#func(type);
      case "instance":
        return { kind: "instance", exports: this.decls(type.exports) };
      case "resource-type":
        return { kind: "resource-type", resource: this.#resource(type.resource) };
      case "type":
        return { kind: "type", type: this.#named(type.type) };
      case "component":
      case "core-module":
        return type;
    }
  }

  #named(type: Extract<ExternType, { kind: "type" }>["type"]): Extract<ExternType, { kind: "type" }>["type"] {
    if (type.kind === "func") return this.#func(type);
    if (type.kind === "instance") return { kind: "instance", exports: this.decls(type.exports) };
    return type.kind === "component" ? type : this.#value(type);
  }

  #func({ params, result, async }: FuncType): FuncType {
    return {
      kind: "func",
      params: params.map(({ name, type }) => ({ name, type: this.#value(type) })),
      result: this.#optional(result),
      async,
    };
  }

  #resource(resource: ResourceType): ResourceType {
    return this.#identities.get(resource) ?? resource;
  }

  #optional(type: ValueType | undefined): ValueType | undefined {
    return type === undefined ? undefined : this.#value(type);
  }

  #value(type: ValueType): ValueType {
    let rewritten = this.#done.get(type);
    if (rewritten === undefined) this.#done.set(type, (rewritten = this.#rewrite(type)));
    return rewritten;
  }

  #rewrite(type: ValueType): ValueType {
    switch (type.kind) {
      case "own":
      case "borrow":
        return { ...type, resource: this.#resource(type.resource) };
      case "list":
        return { ...type, element: this.#value(type.element) };
      case "map":
        return { ...type, key: this.#value(type.key), value: this.#value(type.value) };
      case "record":
        return { ...type, fields: type.fields.map(({ name, type: field }) => ({ name, type: this.#value(field) })) };
      case "variant":
        return {
          ...type,
          cases: type.cases.map(({ name, type: payload }) => ({ name, type: this.#optional(payload) })),
        };
      case "tuple":
        return { ...type, types: type.types.map((item) => this.#value(item)) };
      case "option":
        return { ...type, type: this.#value(type.type) };
      case "result":
        return { ...type, ok: this.#optional(type.ok), err: this.#optional(type.err) };
      case "stream":
      case "future":
        return { ...type, type: this.#optional(type.type) };
      default:
        return type;
    }
  }
}
