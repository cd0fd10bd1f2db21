/** JavaScript made into a component by componentize-js: it fetches from a server of the test's own, and answers requests. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHost, type LoadOptions } from "../../../../host/node/index.ts";
import { toFetchHandler, wasi, type WasiOptions } from "../../../../host/node/wasi.ts";
import { serverOf } from "./guest.ts";
import { webGuest } from "./web-guest.ts";

let bytes: Uint8Array<ArrayBuffer>;
let server: Server;
let at: string;
const seen: unknown[] = [];

beforeAll(async () => {
  bytes = await webGuest();
  ({ server, at } = await serverOf(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    seen.push(request.headers["x-key"]);
    response.end(`${request.method} ${request.url} said ${Buffer.concat(chunks)}`);
  }));
}, 600_000);
afterAll(() => server.close());

const host = createHost();
let count = 0;

const load = (how: Pick<LoadOptions, "isolation" | "jspi">, options: WasiOptions = {}) =>
  host.load(bytes, { name: `web-${count++}`, ...how, imports: wasi(options) } as LoadOptions);

/** The engines whose guests can wait. */
const WAITING = [
  ["a worker", { isolation: "worker" }],
  // Node 20 and 22 have no JavaScript Promise Integration.
  ...("Suspending" in WebAssembly ? [["this thread with jspi", { jspi: true }]] : []),
] as [string, Pick<LoadOptions, "isolation" | "jspi">][];

describe.each(WAITING)("in %s", (_, how) => {
  test("fetch reaches the server that is granted", async () => {
    const targets: string[] = [];
    const module = await load(how, {
      net: [at],
      onAccess: ({ interface: from, target, granted }) => from.includes("http") && targets.push(`${target} ${granted}`),
    });
    const get = module.require("get") as (url: string, key?: string) => Promise<string>;
    expect(await get(`http://${at}/a?b`)).toBe("200 POST /a?b said from the guest");
    expect(await get(`http://${at}/again`, "plain")).toBe("200 POST /again said from the guest");
    expect(seen.splice(0)).toEqual([undefined, "plain"]);
    expect(targets).toEqual([`http://${at} true`, `http://${at} true`]);
    const { errors } = await module.unload();
    expect(errors).toEqual([]);
  });

  test("the guest's fetch handler streams to Node's http, a module for each request", async () => {
    const handler = toFetchHandler(() => load(how));
    const front = createServer(async (request, response) => {
      const { method = "GET", url = "/" } = request;
      const body = method === "GET" ? null : (Readable.toWeb(request) as never);
      const answer = await handler(new Request(`http://a.example${url}`, { method, body, duplex: "half" } as never));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      Readable.fromWeb(answer.body as ReadableStream).pipe(response);
    });
    await once(front.listen(0, "127.0.0.1"), "listening");
    const base = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    const echo = await fetch(`${base}/echo`, { method: "PUT", body: "text" });
    expect([echo.status, echo.headers.get("x-method"), await echo.text()]).toEqual([201, "PUT", "echo text"]);
    expect(await (await fetch(`${base}/parts`)).text()).toBe("abc");
    expect(await fetch(`${base}/none`)).toMatchObject({ status: 404 });
    await once(front.close(), "close");
  });

  test("the guest's fetch handler serves what Hono routes to it, with the status and headers of the guest", async () => {
    const handler = toFetchHandler(() => load(how));
    const app = new Hono();
    app.use("/guest/*", async (context, next) => {
      await next();
      context.res.headers.set("x-app", "hono");
    });
    app.get("/own", (context) => context.text("hono's own"));
    app.mount("/guest", handler);
    app.onError((error, context) => context.text(error.message, 500));
    const echo = await app.request("/guest/echo", { method: "PUT", body: "text" });
    expect([echo.status, echo.headers.get("x-method"), echo.headers.get("x-app"), await echo.text()]).toEqual([
      201,
      "PUT",
      "hono",
      "echo text",
    ]);
    const parts = await Promise.all(["/guest/parts", "/guest/none", "/own"].map((path) => app.request(path)));
    expect(await Promise.all(parts.map(async (answer) => [answer.status, await answer.text()]))).toEqual([
      [200, "abc"],
      [404, "no such page"],
      [200, "hono's own"],
    ]);
  });
});

test("in this thread the guest answers with the whole request", async () => {
  const module = await load({});
  const response = await toFetchHandler(module)(new Request("http://a.example/echo", { method: "POST", body: "text" }));
  expect([response.status, await response.text()]).toEqual([201, "echo text"]);
  expect((await module.unload()).errors).toEqual([]);
});
