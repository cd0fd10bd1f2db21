/**
 * Core modules seen from outside: module types, instantiation of modules with instances, and core items.
 *
 * Follows design/mvp/Binary.md, "Type Definitions" (core module types) and "Instance Definitions", and the import
 * matching of the core specification. Bodies are validated by the engine when it compiles the module.
 */
import type { CoreExternType, CoreGlobalType, CoreModuleType } from "../../model/types.ts";
import { explainCoreMismatch } from "../../model/core-subtype.ts";
import { formatCoreExtern } from "../../model/core-text.ts";
import type { CoreDefinedType } from "../core-types.ts";
import type { CoreSort, RawCoreDeclarator, RawCoreExtern } from "../definition.ts";
import type { Context } from "./context.ts";

export type CoreTypeEntity = CoreDefinedType | CoreModuleType;
export type CoreInstance = ReadonlyMap<string, CoreExternType>;

/** The core index spaces of a component. */
export class CoreSpaces {
  readonly modules: CoreModuleType[] = [];
  readonly instances: CoreInstance[] = [];
  readonly funcs: Extract<CoreExternType, { kind: "core-func" }>[] = [];
  readonly tables: Extract<CoreExternType, { kind: "core-table" }>[] = [];
  readonly memories: Extract<CoreExternType, { kind: "core-memory" }>[] = [];
  readonly globals: CoreGlobalType[] = [];
  readonly tags: Extract<CoreExternType, { kind: "core-tag" }>[] = [];

  /** The item of a sort at an index. */
  item(context: Context, sort: CoreSort, index: number): CoreExternType {
    switch (sort) {
      case "func":
        return context.item(this.funcs, index, "core function");
      case "table":
        return context.item(this.tables, index, "core table");
      case "memory":
        return context.item(this.memories, index, "core memory");
      case "global":
        return context.item(this.globals, index, "core global");
      case "tag":
        return context.item(this.tags, index, "core tag");
      default:
        return context.fail(`A core instance cannot export a core ${sort}`);
    }
  }

  push(type: CoreExternType): void {
    switch (type.kind) {
      case "core-func":
        this.funcs.push(type);
        return;
      case "core-table":
        this.tables.push(type);
        return;
      case "core-memory":
        this.memories.push(type);
        return;
      case "core-global":
        this.globals.push(type);
        return;
      case "core-tag":
        this.tags.push(type);
        return;
    }
  }
}

/** A module type from its declarators. `outer` finds a core type a number of scopes outside the module type. */
export function evaluateModuleType(
  context: Context,
  declarators: readonly RawCoreDeclarator[],
  outer: (count: number, index: number) => CoreTypeEntity,
): CoreModuleType {
  const types: CoreDefinedType[] = [];
  const imports: { module: string; name: string; type: CoreExternType }[] = [];
  const exports: { name: string; type: CoreExternType }[] = [];
  const define = (type: CoreTypeEntity | { readonly kind: "core-module" }): void => {
    if (type.kind === "core-module") context.fail("A core module type cannot contain another");
    types.push(type);
  };
  for (const declarator of declarators) {
    context.offset = declarator.offset;
    switch (declarator.kind) {
      case "type":
        define(declarator.type);
        break;
      case "outer-alias":
        define(declarator.count === 0
          ? context.item(types, declarator.index, "core type")
          : outer(declarator.count - 1, declarator.index));
        break;
      case "import":
        imports.push({
          module: declarator.module,
          name: declarator.name,
          type: coreExtern(context, types, declarator.type),
        });
        break;
      case "export":
        exports.push({ name: declarator.name, type: coreExtern(context, types, declarator.type) });
        break;
    }
  }
  const type: CoreModuleType = { kind: "core-module", imports, exports };
  checkModuleNames(context, type);
  return type;
}

function coreExtern(context: Context, types: readonly CoreDefinedType[], raw: RawCoreExtern): CoreExternType {
  switch (raw.kind) {
    case "core-func":
    case "core-tag": {
      const type = context.item(types, raw.typeIndex, "core type");
      if (type.kind !== "core-func") context.fail(`Core type ${raw.typeIndex} is not a function type`);
      if (raw.kind === "core-func") return type;
      if (type.results.length > 0) context.fail("The type of a tag cannot have results");
      return { kind: "core-tag", params: type.params };
    }
    case "core-memory":
    case "core-table": {
      const { min, max, index, shared } = raw.limits;
      const most =
        raw.kind === "core-table"
          ? (index === "i64" ? 2n ** 64n : 2n ** 32n) - 1n
          : index === "i64"
            ? 2n ** 48n
            : 2n ** 16n;
      if (min > most || (max !== undefined && max > most)) {
        context.fail(`The size must be at most ${most} ${raw.kind === "core-memory" ? "pages" : "elements"}`);
      }
      if (max !== undefined && min > max) context.fail(`The minimum size ${min} is larger than the maximum ${max}`);
      if (shared && max === undefined) context.fail("A shared memory must have a maximum size");
      return raw;
    }
    case "core-global":
      return raw;
  }
}

/** Import and export names of a module in a component must each be unique. */
export function checkModuleNames(context: Context, type: CoreModuleType): void {
  const imports = new Set<string>();
  for (const { module, name } of type.imports) {
    const key = JSON.stringify([module, name]);
    if (imports.has(key)) context.fail(`The core module has a duplicate import name \`${module}:${name}\``);
    imports.add(key);
  }
  const exports = new Set<string>();
  for (const { name } of type.exports) {
    if (exports.has(name)) context.fail(`The core export name \`${name}\` is already defined`);
    exports.add(name);
  }
}

/** Checks the arguments of a core instantiation. @returns the exports of the instance */
export function instantiateModule(
  context: Context,
  module: CoreModuleType,
  args: readonly { readonly name: string; readonly instance: number }[],
  instances: readonly CoreInstance[],
): CoreInstance {
  const supplied = new Map<string, CoreInstance>();
  for (const { name, instance } of args) {
    if (supplied.has(name)) context.fail(`There is a duplicate module instantiation argument named \`${name}\``);
    supplied.set(name, context.item(instances, instance, "core instance"));
  }
  context.spend(module.imports.length + module.exports.length);
  // Function types are shared by reference, and comparing them looks at every parameter.
  for (const { type } of module.imports) {
    if (type.kind === "core-func") context.spend((type.params.length + type.results.length) >> 3);
    else if (type.kind === "core-tag") context.spend(type.params.length >> 3);
  }
  for (const { module: from, name, type } of module.imports) {
    const instance = supplied.get(from);
    if (instance === undefined) context.fail(`The module instantiation argument \`${from}\` is missing`);
    const found = instance.get(name);
    if (found === undefined) {
      context.fail(
        `The module instantiation argument \`${from}\` does not export an item named \`${name}\`: expected ${formatCoreExtern(type)}`,
      );
    }
    const why = explainCoreMismatch(found, type);
    if (why !== undefined) context.fail(`The module instantiation argument \`${from}\`: \`${name}\`: ${why}`);
  }
  return new Map(module.exports.map(({ name, type }) => [name, type]));
}
