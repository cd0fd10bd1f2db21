/**
 * The stable exports of a module: one tree of objects, handles and classes for its whole life.
 *
 * Owns which slot serves which export of which version. What a version exports is resolved first (`resolve-exports.ts`), which
 * may fail and touches nothing, and applied here, which cannot fail: that is what makes a swap atomic.
 */
import {
  className,
  externName,
  funcName,
  shortNames,
  staticName,
  toCamelCase,
  toPascalCase,
} from "../../model/spelling.ts";
import { UnloadedError, UsageError } from "../../errors.ts";
import { withoutVersion } from "../../model/ids.ts";
import type { explainMismatch } from "../../model/subtype.ts";
import type { ExternDecl } from "../../model/types.ts";
import { StableClass } from "./classes.ts";
import { compatibilityKey } from "../../model/ids.ts";
import { pathOf, WORLD, type ClassChange, type ExportChange, type FunctionChange } from "./resolve-exports.ts";
import { makeHandle, Slot, type AnyFunction, type Face, type Target } from "./slots.ts";

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
  /** Classes of others that are exported again, by resource name. */
  readonly foreign: Set<string>;
  decls: readonly ExternDecl[];
  id: string;
}

export interface ExportDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

type PatchedMethod = { readonly prototype: Record<string, Target>; readonly key: string; readonly plain: Target };

export class ExportTree {
  /** `Module.exports`. */
  readonly object: Record<string, unknown> = {};
  readonly #module: string;
  readonly #containers = new Map<string, Container>();
  /** Keys of interfaces on {@link object}: full ids and short names → container key. */
  readonly #aliases = new Map<string, string>();
  /** Stands in front of every function. */
  #face: Face | undefined;
  #versionClasses: readonly ClassChange[] = [];
  #patched: PatchedMethod[] = [];
  /** Calls counted by slots that are gone. */
  #retiredCalls = 0;

  constructor(module: string) {
    this.#module = module;
  }

