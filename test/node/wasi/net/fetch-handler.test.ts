/** `toFetchHandler` on guests that are written here: what reaches them, and what comes of their answers. */
import { expect, test } from "vitest";
import { toFetchHandler, type FetchHandlerOptions } from "../../../../host/node/wasi.ts";
import { type Face, guestOf, payloadOf } from "./guest.ts";

type Handle = (request: Face, out: Face, types: Face) => unknown;

/** A handler of a guest with the name and hash of {@link guestOf}'s. */
async function handlerOf(
  handle: Handle,
  { waits = true, ...options }: FetchHandlerOptions & { waits?: boolean } = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const { types } = await guestOf({}, waits);
  const call = (request: Face, out: Face): unknown => handle(request, out, types);
  const handler = toFetchHandler({ name: "guest", hash: waits ? "waits" : "0", get: () => call }, options);
  return (path, init) => handler(new Request(`https://a.example:8443${path}`, init));
}

/** Answers with a status, headers and the parts of a body, after each of which it waits. */
async function answer({ types, out }: { types: Face; out: Face }, status: number, ...parts: string[]): Promise<void> {
  const headers = types["Fields"].fromList([["x-a", Buffer.from("1\xe4", "latin1")]]);
  const response = new types["OutgoingResponse"](headers);
  response.setStatusCode(status);
  const body = response.body();
  const stream = body.write();
  types["ResponseOutparam"].set(out, { tag: "ok", val: response });
  for (const part of parts) await stream.blockingWriteAndFlush(Buffer.from(part));
  types["OutgoingBody"].finish(body, undefined);
}

async function bodyOf(request: Face): Promise<string> {
  const stream = request["consume"]().stream();
  let text = "";
  try {
    for (;;) text += Buffer.from(await stream.blockingRead(100n)).toString();
  } catch (error) {
    expect(error).toEqual({ payload: { tag: "closed" } });
    return text;
  }
}

test("a guest has the request's method, address, headers and body, and its answer is a Response", async () => {
  const seen: unknown[] = [];
  const handler = await handlerOf(async (request, out, types) => {
    const headers = request["headers"]();
    seen.push(request["method"](), request["scheme"](), request["authority"](), request["pathWithQuery"]());
    seen.push(headers.has("host"), Buffer.from(headers.get("X-Who")[0]).toString(), await bodyOf(request));
    expect(payloadOf(() => headers.append("a", Buffer.from("b")))).toEqual({ tag: "immutable" });
    await answer({ types, out }, 201, "one ", "two");
  });
  const init = { method: "PATCH", body: "text", headers: { host: "evil", "x-who": "me" } };
  const response = await handler("/a%20b?c", init);
  expect([response.status, response.headers.get("x-a"), await response.text()]).toEqual([201, "1\xe4", "one two"]);
  const where = [{ tag: "HTTPS" }, "a.example:8443", "/a%20b?c"];
  expect(seen).toEqual([{ tag: "patch" }, ...where, false, "me", "text"]);
});

test("a guest that waits streams: its response is there before its end, and it is held up where nobody reads", async () => {
  let written = 0;
  let go: () => void = () => undefined;
  const handler = await handlerOf(async (_, out, types) => {
    const response = new types["OutgoingResponse"](new types["Fields"]());
    const body = response.body();
    const stream = body.write();
    types["ResponseOutparam"].set(out, { tag: "ok", val: response });
    await new Promise<void>((resolve) => (go = resolve));
    for (; written < 1000; written++) await stream.blockingWriteAndFlush(new Uint8Array(4096));
    types["OutgoingBody"].finish(body, undefined);
  });
  const response = await handler("/");
  expect(written).toBe(0);
  go();
  const reader = response.body!.getReader();
  expect((await reader.read()).value).toHaveLength(4096);
  // A little ahead of who reads.
  expect(written).toBeLessThan(100);
  let length = 4096;
  for (let read; !(read = await reader.read()).done;) length += read.value.length;
  expect([length, written]).toEqual([4_096_000, 1000]);
});

test("who reads no further closes the guest's stream", async () => {
  let told: unknown;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const handler = await handlerOf(async (_, out, types) => {
    const response = new types["OutgoingResponse"](new types["Fields"]());
    const stream = response.body().write();
    types["ResponseOutparam"].set(out, { tag: "ok", val: response });
    try {
      for (;;) await stream.blockingWriteAndFlush(new Uint8Array(4096));
    } catch (error) {
      told = (error as { payload: unknown }).payload;
    }
    end();
  });
  const { body } = await handler("/");
  await body!.cancel();
  await ended;
  expect(told).toEqual({ tag: "closed" });
});

