/** `wasi:http/incoming-handler`: one request of the web, answered by a guest. */
import { UsageError } from "../../errors.ts";
import type { Body } from "./bodies.ts";
import { Fields, textOf } from "./fields.ts";
import { type Answer, IncomingRequest, ResponseOutparam } from "./messages.ts";
import { newestOf } from "../newest.ts";
import { readAll } from "./pipe.ts";
import { BODILESS, noResponse as noResponseOf, serving } from "./serving.ts";
import type { HandlerModule } from "./to-fetch-handler.ts";
import { bodyOf } from "./transport.ts";

const HANDLER = "wasi:http/incoming-handler";

/**
 * @param ended called when the guest has nothing more to do with the request
 * @throws what the guest's call ends with, when that is no response
 */
export async function serve(
  module: HandlerModule,
  request: Request,
  maxBodyBytes: number,
  ended?: () => void,
): Promise<Response> {
  let begun = false;
  try {
    const { name } = module;
    const handle = newestOf(module, HANDLER, "handle");
    if (handle === undefined) {
      const later = newestOf(module, "wasi:http/handler", "handle");
      if (later === undefined)
        throw new UsageError(
          `Module ${name} exports neither ${HANDLER} nor wasi:http/handler, so it cannot answer requests`,
        );
      const { serve: serveAsync } = await import("../p3/http/serve.ts");
      begun = true;
      return await serveAsync({ name, handle: later }, request, ended);
    }
    const waiting = serving.find(name, module.hash)?.waiting;
    if (waiting === undefined)
      throw new UsageError(
        `Module ${name} has not the imports of tenon/wasi, which toFetchHandler needs: give it wasi()`,
      );
    const body = waiting.waits ? bodyOf(request.body) : await wholeBody(request, maxBodyBytes);
    if (body === undefined) return new Response(null, { status: 413 });
    const about = { method: request.method, url: new URL(request.url) };
    const incoming = new IncomingRequest(waiting, about, Fields.received(request.headers), body);
    begun = true;
    return await called({ name, handle, request, incoming, streams: waiting.waits, ended });
  } finally {
    if (!begun) ended?.();
  }
}

interface Call {
  readonly name: string;
  readonly handle: Function;
  readonly request: Request;
  readonly incoming: IncomingRequest;
  readonly streams: boolean;
  readonly ended: (() => void) | undefined;
}

function called({ name, handle, request, incoming, streams, ended }: Call): Promise<Response> {
  return new Promise((resolve, reject) => {
    let answer: Answer | undefined;
    const take = (given: Answer): void => {
      answer = given;
      if (streams) resolve(respond(name, request, given, true));
    };
    const call = async (): Promise<void> => {
      try {
        await handle(incoming, new ResponseOutparam(take));
        if (answer === undefined) throw noResponse(name, "without a response");
        if (!streams) resolve(respond(name, request, answer, false));
        else if (answer.tag === "ok") answer.val.pipe.end(noResponse(name, "before the end of its response"));
      } catch (error) {
        if (answer?.tag === "ok") answer.val.pipe.end(error);
        incoming[Symbol.dispose]();
        reject(error as Error);
      } finally {
        ended?.();
      }
    };
    void call();
  });
}

function noResponse(module: string, how: string): Error {
  return noResponseOf(module, HANDLER, how);
}

async function respond(module: string, request: Request, answer: Answer, streams: boolean): Promise<Response> {
  if (answer.tag === "err") throw noResponse(module, `with the error ${answer.val.tag}`);
  const response = answer.val;
  const status = response.statusCode();
  const headers = response
    .headers()
    .entries()
    .map(([name, value]): [string, string] => [name, textOf(value)]);
  const pipe = response.sent();
  if (request.method === "HEAD" || BODILESS.has(status)) {
    pipe.cancel();
    return new Response(null, { status, headers });
  }
  if (!streams) {
    if (!pipe.ended) throw noResponse(module, "before the end of its response");
    return new Response(await readAll(pipe), { status, headers });
  }
  const stream = new ReadableStream({
    async pull(controller) {
      const bytes = await pipe.read();
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
    },
    cancel: () => pipe.cancel(),
  });
  return new Response(stream, { status, headers });
}

/** The body of a request, whole. @returns nothing where it is longer than allowed */
async function wholeBody({ body: stream }: Request, most: number): Promise<Body | undefined> {
  const body = bodyOf(stream);
  const chunks: Uint8Array[] = [];
  for (let length = 0, bytes; (bytes = await body.read(most)) !== undefined;) {
    length += bytes.length;
    if (length > most) {
      body.close?.();
      return undefined;
    }
    chunks.push(bytes);
  }
  return { immediate: true, read: () => chunks.shift() };
}
