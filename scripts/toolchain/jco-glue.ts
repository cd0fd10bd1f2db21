/**
 * What jco's transpiler wrote, evaluated: the oracle of differential tests. Runs in Node and in a page.
 */

import { evaluateJcoText } from "../../host/node/jco-text.ts";

/** A component under jco's glue, ready to be instantiated any number of times: the oracle of differential tests. */
export interface JcoComponent {
  /** The generated JavaScript. */
  readonly source: string;
  /** Imports by interface id; an id may carry its version or not. */
  instantiate(imports?: Readonly<Record<string, unknown>>): Record<string, any>;
}

/** Evaluates what jco wrote. @param files the glue and its core modules, by name */
export async function evaluateJco(files: Readonly<Record<string, Uint8Array>>): Promise<JcoComponent> {
  const source = new TextDecoder().decode(files["component.js"]);
  const instantiate = evaluateJcoText(source)();
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
