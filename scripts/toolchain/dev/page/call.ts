/**
 * One call of an exported function, and what came of it, as data.
 */
import { ComponentError, LowerError, TrapError, UnloadedError } from "../../../../host/errors.ts";
import type { Module } from "../../../../host/module/types.ts";
import { toCamelCase, toPascalCase } from "../../../../host/model/spelling.ts";
import { isLater, settled } from "../../run/settle.ts";
import type { Callable } from "./describe.ts";

export type Outcome =
  | { readonly kind: "value"; readonly value: unknown; readonly ms: number }
  /** The guest's `err`, an ordinary result. */
  | { readonly kind: "error"; readonly payload: unknown; readonly ms: number }
  | { readonly kind: "trap"; readonly error: TrapError; readonly ms: number }
  /** The call did not reach the guest. */
  | { readonly kind: "refused"; readonly title: string; readonly message: string };

type Callee = (...args: unknown[]) => unknown;

/** The most elements that are read of a stream: as many as are shown. */
const MOST = 200;

/**
 * Calls through the module's own handles, and waits for all that is to come of it. It never rejects.
 * @param self the object, for a method
 */
export async function invoke(
  module: Module,
  callable: Callable,
  self: object | undefined,
  args: readonly unknown[],
): Promise<Outcome> {
  const outcome = await answer(module, callable, self, args);
  const { result } = callable;
  try {
    if (outcome.kind === "value") {
      const type = result?.kind === "result" ? result.ok : result;
      if (type !== undefined && isLater(type)) return { ...outcome, value: await settled(outcome.value, type, MOST) };
    } else if (outcome.kind === "error" && result?.kind === "result") {
      const { err } = result;
      if (err !== undefined && isLater(err)) return { ...outcome, payload: await settled(outcome.payload, err, MOST) };
    }
    return outcome;
  } catch (error) {
    return failureOf(error, 0);
  }
}

/** What the call itself gives: its time is that of the call, without what comes after. */
async function answer(
  module: Module,
  callable: Callable,
  self: object | undefined,
  args: readonly unknown[],
): Promise<Outcome> {
  let started = performance.now();
  try {
    const call = calleeOf(module, callable, self);
    started = performance.now();
    const given = call(...args);
    // A resource with a method called `then` is no promise.
    const value = given instanceof Promise ? await given : given;
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
