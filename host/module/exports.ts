/**
 * The stable exports of a module: one tree of objects, handles and classes for its whole life.
 *
 * Owns which slot serves which export of which version. A change is prepared first, which may fail and touches
 * nothing, and applied second, which cannot fail: that is what makes a swap atomic.
 */
import { UnloadedError, UsageError } from "../errors.ts";
import { parseInterfaceId, toCamelCase, toPascalCase, withoutVersion } from "../model/names.ts";
import { explainMismatch } from "../model/subtype.ts";
import type { ExternDecl, FuncType } from "../model/types.ts";
import { constructing, StableClass } from "./classes.ts";
import { compatibilityKey } from "./ids.ts";
import { makeHandle, observed, Slot, type AnyFunction, type Observer } from "./slots.ts";

/** A function of a container: where its calls go, and what users hold. */
interface Entry {
  readonly slot: Slot;
  readonly arity: number;
  /** Absent for constructors, which are reached through their class. */
  readonly handle: AnyFunction | undefined;
}

/** An interface the module exports, or the world itself. */
interface Container {
  /** What users hold; for the world it is `module.exports`. */
  readonly object: Record<string, unknown>;
  /** By the name the component gives it, such as `[static]counter.make`. */
  readonly entries: Map<string, Entry>;
  /** By resource name. */
  readonly classes: Map<string, StableClass>;
  decls: readonly ExternDecl[];
  id: string;
}

interface FunctionChange {
  readonly container: string;
  readonly name: string;
  readonly type: FuncType;
  readonly target: AnyFunction;
}
interface ClassChange {
  readonly container: string;
  readonly resource: string;
  readonly version: Function;
  readonly methods: readonly string[];
}

/** A set of exports that resolved wholly, ready to be swapped in. */
export interface ExportChange {
  readonly containers: ReadonlyMap<string, { readonly id: string; readonly decls: readonly ExternDecl[] }>;
  readonly functions: readonly FunctionChange[];
  readonly classes: readonly ClassChange[];
}

export interface ExportDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** The container key of the world's own functions. */
const WORLD = "";

type ObservedMethod = { readonly prototype: Record<string, unknown>; readonly key: string; readonly plain: unknown };

export class ExportTree {
  /** `Module.exports`. */
  readonly object: Record<string, unknown> = {};
  readonly #module: string;
  readonly #containers = new Map<string, Container>();
  /** Keys of interfaces on {@link object}: full ids and short names → container key. */
  readonly #aliases = new Map<string, string>();
  #observer: Observer | undefined;
  #versionClasses: readonly ClassChange[] = [];
  #observedMethods: ObservedMethod[] = [];
  /** Calls counted by slots that are gone. */
  #retiredCalls = 0;

  constructor(module: string) {
    this.#module = module;
  }

  /** Resolves every export of a version. @throws {UsageError} when the instance lacks what its component declares */
  prepare(decls: readonly ExternDecl[], instanceExports: object): ExportChange {
    const containers = new Map([[WORLD, { id: WORLD, decls }]]);
    const functions: FunctionChange[] = [];
    const classes: ClassChange[] = [];
    const root = instanceExports as Record<string, unknown>;
    this.#prepareContainer(WORLD, decls, root, functions, classes);
    for (const { name, type } of decls) {
      if (type.kind !== "instance") continue;
      const source = (root[name] ?? root[toCamelCase(name)]) as Record<string, unknown> | undefined;
      if (source === undefined) throw new UsageError(`Expected the exports of ${this.#module} to hold ${name}`);
      const key = compatibilityKey(name);
      containers.set(key, { id: name, decls: type.exports });
      this.#prepareContainer(key, type.exports, source, functions, classes);
    }
    return { containers, functions, classes };
  }

