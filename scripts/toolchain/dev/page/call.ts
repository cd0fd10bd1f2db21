/**
 * One call of an exported function, and what came of it, as data.
 */
import { ComponentError, LowerError, TrapError, UnloadedError } from "../../../../host/errors.ts";
import type { Module } from "../../../../host/module/types.ts";
import { toCamelCase, toPascalCase } from "../../../../host/model/spelling.ts";
import type { Callable } from "./describe.ts";

export type Outcome =
  | { readonly kind: "value"; readonly value: unknown; readonly ms: number }
  /** The guest's `err`, an ordinary result. */
  | { readonly kind: "error"; readonly payload: unknown; readonly ms: number }
  | { readonly kind: "trap"; readonly error: TrapError; readonly ms: number }
  /** The call did not reach the guest. */
  | { readonly kind: "refused"; readonly title: string; readonly message: string };

type Callee = (...args: unknown[]) => unknown;

/** Calls through the module's own handles. @param self the object, for a method */
export function invoke(
  module: Module,
  callable: Callable,
  self: object | undefined,
  args: readonly unknown[],
): Outcome {
  let started = performance.now();
  try {
    const call = calleeOf(module, callable, self);
    started = performance.now();
    const value = call(...args);
    return { kind: "value", value, ms: performance.now() - started };
  } catch (error) {
    return failureOf(error, performance.now() - started);
  }
}

export function failureOf(error: unknown, ms: number): Outcome {
  if (error instanceof ComponentError) return { kind: "error", payload: error.payload, ms };
  if (error instanceof TrapError) return { kind: "trap", error, ms };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof LowerError) return { kind: "refused", title: "Not sent: the value does not fit", message };
  if (error instanceof UnloadedError) return { kind: "refused", title: "Refused", message };
  return { kind: "refused", title: "Failed", message };
}

function calleeOf(module: Module, { kind, group, label, resource }: Callable, self: object | undefined): Callee {
  const exports = module.exports as Record<string, unknown>;
  const owner = (group === "" ? exports : exports[group]) as Record<string, unknown>;
  const name = toCamelCase(label);
  switch (kind) {
    case "function":
      return owner[name] as Callee;
    case "method":
      return (...args) => (self as Record<string, Callee>)[name]!(...args);
    case "constructor": {
      const Class = owner[toPascalCase(resource!)] as new (...args: unknown[]) => object;
      return (...args) => new Class(...args);
    }
    case "static": {
      const Class = owner[toPascalCase(resource!)] as Record<string, Callee>;
      return (...args) => Class[name]!(...args);
    }
  }
}
