/**
 * From a source to a component: reading, hashing, compiling once for the same bytes.
 */
import { UsageError } from "../../errors.ts";
import type { BoundComponent, Platform, ResponseLike, Source, SourceLimits } from "../../platform.ts";
import { compileBound } from "../../runtime/load-bound.ts";
import { compileBytes } from "../../runtime/compile.ts";
import type { Inspection } from "../../runtime/inspect.ts";
import { abortable } from "./abortable.ts";
import { checkOptions, COMPILE } from "../options.ts";
import { upkeep } from "../lazy.ts";
import { compiler, faults, inspector } from "../../runtime/lazy.ts";
import type { Bindings, CompileOptions, Component, World } from "../../runtime/types.ts";

/** A source that has been read, with its identity. */
export interface Opened {
  /** SHA-256 of the component, also of one that was bound ahead of time. */
  readonly hash: string;
  /** What tells it from other forms of the same component. */
  readonly key: string;
  /** The file name without its extension, when there was one. */
  readonly label: string | undefined;
  readonly compile: (options: CompileOptions) => Promise<Component>;
}

/** How a source is opened. */
export interface Opening {
  readonly bindings?: Bindings | undefined;
  readonly integrity?: string | undefined;
  readonly maxSourceBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MAX_SOURCE_BYTES = 2 ** 29;

interface Content {
  readonly content: Uint8Array<ArrayBuffer> | ResponseLike;
  /** The path or URL, for messages and the default name. */
  readonly from: string;
}

/** What a source turned out to be. */
type Read = Content | { readonly bound: BoundComponent };

/** Opens a source. Bytes are copied before this returns, so that later changes by their owner change nothing here. */
async function readSource(platform: Platform, source: Source, limits: SourceLimits): Promise<Read> {
  if (source instanceof ArrayBuffer) return { content: new Uint8Array(source.slice(0)), from: "" };
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    const bytes = new Uint8Array(byteLength);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
    return { content: bytes, from: "" };
  }
  const given = await source;
  if (typeof given === "string" || given instanceof URL) {
    return { content: await platform.open(given, limits), from: String(given) };
  }
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return readSource(platform, given, limits);
  if (isResponse(given)) return { content: given, from: given.url };
  if (isBound(given)) return { bound: given };
  throw new UsageError(
    `Expected a path, URL, bytes, Response or a module written by \`tenon bind\` as source, got ${describe(given)}`,
  );
}

async function wholeBytes(
  content: Uint8Array<ArrayBuffer> | ResponseLike,
  limits: SourceLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  return content instanceof Uint8Array ? content : (await compiler()).readBody(content, limits);
}

/** Numbers for bound modules: their text is code, so it is the object itself that tells one from another. */
const boundKeys = new WeakMap<BoundComponent, string>();
let boundCount = 0;

/**
 * Reads a source, and tells what it is.
 * @param others give up as the `signal` of the options does
 * @throws {AbortError} when the signal fires first
 */
export function openSource(
  platform: Platform,
  source: Source,
  { bindings, integrity, maxSourceBytes = MAX_SOURCE_BYTES, signal }: Opening,
  ...others: readonly AbortSignal[]
): Promise<Opened> {
  return abortable([signal, ...others], async (given) => {
    const limits = { maxBytes: maxSourceBytes, signal: given };
    // The compiler is on its way while the component is; what fails here fails again where it is needed.
    if (bindings !== "jco" && !isBound(source)) Promise.all([compiler(), faults()]).catch(() => undefined);
    const read = await readSource(platform, source, limits);
    if ("bound" in read) {
      const { bound } = read;
      if (integrity !== undefined) {
        throw new UsageError(
          `The option integrity checks bytes, and "${bound.name}" was written by \`tenon bind\`: it is code of the program`,
        );
      }
      let key = boundKeys.get(bound);
      if (key === undefined) boundKeys.set(bound, (key = `bound ${++boundCount}`));
      return {
        hash: bound.hash,
        key,
        label: bound.name,
        compile: (options) => compileBound(bound, platform, options),
      };
    }
    return (bindings === "jco" ? identifyForJco : identifyOwn)(platform, read, limits);
  });
}

/** What {@link inspectSource} tells: the data, and the same as text for people. */
export interface InspectedSource extends Inspection {
  readonly text: string;
}

/**
 * Looks into a component without compiling or running anything of it.
 *
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UsageError} for a module written by `tenon bind`, whose component is not there
 */
