import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign as signByNode,
  verify as verifyByNode,
} from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ReloadError, UnsupportedError, UsageError } from "../../../host/errors.ts";
import { compile, createHost } from "../../../host/node/index.ts";
import { generateKeyPair, type Key, sign, SignatureError, verify } from "../../../host/node/rights.ts";
import { bind } from "../../../scripts/toolchain/bind.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { tenon } from "../shell.ts";

type Bytes = Uint8Array<ArrayBuffer>;
const root = await mkdtemp(join(tmpdir(), "tenon-sign-"));
afterAll(() => rm(root, { recursive: true, force: true }));
const place = (name: string): string => join(root, name);

// Keys made, and signatures given, by another implementation.
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
const jwk = publicKey.export({ format: "jwk" }) as { kty: string; crv: string; x: string };
const secretPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const secretJwk = privateKey.export({ format: "jwk" }) as typeof jwk & { d: string };
const raw = new Uint8Array(Buffer.from(jwk.x, "base64url"));
const stranger = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }) as string;

let component: Bytes;
let changed: Bytes;
let signature: Bytes;

const adder = (number: number): Promise<Bytes> =>
  parseWat(`(component (core module $m (func (export "f") (result i32) (i32.const ${number})))
    (core instance $i (instantiate $m)) (func (export "f") (result u32) (canon lift (core func $i "f"))))`);

beforeAll(async () => {
  component = await adder(1);
  changed = await adder(2);
  signature = new Uint8Array(signByNode(null, component, privateKey));
  await writeFile(place("one.wasm"), component);
  await writeFile(place("one.wasm.sig"), signature);
});

