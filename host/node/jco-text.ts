/**
 * The text that jco generates, made a function. Uses nothing of Node: the tests evaluate the same text in a page.
 */
import { UnsupportedError } from "../errors.ts";

/** What jco's text defines. */
export type JcoInstantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore?: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Instance,
) => Record<string, unknown>;

/**
 * jco's output is a module; as the body of a function the engine can collect it again. It keeps state of its own beside its
 * instances, so every instance gets an evaluation to itself.
 */
export function evaluateJcoText(source: string): () => JcoInstantiate {
  if (/^import\b/m.test(source)) {
    throw new UnsupportedError(
      "jco",
      "jco's bindings for this component import further modules, which this host does not load",
    );
  }
  const body = `${source.replaceAll(/^ *export /gm, "")}\nreturn instantiate;`;
  const scope = new Function("WebAssembly", body) as (engine: object) => JcoInstantiate;
  const engine = "promising" in WebAssembly ? WebAssembly : withPromises();
  return () => scope(engine);
}

/**
 * WebAssembly with a `promising` that does not suspend. An export that is lifted with a callback leaves the stack whenever it
 * waits, so all it needs is a promise of what it returns; a trap rejects that promise as it would with the engine's own.
 * Asynchronous imports do suspend: jco asks for them while it instantiates, before anything runs.
 */
function withPromises(): object {
  const promising =
    (call: Function) =>
    async (...args: unknown[]) =>
      call(...args) as unknown;
  const Suspending = function (): never {
    throw new UnsupportedError(
      "jspi",
      "This component waits for asynchronous imports, which takes JavaScript Promise Integration: Node 24 or later",
    );
  };
  return Object.assign(Object.create(WebAssembly) as object, { promising, Suspending });
}
