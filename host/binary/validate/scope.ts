/**
 * One scope of definitions: a component, a component type or an instance type, with its index spaces of types and
 * items, its imports and exports, and the scope around it.
 *
 * Follows design/mvp/Binary.md, "Type Definitions", "Alias Definitions" and "Import and Export Definitions".
 */
import { declsByName, externOf, resourceOf, isValueType, typeOf } from "../../model/cases.ts";
import { holdsBorrow } from "../../model/facts.ts";
import { renamed } from "../../model/rename.ts";
import type {
  ComponentType,
  CoreModuleType,
  ExternDecl,
  ExternType,
  FuncType,
  InstanceType,
  PrimitiveKind,
  PrimitiveType,
  ResourceType,
  Type,
  ValueType,
} from "../../model/types.ts";
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
import { FreeResources, openInstance } from "./open.ts";
import { checked, describe, sortOf } from "./types.ts";
import { Visibility } from "./visibility.ts";

export class Scope {
  readonly context: Context;
  readonly kind: "component" | "component-type" | "instance-type";
  readonly parent: Scope | undefined;
  readonly types: Type[] = [];
  readonly coreTypes: CoreTypeEntity[] = [];
  readonly modules: CoreModuleType[] = [];
  readonly funcs: FuncType[] = [];
  readonly instances: InstanceType[] = [];
  readonly components: ComponentType[] = [];
  readonly imports: ExternDecl[] = [];
  readonly exports: ExternDecl[] = [];
  /** The resource types that are defined here, in order. */
  readonly local: Set<ResourceType> = new Set();
  /** The resource types that imports introduce. */
  readonly imported: Set<ResourceType> = new Set();
  /** The resource types that exports of a type introduce. */
  readonly created: Set<ResourceType> = new Set();
  // Made when they are first needed: a megabyte may declare half a million types that have no imports or exports.
  private importNames: NameScope | undefined = undefined;
  private exportNames: NameScope | undefined = undefined;
  private visibility: Visibility | undefined = undefined;
  private readonly primitives: Map<PrimitiveKind, PrimitiveType>;

  constructor(context: Context, kind: Scope["kind"], parent: Scope | undefined) {
    this.context = context;
    this.kind = kind;
    this.parent = parent;
    this.primitives = parent?.primitives ?? new Map();
  }

  // Types.

  value(raw: RawValueType): ValueType {
    if (raw.kind === "index") {
      const type = this.context.item(this.types, raw.index, "type");
      if (!isValueType(type)) this.context.fail(`Type ${raw.index} is ${describe(type)}, not a defined type`);
      return type;
    }
    let type = this.primitives.get(raw.kind);
    if (type === undefined) this.primitives.set(raw.kind, (type = { kind: raw.kind }));
    return type;
  }

  optional(raw: RawValueType | undefined): ValueType | undefined {
    return raw === undefined ? undefined : this.value(raw);
  }

  resource(index: number): ResourceType {
    const type = this.context.item(this.types, index, "type");
    if (type.kind !== "resource") this.context.fail(`Type ${index} is ${describe(type)}, not a resource type`);
    return type;
  }

  /** Evaluates a type definition; those of resources are for the component to make. */
  define(raw: Exclude<RawType, { kind: "resource" }>): Type {
    switch (raw.kind) {
      case "func":
        return this.func(raw);
      case "component":
      case "instance":
        return this.typeOfDeclarators(raw);
      default:
        return defineValueType(this, raw);
    }
  }

  private func(raw: RawFuncType): FuncType {
    const context: Context = this.context;
    checkLabels(
      context,
      raw.params.map((param) => param.name),
      "function parameter",
    );
    const params = raw.params.map((param) => ({ name: param.name, type: this.value(param.type) }));
    const result = this.optional(raw.result);
    if (holdsBorrow(result)) context.fail("A function result cannot contain a `borrow` type");
    return checked(context, { kind: "func", params, result, async: raw.async });
  }

