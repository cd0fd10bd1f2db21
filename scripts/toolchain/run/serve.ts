/**
 * `tenon run --listen`: a component that answers requests, behind Node's own server.
 *
 * A fresh instance answers each request, as guests of `wasi:http` expect: none sees what another was asked.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { UsageError } from "../../../host/errors.ts";
import type { HostOptions, LoadOptions, Module } from "../../../host/module/types.ts";
import { createHost } from "../../../host/node/index.ts";
import { toFetchHandler } from "../../../host/node/wasi.ts";
import { hostOf, splitPort } from "../../../host/wasi/net/address.ts";
import { wordsOf } from "../../../host/words.ts";
import { named, placeOf, read } from "./command.ts";

/** Methods that a request of the web cannot have. */
const REFUSED = new Set(["CONNECT", "TRACE", "TRACK"]);

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `PORT` or `ADDRESS:PORT`. A port of this machine alone is meant where no address is named.
 * @throws {UsageError} for anything else
 */
export function addressOf(text: string): Address {
  const whole = /^\d+$/.test(text) ? `127.0.0.1:${text}` : text;
  const { host = "", port } = splitPort(whole) ?? {};
  const found = hostOf(host);
  if (port !== undefined && found?.address !== undefined) return { host: found.text, port };
  throw new UsageError(`Expected --listen to be PORT or ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:80, got ${text}`);
}

/** An address as one writes it. */
export function shown({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What tells of a server that runs. */
export interface Told {
  /** It answers at this address. */
  begun(url: string): void;
  /** A request was not answered by the guest. */
  failed(text: string): void;
}

/**
 * Serves until it is interrupted. Requests that are under way then are answered before it ends; a second interrupt ends it at once.
 * @param file a component that exports `wasi:http/incoming-handler` or `wasi:http/handler`
 * @throws {UsageError} when it cannot listen there
 * @throws {LinkError} when the component imports what nobody gives here
 */
export async function serveUntilInterrupted(
  file: string,
  { host: at, port }: Address,
  options: HostOptions,
  told: Told,
): Promise<void> {
  const { bytes } = await read(file);
  const host = createHost(options);
  // Where the engine can suspend a guest it waits in this thread; elsewhere, and for asynchronous ones, `options` say where.
  const suspends = "Suspending" in WebAssembly && (await placeOf(file)) === "worker";
  const how = suspends ? { jspi: true, isolation: "thread" } : {};
  let count = 0;
  const load = (): Promise<Module> => host.load(bytes, { name: `main-${++count}`, ...how } as LoadOptions);
  const answer = toFetchHandler(load);
  const server = createServer((request, response) => {
    const answered = async (asked: Request): Promise<Response> => {
      try {
        return await answer(asked);
      } finally {
        // A connection that is kept would keep a server that ends.
        if (!server.listening) response.shouldKeepAlive = false;
      }
    };
    void exchange(request, response, answered).catch((error: unknown) => {
      // A client that has gone is no failure of the guest.
      if (request.destroyed && !request.complete) return;
      told.failed(`${request.method} ${request.url}: ${wordsOf(error)}`);
    });
  });
  try {
    // What is wrong with the component is told before anybody asks.
    await (await named(file, load)).unload();
    server.listen({ host: at, port });
    await once(server, "listening").catch((cause: unknown) => {
      throw new UsageError(`Could not listen on ${shown({ host: at, port })}: ${wordsOf(cause)}`, { cause });
    });
    const { address, port: chosen } = server.address() as AddressInfo;
    const interrupted = interrupt();
    told.begun(`http://${shown({ host: address, port: chosen })}/`);
    await interrupted;
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    await closed;
  } finally {
    server.close();
    await host.close();
  }
}

/** The first interrupt. The next one ends the process, as it does where nobody listens. */
function interrupt(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ["SIGINT", "SIGTERM"] as const;
    const done = (): void => {
      for (const signal of signals) process.off(signal, done);
      resolve();
    };
    for (const signal of signals) process.on(signal, done);
  });
}

async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const asked = requestOf(request);
  if (asked === undefined) return void response.writeHead(400).end();
  let given: Response;
  try {
    given = await answer(asked);
  } catch (error) {
    response.writeHead(500).end();
    throw error;
  }
  const cookies = given.headers.getSetCookie();
  const headers = Object.fromEntries([...given.headers].filter(([name]) => name !== "set-cookie"));
  response.writeHead(given.status, { ...headers, ...(cookies.length > 0 && { "set-cookie": cookies }) });
  if (given.body === null) response.end();
  else await pipeline(Readable.fromWeb(given.body as ReadableStream), response);
}

/** A request as the web has it. @returns nothing where it has none */
function requestOf(request: IncomingMessage): Request | undefined {
  const { method = "GET", url = "/", headers, rawHeaders } = request;
  if (REFUSED.has(method) || !url.startsWith("/")) return undefined;
  const sent: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) sent.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  const body = method === "GET" || method === "HEAD" ? null : (Readable.toWeb(request) as never);
  try {
    return new Request(`http://${headers.host ?? "localhost"}${url}`, {
      ...{ method, headers: sent, body },
      ...{ duplex: "half" },
    });
  } catch {
    return undefined;
  }
}
