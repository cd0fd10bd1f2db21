/** `wasi:http` outwards in Node: what reaches a server of the test's own, and what does not leave. */
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { UnsupportedError } from "../../../../host/node/index.ts";
import { type Answered, ask, guestOf, type Guest, payloadOf, requestOf, responseTo, send, serverOf } from "./guest.ts";

interface Seen {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

let server: Server;
let at: string;
let seen: Seen[] = [];
const guests: Guest[] = [];

/** What the server does, by path. */
const PATHS: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  "/redirect": (_, response) => response.writeHead(302, { location: "http://10.0.0.1/" }).end(),
  "/trailers": (_, response) => {
    response.writeHead(200, { trailer: "x-sum" });
    response.write("body");
    response.addTrailers({ "x-sum": "7" });
    response.end();
  },
  "/cut": (_, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("half", () => response.destroy());
  },
  "/hang": () => undefined,
  "/stall": (_, response) => void response.writeHead(200).write("a"),
  "/told": (request, response) => response.end(request.headers["x-key"]),
  "/cookies": (_, response) => response.setHeader("set-cookie", ["a=1", "b=2"]).end(),
  "/upgrade": (_, response) => response.writeHead(101, { connection: "upgrade", upgrade: "x" }).end(),
};

beforeAll(async () => {
  ({ server, at } = await serverOf(async (request, response) => {
    let body = "";
    const { url = "" } = request;
    const own = PATHS[url.split("?")[0]!];
    for await (const chunk of request) body += Buffer.from(chunk as Uint8Array).toString("latin1");
    const { rawHeaders: headers, rawTrailers: trailers } = request;
    seen.push({ line: `${request.method} ${url}`, headers, body, trailers });
    if (own !== undefined) own(request, response);
    else response.setHeader("x-is", "here").end(`said ${body}`);
  }));
});

