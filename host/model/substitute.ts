/**
 * Substitution: types in which resource types, and whole types, are replaced by others.
 *
 * What validation does when it instantiates, planning when it settles who implements a resource, and the module host when
 * it links. Follows design/mvp/Explainer.md, "Type Checking".
 */
import { externOf, resourceOf, mapParts, typeOf } from "./cases.ts";
import { holdsHandle } from "./facts.ts";
import type { ExternDecl, ExternType, FuncType, ResourceType, Type, ValueType } from "./types.ts";

/** Counts work; throws when it was too much. */
export type Spend = (steps: number) => void;

const unlimited: Spend = () => {};

/** Replaces each resource type that a map has by the one it maps to. */
export function byIdentity(
  resources: ReadonlyMap<ResourceType, ResourceType>,
): (resource: ResourceType) => ResourceType {
  return (resource) => resources.get(resourceOf(resource)) ?? resource;
}

/** One substitution, over any number of types: those that share parts share them afterwards; what is untouched stays itself. */
export class Substitution {
  private readonly resource: (resource: ResourceType) => ResourceType;
  protected readonly spend: Spend;
  /** The replacements given, and then the results so far: shared types are visited once. */
  protected readonly done: Map<Type, Type>;
  /** Whether whole types are replaced: then those without resources may change too. */
  protected replacesTypes: boolean;

  /**
   * @param resource what stands for a resource type; asked once for each name of it
   * @param types whole types that are replaced; named copies count as types of their own
   */
  constructor(
    resource: (resource: ResourceType) => ResourceType,
    spend: Spend = unlimited,
    types: ReadonlyMap<Type, Type> = new Map(),
  ) {
    this.resource = resource;
    this.spend = spend;
    this.done = new Map(types);
    this.replacesTypes = types.size > 0;
  }

  decls(decls: readonly ExternDecl[]): readonly ExternDecl[] {
    let changed = false;
    this.spend(decls.length);
    const result = decls.map((decl) => {
      const type = this.extern(decl.type);
      if (type === decl.type) return decl;
      changed = true;
      return { name: decl.name, type };
    });
    return changed ? result : decls;
  }

  extern(extern: ExternType): ExternType {
    if (extern.kind === "core-module") return extern;
    if (extern.kind !== "type" && extern.kind !== "resource-type") return this.type(extern) as ExternType;
    const type = typeOf(extern);
    const replaced = this.type(type);
    return replaced === type ? extern : externOf(replaced);
  }

  func(type: FuncType): FuncType {
    return this.type(type) as FuncType;
  }

  type(type: Type): Type {
    const known = this.done.get(type);
    if (known !== undefined) return known;
    const result = this.rebuild(type);
    this.done.set(type, result);
    return result;
  }

  protected rebuild(type: Type): Type {
    this.spend(1);
    switch (type.kind) {
      case "resource":
        return this.resource(type);
      case "own":
      case "borrow": {
        const resource = this.type(type.resource) as ResourceType;
        return resource === type.resource ? type : { kind: type.kind, resource };
      }
      case "func":
        return this.rebuildFunc(type);
      case "instance": {
        const exports = this.decls(type.exports);
        return exports === type.exports ? type : { ...type, exports };
      }
      case "component": {
        const imports = this.decls(type.imports);
        const exports = this.decls(type.exports);
        return imports === type.imports && exports === type.exports ? type : { ...type, imports, exports };
      }
      default:
        return this.replacesTypes || holdsHandle(type) ? this.rebuildValue(type) : type;
    }
  }

  private rebuildValue(type: ValueType): ValueType {
    let parts = 0;
    const result = mapParts(type, (part) => {
      parts += 1;
      return this.type(part) as ValueType;
    });
    this.spend(parts >> 2);
    return result;
  }

  private rebuildFunc(type: FuncType): FuncType {
    this.spend(type.params.length >> 2);
    const value = (part: ValueType): ValueType => this.type(part) as ValueType;
    const result = type.result && value(type.result);
    if (result === type.result && type.params.every((param) => value(param.type) === param.type)) return type;
    return { ...type, params: type.params.map(({ name, type: part }) => ({ name, type: value(part) })), result };
  }
}
