/**
 * Substitution of resource types and type imports, and the uses of types that bind resource types: each use of an
 * instance type, and each instantiation of a component, makes the resource types it binds anew.
 *
 * Follows design/mvp/Explainer.md, "Type Checking": generativity, and substitution at instantiation.
 */
import type { Context } from "./context.ts";
import {
  type ComponentEntity,
  type FuncEntity,
  type InstanceEntity,
  isCompound,
  isHandle,
  isValueEntity,
  type Item,
  renamed,
  type ResourceEntity,
  type ResourceId,
  type TypeEntity,
  type ValueEntity,
} from "./types.ts";

/** Replaces resource types, and whole type entities; what is untouched keeps its identity. */
export class Substitution {
  private readonly context: Context;
  private readonly ids: ReadonlyMap<ResourceId, ResourceId>;
  /** The replacements given, and then the results so far: shared types are visited once. */
  private readonly entities: Map<TypeEntity, TypeEntity>;

  constructor(
    context: Context,
    ids: ReadonlyMap<ResourceId, ResourceId>,
    entities: ReadonlyMap<TypeEntity, TypeEntity> = new Map(),
  ) {
    this.context = context;
    this.ids = ids;
    this.entities = new Map(entities);
  }

  item(item: Item): Item {
    if (item.kind === "core-module") return item;
    const type = this.type(item.type);
    return type === item.type ? item : ({ kind: item.kind, type } as Item);
  }

  items(items: ReadonlyMap<string, Item>): ReadonlyMap<string, Item> {
    let changed = false;
    this.context.spend(items.size);
    const result = new Map<string, Item>();
    for (const [name, item] of items) {
      const replaced = this.item(item);
      changed ||= replaced !== item;
      result.set(name, replaced);
    }
    return changed ? result : items;
  }

  /** As {@link items}, with every type exported by name made an entity of its own. */
  renamedItems(items: ReadonlyMap<string, Item>): ReadonlyMap<string, Item> {
    const result = new Map<string, Item>();
    for (const [name, item] of items) result.set(name, this.renamedItem(item));
    return result;
  }

  private renamedItem(item: Item): Item {
    // A copy of an instance is a map of its own with an entity for each type.
    this.context.spend(item.kind === "instance" ? 10 : 3);
    if (item.kind === "instance") {
      return { kind: "instance", type: { ...item.type, exports: this.renamedItems(item.type.exports) } };
    }
    if (item.kind !== "type") return this.item(item);
    const type = renamed(this.type(item.type));
    this.entities.set(item.type, type);
    return { kind: "type", type };
  }

  type(type: TypeEntity): TypeEntity {
    const known = this.entities.get(type);
    if (known !== undefined) return known;
    this.context.spend(1);
    const result = this.rebuild(type);
    this.entities.set(type, result);
    return result;
  }

  private rebuild(type: TypeEntity): TypeEntity {
    if (isValueEntity(type)) return this.rebuildValue(type);
    switch (type.kind) {
      case "resource": {
        const id = this.ids.get(type.id);
        return id === undefined ? type : { kind: "resource", id };
      }
      case "func":
        return this.rebuildFunc(type);
      case "instance": {
        const exports = this.items(type.exports);
        return exports === type.exports ? type : { ...type, exports };
      }
      case "component": {
        const imports = this.items(type.imports);
        const exports = this.items(type.exports);
        return imports === type.imports && exports === type.exports ? type : { ...type, imports, exports };
      }
    }
  }

  private rebuildValue(type: ValueEntity): ValueEntity {
    if (isHandle(type)) {
      const resource = this.type(type.resource) as ResourceEntity;
      return resource === type.resource ? type : { ...type, resource };
    }
    if (!isCompound(type)) return type;
    this.context.spend(type.parts.length >> 2);
    const parts = type.parts.map((part) => (part === undefined ? undefined : (this.type(part) as ValueEntity)));
    return parts.every((part, place) => part === type.parts[place]) ? type : { ...type, parts };
  }

  private rebuildFunc(type: FuncEntity): FuncEntity {
    let changed = false;
    const value = (part: ValueEntity): ValueEntity => {
      const replaced = this.type(part) as ValueEntity;
      changed ||= replaced !== part;
      return replaced;
    };
    this.context.spend(type.params.length >> 2);
    const params = type.params.map((param) => ({ name: param.name, type: value(param.type) }));
    const result = type.result === undefined ? undefined : value(type.result);
    return changed ? { ...type, params, result } : type;
  }
}

/** Maps every resource type of a set to a new abstract one. */
function freshIds(ids: Iterable<ResourceId>): Map<ResourceId, ResourceId> {
  return new Map([...ids].map((id) => [id, { owner: undefined }]));
}

/** The type of one instance of an instance type; the resource types made for it are added to `created`. */
export function openInstance(context: Context, type: InstanceEntity, created: Set<ResourceId>): InstanceEntity {
  context.spend(10 + 2 * type.bound.size);
  const ids = freshIds(type.bound);
  for (const id of ids.values()) created.add(id);
  return { ...type, exports: new Substitution(context, ids).renamedItems(type.exports), bound: new Set() };
}

/** The type of one instance of a component, once its imports are bound to what was supplied. */
export function openComponent(
  context: Context,
  type: ComponentEntity,
  ids: ReadonlyMap<ResourceId, ResourceId>,
  entities: ReadonlyMap<TypeEntity, TypeEntity>,
): InstanceEntity {
  context.spend(ids.size + entities.size + type.created.size);
  const substitution = new Substitution(context, new Map([...ids, ...freshIds(type.created)]), entities);
  const { size, depth } = type;
  return { kind: "instance", exports: substitution.items(type.exports), bound: new Set(), size, depth };
}

/** Collects the resource types that occur in types without being bound there. */
export class FreeResources {
  readonly ids: Set<ResourceId> = new Set();
  private readonly context: Context;
  private readonly seen: Set<TypeEntity> = new Set();

  constructor(context: Context) {
    this.context = context;
  }

  item(item: Item): void {
    if (item.kind !== "core-module") this.type(item.type);
  }

  type(type: TypeEntity): void {
    if (this.seen.has(type)) return;
    this.seen.add(type);
    this.context.spend(1);
    if (isValueEntity(type)) {
      if (isHandle(type)) this.ids.add(type.resource.id);
      else if (isCompound(type) && type.containsHandle) for (const part of type.parts) if (part) this.type(part);
      return;
    }
    switch (type.kind) {
      case "resource":
        this.ids.add(type.id);
        return;
      case "func":
        this.context.spend(type.params.length >> 2);
        for (const param of type.params) this.type(param.type);
        if (type.result !== undefined) this.type(type.result);
        return;
      case "instance":
        this.inside([...type.exports.values()], type.bound);
        return;
      case "component":
        this.inside([...type.imports.values(), ...type.exports.values()], type.imported, type.created);
        return;
    }
  }

  private inside(items: readonly Item[], ...bound: readonly ReadonlySet<ResourceId>[]): void {
    this.context.spend(items.length);
    if (bound.every((ids) => ids.size === 0)) {
      for (const item of items) this.item(item);
      return;
    }
    const inner = new FreeResources(this.context);
    for (const item of items) inner.item(item);
    this.context.spend(inner.ids.size);
    for (const id of inner.ids) if (!bound.some((ids) => ids.has(id))) this.ids.add(id);
  }
}
