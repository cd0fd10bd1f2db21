/** `wasi:http` 0.3 in Node: requests to a server of the test's own, what does not leave, and requests that a guest answers. */
import { once } from "node:events";
import type { Server } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ComponentError } from "../../../../host/node/index.ts";
import { toFetchHandler } from "../../../../host/node/wasi.ts";
import type { WasiOptions } from "../../../../host/node/wasi.ts";
import { serverOf } from "../net/guest.ts";
import { all, bytes, type Face, guestOf, type Guest, OK, outcome, read, streamOf, text } from "./support.ts";

const HTTP = ["http/types", "http/client"];
/** A future of no trailers. */
const NONE = Promise.resolve({ tag: "ok", val: undefined });

let server: Server;
let at: string;
const guests: Guest[] = [];

beforeAll(async () => {
  ({ server, at } = await serverOf(async (request, response) => {
    const { url = "" } = request;
    if (url === "/cut") {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    } else if (url === "/hang") return;
    else if (url === "/trailers") {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("body");
      response.addTrailers({ "x-sum": "7" });
      response.end();
    } else {
      let body = "";
      try {
        for await (const chunk of request) body += text(chunk as Uint8Array);
      } catch {
        return;
      }
      const { rawTrailers, method } = request;
      response.setHeader("x-is", "here").end(JSON.stringify({ method, url, body, rawTrailers }));
    }
  }));
});

