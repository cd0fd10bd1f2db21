/** `wasi:http/outgoing-handler`: requests of guests, granted or refused. */
import { fail } from "../io/error.ts";
import { Pollable } from "../io/poll.ts";
import { isThenable, type MaybePromise } from "../maybe.ts";
import { policyOf } from "../net/policy.ts";
import { type Secrets, secretsOf } from "../net/secrets.ts";
import type { WasiState } from "../state.ts";
import { type Readiness, Waiters } from "../waiting.ts";
import type { Body } from "./bodies.ts";
import { codeOf, type ErrorCode, HttpError } from "./errors.ts";
import { Fields, textOf } from "./fields.ts";
import { authorityOf, IncomingResponse, type OutgoingRequest, type RequestOptions } from "./messages.ts";
import { authorityFor, fetching, type Exchange, type Received, type Transport } from "./transport.ts";

const HANDLER = "wasi:http/outgoing-handler";
/** How long a server is waited for where the guest does not say, nanoseconds: ten minutes, as other hosts have it. */
const PATIENCE = 600_000_000_000n;
/** The longest delay of a timer, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

type Result = { readonly tag: "ok"; readonly val: IncomingResponse } | { readonly tag: "err"; readonly val: ErrorCode };

/** The requests of an instance that are under way, to be ended with it. */
class Exchanges {
  readonly #open = new Set<AbortController>();

  begin(): AbortController {
    const controller = new AbortController();
    this.#open.add(controller);
    return controller;
  }

  end(controller: AbortController): void {
    this.#open.delete(controller);
    controller.abort(new HttpError({ tag: "connection-terminated" }));
  }

  endAll(): void {
    for (const controller of this.#open) this.end(controller);
  }
}

export class FutureIncomingResponse implements Readiness {
  readonly #state: WasiState;
  readonly #waiters = new Waiters();
  readonly #cancel: () => void;
  #result: Result | undefined;
  /** What the program's own function threw. */
  #thrown: { readonly cause: unknown } | undefined;
  #got = false;

  constructor(state: WasiState, result: Promise<Result>, cancel: () => void) {
    this.#state = state;
    this.#cancel = cancel;
    void result.then(
      (value) => {
        this.#result = value;
        this.#waiters.wake();
      },
      (cause: unknown) => {
        this.#thrown = { cause };
        this.#waiters.wake();
      },
    );
  }