export async function inspectSource(platform: Platform, source: Source): Promise<InspectedSource> {
  const limits = { maxBytes: MAX_SOURCE_BYTES };
  const read = await readSource(platform, source, limits);
  if ("bound" in read)
    throw new UsageError(`Expected a component to inspect, got the bindings of "${read.bound.name}"`);
  const { formatInspection, inspectBytes } = await inspector();
  const bytes = await wholeBytes(read.content, limits);
  const inspection = inspectBytes(bytes, await platform.sha256(bytes));
  return { ...inspection, text: formatInspection(inspection) };
}

async function identifyOwn(platform: Platform, { content, from }: Content, limits: SourceLimits): Promise<Opened> {
  const { bytes, early } =
    content instanceof Uint8Array ? { bytes: content } : await (await compiler()).receive(content, limits);
  const hash = await platform.sha256(bytes);
  const compile = async (options: CompileOptions): Promise<Component> => {
    try {
      return await compileBytes(bytes, hash, options, { early, sha256: platform.sha256 });
    } catch (error) {
      throw await (await upkeep()).explainRefusal(error, platform, from, content);
    }
  };
  return { hash, key: hash, label: labelOf(from), compile };
}

async function identifyForJco(platform: Platform, { content, from }: Content, limits: SourceLimits): Promise<Opened> {
  const { jco } = platform;
  if (jco === undefined) throw new UsageError(`The option bindings: "jco" works in Node only`);
  const bytes = await wholeBytes(content, limits);
  const hash = await platform.sha256(bytes);
  const label = labelOf(from);
  const compile = async ({ name }: CompileOptions): Promise<Component> =>
    (await jco.compile(bytes, hash, name ?? label)) as Component;
  return { hash, key: `jco ${hash}`, label, compile };
}

function isBound(value: unknown): value is BoundComponent {
  return typeof value === "object" && value !== null && typeof (value as BoundComponent).instantiate === "function";
}

function isResponse(value: unknown): value is ResponseLike {
  return typeof value === "object" && value !== null && typeof (value as ResponseLike).arrayBuffer === "function";
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** The name in a path or URL; a URL that holds the data itself has none. */
function labelOf(path: string): string | undefined {
  if (/^(?:data|blob):/i.test(path)) return undefined;
  const file = path.split(/[?#]/, 1)[0]!.split(/[/\\]/).pop() ?? "";
  return file.replace(/\.wasm$/, "") || undefined;
}

/** Components by hash: compiled once while anybody uses them, and let go with their last user. */
export class ComponentCache {
  readonly #compiled = new Map<string, WeakRef<Component>>();
  readonly #compiling = new Map<string, Promise<Component>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#compiled.get(key)?.deref() === undefined) this.#compiled.delete(key);
  });

  compile(opened: Opened): Promise<Component> {
    const { key } = opened;
    const known = this.#compiled.get(key)?.deref();
    if (known !== undefined) return Promise.resolve(known);
    let compiling = this.#compiling.get(key);
    if (compiling === undefined) {
      compiling = this.#compile(opened).finally(() => this.#compiling.delete(key));
      this.#compiling.set(key, compiling);
    }
    return compiling;
  }

  async #compile({ key, compile }: Opened): Promise<Component> {
    const component = await compile({});
    this.#compiled.set(key, new WeakRef(component));
    this.#collected.register(component, key);
    return component;
  }
}

export interface CompileSourceOptions extends CompileOptions {
  /** The bytes' SHA-256, as 64 hex digits or `sha256-<base64>`. @throws {IntegrityError} when it differs */
  readonly integrity?: string | undefined;
  /** The most bytes a file or a server's answer may have. Default 536,870,912 (512 MiB). */
  readonly maxSourceBytes?: number | undefined;
  /** Gives up reading and compiling. @throws {AbortError} */
  readonly signal?: AbortSignal | undefined;
  /** Default `"tenon"`. `"jco"` needs Node and the package `@bytecodealliance/jco-transpile`. */
  readonly bindings?: Bindings | undefined;
}

/** Compiles a component on its own, without a host. */
export async function compileSource<W extends World>(
  platform: Platform,
  source: Source,
  options: CompileSourceOptions,
): Promise<Component<W>> {
  checkOptions("compile", options, COMPILE);
  const { signal, integrity } = options;
  const { hash, label, compile } = await openSource(platform, source, options);
  const name = options.name ?? label;
  if (integrity !== undefined) (await upkeep()).checkIntegrity(integrity, hash, name ?? "the component");
  return (await abortable([signal], () => compile({ name }))) as unknown as Component<W>;
}
