/** Components without a host: compiled for use on their own, and looked into. */
import type { Source } from "../platform.ts";
import type { EnginePlatform } from "../runtime/engine.ts";
import { recipeOf } from "../runtime/recipe.ts";
import type { Component, World } from "../runtime/types.ts";
import { checkOptions } from "../runtime/options.ts";
import { COMPILE } from "./options.ts";
import { upkeep } from "./lazy.ts";
import { abortable } from "./source/abortable.ts";
import type { InspectedSource } from "./source/inspect.ts";
import type { CompileSourceOptions } from "./types.ts";
import { MAX_SOURCE_BYTES, openSource, readSource } from "./source/source.ts";

/**
 * Looks into a component without compiling or running anything of it.
 *
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UsageError} for a module written by `tenon bind`, whose component is not there
 */
export async function inspectSource(platform: EnginePlatform, source: Source): Promise<InspectedSource> {
  const limits = { maxBytes: MAX_SOURCE_BYTES };
  const { body } = await readSource(platform, source, limits);
  return (await upkeep()).inspectContent({ body, limits }, platform);
}

/** Compiles a component on its own, without a host. */
export async function compileSource<W extends World>(
  platform: EnginePlatform,
  source: Source,
  options: CompileSourceOptions,
): Promise<Component<W>> {
  checkOptions("compile", options, COMPILE);
  const { signal, integrity } = options;
  const { hash, label, prepare } = await openSource(platform, source, { ...options, recipe: recipeOf(options) });
  const name = options.name ?? label;
  if (integrity !== undefined) (await upkeep()).checkIntegrity(integrity, hash, name ?? "the component");
  return (await abortable([signal], () => prepare(name))) as unknown as Component<W>;
}
