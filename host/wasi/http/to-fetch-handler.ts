/** `toFetchHandler`: a module that answers requests of `wasi:http` as a function from requests to responses. */
import { checkOptions, expect, number } from "../../runtime/options.ts";
import type { MaybePromise } from "../maybe.ts";

/** What is needed of a module. */
export interface HandlerModule {
  readonly name: string;
  readonly hash: string;
  readonly exports?: object;
  get(path: string): Function | undefined;
}

export interface FetchHandlerOptions {
  /**
   * How long the body of a request may be, in bytes, where the guest cannot wait for it and it is read before the call; a longer one is
   * answered with the status 413. Default 16,777,216 (16 MiB).
   */
  readonly maxBodyBytes?: number | undefined;
  /** Answers in place of a guest that trapped, or ended without a response. Default: the promise is rejected. */
  readonly onError?: ((error: unknown, request: Request) => MaybePromise<Response>) | undefined;
}

/** A module that is made for one request, and unloaded when its call has ended. */
export type RequestModule = HandlerModule & { unload(): PromiseLike<unknown> };

/** Bytes: 16 MiB. */
const MOST_BUFFERED = 16 * 2 ** 20;

/**
 * Makes a handler in the style of `fetch` of a module that has the imports of `wasi()` and exports `wasi:http/incoming-handler`, or
 * `wasi:http/handler` of 0.3: for Hono, Deno, Bun, workerd, service workers (with tenon bundled into their script, as they have no
 * `import()`), and whatever else has `Request` and `Response`. Bodies are streams in 0.3, and in 0.2 where the guest may wait
 * (`jspi: true`, `isolation: "worker"`); else the request's is read before the call, and the response is whole after it.
 * @param module the module, which in 0.2 answers one request after the other; or a function that loads one for each request, as guests of
 *   componentize-js need, which answer a single one: it is unloaded when its call has ended and its response has been read
 * @returns a function that rejects with what the call ended with, such as a `TrapError`, with the code `response` when the guest gives no
 *   response, and with `UsageError` when the module is no handler
 * @throws {UsageError} for options that do not exist or do not fit
 */
export function toFetchHandler(
  module: HandlerModule | ((request: Request) => MaybePromise<RequestModule>),
  options: FetchHandlerOptions = {},
): (request: Request) => Promise<Response> {
  checkOptions<FetchHandlerOptions>("toFetchHandler", options, {
    maxBodyBytes: number,
    onError: expect("a function", (value) => typeof value === "function"),
  });
  const { maxBodyBytes = MOST_BUFFERED, onError } = options;
  return async (request) => {
    try {
      const { serve } = await import("./serve.ts");
      if (typeof module !== "function") return await serve(module, request, maxBodyBytes);
      const made = await module(request);
      // What unloading finds wrong is in the module's receipt and events.
      const end = (): void => void made.unload().then(undefined, () => undefined);
      return await serve(made, request, maxBodyBytes, end);
    } catch (error) {
      if (onError === undefined) throw error;
      return onError(error, request);
    }
  };
}
