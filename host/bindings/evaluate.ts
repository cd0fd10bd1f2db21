/**
 * Text → function, once for each structure.
 *
 * `new Function` rather than an imported module: the engine collects it when it is dropped, while module records stay for
 * the life of the page or process.
 */
import { UnsupportedError } from "../errors.ts";
import type { Budget } from "../budget.ts";
import type { AbiRuntime } from "../abi/runtime.ts";
import type { Plan } from "../plan/plan.ts";
import { Cache } from "./cache.ts";
import { emitBindings } from "./emit.ts";
import type { TextStyle } from "./names.ts";

/** What generated text returns for an instance. */
export interface Controls {
  readonly exports: Record<string, unknown>;
  /**
   * Runs the steps from number `at`, taking `made` as the exports of the step before; -1 throws `made` as their error.
   * @returns the number to go on with when a step has to wait, else nothing
   */
  start(at: number, made?: unknown): number | undefined;
  /** Empties every variable that leads to the engine. */
  dispose(): void;
}

export type Instantiate = (
  runtime: AbiRuntime,
  modules: readonly WebAssembly.Module[],
  host: readonly unknown[],
) => Controls;

/** Bytes of text; that of an ordinary module is a few kilobytes. */
const cache = new Cache<Instantiate>(1024 * 1024);
let generatedCount = 0;

/** How many times text was generated since the start, for the tests of the cache. */
export function generations(): number {
  return generatedCount;
}

/**
 * The instantiate function for a plan.
 * @param key the SHA-256 of its structure and its style
 * @throws {UnsupportedError} where evaluation is forbidden
 */
export function bindingsFor(plan: Plan, key: string, budget?: Budget, style?: TextStyle): Instantiate {
  let instantiate = cache.get(key);
  if (instantiate === undefined) {
    const text = emitBindings(plan, budget, style);
    instantiate = evaluate(text);
    generatedCount++;
    cache.set(key, instantiate, text.length);
  }
  return instantiate;
}

function evaluate(text: string): Instantiate {
  try {
    return new Function(text)() as Instantiate;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    throw new UnsupportedError(
      "eval",
      "This page's Content-Security-Policy forbids evaluating generated text; " +
        "write the bindings ahead of time with `tenon bind` and give the module that it writes as the source",
    );
  }
}
