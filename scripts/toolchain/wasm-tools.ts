/**
 * The WIT and component tools that come with jco (wasm-tools compiled to WebAssembly), as plain functions.
 *
 * Owns starting them, and starting them again after a panic, which leaves an instance that refuses every later call.
 * Knows nothing of modules, caches or AssemblyScript. jco itself is here too, as the oracle of tests.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { TenonError } from "../../host/errors.ts";
import { witName } from "../../host/model/wit.ts";
import { sections } from "./core-sections.ts";
import { MissingPackagesError, witPackage } from "./build/packages.ts";
import { evaluateJco, type JcoComponent } from "./jco-glue.ts";

export type StringEncoding = "utf8" | "utf16" | "compact-utf16";

/** Field (`language`, `processed-by`, `sdk`) → name → version. */
export type Producers = readonly (readonly [string, readonly (readonly [string, string])[]])[];

/** A WIT package: one text, or the absolute path of a file or folder. */
type WitInput = { readonly witSource: string } | { readonly witPath: string };

export type EmbedOptions = WitInput & {
  /** The world's name; may be left out when the package has only one. */
  readonly world?: string | undefined;
  /** Default `utf16`, which is what AssemblyScript's strings are. */
  readonly stringEncoding?: StringEncoding | undefined;
  /** Names of the feature gates that are open, or all of them. Default none. */
  readonly features?: readonly string[] | "all" | undefined;
};

/** What the tools said: a refusal in their own words, or that they panicked. */
export class ToolError extends TenonError {
  /** The tool crashed instead of answering. */
  readonly panicked: boolean;
  constructor(message: string, options?: { cause?: unknown; panicked?: boolean }) {
    super("tool", message, options);
    this.panicked = options?.panicked ?? false;
  }
}

/** An empty core module: something to embed a world into. */
export const emptyModule: Uint8Array<ArrayBuffer> = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

interface ToolsModule {
  readonly $init: Promise<void>;
  readonly tools: {
    parse(text: string): Uint8Array;
    print(bytes: Uint8Array): string;
    componentNew(bytes: Uint8Array, adapters: [string, Uint8Array][]): Uint8Array;
    componentWit(bytes: Uint8Array): string;
    componentEmbed(options: object): Uint8Array;
    metadataShow(bytes: Uint8Array): ModuleMetadata[];
    metadataAdd(bytes: Uint8Array, producers: Producers): Uint8Array;
  };
}
interface ModuleMetadata {
  readonly name?: string;
  readonly metaType: { readonly tag: "module" } | { readonly tag: "component"; readonly val: number };
  readonly range: readonly [number, number];
  readonly producers: Producers;
}
interface JcoModule {
  transpileBytes(component: Uint8Array, options: object): Promise<JcoOutput>;
}

/** What jco made of a component: JavaScript, core modules and declarations. */
interface JcoOutput {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly imports: readonly string[];
  readonly exports: readonly (readonly [string, "function" | "instance"])[];
}

const require = createRequire(import.meta.url);

function resolveTools(): string {
  try {
    return require.resolve(`${witPackage}/wasm-tools`);
  } catch (cause) {
    // Not a ToolError, which is about the input of a tool.
    throw new MissingPackagesError([witPackage], { cause });
  }
}

let generation = 0;
let loading: Promise<ToolsModule["tools"]> | undefined;

async function load(): Promise<ToolsModule["tools"]> {
  const entry = resolveTools();
  // The entry is a thin wrapper around one instance in a module of its own; a query makes a further instance.
  const vendored = new URL("../vendor/wasm-tools.js", pathToFileURL(entry));
  if (generation > 0) vendored.searchParams.set("generation", `${generation}`);
  // The preview2-shim that *this* copy of the tools uses decides what they see of the file system.
  const filesystem = createRequire(entry).resolve("@bytecodealliance/preview2-shim/filesystem");
  const [shim, module] = (await Promise.all([import(pathToFileURL(filesystem).href), import(vendored.href)])) as [
    { _setPreopens(preopens: Record<string, string>): void },
    ToolsModule,
  ];
  shim._setPreopens({ "/": "/" });
  await module.$init;
  return module.tools;
}