test("a guest that cannot wait has the whole body, and its response is whole", async () => {
  const handler = await handlerOf(
    (request, out, types) => {
      const stream = request["consume"]().stream();
      const text = Buffer.from(stream.blockingRead(100n)).toString();
      expect(payloadOf(() => stream.blockingRead(1n))).toEqual({ tag: "closed" });
      void answer({ types, out }, 200, text.toUpperCase());
    },
    { waits: false, maxBodyBytes: 4 },
  );
  expect(await (await handler("/", { method: "POST", body: "text" })).text()).toBe("TEXT");
  expect(await handler("/", { method: "POST", body: "texts" })).toMatchObject({ status: 413 });
});

test("statuses without a body, and HEAD, have none", async () => {
  const handler = await handlerOf((request, out, types) =>
    answer({ types, out }, Number(request["pathWithQuery"]().slice(1)), "ignored").catch(() => undefined),
  );
  for (const status of [204, 205, 304]) expect(await handler(`/${status}`)).toMatchObject({ status, body: null });
  expect(await handler("/404", { method: "HEAD" })).toMatchObject({ status: 404, body: null });
});

test("a guest without a response, with an error, and one that fails reject, before the response and in its midst", async () => {
  const message = "Module guest ended its call of wasi:http/incoming-handler";
  for (const waits of [true, false]) {
    const none = await handlerOf(() => undefined, { waits });
    await expect(none("/")).rejects.toMatchObject({ code: "response", message: `${message} without a response` });
    const wrong = await handlerOf(
      (_, out, types) => types["ResponseOutparam"].set(out, { tag: "err", val: { tag: "loop-detected" } }),
      { waits },
    );
    await expect(wrong("/")).rejects.toMatchObject({ message: `${message} with the error loop-detected` });
    const fails = (): never => {
      throw new TypeError("trap");
    };
    await expect((await handlerOf(fails, { waits }))("/")).rejects.toThrow("trap");
    const half = await handlerOf(
      (_, out, types) => {
        const response = new types["OutgoingResponse"](new types["Fields"]());
        response.body().write();
        types["ResponseOutparam"].set(out, { tag: "ok", val: response });
      },
      { waits },
    );
    const text = (async () => (await half("/")).text())();
    await expect(text).rejects.toThrow(`${message} before the end of its response`);
  }
  const answered = await handlerOf(() => undefined, {
    onError: (error) => new Response(String(error), { status: 502 }),
  });
  expect(await answered("/")).toMatchObject({ status: 502 });
});

test("a module for each request is unloaded when its call has ended, whatever came of it", async () => {
  const { types } = await guestOf({}, false);
  const unloaded: number[] = [];
  let count = 0;
  const handler = toFetchHandler(({ url }) => {
    const number = ++count;
    const handle = (_: Face, out: Face): void => {
      if (url.endsWith("fail")) throw new Error("trap");
      void answer({ types, out }, 200, `by ${number}`);
    };
    return { name: "guest", hash: "0", get: () => handle, unload: async () => void unloaded.push(number) };
  });
  expect(await (await handler(new Request("http://a.example/"))).text()).toBe("by 1");
  await expect(handler(new Request("http://a.example/fail"))).rejects.toThrow("trap");
  expect(await (await handler(new Request("http://a.example/"))).text()).toBe("by 3");
  expect(unloaded).toEqual([1, 2, 3]);
});

test("what is no handler is refused with what is missing", async () => {
  const handler = (module: object): Promise<Response> =>
    toFetchHandler(module as never)(new Request("http://a.example/"));
  await expect(handler({ name: "m", hash: "1", get: () => undefined })).rejects.toThrow(
    "Module m exports neither wasi:http/incoming-handler nor wasi:http/handler, so it cannot answer requests",
  );
  await expect(handler({ name: "m", hash: "1", get: () => () => undefined })).rejects.toThrow(
    "Module m has not the imports of tenon/wasi, which toFetchHandler needs: give it wasi()",
  );
  expect(() => toFetchHandler({} as never, { maxBodyBytes: -1 })).toThrow("Expected maxBodyBytes");
});
