/** Declarations of asynchronous functions, streams and futures: their text, and which programs the compiler accepts with them. */
import { expect, test } from "vitest";
import { Budget } from "../../host/budget.ts";
import type { FuncType, ValueType } from "../../host/model/types.ts";
import { declarations } from "../../scripts/toolchain/types/dts.ts";
import { compile, declare, hostConfig, wasiPackages } from "./declare.ts";

/** What the compiler says of a program that uses declarations and the host's own types. */
function compileWithHost(files: Record<string, string>): Promise<string> {
  return compile({ ...files, "tsconfig.json": hostConfig(), "globals.d.ts": "" });
}

const feed = `package demo:feed@0.1.0;
  interface types {
    resource row { name: async func() -> string; read-all: static async func() -> list<row>; }
    record page { url: string, body: stream<u8>, trailers: future<result<list<string>, string>> }
    type bytes = stream<u8>;
    type rows = stream<list<string>>;
  }
  interface pages {
    use types.{page, bytes};
    /// Gets a page.
    fetch: async func(url: string, limit: option<u32>) -> result<page, string>;
    put: func(page: page, options: future<u8>) -> bytes;
    sleep: async func(call: u64);
  }
  interface api {
    use types.{row, rows, bytes};
    /// Adds.
    sum: async func(a: u32, b: option<u32>) -> u32;
    save: async func(options: string, %call: string) -> result<_, error-context>;
    pass: func(%from: bytes, to: rows, rest: stream) -> tuple<bytes, rows, stream>;
    later: func(at: future<string>, done: future) -> future;
    soonest: async func(at: future<future<u64>>) -> result<future<u64>, string>;
    open: async func() -> option<row>;
  }
  world feeder { import pages; export types; export api; export run: async func() -> result; import now: async func() -> u64; }`;

test("the declarations of asynchronous functions, streams and futures in both directions", async () => {
  const text = await declare(feed);
  expect(text).toMatchInlineSnapshot(`
    "// The world demo:feed/feeder@0.1.0, for the host. Written by tenon; do not edit.
    /// <reference lib="esnext.disposable" />
    import type { CallOptions, ErrorContext, GuestResource, GuestStream, ImportCall, StreamSource, World } from "tenon";

    /** The interface \`demo:feed/types@0.1.0\`. */
    export interface DemoFeedTypesImport {
      Row: DemoFeedTypesImport.RowClass;
    }
    export namespace DemoFeedTypesImport {
      export interface Row extends Partial<Disposable> {
        name(call: ImportCall): string | PromiseLike<string>;
      }
      /** The class of {@link Row}. */
      export interface RowClass {
        readonly prototype: Row;
        readAll(call: ImportCall): readonly DemoFeedTypesImport.Row[] | PromiseLike<readonly DemoFeedTypesImport.Row[]>;
      }
      export interface Page {
        url: string;
        body: GuestStream<number, Uint8Array>;
        trailers: Promise<{ tag: "ok"; val: string[] } | { tag: "err"; val: string }>;
      }
      /** {@link Page} as the host may give it. */
      export interface PageInput {
        url: string;
        body: StreamSource<number, Uint8Array>;
        trailers: { tag: "ok"; val: readonly string[] } | { tag: "err"; val: string } | PromiseLike<{ tag: "ok"; val: readonly string[] } | { tag: "err"; val: string }>;
      }
      export type Bytes = GuestStream<number, Uint8Array>;
      export type Rows = GuestStream<string[]>;
    }

    /** The interface \`demo:feed/pages@0.1.0\`. */
    export interface DemoFeedPages {
      /**
       * Gets a page.
       * @throws ComponentError with \`payload\` string
       */
      fetch(url: string, limit: number | undefined, call: ImportCall): DemoFeedPages.PageInput | PromiseLike<DemoFeedPages.PageInput>;
      put(page: DemoFeedPages.Page, options: Promise<number>): DemoFeedPages.Bytes;
      sleep(call: bigint, call_: ImportCall): void | PromiseLike<void>;
    }
    export namespace DemoFeedPages {
      export type Page = DemoFeedTypesImport.Page;
      /** {@link Page} as the host may give it. */
      export type PageInput = DemoFeedTypesImport.PageInput;
      export type Bytes = StreamSource<number, Uint8Array>;
    }

    /** The interface \`demo:feed/types@0.1.0\`. */
    export interface DemoFeedTypes {
      Row: DemoFeedTypes.RowClass;
    }
    export namespace DemoFeedTypes {
      export interface Row extends GuestResource<"demo:feed/types@0.1.0#row"> {
        name(options?: CallOptions): Promise<string>;
      }
      /** The class of {@link Row}. */
      export type RowClass = (abstract new (...args: never) => Row) & {
        readAll(options?: CallOptions): Promise<DemoFeedTypes.Row[]>;
      };
      export interface Page {
        url: string;
        body: GuestStream<number, Uint8Array>;
        trailers: Promise<{ tag: "ok"; val: string[] } | { tag: "err"; val: string }>;
      }
      export type Bytes = GuestStream<number, Uint8Array>;
      export type Rows = GuestStream<string[]>;
    }

    /** The interface \`demo:feed/api@0.1.0\`. */
    export interface DemoFeedApi {
      Row: DemoFeedTypes.RowClass;
      /** Adds. */
      sum(a: number, b?: number | undefined, options?: CallOptions): Promise<number>;
      /** @throws ComponentError with \`payload\` ErrorContext */
      save(options: string, call: string, options_?: CallOptions): Promise<void>;
      pass(from: DemoFeedApi.BytesInput, to: DemoFeedApi.RowsInput, rest: StreamSource<undefined, number>): [DemoFeedApi.Bytes, DemoFeedApi.Rows, GuestStream<undefined, number>];
      later(at: string | PromiseLike<string>, done: void | PromiseLike<void>): Promise<void>;
      /** @throws ComponentError with \`payload\` string */
      soonest(at: bigint | PromiseLike<bigint>, options?: CallOptions): Promise<bigint>;
      open(options?: CallOptions): Promise<DemoFeedTypes.Row | undefined>;
    }
    export namespace DemoFeedApi {
      export type Row = DemoFeedTypes.Row;
      export type Rows = GuestStream<string[]>;
      /** {@link Rows} as the host may give it. */
      export type RowsInput = StreamSource<readonly string[]>;
      export type Bytes = GuestStream<number, Uint8Array>;
      /** {@link Bytes} as the host may give it. */
      export type BytesInput = StreamSource<number, Uint8Array>;
    }

    export interface Feeder extends World {
      imports: {
        "demo:feed/types@0.1.0": DemoFeedTypesImport;
        "demo:feed/pages@0.1.0": DemoFeedPages;
        now(call: ImportCall): bigint | PromiseLike<bigint>;
      };
      exports: {
        "demo:feed/types@0.1.0": DemoFeedTypes;
        types: DemoFeedTypes;
        "demo:feed/api@0.1.0": DemoFeedApi;
        api: DemoFeedApi;
        /** @throws ComponentError with no payload */
        run(options?: CallOptions): Promise<void>;
      };
    }
    "
  `);
  expect(await compileWithHost({ "feeder.d.ts": text })).toBe("");
});