async function run<T>(call: (tools: ToolsModule["tools"]) => T): Promise<T> {
  const tools = await (loading ??= load());
  try {
    return call(tools);
  } catch (error) {
    const payload = (error as { payload?: unknown }).payload;
    if (typeof payload === "string") throw new ToolError(payload);
    loading = undefined;
    generation += 1;
    throw new ToolError(`wasm-tools panicked: ${error instanceof Error ? error.message : String(error)}`, {
      panicked: true,
    });
  }
}

/** The own copy: the tools give views into memory of theirs that is larger than the result. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Text format → binary, for core modules and components. @throws {ToolError} with the position in the text */
export async function parseWat(text: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return own(await run((tools) => tools.parse(text)));
  } catch (error) {
    throw error instanceof ToolError && !error.panicked ? new ToolError(readableWatError(error.message)) : error;
  }
}

/** The tool prints its error's internals; what a reader needs is the place and the reason. */
function readableWatError(message: string): string {
  const reason = /kind: Custom\("((?:[^"\\]|\\.)*)"\)/.exec(message)?.[1];
  const place = /Text \{ line: (\d+), col: (\d+)/.exec(message);
  if (reason === undefined) return message;
  const where = place === null ? "" : `${Number(place[1]) + 1}:${Number(place[2]) + 1}: `;
  return where + reason.replaceAll('\\"', '"');
}

/** Binary → text format. */
export async function print(bytes: Uint8Array): Promise<string> {
  return run((tools) => tools.print(bytes));
}

/** The WIT of a component, as text. */
export async function componentWit(bytes: Uint8Array): Promise<string> {
  return run((tools) => tools.componentWit(bytes));
}

/** Adds a world's description to a core module. @throws {ToolError} with the tool's own words, which have no position */
export async function componentEmbed(
  binary: Uint8Array,
  options: EmbedOptions & { readonly dummy?: boolean },
): Promise<Uint8Array<ArrayBuffer>> {
  const { world, features, dummy } = options;
  const wit = "witSource" in options ? { witSource: options.witSource } : { witPath: options.witPath };
  const gates = features === "all" ? { tag: "all" } : { tag: "list", val: features ?? [] };
  return own(
    await run((tools) =>
      tools.componentEmbed({
        ...wit,
        binary,
        stringEncoding: options.stringEncoding ?? "utf16",
        features: gates,
        ...(world === undefined ? {} : { world: witName(world) }),
        ...(dummy === undefined ? {} : { dummy }),
      }),
    ),
  );
}

/** The payload of the `component-type` section of a world: a component binary that describes it. */
export async function embedWorld(options: EmbedOptions): Promise<Uint8Array<ArrayBuffer>> {
  const module = await componentEmbed(emptyModule, options);
  const section = sections(module).find(({ name }) => name.startsWith("component-type"));
  if (section === undefined) throw new ToolError("wasm-tools embedded no component-type section");
  return module.slice(section.start, section.end);
}

/** A core module with an embedded world → component. @throws {ToolError} when it does not fit its world */
export async function componentNew(
  bytes: Uint8Array,
  adapters: readonly (readonly [string, Uint8Array])[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  return own(
    await run((tools) =>
      tools.componentNew(
        bytes,
        adapters.map(([name, adapter]) => [name, adapter]),
      ),
    ),
  );
}

/** Adds to the `producers` section of a module or component. */
export async function metadataAdd(bytes: Uint8Array, producers: Producers): Promise<Uint8Array<ArrayBuffer>> {
  return own(await run((tools) => tools.metadataAdd(bytes, producers)));
}

/** The modules and components in a binary, with their producers. */
export async function metadataShow(bytes: Uint8Array): Promise<readonly ModuleMetadata[]> {
  return run((tools) => tools.metadataShow(bytes));
}

/**
 * jco's own bindings for a component, made for instantiation by hand.
 *
 * An `err` result is thrown as jco's `ComponentError` with a `payload`, as its command line does.
 */
export async function transpile(component: Uint8Array, options: object = {}): Promise<JcoOutput> {
  const jco = (await import(pathToFileURL(require.resolve(witPackage)).href)) as JcoModule;
  return jco.transpileBytes(component, {
    name: "component",
    instantiation: "sync",
    noComponentErrorWrapping: false,
    emitTypescriptDeclarations: false,
    ...options,
  });
}

/** Transpiles a component and evaluates the result. */
export async function jcoComponent(component: Uint8Array, options: object = {}): Promise<JcoComponent> {
  return evaluateJco((await transpile(component, options)).files);
}
