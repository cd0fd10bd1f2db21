/** Components compiled straight from bytes, with the hash that a test gives them. */
import { nodePlatform } from "../host/node/platform.ts";
import { compileBytes as compileOn } from "../host/runtime/compile.ts";
import type { Limits } from "../host/runtime/engine.ts";
import { recipeOf } from "../host/runtime/recipe.ts";
import type { Component } from "../host/runtime/types.ts";

export interface CompileOptions {
  readonly name?: string | undefined;
  readonly limits?: Limits | undefined;
  /** Synchronous functions of asynchronous components are awaited. */
  readonly awaited?: boolean | undefined;
}

export function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  { limits, awaited, ...options }: CompileOptions = {},
): Promise<Component> {
  const platform = { ...nodePlatform, awaited };
  return compileOn(bytes, { ...options, hash, recipe: recipeOf({ limits }), platform });
}

/** The linear memories of an instance, which users are never handed. */
export function memoriesOf(instance: object): readonly WebAssembly.Memory[] {
  return (instance as { memories(): readonly WebAssembly.Memory[] }).memories();
}
