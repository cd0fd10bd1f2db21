/**
 * Validated component → plan: runs the definitions of a component symbolically, inlining nested components, until every
 * index is resolved and only steps are left.
 *
 * Types are those that validation resolved; what a component leaves open, the resource types it imports or makes, is
 * settled here for each instantiation. An index that does not resolve is a bug of ours. What is valid but needs a feature
 * the host lacks is refused here, where it is used. Follows design/mvp/Explainer.md, "Instance Definitions".
 */
import type {
  AliasDefinition,
  CanonDefinition,
  CanonOptions,
  CoreModuleDefinition,
  CoreSort,
  Definition,
  SortIndex,
} from "../binary/definition.ts";
import type { ValidatedComponent } from "../binary/validate/index.ts";
import { Budget } from "../budget.ts";
import { UnsupportedError } from "../errors.ts";
import { declsByName, resourceOf } from "../model/cases.ts";
import { NamedSubstitution } from "../model/rename.ts";
import type {
  AsyncValueType,
  ExternDecl,
  ExternType,
  FuncType,
  InstanceType,
  ResourceType,
  ValueType,
} from "../model/types.ts";
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
  TaskBuiltin,
  Trampoline,
} from "./plan.ts";
import { refuseCollisions, refuseValueCollisions } from "./unsupported.ts";

/** A component with the scope it was defined in: what it needs to be instantiated anywhere. */
interface Closure {
  readonly kind: "component";
  readonly component: ValidatedComponent;
  readonly scope: Scope;
}
interface InstanceEntity {
  readonly kind: "instance";
  readonly exports: ReadonlyMap<string, Entity>;
}
/** What an index stands for in one component instance. Their types are told by validation. */
type Entity =
  | { readonly kind: "func"; readonly item: FuncItem }
  | InstanceEntity
  | Closure
  /** `resource` is the one that the type is, when it is one. */
  | { readonly kind: "type"; readonly resource: ResourceType | undefined }
  | { readonly kind: "module"; readonly module: ModuleRef };

type CoreItemSort = Exclude<CoreSort, "type" | "module" | "instance">;

/** The index spaces of one component instance, and which resource types those of its definition are there. */
class Scope {
  readonly parent: Scope | undefined;
  readonly definition: ValidatedComponent;
  readonly component: number;
  readonly modules: ModuleRef[] = [];
  readonly coreInstances: CoreInstanceRef[] = [];
  readonly core: Record<CoreItemSort, CoreItem[]> = { func: [], table: [], memory: [], global: [], tag: [] };
  readonly components: Closure[] = [];
  readonly instances: InstanceEntity[] = [];
  readonly funcs: FuncItem[] = [];
  /** Definitions met so far. */
  readonly met = { resources: 0, components: 0, results: 0 };
  private readonly resources = new Map<ResourceType, ResourceType>();
  private readonly substitution: NamedSubstitution;

  constructor(
    parent: Scope | undefined,
    definition: ValidatedComponent,
    component: number,
    spend: (steps: number) => void,
  ) {
    this.parent = parent;
    this.definition = definition;
    this.component = component;
    this.substitution = new NamedSubstitution((resource) => {
      const identity = resourceOf(resource);
      return this.resources.get(identity) ?? identity;
    }, spend);
  }

  /** The scope `count` steps outward, 0 this one. */
  outer(count: number): Scope {
    return count === 0 ? this : must(this.parent).outer(count - 1);
  }

  /** Settles what a resource type of the definition is here. */
  settle(declared: ResourceType, resource: ResourceType): void {
    this.resources.set(resourceOf(declared), resource);
  }

  settled(declared: ResourceType): ResourceType | undefined {
    return this.resources.get(resourceOf(declared));
  }

  /** The resource type at a type index. */
  resource(index: number): ResourceType | undefined {
    const type = must(this.definition.types[index]);
    return type.kind === "resource" ? must(this.settled(type)) : undefined;
  }

  /** The function type at a type index. */
  funcType(index: number): FuncType {
    return this.substitution.func(must(this.definition.types[index]) as FuncType);
  }

