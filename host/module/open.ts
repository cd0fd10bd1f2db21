/**
 * From a source to a component: reading, hashing, checking integrity, compiling once for the same bytes.
 */
import { IntegrityError, UnsupportedError, UsageError } from "../errors.ts";
import type { BoundComponent, Platform, ResponseLike, Source } from "../platform.ts";
import { compileBound } from "../runtime/bound.ts";
import { compileBytes } from "../runtime/compile.ts";
import type { Inspection } from "../runtime/inspect.ts";
import { checkOptions } from "./options.ts";
import { compiler, faults, inspector } from "../runtime/parts.ts";
import { readResponse } from "../runtime/response.ts";
import type { Bindings, CompileOptions, Component, World } from "../runtime/types.ts";

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

/** What a source turned out to be. */
type Read =
  | { readonly content: Uint8Array<ArrayBuffer> | ResponseLike; readonly label: string | undefined }
  | { readonly bound: BoundComponent };

/** Opens a source. Bytes are copied, so that later changes by their owner change nothing here. */
async function readSource(platform: Platform, source: Source): Promise<Read> {
  const given = await source;
  if (typeof given === "string" || given instanceof URL) {
    return { content: await platform.open(given), label: labelOf(String(given)) };
  }
  if (given instanceof ArrayBuffer) return { content: new Uint8Array(given.slice(0)), label: undefined };
  if (ArrayBuffer.isView(given)) {
    const { buffer, byteOffset, byteLength } = given;
    const bytes = new Uint8Array(byteLength);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
    return { content: bytes, label: undefined };
  }
  if (isResponse(given)) return { content: given, label: labelOf(given.url) };
  if (isBound(given)) return { bound: given };
  throw new UsageError(
    `Expected a path, URL, bytes, Response or a module written by \`tenon bind\` as source, got ${describe(given)}`,
  );
}

async function wholeBytes(content: Uint8Array<ArrayBuffer> | ResponseLike): Promise<Uint8Array<ArrayBuffer>> {
  return content instanceof Uint8Array ? content : readResponse(content);
}

/** Reads a source, and tells what it is. */
export async function openSource(platform: Platform, source: Source, bindings: Bindings = "tenon"): Promise<Opened> {
  if (bindings !== "tenon" && bindings !== "jco") {
    throw new UsageError(`Expected bindings to be "tenon" or "jco", got ${String(bindings)}`);
  }
  // The compiler is on its way while the component is; what fails here fails again where it is needed.
  if (bindings === "tenon" && !isBound(source)) Promise.all([compiler(), faults()]).catch(() => undefined);
  const read = await readSource(platform, source);
  if ("bound" in read) {
    const { hash, name } = read.bound;
    return {
      hash,
      key: `bound ${hash}`,
      label: name,
      compile: (options) => compileBound(read.bound, platform, options),
    };
  }
  return (bindings === "jco" ? identifyForJco : identifyOwn)(platform, read.content, read.label);
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
  const read = await readSource(platform, source);
  if ("bound" in read)
    throw new UsageError(`Expected a component to inspect, got the bindings of "${read.bound.name}"`);
  const { formatInspection, inspectBytes } = await inspector();
  const bytes = await wholeBytes(read.content);
  const inspection = inspectBytes(bytes, await platform.sha256(bytes));
  return { ...inspection, text: formatInspection(inspection) };
}

async function identifyOwn(
  platform: Platform,
  content: Uint8Array<ArrayBuffer> | ResponseLike,
  label: string | undefined,
): Promise<Opened> {
  const { bytes, early } =
    content instanceof Uint8Array ? { bytes: content } : await (await compiler()).receive(content);
  const hash = await platform.sha256(bytes);
  const compile = async (options: CompileOptions): Promise<Component> => {
    try {
      return await compileBytes(bytes, hash, options, early);
    } catch (error) {
      throw error instanceof UnsupportedError ? await withHint(platform, error) : error;
    }
  };
  return { hash, key: hash, label, compile };
}

/** Says how another tool would run the component, where there is one. */
async function withHint(platform: Platform, error: UnsupportedError): Promise<UnsupportedError> {
  const hint = await platform.jco?.hint(error);
  return hint === undefined ? error : new UnsupportedError(error.feature, `${error.message}; ${hint}`);
}

async function identifyForJco(
  platform: Platform,
  content: Uint8Array<ArrayBuffer> | ResponseLike,
  label: string | undefined,
): Promise<Opened> {
  const { jco } = platform;
  if (jco === undefined) throw new UsageError(`The option bindings: "jco" works in Node only`);
  const bytes = await wholeBytes(content);
  const hash = await platform.sha256(bytes);
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

function labelOf(path: string): string | undefined {
  const file = path.split(/[?#]/, 1)[0]!.split(/[/\\]/).pop() ?? "";
  return file.replace(/\.wasm$/, "") || undefined;
}

/** @throws {IntegrityError} when a demanded hash is not that of the bytes */
export function checkIntegrity(integrity: string | undefined, hash: string, what: string): void {
  if (integrity === undefined) return;
  const expected = normalizeIntegrity(integrity);
  if (expected === hash) return;
  throw new IntegrityError(`Expected ${what} to have SHA-256 ${expected}, got ${hash}`, expected, hash);
}

function normalizeIntegrity(integrity: string): string {
  if (/^[0-9a-f]{64}$/i.test(integrity)) return integrity.toLowerCase();
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(integrity)?.[1];
  if (base64 === undefined) {
    throw new UsageError(`Expected integrity as 64 hex digits or sha256-<base64>, got ${integrity}`);
  }
  return Array.from(atob(base64), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
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
  /** Default `"tenon"`. `"jco"` needs Node and the package `@bytecodealliance/jco-transpile`. */
  readonly bindings?: Bindings | undefined;
}

/** Compiles a component on its own, without a host. */
export async function compileSource<W extends World>(
  platform: Platform,
  source: Source,
  options: CompileSourceOptions,
): Promise<Component<W>> {
  checkOptions("compile", options, ["name", "integrity", "bindings"]);
  const { hash, label, compile } = await openSource(platform, source, options.bindings);
  const name = options.name ?? label;
  checkIntegrity(options.integrity, hash, name ?? "the component");
  return (await compile({ name })) as unknown as Component<W>;
}
