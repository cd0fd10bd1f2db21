/** `wasi:http/outgoing-handler`: requests of guests, granted or refused. */
import { fail } from "../io/error.ts";
import { Pollable } from "../io/poll.ts";
import type { WasiState } from "../state.ts";
import { type Readiness, Waiters } from "../waiting.ts";
import type { ErrorCode } from "./errors.ts";
import { IncomingResponse, type OutgoingRequest, type RequestOptions } from "./messages.ts";
import { type Outcome, Requests, type Told } from "./requests.ts";
import type { Transport } from "./transport.ts";

const HANDLER = "wasi:http/outgoing-handler";

type Result = { readonly tag: "ok"; readonly val: IncomingResponse } | { readonly tag: "err"; readonly val: ErrorCode };

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

/** @param carry what carries requests to servers, where that is not a `fetch` */
export function outgoingHandler(state: WasiState, carry?: Transport): object {
  const requests = state.shared(Requests, () => new Requests(state, carry));
  const told: Told = (granted, target) => {
    if (state.watched) state.access(HANDLER, "handle", granted, target);
  };
  const received = (outcome: Outcome): Result => {
    if (outcome.tag === "err") return outcome;
    const { status, headers, body } = outcome.val;
    return { tag: "ok", val: new IncomingResponse(state.waiting, status, headers, body) };
  };
  return {
    handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse {
      const permitted = requests.permit(
        {
          method: request.method(),
          scheme: request.scheme(),
          authority: request.authority(),
          path: request.pathWithQuery(),
          headers: request.headers(),
          hasBody: request.body_ !== undefined,
        },
        told,
      );
      if (permitted === undefined) {
        request.sent().cancel();
        return fail({ tag: "HTTP-request-denied" });
      }
      // Before anything is sent.
      if (!state.waiting.waits) throw state.waiting.refusal(`${HANDLER}#handle`);
      const controller = requests.begin();
      const sending = { body: request.sent(), trailers: () => request.body_?.trailers ?? [], timeouts: options };
      const result = requests.send(permitted, sending, controller, told).then(received);
      return new FutureIncomingResponse(state, result, () => requests.end(controller));
    },
  };
}