afterEach(() => {
  for (const guest of guests.splice(0)) guest.end();
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

async function httpOf(options: WasiOptions): Promise<Guest> {
  const guest = await guestOf(HTTP, options);
  guests.push(guest);
  return guest;
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ReturnType<typeof streamOf>;
  readonly trailers?: PromiseLike<object>;
  readonly options?: Face;
  readonly authority?: string;
}

/** A request of a guest, and the future of its sending. */
function requestOf(guest: Guest, asked: Asked): [request: Face, sent: Promise<object>] {
  const { Fields, Request } = guest("http/types");
  const headers = Fields.fromList(Object.entries(asked.headers ?? {}).map(([name, value]) => [name, bytes(value)]));
  const [request, sent] = Request.new(headers, asked.body, asked.trailers ?? NONE, asked.options);
  request.setMethod({ tag: asked.method ?? "get" });
  request.setScheme({ tag: "HTTP" });
  request.setAuthority(asked.authority ?? at);
  request.setPathWithQuery(asked.path ?? "/");
  return [request, sent];
}

/** All of a response. */
async function answerOf(guest: Guest, response: Face): Promise<object> {
  const [stream, trailers] = guest("http/types")["Response"].consumeBody(response, Promise.resolve(OK));
  const body = await read(stream);
  const end = await trailers;
  return { status: response["getStatusCode"](), body, end };
}

describe("wasi:http/client", () => {
  test("sends what a guest has made, and both futures tell how it went", async () => {
    const guest = await httpOf({ net: [at] });
    const trailers = Promise.resolve({ tag: "ok", val: guest("http/types")["Fields"].fromList([["x-t", bytes("1")]]) });
    const body = streamOf(bytes("some "), bytes("text"));
    const [request, sent] = requestOf(guest, { path: "/a?b", method: "post", body, trailers });
    const response = await guest("http/client")["send"](request);
    const {
      status,
      body: answered,
      end,
    } = (await answerOf(guest, response)) as { status: number; body: string; end: object };
    expect(status).toBe(200);
    expect(JSON.parse(answered)).toEqual({ method: "POST", url: "/a?b", body: "some text", rawTrailers: ["x-t", "1"] });
    expect(text(response.getHeaders().get("X-Is")[0])).toBe("here");
    expect([end, await sent]).toEqual([OK, OK]);
    const other = await guest("http/client")["send"](requestOf(guest, { path: "/\u00e9?\u{1f600}" })[0]);
    expect(await answerOf(guest, other)).toMatchObject({ body: expect.stringContaining('"/%C3%A9?%F0%9F%98%80"') });
    guest.events.pop();
    expect(guest.events).toEqual([
      { module: "guest", interface: "wasi:http/client", action: "send", target: `http://${at}`, granted: true },
    ]);
  });

  test("gives the trailers of a response behind its body", async () => {
    const guest = await httpOf({ net: [at] });
    const response = await guest("http/client")["send"](requestOf(guest, { path: "/trailers" })[0]);
    const { body, end } = (await answerOf(guest, response)) as { body: string; end: { val: Face } };
    expect([body, end.val["copyAll"]()]).toEqual(["body", [["x-sum", bytes("7")]]]);
  });

  test("refuses what is not granted, drops the body, and tells of it", async () => {
    const asked: unknown[] = [];
    for (const net of [
      undefined,
      ["a.example"],
      ({ host }: { host: string }) => Promise.resolve(asked.push(host) < 0),
    ]) {
      const guest = await httpOf({ net });
      const body = streamOf(bytes("secret"));
      const [request, sent] = requestOf(guest, { body });
      expect(await outcome(() => guest("http/client")["send"](request))).toEqual({
        err: { tag: "HTTP-request-denied" },
      });
      expect(await sent).toEqual({ tag: "err", val: { tag: "HTTP-request-denied" } });
      expect(body.cancelled).toBe(true);
      expect(guest.events).toMatchObject([{ action: "send", target: `http://${at}`, granted: false }]);
    }
    expect(asked).toHaveLength(1);
  });

  test("puts a secret in a header on the way to its own host alone", async () => {
    const secrets = { KEY: { value: "s3cret", hosts: [at] } };
    const guest = await guestOf([...HTTP, "cli/environment"], { net: [at, "a.example"], secrets });
    guests.push(guest);
    const [[, placeholder]] = guest("cli/environment")["getEnvironment"]();
    const elsewhere = requestOf(guest, { authority: "a.example", headers: { "x-key": placeholder } })[0];
    expect(await outcome(() => guest("http/client")["send"](elsewhere))).toEqual({
      err: { tag: "HTTP-request-denied" },
    });
    const path = `/?key=${placeholder}`;
    const response = await guest("http/client")["send"](requestOf(guest, { path })[0]);
    expect(await answerOf(guest, response)).toMatchObject({ body: expect.stringContaining("/?key=s3cret") });
  });

  test("ends with an error code what is no request, has another length than it says, or is cut", async () => {
    const guest = await httpOf({ net: [at] });
    const send = (asked: Asked): Promise<unknown> =>
      outcome(() => guest("http/client")["send"](requestOf(guest, asked)[0]));
    expect(await send({ method: "connect" })).toEqual({ err: { tag: "HTTP-request-method-invalid" } });
    for (const asked of [{ path: "a/b" }, { path: "@b.example/" }, { path: "*a" }, { authority: `user@${at}` }])
      expect(await send(asked)).toEqual({ err: { tag: "HTTP-request-URI-invalid" } });
    for (const words of [["too much"], ["too"]]) {
      const headers = { "content-length": "5" };
      const body = streamOf(...words.map(bytes));
      const [request, sent] = requestOf(guest, { method: "post", headers, body });
      const code = { tag: "HTTP-request-body-size", val: BigInt(words.join("").length) };
      expect(await outcome(() => guest("http/client")["send"](request))).toEqual({ err: code });
      expect(await sent).toEqual({ tag: "err", val: code });
    }
    const trailers = Promise.resolve({ tag: "err", val: { tag: "loop-detected" } });
    expect(await send({ method: "post", body: streamOf(bytes("a")), trailers })).toEqual({
      err: { tag: "loop-detected" },
    });
    const response = await guest("http/client")["send"](requestOf(guest, { path: "/cut" })[0]);
    expect(await answerOf(guest, response)).toMatchObject({
      body: "half",
      end: { tag: "err", val: { tag: "HTTP-response-incomplete" } },
    });
  });

  test("waits only as long as the guest says, and no longer than its call", async () => {
    const guest = await httpOf({ net: [at] });
    const options = new (guest("http/types")["RequestOptions"])();
    options.setFirstByteTimeout(1_000_000n);
    const slow = requestOf(guest, { path: "/hang", options })[0];
    expect(await outcome(() => guest("http/client")["send"](slow))).toEqual({
      err: { tag: "connection-read-timeout" },
    });
    const controller = new AbortController();
    const sending = outcome(() =>
      guest("http/client")["send"](requestOf(guest, { path: "/hang" })[0], { signal: controller.signal }),
    );
    controller.abort();
    expect(await sending).toEqual({ err: { tag: "connection-terminated" } });
  });

  test("ends what is under way with the instance", async () => {
    const guest = await httpOf({ net: [at] });
    const sending = outcome(() => guest("http/client")["send"](requestOf(guest, { path: "/hang" })[0]));
    guest.end();
    expect(await sending).toEqual({ err: { tag: "connection-terminated" } });
  });
});

describe("wasi:http/types", () => {
  test("has fields that are changed, copied and immutable where they are a message's", async () => {
    const { Fields, Request, Response } = (await httpOf({}))("http/types");
    const fields = new Fields();
    fields.append("X-A", bytes("1"));
    fields.append("x-a", bytes("2"));
    expect(fields.copyAll()).toEqual([
      ["X-A", bytes("1")],
      ["X-A", bytes("2")],
    ]);
    const listed = Fields.fromList(["b", "c", "B", "C", "b"].map((name) => [name, bytes(name)]));
    expect(listed.copyAll().map(([name]: [string]) => name)).toEqual(["b", "c", "b", "c", "b"]);
    listed.delete("B");
    listed.append("B", bytes("later"));
    expect(listed.copyAll().map(([name]: [string]) => name)).toEqual(["c", "c", "B"]);
    const [request] = Request.new(fields, undefined, NONE, undefined);
    expect(await outcome(() => request.getHeaders().append("b", bytes("c")))).toEqual({ err: { tag: "immutable" } });
    expect(fields.getAndDelete("X-a").map(text)).toEqual(["1", "2"]);
    expect([fields.has("x-a"), request.getHeaders().has("x-a")]).toEqual([false, true]);
    expect(await outcome(() => fields.set("connection", [bytes("close")]))).toEqual({ err: { tag: "forbidden" } });
    const [response] = Response.new(new Fields(), undefined, NONE);
    response.setStatusCode(404);
    expect(response.getStatusCode()).toBe(404);
    for (const none of [99, 600, 999])
      expect(await outcome(() => response.setStatusCode(none))).toEqual({ err: undefined });
  });

  test("has requests with what was set, and refuses what is none", async () => {
    const { Fields, Request, RequestOptions } = (await httpOf({}))("http/types");
    const options = new RequestOptions();
    options.setConnectTimeout(5n);
    const [request] = Request.new(new Fields(), undefined, NONE, options);
    expect([request.getMethod(), request.getScheme(), request.getAuthority(), request.getPathWithQuery()]).toEqual([
      { tag: "get" },
      undefined,
      undefined,
      undefined,
    ]);
    for (const [set, value] of [
      ["setMethod", { tag: "other", val: "a b" }],
      ["setScheme", { tag: "other", val: "1" }],
      ["setAuthority", "a b"],
      ["setScheme", { tag: "other", val: "h_p" }],
      ...["", ":@", "@@", "a@", "a b@host", "host:what"].map((none) => ["setAuthority", none] as const),
      ...["a#b", "/ ", "/\n", "/<", "/>", "/`", "/?<", "/\x7f"].map((none) => ["setPathWithQuery", none] as const),
    ] as const)
      expect(await outcome(() => request[set](value)), `${set} ${JSON.stringify(value)}`).toEqual({ err: undefined });
    for (const path of ["/", "/a/../b", "/?a", "/\u00e9?\u{1f600}`", "a/b", "../..", "?a", "*"]) {
      request.setPathWithQuery(path);
      expect(request.getPathWithQuery()).toBe(path);
    }
    request.setPathWithQuery("");
    expect(request.getPathWithQuery()).toBe("/");
    for (const authority of ["a.example:80", "[::1]:80", "user@a.example", "user:pass%20@127.0.0.1:1"]) {
      request.setAuthority(authority);
      expect(request.getAuthority()).toBe(authority);
    }
    for (const [given, had] of [
      ["GET", { tag: "get" }],
      ["PATCH", { tag: "patch" }],
      ["get", { tag: "other", val: "get" }],
      ["FIND", { tag: "other", val: "FIND" }],
    ] as const) {
      request.setMethod({ tag: "other", val: given });
      expect(request.getMethod()).toEqual(had);
    }
    for (const [given, had] of [
      ["https", { tag: "HTTPS" }],
      ["HTTP", { tag: "HTTP" }],
      ["ws", { tag: "other", val: "ws" }],
    ] as const) {
      request.setScheme({ tag: "other", val: given });
      expect(request.getScheme()).toEqual(had);
    }
    const own = request.getOptions();
    expect(own.getConnectTimeout()).toBe(5n);
    expect(await outcome(() => own.setConnectTimeout(1n))).toEqual({ err: { tag: "immutable" } });
    const copy = own.clone();
    copy.setFirstByteTimeout(7n);
    expect([copy.getConnectTimeout(), copy.getFirstByteTimeout(), copy.getBetweenBytesTimeout()]).toEqual([
      5n,
      7n,
      undefined,
    ]);
  });

  test("hands the body of a guest's own message back to it, and tells its maker how it was handled", async () => {
    const { Fields, Response } = (await httpOf({}))("http/types");
    const stream = streamOf(bytes("a"));
    const [response, sent] = Response.new(new Fields(), stream, NONE);
    const handled = { tag: "err", val: { tag: "loop-detected" } };
    const [body, trailers] = Response.consumeBody(response, Promise.resolve(handled));
    expect(body).toBe(stream);
    expect([await trailers, await sent]).toEqual([OK, handled]);
    const [dropped, why] = Response.new(new Fields(), stream, NONE);
    dropped[Symbol.dispose]();
    expect(await why).toEqual({ tag: "err", val: { tag: "connection-terminated" } });
    expect(stream.cancelled).toBe(true);
  });
});

describe("toFetchHandler", () => {
  /** A handler of a guest of 0.3. */
  async function handlerOf(
    handle: (request: Face, types: Face) => unknown,
    options: Parameters<typeof toFetchHandler>[1] = {},
  ): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
    const guest = await httpOf({});
    const call = (request: Face): unknown => handle(request, guest("http/types"));
    const get = (path: string): Function | undefined => (path === "wasi:http/handler#handle" ? call : undefined);
    const handler = toFetchHandler({ name: "guest", hash: "3", get }, options);
    return (path, init) =>
      handler(new Request(`https://a.example:8443${path}`, { ...init, duplex: "half" } as RequestInit));
  }

  test("answers by a handler of 0.3, whose bodies are streams both ways", async () => {
    const seen: unknown[] = [];
    let sent!: Promise<object>;
    const handler = await handlerOf(async (request, { Fields, Request, Response }) => {
      seen.push(
        request["getMethod"](),
        request["getScheme"](),
        request["getAuthority"](),
        request["getPathWithQuery"](),
      );
      const headers = Fields.fromList([["x-a", Buffer.from("1\xe4", "latin1")]]);
      const [stream] = Request.consumeBody(request, Promise.resolve(OK));
      const echo = { read: async () => (await stream.next()).value, cancel: async () => stream.return() };
      const [response, done] = Response.new(headers, echo, NONE);
      sent = done;
      response.setStatusCode(201);
      return response;
    });
    const response = await handler("/p?q", { method: "PUT", body: "some text" });
    expect([response.status, response.headers.get("x-a"), await response.text()]).toEqual([201, "1\xe4", "some text"]);
    expect(seen).toEqual([{ tag: "put" }, { tag: "HTTPS" }, "a.example:8443", "/p?q"]);
    expect(await sent).toEqual(OK);
  });

  test("fails with the code response where a handler gives an error, and by the stream where its body is cut", async () => {
    const failing = await handlerOf(() => {
      throw new ComponentError({ tag: "loop-detected" });
    });
    await expect(failing("/")).rejects.toMatchObject({
      code: "response",
      message: "Module guest ended its call of wasi:http/handler with the error loop-detected",
    });
    const cut = await handlerOf((_, { Fields, Response }) => {
      const trailers = Promise.resolve({ tag: "err", val: { tag: "connection-terminated" } });
      return Response.new(new Fields(), streamOf(bytes("half")), trailers)[0];
    });
    await expect((await cut("/")).text()).rejects.toMatchObject({ code: "response" });
    const trapped = await handlerOf(() => {
      throw new Error("trap");
    });
    await expect(trapped("/")).rejects.toThrow("trap");
  });

  test("drops a body that nobody reads", async () => {
    let made!: [Face, Promise<object>];
    const stream = streamOf(bytes("a"), bytes("b"));
    const answering = await handlerOf((_, { Fields, Response }) => {
      made = Response.new(new Fields(), stream, NONE);
      return made[0];
    });
    await (await answering("/")).body!.cancel();
    expect(stream.cancelled).toBe(true);
    expect(await made[1]).toMatchObject({ tag: "err" });
    const head = await answering("/", { method: "HEAD" });
    expect([head.body, await made[1]]).toEqual([null, OK]);
  });

  test("unloads a module that is loaded for each request when its response has been read", async () => {
    const guest = await httpOf({});
    const { Fields, Response } = guest("http/types");
    let unloaded = 0;
    const stream = streamOf(bytes("a"), bytes("b"));
    const handler = toFetchHandler(() => ({
      ...{ name: "guest", hash: "3" },
      get: (path: string) =>
        path === "wasi:http/handler#handle" ? () => Response.new(new Fields(), stream, NONE)[0] : undefined,
      unload: async () => void unloaded++,
    }));
    const reader = (await handler(new Request("http://a.example/"))).body!.getReader();
    await reader.read();
    expect(unloaded).toBe(0);
    while (!(await reader.read()).done);
    expect(unloaded).toBe(1);
  });
});

test("a stream of the network that a guest drops is closed", async () => {
  const guest = await httpOf({ net: [at] });
  const response = await guest("http/client")["send"](requestOf(guest, {})[0]);
  const [stream, trailers] = guest("http/types")["Response"].consumeBody(response, Promise.resolve(OK));
  await stream.return();
  expect(await trailers).toEqual(OK);
  expect(await all(stream)).toEqual([]);
});