test("programs that give and take what the declarations of asynchronous functions say", async () => {
  const use = `
    import { attempt, type CallResult, createHost, type GuestStream, type Module } from "tenon";
    import type { DemoFeedPages, DemoFeedTypes, Feeder } from "./feeder.d.ts";
    class Row { async name() { return ""; } static readAll() { return []; } }
    const fetched = async (url: string): Promise<DemoFeedPages.PageInput> =>
      ({ url, body: [new Uint8Array(1)].values(), trailers: Promise.resolve({ tag: "ok", val: ["a"] }) });
    const feeder = await createHost().load<Feeder>("feeder.wasm", {
      imports: {
        "demo:feed/types": { Row },
        "demo:feed/pages": {
          fetch: (url, limit, { signal }) => (signal.throwIfAborted(), limit === 0 ? { url, body: [1], trailers: { tag: "err", val: "" } } : fetched(url)),
          put: ({ body, trailers }, options) => (void Promise.all([trailers, options]), body),
          sleep: async (time) => void time,
        },
        now: () => 1n,
      },
    });
    const { api, types, run } = feeder.exports;
    const { signal } = new AbortController();
    await run({ signal });
    export const sum: number = (await api.sum(1, 2, { signal })) + (await api.sum(1)) + (await api.sum(1, undefined, {}));
    const outcome = attempt(() => api.save("a", "b"));
    export const failed: Promise<CallResult<void>> = outcome;
    const [bytes, rows, rest] = api.pass(new Uint8Array(1), [["a"]].values(), new Set([3]));
    for await (const chunk of bytes) for (const byte of chunk) export_(byte);
    for await (const chunk of rows) for (const row of chunk) for (const text of row) export_(text.length);
    for await (const units of rest) export_(units);
    function export_(value: number): void { void value; }
    api.pass(bytes, rows, rest);
    await api.later("a", undefined);
    await api.later(Promise.resolve("a"), run());
    export const wide: bigint = await api.soonest(1n);
    const row: DemoFeedTypes.Row | undefined = await api.open();
    export const name: string | undefined = await row?.name({ signal });
    export const all: DemoFeedTypes.Row[] = await types.Row.readAll();
    export async function there(worker: Module<Feeder>): Promise<GuestStream<number, Uint8Array>> {
      const { exports } = await createHost({ isolation: "worker" }).load<Feeder>("feeder.wasm");
      for (const one of await exports.types.Row.readAll()) void (await one.name()).length;
      const [first] = await exports.api.pass(worker.exports.api.pass([], [], [])[0], [], []);
      return first;
    }
    // @ts-expect-error: a promise is no number
    const soon: number = api.sum(1);
    // @ts-expect-error: a signal is given in an object
    api.sum(1, 2, signal);
    // @ts-expect-error: there is no such option
    api.sum(1, 2, { timeoutMs: 1 });
    // @ts-expect-error: a string is no stream of bytes
    api.pass("a", [], []);
    // @ts-expect-error: a future of a string has no number
    api.later(Promise.resolve(1), undefined);
    // @ts-expect-error: a stream is read before there are bytes
    const now: Uint8Array = bytes;
    // @ts-expect-error: a promise of the wrong thing
    const put: DemoFeedPages["put"] = (page, options) => options;
    // @ts-expect-error: an asynchronous import gives a promise of a page, or one
    const fetch: DemoFeedPages["fetch"] = async (url) => url;
    export { soon, now, put, fetch };`;
  expect(await compileWithHost({ "feeder.d.ts": await declare(feed), "use.ts": use })).toBe("");
});

