/**
 * Evaluates type definitions: raw indices in, model types out, with fresh resource types where the binary asks for them.
 *
 * Owns the type index spaces of one scope (a component, a component type or an instance type) and its link to the
 * scope around it. Does not check validity: `binary/validate` has run before. Follows design/mvp/Explainer.md,
 * "Type Definitions", and keeps the identity conventions of `model/types.ts`.
 */
import type { Budget } from "../budget.ts";
import type {
  AliasDefinition,
  RawComponentType,
  RawCoreDeclarator,
  RawCoreExtern,
  RawCoreType,
  RawDeclarator,
  RawExternType,
  RawType,
  RawValueType,
} from "../binary/definition.ts";
import type {
  ComponentType,
  CoreExternType,
  CoreModuleType,
  ExternDecl,
  ExternType,
  FuncType,
  InstanceType,
  PrimitiveKind,
  PrimitiveType,
  ResourceType,
  ValueType,
} from "../model/types.ts";

/**
 * An instance or component type that has not been applied yet: each use makes its own resource types, so evaluation
 * waits for the use.
 */
export interface DeferredType {
  readonly kind: "deferred";
  evaluate(): InstanceType | ComponentType;
}

export type TypeEntity = ValueType | FuncType | ResourceType | DeferredType | InstanceType | ComponentType;

export type CoreTypeEntity =
  | { readonly kind: "core-func"; readonly params: readonly string[]; readonly results: readonly string[] }
  | { readonly kind: "core-other"; readonly form: string }
  | CoreModuleType;

const primitives = new Map<PrimitiveKind, PrimitiveType>();

function primitive(kind: PrimitiveKind): PrimitiveType {
  let type = primitives.get(kind);
  if (type === undefined) primitives.set(kind, (type = { kind }));
  return type;
}

/** One scope of type definitions. Component scopes of the planner extend it with the other index spaces. */
export class TypeScope {
  readonly parent: TypeScope | undefined;
  readonly budget: Budget;
  readonly types: TypeEntity[] = [];
  readonly coreTypes: CoreTypeEntity[] = [];
  /** Instance index space of a component or instance *type*; the planner keeps its own. */
  readonly instanceTypes: InstanceType[] = [];

  /** @param budget each evaluation counts: one definition is evaluated again wherever its type is used */
  constructor(parent: TypeScope | undefined, budget: Budget) {
    this.parent = parent;
    this.budget = budget;
  }

  /** The scope `count` steps outward, 0 this one. */
  outer(count: number): TypeScope {
    return count === 0 ? this : must(this.parent).outer(count - 1);
  }

  valueType(raw: RawValueType): ValueType {
    return raw.kind === "index" ? (must(this.types[raw.index]) as ValueType) : primitive(raw.kind);
  }

  resource(index: number): ResourceType {
    return must(this.types[index]) as ResourceType;
  }

  private optional(raw: RawValueType | undefined): ValueType | undefined {
    return raw === undefined ? undefined : this.valueType(raw);
  }

  /** Evaluates one type definition. A defined type is an object of its own, also when it is a primitive. */
  define(raw: RawType): TypeEntity {
    this.spend(1);
    switch (raw.kind) {
      case "record":
        this.spend(raw.fields.length);
        return { kind: "record", fields: raw.fields.map(({ name, type }) => ({ name, type: this.valueType(type) })) };
      case "variant":
        this.spend(raw.cases.length);
        return { kind: "variant", cases: raw.cases.map(({ name, type }) => ({ name, type: this.optional(type) })) };
      case "list":
        return { kind: "list", element: this.valueType(raw.element), length: raw.length };
      case "map":
        return { kind: "map", key: this.valueType(raw.key), value: this.valueType(raw.value) };
      case "tuple":
        this.spend(raw.types.length);
        return { kind: "tuple", types: raw.types.map((type) => this.valueType(type)) };
      case "flags":
      case "enum":
        return { kind: raw.kind, names: raw.names };
      case "option":
        return { kind: "option", type: this.valueType(raw.type) };
      case "result":
        return { kind: "result", ok: this.optional(raw.ok), err: this.optional(raw.err) };
      case "own":
      case "borrow":
        return { kind: raw.kind, resource: this.resource(raw.resource) };
      case "stream":
      case "future":
        return { kind: raw.kind, type: this.optional(raw.type) };
      case "func":
        this.spend(raw.params.length);
        return {
          kind: "func",
          params: raw.params.map(({ name, type }) => ({ name, type: this.valueType(type) })),
          result: this.optional(raw.result),
          async: raw.async,
        };
      case "resource":
        return { kind: "resource", name: "" };
      case "component":
      case "instance":
        return { kind: "deferred", evaluate: () => evaluateComponentType(raw, this) };
      default:
        return { kind: raw.kind };
    }
  }

  defineCore(raw: RawCoreType): CoreTypeEntity {
    return raw.kind === "core-module" ? evaluateCoreModuleType(raw.declarators, this) : raw;
  }

