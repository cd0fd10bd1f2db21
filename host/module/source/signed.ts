/**
 * A source whose bytes must be signed: they are read whole, and judged before an engine sees any of them.
 */
import { UsageError } from "../../errors.ts";
import type { Platform } from "../../platform.ts";
import { SignatureError } from "../../rights/errors.ts";
import type { Signature } from "../../rights/keys.ts";
import { checkSignature } from "../../rights/signature.ts";
import { compiler } from "../../runtime/lazy.ts";
import { wordsOf } from "../../words.ts";
import type { Demands, Found } from "./source.ts";

/** More than any file of a signature has. */
const MOST_SIGNATURE_BYTES = 1_000;

/** @throws {SignatureError} when the bytes of a source are not signed by one of the keys demanded */
export async function checkSigned(
  platform: Platform,
  { from, place }: Found,
  bytes: Uint8Array<ArrayBuffer>,
  { signedBy = [], signature }: Demands,
): Promise<void> {
  const given = signature ?? (await signatureBeside(platform, place));
  await checkSignature(bytes, given, signedBy, from === "" ? "the component" : from);
}

/** What the file beside a source holds, whose name is the source's and `.sig`. */
async function signatureBeside(platform: Platform, place: string | URL | undefined): Promise<Signature> {
  if (place === undefined) {
    throw new UsageError(
      "Expected the option signature beside signedBy: a source that names no place has no file beside it",
    );
  }
  const file = typeof place === "string" ? besides(place, platform) : new URL(besides(place.href, platform));
  try {
    const limits = { maxBytes: MOST_SIGNATURE_BYTES };
    const opened = await platform.open(file, limits);
    return opened instanceof Uint8Array ? opened : await (await compiler()).readBody(opened, limits);
  } catch (cause) {
    throw new SignatureError(`Expected the signature of ${String(place)} in ${String(file)}: ${wordsOf(cause)}`, {
      cause,
    });
  }
}

/** `greeter.wasm.sig` for `greeter.wasm`; of a URL the path has the ending. */
function besides(place: string, { name }: Platform): string {
  const isUrl = name !== "node" || /^[a-z][a-z0-9+.-]+:/i.test(place);
  const end = isUrl ? place.search(/[?#]|$/) : place.length;
  return `${place.slice(0, end)}.sig${place.slice(end)}`;
}
