/**
 * The engine `jco`: components that need asynchronous functions, streams or futures, behind the seam of all engines.
 *
 * Owns finding jco and evaluating what it generates; `jco-instance.ts` has the instance. jco
 * serves here because its bindings know the asynchronous half of the component model. A component that the host runs by itself
 * gains nothing from it: calls are hundreds of times slower.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { TenonError, UnsupportedError, type UnsupportedFeature, UsageError } from "../errors.ts";
import { exposeMemories } from "../instrument/memories.ts";
import { analyze } from "../plan/analyze.ts";
import * as faults from "../runtime/faults.ts";
import type { Platform } from "../platform.ts";
import { readBody } from "../runtime/body.ts";
import { ThreadComponent } from "../runtime/component.ts";
import type { Content, EngineComponent, Limits, Opened, Recipe } from "../runtime/engine.ts";
import { limitsOf } from "../runtime/limits.ts";
import { isBound } from "../runtime/load-bound.ts";
import { JcoInstance } from "./jco-instance.ts";
import { evaluateJcoText } from "./jco-text.ts";

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

/** How jco would run what another engine refused; see {@link Engine.hint}. */
export function hint(error: UnsupportedError): string | undefined {
  return throughJco.has(error.feature) && locate() !== undefined
    ? 'pass the option `engine: "jco"` to run it through the bindings of jco, which is installed'
    : undefined;
}

/** What jco's bindings have and the host's own lack. */
const throughJco: ReadonlySet<UnsupportedFeature> = new Set(["async", "stream", "future", "error-context"]);

/**
 * See {@link Engine.open}.
 * @throws {UsageError} for limits, which jco does not enforce, and for bindings that are not its own
 */
export async function open({ body, limits }: Content, recipe: Recipe, platform: Platform): Promise<Opened> {
  refuseLimits(recipe.limits);
  if (isBound(body)) {
    throw new UsageError(`The bindings of "${body.name}" are tenon's own: load them without the option engine: "jco"`);
  }
  const bytes = body instanceof Uint8Array ? body : await readBody(body, limits);
  const hash = await platform.sha256(bytes);
  return { hash, key: hash, prepare: (name = hash.slice(0, 12)) => prepare(bytes, hash, { name, recipe, platform }) };
}

/** @throws {UsageError} for any limit: one that is not enforced must not look as if it were */
function refuseLimits(...given: readonly (Limits | undefined)[]): void {
  const name = given.flatMap((limits) => Object.keys(limits ?? {}))[0];
  if (name === undefined) return;
  throw new UsageError(
    `The engine "jco" enforces no limits, and limits.${name} is given: leave it out, of the host's options too, or run the component without the option engine`,
  );
}

/**
 * @throws {UsageError} when jco is not installed
 * @throws {UnsupportedError} when jco refuses the component
 */
async function prepare(
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  { name, recipe, platform }: { readonly name: string; readonly recipe: Recipe; readonly platform: Platform },
): Promise<EngineComponent> {
  const { plan } = analyze(bytes);
  const path = locate();
  if (path === undefined) {
    throw new UsageError(`The option engine: "jco" needs the package ${PACKAGE}: add it with npm install ${PACKAGE}`);
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
  const evaluate = evaluateJcoText(source);
  return new ThreadComponent(name, {
    hash,
    plan,
    platform,
    recipe,
    faults,
    limitsOf: (...given) => {
      refuseLimits(...given);
      return limitsOf();
    },
    make: (start) => JcoInstance.start(plan, evaluate(), modules, start),
  });
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
