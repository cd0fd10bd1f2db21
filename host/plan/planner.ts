/**
 * definition → plan: runs the definitions of a component symbolically, inlining nested components, until every index
 * is resolved and only steps are left.
 *
 * Validation has run before, so an index that does not resolve is a bug of ours. What is valid but needs a feature the
 * synchronous host lacks is refused here, where it is used. Follows design/mvp/Explainer.md, "Instance Definitions".
 */
import type {
  AliasDefinition,
  CanonDefinition,
  CanonOptions,
  ComponentDefinition,
  CoreModuleDefinition,
  CoreSort,
  Definition,
  SortIndex,
} from "../binary/definition.ts";
import { Budget } from "../budget.ts";
import { UnsupportedError } from "../errors.ts";
import type { ComponentType, ExternDecl, ExternType, FuncType, ResourceType } from "../model/types.ts";
import type {
  CoreInstanceRef,
  CoreItem,
  ExportItem,
  ExportPlan,
  FuncItem,
  HostFunc,
  Lift,
  ModuleRef,
  Options,
  Plan,
  ResourcePlan,
  Step,
  Trampoline,
} from "./plan.ts";
import { must, nameType, TypeScope, type TypeEntity } from "./scope.ts";
import { refuseAsync, refuseAsyncValues, refuseCollisions } from "./unsupported.ts";

/** A component with the scope it was defined in: what it needs to be instantiated anywhere. */
interface Closure {
  readonly kind: "component";
  readonly definition: ComponentDefinition;
  readonly scope: Scope;
}
/** A component of which nothing but the type is known: an import of one that is only described. */
interface DescribedComponent {
  readonly kind: "component";
  readonly type: ComponentType;
}
interface FuncEntity {
  readonly kind: "func";
  readonly item: FuncItem;
  readonly type: FuncType;
}
interface InstanceEntity {
  readonly kind: "instance";
  readonly exports: ReadonlyMap<string, Entity>;
}
type Entity =
  | FuncEntity
  | InstanceEntity
  | Closure
  | DescribedComponent
  | { readonly kind: "type"; readonly type: TypeEntity }
  | { readonly kind: "module"; readonly module: ModuleRef };

type CoreItemSort = Exclude<CoreSort, "type" | "module" | "instance">;

/** The index spaces of one component instance. */
class Scope extends TypeScope {
  readonly component: number;
  readonly modules: ModuleRef[] = [];
  readonly coreInstances: CoreInstanceRef[] = [];
  readonly core: Record<CoreItemSort, CoreItem[]> = { func: [], table: [], memory: [], global: [], tag: [] };
  readonly components: (Closure | DescribedComponent)[] = [];
  readonly instances: InstanceEntity[] = [];
  readonly funcs: FuncEntity[] = [];

  constructor(parent: Scope | undefined, component: number, budget: Budget) {
    super(parent, budget);
    this.component = component;
  }

  override outer(count: number): Scope {
    return super.outer(count) as Scope;
  }

  add(entity: Entity): void {
    switch (entity.kind) {
      case "func":
        this.funcs.push(entity);
        break;
      case "instance":
        this.instances.push(entity);
        break;
      case "component":
        this.components.push(entity);
        break;
      case "type":
        this.types.push(entity.type);
        break;
      case "module":
        this.modules.push(entity.module);
        break;
    }
  }

  get(item: SortIndex): Entity {
    const { index } = item;
    if (item.core) return { kind: "module", module: must(this.modules[index]) };
    switch (item.sort) {
      case "func":
        return must(this.funcs[index]);
      case "instance":
        return must(this.instances[index]);
      case "component":
        return must(this.components[index]);
      case "type":
        return { kind: "type", type: must(this.types[index]) };
      case "value":
        throw new UnsupportedError(
          "component-values",
          "This component uses value definitions, which this host does not support",
        );
    }
  }
}

export interface PlanOptions {
  /**
   * Plans asynchronous functions and values too, which generated text cannot run: for descriptions and for the bindings of
   * other tools. Default `false`.
   */
  readonly asynchronous?: boolean;
  /** The work allowed, by default for the plan alone. */
  readonly budget?: Budget;
}

/** Plans the instantiation of a component. @throws {UnsupportedError} */
export function planComponent(definition: ComponentDefinition, options: PlanOptions = {}): Plan {
  const { asynchronous = false, budget = new Budget(definition.byteLength) } = options;
  return new Planner(asynchronous, budget).plan(definition);
}