  ready(): boolean {
    return this.#result !== undefined || this.#thrown !== undefined;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  subscribe(): Pollable {
    return new Pollable(this.#state.waiting, this);
  }

  get(): unknown {
    if (this.#thrown !== undefined) throw this.#thrown.cause;
    if (this.#result === undefined) return undefined;
    if (this.#got) return { tag: "err", val: undefined };
    this.#got = true;
    return { tag: "ok", val: this.#result };
  }

  [Symbol.dispose](): void {
    if (!this.#got) this.#cancel();
  }
}

type Target = Pick<Exchange, "method" | "scheme" | "host" | "port" | "path" | "headers">;

/** Where a request goes. @throws an `error-code` for what is none */
function targetOf(request: OutgoingRequest): Target {
  const scheme = request.scheme()?.tag ?? "HTTPS";
  if (scheme === "other") return fail({ tag: "HTTP-protocol-error" });
  const authority = authorityOf(request.authority() ?? "");
  if (authority === undefined) return fail({ tag: "HTTP-request-URI-invalid" });
  const { tag, val } = request.method();
  // A tunnel, which is for proxies.
  if (tag === "connect" || val?.toUpperCase() === "CONNECT") fail({ tag: "HTTP-request-method-invalid" });
  const path = request.pathWithQuery() ?? "/";
  const lengths = request.headers().get("content-length").map(textOf);
  if (
    lengths.length > 1 ||
    !/^\d*$/.test(lengths[0] ?? "") ||
    (request.body_ === undefined && Number(lengths[0] ?? 0) > 0)
  )
    fail({ tag: "HTTP-request-body-size", val: undefined });
  return {
    method: val ?? tag.toUpperCase(),
    scheme: scheme === "HTTP" ? "http" : "https",
    host: authority.host,
    port: authority.port ?? (scheme === "HTTP" ? 80 : 443),
    path: path === "" || path.startsWith("?") ? `/${path}` : path,
    headers: request
      .headers()
      .entries()
      .map(([name, value]) => [name, textOf(value)]),
  };
}

/** Puts secrets in their places. @returns nothing where one of them would go to a host that it is not for */
function revealed(target: Target, secrets: Secrets): Target | undefined {
  const { scheme, host, port, path, headers } = target;
  const [, before, query] = /^([^?]*)(.*)$/s.exec(path)!;
  const texts = [query!, ...headers.map(([, value]) => value)];
  if (texts.some((text) => secrets.misused(text, host, port, scheme === "https"))) return undefined;
  return {
    ...target,
    path: before! + secrets.reveal(query!, encodeURIComponent),
    headers: headers.map(([name, value]) => [name, secrets.reveal(value)]),
  };
}

/** @param carry what carries requests to servers, where that is not a `fetch` */
export function outgoingHandler(state: WasiState, carry?: Transport): object {
  const policy = policyOf(state);
  const secrets = secretsOf(state);
  const exchanges = state.shared(Exchanges, () => {
    const made = new Exchanges();
    state.defer(() => made.endAll());
    return made;
  });
  const { fetch: given } = state.options;
  const transport: Transport = (given === undefined ? carry : undefined) ?? fetching(given);

  const told = (target: Target, granted: boolean): boolean => {
    const { scheme, host, port } = target;
    if (state.watched) state.access(HANDLER, "handle", granted, `${scheme}://${authorityFor(scheme, host, port)}`);
    return granted;
  };

  const send = async (
    asked: Target,
    granted: MaybePromise<boolean>,
    request: OutgoingRequest,
    { controller, options }: { controller: AbortController; options: RequestOptions | undefined },
  ): Promise<Result> => {
    const body = request.sent();
    const end = (): void => {
      exchanges.end(controller);
      body.cancel();
    };
    const refused = (code: ErrorCode): Result => {
      end();
      return { tag: "err", val: code };
    };
    let failure: unknown;
    const want = { protocol: asked.scheme, host: asked.host, port: asked.port } as const;
    const target = revealed(asked, secrets);
    if (!((await granted) && target !== undefined)) {
      told(asked, false);
      return refused({ tag: "HTTP-request-denied" });
    }
    told(asked, true);
    const patience = timer(controller);
    patience.begin(options?.connectTimeout() ?? PATIENCE, "connection-timeout");
    try {
      const received = await orAborted(controller.signal, transport, {
        ...target,
        body,
        trailers: () => request.body_?.trailers ?? [],
        signal: controller.signal,
        async permitted(found) {
          try {
            const permitted = await policy.leadsTo(want, found);
            if (permitted.length === 0) told(asked, false);
            return permitted;
          } catch (error) {
            // What the program's own function throws is no failure of the network.
            failure = { cause: error };
            throw error;
          }
        },
        connected: () => patience.begin(options?.firstByteTimeout() ?? PATIENCE, "connection-read-timeout"),
      });
      patience.end();
      const source = guarded(received.body, controller, { options, end, secrets });
      const headers = Fields.received(received.headers);
      return { tag: "ok", val: new IncomingResponse(state.waiting, received.status, headers, source) };
    } catch (error) {
      patience.end();
      const { signal } = controller;
      const result = refused(codeOf(signal.aborted ? signal.reason : error, (text) => secrets.conceal(text)));
      if (failure !== undefined) throw (failure as { cause: unknown }).cause;
      return result;
    }
  };

  return {
    handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse {
      const target = targetOf(request);
      const { scheme: protocol, host, port } = target;
      const granted = policy.allows({ protocol, host, port });
      if (granted === false || (!isThenable(granted) && revealed(target, secrets) === undefined)) {
        told(target, false);
        request.sent().cancel();
        return fail({ tag: "HTTP-request-denied" });
      }
      // Before anything is sent.
      if (!state.waiting.waits) throw state.waiting.refusal(`${HANDLER}#handle`);
      const controller = exchanges.begin();
      const result = send(target, granted, request, { controller, options });
      return new FutureIncomingResponse(state, result, () => exchanges.end(controller));
    },
  };
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
  { options, end, secrets }: { options: RequestOptions | undefined; end: () => void; secrets: Secrets },
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
      patience.begin(options?.betweenBytesTimeout() ?? PATIENCE, "connection-read-timeout");
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
