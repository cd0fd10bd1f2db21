/** `wasi:http/client` 0.3: requests of guests, granted, refused and sent as those of 0.2. */
import type { ImportCall } from "../../../model/async-values.ts";
import { HttpError } from "../../http/errors.ts";
import type { Entry } from "../../http/fields.ts";
import { Pipe } from "../../http/pipe.ts";
import { Requests, type Told } from "../../http/requests.ts";
import type { Transport } from "../../http/transport.ts";
import { fail } from "../../io/error.ts";
import type { WasiState } from "../../state.ts";
import { err, OK } from "../streams.ts";
import { bodyCode, type Content, type Sent } from "./content.ts";
import { type Request, Response } from "./messages.ts";

const CLIENT = "wasi:http/client";

/** @param carry what carries requests to servers, where that is not a `fetch` */
export function client(state: WasiState, carry?: Transport): object {
  const requests = state.shared(Requests, () => new Requests(state, carry));
  const told: Told = (granted, target) => {
    if (state.watched) state.access(CLIENT, "send", granted, target);
  };
  return {
    async send(request: Request, call?: ImportCall): Promise<Response> {
      const content = request.take();
      try {
        const asked = {
          method: request.getMethod(),
          scheme: request.getScheme(),
          authority: request.getAuthority(),
          path: request.getPathWithQuery(),
          headers: request.getHeaders(),
          hasBody: content.isThere,
        };
        const permitted = requests.permit(asked, told) ?? fail({ tag: "HTTP-request-denied" });
        const controller = requests.begin();
        call?.signal.addEventListener("abort", () => requests.end(controller), { once: true });
        const upload = new Upload(content);
        const sending = {
          body: upload.pipe,
          trailers: () => upload.trailers,
          timeouts: request.getOptions()?.timeouts,
        };
        const outcome = await requests.send(permitted, sending, controller, told);
        if (outcome.tag === "err") fail(outcome.val);
        else {
          const { status, headers, body } = outcome.val;
          upload.received();
          return Response.received(status, headers, body);
        }
      } catch (error) {
        content.end(err((error as { payload?: never }).payload ?? bodyCode(error)));
        throw error;
      }
    },
  };
}

/** What is in a request, on its way to a server. */
class Upload {
  readonly pipe: Pipe = new Pipe(() => new HttpError({ tag: "internal-error" })).attach();
  trailers: readonly Entry[] = [];
  readonly #content: Content;
  readonly #sent: Promise<Sent>;

  constructor(content: Content) {
    this.#content = content;
    this.#sent = this.#send();
  }

  /** There is an answer: what becomes of the rest is told when that is sent. */
  received(): void {
    void this.#sent.then((sent) => this.#content.end(sent));
  }

  async #send(): Promise<Sent> {
    const { pipe } = this;
    try {
      for (let bytes; (bytes = await this.#content.read()) !== undefined;) await pipe.write(bytes);
      const trailers = await this.#content.trailers();
      if (trailers.tag === "err") throw new HttpError(trailers.val);
      this.trailers = trailers.val?.entries() ?? [];
      pipe.end();
      return OK;
    } catch (error) {
      pipe.end(error instanceof Error ? error : new HttpError(bodyCode(error)));
      return err(bodyCode(error));
    }
  }
}
