/**
 * Validation: whether a decoded component is one the specification allows.
 *
 * Walks the definitions in order, as they are instantiated, and keeps every index space. What it accepts, `plan/` may
 * rely on without checking again. Core function bodies are validated by the engine when modules are compiled. Follows
 * design/mvp/Binary.md and design/mvp/Explainer.md; each file of this folder names its sections.
 */
import { Budget } from "../../budget.ts";
import { UnsupportedError } from "../../errors.ts";
import { externOf, typeOf } from "../../model/cases.ts";
import type {
  ComponentType,
  ExternDecl,
  ExternType,
  FuncType,
  InstanceType,
  ResourceType,
  Type,
  ValueType,
} from "../../model/types.ts";
import { Matcher } from "../../model/subtype.ts";
import type { ComponentDefinition, Definition, RawName, SortIndex } from "../definition.ts";
import { CanonValidator } from "./canon.ts";
import { Context } from "./context.ts";
import { checkModuleNames, CoreSpaces, instantiateModule } from "./core.ts";
import { NameScope } from "./names.ts";
import { openComponent } from "./open.ts";
import { named, nameResource, Scope } from "./scope.ts";
import { checked } from "./types.ts";

/** A valid component: its definitions, and what each index of theirs stands for. */
export interface ValidatedComponent {
  readonly definition: ComponentDefinition;
  /** Its own type: imports and exports by name. */
  readonly type: ComponentType;
  // The index spaces, complete.
  readonly types: readonly Type[];
  readonly funcs: readonly FuncType[];
  readonly instances: readonly InstanceType[];
  /** The resource types it defines, in order. */
  readonly resources: readonly ResourceType[];
  /** What its definitions of `task.return` return, in order. */
  readonly results: readonly (ValueType | undefined)[];
  /** The components defined in it, in order. */
  readonly nested: readonly ValidatedComponent[];
}

/**
 * Checks everything the specification asks of a component, apart from the bodies of core modules, and resolves its types.
 *
 * @param budget the work allowed, by default for this alone
 * @throws {DecodeError} at the first definition that is not valid
 * @throws {UnsupportedError} for what is valid only with a feature the host lacks
 */
export function validateComponent(
  definition: ComponentDefinition,
  budget: Budget = new Budget(definition.byteLength),
): ValidatedComponent {
  return new ComponentValidator(new Context(budget), undefined).validate(definition);
}

const sections: Readonly<Record<Definition["kind"], string>> = {
  "core-module": "core module section",
  "core-instance": "core instance section",
  "core-type": "core type section",
  component: "component section",
  instance: "instance section",
  alias: "alias section",
  type: "type section",
  canon: "canon section",
  import: "import section",
  export: "export section",
};

class ComponentValidator {
  private readonly context: Context;
  private readonly scope: Scope;
  private readonly core = new CoreSpaces();
  private readonly canon: CanonValidator;
  private readonly nested: ValidatedComponent[] = [];

  constructor(context: Context, parent: Scope | undefined) {
    this.context = context;
    this.scope = new Scope(context, "component", parent);
    this.canon = new CanonValidator(this.scope, this.core);
  }

  validate(definition: ComponentDefinition): ValidatedComponent {
    for (const item of definition.definitions) {
      this.context.at(item.offset, sections[item.kind]);
      this.define(item);
    }
    const { types, funcs, instances, local } = this.scope;
    const type = this.scope.componentType();
    return {
      definition,
      type,
      types,
      funcs,
      instances,
      resources: [...local],
      results: this.canon.results,
      nested: this.nested,
    };
  }

  private define(item: Definition): void {
    const context: Context = this.context;
    const { scope, core } = this;
    switch (item.kind) {
      case "core-module":
        checkModuleNames(context, item.type);
        scope.modules.push(item.type);
        return;
      case "core-instance":
        this.coreInstance(item);
        return;
      case "core-type":
        scope.coreTypes.push(scope.coreType(item.type));
        return;
      case "component":
        this.nested.push(new ComponentValidator(context, scope).validate(item.component));
        scope.components.push(this.nested.at(-1)!.type);
        return;
      case "instance":
        scope.instances.push(
          item.expr.kind === "instantiate"
            ? this.instantiate(item.expr.component, item.expr.args)
            : this.bag(item.expr.exports),
        );
        return;
      case "alias":
        if (item.target.kind === "core-export") {
          const { instance, name, sort } = item.target;
          const type = context.item(core.instances, instance, "core instance").get(name);
          if (type === undefined) context.fail(`Core instance ${instance} has no export named ${JSON.stringify(name)}`);
          if (type.kind !== `core-${sort}`) {
            context.fail(`The export ${JSON.stringify(name)} of core instance ${instance} is not a ${sort}`);
          }
          core.push(type);
        } else {
          scope.alias(item);
        }
        return;
      case "type":
        this.type(item.type);
        return;
      case "canon":
        this.canon.define(item);
        return;
      case "import":
        scope.import(item.name, item.type);
        return;
      case "export":
        this.export(item);
        return;
    }
  }

