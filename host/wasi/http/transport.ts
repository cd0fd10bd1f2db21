/** What carries a request to a server, and the platform's `fetch` as that. */
import type { MaybePromise } from "../maybe.ts";
import type { WasiOptions } from "../options.ts";
import type { Address, Host } from "../net/address.ts";
import type { Body } from "./bodies.ts";
import { HttpError } from "./errors.ts";
import type { Entry } from "./fields.ts";
import { type Pipe, readAll } from "./pipe.ts";

/** A request that has been granted, with its secrets in place. */
export interface Exchange {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly host: Host;
  readonly port: number;
  /** With the query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Pipe;
  /** What follows the body, once that is at its end. */
  trailers(): readonly Entry[];
  readonly signal: AbortSignal;
  /** Of the addresses that the host's name leads to, those that may be connected to. */
  permitted(found: readonly Address[]): MaybePromise<readonly Address[]>;
  /** To be called when there is a connection. */
  connected(): void;
}

export interface Received {
  readonly status: number;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body: Body;
}

export type Transport = (exchange: Exchange) => Promise<Received>;

/** `host`, or `host:port` where the port is not the scheme's own. */
export function authorityFor(scheme: "http" | "https", host: Host, port: number): string {
  const name = host.address?.length === 16 ? `[${host.text}]` : host.text;
  return port === (scheme === "http" ? 80 : 443) ? name : `${name}:${port}`;
}

/** The addresses that a name leads to are the business of `fetch`: no program sees them. */
export function fetching(given: WasiOptions["fetch"]): Transport {
  return async ({ method, scheme, host, port, path, headers, body: pipe, signal }) => {
    // Pages send no request whose end is not known, but over HTTP/2.
    const body = await readAll(pipe);
    const send = given ?? fetch;
    const response = await send(`${scheme}://${authorityFor(scheme, host, port)}${path}`, {
      method,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      ...(body.length > 0 && { body }),
      redirect: "manual",
      signal,
    });
    if (response.type === "opaqueredirect")
      throw new HttpError({
        tag: "internal-error",
        val: "The server redirects, and this page's fetch does not say where",
      });
    // The body has been decoded.
    const decoded = response.headers.has("content-encoding");
    const entries = [...response.headers].filter(([name]) => !decoded || !/^content-(encoding|length)$/i.test(name));
    return { status: response.status, headers: entries, body: bodyOf(response.body) };
  };
}

/** The bytes of a stream of the web. */
export function bodyOf(stream: ReadableStream | null): Body {
  if (stream === null) return { immediate: true, read: () => undefined };
  const reader = stream.getReader();
  return {
    async read() {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || value === undefined) return undefined;
        if (value.length > 0) return value;
      }
    },
    close: () => void reader.cancel().then(undefined, () => undefined),
  };
}
