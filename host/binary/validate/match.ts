/**
 * Whether one item may be supplied where another is declared: subtyping with resource types bound along the way.
 *
 * Follows design/mvp/Subtyping.md and design/mvp/Binary.md, "Instance Definitions": value types must be equal, an
 * instance may export more, a component may import less and export more, and each resource type that the declaration
 * leaves open is bound to the first one supplied for it.
 */
import type { CoreModuleType } from "../../model/types.ts";
import { explainCoreModule } from "../../model/core-subtype.ts";
import type { Context } from "./context.ts";
import { Substitution } from "./substitute.ts";
import {
  type ComponentEntity,
  describe,
  type FuncEntity,
  isCompound,
  isHandle,
  isValueEntity,
  type Item,
  type ResourceEntity,
  type ResourceId,
  type TypeEntity,
  type ValueEntity,
} from "./types.ts";

const itemNames: Readonly<Record<Item["kind"], string>> = {
  "core-module": "a core module",
  func: "a function",
  instance: "an instance",
  component: "a component",
  type: "a type",
};

/** One comparison of supplied items with declared ones. Its methods return why an item does not fit. */
export class Matcher {
  /** What the open resource types of the declaration are bound to so far. */
  readonly ids: Map<ResourceId, ResourceId> = new Map();
  /** What was supplied for each declared type. */
  readonly entities: Map<TypeEntity, TypeEntity> = new Map();
  private readonly context: Context;
  private readonly open: ReadonlySet<ResourceId>;

  /** @param open the resource types of the declaration that may be bound */
  constructor(context: Context, open: ReadonlySet<ResourceId>) {
    this.context = context;
    this.open = open;
  }

  item(found: Item, wanted: Item): string | undefined {
    this.context.spend(1);
    if (found.kind !== wanted.kind) return `expected ${itemNames[wanted.kind]}, found ${itemNames[found.kind]}`;
    switch (wanted.kind) {
      case "core-module":
        return this.coreModule(found.type as CoreModuleType, wanted.type);
      case "func":
        return this.func(found.type as FuncEntity, wanted.type);
      case "instance":
        return this.items((found.type as typeof wanted.type).exports, wanted.type.exports);
      case "component":
        return this.component(found.type as ComponentEntity, wanted.type);
      case "type": {
        const why = this.type(found.type as TypeEntity, wanted.type);
        if (why === undefined) this.entities.set(wanted.type, found.type as TypeEntity);
        return why;
      }
    }
  }

  private coreModule(found: CoreModuleType, wanted: CoreModuleType): string | undefined {
    for (const { imports, exports } of [found, wanted]) {
      this.context.spend(imports.length + exports.length);
      for (const { type } of imports) if (type.kind === "core-func") this.context.spend(type.params.length >> 3);
      for (const { type } of exports) if (type.kind === "core-func") this.context.spend(type.params.length >> 3);
    }
    return explainCoreModule(found, wanted);
  }

  private items(found: ReadonlyMap<string, Item>, wanted: ReadonlyMap<string, Item>): string | undefined {
    for (const [name, item] of wanted) {
      const supplied = found.get(name);
      if (supplied === undefined) return `the export \`${name}\` is missing`;
      const why = this.item(supplied, item);
      if (why !== undefined) return `export \`${name}\`: ${why}`;
    }
    return undefined;
  }

  private type(found: TypeEntity, wanted: TypeEntity): string | undefined {
    this.context.spend(1);
    if (wanted.kind === "resource") {
      return found.kind === "resource"
        ? this.resource(found, wanted)
        : `expected a resource type, found ${describe(found)}`;
    }
    if (isValueEntity(wanted)) {
      return isValueEntity(found) ? this.value(found, wanted) : `expected ${wanted.kind}, found ${describe(found)}`;
    }
    if (found.kind !== wanted.kind) return `expected ${describe(wanted)}, found ${describe(found)}`;
    if (wanted.kind === "func") return this.func(found as FuncEntity, wanted);
    // Instance and component types are equal when each is a subtype of the other.
    const item = (type: TypeEntity): Item => ({ kind: type.kind, type }) as Item;
    const bound = (type: TypeEntity): ReadonlySet<ResourceId> => (type.kind === "instance" ? type.bound : new Set());
    this.context.spend(2 * (this.open.size + this.ids.size + bound(wanted).size + bound(found).size));
    const forth = new Matcher(this.context, new Set([...this.open, ...bound(wanted)]));
    for (const [id, supplied] of this.ids) forth.ids.set(id, supplied);
    const why = forth.item(item(found), item(wanted));
    if (why !== undefined) return why;
    const resolved = new Substitution(this.context, this.ids).type(wanted);
    return new Matcher(this.context, bound(found)).item(item(resolved), item(found));
  }

