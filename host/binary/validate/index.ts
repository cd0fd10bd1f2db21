/**
 * Validation: whether a decoded component is one the specification allows.
 *
 * Walks the definitions in order, as they are instantiated, and keeps every index space. What it accepts, `plan/` may
 * rely on without checking again. Core function bodies are validated by the engine when modules are compiled. Follows
 * design/mvp/Binary.md and design/mvp/Explainer.md; each file of this folder names its sections.
 */
import { Budget } from "../../budget.ts";
import { UnsupportedError } from "../../errors.ts";
import type { ComponentDefinition, Definition, RawName, SortIndex } from "../definition.ts";
import { CanonValidator } from "./canon.ts";
import { Context } from "./context.ts";
import { checkModuleNames, CoreSpaces, instantiateModule } from "./core.ts";
import { Matcher } from "./match.ts";
import { NameScope } from "./names.ts";
import { Scope } from "./scope.ts";
import { openComponent } from "./substitute.ts";
import {
  type ComponentEntity,
  extentOfItems,
  type InstanceEntity,
  type Item,
  renamed,
  type ResourceId,
} from "./types.ts";

/**
 * Checks everything the specification asks of a component, apart from the bodies of core modules.
 *
 * @param budget the work allowed, by default for this alone
 * @throws {DecodeError} at the first definition that is not valid
 * @throws {UnsupportedError} for what is valid only with a feature the host lacks
 */
export function validateComponent(
  definition: ComponentDefinition,
  budget: Budget = new Budget(definition.byteLength),
): void {
  new ComponentValidator(new Context(budget), undefined).validate(definition);
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
  start: "start section",
  import: "import section",
  export: "export section",
};

class ComponentValidator {
  private readonly context: Context;
  private readonly scope: Scope;
  private readonly core = new CoreSpaces();
  private readonly canon: CanonValidator;

  constructor(context: Context, parent: Scope | undefined) {
    this.context = context;
    this.scope = new Scope(context, "component", parent);
    this.canon = new CanonValidator(this.scope, this.core);
  }

  validate(definition: ComponentDefinition): ComponentEntity {
    for (const item of definition.definitions) {
      this.context.at(item.offset, sections[item.kind]);
      this.define(item);
    }
    return this.scope.componentEntity();
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
        scope.components.push(new ComponentValidator(context, scope).validate(item.component));
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
      case "start":
        context.fail("Start functions are not supported");
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
    scope.types.push({ kind: "resource", id: { owner: scope } });
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

  /** The item that a sort and an index name, among those components can import and export. */
  private item(reference: SortIndex): Item {
    const context: Context = this.context;
    const { scope } = this;
    const { sort, index } = reference;
    if (reference.core) {
      if (sort !== "module") context.fail(`A core ${sort} cannot be imported or exported by a component`);
      return { kind: "core-module", type: context.item(scope.modules, index, "core module") };
    }
    switch (sort) {
      case "func":
        return { kind: "func", type: context.item(scope.funcs, index, "function") };
      case "type":
        return { kind: "type", type: context.item(scope.types, index, "type") };
      case "component":
        return { kind: "component", type: context.item(scope.components, index, "component") };
      case "instance":
        return { kind: "instance", type: context.item(scope.instances, index, "instance") };
      default:
        return context.fail(`A ${sort} cannot be imported or exported`);
    }
  }

  private instantiate(
    index: number,
    args: readonly { readonly name: string; readonly item: SortIndex }[],
  ): InstanceEntity {
    const context: Context = this.context;
    const component = context.item(this.scope.components, index, "component");
    const supplied = new Map<string, Item>();
    for (const { name, item } of args) {
      if (supplied.has(name)) context.fail(`The instantiation argument \`${name}\` conflicts with a previous one`);
      supplied.set(name, this.item(item));
    }
    const matcher = new Matcher(context, component.imported);
    for (const [name, wanted] of component.imports) {
      const found = supplied.get(name);
      if (found === undefined)
        context.fail(`The import named \`${name}\` is missing among the instantiation arguments`);
      const why = matcher.item(found, wanted);
      if (why !== undefined) context.fail(`The instantiation argument \`${name}\` does not fit: ${why}`);
    }
    return openComponent(context, component, matcher.ids, matcher.entities);
  }

  /**
   * An instance made of definitions at hand. It introduces no indices, so its types stay the entities they are, and none
   * of its functions can be a member of a resource.
   */
  private bag(entries: readonly { readonly name: RawName; readonly item: SortIndex }[]): InstanceEntity {
    const context: Context = this.context;
    const names = new NameScope(context, "export", { registersResources: false });
    const exports = new Map<string, Item>();
    for (const entry of entries) {
      const item = this.item(entry.item);
      names.add(entry.name, item);
      exports.set(entry.name.name, item);
    }
    return { kind: "instance", exports, bound: new Set(), ...extentOfItems(context, exports.values()) };
  }

  private export({ name, item, type }: Extract<Definition, { kind: "export" }>): void {
    const context: Context = this.context;
    const { scope } = this;
    const found = this.item(item);
    if (type === undefined) {
      scope.export(name, rename(found));
      return;
    }
    const open = new Set<ResourceId>();
    const ascribed = scope.extern(type, open);
    const why = new Matcher(context, open).item(found, ascribed);
    if (why !== undefined) context.fail(`The ascribed type of the export \`${name.name}\` is not compatible: ${why}`);
    scope.export(name, ascribed);
  }
}

/** An item as an export introduces it: a type becomes an entity of its own. */
function rename(item: Item): Item {
  return item.kind === "type" ? { kind: "type", type: renamed(item.type) } : item;
}
