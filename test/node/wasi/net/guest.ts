/** A guest of `wasi:http` for tests: it calls the imports that `wasi` makes as generated bindings would. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { wasi, type AccessEvent, type WasiOptions } from "../../../../host/node/wasi.ts";

/** The classes and functions of an interface. */
export type Face = Record<string, any>;

export interface Guest {
  readonly types: Face;
  readonly handler: Face;
  readonly environment: Face;
  readonly events: AccessEvent[];
  /** Ends the instance. */
  end(): void;
}

/** What an instance is given that can wait, as in a worker. */
export async function guestOf(options: WasiOptions, waits = true): Promise<Guest> {
  const ends: (() => unknown)[] = [];
  const events: AccessEvent[] = [];
  const imports: Record<string, Face> = await wasi({ ...options, onAccess: (event) => events.push(event) })({
    module: "guest",
    component: { name: "guest", hash: waits ? "waits" : "0", waits, exports: [], imports: INTERFACES },
    defer: (end: () => void) => (ends.push(end), () => undefined),
  } as never);
  return {
    types: imports["wasi:http/types@0.2.3"]!,
    handler: imports["wasi:http/outgoing-handler@0.2.3"]!,
    environment: imports["wasi:cli/environment@0.2.3"]!,
    events,
    end: () => ends.forEach((end) => end()),
  };
}

const INTERFACES = ["wasi:http/types", "wasi:http/outgoing-handler", "wasi:cli/environment"].map((name) => ({
  name: `${name}@0.2.3`,
  type: { kind: "instance", exports: [] },
}));

/** What a function ended with: its error's payload, or what it threw. */
export function payloadOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error : (error as { payload: unknown }).payload;
  }
  throw new Error("Expected an error");
}

export interface Asked {
  readonly url: string;
  readonly method?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly trailers?: Readonly<Record<string, string>>;
  readonly timeouts?: { readonly connect?: bigint; readonly firstByte?: bigint; readonly betweenBytes?: bigint };
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const fieldsOf = ({ Fields }: Face, entries: Readonly<Record<string, string>> = {}): object =>
  Fields.fromList(Object.entries(entries).map(([name, value]) => [name, bytes(value)]));

/** A request, not yet sent. */
export function requestOf({ types }: Guest, { url, method, headers }: Asked): Face {
  const [, scheme, authority, path] = /^(\w+):\/\/([^/?]*)(.*)$/.exec(url)!;
  const request = new types.OutgoingRequest(fieldsOf(types, headers));
  if (method !== undefined) request.setMethod(method);
  request.setScheme({ tag: scheme!.toUpperCase() });
  request.setAuthority(authority);
  request.setPathWithQuery(path);
  return request;
}

/** Sends a request. @returns the future response */
export function send(guest: Guest, asked: Asked): Face {
  const { types, handler } = guest;
  const request = requestOf(guest, asked);
  const body = asked.body === undefined ? undefined : request.body();
  const options = new types.RequestOptions();
  options.setConnectTimeout(asked.timeouts?.connect);
  options.setFirstByteTimeout(asked.timeouts?.firstByte);
  options.setBetweenBytesTimeout(asked.timeouts?.betweenBytes);
  const future = handler.handle(request, options);
  if (body !== undefined) {
    const stream = body.write();
    stream.checkWrite();
    stream.write(bytes(asked.body!));
    stream[Symbol.dispose]();
    types.OutgoingBody.finish(body, asked.trailers && fieldsOf(types, asked.trailers));
  }
  return future;
}

export interface Answered {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
}

const shown = (fields: Face | undefined): [string, string][] =>
  (fields?.entries() ?? []).map(([name, value]: [string, Uint8Array]) => [
    name.toLowerCase(),
    Buffer.from(value).toString("latin1"),
  ]);

/** Waits for the answer. @returns the response, or the `error-code` */
export async function responseTo(future: Face): Promise<{ readonly ok?: Face; readonly err?: unknown }> {
  await future.subscribe().block();
  const { val } = future.get();
  return val.tag === "ok" ? { ok: val.val } : { err: val.val };
}

/** Sends a request and reads the whole answer. */
export async function ask(guest: Guest, asked: Asked): Promise<Answered | { readonly err: unknown }> {
  const { ok: response, err } = await responseTo(send(guest, asked));
  if (response === undefined) return { err };
  const incoming = response.consume();
  const stream = incoming.stream();
  let text = "";
  try {
    for (;;) text += Buffer.from(await stream.blockingRead(65_536n)).toString("latin1");
  } catch (error) {
    const { payload } = error as { payload: { tag: string; val: object } };
    if (payload.tag !== "closed") return { err: guest.types.httpErrorCode(payload.val) };
  }
  stream[Symbol.dispose]();
  const future = guest.types.IncomingBody.finish(incoming);
  await future.subscribe().block();
  const headers = shown(response.headers());
  return { status: response.status(), headers, body: text, trailers: shown(future.get().val.val) };
}

/** A server on the loopback. */
export async function serverOf(listener: RequestListener): Promise<{ readonly server: Server; readonly at: string }> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, at: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
