/**
 * The engine `tenon`: components run in this thread, through bindings that the host makes itself or that were written ahead of
 * time.
 */
import type { BoundComponent, Platform } from "../platform.ts";
import type { Engine, Opened, Recipe } from "./engine.ts";
import { compileBytes } from "./compile.ts";
import { compiler, faults } from "./lazy.ts";
import { compileBound, isBound } from "./load-bound.ts";

export const inThread: Engine = {
  prefetch() {
    // What fails here fails again where it is needed.
    Promise.all([compiler(), faults()]).catch(() => undefined);
  },

  async open({ body, from, limits }, recipe, platform) {
    if (isBound(body)) return openBound(body, recipe, platform);
    const { bytes, early } =
      body instanceof Uint8Array ? { bytes: body } : await (await compiler()).receive(body, limits, recipe);
    const hash = await platform.sha256(bytes);
    return { hash, key: hash, prepare: (name) => compileBytes(bytes, { hash, name, early, from, recipe, platform }) };
  },
};

/** Numbers for bound modules: their text is code, so it is the object itself that tells one from another. */
const boundKeys = new WeakMap<BoundComponent, string>();
let boundCount = 0;

function openBound(bound: BoundComponent, recipe: Recipe, platform: Platform): Opened {
  let key = boundKeys.get(bound);
  if (key === undefined) boundKeys.set(bound, (key = `bound ${++boundCount}`));
  const { hash, name: label } = bound;
  return { hash, key, label, prepare: (name) => compileBound(bound, { name, recipe, platform }) };
}