  /** A type of the definition with its resource types settled. */
  func(type: FuncType): FuncType {
    return this.substitution.func(type);
  }

  value<T extends ValueType>(type: T): T {
    return this.substitution.type(type) as T;
  }

  decls(decls: readonly ExternDecl[]): readonly ExternDecl[] {
    return this.substitution.decls(decls);
  }

  add(entity: Entity): void {
    switch (entity.kind) {
      case "func":
        this.funcs.push(entity.item);
        break;
      case "instance":
        this.instances.push(entity);
        break;
      case "component":
        this.components.push(entity);
        break;
      case "module":
        this.modules.push(entity.module);
        break;
      case "type":
    }
  }

  get(item: SortIndex): Entity {
    const { index } = item;
    if (item.core) return { kind: "module", module: must(this.modules[index]) };
    switch (item.sort) {
      case "func":
        return { kind: "func", item: must(this.funcs[index]) };
      case "instance":
        return must(this.instances[index]);
      case "component":
        return must(this.components[index]);
      case "type":
        return { kind: "type", resource: this.resource(index) };
    }
  }
}

/**
 * Plans the instantiation of a component.
 * @param budget the work allowed, by default for the plan alone
 * @throws {UnsupportedError}
 */
export function planComponent(
  component: ValidatedComponent,
  budget: Budget = new Budget(component.definition.byteLength),
): Plan {
  return new Planner(budget).plan(component);
}

class Planner {
  private readonly budget: Budget;
  private readonly components: (number | undefined)[] = [];
  private readonly modules: ModuleRef[] = [];
  private readonly moduleIndex = new Map<ModuleRef, number>();
  private readonly embedded = new Map<CoreModuleDefinition, ModuleRef>();
  private readonly lifts: Lift[] = [];
  private readonly hostFuncs: HostFunc[] = [];
  private readonly trampolines: Trampoline[] = [];
  private readonly resources: Omit<ResourcePlan, "name">[] = [];
  private readonly resourceIndex = new Map<ResourceType, number>();
  private readonly steps: Step[] = [];
  /** What core instances that were put together hold, by name. */
  private readonly itemsByName = new Map<CoreInstanceRef, ReadonlyMap<string, CoreItem>>();
  /** What is used of the exports of each instantiation, by name. */
  private readonly coreExports: Map<string, CoreItem>[] = [];

  constructor(budget: Budget) {
    this.budget = budget;
  }

  plan(component: ValidatedComponent): Plan {
    const { scope, exports } = this.instantiate(component, undefined, undefined, undefined);
    const imports = scope.decls(component.type.imports);
    refuseCollisions("imports", imports);
    const exportDecls = scope.decls(component.type.exports);
    return {
      byteLength: component.definition.byteLength,
      imports,
      exportDecls,
      components: this.components,
      modules: this.modules,
      lifts: this.lifts,
      hostFuncs: this.hostFuncs,
      trampolines: this.trampolines,
      // Names are settled now that everything has been exported.
      resources: this.resources.map(({ type, origin }) => ({ type, origin, name: type.name })),
      steps: this.steps,
      exports: this.exportPlans(exportDecls, exports),
    };
  }

  /** Runs a component's definitions. Without `args` it is the root, whose imports the host's user supplies. */
  private instantiate(
    component: ValidatedComponent,
    outer: Scope | undefined,
    parent: number | undefined,
    args: ReadonlyMap<string, Entity> | undefined,
  ): { scope: Scope; exports: ReadonlyMap<string, Entity> } {
    this.budget.instance();
    const scope = new Scope(outer, component, this.components.push(parent) - 1, this.spend);
    const exports = new Map<string, Entity>();
    for (const item of component.definition.definitions) this.run(scope, item, args, exports);
    return { scope, exports };
  }

