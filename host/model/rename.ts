/**
 * Types under other names. Each is an object of its own, so that the name can be found; what it is a copy of is known, so
 * that substitution treats both alike and they go on sharing their fields or cases.
 */
import { externOf, isValueType, resourceOf, typeOf } from "./cases.ts";
import { shareFacts } from "./facts.ts";
import { Given } from "./given.ts";
import { Substitution } from "./substitute.ts";
import type { ExternDecl, ExternType, Type, ValueType } from "./types.ts";

/** What a copy of a type under another name is a copy of. */
class Copy extends Given {
  readonly #original: Type;

  constructor(copy: Type, original: Type) {
    super(copy);
    this.#original = original;
  }

  static originalOf(type: Type): Type | undefined {
    return #original in type ? type.#original : undefined;
  }
}

/** The same type under a name of its own: what an import, an export or a use of an instance type introduces. */
export function renamed(type: Type, name: string): Type {
  return type.kind === "resource" ? { kind: "resource", name, of: resourceOf(type) } : copyOf(type);
}

function copyOf(type: Type): Type {
  const copy = { ...type };
  new Copy(copy, type);
  if (isValueType(type)) shareFacts(copy as ValueType, type);
  return copy;
}

/** A substitution in which copies stay copies: where a type is replaced, so is the same type under other names. */
export class NamedSubstitution extends Substitution {
  override type(type: Type): Type {
    const known = this.done.get(type);
    if (known !== undefined) return known;
    const copies: Type[] = [];
    let at = type;
    for (let from = Copy.originalOf(at); from !== undefined && !this.done.has(at); from = Copy.originalOf(at)) {
      copies.push(at);
      at = from;
    }
    this.spend(copies.length);
    let original = at;
    let result = super.type(at);
    for (let copy = copies.pop(); copy !== undefined; copy = copies.pop()) {
      result = result === original ? copy : copyOf(result);
      this.done.set(copy, result);
      original = copy;
    }
    return result;
  }

  /** As {@link decls}, with every type exported by name made an object of its own. */
  renamedDecls(decls: readonly ExternDecl[]): readonly ExternDecl[] {
    return decls.map(({ name, type }) => ({ name, type: this.renamedExtern(type, name) }));
  }

  private renamedExtern(extern: ExternType, name: string): ExternType {
    // A copy of an instance is a list of its own with an object for each type.
    this.spend(extern.kind === "instance" ? 10 : 3);
    if (extern.kind === "instance") return { ...extern, exports: this.renamedDecls(extern.exports) };
    if (extern.kind !== "type" && extern.kind !== "resource-type") return this.extern(extern);
    const type = typeOf(extern);
    const copy = renamed(this.type(type), name);
    this.done.set(type, copy);
    this.replacesTypes = true;
    return externOf(copy);
  }
}