  /** The type that an import or export declaration ascribes, with fresh resources; `name` is for messages. */
  extern(raw: RawExternType, name: string): ExternType {
    switch (raw.kind) {
      case "core-module":
        return must(this.coreTypes[raw.index]) as CoreModuleType;
      case "func":
        return must(this.types[raw.index]) as FuncType;
      case "instance":
      case "component": {
        const type = must(this.types[raw.index]);
        return type.kind === "deferred" ? type.evaluate() : (type as InstanceType | ComponentType);
      }
      case "type": {
        if (raw.bound.kind === "resource") return { kind: "resource-type", resource: { kind: "resource", name } };
        return nameType(must(this.types[raw.bound.index]), name);
      }
      case "value":
        throw new Error("value externs are refused while decoding");
    }
  }

  spend(steps: number): void {
    this.budget.spend(steps, "plan");
  }

  /** Adds a declared or aliased type extern to the type index space. */
  push(type: ExternType): void {
    if (type.kind === "resource-type") this.types.push(type.resource);
    else if (type.kind === "type") this.types.push(type.type);
  }
}

/** The extern type of a type exported or imported under a name: an object of its own, so that the name can be found. */
export function nameType(type: TypeEntity, name: string): ExternType {
  if (type.kind === "resource") {
    type.name ||= name;
    return { kind: "resource-type", resource: type };
  }
  const named = type.kind === "deferred" ? type.evaluate() : { ...type };
  return { kind: "type", type: named };
}

function evaluateComponentType(raw: RawComponentType, parent: TypeScope): InstanceType | ComponentType {
  const scope = new TypeScope(parent, parent.budget);
  const imports: ExternDecl[] = [];
  const exports: ExternDecl[] = [];
  scope.spend(raw.declarators.length);
  for (const declarator of raw.declarators) declare(scope, declarator, imports, exports);
  return raw.kind === "instance" ? { kind: "instance", exports } : { kind: "component", imports, exports };
}

function declare(scope: TypeScope, declarator: RawDeclarator, imports: ExternDecl[], exports: ExternDecl[]): void {
  switch (declarator.kind) {
    case "core-type":
      scope.coreTypes.push(scope.defineCore(declarator.type));
      break;
    case "type":
      scope.types.push(scope.define(declarator.type));
      break;
    case "alias":
      aliasType(scope, declarator);
      break;
    case "import":
    case "export-type": {
      const type = scope.extern(declarator.type, declarator.name.name);
      (declarator.kind === "import" ? imports : exports).push({ name: declarator.name.name, type });
      scope.push(type);
      if (type.kind === "instance") scope.instanceTypes.push(type);
      break;
    }
  }
}

/** Aliases allowed inside component and instance types: outer types, and types or instances of an instance. */
function aliasType(scope: TypeScope, { target }: AliasDefinition): void {
  if (target.kind === "outer") {
    const from = scope.outer(target.count);
    if (target.core) scope.coreTypes.push(must(from.coreTypes[target.index]));
    else scope.types.push(must(from.types[target.index]));
    return;
  }
  if (target.kind === "core-export") throw new Error("core aliases are refused by validation");
  const type = must(exportsByName(must(scope.instanceTypes[target.instance])).get(target.name));
  scope.push(type);
  if (type.kind === "instance") scope.instanceTypes.push(type);
}

/** By name, for instance types that are aliased from. */
const namedExports = new WeakMap<InstanceType, ReadonlyMap<string, ExternType>>();

function exportsByName(instance: InstanceType): ReadonlyMap<string, ExternType> {
  let byName = namedExports.get(instance);
  if (byName === undefined) {
    namedExports.set(instance, (byName = new Map(instance.exports.map(({ name, type }) => [name, type]))));
  }
  return byName;
}

function evaluateCoreModuleType(declarators: readonly RawCoreDeclarator[], parent: TypeScope): CoreModuleType {
  const types: CoreTypeEntity[] = [];
  const imports: { module: string; name: string; type: CoreExternType }[] = [];
  const exports: { name: string; type: CoreExternType }[] = [];
  const extern = (raw: RawCoreExtern): CoreExternType => {
    if (!("typeIndex" in raw)) return raw;
    const type = must(types[raw.typeIndex]);
    const params = type.kind === "core-func" ? type.params : [];
    if (raw.kind === "core-tag") return { kind: "core-tag", params };
    return { kind: "core-func", params, results: type.kind === "core-func" ? type.results : [] };
  };
  parent.spend(declarators.length);
  for (const declarator of declarators) {
    switch (declarator.kind) {
      case "type":
        types.push(declarator.type as CoreTypeEntity);
        break;
      case "outer-alias":
        // A module type is a scope too, so one step outward is the scope that defines it.
        types.push(must(parent.outer(declarator.count - 1).coreTypes[declarator.index]));
        break;
      case "import":
        imports.push({ module: declarator.module, name: declarator.name, type: extern(declarator.type) });
        break;
      case "export":
        exports.push({ name: declarator.name, type: extern(declarator.type) });
        break;
    }
  }
  return { kind: "core-module", imports, exports };
}

/** An index that validation has checked. A failure here is a bug of ours, not of the component. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("tenon bug: an index that validation accepted does not resolve");
  return value;
}