  private run(
    scope: Scope,
    item: Definition,
    args: ReadonlyMap<string, Entity> | undefined,
    exports: Map<string, Entity>,
  ): void {
    const { definition } = scope;
    this.spend(1);
    switch (item.kind) {
      case "core-module":
        scope.modules.push(this.embed(item));
        break;
      case "core-instance":
        scope.coreInstances.push(this.coreInstance(scope, item.expr));
        break;
      case "core-type":
        break;
      case "component":
        scope.components.push({
          kind: "component",
          component: must(definition.nested[scope.met.components++]),
          scope,
        });
        break;
      case "instance": {
        const instance: InstanceEntity = { kind: "instance", exports: this.instance(scope, item.expr) };
        this.settle(scope, must(definition.instances[scope.instances.length]), instance);
        scope.instances.push(instance);
        break;
      }
      case "alias":
        this.alias(scope, item);
        break;
      case "type":
        if (item.type.kind === "resource") {
          const declared = must(definition.resources[scope.met.resources++]);
          const dtor = item.type.dtor === undefined ? undefined : must(scope.core.func[item.type.dtor]);
          this.addResource(scope, declared, { kind: "guest", component: scope.component, dtor });
        }
        break;
      case "canon":
        this.canon(scope, item);
        break;
      case "import": {
        const { name } = item.name;
        const declared = must(declsByName(definition.type.imports).get(name));
        if (args === undefined) {
          scope.add(this.imported(scope, declared, [name]));
        } else {
          const entity = must(args.get(name));
          this.settle(scope, declared, entity);
          scope.add(entity);
        }
        break;
      }
      case "export": {
        const { name } = item.name;
        const entity = named(scope.get(item.item), name);
        // The type it is ascribed may hide which resource type it is.
        if (item.type !== undefined) this.settle(scope, must(declsByName(definition.type.exports).get(name)), entity);
        exports.set(name, entity);
        scope.add(entity);
        break;
      }
    }
  }

  /** Settles the resource types that a declaration introduces to be those of what stands in its place. */
  private settle(scope: Scope, declared: ExternType, entity: Entity): void {
    this.spend(1);
    if (declared.kind === "resource-type" && entity.kind === "type") {
      scope.settle(declared.resource, must(entity.resource));
    } else if (declared.kind === "instance" && entity.kind === "instance") {
      for (const { name, type } of declared.exports) this.settle(scope, type, must(entity.exports.get(name)));
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

  private instance(scope: Scope, expr: Extract<Definition, { kind: "instance" }>["expr"]): ReadonlyMap<string, Entity> {
    this.spend(expr.kind === "exports" ? expr.exports.length : expr.args.length);
    if (expr.kind === "exports") {
      return new Map(expr.exports.map(({ name, item }) => [name.name, named(scope.get(item), name.name)]));
    }
    const closure = must(scope.components[expr.component]);
    const args = new Map(expr.args.map(({ name, item }) => [name, scope.get(item)]));
    return this.instantiate(closure.component, closure.scope, scope.component, args).exports;
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
        if (target.sort === "module") scope.modules.push(must(from.modules[target.index]));
        else if (target.sort === "component") scope.components.push(must(from.components[target.index]));
        break;
      }
    }
  }

  private canon(scope: Scope, canon: CanonDefinition): void {
    const { component } = scope;
    switch (canon.op) {
      case "lift": {
        const type = scope.funcType(canon.type);
        this.usedAs(type);
        refuseValueCollisions(type);
        const core = must(scope.core.func[canon.func]);
        const lift = this.lifts.push({ core, type, options: this.options(scope, canon.options), component }) - 1;
        scope.funcs.push({ kind: "lift", lift });
        break;
      }
      case "lower": {
        const type = scope.func(must(scope.definition.funcs[canon.func]));
        this.usedAs(type);
        refuseValueCollisions(type);
        this.trampoline(scope, {
          kind: "lower",
          func: must(scope.funcs[canon.func]),
          type,
          options: this.options(scope, canon.options),
          component,
        });
        break;
      }
      case "resource.new":
      case "resource.rep":
      case "resource.drop":
        this.trampoline(scope, {
          kind: canon.op,
          resource: must(this.resourceIndex.get(must(scope.resource(canon.type)))),
          component,
        });
        break;
      case "other":
        if (canon.name === "context.get" || canon.name === "context.set") {
          this.trampoline(scope, { kind: canon.name, slot: canon.immediates.index ?? 0, component });
        } else {
          this.trampoline(scope, this.taskBuiltin(scope, canon));
        }
        break;
    }
  }

