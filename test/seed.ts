/**
 * Which seed the random tests of a run start from: the one asked for, the same one always in CI, a fresh one elsewhere.
 *
 * A run has one seed; `vitest.config.ts` hands it to every test, in Node and in the page, and the last lines of the run
 * print it. `TENON_SEED` is a whole number, or `fresh` for a fresh one where CI would take the fixed one.
 */

/** What CI always starts from, so that a change is judged by what the change before it was judged by. */
const FIXED_SEED = 20_261_121;

/** @throws {Error} when `TENON_SEED` is neither a whole number nor `fresh` */
export function chooseSeed(environment: Readonly<Record<string, string | undefined>>): number {
  const wanted = environment["TENON_SEED"] ?? "";
  if (wanted === "fresh") return freshSeed();
  if (wanted !== "") {
    const seed = Number(wanted);
    if (Number.isSafeInteger(seed) && seed >= 0) return seed;
    throw new Error(`Expected TENON_SEED to be a whole number or fresh, got ${wanted}`);
  }
  const isCi = !["", "0", "false"].includes(environment["CI"] ?? "");
  return isCi ? FIXED_SEED : freshSeed();
}

/** Far from 2^31, as tests add numbers of their own to it and the generators take 32 bits. */
function freshSeed(): number {
  return 1 + Math.floor(Math.random() * 2_000_000_000);
}
