/** The platforms: what Node's reads and measures, and the hash that pages without `crypto.subtle` use. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { browserPlatform } from "../../../host/browser/platform.ts";
import { sha256 } from "../../../host/binary/sha256.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import { readWhole } from "../../../host/runtime/response.ts";

test("the page's own SHA-256 agrees with Node's at every padding boundary", async () => {
  for (const length of [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1_000, 100_003]) {
    const bytes = new Uint8Array(randomBytes(length));
    const expected = createHash("sha256").update(bytes).digest("hex");
    expect(sha256(bytes), String(length)).toBe(expected);
    expect(await browserPlatform.sha256(bytes)).toBe(expected);
    expect(await nodePlatform.sha256(bytes)).toBe(expected);
  }
});

test("both platforms read URLs and say why they could not", async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/there.wasm" ? 200 : 404;
    response.end(Buffer.from([1, 2, 3]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const platform of [nodePlatform, browserPlatform]) {
    expect([...(await readWhole(platform, `${base}/there.wasm`))], platform.name).toEqual([1, 2, 3]);
    expect([...(await readWhole(platform, new URL(`${base}/there.wasm`)))]).toEqual([1, 2, 3]);
    await expect(readWhole(platform, `${base}/missing.wasm`)).rejects.toThrow(
      `Could not fetch ${base}/missing.wasm: status 404`,
    );
    await expect(readWhole(platform, "http://127.0.0.1:1/refused.wasm")).rejects.toThrow(
      /^Could not (fetch|read) http:\/\/127\.0\.0\.1:1\/refused\.wasm: /,
    );
  }
  await new Promise((resolve) => server.close(resolve));
});

test.skipIf(process.platform !== "linux")(
  "reservations count linear memories, however many lie side by side",
  async () => {
    const before = (await nodePlatform.countReservations!())!;
    const memories = Array.from({ length: 50 }, () => new WebAssembly.Memory({ initial: 1 }));
    expect(await nodePlatform.countReservations!()).toBe(before + 50);
    expect(memories).toHaveLength(50);
  },
);

test("a macrotask comes after the microtasks that are waiting", async () => {
  for (const platform of [nodePlatform, browserPlatform]) {
    const order: string[] = [];
    const macrotask = platform.macrotask().then(() => order.push("macrotask"));
    for (let i = 0; i < 5; i++) await Promise.resolve().then(() => order.push("microtask"));
    await macrotask;
    expect(order).toEqual([...Array.from({ length: 5 }, () => "microtask"), "macrotask"]);
  }
});
