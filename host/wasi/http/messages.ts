/** The messages of `wasi:http/types`: requests and responses, those that come in and those that go out. */
import { fail } from "../io/error.ts";
import { splitPort, hostOf, type Host } from "../net/address.ts";
import type { Waiting } from "../waiting.ts";
import { type Body, IncomingBody, OutgoingBody, type Part, pipeFor } from "./bodies.ts";
import type { ErrorCode } from "./errors.ts";
import { Fields, isToken } from "./fields.ts";
import type { Pipe } from "./pipe.ts";

/** A case of the variants `method` and `scheme`. */
export interface Named {
  readonly tag: string;
  readonly val?: string | undefined;
}

const METHODS = new Set(["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"]);

export function methodOf(text: string): Named {
  const tag = text.toLowerCase();
  return METHODS.has(tag) && text === text.toUpperCase() ? { tag } : { tag: "other", val: text };
}

/** Reads `host` or `host:port`, without a user. @returns nothing where it is neither */
export function authorityOf(text: string): { readonly host: Host; readonly port: number | undefined } | undefined {
  const { host, port } = splitPort(text) ?? { host: "" };
  const found = host.includes(":") && !host.startsWith("[") ? undefined : hostOf(host);
  return found && { host: found, port };
}

/**
 * What a request may be made of. Each ends the function of the guest that gives something else with an error. What has a case of its own
 * is that case, also where it is given as `other`.
 */
export const requestChecks = {
  method(method: Named): Named {
    if (method.tag !== "other") return method;
    if (!isToken(method.val!)) fail(undefined);
    return methodOf(method.val!);
  },
  /** A relative one is a path too; where it is sent it is refused. */
  path(path: string | undefined): void {
    if (path !== undefined && !/^[^\0- #<>?`\x7f]*(?:\?[^\0- #<>\x7f]*)?$/.test(path)) fail(undefined);
  },
  scheme(scheme: Named | undefined): Named | undefined {
    if (scheme?.tag !== "other") return scheme;
    if (!/^[A-Za-z][\dA-Za-z+.-]*$/.test(scheme.val!)) fail(undefined);
    return /^https?$/i.test(scheme.val!) ? { tag: scheme.val!.toUpperCase() } : scheme;
  },
  authority(authority: string | undefined): void {
    // Users may be named; where such a request is sent it is refused.
    const named = authority?.replace(/^(?:[\w.~!$&'()*+,;=:-]|%[\da-f]{2})*@/i, "");
    if (named !== undefined && authorityOf(named) === undefined) fail(undefined);
  },
};

/** @throws what ends a function of the guest, for a number that is no status */
export function checkStatus(status: number): void {
  if (status < 100 || status > 599) fail(undefined);
}

/** What goes out has a body that can be had once. */
class Outgoing {
  /** @internal */
  readonly waiting: Waiting;
  /** @internal */
  readonly pipe: Pipe;
  /** The body, once the guest has asked for it. @internal */
  body_: OutgoingBody | undefined;
  readonly #fields: Fields;
  readonly #part: Part;

  constructor(waiting: Waiting, part: Part, headers: Fields) {
    this.waiting = waiting;
    this.#part = part;
    this.#fields = Fields.of(headers.entries(), true);
    this.pipe = pipeFor(waiting, part);
  }

  headers(): Fields {
    return this.#fields;
  }

  body(): OutgoingBody {
    if (this.body_ !== undefined) fail(undefined);
    return (this.body_ = new OutgoingBody(this.waiting, this.#part, this.pipe, this.#fields));
  }

  /** Nobody will ask for its body any more: without one, it is empty. @internal */
  sent(): Pipe {
    if (this.body_ === undefined) this.pipe.end();
    return this.pipe.attach();
  }
}

export class OutgoingRequest extends Outgoing {
  #method: Named = { tag: "get" };
  #path: string | undefined;
  #scheme: Named | undefined;
  #authority: string | undefined;

  constructor(waiting: Waiting, headers: Fields) {
    super(waiting, "request", headers);
  }

  method(): Named {
    return this.#method;
  }

  setMethod(method: Named): void {
    this.#method = requestChecks.method(method);
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): void {
    requestChecks.path(path);
    this.#path = path;
  }

  scheme(): Named | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Named | undefined): void {
    this.#scheme = requestChecks.scheme(scheme);
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    requestChecks.authority(authority);
    this.#authority = authority;
  }
}

export class OutgoingResponse extends Outgoing {
  #status = 200;

  constructor(waiting: Waiting, headers: Fields) {
    super(waiting, "response", headers);
  }

  statusCode(): number {
    return this.#status;
  }

  setStatusCode(status: number): void {
    checkStatus(status);
    this.#status = status;
  }
}

/** What came in has a body that can be had once. */
class Incoming {
  readonly #waiting: Waiting;
  readonly #headers: Fields;
  #body: Body | undefined;

  constructor(waiting: Waiting, headers: Fields, body: Body) {
    this.#waiting = waiting;
    this.#headers = headers;
    this.#body = body;
  }

  headers(): Fields {
    return this.#headers;
  }

  consume(): IncomingBody {
    const body = this.#body;
    if (body === undefined) return fail(undefined);
    this.#body = undefined;
    return new IncomingBody(this.#waiting, body);
  }

  [Symbol.dispose](): void {
    this.#body?.close?.();
    this.#body = undefined;
  }
}

export class IncomingResponse extends Incoming {
  readonly #status: number;

  constructor(waiting: Waiting, status: number, headers: Fields, body: Body) {
    super(waiting, headers, body);
    this.#status = status;
  }

  status(): number {
    return this.#status;
  }
}

export class IncomingRequest extends Incoming {
  readonly #method: string;
  readonly #url: URL;

  constructor(waiting: Waiting, request: { readonly method: string; readonly url: URL }, headers: Fields, body: Body) {
    super(waiting, headers, body);
    this.#method = request.method;
    this.#url = request.url;
  }

  method(): Named {
    return methodOf(this.#method);
  }

  pathWithQuery(): string {
    return this.#url.pathname + this.#url.search;
  }

  scheme(): Named {
    return { tag: this.#url.protocol === "https:" ? "HTTPS" : "HTTP" };
  }

  authority(): string {
    return this.#url.host;
  }
}

/** Nanoseconds, as WASI has them. */
export class RequestOptions {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#connect = duration;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#firstByte = duration;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }
}

/** What a guest answers a request with. */
export type Answer =
  | { readonly tag: "ok"; readonly val: OutgoingResponse }
  | { readonly tag: "err"; readonly val: ErrorCode };

/** Where the answer to one request goes. */
export class ResponseOutparam {
  readonly #take: (answer: Answer) => void;

  constructor(take: (answer: Answer) => void) {
    this.#take = take;
  }

  static set(param: ResponseOutparam, answer: Answer): void {
    param.#take(answer);
  }

  /** A `Response` of the platform has none of these. */
  sendInformational(): never {
    return fail({ tag: "internal-error", val: "Informational responses cannot be sent here" });
  }
}
