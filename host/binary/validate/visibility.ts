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

/** The types that have names in one place, and those around it. Names are only added, so what was seen is not seen again. */
class Names {
  private readonly outer: Names | undefined;
  private readonly named: Set<TypeEntity> = new Set();
  /** Types without names of their own all of whose parts have some. */
  private readonly admitted: Set<object> = new Set();

  constructor(outer?: Names) {
    this.outer = outer;
  }

  add(type: TypeEntity): void {
    this.named.add(type);
  }

  has(type: TypeEntity): boolean {
    return this.named.has(type) || this.outer?.has(type) === true;
  }

  admit(type: TypeEntity): void {
    this.admitted.add(whatIsAdmitted(type));
  }

  admits(type: TypeEntity): boolean {
    return this.admitted.has(whatIsAdmitted(type)) || this.outer?.admits(type) === true;
  }
}

/** The same type under other names has the same parts. */
function whatIsAdmitted(type: TypeEntity): object {
  return isValueEntity(type) && isCompound(type) ? type.parts : type;
}

export class Visibility {
  private readonly context: Context;
  private readonly imported: Names = new Names();
  private readonly exported: Names = new Names();

  constructor(context: Context) {
    this.context = context;
  }

  /** Whether an item may be imported or exported here; the types it names are visible from then on. */
  admit(item: Item, as: "import" | "export"): boolean {
    const names = as === "import" ? this.imported : this.exported;
    this.context.spend(1);
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.typeIsNamed(item.type, names);
      case "instance":
        return every(item.type.exports.values(), (part) => this.admit(part, as));
      case "type":
        if (!this.typeIsNamed(item.type, names)) return false;
        this.exported.add(item.type);
        if (as === "import") this.imported.add(item.type);
        return true;
    }
  }

  /** Whether all that a type is made of has names; the type itself need not have one. */
  private typeIsNamed(type: TypeEntity, names: Names): boolean {
    if (isValueEntity(type)) {
      if (isHandle(type)) return names.has(type.resource);
      if (!isCompound(type)) return true;
    }
    if (names.admits(type)) return true;
    const admitted = this.partsAreNamed(type, names);
    if (admitted) names.admit(type);
    return admitted;
  }

  private partsAreNamed(type: TypeEntity, names: Names): boolean {
    this.context.spend(1);
    if (isValueEntity(type)) {
      if (!isCompound(type)) return true;
      this.context.spend(type.parts.length);
      return type.parts.every((part) => part === undefined || this.valueIsNamed(part, names));
    }
    switch (type.kind) {
      case "func":
        return this.funcIsNamed(type, names);
      case "instance": {
        // The exports of the instance type name types for those after them.
        const inside = new Names(names);
        return every(type.exports.values(), (item) => this.itemIsNamed(item, inside));
      }
      case "component":
      case "resource":
        return true;
    }
  }

  private itemIsNamed(item: Item, names: Names): boolean {
    this.context.spend(1);
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.typeIsNamed(item.type, names);
      case "instance":
        return every(item.type.exports.values(), (part) => this.itemIsNamed(part, names));
      case "type":
        if (!this.typeIsNamed(item.type, names)) return false;
        names.add(item.type);
        return true;
    }
  }

  private funcIsNamed(func: FuncEntity, names: Names): boolean {
    this.context.spend(func.params.length >> 2);
    return (
      func.params.every((param) => this.valueIsNamed(param.type, names)) &&
      (func.result === undefined || this.valueIsNamed(func.result, names))
    );
  }

  private valueIsNamed(type: ValueEntity, names: Names): boolean {
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

function every<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (!test(item)) return false;
  return true;
}
