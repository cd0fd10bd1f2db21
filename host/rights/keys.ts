/**
 * Ed25519 keys and signatures in the forms in which people keep them: PEM, JWK, base64, bytes.
 *
 * Every form is taken apart here to the 32 bytes of a key or the 64 of a signature, so that the platform never guesses.
 */
import { UsageError } from "../errors.ts";
import { describe, wordsOf } from "../words.ts";

/** A JSON Web Key of Ed25519 (RFC 8037). */
export interface Ed25519Jwk {
  readonly kty: string;
  readonly crv?: string | undefined;
  /** The public key, base64url. */
  readonly x?: string | undefined;
  /** The private key, base64url; a public key has none. */
  readonly d?: string | undefined;
}

/**
 * An Ed25519 key: text of PEM (`-----BEGIN PUBLIC KEY-----`, or `PRIVATE KEY` to sign with), a JWK or its JSON, or the 32 bytes
 * of the key, also as base64.
 */
export type Key = string | Uint8Array | Ed25519Jwk;

/** A signature: its 64 bytes, also as base64. */
export type Signature = string | Uint8Array;

type Half = "public" | "private";

/** What stands before the 32 bytes of a key in DER: SubjectPublicKeyInfo, and PKCS #8. */
const PREFIX: Readonly<Record<Half, readonly number[]>> = {
  public: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
  private: [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20],
};
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/**
 * The 32 bytes of a public key.
 * @param name of the key, for messages
 * @throws {UsageError} for a key of another kind, such as a private one
 */
export function publicKeyBytes(key: Key, name: string): Uint8Array<ArrayBuffer> {
  return keyBytes(key, "public", name);
}

/** A private key in DER, as PKCS #8. @throws {UsageError} for a key of another kind */
export function privateKeyBytes(key: Key, name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...PREFIX.private, ...keyBytes(key, "private", name)]);
}

/** Text of PEM for a key of 32 bytes. */
export function pemOf(half: Half, key: Uint8Array): string {
  const label = `${half.toUpperCase()} KEY`;
  return `-----BEGIN ${label}-----\n${base64([...PREFIX[half], ...key])}\n-----END ${label}-----\n`;
}

/**
 * The 64 bytes of a signature.
 * @returns `undefined` for what is none
 */
export function signatureBytes(signature: Signature): Uint8Array<ArrayBuffer> | undefined {
  const bytes = typeof signature === "string" ? fromBase64(signature) : signature;
  if (!(bytes instanceof Uint8Array)) return undefined;
  if (bytes.length === SIGNATURE_BYTES) return new Uint8Array(bytes);
  // A file holds either: the bytes themselves, or their text.
  const text = typeof signature === "string" || bytes.length > 1_000 ? undefined : new TextDecoder().decode(bytes);
  return text === undefined ? undefined : signatureBytes(text);
}

export function base64(bytes: Iterable<number>): string {
  return btoa(String.fromCharCode(...bytes));
}

function keyBytes(key: Key, half: Half, name: string): Uint8Array<ArrayBuffer> {
  if (typeof key === "string") return textBytes(key.trim(), half, name);
  if (key instanceof Uint8Array) return rawBytes(new Uint8Array(key), half, name);
  if (typeof key === "object" && key !== null) return jwkBytes(key, half, name);
  throw refused(half, name, describe(key));
}

function textBytes(text: string, half: Half, name: string): Uint8Array<ArrayBuffer> {
  if (text.startsWith("{")) return jsonBytes(text, half, name);
  const pem = /^-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*)-----END \1-----$/.exec(text);
  const found = pem === null ? "" : `PEM of ${pem[1]!}`;
  if (pem !== null && pem[1] !== `${half.toUpperCase()} KEY`) throw refused(half, name, found);
  const bytes = fromBase64(pem?.[2] ?? text);
  if (bytes === undefined) throw refused(half, name, found || describe(text));
  return rawBytes(bytes, half, name, found);
}

function jsonBytes(text: string, half: Half, name: string): Uint8Array<ArrayBuffer> {
  let jwk: Ed25519Jwk;
  try {
    jwk = JSON.parse(text) as Ed25519Jwk;
  } catch (cause) {
    throw refused(half, name, `JSON that cannot be read: ${wordsOf(cause)}`);
  }
  return jwkBytes(jwk, half, name);
}

function jwkBytes({ kty, crv, x, d }: Ed25519Jwk, half: Half, name: string): Uint8Array<ArrayBuffer> {
  if (kty !== "OKP" || crv !== "Ed25519") {
    throw refused(half, name, `a JWK of ${describe(kty)}${crv === undefined ? "" : `, ${describe(crv)}`}`);
  }
  // A private key has no business where keys are checked against: it would be told to everybody.
  if (half === "public" && d !== undefined) throw refused(half, name, "a JWK of a private key");
  const part = half === "public" ? x : d;
  const bytes = typeof part === "string" ? fromBase64(part) : undefined;
  if (bytes?.length !== KEY_BYTES) throw refused(half, name, `a JWK without a ${half} key of 32 bytes`);
  return bytes;
}

/** The key itself, or DER around it. */
function rawBytes(bytes: Uint8Array<ArrayBuffer>, half: Half, name: string, found = ""): Uint8Array<ArrayBuffer> {
  // In PEM there is always DER.
  if (bytes.length === KEY_BYTES && found === "") return bytes;
  const prefix = PREFIX[half];
  if (bytes.length === prefix.length + KEY_BYTES && prefix.every((byte, at) => bytes[at] === byte)) {
    return bytes.slice(prefix.length);
  }
  throw refused(half, name, found === "" ? `${bytes.length} bytes` : `${found} that holds another key`);
}

function refused(half: Half, name: string, found: string): UsageError {
  return new UsageError(
    `Expected ${name} to be ${half === "public" ? "a public" : "a private"} key of Ed25519 as PEM, JWK or 32 bytes, got ${found}`,
  );
}

/** Bytes of base64 or base64url, white space anywhere. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const letters = text.replaceAll(/\s/g, "").replaceAll("-", "+").replaceAll("_", "/");
  if (letters === "" || !/^[A-Za-z0-9+/]*={0,2}$/.test(letters)) return undefined;
  try {
    return Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
