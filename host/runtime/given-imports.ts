/**
 * Finds what a component imports in the object its user gives, and notes everything that is missing.
 *
 * Names are matched by interface id, by the id without its version, by a compatible version; plain names in camelCase or
 * as written. Only own properties of the import object meet an import; an interface may be an object of a class, whose
 * members are found along its prototypes, those that all objects and functions share left out.
 */
import { className, funcName } from "../model/spelling.ts";
import type { FuncType } from "../model/types.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { GivenNames } from "./given-names.ts";

type ResourceClass = abstract new (...args: never[]) => object;

/** What the generated text needs of the user, in the order of the plan. */
export interface LinkedImports {
  readonly funcs: readonly unknown[];
  readonly classes: (ResourceClass | undefined)[];
  /** Core modules by their index among the plan's modules; `undefined` for embedded ones. */
  readonly modules: readonly (WebAssembly.Module | undefined)[];
}

/** An object that holds what is imported: the import object itself, or an interface in it. */
export interface Place {
  /** The names that lead to it, each followed by `#`. */
  readonly path: string;
  readonly names: GivenNames;
  /** The interfaces in it, by name; `undefined` for those that were reported missing. */
  readonly inner: Map<string, Place | undefined>;
}

/** An import that was looked for and is not met. Why is told by `unmet-imports.ts`, which is loaded with the first component. */
export interface Unmet {
  readonly path: readonly string[];
  readonly place: Place;
  readonly found: unknown;
  /** What is wanted, in words, and the function's type after them. */
  readonly expected: string;
  readonly func?: FuncType | undefined;
  /** What should have the last name of the path: the place, or a class in it. */
  readonly holder: object;
}

/** Finds every import of a plan, or notes that it is not met. */
export function findImports(
  plan: KeptPlan,
  provided: object,
): { readonly linked: LinkedImports; readonly unmet: readonly Unmet[] } {
  return new Linker(plan, provided).run();
}

class Linker {
  private readonly plan: KeptPlan;
  private readonly root: Place;
  private readonly unmet: Unmet[] = [];

  constructor(plan: KeptPlan, provided: object) {
    this.plan = plan;
    this.root = { path: "", names: givenNames(provided), inner: new Map() };
  }

  run(): ReturnType<typeof findImports> {
    const { plan } = this;
    const classes = plan.resources.map(({ origin }) =>
      origin.kind === "host" ? this.resourceClass(origin.path) : undefined,
    );
    const funcs = plan.hostFuncs.map(({ path }, index) => this.func(path, index));
    const modules = plan.modules.map((module) => (module.kind === "imported" ? this.module(module.path) : undefined));
    return { unmet: this.unmet, linked: { funcs, classes, modules } };
  }

  /** The place that should hold the last name of a path, or `undefined` after reporting that it is not there. */
  private place(path: readonly string[]): Place | undefined {
    let at = this.root;
    for (let depth = 0; depth < path.length - 1; depth++) {
      const name = path[depth]!;
      let next = at.inner.get(name);
      if (next === undefined) {
        if (at.inner.has(name)) return undefined;
        const found = at.names.find(name)?.value;
        if (isObject(found)) {
          next = { path: `${at.path}${name}#`, names: new GivenNames(found, given), inner: new Map() };
        } else {
          this.missing(path.slice(0, depth + 1), at, found, "an instance");
        }
        at.inner.set(name, next);
        if (next === undefined) return undefined;
      }
      at = next;
    }
    return at;
  }

  private func(path: readonly string[], index: number): unknown {
    const place = this.place(path);
    if (place === undefined) return undefined;
    const name = funcName(path.at(-1)!);
    const { type } = this.plan.hostFuncs[index]!;
    if (name.kind === "function") {
      const found = place.names.find(path.at(-1)!)?.value;
      // jco passes a world's functions as modules with a default export; accept the same object here.
      const value =
        typeof found === "object" && path.length === 1 ? (found as { default?: unknown } | null)?.default : found;
      if (typeof value === "function") return bindToHolder(value, place.names.holder);
      this.missing(path, place, found, "", type);
      return undefined;
    }
    const constructor = this.member(place, className(name.resource));
    if (typeof constructor !== "function") {
      if (name.kind === "method") return undefined;
      this.missing(path, place, constructor, `class ${className(name.resource)} for `, type);
      return undefined;
    }
    if (name.kind === "constructor") return constructor;
    const owner: unknown = name.kind === "static" ? constructor : constructor.prototype;
    const member = given(owner as object, name.js);
    if (typeof member !== "function") {
      this.unmet.push({ path, place, found: member, expected: "", func: type, holder: owner as object });
      return undefined;
    }
    // Methods are called on the object itself, so that a subclass may override them.
    return name.kind === "static" ? member.bind(constructor) : undefined;
  }

  private resourceClass(path: readonly string[]): ResourceClass | undefined {
    const place = this.place(path);
    if (place === undefined) return undefined;
    const found = this.member(place, className(path.at(-1)!));
    if (found === undefined || typeof found === "function") return found as ResourceClass | undefined;
    this.missing(path, place, found, `class ${className(path.at(-1)!)}`);
    return undefined;
  }

  private module(path: readonly string[]): WebAssembly.Module | undefined {
    const place = this.place(path);
    if (place === undefined) return undefined;
    const found = place.names.find(path.at(-1)!)?.value;
    if (found instanceof WebAssembly.Module) return found;
    this.missing(path, place, found, "a WebAssembly.Module");
    return undefined;
  }

  private member(place: Place, key: string): unknown {
    return (place === this.root ? ownProperty : given)(place.names.holder, key);
  }

  private missing(path: readonly string[], place: Place, found: unknown, expected: string, func?: FuncType): void {
    this.unmet.push({ path, place, found, expected, func, holder: place.names.holder });
  }
}

/** The names of an import object: only its own properties are given. */
export function givenNames(imports: object): GivenNames {
  return new GivenNames(imports, ownProperty);
}

export function ownProperty(holder: object, key: string): unknown {
  return Object.hasOwn(holder, key) ? (holder as Record<string, unknown>)[key] : undefined;
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
