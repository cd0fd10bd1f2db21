/** Recipes: made of the options of a host and of a load, and told apart in the keys of caches. */
import type { Recipe } from "./engine.ts";

type Given = { readonly [K in keyof Recipe]?: Recipe[K] | undefined };

/** @param given options, those given later before those given earlier; each has been checked */
export function recipeOf(...given: readonly Given[]): Recipe {
  const merged = (options: readonly (object | undefined)[]): Recipe =>
    Object.assign({}, ...options.map(defined)) as Recipe;
  const { isolation, instances, queue, jspi } = merged(given);
  return { isolation, instances, queue, jspi, limits: merged(given.map(({ limits }) => limits)) as Recipe["limits"] };
}

const defined = (options?: object): object =>
  Object.fromEntries(Object.entries({ ...options }).filter(([, value]) => value !== undefined));

/** Part of the key of everything that is prepared by a recipe: two are equal when they say the same. Empty for the default. */
export function recipeKey({ limits, ...others }: Recipe): string {
  return Object.entries(defined({ ...limits, ...others }))
    .map(([name, value]) => ` ${name}=${value}`)
    .sort()
    .join("");
}
