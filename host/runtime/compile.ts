/** From the bytes of a component to a component. */
import { CompiledComponent } from "./component.ts";
import { compiler, faults } from "./lazy.ts";
import type { PrepareOptions } from "./compiler.ts";
import type { CompileOptions, Component } from "./types.ts";

/**
 * Compiles a component.
 *
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export async function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  options: CompileOptions = {},
  prepare?: PrepareOptions,
): Promise<Component> {
  const [{ prepareBytes }, words] = await Promise.all([compiler(), faults()]);
  const { plan, instantiate, modules } = await prepareBytes(bytes, prepare);
  return new CompiledComponent(options.name ?? hash.slice(0, 12), hash, plan, instantiate, modules, words);
}
