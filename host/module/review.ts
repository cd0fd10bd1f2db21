/** The rights of a source, told without compiling or running anything of it. */
import { UsageError } from "../errors.ts";
import type { Source } from "../platform.ts";
import { type Hashed, reviewBytes } from "../rights/review.ts";
import type { Grants, Review } from "../rights/types.ts";
import { readBody } from "../runtime/body.ts";
import type { EnginePlatform } from "../runtime/engine.ts";
import { isBound } from "../runtime/load-bound.ts";
import { checkOptions, object } from "../runtime/options.ts";
import { MAX_SOURCE_BYTES, readSource } from "./source/source.ts";

/** Options of `review`. */
export interface ReviewOptions {
  /** The version before: the review tells what is new beside it. */
  readonly against?: Source | undefined;
  /** What is granted already: the review tells what is missing. */
  readonly granted?: Grants | undefined;
}

/**
 * @throws {DecodeError} when one of the sources is not a valid component
 * @throws {UnsupportedError} when one uses what cannot even be described here
 * @throws {UsageError} for a module written by `tenon bind`, whose component is not there
 */
export async function reviewSource(
  platform: EnginePlatform,
  source: Source,
  options: ReviewOptions = {},
): Promise<Review> {
  checkOptions("review", options, { against: () => undefined, granted: object });
  const { against, granted } = options;
  const [next, previous] = await Promise.all([
    readHashed(platform, source),
    against === undefined ? undefined : readHashed(platform, against),
  ]);
  return reviewBytes(next, previous, granted);
}

async function readHashed(platform: EnginePlatform, source: Source): Promise<Hashed> {
  const limits = { maxBytes: MAX_SOURCE_BYTES };
  const { body } = await readSource(platform, source, limits);
  if (isBound(body)) throw new UsageError(`Expected a component to review, got the bindings of "${body.name}"`);
  const bytes = body instanceof Uint8Array ? body : await readBody(body, limits);
  return { bytes, hash: await platform.sha256(bytes) };
}
