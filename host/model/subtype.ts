/**
 * Whether what was found fits what is wanted, and if not, where and why in words.
 *
 * Structural over model types, as the linker needs it: resources met on the wanted side are bound to those found in
 * their place, so the same name must mean the same resource throughout one comparison. Follows design/mvp/Subtyping.md:
 * value types must be equal, instances may have more exports than wanted, components fewer imports and more exports.
 */
import { holdsHandle } from "./facts.ts";
import type { CoreModuleType, ExternDecl, ExternType, FuncType, ResourceType, ValueType } from "./types.ts";
import { explainCoreModule } from "./core-subtype.ts";
import { formatExtern, formatType } from "./text.ts";

/** Which found resource each wanted resource stands for; passed along when several comparisons share resources. */
export type ResourceBindings = Map<ResourceType, ResourceType>;

/** What comparisons that belong together have found, and what they may still cost: types unfold without end. */
export class Comparing {
  /** The pairs of types that are equal, by the one found; none of them has handles, whose resources may be bound anew. */
  readonly equal: Map<ValueType, Set<ValueType>> = new Map();
  /** Pairs of types and names that may still be looked at: some tenth of a second's. */
  left = 1_000_000;
  /** The wanted resources that were bound, in order: a comparison that failed can be taken back. */
  readonly bound: ResourceType[] = [];
  /** How many reasons stand side by side: the more, the shorter each type in them is written. */
  readonly count: number;

  /** @param count how many comparisons there will be */
  constructor(count = 1) {
    this.count = Math.max(count, FEWEST_TEXTS);
  }
}

/** Types in reasons are written as if they were so many: each has 2,000 letters at most. */
const FEWEST_TEXTS = 1_800;
/** Letters of a name or a path in a reason. */
const MOST_LETTERS = 200;
/** What beginning a comparison costs. */
const COMPARISON = 10;
const TOO_LARGE = "the types are too large to be compared";

/** One comparison: which resource stands for which, and the pairs that are equal as long as that holds. */
interface At {
  readonly bindings: ResourceBindings;
  readonly equal: Map<ValueType, Set<ValueType>>;
  readonly comparing: Comparing;
  /** Where it is noted what is bound; not on the way back. */
  readonly bound?: ResourceType[];
}

/** Whether `found` may stand where `wanted` is declared. */
export function isSubtype(found: ExternType, wanted: ExternType, bindings?: ResourceBindings): boolean {
  return explainMismatch(found, wanted, bindings) === undefined;
}

/**
 * Why `found` does not fit `wanted`, such as "parameter 2 `name`: expected string, found u32"; `undefined` when it fits.
 * Resource types that `wanted` introduces are added to `bindings`.
 * @param comparing shared by the comparisons of one link; what is left of their cost when that is used up is a reason too
 */
export function explainMismatch(
  found: ExternType,
  wanted: ExternType,
  bindings: ResourceBindings = new Map(),
  comparing: Comparing = new Comparing(),
): string | undefined {
  const at: At = { bindings, comparing, equal: new Map(), bound: comparing.bound };
  return charge(at, COMPARISON) ?? explain(found, wanted, at);
}

/** @returns why no more is compared, when the cost that is left is used up */
function charge({ comparing }: At, steps: number): string | undefined {
  return (comparing.left -= steps) < 0 ? TOO_LARGE : undefined;
}

function explain(found: ExternType, wanted: ExternType, at: At): string | undefined {
  if (found.kind !== wanted.kind) return `expected ${sortName(wanted)}, found ${sortName(found)}`;
  switch (wanted.kind) {
    case "func":
      return explainFunc(found as FuncType, wanted, at);
    case "instance":
      return explainExports((found as typeof wanted).exports, wanted.exports, at);
    case "component":
      return explainComponent(found as typeof wanted, wanted, at);
    case "core-module":
      return explainCoreModule(found as CoreModuleType, wanted);
    case "resource-type":
      return bindResource((found as typeof wanted).resource, wanted.resource, at);
    case "type":
      return explainNamedType(found as typeof wanted, wanted, at);
  }
}

type NamedType = Extract<ExternType, { kind: "type" }>;

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

