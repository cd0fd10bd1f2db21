/**
 * Whether what was found fits what is wanted, and if not, where and why in words.
 *
 * Structural over model types, as the linker needs it: resources met on the wanted side are bound to those found in
 * their place, so the same name must mean the same resource throughout one comparison. Follows design/mvp/Subtyping.md:
 * value types must be equal, instances may have more exports than wanted, components fewer imports and more exports.
 */
import { handlesIn } from "./cases.ts";
import type {
  CoreExternType,
  CoreLimits,
  CoreModuleType,
  ExternDecl,
  ExternType,
  FuncType,
  ResourceType,
  ValueType,
} from "./types.ts";
import { formatCoreExtern } from "./core-text.ts";
import { formatExtern, formatType } from "./text.ts";

/** Which found resource each wanted resource stands for; passed along when several comparisons share resources. */
export type ResourceBindings = Map<ResourceType, ResourceType>;

/** Whether `found` may stand where `wanted` is declared. */
export function isSubtype(found: ExternType, wanted: ExternType, bindings?: ResourceBindings): boolean {
  return explainMismatch(found, wanted, bindings) === undefined;
}

/**
 * Why `found` does not fit `wanted`, such as "parameter 2 `name`: expected string, found u32"; `undefined` when it fits.
 * Resource types that `wanted` introduces are added to `bindings`.
 */
