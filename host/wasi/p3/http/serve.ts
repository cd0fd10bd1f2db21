/** `wasi:http/handler` 0.3: one request of the web, answered by a guest. Bodies are streams. */
import { ComponentError } from "../../../errors.ts";
import type { ErrorCode } from "../../http/errors.ts";
import { Fields, textOf } from "../../http/fields.ts";
import { BODILESS, noResponse } from "../../http/serving.ts";
import { bodyOf } from "../../http/transport.ts";
import { err, OK } from "../streams.ts";
import type { Content, Sent } from "./content.ts";
import { Request as IncomingRequest, type Response as OutgoingResponse } from "./messages.ts";

const HANDLER = "wasi:http/handler";

/** What answers. */
export interface Handler {
  /** The module's name. */
  readonly name: string;
  readonly handle: Function;
}

/**
 * @param ended called when the guest has nothing more to do with the request: its response has been read, or nobody reads it
 * @throws what the guest's call ends with, when that is no response
 */
export async function serve({ name, handle }: Handler, request: Request, ended?: () => void): Promise<Response> {
  const headers = Fields.received(request.headers);
  const incoming = IncomingRequest.received(request.method, new URL(request.url), headers, bodyOf(request.body));
  try {
    const response = (await handle(incoming)) as OutgoingResponse;
    return respond(name, request, response, ended);
  } catch (error) {
    incoming[Symbol.dispose]();
    ended?.();
    if (!(error instanceof ComponentError)) throw error;
    throw noResponse(name, HANDLER, `with the error ${(error.payload as ErrorCode).tag}`);
  }
}

function respond(name: string, request: Request, response: OutgoingResponse, ended?: () => void): Response {
  const status = response.getStatusCode();
  const headers = response
    .getHeaders()
    .copyAll()
    .map(([key, value]): [string, string] => [key, textOf(value)]);
  const content = response.take();
  const end = (sent: Sent): void => {
    content.end(sent);
    ended?.();
  };
  if (request.method === "HEAD" || BODILESS.has(status)) {
    const empty = new Response(null, { status, headers });
    end(OK);
    return empty;
  }
  const stream = new ReadableStream({
    async pull(controller) {
      try {
        const bytes = await next(name, content);
        if (bytes !== undefined) return controller.enqueue(bytes);
        end(OK);
        controller.close();
      } catch (error) {
        end(err({ tag: "connection-terminated" }));
        controller.error(error);
      }
    },
    cancel: () => end(err({ tag: "connection-terminated" })),
  });
  return new Response(stream, { status, headers });
}

/** The next bytes; `undefined` when all were there, and the guest says so. */
async function next(name: string, content: Content): Promise<Uint8Array | undefined> {
  const bytes = await content.read();
  if (bytes !== undefined) return bytes;
  const trailers = await content.trailers();
  if (trailers.tag === "err") throw noResponse(name, HANDLER, `before the end of its response: ${trailers.val.tag}`);
  return undefined;
}
