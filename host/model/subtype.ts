/**
 * Whether what was found fits what is wanted, and if not, where and why in words: what validation asks of arguments and
 * ascribed types, and the module host of imports and new versions.
 *
 * Structural over model types. Resource types that the wanted side leaves open are bound to the first ones found in their
 * place, so the same name must mean the same resource throughout one comparison. Follows design/mvp/Subtyping.md and
 * design/mvp/Binary.md, "Instance Definitions": value types must be equal, instances may have more exports than wanted,
 * components fewer imports and more exports.
 */
import { declsByName, isValueType, labelsOf, partsOf, resourceOf, typeOf } from "./cases.ts";
import { explainCoreModule } from "./core-subtype.ts";
import { factsOf, holdsHandle, isCompound } from "./facts.ts";
import { byIdentity, type Spend, Substitution } from "./substitute.ts";
import { formatExtern, formatType } from "./text.ts";
import type {
  ComponentType,
  CoreModuleType,
  ExternDecl,
  ExternType,
  FuncType,
  ResourceType,
  Type,
  ValueType,
} from "./types.ts";

/** Which found resource each wanted resource stands for; passed along when several comparisons share resources. */
export type ResourceBindings = Map<ResourceType, ResourceType>;

/** Pairs of equal types, by the one found. */
type Pairs = Map<ValueType, Set<ValueType>>;

/** What comparisons that belong together have found, and what they may still cost: types unfold without end. */
export class Comparing {
  /** The pairs of types that are equal; none of them has handles, whose resources may be bound anew. */
  readonly equal: Pairs = new Map();
  /** Steps that may still be taken, where nobody else counts them: some tenth of a second's. */
  left = 1_000_000;
  /** The wanted resources that were bound, in order: a comparison that failed can be taken back. */
  readonly bound: ResourceType[] = [];
  /** How many reasons stand side by side: the more, the shorter each type in them is written. */
  readonly count: number;
  readonly spend: Spend;

  /**
   * @param count how many comparisons there will be
   * @param spend counts the steps; by default `left` does
   */
  constructor(count = 1, spend?: Spend) {
    this.count = Math.max(count, FEWEST_TEXTS);
    this.spend =
      spend ??
      ((steps) => {
        if ((this.left -= steps) < 0) throw new TooLarge();
      });
  }
}

/** Thrown when nothing is left to compare with; it becomes the reason. */
class TooLarge extends Error {}

/** Types in reasons are written as if they were so many: each has 2,000 letters at most. */
const FEWEST_TEXTS = 1_800;
/** Letters of a name or a path in a reason. */
const MOST_LETTERS = 200;
/** What beginning a comparison costs. */
const COMPARISON = 10;
/** Types of so few parts are compared sooner than looked up. */
const FEW_PARTS = 8;

/**
 * Why `found` does not fit `wanted`, such as "parameter 2 `name`: expected string, found u32"; `undefined` when it fits.
 * Resource types that `wanted` introduces are added to `bindings`.
 * @param comparing shared by the comparisons of one link; that what is left of their cost is used up is a reason too
 */
export function explainMismatch(
  found: ExternType,
  wanted: ExternType,
  bindings: ResourceBindings = new Map(),
  comparing: Comparing = new Comparing(),
): string | undefined {
  try {
    comparing.spend(COMPARISON);
    return new Matcher({ resources: bindings, bound: comparing.bound, comparing }).explain(found, wanted);
  } catch (error) {
    if (error instanceof TooLarge) return "the types are too large to be compared";
    throw error;
  }
}

export interface MatcherOptions {
  /** What resource types of the wanted side are bound to already. */
  readonly resources?: ResourceBindings;
  /** The resource types of the wanted side that may be bound, by default all. */
  readonly open?: ReadonlySet<ResourceType> | undefined;
  /** Where it is noted what is bound. */
  readonly bound?: ResourceType[];
  /** The comparison that this is a part of: what is bound there is bound here, what is open there is open here. */
  readonly outer?: Matcher;
  readonly comparing: Comparing;
}