class Planner {
  private readonly asynchronous: boolean;
  private readonly descriptions = new Map<Closure, ComponentType>();
  private readonly budget: Budget;
  private readonly imports: ExternDecl[] = [];
  private readonly components: (number | undefined)[] = [];
  private readonly modules: ModuleRef[] = [];
  private readonly moduleIndex = new Map<ModuleRef, number>();
  private readonly embedded = new Map<CoreModuleDefinition, ModuleRef>();
  private readonly lifts: Lift[] = [];
  private readonly hostFuncs: HostFunc[] = [];
  private readonly trampolines: Trampoline[] = [];
  private readonly resources: ResourcePlan[] = [];
  private readonly resourceIndex = new Map<ResourceType, number>();
  private readonly steps: Step[] = [];
  /** What core instances that were put together hold, by name. */
  private readonly itemsByName = new Map<CoreInstanceRef, ReadonlyMap<string, CoreItem>>();
  /** What is used of the exports of each instantiation, by name. */
  private readonly coreExports: Map<string, CoreItem>[] = [];

  /** Whether the plan is not to be run, but to say what the component imports and exports. */
  private readonly describing: boolean;

  constructor(asynchronous: boolean, budget: Budget, describing = false) {
    this.asynchronous = asynchronous;
    this.budget = budget;
    this.describing = describing;
  }

  plan(definition: ComponentDefinition): Plan {
    const exports = this.instantiate(definition, undefined, undefined, undefined);
    refuseCollisions("imports", this.imports);
    return {
      byteLength: definition.byteLength,
      imports: this.imports,
      exportDecls: [...exports].map(([name, entity]) => ({ name, type: this.externType(entity, name) })),
      components: this.components,
      modules: this.modules,
      lifts: this.lifts,
      hostFuncs: this.hostFuncs,
      trampolines: this.trampolines,
      resources: this.resources,
      steps: this.steps,
      exports: this.exportPlans(exports),
    };
  }

  /** Runs a component's definitions. Without `args` it is the root, whose imports the host's user supplies. */
  private instantiate(
    definition: ComponentDefinition,
    scope: Scope | undefined,
    parent: number | undefined,
    args: ReadonlyMap<string, Entity> | undefined,
  ): Map<string, Entity> {
    this.budget.instance();
    const inner = new Scope(scope, this.components.push(parent) - 1, this.budget);
    const exports = new Map<string, Entity>();
    for (const item of definition.definitions) this.run(inner, item, args, exports);
    return exports;
  }

  private run(
    scope: Scope,
    item: Definition,
    args: ReadonlyMap<string, Entity> | undefined,
    exports: Map<string, Entity>,
  ): void {
    this.spend(1);
    switch (item.kind) {
      case "core-module":
        scope.modules.push(this.embed(item));
        break;
      case "core-instance":
        scope.coreInstances.push(this.coreInstance(scope, item.expr));
        break;
      case "core-type":
        scope.coreTypes.push(scope.defineCore(item.type));
        break;
      case "component":
        scope.components.push({ kind: "component", definition: item.component, scope });
        break;
      case "instance":
        scope.instances.push({ kind: "instance", exports: this.instance(scope, item.expr) });
        break;
      case "alias":
        this.alias(scope, item);
        break;
      case "type": {
        const type = scope.define(item.type);
        if (type.kind === "resource" && item.type.kind === "resource") {
          const dtor = item.type.dtor === undefined ? undefined : must(scope.core.func[item.type.dtor]);
          this.addResource(type, { kind: "guest", component: scope.component, dtor });
        }
        scope.types.push(type);
        break;
      }
      case "canon":
        this.canon(scope, item);
        break;
      case "start":
        throw new UnsupportedError(
          "component-start",
          "This component has a start definition, which this host does not support",
        );
      case "import": {
        const { name } = item.name;
        if (args === undefined) {
          const type = scope.extern(item.type, name);
          this.imports.push({ name, type });
          scope.add(this.imported(type, [name]));
        } else {
          scope.add(must(args.get(name)));
        }
        break;
      }
      case "export": {
        const { name } = item.name;
        const entity = rename(scope.get(item.item), name, item.type && scope.extern(item.type, name));
        exports.set(name, entity);
        scope.add(entity);
        break;
      }
    }
  }

  private embed(definition: CoreModuleDefinition): ModuleRef {
    let module = this.embedded.get(definition);
    if (module === undefined) {
      module = { kind: "embedded", start: definition.start, end: definition.end, type: definition.type };
      this.embedded.set(definition, module);
    }
    return module;
  }

