/**
 * Runs the steps of generated text: makes its core instances, at once where the engine allows it.
 *
 * The text yields a core module with its imports and is given the exports. An engine may refuse to make an instance before
 * anything of it runs: on a page's own thread when the module is large, which it then makes asynchronously, and anywhere
 * when there is no room for another memory.
 */
import { ENTERED } from "../bindings/state.ts";
import type { Controls, Steps } from "../bindings/evaluate.ts";
import { EngineLimitError } from "../errors.ts";
import type { Faults } from "./parts.ts";

/**
 * @param waits whether a step that the engine refuses is tried again asynchronously
 * @returns a promise only when a step had to be
 * @throws what the text makes of an error; an {@link EngineLimitError} when the engine refused
 */
export function runSteps(controls: Controls, name: string, faults: Faults, waits: boolean): Promise<void> | undefined {
  const steps = controls.start();
  return advance(controls, steps, steps.next(), name, faults, waits);
}

function advance(
  controls: Controls,
  steps: Steps,
  step: ReturnType<Steps["next"]>,
  name: string,
  faults: Faults,
  waits: boolean,
): Promise<void> | undefined {
  // A guest that has run and was stopped has an error of its own; the engine's refusal leaves everything as it was.
  const refused = (error: unknown): boolean => controls.state() === ENTERED && faults.isEngineRefusal(error);
  const fail = (error: unknown): never => {
    steps.throw(refused(error) ? new EngineLimitError(name, error) : error);
    throw error;
  };
  while (!step.done) {
    const [module, imports] = step.value;
    let made: WebAssembly.Instance;
    try {
      made = new WebAssembly.Instance(module, imports);
    } catch (error) {
      if (!waits || !refused(error)) return fail(error);
      const later = (instance: WebAssembly.Instance): Promise<void> | undefined =>
        advance(controls, steps, steps.next(instance.exports), name, faults, waits);
      return WebAssembly.instantiate(module, imports).then(later, fail);
    }
    step = steps.next(made.exports);
  }
  return undefined;
}
