/**
 * The uses of types that bind resource types: each use of an instance type, and each instantiation of a component, makes
 * the resource types it binds anew.
 *
 * Follows design/mvp/Explainer.md, "Type Checking": generativity, and substitution at instantiation.
 */
import { resourceOf, partsOf, typeOf } from "../../model/cases.ts";
import { holdsHandle } from "../../model/facts.ts";
import type { Matcher } from "../../model/subtype.ts";
import { NamedSubstitution } from "../../model/rename.ts";
import type { ComponentType, ExternDecl, ExternType, InstanceType, ResourceType, Type } from "../../model/types.ts";
import type { Context } from "./context.ts";

/** Maps every resource type of a set to a new abstract one. */
function fresh(bound: Iterable<ResourceType>): Map<ResourceType, ResourceType> {
  return new Map([...bound].map((resource) => [resource, { kind: "resource", name: resource.name }]));
}

/** Replaces resource types; each name of one becomes a name of the other. */
function replacing(
  context: Context,
  resources: ReadonlyMap<ResourceType, ResourceType>,
  types?: ReadonlyMap<Type, Type>,
): NamedSubstitution {
  const name = (resource: ResourceType): ResourceType => {
    const replaced = resources.get(resourceOf(resource));
    return replaced === undefined ? resource : { kind: "resource", name: resource.name, of: replaced };
  };
  return new NamedSubstitution(name, context.spend, types);
}

/** The type of one instance of an instance type; the resource types made for it are added to `created`. */
export function openInstance(context: Context, type: InstanceType, created: Set<ResourceType>): InstanceType {
  const bound = type.bound ?? new Set();
  context.spend(10 + 2 * bound.size);
  const resources = fresh(bound);
  for (const resource of resources.values()) created.add(resource);
  return { kind: "instance", exports: replacing(context, resources).renamedDecls(type.exports) };
}

/** The type of one instance of a component, once its imports are matched with what was supplied. */
export function openComponent(context: Context, type: ComponentType, { resources, types }: Matcher): InstanceType {
  const created = type.created ?? new Set();
  context.spend(resources.size + types.size + created.size);
  const substitution = replacing(context, new Map([...resources, ...fresh(created)]), types);
  return { kind: "instance", exports: substitution.decls(type.exports) };
}

/** Collects the resource types that occur in types without being bound there. */
export class FreeResources {
  readonly found: Set<ResourceType> = new Set();
  private readonly context: Context;
  private readonly seen: Set<Type> = new Set();

  constructor(context: Context) {
    this.context = context;
  }

  extern(extern: ExternType): void {
    if (extern.kind === "core-module") return;
    this.type(extern.kind === "type" || extern.kind === "resource-type" ? typeOf(extern) : extern);
  }

  type(type: Type): void {
    if (this.seen.has(type)) return;
    this.seen.add(type);
    this.context.spend(1);
    switch (type.kind) {
      case "resource":
        this.found.add(resourceOf(type));
        return;
      case "own":
      case "borrow":
        this.found.add(resourceOf(type.resource));
        return;
      case "func":
        this.context.spend(type.params.length >> 2);
        for (const param of type.params) this.type(param.type);
        if (type.result !== undefined) this.type(type.result);
        return;
      case "instance":
        this.inside(type.exports, type.bound);
        return;
      case "component":
        this.inside([...type.imports, ...type.exports], type.imported, type.created);
        return;
      default:
        if (holdsHandle(type)) for (const part of partsOf(type)) if (part !== undefined) this.type(part);
    }
  }

  private inside(decls: readonly ExternDecl[], ...bound: readonly (ReadonlySet<ResourceType> | undefined)[]): void {
    this.context.spend(decls.length);
    if (bound.every((resources) => (resources?.size ?? 0) === 0)) {
      for (const { type } of decls) this.extern(type);
      return;
    }
    const inner = new FreeResources(this.context);
    for (const { type } of decls) inner.extern(type);
    this.context.spend(inner.found.size);
    for (const resource of inner.found) {
      if (!bound.some((resources) => resources?.has(resource) === true)) this.found.add(resource);
    }
  }
}