test("what a component exports asynchronously may meet another's import", async () => {
  const api = `package demo:api; interface api {
    resource row { name: async func() -> string; }
    copy: func(bytes: stream<u8>, done: future<string>) -> stream<list<u8>>;
    sum: async func(a: u32, b: option<u32>) -> result<u32, string>; }`;
  const use = `
    import type { Giver } from "./giver.d.ts";
    import type { Taker } from "./taker.d.ts";
    declare const giver: Giver["exports"]["api"];
    const { copy, sum } = giver;
    export const imports: Omit<Taker["imports"]["demo:api/api"], "Row"> = { copy, sum };
    // @ts-expect-error: a function of something else
    export const wrong: Pick<Taker["imports"]["demo:api/api"], "copy"> = { copy: sum };`;
  const files = {
    "giver.d.ts": await declare(`${api} world giver { export api; }`),
    "taker.d.ts": await declare(`${api} world taker { import api; }`),
  };
  expect(await compileWithHost({ ...files, "use.ts": use })).toBe("");
});

test("no type of a world hides those that asynchronous declarations name", async () => {
  const text = await declare(`package demo:names;
    interface names {
      record promise { x: u8 }
      record promise-like { x: u8 }
      record uint8-array { x: u8 }
      record guest-stream { options: u8 }
      record stream-source { call: u8 }
      record call-options { x: promise }
      record import-call { x: u8 }
      enum error-context2 { none }
      f: async func(options: call-options, options2: stream-source) -> guest-stream;
      g: func(a: stream<u8>, b: future<promise>) -> stream<promise-like>;
      h: func() -> result<future<uint8-array>, error-context>;
    }
    world promise { import names; export names; export tenon-call-options: func(); }`);
  expect(text).toContain("CallOptions as TenonCallOptions");
  // What hides nothing keeps its own name.
  expect(text).not.toContain("TenonErrorContext");
  const use = `
    import type { DemoNamesNames, Promise as Named } from "./promise.d.ts";
    declare const world: Named;
    export const made: Promise<DemoNamesNames.GuestStream> = world.exports.names.f({ x: { x: 1 } }, { call: 1 }, {});
    const chunk = await world.exports.names.g([1], { x: 1 }).read();
    export const one: number = chunk![0]!.x;`;
  expect(await compileWithHost({ "promise.d.ts": text, "use.ts": use })).toBe("");
});

test("a world without anything asynchronous names nothing of it", async () => {
  const text = await declare(
    `package demo:plain; world plain { export f: func(a: option<u8>, options: u8) -> list<u8>; }`,
  );
  expect(text).toContain("f(a: number | undefined, options: number): Uint8Array;");
  expect(text).toContain('import type { World } from "tenon";');
});

test("futures in futures, whose text doubles with each, end with the budget", () => {
  let type: ValueType = { kind: "string" };
  for (let depth = 0; depth < 60; depth++) type = { kind: "tuple", types: [{ kind: "future", type }] };
  const take: FuncType = { kind: "func", params: [{ name: "x", type }], result: undefined, async: true };
  const world = { name: "w", imports: [], exports: [{ name: "take", type: take }] };
  expect(() => declarations(world, new Map(), { budget: new Budget(1000) })).toThrow(/is too complex to declare$/);
});

