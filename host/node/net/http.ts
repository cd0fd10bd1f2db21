/**
 * Requests of guests by Node's `http` and `https`: to the addresses that have been checked and to no others, which `fetch` cannot be
 * told. Each request has a connection of its own, redirects are not followed, and bodies are as they came.
 */
import { type ClientRequest, type IncomingMessage, request as plain } from "node:http";
import { request as encrypted } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { hostAt, type Address } from "../../wasi/net/address.ts";
import { HttpError } from "../../wasi/http/errors.ts";
import { textOf } from "../../wasi/http/fields.ts";
import type { Body } from "../../wasi/http/bodies.ts";
import { authorityFor, type Exchange, type Received } from "../../wasi/http/transport.ts";
import { addressesOf } from "./lookup.ts";

export async function carry(exchange: Exchange): Promise<Received> {
  const { scheme, host, port, signal } = exchange;
  const found = host.address === undefined ? await addressesOf(host.text) : [host.address];
  const permitted = await exchange.permitted(found);
  if (permitted.length === 0) throw new HttpError({ tag: "destination-IP-prohibited" });
  const framing = await framingOf(exchange);
  signal.throwIfAborted();
  const send = scheme === "https" ? encrypted : plain;
  const request = send({
    agent: false,
    method: exchange.method,
    host: host.text,
    port,
    path: exchange.path,
    // A list keeps the order, and names that come twice.
    headers: ["host", authorityFor(scheme, host, port), ...exchange.headers.flat(), ...framing],
    lookup: pinned(permitted),
    setHost: false,
    signal,
  });
  request.once("socket", (socket) =>
    socket.once(scheme === "https" ? "secureConnect" : "connect", () => exchange.connected()),
  );
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
    // A server that speaks another protocol from here on is not listened to.
    request.once("upgrade", (_, socket) => {
      socket.destroy();
      reject(new HttpError({ tag: "HTTP-upgrade-failed" }));
    });
  });
  const sent = sendBody(exchange, request);
  const message = await Promise.race([response, sent.then(() => response)]);
  // A guest that ends its request's body too early ends what it is answered with.
  sent.catch((error: Error) => message.destroy(error));
  return { status: message.statusCode!, headers: pairs(message.rawHeaders), body: bodyOf(message) };
}

/**
 * The header that says how long the body is, which Node does not add to a list of them. Of methods that have a body as a rule it goes at once,
 * since the guest may first want an answer; of others when it is known whether there is one.
 */
async function framingOf({ method, body, headers }: Exchange): Promise<string[]> {
  if (headers.some(([name]) => name.toLowerCase() === "content-length")) return [];
  const usual = !["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"].includes(method);
  if (!usual) await body.begun();
  if (!body.isEmpty) return ["transfer-encoding", "chunked"];
  return usual ? ["content-length", "0"] : [];
}

/** Answers with what has been resolved and checked, whoever asks. */
function pinned(addresses: readonly Address[]): LookupFunction {
  const all = addresses.map((address) => {
    const { text } = hostAt(address);
    return { address: text, family: isIP(text) };
  });
  return (_, options, callback) => {
    if (options.all === true) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };
}

async function sendBody({ body, trailers }: Exchange, request: ClientRequest): Promise<void> {
  try {
    for (let bytes; (bytes = await body.read()) !== undefined;) {
      if (!request.write(bytes)) await drained(request);
    }
    const after = trailers();
    if (after.length > 0) request.addTrailers(after.map(([name, value]): [string, string] => [name, textOf(value)]));
    request.end();
  } catch (error) {
    request.destroy(error as Error);
    throw error;
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done);
      request.off("close", done);
      resolve();
    };
    request.on("drain", done);
    request.on("close", done);
  });
}

function bodyOf(message: IncomingMessage): Body {
  // Told to whoever reads.
  message.on("error", () => undefined);
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  return {
    async read() {
      const { done, value } = await chunks.next();
      // Of a class of Node's, with a pool behind it.
      return done === true ? undefined : new Uint8Array(value);
    },
    close: () => void message.destroy(),
    trailers: () => pairs(message.rawTrailers),
  };
}

function pairs(raw: readonly string[]): [name: string, value: string][] {
  const all: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at]!, raw[at + 1]!]);
  return all;
}
