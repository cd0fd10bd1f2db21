/**
 * What jco's transpiler wrote, evaluated: the oracle of differential tests. Runs in Node and in a page.
 */

/** A component under jco's glue, ready to be instantiated any number of times: the oracle of differential tests. */
export interface JcoComponent {
  /** The generated JavaScript. */
  readonly source: string;
  /** Imports by interface id; an id may carry its version or not. */
  instantiate(imports?: Readonly<Record<string, unknown>>): Record<string, any>;
}

/** What jco's text defines. */
type JcoInstantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore?: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Instance,
) => Record<string, unknown>;

/** Evaluates what jco wrote. @param files the glue and its core modules, by name */
export async function evaluateJco(files: Readonly<Record<string, Uint8Array>>): Promise<JcoComponent> {
  const source = new TextDecoder().decode(files["component.js"]);
  const instantiate = evaluateText(source);
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, bytes] of Object.entries(files)) {
    if (name.endsWith(".wasm")) modules.set(name, await WebAssembly.compile(new Uint8Array(bytes)));
  }
  return {
    source,
    instantiate: (imports = {}) =>
      instantiate((name) => {
        const module = modules.get(name);
        if (module === undefined) throw new Error(`jco asked for a core module ${name} that it did not write`);
        return module;
      }, withBareNames(imports)),
  };
}

/**
 * jco's output is a module; here it is the body of a function. It keeps the state of asynchronous calls beside its instances, so
 * instances that must not disturb each other take an evaluation each.
 */
function evaluateText(source: string): JcoInstantiate {
  if (/^import\b/m.test(source)) throw new Error("jco's glue imports further modules, which are not loaded here");
  const body = `${source.replaceAll(/^ *export /gm, "")}\nreturn instantiate;`;
  const scope = new Function("WebAssembly", body) as (engine: object) => JcoInstantiate;
  return scope("promising" in WebAssembly ? WebAssembly : withPromises());
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
    throw new Error("jco's glue waits for asynchronous imports, which takes JavaScript Promise Integration");
  };
  return Object.assign(Object.create(WebAssembly) as object, { promising, Suspending });
}

/** jco names an imported interface without its version, and a function of the world by its WIT name with `default`. */
function withBareNames(imports: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(imports)) {
    named[name] = typeof value === "function" ? { default: value } : value;
    const bare = name.replace(/@.*$/, "");
    named[bare] ??= named[name];
  }
  return named;
}
