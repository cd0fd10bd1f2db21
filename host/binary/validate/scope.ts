/**
 * One scope of definitions: a component, a component type or an instance type, with its index spaces of types and
 * items, its imports and exports, and the scope around it.
 *
 * Follows design/mvp/Binary.md, "Type Definitions", "Alias Definitions" and "Import and Export Definitions".
 */
import type { CoreModuleType, PrimitiveKind } from "../../model/types.ts";
import type {
  AliasDefinition,
  RawComponentType,
  RawCoreType,
  RawDeclarator,
  RawExternType,
  RawFuncType,
  RawName,
  RawType,
  RawValueType,
} from "../definition.ts";
import type { Context } from "./context.ts";
import { type CoreTypeEntity, evaluateModuleType } from "./core.ts";
import { defineValueType } from "./define.ts";
import { checkLabels, NameScope } from "./names.ts";
import { FreeResources, openInstance } from "./substitute.ts";
import {
  type ComponentEntity,
  describe,
  extentOf,
  extentOfItems,
  type FuncEntity,
  type InstanceEntity,
  isValueEntity,
  type Item,
  primitiveEntity,
  renamed,
  type ResourceEntity,
  type ResourceId,
  type TypeEntity,
  type ValueEntity,
} from "./types.ts";
import { Visibility } from "./visibility.ts";

export class Scope {
  readonly context: Context;
  readonly kind: "component" | "component-type" | "instance-type";
  readonly parent: Scope | undefined;
  readonly types: TypeEntity[] = [];
  readonly coreTypes: CoreTypeEntity[] = [];
  readonly modules: CoreModuleType[] = [];
  readonly funcs: FuncEntity[] = [];
  readonly instances: InstanceEntity[] = [];
  readonly components: ComponentEntity[] = [];
  readonly imports: Map<string, Item> = new Map();
  readonly exports: Map<string, Item> = new Map();
  /** The resource types that imports introduce. */
  readonly imported: Set<ResourceId> = new Set();
  /** The resource types that exports of a type introduce. */
  readonly created: Set<ResourceId> = new Set();
  private readonly importNames: NameScope;
  private readonly exportNames: NameScope;
  private readonly visibility: Visibility;
  private readonly primitives: Map<PrimitiveKind, ValueEntity>;

  constructor(context: Context, kind: Scope["kind"], parent: Scope | undefined) {
    this.context = context;
    this.kind = kind;
    this.parent = parent;
    this.importNames = new NameScope(context, "import");
    this.exportNames = new NameScope(context, "export");
    this.visibility = new Visibility(context);
    this.primitives = parent?.primitives ?? new Map();
  }

  // Types.

  value(raw: RawValueType): ValueEntity {
    if (raw.kind === "index") {
      const type = this.context.item(this.types, raw.index, "type");
      if (!isValueEntity(type)) this.context.fail(`Type ${raw.index} is ${describe(type)}, not a defined type`);
      return type;
    }
    let type = this.primitives.get(raw.kind);
    if (type === undefined) this.primitives.set(raw.kind, (type = primitiveEntity(raw.kind)));
    return type;
  }

  optional(raw: RawValueType | undefined): ValueEntity | undefined {
    return raw === undefined ? undefined : this.value(raw);
  }

  resource(index: number): ResourceEntity {
    const type = this.context.item(this.types, index, "type");
    if (type.kind !== "resource") this.context.fail(`Type ${index} is ${describe(type)}, not a resource type`);
    return type;
  }

  /** Evaluates a type definition; those of resources are for the component to make. */
  define(raw: Exclude<RawType, { kind: "resource" }>): TypeEntity {
    switch (raw.kind) {
      case "func":
        return this.func(raw);
      case "component":
      case "instance":
        return this.componentType(raw);
      default:
        return defineValueType(this, raw);
    }
  }

