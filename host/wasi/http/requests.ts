/** Requests of guests, granted or refused, and carried to servers: what both versions of `wasi:http` send by. */
import { fail } from "../io/error.ts";
import { isThenable, type MaybePromise } from "../maybe.ts";
import { type NetPolicy, policyOf } from "../net/policy.ts";
import { readable, type Secrets, secretsOf } from "../net/secrets.ts";
import type { WasiState } from "../state.ts";
import type { Body } from "./bodies.ts";
import { codeOf, type ErrorCode, HttpError } from "./errors.ts";
import { type Entry, Fields, textOf } from "./fields.ts";
import { authorityOf, type Named } from "./messages.ts";
import type { Pipe } from "./pipe.ts";
import { authorityFor, fetching, type Exchange, type Received, type Transport } from "./transport.ts";

/** How long a server is waited for where the guest does not say, nanoseconds: ten minutes, as other hosts have it. */
const PATIENCE = 600_000_000_000n;
/** The longest delay of a timer, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A request as a guest has made it. */
export interface Asked {
  readonly method: Named;
  readonly scheme: Named | undefined;
  readonly authority: string | undefined;
  readonly path: string | undefined;
  readonly headers: Fields;
  readonly hasBody: boolean;
}

/** What goes with a request that is sent. */
export interface Sending {
  readonly body: Pipe;
  /** What follows the body, once that is at its end. */
  trailers(): readonly Entry[];
  readonly timeouts: Timeouts | undefined;
}

/** Nanoseconds, as WASI has them. */
export interface Timeouts {
  connectTimeout(): bigint | undefined;
  firstByteTimeout(): bigint | undefined;
  betweenBytesTimeout(): bigint | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Body;
}

export type Outcome = { readonly tag: "ok"; readonly val: Answer } | { readonly tag: "err"; readonly val: ErrorCode };

type Target = Pick<Exchange, "method" | "scheme" | "host" | "port" | "path" | "headers">;

/** A request that is not refused, unless what `granted` promises refuses it. */
interface Permitted {
  readonly target: Target;
  readonly granted: MaybePromise<boolean>;
}

/** Where a request goes. @throws an `error-code` for what is none */
function targetOf(request: Asked): Target {
  const scheme = request.scheme?.tag ?? "HTTPS";
  if (scheme === "other") return fail({ tag: "HTTP-protocol-error" });
  const authority = authorityOf(request.authority ?? "");
  if (authority === undefined) return fail({ tag: "HTTP-request-URI-invalid" });
  const { tag, val } = request.method;
  // A tunnel, which is for proxies.
  if (tag === "connect" || val?.toUpperCase() === "CONNECT") fail({ tag: "HTTP-request-method-invalid" });
  // A path that began with something else would go on with the name of the host.
  const path = /^(?:$|[/?]|\*$)/.test(request.path ?? "")
    ? encoded(request.path ?? "/")
    : fail({ tag: "HTTP-request-URI-invalid" });
  const lengths = request.headers.get("content-length").map(textOf);
  if (lengths.length > 1 || !/^\d*$/.test(lengths[0] ?? "") || (!request.hasBody && Number(lengths[0] ?? 0) > 0))
    fail({ tag: "HTTP-request-body-size", val: undefined });
  return {
    method: val ?? tag.toUpperCase(),
    scheme: scheme === "HTTP" ? "http" : "https",
    host: authority.host,
    port: authority.port ?? (scheme === "HTTP" ? 80 : 443),
    path: path === "" || path.startsWith("?") ? `/${path}` : path,
    headers: request.headers.entries().map(([name, value]) => [name, textOf(value)]),
  };
}

/** As it is written in requests, which are of ASCII. */
function encoded(path: string): string {
  return path.replace(/[^!-~]+/g, encodeURIComponent);
}

/** Puts secrets in their places. @returns nothing where one of them would go to a host that it is not for */
function revealed(target: Target, secrets: Secrets): Target | undefined {
  const { scheme, host, port, path, headers } = target;
  const [, before, query] = /^([^?]*)(.*)$/s.exec(path)!;
  const values = headers.map(([name, value]) => readable(name, value));
  const texts = [query!, ...values.map(({ text }) => text)];
  if (texts.some((text) => secrets.misused(text, host, port, scheme === "https"))) return undefined;
  return {
    ...target,
    path: before! + secrets.reveal(query!, encodeURIComponent),
    headers: headers.map(([name], at) => [name, values[at]!.written(secrets.reveal(values[at]!.text))]),
  };
}

/** The requests of an instance that are under way, to be ended with it. */
export class Requests {
  readonly #policy: NetPolicy;
  readonly #secrets: Secrets;
  readonly #transport: Transport;
  readonly #open = new Set<AbortController>();

