/**
 * External visibility: what an import or export refers to must itself have been imported or exported by name.
 *
 * Follows design/mvp/Explainer.md, "External Visibility of Types": resource types, records, variants, enums and flags
 * need names; imports may refer to imported names only. An instance names the types it exports.
 */
import { isValueType, partsOf, typeOf } from "../../model/cases.ts";
import { identityOf, isNominal } from "../../model/nominal.ts";
import type { ExternType, FuncType, Type, ValueType } from "../../model/types.ts";
import type { Context } from "./context.ts";

/** The types that have names in one place, and those around it. Names are only added, so what was seen is not seen again. */
class Names {
  private readonly outer: Names | undefined;
  private readonly named: Set<Type> = new Set();
  /** Types without names of their own all of whose parts have some. */
  private readonly admitted: Set<object> = new Set();

  constructor(outer?: Names) {
    this.outer = outer;
  }

  add(type: Type): void {
    this.named.add(type);
  }

  has(type: Type): boolean {
    return this.named.has(type) || this.outer?.has(type) === true;
  }

  admit(type: Type): void {
    this.admitted.add(whatIsAdmitted(type));
  }

  admits(type: Type): boolean {
    return this.admitted.has(whatIsAdmitted(type)) || this.outer?.admits(type) === true;
  }
}

/** The same type under other names has the same parts. */
function whatIsAdmitted(type: Type): object {
  if (type.kind === "tuple") return type.types;
  return isNominal(type) ? identityOf(type) : type;
}

export class Visibility {
  private readonly context: Context;
  private readonly imported: Names = new Names();
  private readonly exported: Names = new Names();

  constructor(context: Context) {
    this.context = context;
  }

  /** Whether an item may be imported or exported here; the types it names are visible from then on. */
  admit(item: ExternType, as: "import" | "export"): boolean {
    const names = as === "import" ? this.imported : this.exported;
    this.context.spend(1);
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.typeIsNamed(item, names);
      case "instance":
        return item.exports.every(({ type }) => this.admit(type, as));
      case "type":
      case "resource-type": {
        const type = typeOf(item);
        if (!this.typeIsNamed(type, names)) return false;
        this.exported.add(type);
        if (as === "import") this.imported.add(type);
        return true;
      }
    }
  }

  /** Whether all that a type is made of has names; the type itself need not have one. */
  private typeIsNamed(type: Type, names: Names): boolean {
    if (type.kind === "own" || type.kind === "borrow") return names.has(type.resource);
    if (names.admits(type)) return true;
    const admitted = this.partsAreNamed(type, names);
    if (admitted) names.admit(type);
    return admitted;
  }

  private partsAreNamed(type: Type, names: Names): boolean {
    this.context.spend(1);
    if (isValueType(type)) {
      const parts = partsOf(type);
      this.context.spend(parts.length);
      return parts.every((part) => part === undefined || this.valueIsNamed(part, names));
    }
    switch (type.kind) {
      case "func":
        return this.funcIsNamed(type, names);
      case "instance": {
        // The exports of the instance type name types for those after them.
        const inside = new Names(names);
        return type.exports.every((item) => this.itemIsNamed(item.type, inside));
      }
      case "component":
      case "resource":
        return true;
    }
  }

  private itemIsNamed(item: ExternType, names: Names): boolean {
    this.context.spend(1);
    switch (item.kind) {
      case "core-module":
      case "component":
        return true;
      case "func":
        return this.typeIsNamed(item, names);
      case "instance":
        return item.exports.every(({ type }) => this.itemIsNamed(type, names));
      case "type":
      case "resource-type": {
        const type = typeOf(item);
        if (!this.typeIsNamed(type, names)) return false;
        names.add(type);
        return true;
      }
    }
  }

  private funcIsNamed(func: FuncType, names: Names): boolean {
    this.context.spend(func.params.length >> 2);
    return (
      func.params.every((param) => this.valueIsNamed(param.type, names)) &&
      (func.result === undefined || this.valueIsNamed(func.result, names))
    );
  }

  private valueIsNamed(type: ValueType, names: Names): boolean {
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