  #prepareContainer(
    container: string,
    decls: readonly ExternDecl[],
    source: Record<string, unknown>,
    functions: FunctionChange[],
    classes: ClassChange[],
  ): void {
    const resources = new Set<string>();
    for (const { name, type } of decls) {
      if (type.kind === "resource-type") resources.add(name);
      if (type.kind !== "func") continue;
      const resource = memberOf(name)?.resource;
      if (resource !== undefined) resources.add(resource);
    }
    for (const resource of resources) {
      const version = source[toPascalCase(resource)];
      // An alias of a resource defined elsewhere has no class of its own here.
      if (typeof version !== "function") continue;
      const methods = decls.flatMap(({ name }) => {
        const member = memberOf(name);
        return member?.kind === "method" && member.resource === resource ? [toCamelCase(member.name)] : [];
      });
      classes.push({ container, resource, version, methods });
    }
    for (const { name, type } of decls) {
      if (type.kind !== "func") continue;
      const member = memberOf(name);
      if (member?.kind === "method") continue;
      const owner = member === undefined ? source : source[toPascalCase(member.resource)];
      const found =
        member?.kind === "constructor"
          ? owner
          : (owner as Record<string, unknown> | undefined)?.[toCamelCase(member?.name ?? name)];
      if (typeof found !== "function") {
        throw new UsageError(`Expected the exports of ${this.#module} to hold ${pathOf(container, name)}`);
      }
      const target = member?.kind === "constructor" ? constructing(found) : (found as AnyFunction);
      functions.push({ container, name, type, target });
    }
  }

  /**
   * Swaps a prepared version in: slots whose types still fit are refilled, so what users hold serves the new version;
   * the others are cut with a reason and replaced.
   * @param kept container keys whose slots dependents hold; their types have been checked against the dependents
   */
  apply(change: ExportChange, kept: ReadonlySet<string>): ExportDifference {
    const added: string[] = [];
    const removed: string[] = [];
    const changed: string[] = [];
    this.#unpatchMethods();
    const alive = new Map<string, Set<string>>();
    const before = new Map([...this.#containers].map(([key, { decls }]) => [key, decls]));
    for (const [key, { id, decls }] of change.containers) {
      alive.set(key, new Set());
      const container = this.#containers.get(key);
      if (container === undefined) this.#containers.set(key, this.#newContainer(key, id, decls));
      else Object.assign(container, { id, decls });
    }
    this.#applyClasses(change.classes, alive);
    for (const item of change.functions) {
      const container = this.#containers.get(item.container)!;
      alive.get(item.container)!.add(item.name);
      const path = pathOf(container.id, item.name);
      const entry = container.entries.get(item.name);
      if (entry === undefined) {
        if (before.size > 0) added.push(path);
      } else {
        const reason = this.#misfit(entry, item, container, before.get(item.container) ?? [], kept.has(item.container));
        if (reason === undefined) {
          entry.slot.fill(item.target, this.#observer);
          continue;
        }
        changed.push(path);
        this.#retire(
          entry,
          `${path} of module ${this.#module} changed in a reload (${reason}); take it again from the module's exports`,
        );
      }
      this.#addEntry(container, item, path);
    }
    for (const [key, container] of this.#containers) {
      for (const [name, entry] of container.entries) {
        if (alive.get(key)?.has(name) === true) continue;
        const path = pathOf(container.id, name);
        removed.push(path);
        this.#retire(entry, `${path} is no longer exported by module ${this.#module}`);
        container.entries.delete(name);
        removeProperty(container, name);
      }
    }
    this.#dropClasses(change.classes);
    this.#nameContainers(change);
    this.#versionClasses = change.classes;
    this.#patchMethods();
    return { added, removed, changed };
  }

  #newContainer(key: string, id: string, decls: readonly ExternDecl[]): Container {
    return { object: key === WORLD ? this.object : {}, entries: new Map(), classes: new Map(), decls, id };
  }

  #applyClasses(classes: readonly ClassChange[], alive: ReadonlyMap<string, Set<string>>): void {
    for (const { container: key, resource, version, methods } of classes) {
      const container = this.#containers.get(key)!;
      const constructor = `[constructor]${resource}`;
      alive.get(key)!.add(constructor);
      // Until a declared constructor fills the slot below, there is none.
      const none = (): never => {
        throw new UsageError(`The resource ${resource} has no constructor`);
      };
      let stable = container.classes.get(resource);
      if (stable === undefined) {
        const name = toPascalCase(resource);
        const slot = new Slot(pathOf(container.id, constructor), none);
        stable = new StableClass(name, version.length, slot);
        container.classes.set(resource, stable);
        container.entries.set(constructor, { slot, arity: version.length, handle: undefined });
        define(container.object, name, stable.face);
      }
      container.entries.get(constructor)!.slot.fill(none, undefined);
      stable.adopt(version);
      for (const method of methods) stable.addMethod(method);
    }
  }

  /** Takes away the classes of resources that the new version does not have. */
  #dropClasses(classes: readonly ClassChange[]): void {
    for (const [key, container] of this.#containers) {
      for (const resource of container.classes.keys()) {
        if (classes.some((item) => item.container === key && item.resource === resource)) continue;
        container.classes.delete(resource);
        delete container.object[toPascalCase(resource)];
      }
    }
  }

  #addEntry(container: Container, { name, type, target }: FunctionChange, path: string): void {
    const member = memberOf(name);
    const key = toCamelCase(member?.name ?? name);
    const slot = new Slot(path, target);
    slot.observe(this.#observer);
    const handle = makeHandle(slot, type.params.length, key);
    container.entries.set(name, { slot, arity: type.params.length, handle });
    define(member === undefined ? container.object : container.classes.get(member.resource)!.face, key, handle);
  }

  /** Why a slot cannot serve the new version, in words. */
  #misfit(
    entry: Entry,
    item: FunctionChange,
    container: Container,
    before: readonly ExternDecl[],
    kept: boolean,
  ): string | undefined {
    if (entry.handle === undefined) return undefined;
    if (entry.arity !== item.type.params.length) {
      return `${entry.arity} parameters became ${item.type.params.length}`;
    }
    if (kept || before === container.decls) return undefined;
    const resources = new Set(
      container.decls.flatMap(({ name, type }) => (type.kind === "resource-type" ? [name] : [])),
    );
    const types = before.filter(
      ({ name, type }) => name === item.name || (type.kind === "resource-type" && resources.has(name)),
    );
    return explainMismatch({ kind: "instance", exports: container.decls }, { kind: "instance", exports: types });
  }

  #retire(entry: Entry, reason: string): void {
    this.#retiredCalls += entry.slot.calls;
    entry.slot.calls = 0;
    entry.slot.cut(() => new UnloadedError(reason));
  }

  /** Puts interfaces under their ids and, where it is unambiguous, their short names. */
  #nameContainers(change: ExportChange): void {
    for (const [name, key] of this.#aliases) {
      if (change.containers.has(key)) continue;
      this.#aliases.delete(name);
      delete this.object[name];
      this.#containers.delete(key);
    }
    const shorts = new Map<string, string[]>();
    for (const [key, { id }] of change.containers) {
      if (key === WORLD) continue;
      this.#alias(id, key);
      const short = toCamelCase(parseInterfaceId(id)?.interface ?? id);
      shorts.set(short, [...(shorts.get(short) ?? []), key]);
    }
    for (const [short, keys] of shorts) if (keys.length === 1) this.#alias(short, keys[0]!);
  }

  #alias(name: string, key: string): void {
    if (Object.hasOwn(this.object, name)) return;
    this.#aliases.set(name, key);
    define(this.object, name, this.#containers.get(key)!.object);
  }

  /** Cuts every handle for good. */
  cut(makeError: () => Error): void {
    this.#unpatchMethods();
    this.#versionClasses = [];
    for (const { entries } of this.#containers.values()) for (const { slot } of entries.values()) slot.cut(makeError);
  }

  /** The object that stands for an exported interface, for linking it to another module. */
  interfaceObject(id: string): object | undefined {
    return this.#containers.get(compatibilityKey(id))?.object;
  }

  find(path: string): Function | undefined {
    const found = this.#lookup(path);
    return typeof found === "function" ? found : undefined;
  }

  #lookup(path: string): unknown {
    if (Object.hasOwn(this.object, path)) return this.object[path];
    if (Object.hasOwn(this.object, toCamelCase(path))) return this.object[toCamelCase(path)];
    const hash = path.indexOf("#");
    const split = hash >= 0 ? hash : path.lastIndexOf(".");
    if (split <= 0) return undefined;
    const owner = this.#container(path.slice(0, split));
    let at: unknown = owner;
    const member = path.slice(split + 1);
    if (owner === undefined && hash < 0) {
      // `api.Counter.make`: two steps below a short name.
      at = this.#lookup(path.slice(0, split));
    }
    for (const step of hash >= 0 ? member.split(".") : [member]) {
      if (at === undefined || at === null) return undefined;
      const steps = at as Record<string, unknown>;
      at = [step, toCamelCase(step), toPascalCase(step)]
        .map((key) => (Object.hasOwn(steps, key) ? steps[key] : undefined))
        .find((value) => value !== undefined);
    }
    return at;
  }

  #container(name: string): object | undefined {
    const direct = this.#aliases.get(name) ?? this.#aliases.get(toCamelCase(name));
    if (direct !== undefined) return this.#containers.get(direct)?.object;
    const matches = [...this.#containers.values()].filter(({ id }) => withoutVersion(id) === name);
    return matches.length === 1 ? matches[0]!.object : undefined;
  }

  /** Every function and class, as a path that {@link find} takes. */
  paths(): string[] {
    const paths: string[] = [];
    for (const { id, entries, classes } of this.#containers.values()) {
      for (const name of entries.keys()) if (memberOf(name)?.kind !== "constructor") paths.push(pathOf(id, name));
      for (const resource of classes.keys()) paths.push(pathOf(id, `[constructor]${resource}`));
    }
    return paths;
  }

  get calls(): number {
    let calls = this.#retiredCalls;
    for (const { entries } of this.#containers.values()) for (const { slot } of entries.values()) calls += slot.calls;
    return calls;
  }

  observe(observer: Observer | undefined): void {
    this.#unpatchMethods();
    this.#observer = observer;
    for (const { entries } of this.#containers.values())
      for (const { slot } of entries.values()) slot.observe(observer);
    this.#patchMethods();
  }

  /** Methods live on the version's own classes, so observing them means standing in for them there. */
  #patchMethods(): void {
    if (this.#observer === undefined) return;
    for (const { container, resource, version, methods } of this.#versionClasses) {
      const prototype = version.prototype as Record<string, unknown>;
      const id = this.#containers.get(container)!.id;
      for (const key of methods) {
        const plain = prototype[key] as (...args: unknown[]) => unknown;
        this.#observedMethods.push({ prototype, key, plain });
        prototype[key] = observed(plain, `${pathOf(id, `[constructor]${resource}`)}.${key}`, this.#observer);
      }
    }
  }

  #unpatchMethods(): void {
    for (const { prototype, key, plain } of this.#observedMethods) prototype[key] = plain;
    this.#observedMethods = [];
  }
}

interface Member {
  readonly kind: "constructor" | "method" | "static";
  readonly resource: string;
  readonly name: string;
}

/** `[method]counter.increment` and its kin; `undefined` for a plain function. */
function memberOf(name: string): Member | undefined {
  const match = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/.exec(name);
  return match === null ? undefined : { kind: match[1] as Member["kind"], resource: match[2]!, name: match[3] ?? "" };
}

/** A path that users write: `greet`, `demo:calc/api@1.0.0#add`, `demo:calc/api@1.0.0#Counter.make`. */
function pathOf(container: string, name: string): string {
  const member = memberOf(name);
  const own =
    member === undefined
      ? toCamelCase(name)
      : member.kind === "constructor"
        ? toPascalCase(member.resource)
        : `${toPascalCase(member.resource)}.${toCamelCase(member.name)}`;
  return container === WORLD ? own : `${container}#${own}`;
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: false });
}

function removeProperty(container: Container, name: string): void {
  const member = memberOf(name);
  if (member === undefined) delete container.object[toCamelCase(name)];
  else if (member.kind === "static") {
    delete (container.classes.get(member.resource)!.face as unknown as Record<string, unknown>)[
      toCamelCase(member.name)
    ];
  }
}
