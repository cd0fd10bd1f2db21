/**
 * Text → function, once for each structure.
 *
 * `new Function` rather than an imported module: the engine collects it when it is dropped, while module records stay for
 * the life of the page or process.
 */
import { UnsupportedError } from "../errors.ts";
import type { HandleTable } from "../abi/handles.ts";
import type { AbiRuntime } from "../abi/runtime.ts";
import type { Plan } from "../plan/plan.ts";
import { emitBindings } from "./emit.ts";
import { Recent } from "./recent.ts";

/** What generated text returns for an instance. */
export interface Controls {
  readonly exports: Record<string, unknown>;
  readonly tables: readonly HandleTable[];
  /** The root's state: 0 idle, 1 running, 2 trapped, 6 unloaded. */
  state(): number;
  /** Runs the steps. */
  start(): void;
  /** Empties every variable that leads to the engine. */
  dispose(): void;
}

export type Instantiate = (
  runtime: AbiRuntime,
  modules: readonly WebAssembly.Module[],
  host: readonly unknown[],
) => Controls;

/** Enough for the modules of one application; each entry is a function of a few kilobytes. */
const cache = new Recent<Instantiate>(256);
let generatedCount = 0;

/** How many times text was generated since the start: what the tests of the cache look at. */
export function generations(): number {
  return generatedCount;
}

/** The instantiate function for a plan. @throws {UnsupportedError} where evaluation is forbidden */
export function bindingsFor(plan: Plan, key: string): Instantiate {
  let instantiate = cache.get(key);
  if (instantiate === undefined) {
    instantiate = evaluate(emitBindings(plan));
    generatedCount++;
    cache.set(key, instantiate);
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
        "write the bindings ahead of time with `tenon bind` and pass them as the `bound` option",
    );
  }
}
