/**
 * Whether what was supplied fits what is declared, and if not, where and why in words.
 *
 * Resource types that the declaration leaves open are bound to the first ones supplied for them. Follows
 * design/mvp/Subtyping.md and design/mvp/Binary.md, "Instance Definitions": value types must be equal, instances may have
 * more exports than wanted, components fewer imports and more exports.
 */
import { declsByName, isValueType, labelsOf, partsOf, resourceOf, typeOf } from "../../model/cases.ts";
import { explainCoreModule } from "../../model/core-subtype.ts";
import { holdsHandle, isCompound } from "../../model/facts.ts";
import { byIdentity, type Spend, Substitution } from "../../model/substitute.ts";
import { formatExtern, formatType } from "../../model/text.ts";
import type {
  ComponentType,
  CoreModuleType,
  ExternDecl,
  ExternType,
  FuncType,
  ResourceType,
  Type,
  ValueType,
} from "../../model/types.ts";

export interface MatcherOptions {
  /** What resource types of the declaration are bound to already. */
  readonly resources?: Map<ResourceType, ResourceType>;
  /** The resource types of the declaration that may be bound, by default all that it declares. */
  readonly open?: ReadonlySet<ResourceType> | undefined;
  readonly spend: Spend;
}

/** One comparison of things found with declarations. */
export class Matcher {
  readonly resources: Map<ResourceType, ResourceType>;
  /** What was found for each declared type. */
  readonly types: Map<Type, Type> = new Map();
  readonly #open: ReadonlySet<ResourceType> | undefined;
  readonly #spend: Spend;

  constructor({ resources = new Map(), open, spend }: MatcherOptions) {
    this.resources = resources;
    this.#open = open;
    this.#spend = spend;
  }

  /** Why `found` may not stand where `wanted` is declared; `undefined` when it may. */
  explain(found: ExternType, wanted: ExternType): string | undefined {
    this.#spend(1);
    if (found.kind !== wanted.kind) return `expected ${sortName(wanted)}, found ${sortName(found)}`;
    switch (wanted.kind) {
      case "func":
        return this.#func(found as FuncType, wanted);
      case "instance":
        return this.#exports((found as typeof wanted).exports, wanted.exports);
      case "component":
        return this.#component(found as ComponentType, wanted);
      case "core-module":
        this.#spend(costOf(found as CoreModuleType) + costOf(wanted));
        return explainCoreModule(found as CoreModuleType, wanted);
      case "resource-type":
      case "type": {
        const declared = typeOf(wanted);
        const supplied = typeOf(found as typeof wanted);
        const why =
          declared.kind === "resource"
            ? this.#bind(supplied as ResourceType, declared)
            : this.#namedType(found as NamedType, wanted as NamedType);
        if (why === undefined) this.types.set(declared, supplied);
        return why;
      }
    }
  }

