/** Recipes: made of the options of a host and of a load, and told apart in the keys of caches. */
import type { Limits, Recipe } from "./engine.ts";

/** @param given limits, those given later before those given earlier; each has been checked */
export function recipeOf(...given: readonly (Limits | undefined)[]): Recipe {
  const all = given.flatMap((limits) => Object.entries(limits ?? {}));
  return { limits: Object.fromEntries(all.filter(([, value]) => value !== undefined)) };
}

/** Part of the key of everything that is prepared by a recipe: two are equal when they say the same. Empty for the default. */
export function recipeKey({ limits }: Recipe): string {
  return Object.entries(limits)
    .map(([name, value]) => ` ${name}=${value}`)
    .sort()
    .join("");
}