  private func(raw: RawFuncType): FuncEntity {
    const context: Context = this.context;
    checkLabels(
      context,
      raw.params.map((param) => param.name),
      "function parameter",
    );
    const params = raw.params.map((param) => ({ name: param.name, type: this.value(param.type) }));
    const result = this.optional(raw.result);
    if (result?.containsBorrow === true) context.fail("A function result cannot contain a `borrow` type");
    const extent = extentOf(context, [...params.map((param) => param.type), result], 1 + params.length);
    return { kind: "func", params, result, async: raw.async, ...extent };
  }

  private componentType(raw: RawComponentType): ComponentEntity | InstanceEntity {
    const context: Context = this.context;
    const scope = new Scope(context, raw.kind === "component" ? "component-type" : "instance-type", this);
    for (const declarator of raw.declarators) {
      context.offset = declarator.offset;
      scope.declare(declarator);
    }
    return raw.kind === "component" ? scope.componentEntity() : scope.instanceEntity();
  }

  private declare(declarator: RawDeclarator): void {
    switch (declarator.kind) {
      case "core-type":
        this.coreTypes.push(this.coreType(declarator.type));
        return;
      case "type":
        if (declarator.type.kind === "resource") {
          this.context.fail("Resources can only be defined within a concrete component");
        }
        this.types.push(this.define(declarator.type));
        return;
      case "alias":
        this.alias(declarator);
        return;
      case "import":
        this.import(declarator.name, declarator.type);
        return;
      case "export-type": {
        this.export(declarator.name, this.extern(declarator.type, this.created));
        return;
      }
    }
  }

  coreType(raw: RawCoreType): CoreTypeEntity {
    if (raw.kind !== "core-module") return raw;
    return evaluateModuleType(this.context, raw.declarators, (count, index) =>
      this.context.item(this.outer(count).coreTypes, index, "core type"),
    );
  }

  /** The item that an extern type declares; the resource types made for it are added to `created`. */
  extern(raw: RawExternType, created: Set<ResourceId>): Item {
    const context: Context = this.context;
    switch (raw.kind) {
      case "core-module": {
        const type = context.item(this.coreTypes, raw.index, "core type");
        if (type.kind !== "core-module") context.fail(`Core type ${raw.index} is not a module type`);
        return { kind: "core-module", type };
      }
      case "func": {
        const type = context.item(this.types, raw.index, "type");
        if (type.kind !== "func") context.fail(`Type ${raw.index} is ${describe(type)}, not a function type`);
        return { kind: "func", type };
      }
      case "component": {
        const type = context.item(this.types, raw.index, "type");
        if (type.kind !== "component") context.fail(`Type ${raw.index} is ${describe(type)}, not a component type`);
        return { kind: "component", type };
      }
      case "instance": {
        const type = context.item(this.types, raw.index, "type");
        if (type.kind !== "instance") context.fail(`Type ${raw.index} is ${describe(type)}, not an instance type`);
        return { kind: "instance", type: openInstance(context, type, created) };
      }
      case "type": {
        if (raw.bound.kind === "eq") {
          return { kind: "type", type: renamed(context.item(this.types, raw.bound.index, "type")) };
        }
        const id: ResourceId = { owner: undefined };
        created.add(id);
        return { kind: "type", type: { kind: "resource", id } };
      }
      case "value":
        return context.fail("Value imports and exports are not supported");
    }
  }

  // Imports and exports.

  import(name: RawName, raw: RawExternType): void {
    const item = this.extern(raw, this.imported);
    this.importNames.add(name, item);
    this.admit(item, "import", name.name);
    if (this.kind === "component") this.checkImportIsClosed(name, item);
    this.imports.set(name.name, item);
    this.push(item);
  }

  /** Adds an export whose item is already under a name of its own. */
  export(name: RawName, item: Item): void {
    this.exportNames.add(name, item);
    this.admit(item, "export", name.name);
    this.exports.set(name.name, item);
    this.push(item);
  }

  /** What a component imports cannot depend on resource types that it makes itself. */
  private checkImportIsClosed(name: RawName, item: Item): void {
    const free = new FreeResources(this.context);
    free.item(item);
    for (const id of free.ids) {
      if (!this.imported.has(id)) {
        this.context.fail(
          `The import ${JSON.stringify(name.name)} refers to a resource type that is not imported before it`,
        );
      }
    }
  }

