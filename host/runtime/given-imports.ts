/**
 * Finds what a component imports in the object its user gives, and reports everything that is missing at once.
 *
 * Names are matched by interface id, by the id without its version, by a compatible version; plain names in camelCase or
 * as written. Only own properties of the import object meet an import; an interface may be an object of a class, whose
 * members are found along its prototypes, those that all objects and functions share left out.
 */
import { className, externName, funcName } from "../model/spelling.ts";
import { LinkError, type LinkIssue } from "../errors.ts";
import { describe } from "../words.ts";
import { compatibleKey, nearestKey } from "./names.ts";
import { newEffort } from "../model/nearest.ts";
import { formatExtern } from "../model/text.ts";
import type { PlanSurface } from "../plan/plan.ts";

type ResourceClass = abstract new (...args: never[]) => object;

/** What the generated text needs of the user, in the order of the plan. */
export interface LinkedImports {
  readonly funcs: readonly unknown[];
  readonly classes: (ResourceClass | undefined)[];
  /** Core modules by their index among the plan's modules; `undefined` for embedded ones. */
  readonly modules: readonly (WebAssembly.Module | undefined)[];
}

/** Every import that `provided` does not meet. */
export function checkImports(plan: PlanSurface, provided: object): LinkIssue[] {
  return new Linker(plan, provided).run().issues;
}

/** @throws {LinkError} with every issue */
export function linkImports(plan: PlanSurface, provided: object, name: string): LinkedImports {
  const { issues, linked } = new Linker(plan, provided).run();
  if (issues.length > 0) throw linkError(name, issues);
  return linked;
}

/** One error for all issues, each on a line of its own. */
function linkError(name: string, issues: readonly LinkIssue[]): LinkError {
  const lines = issues.map((issue) => `\n  ${issue.import}: ${issue.reason}`);
  const count = issues.length === 1 ? "1 import is" : `${issues.length} imports are`;
  return new LinkError(`Cannot link "${name}": ${count} not met${lines.join("")}`, issues);
}

class Linker {
  private readonly plan: PlanSurface;
  private readonly provided: Record<string, unknown>;
  private readonly issues: LinkIssue[] = [];
  private readonly effort = newEffort();
  /** Interfaces that were reported missing as a whole, so that their functions are not reported again. */
  private readonly absent = new Set<string>();
  /** Objects that were asked for something they lack: which import each of their keys meets. */
  private readonly used = new Map<object, ReadonlyMap<string | undefined, string>>();

  constructor(plan: PlanSurface, provided: object) {
    this.plan = plan;
    this.provided = provided as Record<string, unknown>;
  }

  run(): { issues: LinkIssue[]; linked: LinkedImports } {
    const { plan } = this;
    const classes = plan.resources.map(({ origin }) =>
      origin.kind === "host" ? this.resourceClass(origin.path) : undefined,
    );
    const funcs = plan.hostFuncs.map(({ path }, index) => this.func(path, index));
    const modules = plan.modules.map((module) => (module.kind === "imported" ? this.module(module.path) : undefined));
    return { issues: this.issues, linked: { funcs, classes, modules } };
  }

  /** The object that should hold the last name of a path, or `undefined` after reporting that it is not there. */
  private holder(path: readonly string[]): object | undefined {
    let at: unknown = this.provided;
    for (const [depth, name] of path.slice(0, -1).entries()) {
      const here = path.slice(0, depth + 1).join("#");
      if (this.absent.has(here)) return undefined;
      const found = this.find(at as object, name);
      if (!isObject(found)) {
        this.absent.add(here);
        this.missing(path.slice(0, depth + 1), at as object, found, "an instance");
        return undefined;
      }
      at = found;
    }
    return at as object;
  }

  private func(path: readonly string[], index: number): unknown {
    const holder = this.holder(path);
    if (holder === undefined) return undefined;
    const name = funcName(path.at(-1)!);
    // In words only when it is missed: most links find everything.
    const { hostFuncs } = this.plan;
    const expected = (): string => formatExtern(hostFuncs[index]!.type, hostFuncs.length);
    if (name.kind === "function") {
      const found = this.find(holder, path.at(-1)!);
      // jco passes a world's functions as modules with a default export; accept the same object here.
      const value =
        typeof found === "object" && path.length === 1 ? (found as { default?: unknown } | null)?.default : found;
      if (typeof value === "function") return bindToHolder(value, holder);
      this.missing(path, holder, found, expected());
      return undefined;
    }
    const constructor = this.member(holder, className(name.resource));
    if (typeof constructor !== "function") {
      if (name.kind === "method") return undefined;
      this.missing(path, holder, constructor, `class ${className(name.resource)} for ${expected()}`);
      return undefined;
    }
    if (name.kind === "constructor") return constructor;
    const owner: unknown = name.kind === "static" ? constructor : constructor.prototype;
    const member = given(owner as object, name.js);
    if (typeof member !== "function") {
      this.missing(path, owner as object, member, expected());
      return undefined;
    }
    // Methods are called on the object itself, so that a subclass may override them.
    return name.kind === "static" ? member.bind(constructor) : undefined;
  }