const wasi03 = await wasiPackages("0.3.0");

test("the declarations of every world of WASI 0.3 are sound", async () => {
  const files: Record<string, string> = {};
  const worlds = [...wasi03.matchAll(/^package (\S+)@0\.3\.0 \{$|^world (\S+) \{$/gm)];
  let from = "";
  for (const [, id, world] of worlds) {
    from = id ?? from;
    if (world === undefined) continue;
    const wit = `package demo:wasi; world program { include ${from}/${world}@0.3.0; }\n${wasi03}`;
    files[`${from.replace(":", "-")}-${world}.d.ts`] = await declare(wit, "program");
  }
  expect(Object.keys(files).sort()).toMatchInlineSnapshot(`
    [
      "wasi-cli-command.d.ts",
      "wasi-cli-imports.d.ts",
      "wasi-clocks-imports.d.ts",
      "wasi-filesystem-imports.d.ts",
      "wasi-http-middleware.d.ts",
      "wasi-http-service.d.ts",
      "wasi-random-imports.d.ts",
      "wasi-sockets-imports.d.ts",
    ]
  `);
  expect(await compileWithHost(files)).toBe("");
});

test("a program that meets and calls the interfaces of WASI 0.3 by their declarations", async () => {
  const wit = `package demo:wasi; world program { include wasi:http/middleware@0.3.0; include wasi:cli/command@0.3.0; }`;
  const use = `
    import { ComponentError, createHost, type GuestStream } from "tenon";
    import type { Program, WasiCliTypes, WasiFilesystemTypes, WasiHttpTypes } from "./program.d.ts";
    type Done = { tag: "ok" } | { tag: "err"; val: WasiCliTypes.ErrorCode };
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    async function collect(data: GuestStream<number, Uint8Array>): Promise<Done> {
      for await (const chunk of data) files.set(String(files.size), chunk.slice());
      return { tag: "ok" };
    }
    type Imports = Program["imports"];
    export const stdio: Pick<Imports, "wasi:cli/stdin@0.3.0" | "wasi:cli/stdout@0.3.0" | "wasi:clocks/monotonic-clock@0.3.0"> = {
      "wasi:cli/stdin@0.3.0": { readViaStream: () => [new Blob(["a"]).stream(), new Promise<Done>((done) => done({ tag: "ok" }))] },
      "wasi:cli/stdout@0.3.0": { writeViaStream: collect },
      "wasi:clocks/monotonic-clock@0.3.0": {
        now: () => 0n,
        getResolution: () => 1n,
        waitUntil: async () => {},
        waitFor: (duration, { signal }) =>
          new Promise((done, fail) => {
            const timer = setTimeout(done, Number(duration / 1_000_000n));
            signal.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)));
          }),
      },
    };
    async function* entries(): AsyncGenerator<WasiFilesystemTypes.DirectoryEntry[]> {
      yield [{ type: { tag: "directory" }, name: "a" }];
    }
    export const directory: Pick<WasiFilesystemTypes.Descriptor, "readDirectory" | "writeViaStream"> = {
      readDirectory: () => [entries(), { tag: "ok" }],
      // @ts-expect-error: a future of another error
      writeViaStream: async () => ({ tag: "err", val: "no-such-code" }),
    };
    export const client: Imports["wasi:http/client@0.3.0"] = {
      send: async (request, { signal }) => {
        signal.throwIfAborted();
        if (request.getAuthority() === undefined) throw new ComponentError({ tag: "HTTP-request-URI-invalid" });
        return made;
      },
    };
    declare const made: WasiHttpTypes.Response;
    declare const classes: Pick<WasiHttpTypes, "Request" | "Response" | "Fields">;
    const [sent, transmitted] = classes.Request.new(new classes.Fields(), undefined, Promise.resolve({ tag: "ok", val: undefined }));
    void transmitted;
    const host = createHost();
    const { exports } = await host.load<Program>("program.wasm");
    const answer: WasiHttpTypes.Response = await exports.handler.handle(sent, { signal: AbortSignal.timeout(1000) });
    export const status: number = answer.getStatusCode();
    await exports.run.run();
    // @ts-expect-error: what the program itself gives for a stream need not be a body
    const text: string = await new Response(classes.Response.consumeBody(answer, Promise.resolve({ tag: "ok" }))[0]).text();
    // @ts-expect-error: a handler answers with a response
    const handler: Imports["wasi:http/handler@0.3.0"] = { handle: async (request) => request };
    export { handler, text };`;
  expect(await compileWithHost({ "program.d.ts": await declare(`${wit}\n${wasi03}`, "program"), "use.ts": use })).toBe(
    "",
  );
});