  /** @param carry what carries requests to servers, where that is not a `fetch` */
  constructor(state: WasiState, carry: Transport | undefined) {
    this.#policy = policyOf(state);
    this.#secrets = secretsOf(state);
    const { fetch: given } = state.options;
    this.#transport = (given === undefined ? carry : undefined) ?? fetching(given);
    state.defer(() => {
      for (const controller of this.#open) this.end(controller);
    });
  }

  begin(): AbortController {
    const controller = new AbortController();
    this.#open.add(controller);
    return controller;
  }

  end(controller: AbortController): void {
    this.#open.delete(controller);
    controller.abort(new HttpError({ tag: "connection-terminated" }));
  }

  /**
   * Asks whether a request may be sent.
   * @param told called when it is known, with what the request is for
   * @returns nothing where it is refused
   * @throws an `error-code` for what is no request
   */
  permit(request: Asked, told: Told): Permitted | undefined {
    const target = targetOf(request);
    const { scheme: protocol, host, port } = target;
    const granted = this.#policy.allows({ protocol, host, port });
    if (granted !== false && (isThenable(granted) || revealed(target, this.#secrets) !== undefined))
      return { target, granted };
    told(false, shown(target));
    return undefined;
  }

  /** Sends it. What the program's own function throws is thrown. */
  async send(
    { target: asked, granted }: Permitted,
    sending: Sending,
    controller: AbortController,
    told: Told,
  ): Promise<Outcome> {
    const { body, timeouts } = sending;
    const end = (): void => {
      this.end(controller);
      body.cancel();
    };
    const refused = (code: ErrorCode): Outcome => {
      end();
      return { tag: "err", val: code };
    };
    let failure: unknown;
    const want = { protocol: asked.scheme, host: asked.host, port: asked.port } as const;
    const target = revealed(asked, this.#secrets);
    if (!((await granted) && target !== undefined)) {
      told(false, shown(asked));
      return refused({ tag: "HTTP-request-denied" });
    }
    told(true, shown(asked));
    const patience = timer(controller);
    patience.begin(timeouts?.connectTimeout() ?? PATIENCE, "connection-timeout");
    try {
      const received = await orAborted(controller.signal, this.#transport, {
        ...target,
        body,
        trailers: () => sending.trailers(),
        signal: controller.signal,
        permitted: async (found) => {
          try {
            const permitted = await this.#policy.leadsTo(want, found);
            if (permitted.length === 0) told(false, shown(asked));
            return permitted;
          } catch (error) {
            // What the program's own function throws is no failure of the network.
            failure = { cause: error };
            throw error;
          }
        },
        connected: () => patience.begin(timeouts?.firstByteTimeout() ?? PATIENCE, "connection-read-timeout"),
      });
      patience.end();
      const source = guarded(received.body, controller, { timeouts, end, secrets: this.#secrets });
      return { tag: "ok", val: { status: received.status, headers: Fields.received(received.headers), body: source } };
    } catch (error) {
      patience.end();
      const { signal } = controller;
      const result = refused(codeOf(signal.aborted ? signal.reason : error, (text) => this.#secrets.conceal(text)));
      if (failure !== undefined) throw (failure as { cause: unknown }).cause;
      return result;
    }
  }
}

/** Tells of a request that was granted or refused. */
export type Told = (granted: boolean, target: string) => void;

function shown({ scheme, host, port }: Target): string {
  return `${scheme}://${authorityFor(scheme, host, port)}`;
}

/** What a transport receives, unless it is told to stop: a `fetch` of the program's own may not care. */
function orAborted(signal: AbortSignal, transport: Transport, exchange: Exchange): Promise<Received> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    return void transport(exchange).then(resolve, reject);
  });
}

/** Ends an exchange that takes too long. */
function timer(controller: AbortController): { begin(ns: bigint, tag: string): void; end(): void } {
  let running: unknown;
  const end = (): void => clearTimeout(running as never);
  controller.signal.addEventListener("abort", end, { once: true });
  return {
    begin(ns, tag) {
      end();
      running = setTimeout(() => controller.abort(new HttpError({ tag })), Math.min(Number(ns) / 1e6, LONGEST_TIMER));
    },
    end,
  };
}

/** A body whose exchange ends with it, and which waits for its next bytes only so long. */
function guarded(
  body: Body,
  controller: AbortController,
  { timeouts, end, secrets }: { timeouts: Timeouts | undefined; end: () => void; secrets: Secrets },
): Body {
  const patience = timer(controller);
  const done = (bytes: Uint8Array | undefined): Uint8Array | undefined => {
    patience.end();
    if (bytes === undefined) end();
    return bytes;
  };
  const later = async (bytes: PromiseLike<Uint8Array | undefined>): Promise<Uint8Array | undefined> => {
    try {
      return done(await bytes);
    } catch (error) {
      return failed(error);
    }
  };
  const failed = (error: unknown): never => {
    patience.end();
    const { aborted, reason } = controller.signal;
    const code = codeOf(aborted ? reason : error, (text) => secrets.conceal(text));
    end();
    throw new HttpError(code.tag === "connection-terminated" ? { tag: "HTTP-response-incomplete" } : code);
  };
  return {
    ...(body.immediate === true && { immediate: true }),
    read(most) {
      patience.begin(timeouts?.betweenBytesTimeout() ?? PATIENCE, "connection-read-timeout");
      try {
        const bytes = body.read(most);
        return isThenable(bytes) ? later(bytes) : done(bytes);
      } catch (error) {
        return failed(error);
      }
    },
    close() {
      patience.end();
      body.close?.();
      end();
    },
    trailers: () => body.trailers?.() ?? [],
  };
}