function explainNamedType(found: NamedType, wanted: NamedType, at: At): string | undefined {
  const left = found.type;
  const right = wanted.type;
  if (isExtern(left) || isExtern(right)) {
    if (!isExtern(left) || !isExtern(right)) {
      const { count } = at.comparing;
      return `expected ${formatExtern(wanted, count)}, found ${formatExtern(found, count)}`;
    }
    // Types are equal when each is a subtype of the other; the way back binds resources the other way round.
    const { bindings, comparing } = at;
    const why = explain(left, right, at) ?? charge(at, bindings.size);
    if (why !== undefined) return why;
    return explain(right, left, {
      comparing,
      equal: new Map(),
      bindings: new Map([...bindings].map(([a, b]) => [b, a])),
    });
  }
  return explainValue(left, right, at);
}

function isExtern(type: NamedType["type"]): type is Extract<NamedType["type"], ExternType> {
  return type.kind === "func" || type.kind === "instance" || type.kind === "component";
}

function bindResource(found: ResourceType, wanted: ResourceType, at: At): string | undefined {
  const { bindings } = at;
  const bound = bindings.get(wanted);
  if (bound === undefined) bindings.set(wanted, found);
  else if (bound !== found) return `expected the resource ${nameOf(bound)}, found ${nameOf(found)}`;
  return undefined;
}

function bind(found: ResourceType, wanted: ResourceType, { bindings, bound }: At): void {
  if (!bindings.has(wanted)) bound?.push(wanted);
  bindings.set(wanted, found);
}

function nameOf(resource: ResourceType): string {
  return resource.name === "" ? "without a name" : quoted(resource.name);
}

function explainFunc(found: FuncType, wanted: FuncType, at: At): string | undefined {
  if (found.async !== wanted.async) {
    const word = (func: FuncType): string => (func.async ? "an async" : "a synchronous");
    return `expected ${word(wanted)} function, found ${word(found)} one`;
  }
  if (found.params.length !== wanted.params.length) {
    return `expected ${count(wanted.params.length, "parameter")}, found ${found.params.length}`;
  }
  for (const [place, param] of wanted.params.entries()) {
    const other = found.params[place]!;
    const where = `parameter ${place + 1} ${quoted(param.name)}`;
    if (other.name !== param.name) return `${where}: the parameter found has the name ${quoted(other.name)}`;
    const why = explainValue(other.type, param.type, at);
    if (why !== undefined) return `${where}: ${why}`;
  }
  return within("result", explainOptional(found.result, wanted.result, at));
}

function explainExports(found: readonly ExternDecl[], wanted: readonly ExternDecl[], at: At): string | undefined {
  const provided = byName(found);
  for (const { name, type } of wanted) {
    const other = provided.get(name);
    const dear = charge(at, 1);
    if (dear !== undefined) return dear;
    if (other === undefined) return `${quoted(name)} is missing: expected ${formatExtern(type, at.comparing.count)}`;
    const why = explain(other, type, at);
    if (why !== undefined) return `${quoted(name)}: ${why}`;
  }
  return undefined;
}

const named = new WeakMap<readonly ExternDecl[], ReadonlyMap<string, ExternType>>();

/** What is exported, by name: one map, however many ask. */
function byName(decls: readonly ExternDecl[]): ReadonlyMap<string, ExternType> {
  let types = named.get(decls);
  if (types === undefined) named.set(decls, (types = new Map(decls.map(({ name, type }) => [name, type]))));
  return types;
}

function explainComponent(
  found: Extract<ExternType, { kind: "component" }>,
  wanted: Extract<ExternType, { kind: "component" }>,
  at: At,
): string | undefined {
  // What the found component imports must be given by whoever instantiates the wanted one.
  const given = byName(wanted.imports);
  const backward: ResourceBindings = new Map();
  const back: At = { bindings: backward, comparing: at.comparing, equal: new Map() };
  for (const { name, type } of found.imports) {
    const offer = given.get(name);
    const dear = charge(at, 1);
    if (dear !== undefined) return dear;
    if (offer === undefined) return `import ${quoted(name)}: found but not wanted`;
    const why = explain(offer, type, back);
    if (why !== undefined) return `import ${quoted(name)}: ${why}`;
  }
  for (const [foundResource, wantedResource] of backward) bind(foundResource, wantedResource, at);
  return within("export", explainExports(found.exports, wanted.exports, at));
}