describe("signedBy", () => {
  test.each<[string, Key]>([
    ["PEM", pem],
    ["PEM with CRLF", pem.replaceAll("\n", "\r\n")],
    ["PEM between empty lines", `\n\n  ${pem}\n`],
    ["JWK", jwk],
    ["JSON of a JWK", JSON.stringify({ ...jwk, use: "sig", alg: "EdDSA" })],
    ["32 bytes", raw],
    ["base64", Buffer.from(raw).toString("base64")],
    ["base64url", jwk.x],
    ["DER", new Uint8Array(publicKey.export({ type: "spki", format: "der" }))],
  ])("lets in what the key signed, the key as %s", async (_form, key) => {
    await using host = createHost();
    const module = await host.load(component, { signedBy: [key], signature });
    expect(module.hash).toBe(createHash("sha256").update(component).digest("hex"));
    await verify(component, Buffer.from(signature).toString("base64"), [stranger, key]);
  });

  test.each<[string, Key, string]>([
    ["a private key", secretPem, "got PEM of PRIVATE KEY"],
    ["the JWK of a private key", secretJwk, "got a JWK of a private key"],
    [
      "an RSA key",
      generateKeyPairSync("rsa", { modulusLength: 512 }).publicKey.export({ type: "spki", format: "pem" }) as string,
      "got PEM of PUBLIC KEY that holds another key",
    ],
    [
      "an X25519 key",
      generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "pem" }) as string,
      "that holds another key",
    ],
    [
      "a P-256 JWK",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }) as never,
      'got a JWK of "EC", "P-256"',
    ],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "got PEM of CERTIFICATE"],
    ["PEM that is cut", pem.slice(0, 60), "got "],
    ["a key that is too short", raw.slice(1), "got 31 bytes"],
    ["a JWK without its key", { kty: "OKP", crv: "Ed25519" }, "got a JWK without a public key of 32 bytes"],
    ["JSON that breaks off", "{", "JSON that cannot be read"],
    ["nothing", "", 'got ""'],
    ["null", null as never, "got null"],
  ])("%s is refused as a key, and nothing is let in", async (_what, key, message) => {
    await using host = createHost();
    const refused = expect(host.load(component, { signedBy: [pem, key], signature })).rejects;
    await refused.toThrow(UsageError);
    await expect(host.load(component, { signedBy: [pem, key], signature })).rejects.toThrow(message);
    await expect(host.load(component, { signedBy: [pem, key], signature })).rejects.toThrow("signedBy[1]");
  });

  test.each<[string, () => Promise<unknown>]>([
    ["other bytes", () => verify(changed, signature, [pem])],
    ["another key", () => verify(component, signature, [stranger])],
    ["a changed signature", () => verify(component, signature.with(3, signature[3]! ^ 1) as Bytes, [pem])],
    ["a signature that is cut", () => verify(component, signature.slice(0, 63), [pem])],
    ["a signature that is too long", () => verify(component, new Uint8Array([...signature, 0]), [pem])],
    ["no signature", () => verify(component, "", [pem])],
    ["a text that is none", () => verify(component, "<!doctype html>", [pem])],
    ["something else", () => verify(component, 5 as never, [pem])],
  ])("%s is a SignatureError", async (_what, check) => {
    await expect(check()).rejects.toThrow(SignatureError);
  });

  test("without any key nothing is let in", async () => {
    await using host = createHost();
    await expect(host.load(component, { signedBy: [], signature })).rejects.toThrow("list of public keys");
    await expect(host.load(component, { signedBy: pem as never, signature })).rejects.toThrow("Expected signedBy");
    await expect(host.load(component, { signedBy: [pem] })).rejects.toThrow("Expected the option signature");
  });

  test("takes the signature from the file beside the source", async () => {
    await using host = createHost();
    await host.load(place("one.wasm"), { signedBy: [pem], name: "path" });
    await host.load(pathToFileURL(place("one.wasm")), { signedBy: [pem], name: "url" });
    await writeFile(place("two.wasm"), changed);
    const missing = host.load(place("two.wasm"), { signedBy: [pem] });
    await expect(missing).rejects.toThrow(SignatureError);
    await writeFile(place("two.wasm.sig"), signature);
    await expect(host.load(place("two.wasm"), { signedBy: [pem] })).rejects.toThrow(
      "two.wasm to be signed by the key of signedBy",
    );
    await expect(compile(place("two.wasm"), { signedBy: [pem] })).rejects.toThrow(SignatureError);
    await compile(place("one.wasm"), { signedBy: [pem] });
  });

  test("takes it from a server, beside the path of the URL; an answer that is none is refused", async () => {
    const asked: string[] = [];
    const server = createServer(({ url }, answer) => {
      asked.push(url!);
      if (url!.startsWith("/one.wasm.sig")) answer.end(Buffer.from(signature).toString("base64"));
      else if (url!.startsWith("/page.wasm.sig")) answer.end(`<!doctype html>${" ".repeat(5_000)}`);
      else answer.end(component);
    }).listen(0);
    try {
      const base = `http://localhost:${(server.address() as AddressInfo).port}`;
      await using host = createHost();
      await host.load(`${base}/one.wasm?v=1`, { signedBy: [pem] });
      expect(asked.sort()).toEqual(["/one.wasm.sig?v=1", "/one.wasm?v=1"]);
      await expect(host.load(`${base}/page.wasm`, { signedBy: [pem] })).rejects.toThrow(SignatureError);
      const response = await fetch(`${base}/one.wasm`);
      await host.load(response, { signedBy: [pem], signature, name: "response" });
    } finally {
      server.close();
    }
  });

  test("holds for every version: a reload of bytes that are not signed is refused, and the old version serves", async () => {
    await using host = createHost();
    const module: any = await host.load(component, { name: "m", signedBy: [pem], signature });
    const refused = await module.reload(changed, { signature }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ReloadError);
    expect(refused.cause).toBeInstanceOf(SignatureError);
    expect(module.exports.f()).toBe(1);
    await module.reload(changed, { signature: new Uint8Array(signByNode(null, changed, privateKey)) });
    expect(module.exports.f()).toBe(2);
  });

  test("of the host holds for each load that says nothing, and for its reloads", async () => {
    await using host = createHost({ signedBy: [pem] });
    await expect(host.load(changed, { signature })).rejects.toThrow(SignatureError);
    await expect(host.load(changed, { signature, signedBy: undefined })).rejects.toThrow(SignatureError);
    const module: any = await host.load(place("one.wasm"), { name: "m" });
    const refused = await module.reload(changed, { signature }).catch((error: unknown) => error);
    expect(refused.cause).toBeInstanceOf(SignatureError);
    expect(module.exports.f()).toBe(1);
    await expect(host.load(component, { name: "n", signature, signedBy: [stranger] })).rejects.toThrow(SignatureError);
  });

  test("bytes that their owner changes while they are checked are loaded as they were checked", async () => {
    await using host = createHost();
    const own = component.slice();
    const loading = host.load(own, { signedBy: [pem], signature });
    own.set(changed.subarray(0, own.length));
    const module: any = await loading;
    expect(module.exports.f()).toBe(1);
  });

  test("a module that was bound ahead of time has no bytes to check", async () => {
    const { files } = await bind(component, { name: "bound" });
    const source = [...files.entries()].find(([name]) => name.endsWith(".js"))![1];
    const file = place("bound.mjs");
    await writeFile(file, source);
    for (const [name, bytes] of files) if (!name.endsWith(".js")) await writeFile(place(name), bytes);
    const { default: bound } = (await import(pathToFileURL(file).href)) as { default: never };
    await using host = createHost();
    await expect(host.load(bound, { signedBy: [pem], signature })).rejects.toThrow("The option signedBy checks bytes");
    await using strict = createHost({ signedBy: [pem] });
    await expect(strict.load(bound)).rejects.toThrow("The option signedBy checks bytes");
  });

  test("where WebCrypto has no Ed25519, nothing is let in and the error says so", async () => {
    const lacking = vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(new Error("Unrecognized name."));
    try {
      await using host = createHost();
      const error = await host.load(component, { signedBy: [pem], signature }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UnsupportedError);
      expect(error).toMatchObject({
        feature: "ed25519",
        message: "Signatures need Ed25519 of WebCrypto: Unrecognized name.",
      });
    } finally {
      lacking.mockRestore();
    }
  });
});