  private resourceClass(path: readonly string[]): ResourceClass | undefined {
    const holder = this.holder(path);
    if (holder === undefined) return undefined;
    const found = this.member(holder, className(path.at(-1)!));
    if (found === undefined || typeof found === "function") return found as ResourceClass | undefined;
    this.missing(path, holder, found, `class ${className(path.at(-1)!)}`);
    return undefined;
  }

  private module(path: readonly string[]): WebAssembly.Module | undefined {
    const holder = this.holder(path);
    if (holder === undefined) return undefined;
    const found = this.find(holder, path.at(-1)!);
    if (found instanceof WebAssembly.Module) return found;
    this.missing(path, holder, found, "a WebAssembly.Module");
    return undefined;
  }

  private find(holder: object, name: string): unknown {
    return holder === this.provided ? givenImport(holder, name) : lookup(holder, name, given);
  }

  private member(holder: object, key: string): unknown {
    return (holder === this.provided ? ownProperty : given)(holder, key);
  }

  /** The keys of an object that meet no other import: one of them may be the name that was meant. */
  private unused(holder: object, path: readonly string[]): readonly string[] {
    const last = path.length - 1;
    let used = this.used.get(holder);
    if (used === undefined) {
      const paths = [...this.plan.hostFuncs.map((func) => func.path), ...this.plan.imports.map(({ name }) => [name])];
      const siblings = paths.filter((other) => path.every((name, at) => at === last || other[at] === name));
      const names = new Set(siblings.flatMap((other) => other[last] ?? []));
      used = new Map([...names].map((name) => [keyFor(holder, name), name]));
      this.used.set(holder, used);
    }
    return Object.keys(holder).filter((key) => (used.get(key) ?? path[last]) === path[last]);
  }

  private missing(path: readonly string[], holder: object, found: unknown, expected: string): void {
    const wanted = path.at(-1)!;
    const nearest = nearestKey(wanted, this.unused(holder, path), this.effort);
    const problem = found === undefined ? "missing" : "mismatch";
    const hint = nearest === undefined ? "" : `; the nearest is ${nearest.name}${nearest.why}`;
    const reason =
      found === undefined ? `expected ${expected}, got nothing${hint}` : `expected ${expected}, got ${describe(found)}`;
    this.issues.push({
      import: path.join("#"),
      problem,
      expected,
      ...(found === undefined ? {} : { found: describe(found) }),
      ...(nearest === undefined ? {} : { nearest: nearest.name }),
      reason,
    });
  }
}

type Get = (holder: object, key: string) => unknown;

/** A property by extern name: exactly, as JavaScript writes it, or by a compatible version. */
function lookup(holder: object, name: string, get: Get): unknown {
  for (const key of [name, externName(name)]) {
    const found = get(holder, key);
    if (found !== undefined) return found;
  }
  if (!name.includes(":")) return undefined;
  const other = compatibleKey(
    name,
    Object.keys(holder).filter((key) => get(holder, key) !== undefined),
  );
  return other === undefined ? undefined : get(holder, other);
}

/** What an import object gives for an import of the component: own properties only. */
export function givenImport(imports: object, name: string): unknown {
  return lookup(imports, name, ownProperty);
}

export function ownProperty(holder: object, key: string): unknown {
  return Object.hasOwn(holder, key) ? (holder as Record<string, unknown>)[key] : undefined;
}

/** The key under which {@link lookup} finds a name; of a resource's functions, that of its class. */
function keyFor(holder: object, name: string): string | undefined {
  const func = funcName(name);
  if (func.kind !== "function") return className(func.resource);
  const get: Get = (at, key) => (given(at, key) === undefined ? undefined : key);
  return lookup(holder, name, get) as string | undefined;
}

/** A property that the user gave: nothing that every object or function inherits, such as `toString` or `call`. */
function given(holder: object, name: string): unknown {
  if ((name in Object.prototype || name in Function.prototype) && !declares(holder, name)) return undefined;
  const value = (holder as Record<string, unknown>)[name];
  if (name !== "constructor" || typeof value !== "function") return value;
  // A class is the `constructor` of its prototype and of its instances, which is no function that they were given.
  const prototype: unknown = value.prototype;
  const isClass =
    prototype === holder || (isObject(prototype) && Object.prototype.isPrototypeOf.call(prototype, holder));
  return isClass ? undefined : value;
}

/** Whether an object or one of its prototypes has a property, those that all objects share aside. */
function declares(holder: object, name: string): boolean {
  for (let at: object | null = holder; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (at === Object.prototype || at === Function.prototype) return false;
    if (Object.hasOwn(at, name)) return true;
  }
  return false;
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Functions of a class instance keep their `this`; those of a plain object or a module need none. */
function bindToHolder(value: Function, holder: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(holder);
  return prototype === null || prototype === Object.prototype ? value : value.bind(holder);
}
