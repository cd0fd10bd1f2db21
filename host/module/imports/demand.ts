/** What a load demands of a component beside its imports being met: the world it fits, and that it needs no more than is granted. */
import type { Grants } from "../../rights/types.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import { rights } from "../lazy.ts";
import type { LoadOptions } from "../types.ts";
import { demandWorld } from "./type-check.ts";

/**
 * @throws {LinkError} when a component does not fit the world demanded
 * @throws {RightsError} when it needs more than is granted
 */
export async function demandFit(
  name: string,
  component: EngineComponent,
  { world, grants }: Pick<LoadOptions, "world" | "grants">,
): Promise<void> {
  demandWorld(name, component, world);
  await demandRights(`Module ${name}`, component, grants);
}

/** @throws {RightsError} with everything that is needed and not granted */
export async function demandRights(
  what: string,
  { imports }: EngineComponent,
  grants: Grants | undefined,
): Promise<void> {
  if (grants === undefined) return;
  (await rights()).demandGranted(what, imports, grants);
}