  private typeOfDeclarators(raw: RawComponentType): ComponentType | InstanceType {
    const context: Context = this.context;
    const scope = new Scope(context, raw.kind === "component" ? "component-type" : "instance-type", this);
    for (const declarator of raw.declarators) {
      context.offset = declarator.offset;
      scope.declare(declarator);
    }
    return raw.kind === "component" ? scope.componentType() : scope.instanceType();
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
        this.export(declarator.name, this.extern(declarator.type, declarator.name.name, this.created));
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

  /** What an extern type declares; the resource types made for it are added to `created`. `name` is the one it gets. */
  extern(raw: RawExternType, name: string, created: Set<ResourceType>): ExternType {
    const context: Context = this.context;
    switch (raw.kind) {
      case "core-module": {
        const type = context.item(this.coreTypes, raw.index, "core type");
        if (type.kind !== "core-module") context.fail(`Core type ${raw.index} is not a module type`);
        return type;
      }
      case "func":
      case "component":
      case "instance": {
        const type = context.item(this.types, raw.index, "type");
        if (type.kind !== raw.kind) {
          const wanted = { func: "a function", component: "a component", instance: "an instance" }[raw.kind];
          context.fail(`Type ${raw.index} is ${describe(type)}, not ${wanted} type`);
        }
        return type.kind === "instance" ? openInstance(context, type, created) : (type as FuncType | ComponentType);
      }
      case "type": {
        if (raw.bound.kind === "eq") return named(context.item(this.types, raw.bound.index, "type"), name);
        const resource: ResourceType = { kind: "resource", name };
        created.add(resource);
        return { kind: "resource-type", resource };
      }
    }
  }

  // Imports and exports.

  import(name: RawName, raw: RawExternType): void {
    const type = this.extern(raw, name.name, this.imported);
    (this.importNames ??= new NameScope(this.context, "import")).add(name, type);
    this.admit(type, "import", name.name);
    if (this.kind === "component") this.checkImportIsClosed(name, type);
    this.imports.push({ name: name.name, type });
    this.push(type);
  }

  /** Adds an export whose type is already under a name of its own. */
  export(name: RawName, type: ExternType): void {
    (this.exportNames ??= new NameScope(this.context, "export")).add(name, type);
    this.admit(type, "export", name.name);
    this.exports.push({ name: name.name, type });
    this.push(type);
  }

  /** What a component imports cannot depend on resource types that it makes itself. */
  private checkImportIsClosed(name: RawName, type: ExternType): void {
    const free = new FreeResources(this.context);
    free.extern(type);
    for (const resource of free.found) {
      if (!this.imported.has(resource)) {
        this.context.fail(
          `The import ${JSON.stringify(name.name)} refers to a resource type that is not imported before it`,
        );
      }
    }
  }

  private admit(type: ExternType, as: "import" | "export", name: string): void {
    // The visibility of what an instance type exports is judged where the type is used.
    if (this.kind === "instance-type") return;
    if ((this.visibility ??= new Visibility(this.context)).admit(type, as)) return;
    const what = type.kind === "core-module" ? "core module" : sortOf(type);
    this.context.fail(
      `The ${what} ${JSON.stringify(name)} is not valid to be used as ${as}: it refers to a type that is not ${as}ed by name before it`,
    );
  }

  push(type: ExternType): void {
    switch (type.kind) {
      case "core-module":
        this.modules.push(type);
        return;
      case "func":
        this.funcs.push(type);
        return;
      case "instance":
        this.instances.push(type);
        return;
      case "component":
        this.components.push(type);
        return;
      case "type":
      case "resource-type":
        this.types.push(typeOf(type));
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
      if (free.found.size > 0) {
        context.fail(
          "An outer alias of a type that transitively refers to resources cannot cross a component boundary",
        );
      }
    }
    this.types.push(type);
  }

  private exported(instance: number, name: string, sort: string): ExternType {
    const context: Context = this.context;
    const type = declsByName(context.item(this.instances, instance, "instance").exports).get(name);
    if (type === undefined) context.fail(`Instance ${instance} has no export named ${JSON.stringify(name)}`);
    if (sortOf(type) !== sort) {
      context.fail(`The export ${JSON.stringify(name)} of instance ${instance} is a ${sortOf(type)}, not a ${sort}`);
    }
    return type;
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

  instanceType(): InstanceType {
    const bound = this.created.size === 0 ? none : this.created;
    return checked(this.context, { kind: "instance", exports: this.exports, bound });
  }

  componentType(): ComponentType {
    const context: Context = this.context;
    const { imports, exports, imported } = this;
    let { created } = this;
    if (this.kind === "component") {
      // A component is closed: what its exports mention and its imports do not introduce is made at instantiation.
      const free = new FreeResources(context);
      for (const { type } of exports) free.extern(type);
      created = new Set([...free.found].filter((resource) => !imported.has(resource)));
    }
    return checked(context, { kind: "component", imports, exports, imported, created });
  }
}

const none: ReadonlySet<ResourceType> = new Set();

/** A type under the name that an import or export gives it. */
export function named(type: Type, name: string): ExternType {
  if (type.kind === "resource") nameResource(type, name);
  return externOf(renamed(type, name));
}

/** A resource that has no name yet gets this one, for messages. */
export function nameResource(resource: ResourceType, name: string): void {
  resourceOf(resource).name ||= name;
}
