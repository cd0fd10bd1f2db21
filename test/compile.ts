/** Components compiled straight from bytes, with the hash that a test gives them. */
import { nodePlatform } from "../host/node/platform.ts";
import { compileBytes as compileOn } from "../host/runtime/compile.ts";
import type { Limits } from "../host/runtime/engine.ts";
import { recipeOf } from "../host/runtime/recipe.ts";
import type { Component } from "../host/runtime/types.ts";

export function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  { limits, ...options }: { readonly name?: string | undefined; readonly limits?: Limits | undefined } = {},
): Promise<Component> {
  return compileOn(bytes, { ...options, hash, recipe: recipeOf({ limits }), platform: nodePlatform });
}

/** The linear memories of an instance, which users are never handed. */
export function memoriesOf(instance: object): readonly WebAssembly.Memory[] {
  return (instance as { memories(): readonly WebAssembly.Memory[] }).memories();
}
