/**
 * `bindings: "jco"`: components that need asynchronous functions, streams or futures, behind the host's own interface.
 *
 * Owns finding jco, evaluating what it generates, and the {@link Component} face; `jco-instance.ts` has the instance. jco
 * serves here because its bindings know the asynchronous half of the component model. A component that the host runs by itself
 * gains nothing from it: calls are hundreds of times slower.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { decodeComponent } from "../binary/decode.ts";
import { validateComponent } from "../binary/validate/index.ts";
import { TenonError, UnsupportedError, type UnsupportedFeature, UsageError } from "../errors.ts";
import { exposeMemories } from "../instrument/memories.ts";
import type { Plan } from "../plan/plan.ts";
import { planComponent } from "../plan/planner.ts";
import { PlannedComponent } from "../runtime/component.ts";
import * as faults from "../runtime/faults.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import type { Component, Instance, InstantiateOptions } from "../runtime/types.ts";
import { JcoInstance } from "./jco-instance.ts";
import { evaluateJcoText, type JcoInstantiate } from "./jco-text.ts";

const PACKAGE = "@bytecodealliance/jco-transpile";

interface Transpiler {
  transpileBytes(
    component: Uint8Array,
    options: object,
  ): Promise<{ readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>> }>;
}

/** Where jco is, seen from the application and else from tenon itself; `undefined` when it is not installed. */
function locate(): string | undefined {
  for (const from of [pathToFileURL(`${process.cwd()}/`), import.meta.url]) {
    try {
      return createRequire(from).resolve(PACKAGE);
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
}

/** What to add to the message of an {@link UnsupportedError}: how jco's bindings would run the component. */
export function jcoHint(error: UnsupportedError): string | undefined {
  return throughJco.has(error.feature) && locate() !== undefined
    ? 'pass the option `bindings: "jco"` to run it through the bindings of jco, which is installed'
    : undefined;
}

/** What jco's bindings have and the host's own lack. */
const throughJco: ReadonlySet<UnsupportedFeature> = new Set(["async", "stream", "future", "error-context"]);

/**
 * Compiles a component to jco's bindings.
 *
 * @throws {UsageError} when jco is not installed
 * @throws {UnsupportedError} when jco refuses the component
 */
export async function compileWithJco(bytes: Uint8Array<ArrayBuffer>, hash: string, name?: string): Promise<Component> {
  const definition = decodeComponent(bytes);
  validateComponent(definition);
  const plan = planComponent(definition, { asynchronous: true });
  const path = locate();
  if (path === undefined) {
    throw new UsageError(`The option bindings: "jco" needs the package ${PACKAGE}: add it with npm install ${PACKAGE}`);
  }
  const { transpileBytes } = (await import(pathToFileURL(path).href)) as Transpiler;
  const { files } = await transpileBytes(bytes, {
    name: "component",
    instantiation: "sync",
    noComponentErrorWrapping: false,
    emitTypescriptDeclarations: false,
  }).catch((cause: unknown) => {
    throw new UnsupportedError("jco", `jco makes no bindings for this component: ${messageOf(cause)}`);
  });
  const modules = new Map<string, WebAssembly.Module>();
  for (const [file, content] of Object.entries(files)) {
    if (file.endsWith(".wasm")) modules.set(file, await compileCore(exposeMemories(content)));
  }
  const source = new TextDecoder().decode(files["component.js"]);
  return new JcoComponent(name ?? hash.slice(0, 12), hash, plan, evaluateJcoText(source), modules);
}

async function compileCore(content: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(content);
  } catch (error) {
    throw new UnsupportedError(
      "core-wasm",
      `This engine lacks a WebAssembly feature the component needs: ${messageOf(error)}`,
    );
  }
}

function messageOf(error: unknown): string {
  if (error instanceof TenonError) return error.message;
  const payload = (error as { payload?: unknown } | undefined)?.payload;
  return typeof payload === "string" ? payload : error instanceof Error ? error.message : String(error);
}

class JcoComponent extends PlannedComponent<Plan> {
  private readonly evaluateText: () => JcoInstantiate;
  private readonly modules: ReadonlyMap<string, WebAssembly.Module>;

  constructor(
    name: string,
    hash: string,
    plan: Plan,
    evaluateText: () => JcoInstantiate,
    modules: ReadonlyMap<string, WebAssembly.Module>,
  ) {
    super(name, hash, plan);
    this.evaluateText = evaluateText;
    this.modules = modules;
  }

  protected override readonly faults = faults;

  protected override start(name: string, linked: LinkedImports, options: InstantiateOptions): Instance {
    return JcoInstance.start(name, this.plan, this.evaluateText(), this.modules, linked, options.onTrap);
  }
}
