/** A guest of JavaScript that fetches in a real page of Chromium, by the page's `fetch`: where it may, and where it may not. */
import type { Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPage, type TestPage } from "../page.ts";
import { serverOf } from "./guest.ts";
import { webGuest } from "./web-guest.ts";

/** Loads the guest, and has it fetch from two addresses of which one is granted. */
const PROGRAM = `
import { createHost } from "tenon";
import { toFetchHandler, wasi } from "tenon/wasi";
export async function program(how, at, refused) {
  const accesses = [];
  const imports = wasi({
    net: [at],
    onAccess: ({ interface: from, target, granted }) => from.includes("http") && accesses.push([target, granted]),
  });
  const host = createHost();
  const module = await host.load("guest.wasm", { imports, ...how });
  const get = module.require("get");
  const told = [await get("http://" + at + "/one?two", "value")];
  told.push(await get("http://" + refused + "/", undefined).catch((error) => String(error.payload ?? error)));
  const { errors } = await module.unload();
  const handler = toFetchHandler(() => host.load("guest.wasm", { name: "handler", imports, ...how }));
  const answer = await handler(new Request("http://a.example/echo", { method: "POST", body: "text" }));
  const answered = [answer.status, await answer.text()];
  await host.close();
  return { isolated: crossOriginIsolated, told, accesses, errors, answered };
}`;

let opened: TestPage;
let server: Server;
let at: string;
const seen: unknown[] = [];

beforeAll(async () => {
  ({ server, at } = await serverOf(async (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*");
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (request.method !== "OPTIONS") seen.push([request.method, request.url, request.headers["x-key"]]);
    response.end(`heard ${body}`);
  }));
  opened = await openPage({ "guest.wasm": await webGuest(), "program.js": PROGRAM });
}, 600_000);
afterAll(async () => {
  await opened?.close();
  server.close();
});

test.each([
  ["a worker", { isolation: "worker" }],
  ["the page's own thread, with jspi", { jspi: true }],
])(
  "a guest in %s fetches in a page from the host that is granted, and from no other, and answers requests",
  async (_, how) => {
    // The same machine under another name, which nothing names.
    const refused = at.replace("127.0.0.1", "localhost");
    const ran = await opened.page.evaluate(
      async ([how, at, refused]) => {
        // oxlint-disable-next-line no-implied-eval
        const { program } = await new Function("return import('/program.js')")();
        return program(how, at, refused);
      },
      [how, at, refused] as const,
    );
    expect(ran).toMatchObject({
      isolated: true,
      told: ["200 heard from the guest", expect.not.stringContaining("heard")],
      answered: [201, "echo text"],
      accesses: [
        [`http://${at}`, true],
        [`http://${refused}`, false],
      ],
      errors: [],
    });
    expect(seen.splice(0)).toEqual([["POST", "/one?two", "value"]]);
  },
);
