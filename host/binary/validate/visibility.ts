/**
 * External visibility: what an import or export refers to must itself have been imported or exported by name.
 *
 * Follows design/mvp/Explainer.md, "External Visibility of Types": resource types, records, variants, enums and flags
 * need names; imports may refer to imported names only. An instance names the types it exports.
 */
import type { Context } from "./context.ts";
import {
  type FuncEntity,
  isCompound,
  isHandle,
  isValueEntity,
  type Item,
  type TypeEntity,
  type ValueEntity,
} from "./types.ts";

export class Visibility {
  private readonly context: Context;
  private readonly imported: Set<TypeEntity> = new Set();
  private readonly exported: Set<TypeEntity> = new Set();

  constructor(context: Context) {
    this.context = context;
  }

  /** Whether an item may be imported or exported here; the types it names are visible from then on. */
  admit(item: Item, as: "import" | "export"): boolean {
    const names = as === "import" ? this.imported : this.exported;
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.funcIsNamed(item.type, names);
      case "instance":
        return [...item.type.exports.values()].every((part) => this.admit(part, as));
      case "type":
        if (!this.typeIsNamed(item.type, names)) return false;
        this.exported.add(item.type);
        if (as === "import") this.imported.add(item.type);
        return true;
    }
  }

  /** Whether all that a type is made of has names; the type itself need not have one. */
  private typeIsNamed(type: TypeEntity, names: ReadonlySet<TypeEntity>): boolean {
    this.context.spend(1);
    if (isValueEntity(type)) {
      if (isHandle(type)) return names.has(type.resource);
      return !isCompound(type) || type.parts.every((part) => part === undefined || this.valueIsNamed(part, names));
    }
    switch (type.kind) {
      case "func":
        return this.funcIsNamed(type, names);
      case "instance": {
        // The exports of the instance type name types for those after them.
        const inside = new Set(names);
        return [...type.exports.values()].every((item) => this.itemIsNamed(item, inside));
      }
      case "component":
      case "resource":
        return true;
    }
  }

  private itemIsNamed(item: Item, names: Set<TypeEntity>): boolean {
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.funcIsNamed(item.type, names);
      case "instance":
        return [...item.type.exports.values()].every((part) => this.itemIsNamed(part, names));
      case "type":
        if (!this.typeIsNamed(item.type, names)) return false;
        names.add(item.type);
        return true;
    }
  }

  private funcIsNamed(func: FuncEntity, names: ReadonlySet<TypeEntity>): boolean {
    return (
      func.params.every((param) => this.valueIsNamed(param.type, names)) &&
      (func.result === undefined || this.valueIsNamed(func.result, names))
    );
  }

  private valueIsNamed(type: ValueEntity, names: ReadonlySet<TypeEntity>): boolean {
    switch (type.kind) {
      case "record":
      case "variant":
      case "enum":
      case "flags":
        return names.has(type);
      default:
        return this.typeIsNamed(type, names);
    }
  }
}
