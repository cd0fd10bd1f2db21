/** What is in a message of `wasi:http` 0.3: bytes, then trailers, from a guest or from the network; it can be had once. */
import type { Body, Part } from "../../http/bodies.ts";
import { type ErrorCode, HttpError, knownCode } from "../../http/errors.ts";
import { Fields, textOf } from "../../http/fields.ts";
import { CLOSED } from "../../io/streams.ts";
import type { MaybePromise } from "../../maybe.ts";
import { CHUNK, drop, err, flowing, flowOf, type GuestStream, type Result } from "../streams.ts";

export type Trailers = Result<Fields | undefined, ErrorCode>;
export type Sent = Result<undefined, ErrorCode>;

/** What a guest has of a body. */
export type Consumed = [stream: GuestStream | AsyncIterable<Uint8Array> | [], trailers: PromiseLike<Trailers>];

export interface Content {
  /** Whether there is a body, which may be empty. */
  readonly isThere: boolean;
  /** The next bytes; `undefined` at the end. */
  read(): MaybePromise<Uint8Array | undefined>;
  /** What follows the bytes, once they are at their end. */
  trailers(): Promise<Trailers>;
  /** Hands all of it to a guest, which says by `handled` how that went. */
  consume(handled: PromiseLike<Sent>): Consumed;
  /** It has been sent, or why not: whoever made the message is told, once. What is left of it is dropped. */
  end(sent: Sent): void;
}

const TERMINATED: ErrorCode = { tag: "connection-terminated" };

/** The `error-code` of what a body ended with. */
export function bodyCode(error: unknown): ErrorCode {
  return error === CLOSED ? TERMINATED : (knownCode(error) ?? { tag: "internal-error", val: undefined });
}

/** From a guest. */
export class GuestContent implements Content {
  /** Resolves with what {@link end} is told. */
  readonly sent: Promise<Sent>;
  readonly #stream: GuestStream | undefined;
  readonly #trailers: PromiseLike<Trailers>;
  readonly #declared: number | undefined;
  readonly #part: Part;
  #read = 0;
  #over = false;
  #settle!: (sent: Sent) => void;

  /** @param headers those of the message, which may say how long it is */
  constructor(part: Part, headers: Fields, stream: GuestStream | undefined, trailers: PromiseLike<Trailers>) {
    this.#part = part;
    this.#stream = stream;
    this.#trailers = trailers;
    const [declared] = headers.get("content-length");
    this.#declared = declared === undefined ? undefined : Number(textOf(declared));
    this.sent = new Promise((resolve) => (this.#settle = resolve));
  }

  get isThere(): boolean {
    return this.#stream !== undefined;
  }

  /** @throws {HttpError} for more or fewer bytes than the headers say */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#over) return undefined;
    const bytes = await this.#stream?.read(CHUNK);
    this.#read += bytes?.length ?? 0;
    const declared = this.#declared;
    if (declared === undefined || this.#over) return bytes;
    if (bytes === undefined ? this.#read === declared : this.#read <= declared) return bytes;
    const code = { tag: `HTTP-${this.#part}-body-size`, val: BigInt(this.#read) };
    this.end(err(code));
    throw new HttpError(code);
  }

  async trailers(): Promise<Trailers> {
    try {
      return await this.#trailers;
    } catch {
      // Its writer has gone.
      return err(TERMINATED);
    }
  }

  consume(handled: PromiseLike<Sent>): Consumed {
    this.#over = true;
    void handled.then(this.#settle, () => this.#settle(err(TERMINATED)));
    return [this.#stream ?? [], this.#trailers];
  }

  end(sent: Sent): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#stream !== undefined) drop(this.#stream);
    this.#settle(sent);
  }
}

/** From the network. */
export class HostContent implements Content {
  readonly isThere = true;
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  read(): MaybePromise<Uint8Array | undefined> {
    return this.#body.read(CHUNK);
  }

  // oxlint-disable-next-line require-await
  async trailers(): Promise<Trailers> {
    const trailers = this.#body.trailers?.() ?? [];
    return { tag: "ok", val: trailers.length === 0 ? undefined : Fields.received(trailers) };
  }

  consume(handled: PromiseLike<Sent>): Consumed {
    // Nobody is there to be told of it.
    void handled.then(undefined, () => undefined);
    const [stream, ended] = flowing(flowOf(this.#body), bodyCode);
    return [stream, ended.then((result) => (result.tag === "ok" ? this.trailers() : result))];
  }

  end(): void {
    this.#body.close?.();
  }
}