  #exports(found: readonly ExternDecl[], wanted: readonly ExternDecl[]): string | undefined {
    const provided = declsByName(found);
    for (const { name, type } of wanted) {
      const other = provided.get(name);
      if (other === undefined) return `\`${name}\` is missing: expected ${formatExtern(type)}`;
      const why = this.explain(other, type);
      if (why !== undefined) return `\`${name}\`: ${why}`;
    }
    return undefined;
  }

  #component(found: ComponentType, wanted: ComponentType): string | undefined {
    const declared = this.#substitution().type(wanted) as ComponentType;
    if (found === declared) return undefined;
    // What the found component imports must be given by whoever instantiates the wanted one.
    const given = declsByName(declared.imports);
    const imports = new Matcher({ open: found.imported, spend: this.#spend });
    for (const { name, type } of found.imports) {
      const offer = given.get(name);
      if (offer === undefined) return `import \`${name}\`: found but not wanted`;
      const why = imports.explain(offer, type);
      if (why !== undefined) return `import \`${name}\`: ${why}`;
    }
    const exports = new Substitution(byIdentity(imports.resources), this.#spend, imports.types).decls(found.exports);
    const matcher = new Matcher({ open: declared.created, spend: this.#spend });
    return within("export", matcher.#exports(exports, declared.exports));
  }

  #substitution(): Substitution {
    return new Substitution(byIdentity(this.resources), this.#spend);
  }

  #namedType(found: NamedType, wanted: NamedType): string | undefined {
    const left = found.type;
    const right = wanted.type;
    this.#spend(1);
    if (isValueType(left) && isValueType(right)) return this.#value(left, right);
    if (isValueType(left) || isValueType(right) || left.kind !== right.kind) {
      return `expected ${formatExtern(wanted)}, found ${formatExtern(found)}`;
    }
    if (right.kind === "func") return this.#func(left as FuncType, right);
    // Types are equal when each is a subtype of the other; the way back binds what the found one leaves open.
    const open = boundBy(right, this.#open);
    this.#spend(2 * (this.resources.size + (open?.size ?? 0)));
    const forth = new Matcher({
      resources: new Map(this.resources),
      open: this.#open === undefined ? undefined : new Set([...this.#open, ...(open ?? [])]),
      spend: this.#spend,
    });
    const why = forth.explain(left, right);
    if (why !== undefined) return why;
    const resolved = this.#substitution().type(right) as ExternType;
    return new Matcher({ open: boundBy(left, this.#open), spend: this.#spend }).explain(resolved, left);
  }

  #bind(found: ResourceType, wanted: ResourceType): string | undefined {
    const resource = resourceOf(wanted);
    if (!this.resources.has(resource) && (this.#open === undefined || this.#open.has(resource))) {
      this.resources.set(resource, resourceOf(found));
      return undefined;
    }
    return this.#resource(found, wanted);
  }

  #resource(found: ResourceType, wanted: ResourceType): string | undefined {
    const resource = resourceOf(wanted);
    const bound = this.resources.get(resource) ?? resource;
    if (bound === resourceOf(found)) return undefined;
    if (nameOf(bound) === nameOf(found)) return `the resource found, ${nameOf(found)}, is not the one expected`;
    return `expected the resource ${nameOf(bound)}, found ${nameOf(found)}`;
  }

  #func(found: FuncType, wanted: FuncType): string | undefined {
    if (found.async !== wanted.async) {
      const word = (func: FuncType): string => (func.async ? "an async" : "a synchronous");
      return `expected ${word(wanted)} function, found ${word(found)} one`;
    }
    if (found.params.length !== wanted.params.length) {
      return `expected ${count(wanted.params.length, "parameter")}, found ${found.params.length}`;
    }
    this.#spend(wanted.params.length >> 2);
    for (const [place, param] of wanted.params.entries()) {
      const other = found.params[place]!;
      const where = `parameter ${place + 1} \`${param.name}\``;
      if (other.name !== param.name) return `${where}: the parameter found has the name \`${other.name}\``;
      const why = this.#value(other.type, param.type);
      if (why !== undefined) return `${where}: ${why}`;
    }
    return within("result", this.#optional(found.result, wanted.result));
  }

  /** Why two value types differ; `undefined` when they are equal. */
  #value(found: ValueType, wanted: ValueType): string | undefined {
    this.#spend(1);
    // A handle's resource may be bound to another, so only a type without handles is equal to itself.
    if (found === wanted && !holdsHandle(wanted)) return undefined;
    if (found.kind === wanted.kind && (wanted.kind === "own" || wanted.kind === "borrow")) {
      return this.#resource((found as typeof wanted).resource, wanted.resource);
    }
    if (found.kind === wanted.kind && !isCompound(wanted)) return undefined;
    const labels = labelsOf(wanted);
    const names = labels.length === 0 && found.kind === wanted.kind ? labels : labelsOf(found);
    const parts = partsOf(wanted);
    const others = partsOf(found);
    this.#spend((labels.length + parts.length) >> 1);
    const hasMembers = wanted.kind === "record" || wanted.kind === "variant";
    if (
      found.kind !== wanted.kind ||
      (wanted.kind === "list" && wanted.length !== (found as typeof wanted).length) ||
      (!hasMembers && (parts.length !== others.length || !sameTypes(labels, names)))
    ) {
      return `expected ${formatType(wanted)}, found ${formatType(found)}`;
    }
    const member = wanted.kind === "record" ? "field" : "case";
    if (labels.length !== names.length) return `expected ${count(labels.length, member)}, found ${names.length}`;
    for (let place = 0; place < parts.length; place++) {
      const label = labels[place];
      if (label !== names[place]) return `${member} ${place + 1}: expected \`${label}\`, found \`${names[place]}\``;
      const why = this.#optional(others[place], parts[place]);
      if (why === undefined) continue;
      if (label !== undefined) return `${member} \`${label}\`: ${why}`;
      const name = wanted.kind === "tuple" ? `element ${place + 1}` : partNames[wanted.kind]?.[place];
      return `${name ?? "element"}: ${why}`;
    }
    return undefined;
  }

  #optional(found: ValueType | undefined, wanted: ValueType | undefined): string | undefined {
    if (found === undefined && wanted === undefined) return undefined;
    if (found === undefined) return `expected ${formatType(wanted!)}, found nothing`;
    if (wanted === undefined) return `expected nothing, found ${formatType(found)}`;
    return this.#value(found, wanted);
  }
}

type NamedType = Extract<ExternType, { kind: "type" }>;

/** The resource types that comparing with a type may bind; `undefined` for all, where there is no other limit. */
function boundBy(
  type: Exclude<Type, ResourceType>,
  open: ReadonlySet<ResourceType> | undefined,
): ReadonlySet<ResourceType> | undefined {
  if (type.kind === "instance" && type.bound !== undefined) return type.bound;
  return open === undefined ? undefined : new Set();
}

function sortName(type: ExternType): string {
  switch (type.kind) {
    case "resource-type":
      return "a resource";
    case "core-module":
      return "a core module";
    case "instance":
      return "an instance";
    case "func":
    case "component":
    case "type":
      return `a ${type.kind === "func" ? "function" : type.kind}`;
  }
}

function nameOf(resource: ResourceType): string {
  return resource.name === "" ? "without a name" : `\`${resource.name}\``;
}

/** What the parts of a type are called where they are not elements. */
const partNames: Readonly<Partial<Record<ValueType["kind"], readonly string[]>>> = {
  map: ["key", "value"],
  option: ["some"],
  result: ["ok", "err"],
};

/** Function types are shared by reference, and comparing them looks at every parameter. */
function costOf({ imports, exports }: CoreModuleType): number {
  return [...imports, ...exports].reduce(
    (sum, { type }) => sum + 1 + (type.kind === "core-func" ? type.params.length >> 3 : 0),
    0,
  );
}

function sameTypes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, place) => type === b[place]);
}

function within(where: string, why: string | undefined): string | undefined {
  return why === undefined ? undefined : `${where}: ${why}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
