/**
 * Ed25519 over the exact bytes of a component (RFC 8032), by the platform's WebCrypto: the signature stands beside them.
 */
import { UnsupportedError, UsageError } from "../errors.ts";
import { describe, wordsOf } from "../words.ts";
import { SignatureError } from "./errors.ts";
import { type Key, pemOf, privateKeyBytes, publicKeyBytes, type Signature, signatureBytes } from "./keys.ts";

const ED25519 = { name: "Ed25519" } as const;

/** The two halves of a key, as PEM. */
export interface KeyPair {
  /** Signs: to be kept secret. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/**
 * @param what is signed, for messages
 * @throws {SignatureError} when the signature is none, or that of none of the keys
 * @throws {UsageError} for keys that are none, and for no keys at all
 * @throws {UnsupportedError} where WebCrypto has no Ed25519
 */
export async function checkSignature(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Signature,
  signedBy: readonly Key[],
  what: string,
): Promise<void> {
  if (!Array.isArray(signedBy) || signedBy.length === 0) {
    throw new UsageError(`Expected signedBy to be a list of public keys, got ${describe(signedBy)}`);
  }
  const keys = (signedBy as readonly Key[]).map((key, at) => publicKeyBytes(key, `signedBy[${at}]`));
  const given = signatureBytes(signature);
  if (given === undefined) {
    throw new SignatureError(
      `Expected the signature of ${what} to be 64 bytes or their base64, got ${sizeOf(signature)}`,
    );
  }
  const subtle = webCrypto();
  for (const key of keys) {
    const imported = await supported(() => subtle.importKey("raw", key, ED25519, false, ["verify"]));
    if (await subtle.verify(ED25519, imported, given, bytes)) return;
  }
  const keysWord = keys.length === 1 ? "the key" : `any of the ${keys.length} keys`;
  throw new SignatureError(
    `Expected ${what} to be signed by ${keysWord} of signedBy, and it is not: other bytes were signed, or by another key`,
  );
}

/**
 * Checks that one of the keys signed exactly these bytes.
 * @throws {SignatureError} when the signature is none, or that of none of the keys
 * @throws {UsageError} for keys that are none, and for no keys at all
 * @throws {UnsupportedError} where WebCrypto has no Ed25519
 */
export function verify(bytes: Uint8Array<ArrayBuffer>, signature: Signature, signedBy: readonly Key[]): Promise<void> {
  return checkSignature(bytes, signature, signedBy, "the bytes");
}

/**
 * Signs bytes with a private key.
 * @returns the signature: 64 bytes
 * @throws {UsageError} for a key that is none, such as a public one
 * @throws {UnsupportedError} where WebCrypto has no Ed25519
 */
export async function sign(bytes: Uint8Array<ArrayBuffer>, key: Key): Promise<Uint8Array<ArrayBuffer>> {
  const subtle = webCrypto();
  const der = privateKeyBytes(key, "the key");
  const imported = await supported(() => subtle.importKey("pkcs8", der, ED25519, false, ["sign"]));
  return new Uint8Array(await subtle.sign(ED25519, imported, bytes));
}

/** A fresh pair of keys. @throws {UnsupportedError} where WebCrypto has no Ed25519 */
export async function generateKeyPair(): Promise<KeyPair> {
  const subtle = webCrypto();
  const pair = await supported(() => subtle.generateKey(ED25519, true, ["sign", "verify"]));
  const { privateKey, publicKey } = pair as Exclude<typeof pair, { readonly type: unknown }>;
  const [secret, open] = await Promise.all([subtle.exportKey("pkcs8", privateKey), subtle.exportKey("raw", publicKey)]);
  return {
    // Of PKCS #8 the last 32 bytes are the key.
    privateKey: pemOf("private", new Uint8Array(secret).slice(-32)),
    publicKey: pemOf("public", new Uint8Array(open)),
  };
}

function sizeOf(signature: unknown): string {
  return signature instanceof Uint8Array ? `${signature.length} bytes` : describe(signature);
}

function webCrypto(): typeof crypto.subtle {
  const { subtle } = crypto as Partial<typeof crypto>;
  // A page that did not come over a secure connection has none.
  if (subtle === undefined) throw lacking("there is no WebCrypto here; a page has it when it was loaded over https");
  return subtle;
}

async function supported<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw lacking(wordsOf(cause));
  }
}

function lacking(why: string): UnsupportedError {
  return new UnsupportedError("ed25519", `Signatures need Ed25519 of WebCrypto: ${why}`);
}