  /**
   * Swaps a prepared version in: slots whose types still fit are refilled, so what users hold serves the new version;
   * the others are cut with a reason and replaced.
   * @param kept container keys whose slots dependents hold; their types have been checked against the dependents
   * @param explain tells why types do not fit; without it they are those that were there before
   */
  apply(change: ExportChange, kept: ReadonlySet<string>, explain?: typeof explainMismatch): ExportDifference {
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
    this.#dropClasses(change.classes);
    this.#applyClasses(change.classes, alive);
    for (const item of change.functions) {
      const container = this.#containers.get(item.container)!;
      alive.get(item.container)!.add(item.name);
      const path = pathOf(container.id, item.name);
      const entry = container.entries.get(item.name);
      if (entry === undefined) {
        if (before.size > 0) added.push(path);
      } else {
        const explainKept = kept.has(item.container) ? undefined : explain;
        const reason = misfit(entry, item, container.decls, before.get(item.container) ?? [], explainKept);
        if (reason === undefined) {
          entry.slot.fill(item.target, this.#face);
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
    this.#nameContainers(change);
    this.#versionClasses = change.classes.filter(({ foreign }) => !foreign);
    this.#patchMethods();
    return { added, removed, changed };
  }

  #newContainer(key: string, id: string, decls: readonly ExternDecl[]): Container {
    return {
      object: key === WORLD ? this.object : {},
      entries: new Map(),
      classes: new Map(),
      foreign: new Set(),
      decls,
      id,
    };
  }

  #applyClasses(classes: readonly ClassChange[], alive: ReadonlyMap<string, Set<string>>): void {
    for (const { container: key, resource, version, methods, foreign } of classes) {
      const container = this.#containers.get(key)!;
      if (foreign) {
        container.foreign.add(resource);
        define(container.object, className(resource), version);
        continue;
      }
      const constructor = `[constructor]${resource}`;
      alive.get(key)!.add(constructor);
      // Until a declared constructor fills the slot below, there is none.
      const none = (): never => {
        throw new UsageError(`The resource ${resource} has no constructor`);
      };
      let stable = container.classes.get(resource);
      if (stable === undefined) {
        const name = className(resource);
        const slot = new Slot(pathOf(container.id, constructor), none);
        stable = new StableClass(name, version.length, slot);
        container.classes.set(resource, stable);
        container.entries.set(constructor, { slot, arity: version.length, handle: undefined });
        define(container.object, name, stable.publicClass);
      }
      container.entries.get(constructor)!.slot.fill(none, undefined);
      stable.adopt(version);
      for (const method of methods) stable.addMethod(method);
    }
  }

  /** Takes away the classes that the new version does not have, or has from somebody else. */
  #dropClasses(classes: readonly ClassChange[]): void {
    const named = (key: string, resource: string, foreign: boolean): string => `${foreign} ${key} ${resource}`;
    const staying = new Set(classes.map(({ container, resource, foreign }) => named(container, resource, foreign)));
    for (const [key, container] of this.#containers) {
      for (const [resource, isForeign] of [
        ...[...container.classes.keys()].map((name) => [name, false] as const),
        ...[...container.foreign].map((name) => [name, true] as const),
      ]) {
        if (staying.has(named(key, resource, isForeign))) continue;
        if (isForeign) container.foreign.delete(resource);
        else container.classes.delete(resource);
        delete container.object[className(resource)];
      }
    }
  }

  #addEntry(container: Container, { name, type, target }: FunctionChange, path: string): void {
    const js = funcName(name);
    // A constructor's slot belongs to its class and is there already; methods have none.
    if (js.kind === "constructor" || js.kind === "method") return;
    const key = js.kind === "static" ? staticName(js.js) : js.js;
    const slot = new Slot(path, target, type.async);
    slot.show(this.#face);
    // An asynchronous function takes options beside its parameters.
    const handle = makeHandle(slot, type.params.length + +type.async, key);
    container.entries.set(name, { slot, arity: type.params.length, handle });
    define(js.kind === "static" ? container.classes.get(js.resource)!.publicClass : container.object, key, handle);
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
    const keys = new Map<string, string>();
    for (const [key, { id }] of change.containers) {
      if (key === WORLD) continue;
      keys.set(id, key);
      this.#alias(externName(id), key);
    }
    for (const [short, id] of shortNames(keys.keys())) this.#alias(short, keys.get(id)!);
  }

  #alias(name: string, key: string): void {
    if (Object.hasOwn(this.object, name)) return;
    this.#aliases.set(name, key);
    define(this.object, name, this.#containers.get(key)!.object);
  }

  /** Refuses every call until a version is swapped in; observers go on hearing of them, and calls that are held wait on. */
  lock(makeError: (path: string) => Error): void {
    for (const { entries } of this.#containers.values())
      for (const { slot } of entries.values()) slot.cut(makeError, this.#face);
  }

  /** Cuts every handle for good. */
  cut(makeError: () => Error): void {
    this.#unpatchMethods();
    this.#versionClasses = [];
    for (const { entries } of this.#containers.values()) for (const { slot } of entries.values()) slot.cut(makeError);
  }

  /** What stands for an export when it is linked to another module: an interface's object, a function, a class. */
  exported({ name, type }: ExternDecl): unknown {
    if (type.kind === "instance") {
      // Under its own name where that could be mistaken for another version.
      const exact = this.#containers.get(name);
      return (exact?.id === name ? exact : this.#containers.get(compatibilityKey(name)))?.object;
    }
    const js = type.kind === "func" ? funcName(name) : undefined;
    if (js?.kind === "function") return this.object[js.js];
    return this.object[className(js === undefined ? name : js.resource)];
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
    for (const { id, entries, classes, foreign } of this.#containers.values()) {
      for (const name of entries.keys()) if (funcName(name).kind !== "constructor") paths.push(pathOf(id, name));
      for (const resource of [...classes.keys(), ...foreign]) paths.push(pathOf(id, `[constructor]${resource}`));
    }
    return paths;
  }

  get calls(): number {
    let calls = this.#retiredCalls;
    for (const { entries } of this.#containers.values()) for (const { slot } of entries.values()) calls += slot.calls;
    return calls;
  }

  /** Puts something in front of every function, whatever it reaches meanwhile; `undefined` takes it away. */
  show(face: Face | undefined): void {
    this.#unpatchMethods();
    this.#face = face;
    for (const { entries } of this.#containers.values()) for (const { slot } of entries.values()) slot.show(face);
    this.#patchMethods();
  }

  /** Methods live on the version's own classes, so what stands in front of them stands there. */
  #patchMethods(): void {
    const face = this.#face;
    if (face === undefined) return;
    for (const { container, resource, version, methods } of this.#versionClasses) {
      const prototype = version.prototype as Record<string, Target>;
      const id = this.#containers.get(container)!.id;
      for (const key of methods) {
        const plain = prototype[key]!;
        this.#patched.push({ prototype, key, plain });
        const path = `${pathOf(id, `[constructor]${resource}`)}.${key}`;
        prototype[key] = face(plain, path, () => prototype[key]!);
      }
    }
  }

  #unpatchMethods(): void {
    for (const { prototype, key, plain } of this.#patched) prototype[key] = plain;
    this.#patched = [];
  }
}

/** Why a slot cannot serve the new version, in words. */
function misfit(
  { arity, handle }: Entry,
  { name, type }: FunctionChange,
  now: readonly ExternDecl[],
  before: readonly ExternDecl[],
  explain: typeof explainMismatch | undefined,
): string | undefined {
  if (handle === undefined) return undefined;
  if (arity !== type.params.length) return `${arity} parameters became ${type.params.length}`;
  if (explain === undefined || before === now) return undefined;
  const resources = new Set(now.flatMap((decl) => (decl.type.kind === "resource-type" ? [decl.name] : [])));
  const held = before.filter(
    (decl) => decl.name === name || (decl.type.kind === "resource-type" && resources.has(decl.name)),
  );
  return explain({ kind: "instance", exports: now }, { kind: "instance", exports: held });
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: false });
}

function removeProperty(container: Container, name: string): void {
  const js = funcName(name);
  if (js.kind === "function") delete container.object[js.js];
  if (js.kind !== "static") return;
  const published = container.classes.get(js.resource)?.publicClass as unknown as Record<string, unknown> | undefined;
  if (published !== undefined) delete published[staticName(js.js)];
}
