/** From the bytes of a component to a component. */
import type { Platform } from "../platform.ts";
import { ThreadComponent } from "./component.ts";
import type { EarlyModules } from "./receive.ts";
import type { Recipe } from "./engine.ts";
import { startInstance } from "./instance.ts";
import { compiler, faults, type Faults } from "./lazy.ts";
import type { Prepared } from "./prepared.ts";
import type { Component } from "./types.ts";

/** How a component is compiled. */
export interface Compilation {
  readonly hash: string;
  readonly name?: string | undefined;
  readonly recipe: Recipe;
  readonly platform: Platform;
  /** Core modules that were compiled while the component arrived. */
  readonly early?: EarlyModules | undefined;
  /** The path or URL that the component came from, where it has one. */
  readonly from?: string | undefined;
}

/**
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export async function compileBytes(bytes: Uint8Array<ArrayBuffer>, how: Compilation): Promise<Component> {
  const { hash, name = hash.slice(0, 12) } = how;
  const [{ prepareBytes }, words] = await Promise.all([compiler(), faults()]);
  return componentOf(await prepareBytes(bytes, how), { ...how, name }, words);
}

/** A component whose instances are made by the host's own bindings. */
export function componentOf(
  { plan, instantiate, modules, lines, equip }: Prepared,
  { hash, name, recipe, platform }: Compilation & { readonly name: string },
  faults: Faults,
): Component {
  const words = lines === undefined ? faults : faults.withLines(faults, lines);
  return new ThreadComponent(name, {
    hash,
    plan,
    platform,
    recipe,
    faults: words,
    make: (start) =>
      startInstance(
        plan,
        { instantiate, equip },
        modules.map((module, i) => module ?? start.linked.modules[i]!),
        words,
        start,
      ),
  });
}