  private admit(item: Item, as: "import" | "export", name: string): void {
    // The visibility of what an instance type exports is judged where the type is used.
    if (this.kind === "instance-type" || this.visibility.admit(item, as)) return;
    const what = item.kind === "core-module" ? "core module" : item.kind;
    this.context.fail(
      `The ${what} ${JSON.stringify(name)} is not valid to be used as ${as}: it refers to a type that is not ${as}ed by name before it`,
    );
  }

  push(item: Item): void {
    switch (item.kind) {
      case "core-module":
        this.modules.push(item.type);
        return;
      case "func":
        this.funcs.push(item.type);
        return;
      case "instance":
        this.instances.push(item.type);
        return;
      case "component":
        this.components.push(item.type);
        return;
      case "type":
        this.types.push(item.type);
        return;
    }
  }

  // Aliases of what components and types alike may alias; components add those of core instances.

  alias({ target }: AliasDefinition): void {
    const context: Context = this.context;
    const declarator = this.kind !== "component";
    if (target.kind === "core-export") context.fail("An alias in a type may only refer to types or instances");
    if (target.kind === "export") {
      if (declarator && target.sort !== "type" && target.sort !== "instance") {
        context.fail("An export alias in a type may only refer to types or instances");
      }
      this.push(this.exported(target.instance, target.name, target.sort));
      return;
    }
    if (declarator && target.sort !== "type") {
      context.fail("An outer alias in a type may only refer to types or core types");
    }
    const scope = this.outer(target.count);
    if (target.core) {
      if (target.sort === "type") this.coreTypes.push(context.item(scope.coreTypes, target.index, "core type"));
      else this.modules.push(context.item(scope.modules, target.index, "core module"));
      return;
    }
    if (target.sort === "component") {
      this.components.push(context.item(scope.components, target.index, "component"));
      return;
    }
    const type = context.item(scope.types, target.index, "type");
    if (this.crossesComponent(target.count)) {
      const free = new FreeResources(context);
      free.type(type);
      if (free.ids.size > 0) {
        context.fail(
          "An outer alias of a type that transitively refers to resources cannot cross a component boundary",
        );
      }
    }
    this.types.push(type);
  }

  private exported(instance: number, name: string, sort: string): Item {
    const context: Context = this.context;
    const item = context.item(this.instances, instance, "instance").exports.get(name);
    if (item === undefined) context.fail(`Instance ${instance} has no export named ${JSON.stringify(name)}`);
    if (item.kind !== sort) {
      context.fail(`The export ${JSON.stringify(name)} of instance ${instance} is a ${item.kind}, not a ${sort}`);
    }
    return item;
  }

  /** The scope a number of steps outward, 0 this one. */
  outer(count: number): Scope {
    const scope = this.ancestor(count);
    return (
      scope ?? this.context.fail(`An outer alias count of ${count} is invalid here: there are fewer scopes around`)
    );
  }

  private ancestor(count: number): Scope | undefined {
    return count === 0 ? this : this.parent?.ancestor(count - 1);
  }

  private crossesComponent(count: number): boolean {
    return count > 0 && (this.kind === "component" || this.parent?.crossesComponent(count - 1) === true);
  }

  // The type of the scope as a whole.

  instanceEntity(): InstanceEntity {
    const extent = extentOfItems(this.context, this.exports.values());
    return { kind: "instance", exports: this.exports, bound: this.created, ...extent };
  }

  componentEntity(): ComponentEntity {
    const context: Context = this.context;
    const { imports, exports, imported } = this;
    const extent = extentOfItems(context, [...imports.values(), ...exports.values()]);
    let { created } = this;
    if (this.kind === "component") {
      // A component is closed: what its exports mention and its imports do not introduce is made at instantiation.
      const free = new FreeResources(context);
      for (const item of exports.values()) free.item(item);
      created = new Set([...free.ids].filter((id) => !imported.has(id)));
    }
    return { kind: "component", imports, exports, imported, created, ...extent };
  }
}