export function explainMismatch(
  found: ExternType,
  wanted: ExternType,
  bindings: ResourceBindings = new Map(),
): string | undefined {
  if (found.kind !== wanted.kind) return `expected ${sortName(wanted)}, found ${sortName(found)}`;
  switch (wanted.kind) {
    case "func":
      return explainFunc(found as FuncType, wanted, bindings);
    case "instance":
      return explainExports((found as typeof wanted).exports, wanted.exports, bindings);
    case "component":
      return explainComponent(found as typeof wanted, wanted, bindings);
    case "core-module":
      return explainModule(found as CoreModuleType, wanted);
    case "resource-type":
      return bindResource((found as typeof wanted).resource, wanted.resource, bindings);
    case "type":
      return explainNamedType(found as typeof wanted, wanted, bindings);
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

function explainNamedType(found: NamedType, wanted: NamedType, bindings: ResourceBindings): string | undefined {
  const left = found.type;
  const right = wanted.type;
  if (isExtern(left) || isExtern(right)) {
    if (!isExtern(left) || !isExtern(right)) {
      return `expected ${formatExtern(wanted)}, found ${formatExtern(found)}`;
    }
    // Types are equal when each is a subtype of the other; the way back binds resources the other way round.
    const forth = explainMismatch(left, right, bindings);
    if (forth !== undefined) return forth;
    return explainMismatch(right, left, new Map([...bindings].map(([a, b]) => [b, a])));
  }
  return explainValue(left, right, bindings);
}

function isExtern(type: NamedType["type"]): type is Extract<NamedType["type"], ExternType> {
  return type.kind === "func" || type.kind === "instance" || type.kind === "component";
}

function bindResource(found: ResourceType, wanted: ResourceType, bindings: ResourceBindings): string | undefined {
  const bound = bindings.get(wanted);
  if (bound === undefined) bindings.set(wanted, found);
  else if (bound !== found) return `expected the resource ${nameOf(bound)}, found ${nameOf(found)}`;
  return undefined;
}

function nameOf(resource: ResourceType): string {
  return resource.name === "" ? "without a name" : `\`${resource.name}\``;
}

function explainFunc(found: FuncType, wanted: FuncType, bindings: ResourceBindings): string | undefined {
  if (found.async !== wanted.async) {
    const word = (func: FuncType): string => (func.async ? "an async" : "a synchronous");
    return `expected ${word(wanted)} function, found ${word(found)} one`;
  }
  if (found.params.length !== wanted.params.length) {
    return `expected ${count(wanted.params.length, "parameter")}, found ${found.params.length}`;
  }
  for (const [place, param] of wanted.params.entries()) {
    const other = found.params[place]!;
    const where = `parameter ${place + 1} \`${param.name}\``;
    if (other.name !== param.name) return `${where}: the parameter found has the name \`${other.name}\``;
    const why = explainValue(other.type, param.type, bindings);
    if (why !== undefined) return `${where}: ${why}`;
  }
  return within("result", explainOptional(found.result, wanted.result, bindings));
}

function explainExports(
  found: readonly ExternDecl[],
  wanted: readonly ExternDecl[],
  bindings: ResourceBindings,
): string | undefined {
  const provided = new Map(found.map((item) => [item.name, item.type]));
  for (const { name, type } of wanted) {
    const other = provided.get(name);
    if (other === undefined) return `\`${name}\` is missing: expected ${formatExtern(type)}`;
    const why = explainMismatch(other, type, bindings);
    if (why !== undefined) return `\`${name}\`: ${why}`;
  }
  return undefined;
}

function explainComponent(
  found: Extract<ExternType, { kind: "component" }>,
  wanted: Extract<ExternType, { kind: "component" }>,
  bindings: ResourceBindings,
): string | undefined {
  // What the found component imports must be given by whoever instantiates the wanted one.
  const given = new Map(wanted.imports.map((item) => [item.name, item.type]));
  const backward: ResourceBindings = new Map();
  for (const { name, type } of found.imports) {
    const offer = given.get(name);
    if (offer === undefined) return `import \`${name}\`: found but not wanted`;
    const why = explainMismatch(offer, type, backward);
    if (why !== undefined) return `import \`${name}\`: ${why}`;
  }
  for (const [foundResource, wantedResource] of backward) bindings.set(wantedResource, foundResource);
  return within("export", explainExports(found.exports, wanted.exports, bindings));
}

/** Why two value types differ; `undefined` when they are equal. */
function explainValue(found: ValueType, wanted: ValueType, bindings: ResourceBindings): string | undefined {
  if (found === wanted && !mentionsResource(wanted)) return undefined;
  const mismatch = (): string => `expected ${formatType(wanted)}, found ${formatType(found)}`;
  if (found.kind !== wanted.kind) return mismatch();
  switch (wanted.kind) {
    case "list": {
      const other = found as typeof wanted;
      if (other.length !== wanted.length) return mismatch();
      return within("element", explainValue(other.element, wanted.element, bindings));
    }
    case "map": {
      const other = found as typeof wanted;
      return (
        within("key", explainValue(other.key, wanted.key, bindings)) ??
        within("value", explainValue(other.value, wanted.value, bindings))
      );
    }
    case "record":
      return explainMembers("field", (found as typeof wanted).fields, wanted.fields, bindings);
    case "variant":
      return explainMembers("case", (found as typeof wanted).cases, wanted.cases, bindings);
    case "tuple": {
      const other = found as typeof wanted;
      if (other.types.length !== wanted.types.length) return mismatch();
      return first(wanted.types, (type, i) =>
        within(`element ${i + 1}`, explainValue(other.types[i]!, type, bindings)),
      );
    }
    case "enum":
    case "flags": {
      const other = found as typeof wanted;
      const same =
        other.names.length === wanted.names.length && other.names.every((name, i) => name === wanted.names[i]);
      return same ? undefined : mismatch();
    }
    case "option":
      return within("some", explainValue((found as typeof wanted).type, wanted.type, bindings));
    case "result": {
      const other = found as typeof wanted;
      return (
        within("ok", explainOptional(other.ok, wanted.ok, bindings)) ??
        within("err", explainOptional(other.err, wanted.err, bindings))
      );
    }
    case "own":
    case "borrow": {
      const { resource } = found as typeof wanted;
      const bound = bindings.get(wanted.resource) ?? wanted.resource;
      return bound === resource ? undefined : `expected the resource ${nameOf(bound)}, found ${nameOf(resource)}`;
    }
    case "stream":
    case "future":
      return within("element", explainOptional((found as typeof wanted).type, wanted.type, bindings));
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
  bindings: ResourceBindings,
): string | undefined {
  if (found.length !== wanted.length) return `expected ${count(wanted.length, what)}, found ${found.length}`;
  return first(wanted, ({ name, type }, place) => {
    const other = found[place]!;
    if (other.name !== name) return `${what} ${place + 1}: expected \`${name}\`, found \`${other.name}\``;
    return within(`${what} \`${name}\``, explainOptional(other.type, type, bindings));
  });
}

function explainOptional(
  found: ValueType | undefined,
  wanted: ValueType | undefined,
  bindings: ResourceBindings,
): string | undefined {
  if (found === undefined && wanted === undefined) return undefined;
  if (found === undefined) return `expected ${formatType(wanted!)}, found nothing`;
  if (wanted === undefined) return `expected nothing, found ${formatType(found)}`;
  return explainValue(found, wanted, bindings);
}

/** Only a type without handles can be taken as equal to itself: a handle's resource may be bound to another. */
function mentionsResource(type: ValueType): boolean {
  const { own, borrow } = handlesIn(type);
  return own || borrow;
}

function explainModule(found: CoreModuleType, wanted: CoreModuleType): string | undefined {
  const key = (item: { module: string; name: string }): string => JSON.stringify([item.module, item.name]);
  const given = new Map(wanted.imports.map((item) => [key(item), item.type]));
  for (const item of found.imports) {
    const where = `core import \`${item.module}\` \`${item.name}\``;
    const offer = given.get(key(item));
    if (offer === undefined) return `${where}: found but not wanted`;
    const why = explainCoreMismatch(offer, item.type);
    if (why !== undefined) return `${where}: ${why}`;
  }
  const provided = new Map(found.exports.map((item) => [item.name, item.type]));
  for (const { name, type } of wanted.exports) {
    const other = provided.get(name);
    if (other === undefined) return `core export \`${name}\` is missing: expected ${formatCoreExtern(type)}`;
    const why = explainCoreMismatch(other, type);
    if (why !== undefined) return `core export \`${name}\`: ${why}`;
  }
  return undefined;
}

/** Why a core item does not fit: types must be equal, limits at least as narrow. Core specification, "Import Matching". */
export function explainCoreMismatch(found: CoreExternType, wanted: CoreExternType): string | undefined {
  return coreMatches(found, wanted)
    ? undefined
    : `expected ${formatCoreExtern(wanted)}, found ${formatCoreExtern(found)}`;
}

function coreMatches(found: CoreExternType, wanted: CoreExternType): boolean {
  if (found.kind !== wanted.kind) return false;
  switch (wanted.kind) {
    case "core-func": {
      const other = found as typeof wanted;
      return sameTypes(other.params, wanted.params) && sameTypes(other.results, wanted.results);
    }
    case "core-tag":
      return sameTypes((found as typeof wanted).params, wanted.params);
    case "core-global": {
      const other = found as typeof wanted;
      return other.type === wanted.type && other.mutable === wanted.mutable;
    }
    case "core-memory":
      return limitsMatch((found as typeof wanted).limits, wanted.limits);
    case "core-table": {
      const other = found as typeof wanted;
      return other.element === wanted.element && limitsMatch(other.limits, wanted.limits);
    }
  }
}

function sameTypes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, place) => type === b[place]);
}

function limitsMatch(found: CoreLimits, wanted: CoreLimits): boolean {
  if (found.index !== wanted.index || found.shared !== wanted.shared || found.min < wanted.min) return false;
  return wanted.max === undefined || (found.max !== undefined && found.max <= wanted.max);
}

function within(where: string, why: string | undefined): string | undefined {
  return why === undefined ? undefined : `${where}: ${why}`;
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
