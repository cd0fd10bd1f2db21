/**
 * `tenon/rights` in Node: what a component may do, told from its bytes, and who signed them.
 */
import { reviewSource, type ReviewOptions } from "../module/review.ts";
import type { Source } from "../platform.ts";
import type { Review } from "../rights/types.ts";
import { nodePlatform } from "./platform.ts";

export { RightsError, SignatureError } from "../rights/errors.ts";
export type { Ed25519Jwk, Key, Signature } from "../rights/keys.ts";
export { generateKeyPair, type KeyPair, sign, verify } from "../rights/signature.ts";
export type { ReviewOptions } from "../module/review.ts";
export type * from "../rights/types.ts";

/**
 * What a component can reach, what it can never do, what an update adds and what it is not granted: from its bytes alone,
 * before anything of it is compiled or run. Strings are paths, or URLs when they have a scheme.
 * @throws {DecodeError} when a source is not a valid component
 * @throws {UnsupportedError} when it uses what cannot even be described here
 * @throws {UsageError} for a module written by `tenon bind`, and for grants that are none
 */
export function review(source: Source, options?: ReviewOptions): Promise<Review> {
  return reviewSource(nodePlatform, source, options);
}
