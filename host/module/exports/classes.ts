/**
 * Stable classes: what stands in a module's exports for the classes of the resources it exports.
 *
 * The objects themselves are the bindings' own; they are cut by their instance. The class outlives instances: it
 * constructs with the current version, recognises the objects of every version, and forwards methods to the object.
 */
import { UsageError } from "../../errors.ts";
import type { AnyFunction, Slot } from "./slots.ts";

type Constructor = new (...args: unknown[]) => object;

export class StableClass {
  readonly name: string;
  /** The class users hold. */
  readonly publicClass: Function;
  /** Prototypes of every version's class; weak, so that a version's code can go. */
  readonly #prototypes = new WeakSet<object>();
  readonly #prototype: Record<string, unknown>;
  readonly #construct: Slot | undefined;

  /** @param construct the slot of the constructor, whose target makes an object; absent when the resource has none */
  constructor(name: string, arity: number, construct: Slot | undefined) {
    this.name = name;
    this.#construct = construct;
    const isMember = (value: unknown): boolean => this.#isMember(value);
    const make = (args: unknown[]): object => this.#make(args);
    // A computed key names the class, also in the engine's own messages.
    const named = {
      [name]: class {
        constructor(...args: unknown[]) {
          return make(args);
        }
        static [Symbol.hasInstance](value: unknown): boolean {
          return isMember(value);
        }
      },
    }[name]!;
    Object.defineProperty(named, "length", { value: arity, configurable: true });
    this.publicClass = named;
    this.#prototype = named.prototype as unknown as Record<string, unknown>;
  }

  /** Recognises a version's objects from now on. */
  adopt(version: Function): void {
    this.#prototypes.add((version as Constructor).prototype as object);
  }

  /** Makes a method callable through this class's prototype, for callers that look it up there. */
  addMethod(key: string): void {
    if (Object.hasOwn(this.#prototype, key)) return;
    const prototype = this.#prototype;
    const className = this.name;
    const forward = function (this: Record<string, (...args: unknown[]) => unknown>, ...args: unknown[]): unknown {
      const method = this?.[key];
      // The object's own class answers; reaching this very function again means it is not one of ours.
      if (typeof method !== "function" || method === forward) {
        throw new UsageError(`Expected a ${className} to call ${key} on`);
      }
      return method.apply(this, args);
    };
    Object.defineProperty(prototype, key, { value: forward, writable: true, configurable: true });
  }

  #isMember(value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
      if (this.#prototypes.has(at as object)) return true;
    }
    return false;
  }

  #make(args: unknown[]): object {
    const slot = this.#construct;
    if (slot === undefined) throw new UsageError(`The resource ${this.name} has no constructor`);
    slot.calls++;
    return slot.target(...args) as object;
  }
}

/** A function that constructs; what a constructor's slot holds. */
export function constructing(version: Function): AnyFunction {
  return ((...args: unknown[]) => new (version as Constructor)(...args)) as AnyFunction;
}