/** One comparison of things found with things wanted. */
export class Matcher {
  readonly resources: ResourceBindings;
  /** What was found for each type that the wanted side names. */
  readonly types: Map<Type, Type> = new Map();
  readonly #open: ReadonlySet<ResourceType> | undefined;
  readonly #bound: ResourceType[] | undefined;
  readonly #outer: Matcher | undefined;
  readonly #comparing: Comparing;
  readonly #spend: Spend;
  /** The pairs with handles, which are equal as long as their resources stand for each other. */
  readonly #equal: Pairs = new Map();

  constructor({ resources = new Map(), open, bound, outer, comparing }: MatcherOptions) {
    this.resources = resources;
    this.#open = open;
    this.#bound = bound;
    this.#outer = outer;
    this.#comparing = comparing;
    this.#spend = comparing.spend;
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
      if (other === undefined) return `${quoted(name)} is missing: expected ${this.#text(type)}`;
      const why = this.explain(other, type);
      if (why !== undefined) return `${quoted(name)}: ${why}`;
    }
    return undefined;
  }

  #component(found: ComponentType, wanted: ComponentType): string | undefined {
    const declared = this.#substitution().type(wanted) as ComponentType;
    if (found === declared) return undefined;
    const comparing = this.#comparing;
    // What the found component imports must be given by whoever instantiates the wanted one.
    const given = declsByName(declared.imports);
    const imports = new Matcher({ open: found.imported, comparing });
    for (const { name, type } of found.imports) {
      const offer = given.get(name);
      if (offer === undefined) return `import ${quoted(name)}: found but not wanted`;
      const why = imports.explain(offer, type);
      if (why !== undefined) return `import ${quoted(name)}: ${why}`;
    }
    const exports = new Substitution(byIdentity(imports.resources), this.#spend, imports.types).decls(found.exports);
    const matcher = new Matcher({ open: declared.created, comparing });
    return within("export", matcher.#exports(exports, declared.exports));
  }

  #substitution(): Substitution {
    return new Substitution((resource) => this.#boundTo(resourceOf(resource)) ?? resource, this.#spend);
  }

  #namedType(found: NamedType, wanted: NamedType): string | undefined {
    const left = found.type;
    const right = wanted.type;
    if (isValueType(left) && isValueType(right)) return this.#value(left, right);
    if (isValueType(left) || isValueType(right) || left.kind !== right.kind) {
      return `expected ${this.#text(wanted)}, found ${this.#text(found)}`;
    }
    if (right.kind === "func") return this.#func(left as FuncType, right);
    // Types are equal when each is a subtype of the other; the way back binds what the found one leaves open.
    const open = this.#open && boundBy(right, this.#open);
    const forth = new Matcher({ open, outer: this, comparing: this.#comparing });
    const why = forth.explain(left, right);
    if (why !== undefined) return why;
    const resolved = this.#substitution().type(right) as ExternType;
    return new Matcher({ open: boundBy(left, this.#open), comparing: this.#comparing }).explain(resolved, left);
  }

  #bind(found: ResourceType, wanted: ResourceType): string | undefined {
    const resource = resourceOf(wanted);
    if (this.#boundTo(resource) !== undefined || !this.#isOpen(resource)) return this.#resource(found, wanted);
    this.resources.set(resource, resourceOf(found));
    this.#bound?.push(resource);
    return undefined;
  }

  #boundTo(resource: ResourceType): ResourceType | undefined {
    const bound = this.resources.get(resource);
    return bound !== undefined || this.#outer === undefined ? bound : this.#outer.#boundTo(resource);
  }

  #isOpen(resource: ResourceType): boolean {
    if (this.#open === undefined || this.#open.has(resource)) return true;
    return this.#outer !== undefined && this.#outer.#isOpen(resource);
  }

  #resource(found: ResourceType, wanted: ResourceType): string | undefined {
    const resource = resourceOf(wanted);
    const bound = this.#boundTo(resource) ?? resource;
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
    for (const [place, param] of wanted.params.entries()) {
      const other = found.params[place]!;
      const why =
        other.name === param.name
          ? this.#value(other.type, param.type)
          : `the parameter found has the name ${quoted(other.name)}`;
      if (why !== undefined) return `parameter ${place + 1} ${quoted(param.name)}: ${why}`;
    }
    return within("result", this.#optional(found.result, wanted.result));
  }

  /** Why two value types differ; `undefined` when they are equal. */
  #value(found: ValueType, wanted: ValueType): string | undefined {
    this.#spend(1);
    // Only a type without handles can be taken as equal to itself: a handle's resource may be bound to another.
    if (found === wanted && !holdsHandle(wanted)) return undefined;
    if (found.kind !== wanted.kind) return this.#difference(found, wanted);
    if (!isCompound(wanted) || factsOf(wanted).nodes <= FEW_PARTS) return this.#parts(found, wanted);
    const equal = holdsHandle(wanted) ? this.#equal : this.#comparing.equal;
    let others = equal.get(found);
    if (others?.has(wanted) === true) return undefined;
    const why = this.#parts(found, wanted);
    if (why !== undefined) return why;
    if (others === undefined) equal.set(found, (others = new Set()));
    others.add(wanted);
    return undefined;
  }

  /** Why two types of one kind differ. */
  #parts(found: ValueType, wanted: ValueType): string | undefined {
    if (wanted.kind === "own" || wanted.kind === "borrow") {
      return this.#resource((found as typeof wanted).resource, wanted.resource);
    }
    const labels = labelsOf(wanted);
    const names = labelsOf(found);
    const parts = partsOf(wanted);
    const others = partsOf(found);
    this.#spend((labels.length + parts.length) >> 1);
    const member = wanted.kind === "record" ? "field" : "case";
    const hasMembers = wanted.kind === "record" || wanted.kind === "variant";
    if (
      !hasMembers &&
      (parts.length !== others.length ||
        labels.length !== names.length ||
        labels.some((label, place) => label !== names[place]) ||
        (wanted.kind === "list" && wanted.length !== (found as typeof wanted).length))
    ) {
      return this.#difference(found, wanted);
    }
    if (labels.length !== names.length) return `expected ${count(labels.length, member)}, found ${names.length}`;
    for (const [place, part] of parts.entries()) {
      const label = labels[place];
      if (label !== names[place]) {
        return `${member} ${place + 1}: expected ${quoted(label!)}, found ${quoted(names[place]!)}`;
      }
      const why = this.#optional(others[place], part);
      if (why === undefined) continue;
      if (label !== undefined) return within(`${member} ${quoted(label)}`, why);
      const name = wanted.kind === "tuple" ? `element ${place + 1}` : partNames[wanted.kind]?.[place];
      return within(name ?? "element", why);
    }
    return undefined;
  }

  #optional(found: ValueType | undefined, wanted: ValueType | undefined): string | undefined {
    if (found === undefined) return wanted && `expected ${formatType(wanted, this.#comparing.count)}, found nothing`;
    if (wanted === undefined) return `expected nothing, found ${formatType(found, this.#comparing.count)}`;
    return this.#value(found, wanted);
  }

  #difference(found: ValueType, wanted: ValueType): string {
    const { count: texts } = this.#comparing;
    return `expected ${formatType(wanted, texts)}, found ${formatType(found, texts)}`;
  }

  #text(type: ExternType): string {
    return formatExtern(type, this.#comparing.count);
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
      return "a function";
    case "component":
    case "type":
      return `a ${type.kind}`;
  }
}

function nameOf(resource: ResourceType): string {
  return resource.name === "" ? "without a name" : quoted(resource.name);
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

/** Where within a value type; of a path that is long, the inner end is told. */
function within(where: string, why: string | undefined): string | undefined {
  return why === undefined || why.length > 30 * MOST_LETTERS ? why : `${where}: ${why}`;
}

/** A name in a reason. */
function quoted(name: string): string {
  return `\`${name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name}\``;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