  private taskBuiltin(scope: Scope, { name, immediates }: Extract<CanonDefinition, { op: "other" }>): TaskBuiltin {
    const { async, cancellable, type, options, memory, table } = immediates;
    const result = name === "task.return" ? scope.definition.results[scope.met.results++] : undefined;
    return {
      kind: "task",
      name,
      component: scope.component,
      ...(async === undefined ? {} : { async }),
      ...(cancellable === undefined ? {} : { cancellable }),
      ...(type === undefined ? {} : { type: scope.value(must(scope.definition.types[type]) as AsyncValueType) }),
      ...(result === undefined ? {} : { result: scope.value(result) }),
      ...(options === undefined ? {} : { options: this.options(scope, options) }),
      ...(memory === undefined ? {} : { memory: must(scope.core.memory[memory]) }),
      ...(table === undefined ? {} : { table: must(scope.core.table[table]) }),
    };
  }

  private readonly spend = (steps: number): void => {
    this.budget.spend(steps, "plan");
  };

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
      ...(options.async ? { async: true as const } : {}),
      ...(options.callback === undefined ? {} : { callback: must(scope.core.func[options.callback]) }),
    };
  }

  private addResource(scope: Scope, declared: ResourceType, origin: ResourcePlan["origin"]): ResourceType {
    this.budget.part();
    const type: ResourceType = { kind: "resource", name: origin.kind === "host" ? must(origin.path.at(-1)) : "" };
    scope.settle(declared, type);
    this.resourceIndex.set(type, this.resources.push({ type, origin }) - 1);
    return type;
  }

  /** What the root component imports, as something that its definitions can refer to. */
  private imported(scope: Scope, type: ExternType, path: readonly string[]): Entity {
    this.budget.part();
    switch (type.kind) {
      case "func": {
        this.spend(type.params.length);
        const func = scope.func(type);
        refuseValueCollisions(func);
        return { kind: "func", item: { kind: "host", func: this.hostFuncs.push({ path, type: func }) - 1 } };
      }
      case "instance":
        refuseCollisions("imports", type.exports);
        return {
          kind: "instance",
          exports: new Map(
            type.exports.map((decl) => [decl.name, this.imported(scope, decl.type, [...path, decl.name])]),
          ),
        };
      case "resource-type": {
        const resource = scope.settled(type.resource) ?? this.addResource(scope, type.resource, { kind: "host", path });
        return { kind: "type", resource };
      }
      case "type":
        return { kind: "type", resource: undefined };
      case "core-module":
        return { kind: "module", module: { kind: "imported", path, type } };
      case "component":
        throw new UnsupportedError(
          "component-imports",
          `This component imports the component "${path.join("#")}"; this host can only supply functions, instances, types and core modules`,
        );
    }
  }

  private exportPlans(decls: readonly ExternDecl[], exports: ReadonlyMap<string, Entity>): ExportPlan[] {
    refuseCollisions("exports", decls);
    return decls.map(({ name, type }) => ({ name, item: this.exportItem(type, must(exports.get(name))) }));
  }

  private exportItem(type: ExternType, entity: Entity): ExportItem {
    this.budget.part();
    switch (entity.kind) {
      case "func":
        return { kind: "func", func: entity.item, type: type as FuncType };
      case "instance":
        return { kind: "instance", exports: this.exportPlans((type as InstanceType).exports, entity.exports) };
      case "type": {
        const resource = entity.resource && this.resourceIndex.get(entity.resource);
        return resource === undefined ? { kind: "type" } : { kind: "resource", resource };
      }
      case "module":
        return { kind: "module", module: this.moduleNumber(entity.module) };
      case "component":
        return { kind: "component" };
    }
  }
}

/** What is exported under a name: a resource type that has none yet gets it. */
function named(entity: Entity, name: string): Entity {
  if (entity.kind === "type" && entity.resource !== undefined) entity.resource.name ||= name;
  return entity;
}

/** An index that validation has checked. A failure here is a bug of ours, not of the component. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("tenon bug: an index that validation accepted does not resolve");
  return value;
}
