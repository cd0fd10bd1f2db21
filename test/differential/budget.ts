/**
 * How much random testing one run does, and from which seed: the same seed gives the same types and values.
 *
 * `TENON_SEED` (see `test/seed.ts`) and `TENON_FUZZ_SCALE` (a factor on every count, default 1) change both;
 * `vitest.config.ts` reads them, for the page too, which has no environment.
 */
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly seed: number;
    readonly scale: number;
  }
}

export const seed: number = inject("seed");
const scale: number = inject("scale");

export function scaled(count: number): number {
  return Math.max(1, Math.round(count * scale));
}
