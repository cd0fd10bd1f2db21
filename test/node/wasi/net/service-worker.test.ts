/**
 * `toFetchHandler` in a real service worker of Chromium: a guest of JavaScript answers what the page requests. A service worker has no
 * `import()` and no workers of its own, so tenon is in its script, as one file, and the guest waits with `jspi`.
 */
import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../../package/support.ts";
import { openPage } from "../page.ts";
import { webGuest } from "./web-guest.ts";

const SERVICE_WORKER = `
import { createHost } from "./dist/host/browser/index.js";
import { toFetchHandler, wasi } from "./dist/host/browser/wasi.js";
const host = createHost({ imports: wasi() });
let count = 0;
const handler = toFetchHandler(() => host.load("guest.wasm", { name: "request-" + count++, jspi: true }));
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (!url.pathname.startsWith("/guest/")) return;
  url.pathname = url.pathname.slice("/guest".length);
  event.respondWith(handler(new Request(url, event.request)).catch((error) => new Response(String(error), { status: 500 })));
});`;

/** Has the service worker serve this page, and requests what it routes to the guest. */
const PROGRAM = `
export async function program() {
  const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
  await navigator.serviceWorker.register("/service-worker.js");
  await controlled;
  const answers = [];
  for (const [path, init] of [["echo", { method: "POST", body: "text" }], ["parts"], ["none"]]) {
    const answer = await fetch("/guest/" + path, init);
    answers.push([answer.status, answer.headers.get("x-method"), await answer.text()]);
  }
  return answers;
}`;

test("a guest of componentize-js answers a page's requests from a service worker", async () => {
  const { outputFiles } = await build({
    stdin: { contents: SERVICE_WORKER, resolveDir: root },
    bundle: true,
    format: "iife",
    write: false,
    logLevel: "silent",
  });
  const script = outputFiles[0]!.contents;
  const opened = await openPage({
    "guest.wasm": await webGuest(),
    "program.js": PROGRAM,
    "service-worker.js": script,
  });
  try {
    const answers = await opened.page.evaluate(async () => {
      // oxlint-disable-next-line no-implied-eval
      const { program } = await new Function("return import('/program.js')")();
      return program();
    });
    expect(answers).toEqual([
      [201, "POST", "echo text"],
      [200, null, "abc"],
      [404, null, "no such page"],
    ]);
  } finally {
    await opened.close();
  }
}, 600_000);