  private coreInstance(scope: Scope, expr: Extract<Definition, { kind: "core-instance" }>["expr"]): CoreInstanceRef {
    if (expr.kind === "exports") {
      this.spend(expr.exports.length);
      const items = expr.exports.map(({ name, sort, index }) => ({
        name,
        item: must(scope.core[sort as CoreItemSort][index]),
      }));
      const ref: CoreInstanceRef = { kind: "items", items };
      this.itemsByName.set(ref, new Map(items.map(({ name, item }) => [name, item])));
      return ref;
    }
    const module = must(scope.modules[expr.module]);
    const instance = this.steps.length;
    const args = expr.args.map((arg) => ({ name: arg.name, source: must(scope.coreInstances[arg.instance]) }));
    // The items are written out for each instantiation that they are given to.
    for (const { source } of args) {
      const items = source.kind === "items" ? source.items : [];
      this.budget.part(1 + items.length);
      for (const { name } of items) this.spend(name.length >> 3);
    }
    this.budget.part();
    this.steps.push({ instance, module: this.moduleNumber(module), args });
    this.coreExports.push(new Map());
    return { kind: "instance", instance };
  }

  private moduleNumber(module: ModuleRef): number {
    let index = this.moduleIndex.get(module);
    if (index === undefined) this.moduleIndex.set(module, (index = this.modules.push(module) - 1));
    return index;
  }

  private coreExport(source: CoreInstanceRef, name: string): CoreItem {
    if (source.kind === "items") return must(must(this.itemsByName.get(source)).get(name));
    const known = must(this.coreExports[source.instance]);
    let item = known.get(name);
    if (item === undefined) known.set(name, (item = { kind: "export", instance: source.instance, name }));
    return item;
  }

  private instance(scope: Scope, expr: Extract<Definition, { kind: "instance" }>["expr"]): Map<string, Entity> {
    this.spend(expr.kind === "exports" ? expr.exports.length : expr.args.length);
    if (expr.kind === "exports") {
      return new Map(expr.exports.map(({ name, item }) => [name.name, rename(scope.get(item), name.name, undefined)]));
    }
    const component = must(scope.components[expr.component]);
    if ("type" in component) {
      return new Map(component.type.exports.map(({ name, type }) => [name, this.imported(type, [name])]));
    }
    const args = new Map(expr.args.map(({ name, item }) => [name, scope.get(item)]));
    return this.instantiate(component.definition, component.scope, scope.component, args);
  }

  private alias(scope: Scope, { target }: AliasDefinition): void {
    switch (target.kind) {
      case "export": {
        scope.add(must(must(scope.instances[target.instance]).exports.get(target.name)));
        break;
      }
      case "core-export": {
        const source = must(scope.coreInstances[target.instance]);
        scope.core[target.sort as CoreItemSort].push(this.coreExport(source, target.name));
        break;
      }
      case "outer": {
        const from = scope.outer(target.count);
        if (target.core && target.sort === "type") scope.coreTypes.push(must(from.coreTypes[target.index]));
        else if (target.core) scope.modules.push(must(from.modules[target.index]));
        else if (target.sort === "component") scope.components.push(must(from.components[target.index]));
        else scope.types.push(must(from.types[target.index]));
        break;
      }
    }
  }

  private canon(scope: Scope, canon: CanonDefinition): void {
    const { component } = scope;
    switch (canon.op) {
      case "lift": {
        const type = must(scope.types[canon.type]) as FuncType;
        this.usedAs(type);
        if (!this.asynchronous) refuseAsync(type, canon.options);
        const core = must(scope.core.func[canon.func]);
        const lift = this.lifts.push({ core, type, options: this.options(scope, canon.options), component }) - 1;
        scope.funcs.push({ kind: "func", item: { kind: "lift", lift }, type });
        break;
      }
      case "lower": {
        const { item, type } = must(scope.funcs[canon.func]);
        this.usedAs(type);
        if (!this.asynchronous) refuseAsync(type, canon.options);
        this.trampoline(scope, {
          kind: "lower",
          func: item,
          type,
          options: this.options(scope, canon.options),
          component,
        });
        break;
      }
      case "resource.new":
      case "resource.rep":
      case "resource.drop":
        this.trampoline(scope, { kind: canon.op, resource: this.resource(scope.resource(canon.type)), component });
        break;
      case "other":
        if (canon.name === "context.get" || canon.name === "context.set") {
          this.trampoline(scope, { kind: canon.name, slot: canon.immediates.index ?? 0, component });
        } else {
          this.trampoline(scope, { kind: "task", name: canon.name, component });
        }
        break;
    }
  }

  private spend(steps: number): void {
    this.budget.spend(steps, "plan");
  }

  /** Counts a function, whose type may be shared by many. */
  private usedAs(type: FuncType): void {
    this.budget.part();
    this.spend(type.params.length);
  }

  private trampoline(scope: Scope, trampoline: Trampoline): void {
    this.budget.part();
    scope.core.func.push({ kind: "trampoline", trampoline: this.trampolines.push(trampoline) - 1 });
  }

  private options(scope: Scope, options: CanonOptions): Options {
    const item = (sort: CoreItemSort, index: number | undefined): CoreItem | undefined =>
      index === undefined ? undefined : must(scope.core[sort][index]);
    return {
      encoding: options.stringEncoding,
      memory: item("memory", options.memory),
      realloc: item("func", options.realloc),
      postReturn: item("func", options.postReturn),
    };
  }