  private resource(found: ResourceEntity, wanted: ResourceEntity): string | undefined {
    const bound = this.ids.get(wanted.id);
    if (bound === undefined && this.open.has(wanted.id)) {
      this.ids.set(wanted.id, found.id);
      return undefined;
    }
    return (bound ?? wanted.id) === found.id ? undefined : "the resource types are not the same";
  }

  func(found: FuncEntity, wanted: FuncEntity): string | undefined {
    if (found.async !== wanted.async) {
      return `expected ${wanted.async ? "an async" : "a synchronous"} function, found the other kind`;
    }
    if (found.params.length !== wanted.params.length) {
      return `expected ${wanted.params.length} parameters, found ${found.params.length}`;
    }
    this.context.spend(wanted.params.length >> 2);
    for (const [place, { name, type }] of wanted.params.entries()) {
      const param = found.params[place]!;
      if (param.name !== name) return `expected a parameter named \`${name}\`, found \`${param.name}\``;
      const why = this.value(param.type, type);
      if (why !== undefined) return `parameter \`${name}\`: ${why}`;
    }
    const why = this.optional(found.result, wanted.result);
    return why === undefined ? undefined : `result: ${why}`;
  }

  private optional(found: ValueEntity | undefined, wanted: ValueEntity | undefined): string | undefined {
    if (found === undefined && wanted === undefined) return undefined;
    if (found === undefined) return `expected ${wanted!.kind}, found nothing`;
    if (wanted === undefined) return `expected nothing, found ${found.kind}`;
    return this.value(found, wanted);
  }

  private value(found: ValueEntity, wanted: ValueEntity): string | undefined {
    this.context.spend(1);
    if (found === wanted && !wanted.containsHandle) return undefined;
    if (found.kind !== wanted.kind) return `expected ${wanted.kind}, found ${found.kind}`;
    if (isHandle(wanted)) return this.resource((found as typeof wanted).resource, wanted.resource);
    if (!isCompound(wanted)) return undefined;
    const other = found as typeof wanted;
    if (other.length !== wanted.length)
      return `expected a list of length ${wanted.length ?? "any"}, found ${other.length ?? "any"}`;
    if (other.parts.length !== wanted.parts.length || other.labels.length !== wanted.labels.length) {
      const count = (type: typeof wanted): number => Math.max(type.parts.length, type.labels.length);
      return `${wanted.kind}: expected ${count(wanted)} parts, found ${count(other)}`;
    }
    this.context.spend(wanted.labels.length);
    for (const [place, label] of wanted.labels.entries()) {
      if (other.labels[place] !== label)
        return `expected \`${label}\` in the ${wanted.kind}, found \`${other.labels[place]}\``;
    }
    for (const [place, part] of wanted.parts.entries()) {
      const why = this.optional(other.parts[place], part);
      if (why !== undefined) return `${wanted.kind} ${wanted.labels[place] ?? place}: ${why}`;
    }
    return undefined;
  }

  private component(found: ComponentEntity, wanted: ComponentEntity): string | undefined {
    const declared = new Substitution(this.context, this.ids).type(wanted) as ComponentEntity;
    if (found === declared) return undefined;
    const imports = new Matcher(this.context, found.imported);
    for (const [name, item] of found.imports) {
      const supplied = declared.imports.get(name);
      if (supplied === undefined) return `the import \`${name}\` is not expected`;
      const why = imports.item(supplied, item);
      if (why !== undefined) return `import \`${name}\`: ${why}`;
    }
    const exports = new Substitution(this.context, imports.ids, imports.entities).items(found.exports);
    return new Matcher(this.context, declared.created).items(exports, declared.exports);
  }
}
