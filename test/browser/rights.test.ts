/** Signatures in a page: WebCrypto is the engine's own, and the file of a signature comes from a server. */
import { expect, test } from "vitest";
import { createHost } from "../../host/browser/index.ts";
import { generateKeyPair, sign, SignatureError, verify } from "../../host/browser/rights.ts";

test("signedBy takes in a page what was signed there, from bytes and from a URL with the file beside it", async () => {
  const component = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]);
  const { privateKey, publicKey } = await generateKeyPair();
  const stranger = (await generateKeyPair()).publicKey;
  const signature = await sign(component, privateKey);
  await verify(component, signature, [stranger, publicKey]);
  await using host = createHost();
  await host.load(component, { name: "bytes", signedBy: [publicKey], signature });
  await expect(host.load(component, { signedBy: [stranger], signature })).rejects.toThrow(SignatureError);

  const asked: string[] = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push(url);
    return new Response(url.includes(".sig") ? signature : component);
  };
  try {
    await host.load("/components/one.wasm?v=2", { signedBy: [publicKey] });
    expect(asked.map((url) => url.replace(/^.*\/components/, "")).sort()).toEqual([
      "/one.wasm.sig?v=2",
      "/one.wasm?v=2",
    ]);
  } finally {
    globalThis.fetch = real;
  }
});