/** Why two value types differ; `undefined` when they are equal. */
function explainValue(found: ValueType, wanted: ValueType, at: At): string | undefined {
  // Only a type without handles can be taken as equal to itself: a handle's resource may be bound to another.
  const hasHandle = holdsHandle(wanted);
  if (found === wanted && !hasHandle) return undefined;
  const equal = hasHandle ? at.equal : at.comparing.equal;
  if (equal.get(found)?.has(wanted) === true) return undefined;
  const why = charge(at, 1) ?? explainParts(found, wanted, at);
  if (why === undefined) {
    const others = equal.get(found) ?? new Set();
    equal.set(found, others);
    others.add(wanted);
  }
  return why;
}

function explainParts(found: ValueType, wanted: ValueType, at: At): string | undefined {
  const { count } = at.comparing;
  const mismatch = (): string => `expected ${formatType(wanted, count)}, found ${formatType(found, count)}`;
  if (found.kind !== wanted.kind) return mismatch();
  switch (wanted.kind) {
    case "list": {
      const other = found as typeof wanted;
      if (other.length !== wanted.length) return mismatch();
      return within("element", explainValue(other.element, wanted.element, at));
    }
    case "map": {
      const other = found as typeof wanted;
      return (
        within("key", explainValue(other.key, wanted.key, at)) ??
        within("value", explainValue(other.value, wanted.value, at))
      );
    }
    case "record":
      return explainMembers("field", (found as typeof wanted).fields, wanted.fields, at);
    case "variant":
      return explainMembers("case", (found as typeof wanted).cases, wanted.cases, at);
    case "tuple": {
      const other = found as typeof wanted;
      if (other.types.length !== wanted.types.length) return mismatch();
      return first(wanted.types, (type, i) => within(`element ${i + 1}`, explainValue(other.types[i]!, type, at)));
    }
    case "enum":
    case "flags": {
      const other = found as typeof wanted;
      const dear = charge(at, wanted.names.length);
      if (dear !== undefined) return dear;
      const same =
        other.names.length === wanted.names.length && other.names.every((name, i) => name === wanted.names[i]);
      return same ? undefined : mismatch();
    }
    case "option":
      return within("some", explainValue((found as typeof wanted).type, wanted.type, at));
    case "result": {
      const other = found as typeof wanted;
      return (
        within("ok", explainOptional(other.ok, wanted.ok, at)) ??
        within("err", explainOptional(other.err, wanted.err, at))
      );
    }
    case "own":
    case "borrow": {
      const { resource } = found as typeof wanted;
      const bound = at.bindings.get(wanted.resource) ?? wanted.resource;
      return bound === resource ? undefined : `expected the resource ${nameOf(bound)}, found ${nameOf(resource)}`;
    }
    case "stream":
    case "future":
      return within("element", explainOptional((found as typeof wanted).type, wanted.type, at));
    default:
      return undefined;
  }
}

interface Member {
  readonly name: string;
  readonly type: ValueType | undefined;
}

function explainMembers(
  what: "field" | "case",
  found: readonly Member[],
  wanted: readonly Member[],
  at: At,
): string | undefined {
  if (found.length !== wanted.length) return `expected ${count(wanted.length, what)}, found ${found.length}`;
  return first(wanted, ({ name, type }, place) => {
    const other = found[place]!;
    if (other.name !== name) return `${what} ${place + 1}: expected ${quoted(name)}, found ${quoted(other.name)}`;
    return within(`${what} ${quoted(name)}`, explainOptional(other.type, type, at));
  });
}

function explainOptional(found: ValueType | undefined, wanted: ValueType | undefined, at: At): string | undefined {
  if (found === undefined && wanted === undefined) return undefined;
  if (found === undefined) return `expected ${formatType(wanted!, at.comparing.count)}, found nothing`;
  if (wanted === undefined) return `expected nothing, found ${formatType(found, at.comparing.count)}`;
  return explainValue(found, wanted, at);
}

/** Where within a value type; of a path that is long, the inner end is told. */
function within(where: string, why: string | undefined): string | undefined {
  return why === undefined || why.length > 30 * MOST_LETTERS ? why : `${where}: ${why}`;
}

/** A name in a reason. */
function quoted(name: string): string {
  return `\`${name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name}\``;
}

function first<T>(items: readonly T[], explain: (item: T, place: number) => string | undefined): string | undefined {
  for (const [place, item] of items.entries()) {
    const why = explain(item, place);
    if (why !== undefined) return why;
  }
  return undefined;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
