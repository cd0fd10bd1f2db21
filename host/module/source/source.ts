/**
 * From a source to what an engine can prepare: what kind of source it is, read by the engine that the recipe needs, with the
 * key by which what comes of it is cached.
 */
import type { ResponseLike, ServedComponent, Source, SourceLimits } from "../../platform.ts";
import type { Key, Signature } from "../../rights/keys.ts";
import type { Content, EngineComponent, EnginePlatform, Opened, Recipe } from "../../runtime/engine.ts";
import { isBound } from "../../runtime/load-bound.ts";
import { recipeKey, recipeOf } from "../../runtime/recipe.ts";
import { upkeep } from "../lazy.ts";
import { abortable } from "./abortable.ts";

/** How a source is opened. */
export interface Opening extends Demands {
  /** Default the one without limits of its own. */
  readonly recipe?: Recipe | undefined;
  readonly maxSourceBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is demanded of the bytes themselves. */
export interface Demands {
  readonly integrity?: string | undefined;
  readonly signedBy?: readonly Key[] | undefined;
  readonly signature?: Signature | undefined;
}

export const MAX_SOURCE_BYTES: number = 2 ** 29;

/** A source that has been read, with its name. */
export interface OpenedSource extends Opened {
  /** What tells it and its recipe from all others. */
  readonly key: string;
  /** The source's own name, or that of its file without the extension. */
  readonly label: string | undefined;
}

/** A source as it was found. */
export interface Found {
  readonly body: Content["body"];
  /** The path or URL, for messages and the default name; empty when there is none. */
  readonly from: string;
  /** The name that the source gives itself. */
  readonly name?: string | undefined;
  /** The path or URL that it was read from, when the source is one. */
  readonly place?: string | URL | undefined;
}

/** Opens a source. Bytes are copied before this returns, so that later changes by their owner change nothing here. */
export async function readSource(platform: EnginePlatform, source: Source, limits: SourceLimits): Promise<Found> {
  if (source instanceof ArrayBuffer) return { body: new Uint8Array(source.slice(0)), from: "" };
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    const bytes = new Uint8Array(byteLength);
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength));
    return { body: bytes, from: "" };
  }
  const given = await source;
  if (isPlace(given)) {
    const { url = given as string | URL, name } = given as Partial<ServedComponent>;
    return { body: await platform.open(url, limits), from: String(url), name, place: url };
  }
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return readSource(platform, given, limits);
  if (isResponse(given)) return { body: given, from: given.url };
  if (isBound(given)) return { body: given, from: "" };
  throw (await upkeep()).noSource(given);
}

/**
 * Reads a source, and tells what it is.
 * @param others give up as the `signal` of the options does
 * @throws {AbortError} when the signal fires first
 */
export function openSource(
  platform: EnginePlatform,
  source: Source,
  opening: Opening,
  ...others: readonly (AbortSignal | undefined)[]
): Promise<OpenedSource> {
  const { recipe = recipeOf(), maxSourceBytes = MAX_SOURCE_BYTES, signal } = opening;
  const open = async (given?: AbortSignal): Promise<OpenedSource> => {
    const { isolation = "thread", instances = 1, jspi } = recipe;
    const engine = platform.engines[jspi || isolation !== "thread" || instances !== 1 ? "others" : "thread"];
    const reading = { maxBytes: maxSourceBytes, signal: given };
    // Its code is on its way while the component is.
    if (!isBound(source)) engine.prefetch?.();
    const found = await readSource(platform, source, reading);
    const { from, name: own } = found;
    const body =
      (opening.integrity ?? opening.signedBy) === undefined
        ? found.body
        : await (await upkeep()).demandedBytes(platform, found, opening, reading);
    const opened = await engine.open({ body, from, limits: reading }, recipe, platform);
    const prepare = (as?: string): Promise<EngineComponent> =>
      opened.prepare(as).catch(async (error: unknown) => {
        throw (await upkeep()).explainRefusal(error, from, body);
      });
    const { hash, key, label = labelOf(from) } = opened;
    return { hash, key: key + recipeKey(recipe), label: own ?? label, prepare };
  };
  // Bytes are here: nothing waits that a signal of its own could end.
  return abortable([signal, ...others], isBytes(source) ? () => open() : (given) => open(given));
}

/** Whether nothing has to be waited for to have a source's bytes. */
export function isBytes(source: unknown): source is ArrayBuffer | ArrayBufferView {
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source);
}

/** Whether a source names a place, which can be read again. */
export function isPlace(source: unknown): source is string | URL | ServedComponent {
  return typeof source === "string" || source instanceof URL || ("url" in Object(source) && !isResponse(source));
}

function isResponse(value: unknown): value is ResponseLike {
  return typeof (value as ResponseLike | undefined | null)?.arrayBuffer === "function";
}

/** The name in a path or URL; a URL that holds the data itself has none. */
function labelOf(path: string): string | undefined {
  if (/^(?:data|blob):/i.test(path)) return undefined;
  const file = path.split(/[?#]/, 1)[0]!.split(/[/\\]/).pop() ?? "";
  return file.replace(/\.wasm$/, "") || undefined;
}
