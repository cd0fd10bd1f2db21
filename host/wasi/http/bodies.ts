/** The resources `incoming-body`, `outgoing-body` and `future-trailers` of `wasi:http/types`. */
import { fail } from "../io/error.ts";
import { Pollable } from "../io/poll.ts";
import { Input, InputStream, OutputStream, type Source } from "../io/streams.ts";
import type { MaybePromise } from "../maybe.ts";
import { type Readiness, Waiters, type Waiting } from "../waiting.ts";
import { type ErrorCode, HttpError, knownCode } from "./errors.ts";
import { type Entry, Fields, textOf } from "./fields.ts";
import { Pipe } from "./pipe.ts";

/** A body that comes from the network. */
export interface Body extends Source {
  /** What came after the end, once that has been read. */
  trailers?(): readonly (readonly [name: string, value: string])[];
}

export class IncomingBody {
  readonly #waiting: Waiting;
  readonly #body: Body;
  readonly #input: Input;
  #taken = false;
  #finished = false;

  constructor(waiting: Waiting, body: Body) {
    this.#waiting = waiting;
    this.#body = body;
    this.#input = new Input(waiting, body);
  }

  stream(): InputStream {
    if (this.#taken) fail(undefined);
    this.#taken = true;
    // Of the body, which outlives it: what follows the bytes is still to come.
    return new InputStream(this.#waiting, this.#input);
  }

  static finish(body: IncomingBody): FutureTrailers {
    body.#finished = true;
    return new FutureTrailers(body.#waiting, body.#input, body.#body);
  }

  [Symbol.dispose](): void {
    if (!this.#finished) this.#input.close();
  }
}

/** What is left of a body is read, and not kept, when the guest asks for what follows it. */
export class FutureTrailers implements Readiness {
  readonly #waiting: Waiting;
  readonly #input: Input;
  readonly #body: Body;
  readonly #waiters = new Waiters();
  #result: { readonly tag: "ok" | "err"; readonly val: unknown } | undefined;
  #begun = false;
  #got = false;

  constructor(waiting: Waiting, input: Input, body: Body) {
    this.#waiting = waiting;
    this.#input = input;
    this.#body = body;
  }

  ready(): boolean {
    if (!this.#begun) {
      this.#begun = true;
      void this.#drain();
    }
    return this.#result !== undefined;
  }

  notify(wake: () => void): () => void {
    return this.#waiters.add(wake);
  }

  subscribe(): Pollable {
    return new Pollable(this.#waiting, this);
  }

  get(): unknown {
    if (!this.ready()) return undefined;
    if (this.#got) return { tag: "err", val: undefined };
    this.#got = true;
    return { tag: "ok", val: this.#result };
  }

  [Symbol.dispose](): void {
    this.#input.close();
  }

  /** Synchronous as far as the bytes are there. */
  async #drain(): Promise<void> {
    try {
      for (;;) {
        if (this.#input.take(2n ** 20n).length > 0) continue;
        if (!this.#input.pending) continue;
        await new Promise<void>((resolve) => void this.#input.notify(resolve));
      }
    } catch (thrown) {
      this.#result = trailersAfter(thrown, this.#body);
    }
    this.#waiters.wake();
  }
}

function trailersAfter(thrown: unknown, body: Body): { tag: "ok" | "err"; val: unknown } {
  const { payload } = thrown as { payload?: { readonly tag: string; readonly val?: { readonly cause: unknown } } };
  if (payload?.tag !== "closed") {
    const code = knownCode(payload?.val?.cause) ?? { tag: "internal-error", val: undefined };
    return { tag: "err", val: code };
  }
  const trailers = body.trailers?.() ?? [];
  return { tag: "ok", val: trailers.length === 0 ? undefined : Fields.received(trailers) };
}

/** Of which message a body is, for the names of errors. */
export type Part = "request" | "response";

export class OutgoingBody {
  readonly #waiting: Waiting;
  readonly #part: Part;
  readonly #declared: number | undefined;
  readonly #pipe: Pipe;
  #trailers: readonly Entry[] = [];
  #written = 0;
  #taken = false;

  /** @param pipe where its bytes go; @param headers those of the message, which may say how long it is */
  constructor(waiting: Waiting, part: Part, pipe: Pipe, headers: Fields) {
    this.#waiting = waiting;
    this.#part = part;
    this.#pipe = pipe;
    const [declared] = headers.get("content-length");
    this.#declared = declared === undefined ? undefined : Number(textOf(declared));
  }

  write(): OutputStream {
    if (this.#taken) fail(undefined);
    this.#taken = true;
    const write = (bytes: Uint8Array): MaybePromise<void> => {
      this.#written += bytes.length;
      if (this.#declared !== undefined && this.#written > this.#declared) throw new HttpError(this.#wrongSize());
      return this.#pipe.write(bytes);
    };
    return new OutputStream(this.#waiting, { write });
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    if (body.#declared !== undefined && body.#written !== body.#declared) {
      const code = body.#wrongSize();
      body.#pipe.end(new HttpError(code));
      fail(code);
    }
    if (trailers !== undefined) body.#trailers = trailers.entries();
    body.#pipe.end();
  }

  /** @internal */
  get trailers(): readonly Entry[] {
    return this.#trailers;
  }

  /** Without being finished, the message is not whole. */
  [Symbol.dispose](): void {
    this.#pipe.end(new HttpError({ tag: "connection-terminated" }, "The guest has dropped a body before its end"));
  }

  #wrongSize(): ErrorCode {
    return { tag: `HTTP-${this.#part}-body-size`, val: BigInt(this.#written) };
  }
}

/** A body for a message of a guest. */
export function pipeFor(waiting: Waiting, part: Part): Pipe {
  return new Pipe(() =>
    waiting.waits
      ? new HttpError({ tag: `HTTP-${part}-body-size`, val: undefined }, "Too long a body that nobody reads yet")
      : waiting.refusal(`wasi:http/types#[method]outgoing-body.write of a long ${part}`),
  );
}