describe("sign and generateKeyPair", () => {
  test("make what another implementation takes", async () => {
    const pair = await generateKeyPair();
    const made = await sign(component, pair.privateKey);
    expect(verifyByNode(null, component, createPublicKey(pair.publicKey), made)).toBe(true);
    await verify(component, made, [pair.publicKey]);
    for (const key of [secretPem, secretJwk]) expect(await sign(component, key)).toEqual(signature);
    await expect(sign(component, pem)).rejects.toThrow("Expected the key to be a private key");
  });
});

describe("tenon keygen, sign and verify", () => {
  test("a key, a signature, and the check of both", async () => {
    await writeFile(place("c.wasm"), component);
    const key = place("key.pem");
    expect((await tenon("keygen", key)).status).toBe(0);
    if (process.platform !== "win32") expect((await stat(key)).mode & 0o077).toBe(0);
    expect(await tenon("keygen", key)).toMatchObject({ status: 1, out: "" });
    expect(await tenon("sign", place("c.wasm"), "--key", key)).toEqual({
      status: 0,
      out: `${place("c.wasm")}.sig\n`,
      err: "",
    });
    expect((await tenon("verify", place("c.wasm"), "--key", `${key}.pub`)).status).toBe(0);
    await using host = createHost();
    await host.load(place("c.wasm"), { signedBy: [await readFile(`${key}.pub`, "utf8")] });
  });

  test("what is not signed, or not by that key, has status 1", async () => {
    await writeFile(place("stranger.pem"), stranger);
    await writeFile(place("ours.pem"), pem);
    await writeFile(place("raw.key"), raw);
    await writeFile(place("secret.pem"), secretPem);
    expect((await tenon("verify", place("one.wasm"), "--key", place("ours.pem"))).status).toBe(0);
    expect((await tenon("verify", place("one.wasm"), "--key", place("raw.key"))).status).toBe(0);
    for (const args of [
      ["verify", place("one.wasm"), "--key", place("stranger.pem")],
      ["verify", place("one.wasm"), "--key", place("secret.pem")],
      ["verify", place("one.wasm"), "--key", place("nowhere.pem")],
      ["verify", place("one.wasm"), "--key", place("ours.pem"), "--signature", place("one.wasm")],
      ["sign", place("one.wasm"), "--key", place("ours.pem"), "--out", place("never.sig")],
      ["sign", place("nowhere.wasm"), "--key", place("secret.pem")],
    ]) {
      const { status, out, err } = await tenon(...args);
      expect({ args, status, out }).toEqual({ args, status: 1, out: "" });
      expect(err).not.toContain("    at ");
    }
    await expect(stat(place("never.sig"))).rejects.toThrow("ENOENT");
    expect((await tenon("sign", place("one.wasm"))).status).toBe(2);
  });
});