  private type(raw: Extract<Definition, { kind: "type" }>["type"]): void {
    const context: Context = this.context;
    const { scope, core } = this;
    if (raw.kind !== "resource") {
      scope.types.push(scope.define(raw));
      return;
    }
    if (raw.rep !== "i32") {
      throw new UnsupportedError(
        "memory64",
        `The component has a resource represented by ${raw.rep}; this host supports i32 only`,
      );
    }
    if (raw.dtor !== undefined) {
      const { params, results } = context.item(core.funcs, raw.dtor, "core function");
      if (params.length !== 1 || params[0] !== "i32" || results.length !== 0) {
        context.fail(`Core function ${raw.dtor} has the wrong signature for a destructor, which takes one i32`);
      }
    }
    const resource: ResourceType = { kind: "resource", name: "" };
    scope.local.add(resource);
    scope.types.push(resource);
  }

  private coreInstance({ expr }: Extract<Definition, { kind: "core-instance" }>): void {
    const context: Context = this.context;
    const { core, scope } = this;
    if (expr.kind === "instantiate") {
      const module = context.item(scope.modules, expr.module, "core module");
      core.instances.push(instantiateModule(context, module, expr.args, core.instances));
      return;
    }
    const exports = new Map<string, ReturnType<CoreSpaces["item"]>>();
    for (const { name, sort, index } of expr.exports) {
      if (exports.has(name)) context.fail(`The core export name \`${name}\` is already defined`);
      exports.set(name, core.item(context, sort, index));
    }
    core.instances.push(exports);
  }

  /** What a sort and an index name, among what components can import and export. */
  private item(reference: SortIndex): ExternType {
    const context: Context = this.context;
    const { scope } = this;
    const { sort, index } = reference;
    if (reference.core) {
      if (sort !== "module") context.fail(`A core ${sort} cannot be imported or exported by a component`);
      return context.item(scope.modules, index, "core module");
    }
    switch (sort) {
      case "func":
        return context.item(scope.funcs, index, "function");
      case "type":
        return externOf(context.item(scope.types, index, "type"));
      case "component":
        return context.item(scope.components, index, "component");
      case "instance":
        return context.item(scope.instances, index, "instance");
      default:
        return context.fail(`A ${sort} cannot be imported or exported`);
    }
  }

  private instantiate(
    index: number,
    args: readonly { readonly name: string; readonly item: SortIndex }[],
  ): InstanceType {
    const context: Context = this.context;
    const component = context.item(this.scope.components, index, "component");
    const supplied = new Map<string, ExternType>();
    for (const { name, item } of args) {
      if (supplied.has(name)) context.fail(`The instantiation argument \`${name}\` conflicts with a previous one`);
      supplied.set(name, this.item(item));
    }
    const matcher = new Matcher({ open: component.imported, comparing: context.comparing });
    for (const { name, type: wanted } of component.imports) {
      const found = supplied.get(name);
      if (found === undefined)
        context.fail(`The import named \`${name}\` is missing among the instantiation arguments`);
      const why = matcher.explain(found, wanted);
      if (why !== undefined) context.fail(`The instantiation argument \`${name}\` does not fit: ${why}`);
    }
    return openComponent(context, component, matcher);
  }

  /**
   * An instance made of definitions at hand. It introduces no indices, so its types stay the entities they are, and none
   * of its functions can be a member of a resource.
   */
  private bag(entries: readonly { readonly name: RawName; readonly item: SortIndex }[]): InstanceType {
    const context: Context = this.context;
    const names = new NameScope(context, "export", { registersResources: false });
    const exports: ExternDecl[] = [];
    for (const { name, item } of entries) {
      const type = this.item(item);
      if (type.kind === "resource-type") nameResource(type.resource, name.name);
      names.add(name, type);
      exports.push({ name: name.name, type });
    }
    return checked(context, { kind: "instance", exports });
  }

  private export({ name, item, type }: Extract<Definition, { kind: "export" }>): void {
    const context: Context = this.context;
    const { scope } = this;
    const found = this.item(item);
    if (type === undefined) {
      scope.export(name, rename(found, name.name));
      return;
    }
    const open = new Set<ResourceType>();
    const ascribed = scope.extern(type, name.name, open);
    const why = new Matcher({ open, comparing: context.comparing }).explain(found, ascribed);
    if (why !== undefined) context.fail(`The ascribed type of the export \`${name.name}\` is not compatible: ${why}`);
    scope.export(name, ascribed);
  }
}

/** What an export introduces: a type becomes an object of its own. */
function rename(type: ExternType, name: string): ExternType {
  return type.kind === "type" || type.kind === "resource-type" ? named(typeOf(type), name) : type;
}