afterEach(() => {
  seen = [];
  for (const guest of guests.splice(0)) guest.end();
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

async function guestWith(...args: Parameters<typeof guestOf>): Promise<Guest> {
  const guest = await guestOf(...args);
  guests.push(guest);
  return guest;
}

test("a request has its method, path, headers and body, and the response too", async () => {
  const guest = await guestWith({ net: [at] });
  const post = { url: `http://${at}/a%20b?c=d`, method: { tag: "post" }, headers: { "X-A": "1\xe4" }, body: "text" };
  expect(await ask(guest, post)).toMatchObject({ status: 200, body: "said text" });
  const answer = await ask(guest, { url: `http://${at}?q`, method: { tag: "other", val: "PURGE" } });
  expect(answer).toMatchObject({ headers: expect.arrayContaining([["x-is", "here"]]), body: "said " });
  expect(seen).toMatchObject([
    { line: "POST /a%20b?c=d", body: "text" },
    { line: "PURGE /?q", body: "" },
  ]);
  expect(seen[0]!.headers).toEqual(["host", at, "X-A", "1\xe4", "transfer-encoding", "chunked", "Connection", "close"]);
  const target = `http://${at}`;
  const event = { module: "guest", interface: "wasi:http/outgoing-handler", action: "handle", target, granted: true };
  expect(guest.events).toEqual([event, event]);
});

test("trailers go and come, and what a server says twice comes twice", async () => {
  const guest = await guestWith({ net: [at] });
  const sent = { method: { tag: "put" }, headers: { trailer: "x-end" }, body: "b", trailers: { "x-end": "1" } };
  expect(await ask(guest, { url: `http://${at}/trailers`, ...sent })).toMatchObject({
    body: "body",
    trailers: [["x-sum", "7"]],
  });
  expect(seen[0]!.trailers).toEqual(["x-end", "1"]);
  const { headers } = (await ask(guest, { url: `http://${at}/cookies` })) as Answered;
  expect(headers.filter(([name]) => name === "set-cookie").map(([, value]) => value)).toEqual(["a=1", "b=2"]);
});

test("a redirect is the guest's to see, and is not followed", async () => {
  const guest = await guestWith({ net: [at] });
  const answer = await ask(guest, { url: `http://${at}/redirect` });
  expect(answer).toMatchObject({ status: 302, headers: expect.arrayContaining([["location", "http://10.0.0.1/"]]) });
});

test("what is not granted is refused with HTTP-request-denied before anything is sent, and told of", async () => {
  const port = at.split(":")[1]!;
  const guest = await guestWith({ net: ["a.example", `127.0.0.1:${Number(port) ^ 1}`] });
  const urls = [
    `http://${at}/`,
    `http://localhost:${port}/`,
    `http://0x7f.1:${port}/`,
    "http://b.example/",
    "http://[::1]/",
  ];
  for (const url of urls) expect(payloadOf(() => send(guest, { url }))).toEqual({ tag: "HTTP-request-denied" });
  expect(guest.events.map(({ target, granted }) => `${target} ${granted}`)).toEqual([
    `http://${at} false`,
    `http://localhost:${port} false`,
    `http://${at} false`,
    "http://b.example false",
    "http://[::1] false",
  ]);
  expect(payloadOf(() => send({ ...guest }, { url: "http://a.example@127.0.0.1/" }))).toEqual({
    tag: "HTTP-request-URI-invalid",
  });
  expect(seen).toEqual([]);
  const none = await guestWith({});
  expect(payloadOf(() => send(none, { url: `http://${at}/` }))).toEqual({ tag: "HTTP-request-denied" });
});

test("a function may decide later; what it throws ends the call", async () => {
  const [yes, no, broken] = await Promise.all([
    guestWith({ net: async () => true }),
    guestWith({ net: async () => false }),
    guestWith({ net: () => Promise.reject(new Error("no idea")) }),
  ]);
  expect(await ask(yes, { url: `http://${at}/` })).toMatchObject({ status: 200 });
  expect(await ask(no, { url: `http://${at}/` })).toEqual({ err: { tag: "HTTP-request-denied" } });
  expect(seen).toHaveLength(1);
  await expect(ask(broken, { url: `http://${at}/` })).rejects.toThrow("no idea");
});

test("a name that leads to this machine needs more than its own name", async () => {
  const port = at.split(":")[1]!;
  const named = await guestWith({ net: [`localhost:${port}`] });
  expect(await ask(named, { url: `http://localhost:${port}/` })).toMatchObject({ status: 200 });
  // The function allows the name, and not the addresses it leads to.
  const asked: unknown[] = [];
  const rebound = await guestWith({ net: ({ host, name }) => (asked.push([host, name]), host === "localhost") });
  expect(await ask(rebound, { url: `http://LOCALHOST.:${port}/` })).toMatchObject({ status: 200 });
  expect(asked).toEqual([["localhost", undefined]]);
});

test("secrets in Basic credentials reach their hosts, and no others; what else is base64 is left alone", async () => {
  const value = "s3cret:~}";
  const guest = await guestWith({
    net: [at, "b.example"],
    secrets: { KEY: { value, hosts: [at] }, OTHER: { value: "other", hosts: ["b.example"] } },
  });
  const { KEY: key, OTHER: other } = Object.fromEntries(guest.environment.getEnvironment()) as Record<string, string>;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const credentials = async (authorization: string, name = "authorization"): Promise<unknown> => {
    await ask(guest, { url: `http://${at}/`, headers: { [name]: authorization } });
    const { headers } = seen.splice(0)[0] as { headers: readonly string[] };
    return headers[headers.findIndex((header) => header.toLowerCase() === name.toLowerCase()) + 1];
  };
  // As curl, git and clients of registries send them.
  expect(await credentials(`Basic ${base64(`Üser:${key}`)}`)).toBe(`Basic ${base64(`Üser:${value}`)}`);
  expect(await credentials(`basic  ${base64(`${key}:`)}`, "AUTHORIZATION")).toBe(`basic  ${base64(`${value}:`)}`);
  for (const plain of [
    `Basic ${base64("user:word")}`,
    "Basic YQ",
    "Basic a",
    "Basic ==",
    "Basic",
    `Token ${base64(key!)}`,
  ])
    expect(await credentials(plain)).toBe(plain);
  expect(await credentials(`Basic ${base64(key!)}`, "x-key")).toBe(`Basic ${base64(key!)}`);
  for (const [url, secret] of [
    ["https://b.example/", key],
    [`http://${at}/`, other],
    ["http://b.example/", other],
  ] as const) {
    const headers = { authorization: `Basic ${base64(`user:${secret}`)}` };
    expect(payloadOf(() => send(guest, { url, headers }))).toEqual({ tag: "HTTP-request-denied" });
  }
  expect(seen).toEqual([]);
});

test("secrets reach their hosts in headers and queries, not in bodies; the guest and everybody else sees placeholders", async () => {
  const value = "s3cret & value";
  const logged = ["log", "warn", "error", "info", "debug"].map((name) => vi.spyOn(console, name as "log"));
  const guest = await guestWith({
    net: [at, "b.example"],
    env: { KEY: "shadowed", MODE: "test" },
    secrets: { KEY: { value, hosts: [at] }, OTHER: { value: "other", hosts: ["b.example"] } },
  });
  const env = Object.fromEntries(guest.environment.getEnvironment()) as Record<string, string>;
  expect(env).toEqual({
    MODE: "test",
    KEY: expect.stringMatching(/^secret-[\da-f]{32}$/),
    OTHER: expect.stringMatching(/^secret-[\da-f]{32}$/),
  });
  const { KEY: key, OTHER: other } = env as { KEY: string; OTHER: string };
  expect(key).not.toBe(other);
  const headers = { authorization: `Bearer ${key}` };
  await ask(guest, { url: `http://${at}/p/${key}?k=${key}`, method: { tag: "post" }, headers, body: key });
  expect(seen[0]).toMatchObject({ line: `POST /p/${key}?k=s3cret%20%26%20value`, body: key });
  expect(seen[0]!.headers).toContain(`Bearer ${value}`);
  // A host that gives it back is a host that the secret was meant for.
  expect(await ask(guest, { url: `http://${at}/told`, headers: { "x-key": key } })).toMatchObject({ body: value });
  // For another host, in a header or the query, and over a connection that anybody may listen to.
  const refused = [
    { url: "http://b.example/", headers },
    { url: `https://b.example/?${key}` },
    { url: "http://b.example/", headers: { "x-key": other } },
    { url: `http://${at}/`, headers: { "x-key": other } },
  ];
  for (const asked of refused) expect(payloadOf(() => send(guest, asked))).toEqual({ tag: "HTTP-request-denied" });
  expect(seen).toHaveLength(2);
  expect(JSON.stringify(guest.events)).not.toContain("s3cret");
  expect(logged.flatMap((spy) => spy.mock.calls)).toEqual([]);
  vi.restoreAllMocks();
  // Where the platform's own words would tell it.
  const telling = await guestWith({
    net: [at],
    secrets: { KEY: { value, hosts: [at] } },
    fetch: (url) => Promise.reject(new TypeError(`Could not fetch ${url} with ${value}`)),
  });
  const [[, hidden]] = telling.environment.getEnvironment();
  const { err } = (await ask(telling, { url: `http://${at}/?${hidden}` })) as { err: unknown };
  expect(err).toEqual({ tag: "internal-error", val: `Could not fetch http://${at}/?${hidden} with ${hidden}` });
  await expect(guestOf({ secrets: { KEY: { value: "a\nb", hosts: [] } } })).rejects.toThrow(
    /^Expected secrets.KEY.value to be a string of printable ASCII that is not empty$/,
  );
});

test("a guest that cannot wait is told what to turn on, before anything is sent", async () => {
  const guest = await guestWith({ net: [at] }, false);
  const error = payloadOf(() => send(guest, { url: `http://${at}/` }));
  expect(error).toBeInstanceOf(UnsupportedError);
  expect((error as Error).message).toBe(
    `Module guest would have to wait in wasi:http/outgoing-handler#handle, which a synchronous call in this thread cannot: load it with jspi: true or with isolation: "worker"`,
  );
  expect(seen).toEqual([]);
});

test("what goes wrong is the error-code that WASI has for it", async () => {
  const guest = await guestWith({ net: [at, "127.0.0.1:1", "no.invalid"] });
  const failed = async (url: string, more: object = {}): Promise<unknown> =>
    ((await ask(guest, { url, ...more })) as { err: { tag: string } }).err.tag;
  expect(await failed("http://127.0.0.1:1/")).toBe("connection-refused");
  expect(await failed(`https://${at}/`)).toBe("TLS-protocol-error");
  expect(["DNS-error", "DNS-timeout"]).toContain(await failed("http://no.invalid/"));
  expect(await failed(`http://${at}/cut`)).toBe("HTTP-response-incomplete");
  expect(await failed(`http://${at}/upgrade`)).toBe("HTTP-upgrade-failed");
  const soon = 20_000_000n;
  expect(await failed(`http://${at}/hang`, { timeouts: { firstByte: soon } })).toBe("connection-read-timeout");
  expect(await failed(`http://${at}/stall`, { timeouts: { betweenBytes: soon } })).toBe("connection-read-timeout");
  const late = send(guest, { url: `http://${at}/hang` });
  guest.end();
  expect((await responseTo(late)).err).toEqual({ tag: "connection-terminated" });
});

test("a body is as long as its headers say", async () => {
  const guest = await guestWith({ net: [at] });
  const long = (length: string, body?: string): object => ({
    url: `http://${at}/`,
    method: { tag: "post" },
    headers: { "content-length": length },
    ...(body !== undefined && { body }),
  });
  expect(await ask(guest, long("4", "four") as never)).toMatchObject({ body: "said four" });
  expect(seen[0]!.headers).not.toContain("transfer-encoding");
  expect(payloadOf(() => send(guest, long("5", "four") as never))).toEqual({ tag: "HTTP-request-body-size", val: 4n });
  for (const length of ["3", "0x3", "-1", "3, 3"])
    expect(payloadOf(() => send(guest, long(length) as never))).toEqual({
      tag: "HTTP-request-body-size",
      val: undefined,
    });
  const more = requestOf(guest, long("1", "") as never)
    .body()
    .write();
  more.checkWrite();
  more.write(new Uint8Array(2));
  const { tag, val } = payloadOf(() => more.checkWrite()) as { tag: string; val: object };
  expect([tag, guest.types["httpErrorCode"](val)]).toEqual([
    "last-operation-failed",
    { tag: "HTTP-request-body-size", val: 2n },
  ]);
});

test("a body that its guest drops before its end is not sent as if it were whole", async () => {
  const guest = await guestWith({ net: [at] });
  const request = requestOf(guest, { url: `http://${at}/`, method: { tag: "post" } });
  const body = request["body"]();
  const future = guest.handler["handle"](request, undefined);
  const stream = body.write();
  stream.checkWrite();
  stream.write(Buffer.from("half"));
  body[Symbol.dispose]();
  expect((await responseTo(future)).err).toEqual({ tag: "connection-terminated" });
  expect(seen).toEqual([]);
});

test("fields refuse what would not be one header, what is the host's, and changes of what has been sent", async () => {
  const { types } = await guestWith({});
  const value = Buffer.from("v");
  const fields = new types["Fields"]();
  const bad: [string, Buffer][] = [
    ["", value],
    ["a b", value],
    ["a\r\nb", value],
    ["a:", value],
    ["é", value],
    ["a", Buffer.from("1\r\nHost: b")],
    ["a", Buffer.from("\0")],
  ];
  for (const [name, bytes] of bad) {
    expect(payloadOf(() => fields.append(name, bytes))).toEqual({ tag: "invalid-syntax" });
    expect(payloadOf(() => types["Fields"].fromList([[name, bytes]]))).toEqual({ tag: "invalid-syntax" });
  }
  for (const name of ["Host", "connection", "Transfer-Encoding", "upgrade", "Keep-Alive"])
    expect(payloadOf(() => fields.set(name, [value]))).toEqual({ tag: "forbidden" });
  fields.append("A", value);
  fields.append("b", value);
  fields.append("a", Buffer.from("w"));
  expect([fields.has("a"), fields.has("c"), fields.get("a").length, fields.get("c")]).toEqual([true, false, 2, []]);
  fields.set("a", [Buffer.from("1"), Buffer.from("2")]);
  fields.delete("B");
  expect(fields.entries().map(([name, bytes]: [string, Buffer]) => `${name}: ${bytes}`)).toEqual(["a: 1", "a: 2"]);
  const sent = new types["OutgoingRequest"](fields).headers();
  expect(payloadOf(() => sent.append("c", value))).toEqual({ tag: "immutable" });
  sent.clone().append("c", value);
});

test("a request refuses what would make another of it", async () => {
  const { types } = await guestWith({});
  const request = new types["OutgoingRequest"](new types["Fields"]());
  const bad: [string, unknown][] = [
    ...["/a b", "/a\r\nHost: b", "/#a", "a b", "@b /"].map((path): [string, unknown] => ["setPathWithQuery", path]),
    ...["a b", "a/b", "u@", "u@a@b", "u@a/b", "a:b", "a:65536", "a\nb", "", "[::1", "::1"].map(
      (to): [string, unknown] => ["setAuthority", to],
    ),
    ["setMethod", { tag: "other", val: "GET /" }],
    ["setMethod", { tag: "other", val: "" }],
    ["setScheme", { tag: "other", val: "ht tp" }],
  ];
  for (const [set, value] of bad)
    expect([set, value, payloadOf(() => request[set](value))]).toEqual([set, value, undefined]);
  const codes = (scheme: string, authority: string | undefined, method: object, path = "/"): unknown => {
    const made = new types["OutgoingRequest"](new types["Fields"]());
    made.setScheme({ tag: scheme, val: "ftp" });
    made.setAuthority(authority);
    made.setMethod(method);
    made.setPathWithQuery(path);
    return payloadOf(() => guests.at(-1)!.handler["handle"](made, undefined));
  };
  expect(codes("other", "a", { tag: "get" })).toEqual({ tag: "HTTP-protocol-error" });
  expect(codes("HTTP", undefined, { tag: "get" })).toEqual({ tag: "HTTP-request-URI-invalid" });
  expect(codes("HTTP", "a", { tag: "connect" })).toEqual({ tag: "HTTP-request-method-invalid" });
  // Such can be said, and would go on with the name of the host or be another's where they are sent.
  for (const path of ["a", ".evil.example/", "@b/", "\\b", ":80/", "*a"])
    expect([path, codes("HTTP", "a", { tag: "get" }, path)]).toEqual([path, { tag: "HTTP-request-URI-invalid" }]);
  expect(codes("HTTP", "u@a", { tag: "get" })).toEqual({ tag: "HTTP-request-URI-invalid" });
});

test("the option fetch makes the requests in Node's place, and is told not to follow redirects", async () => {
  const calls: unknown[] = [];
  const guest = await guestWith({
    net: ["a.example:80"],
    async fetch(url, init) {
      calls.push([url, init]);
      return new Response("plain", { status: 203, headers: { "content-encoding": "gzip", "x-a": "b" } });
    },
  });
  const body = "body";
  // The body has been decoded, so that no header says otherwise.
  expect(await ask(guest, { url: "http://A.example:80/p", method: { tag: "put" }, headers: { c: "d" }, body })).toEqual(
    {
      status: 203,
      body: "plain",
      headers: [
        ["content-type", "text/plain;charset=UTF-8"],
        ["x-a", "b"],
      ],
      trailers: [],
    },
  );
  const init = { method: "PUT", headers: [["c", "d"]], body: new Uint8Array(Buffer.from(body)), redirect: "manual" };
  expect(calls).toMatchObject([["http://a.example/p", init]]);
});

test("a redirect that a page's fetch hides is an error, and a fetch that never answers is given up", async () => {
  const hidden = { type: "opaqueredirect", status: 0, headers: new Headers(), body: null } as Response;
  const page = await guestWith({ net: ["a.example"], fetch: async () => hidden });
  expect(await ask(page, { url: "http://a.example/" })).toEqual({
    err: { tag: "internal-error", val: "The server redirects, and this page's fetch does not say where" },
  });
  const silent = await guestWith({ net: ["a.example"], fetch: () => new Promise<never>(() => undefined) });
  const timeouts = { connect: 1_000_000n };
  expect(await ask(silent, { url: "http://a.example/", timeouts })).toEqual({ err: { tag: "connection-timeout" } });
  const late = send(silent, { url: "http://a.example/" });
  silent.end();
  expect((await responseTo(late)).err).toEqual({ tag: "connection-terminated" });
});