  private addResource(type: ResourceType, origin: ResourcePlan["origin"]): number {
    this.budget.part();
    const index = this.resources.length;
    // The name is settled only once the resource is exported, so it is read late.
    this.resources.push({
      type,
      origin,
      get name() {
        return type.name;
      },
    });
    this.resourceIndex.set(type, index);
    return index;
  }

  private resource(type: ResourceType): number {
    return must(this.resourceIndex.get(type));
  }

  /** What the root component imports, as something that its definitions can refer to. */
  private imported(type: ExternType, path: readonly string[]): Entity {
    this.budget.part();
    switch (type.kind) {
      case "func":
        this.spend(type.params.length);
        if (!this.asynchronous) refuseAsyncValues(type);
        return { kind: "func", item: { kind: "host", func: this.hostFuncs.push({ path, type }) - 1 }, type };
      case "instance":
        refuseCollisions("imports", type.exports);
        return {
          kind: "instance",
          exports: new Map(type.exports.map((decl) => [decl.name, this.imported(decl.type, [...path, decl.name])])),
        };
      case "resource-type":
        if (!this.resourceIndex.has(type.resource)) this.addResource(type.resource, { kind: "host", path });
        return { kind: "type", type: type.resource };
      case "type":
        return { kind: "type", type: type.type };
      case "core-module":
        return { kind: "module", module: { kind: "imported", path, type } };
      case "component":
        if (this.describing) return { kind: "component", type };
        throw new UnsupportedError(
          "component-imports",
          `This component imports the component "${path.join("#")}"; this host can only supply functions, instances, types and core modules`,
        );
    }
  }

  private externType(entity: Entity, name: string): ExternType {
    this.budget.part();
    switch (entity.kind) {
      case "func":
        return entity.type;
      case "instance":
        return {
          kind: "instance",
          exports: [...entity.exports].map(([inner, item]) => ({ name: inner, type: this.externType(item, inner) })),
        };
      case "component":
        return "type" in entity ? entity.type : this.describe(entity);
      case "type":
        if (entity.type.kind === "resource") return { kind: "resource-type", resource: entity.type };
        // Naming has been done where it was exported: a second copy would lose the identity that carries the name.
        return entity.type.kind === "deferred" ? nameType(entity.type, name) : { kind: "type", type: entity.type };
      case "module":
        return entity.module.type;
    }
  }

  /**
   * The type of a component that is exported: its definitions are run as those of a root, by a planner that keeps nothing
   * but the declarations. What it imports may be anything, components too.
   */
  private describe(closure: Closure): ComponentType {
    let type = this.descriptions.get(closure);
    if (type === undefined) {
      const planner = new Planner(true, this.budget, true);
      const exports = planner.instantiate(closure.definition, closure.scope, undefined, undefined);
      type = {
        kind: "component",
        imports: planner.imports,
        exports: [...exports].map(([name, entity]) => ({ name, type: planner.externType(entity, name) })),
      };
      this.descriptions.set(closure, type);
    }
    return type;
  }

  private exportPlans(exports: ReadonlyMap<string, Entity>): ExportPlan[] {
    refuseCollisions(
      "exports",
      [...exports].map(([name, entity]) => ({ name, type: { kind: sortOf(entity) } })),
    );
    return [...exports].map(([name, entity]) => ({ name, item: this.exportItem(entity) }));
  }

  private exportItem(entity: Entity): ExportItem {
    switch (entity.kind) {
      case "func":
        return { kind: "func", func: entity.item, type: entity.type };
      case "instance":
        return { kind: "instance", exports: this.exportPlans(entity.exports) };
      case "type": {
        const { type } = entity;
        const resource = type.kind === "resource" ? this.resourceIndex.get(type) : undefined;
        return resource === undefined ? { kind: "type" } : { kind: "resource", resource };
      }
      case "module": {
        return { kind: "module", module: this.moduleNumber(entity.module) };
      }
      case "component":
        return { kind: "component" };
    }
  }
}

/** What an export adds to the index space: the same thing, under the type it is ascribed or the name it is given. */
function rename(entity: Entity, name: string, ascribed: ExternType | undefined): Entity {
  if (entity.kind === "func" && ascribed?.kind === "func") return { ...entity, type: ascribed };
  if (entity.kind !== "type" || entity.type.kind === "deferred") return entity;
  const named = nameType(entity.type, name);
  return { kind: "type", type: named.kind === "type" ? named.type : entity.type };
}

/** The sort of an entity, as that of an extern type is called. */
function sortOf(entity: Entity): string {
  return entity.kind === "type" && entity.type.kind === "resource" ? "resource-type" : entity.kind;
}
