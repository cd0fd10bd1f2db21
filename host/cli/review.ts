/**
 * `tenon review`: the rights of a component file, beside those of another and beside what is granted.
 */
import { readFile } from "node:fs/promises";
import { UsageError } from "../errors.ts";
import { nodePlatform } from "../node/platform.ts";
import { checkGrants } from "../rights/grants.ts";
import { type Hashed, reviewBytes } from "../rights/review.ts";
import type { Grants, Review } from "../rights/types.ts";
import { wordsOf } from "../words.ts";
import { readBytes } from "./read.ts";

/**
 * @param against a component: the version before
 * @param granted a file of JSON
 * @throws {UsageError} naming the file that cannot be read, is no component or holds no grants
 */
export async function reviewFile(path: string, against?: string, granted?: string): Promise<Review> {
  const previous = against === undefined ? undefined : await readHashed(against);
  const grants = granted === undefined ? undefined : await readGrants(granted);
  const next = await readHashed(path);
  return reviewBytes(next, previous, grants);
}

async function readHashed(path: string): Promise<Hashed> {
  const bytes = await readBytes(path, (given) => {
    // Alone first, so that what is wrong with one of two files is said of that one.
    reviewBytes({ bytes: given, hash: "" });
    return given;
  });
  return { bytes, hash: await nodePlatform.sha256(bytes) };
}

async function readGrants(path: string): Promise<Grants> {
  try {
    const grants: unknown = JSON.parse(await readFile(path, "utf8"));
    checkGrants(grants);
    return grants as Grants;
  } catch (cause) {
    throw new UsageError(`Could not read the grants of ${path}: ${wordsOf(cause)}`, { cause });
  }
}
