/**
 * `tenon keygen`, `tenon sign` and `tenon verify`: keys and signatures as files.
 */
import { writeFile } from "node:fs/promises";
import { UsageError } from "../errors.ts";
import { nodePlatform } from "../node/platform.ts";
import { base64 } from "../rights/keys.ts";
import { checkSignature, generateKeyPair, sign } from "../rights/signature.ts";
import { readWhole } from "../runtime/response.ts";
import { wordsOf } from "../words.ts";

/**
 * Writes a fresh pair of keys. A file that is there is never written over.
 * @param path of the private key; the public key is beside it, with the ending `.pub`
 * @returns both paths
 */
export async function generateKeyFiles(path: string): Promise<readonly [privateKey: string, publicKey: string]> {
  const { privateKey, publicKey } = await generateKeyPair();
  const beside = `${path}.pub`;
  await written(beside, publicKey, 0o644);
  await written(path, privateKey, 0o600);
  return [path, beside];
}

/** @returns the file of the signature, beside the component unless `out` says where */
export async function signFile(path: string, keyFile: string, out = `${path}.sig`): Promise<string> {
  const [bytes, key] = await Promise.all([readWhole(nodePlatform, path), readKey(keyFile)]);
  const signature = await named(keyFile, () => sign(bytes, key));
  await named(out, () => writeFile(out, `${base64(signature)}\n`));
  return out;
}

/** @throws {SignatureError} when none of the keys signed the file */
export async function verifyFile(path: string, keyFile: string, signatureFile = `${path}.sig`): Promise<void> {
  const [bytes, key, signature] = await Promise.all([
    readWhole(nodePlatform, path),
    readKey(keyFile),
    readWhole(nodePlatform, signatureFile),
  ]);
  await checkSignature(bytes, signature, [key], path);
}

/** A key is text, or its 32 bytes. */
async function readKey(path: string): Promise<string | Uint8Array> {
  const bytes = await readWhole(nodePlatform, path);
  return bytes.length === 32 ? bytes : new TextDecoder().decode(bytes);
}

async function written(path: string, text: string, mode: number): Promise<void> {
  await named(path, () => writeFile(path, text, { mode, flag: "wx" }));
}

/** Puts the file's path before the message of an error about it. */
async function named<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new UsageError(`${path}: ${wordsOf(cause)}`, { cause });
  }
}
