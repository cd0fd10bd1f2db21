/** The resources of `wasi:http/types` 0.3: requests, responses and what a request is to wait for. */
import type { Body } from "../../http/bodies.ts";
import type { ErrorCode } from "../../http/errors.ts";
import { Fields } from "../../http/fields.ts";
import { checkStatus, methodOf, type Named, requestChecks, RequestOptions as Timeouts } from "../../http/messages.ts";
import { fail, WasiTrap } from "../../io/error.ts";
import { err, type GuestStream } from "../streams.ts";
import { type Consumed, type Content, GuestContent, HostContent, type Sent, type Trailers } from "./content.ts";

/** What was never sent. */
const DROPPED: ErrorCode = { tag: "connection-terminated" };

/** The resource `request-options`. */
export class RequestOptions {
  /** @internal */
  readonly timeouts: Timeouts = new Timeouts();
  #immutable = false;

  getConnectTimeout(): bigint | undefined {
    return this.timeouts.connectTimeout();
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#mutable().setConnectTimeout(duration);
  }

  getFirstByteTimeout(): bigint | undefined {
    return this.timeouts.firstByteTimeout();
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#mutable().setFirstByteTimeout(duration);
  }

  getBetweenBytesTimeout(): bigint | undefined {
    return this.timeouts.betweenBytesTimeout();
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#mutable().setBetweenBytesTimeout(duration);
  }

  clone(): RequestOptions {
    const made = new RequestOptions();
    made.setConnectTimeout(this.getConnectTimeout());
    made.setFirstByteTimeout(this.getFirstByteTimeout());
    made.setBetweenBytesTimeout(this.getBetweenBytesTimeout());
    return made;
  }

  /** @internal */
  frozen(): RequestOptions {
    const made = this.clone();
    made.#immutable = true;
    return made;
  }

  #mutable(): Timeouts {
    if (this.#immutable) fail({ tag: "immutable" });
    return this.timeouts;
  }
}

/** What requests and responses have in common: headers, which stay, and what is in it, which is had once. */
class Message {
  readonly #headers: Fields;
  #content: Content | undefined;

  /** @internal */
  constructor(headers: Fields, content: Content) {
    this.#headers = headers;
    this.#content = content;
  }

  getHeaders(): Fields {
    return this.#headers;
  }

  /** @internal */
  take(): Content {
    const content = this.#content;
    if (content === undefined) throw new WasiTrap("The message has been handed on");
    this.#content = undefined;
    return content;
  }

  [Symbol.dispose](): void {
    this.#content?.end(err(DROPPED));
    this.#content = undefined;
  }
}

function immutable(headers: Fields): Fields {
  return Fields.of(headers.entries(), true);
}

export class Request extends Message {
  #method: Named = { tag: "get" };
  #path: string | undefined;
  #scheme: Named | undefined;
  #authority: string | undefined;
  #options: RequestOptions | undefined;

  static new(
    headers: Fields,
    contents: GuestStream | undefined,
    trailers: PromiseLike<Trailers>,
    options: RequestOptions | undefined,
  ): [Request, Promise<Sent>] {
    const content = new GuestContent("request", headers, contents, trailers);
    const request = new Request(immutable(headers), content);
    request.#options = options?.frozen();
    return [request, content.sent];
  }

  /** One that came from the network. @internal */
  static received(method: string, url: URL, headers: Fields, body: Body): Request {
    const request = new Request(headers, new HostContent(body));
    request.#method = methodOf(method);
    request.#path = url.pathname + url.search;
    request.#scheme = { tag: url.protocol === "https:" ? "HTTPS" : "HTTP" };
    request.#authority = url.host;
    return request;
  }

  getMethod(): Named {
    return this.#method;
  }

  setMethod(method: Named): void {
    this.#method = requestChecks.method(method);
  }

  getPathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): void {
    requestChecks.path(path);
    this.#path = path === "" ? "/" : path;
  }

  getScheme(): Named | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Named | undefined): void {
    this.#scheme = requestChecks.scheme(scheme);
  }

  getAuthority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    requestChecks.authority(authority);
    this.#authority = authority;
  }

  getOptions(): RequestOptions | undefined {
    return this.#options;
  }

  static consumeBody(request: Request, handled: PromiseLike<Sent>): Consumed {
    return request.take().consume(handled);
  }
}

export class Response extends Message {
  #status = 200;

  static new(
    headers: Fields,
    contents: GuestStream | undefined,
    trailers: PromiseLike<Trailers>,
  ): [Response, Promise<Sent>] {
    const content = new GuestContent("response", headers, contents, trailers);
    return [new Response(immutable(headers), content), content.sent];
  }

  /** One that came from the network. @internal */
  static received(status: number, headers: Fields, body: Body): Response {
    const response = new Response(headers, new HostContent(body));
    response.#status = status;
    return response;
  }

  getStatusCode(): number {
    return this.#status;
  }

  setStatusCode(status: number): void {
    checkStatus(status);
    this.#status = status;
  }

  static consumeBody(response: Response, handled: PromiseLike<Sent>): Consumed {
    return response.take().consume(handled);
  }
}
