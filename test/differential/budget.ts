/**
 * How much random testing one run does, and from which seed: the same seed gives the same types and values.
 *
 * `TENON_SEED` and `TENON_FUZZ_SCALE` (a factor on every count, default 1) change both, for longer runs.
 */
export const seed: number = Number(process.env["TENON_SEED"] ?? 20_261_121);
const scale: number = Number(process.env["TENON_FUZZ_SCALE"] ?? 1);

export function scaled(count: number): number {
  return Math.max(1, Math.round(count * scale));
}
