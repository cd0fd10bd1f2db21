/**
 * How much random testing one run does, and from which seed: the same seed gives the same types and values.
 *
 * `TENON_SEED` and `TENON_FUZZ_SCALE` (a factor on every count, default 1) change both, for longer runs.
 */
// Vitest gives the environment here, in Node and in a page, and looks for just these words.
const env = (import.meta as unknown as { readonly env: Readonly<Record<string, string | undefined>> }).env;

export const seed: number = Number(env["TENON_SEED"] ?? 20_261_121);
const scale: number = Number(env["TENON_FUZZ_SCALE"] ?? 1);

export function scaled(count: number): number {
  return Math.max(1, Math.round(count * scale));
}
