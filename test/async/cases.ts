/**
 * The components of jco's tests and what each must do.
 *
 * Owns the expectations, which are those of the tests that the components were built for, in jco and in wasmtime. Pairs made for
 * each other are two modules of one host.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import type { Module } from "../../host/node/index.ts";
import { directory, runCommand, toFetchHandler, wasi } from "../../host/node/wasi.ts";
import { call, type Case } from "./bench.ts";
import { halves } from "./halves.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Everything that a stream gives, in one. */
async function all(stream: AsyncIterable<any>): Promise<any[]> {
  const found: any[] = [];
  for await (const chunk of stream) {
    if (typeof chunk === "number") found.push(...Array.from<undefined>({ length: chunk }));
    else found.push(...chunk);
  }
  return found;
}

/** The stages of a text that goes in and out of guest and host. */
const roundTrip = "hello, world! - entered guest - entered host - exited host - exited guest";
const through = async (text: string): Promise<string> => {
  await sleep(1);
  return `${text} - entered host - exited host`;
};

/** `local:local/ready` and `local:local/continue`. */
class Thing {
  #isReady = false;
  #waiting: (() => void)[] = [];
  setReady(ready: boolean): void {
    this.#isReady = ready;
    if (ready) for (const wake of this.#waiting.splice(0)) wake();
  }
  /** The guests see whether it is ready by whether the call is over at once. */
  whenReady(): void | Promise<void> {
    return this.#isReady ? undefined : new Promise<void>((wake) => this.#waiting.push(wake));
  }
}
function continuing(): object {
  let value = false;
  return { getContinue: () => value, setContinue: (next: boolean) => void (value = next) };
}

const single = (file: string, title: string, run: (module: Module) => Promise<void>, imports?: () => object): Case => ({
  title: `${file.replace(/^.*\/(async-)?|\.wasm$/g, "")}: ${title}`,
  files: [file],
  run: async (bench) => run(await bench.load(file, imports === undefined ? [wasi({})] : [wasi({}), imports()])),
});

const pair = (folder: string, name: string, imports: () => object = () => ({})): Case => ({
  title: `${name}: caller and callee as two modules`,
  files: [`${folder}/async-${name}-callee.wasm`, `${folder}/async-${name}-caller.wasm`],
  run: async (bench) => {
    const given = [wasi({}), imports()];
    await bench.load(`${folder}/async-${name}-callee.wasm`, given);
    const caller = await bench.load(`${folder}/async-${name}-caller.wasm`, given);
    await call(caller, "local:local/run#run")();
  },
});

function foos(): { calls: number; imports: object } {
  const counted = { calls: 0, imports: {} };
  counted.imports = {
    "local:local/borrowing-types": {
      X: class {
        foo(): void {
          counted.calls++;
        }
      },
    },
  };
  return counted;
}

const roundTrips: readonly Case[] = [
  single(
    "round-trip/async-round-trip-direct-stackless.wasm",
    "a text out and back",
    async (module) => equal(await call(module, "foo")("hello, world!"), roundTrip),
    () => ({ foo: through }),
  ),
  ...["stackful", "stackless", "stackless-sync-import", "synchronous", "wait"].map((kind) =>
    single(
      `round-trip/async-round-trip-${kind}.wasm`,
      "a text out and back, three at once",
      async (module) => {
        const foo = call(module, "local:local/baz#foo");
        deepEqual(await Promise.all([1, 2, 3].map(() => foo("hello, world!"))), [roundTrip, roundTrip, roundTrip]);
      },
      () => ({ "local:local/baz": { foo: through } }),
    ),
  ),
  ...["stackful", "stackless", "synchronous", "wait"].map((kind) =>
    single(
      `round-trip/async-round-trip-many-${kind}.wasm`,
      "seven values out and back",
      async (module) => {
        const stuff = { a: Int32Array.of(42, -42), b: true, c: 424_242n };
        const rest = [42, Uint8Array.of(42, 24), [4_242n, 2_424n], stuff, stuff, { tag: "ok", val: stuff }];
        const result = (await call(module, "local:local/many#foo")("hello, world!", ...rest)) as unknown[];
        deepEqual(result.slice(0, 4), [roundTrip, ...rest.slice(0, 3)]);
        deepEqual(JSON.stringify(result.slice(4), wide), JSON.stringify(rest.slice(3), wide));
      },
      () => ({
        "local:local/many": {
          foo: async (text: string, ...rest: unknown[]) => [await through(text), ...rest.slice(0, 6)],
        },
      }),
    ),
  ),
];

const wide = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? `${value}n` : ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value;

const calls: readonly Case[] = [
  {
    title: "borrowing-callee: a borrow is used within its call",
    files: ["general/async-borrowing-callee.wasm"],
    run: async (bench) => {
      const counted = foos();
      const module = await bench.load("general/async-borrowing-callee.wasm", [wasi({}), counted.imports]);
      await call(module, "local:local/run-bool#run")(false);
      equal(counted.calls, 1);
    },
  },
  ...[false, true].map((misbehaves): Case => ({
    title: `borrowing: caller and callee as two modules, ${misbehaves ? "using it after its call, a trap" : "as they should"}`,
    files: ["general/async-borrowing-callee.wasm", "general/async-borrowing-caller.wasm"],
    run: async (bench) => {
      const counted = foos();
      const given = [wasi({}), counted.imports];
      const callee = await bench.load("general/async-borrowing-callee.wasm", given);
      const caller = await bench.load("general/async-borrowing-caller.wasm", given);
      const run = call(caller, "local:local/run-bool#run");
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => run(misbehaves)));
      const failed = outcomes.filter(({ status }) => status === "rejected");
      if (!misbehaves) {
        equal(failed.length, 0);
        equal(counted.calls, 3);
        return;
      }
      // The first has its result before its callee goes on, and traps.
      ok(failed.length > 0);
      equal(callee.state, "trapped");
      equal((callee.trap as { trap?: string }).trap, "invalid-handle");
    },
  })),
  single("general/async-intertask-communication.wasm", "one call waits for what the other does", async (module) => {
    const run = call(module, "local:local/run#run");
    await Promise.all([run(), run()]);
  }),
  pair("general", "post-return"),
  {
    title: "sleep-post-return-callee: what it has begun goes on after its result",
    files: ["general/async-sleep-post-return-callee.wasm"],
    run: async (bench) => {
      const slept: bigint[] = [];
      const imports = {
        "local:local/sleep": {
          sleepMillis: async (ms: bigint) => {
            await sleep(Number(ms));
            slept.push(ms);
          },
        },
      };
      const module = await bench.load("general/async-sleep-post-return-callee.wasm", [wasi({}), imports]);
      await call(module, "local:local/sleep-post-return#run")(50n);
      for (let waited = 0; slept.length === 0 && waited < 100; waited++) await sleep(10);
      deepEqual(slept, [50n]);
    },
  },
  pair("backpressure", "backpressure"),
  pair("error-context", "error-context"),
  single("error-context/async-error-context.wasm", "runs", async (module) => {
    await call(module, "local:local/run#run")();
  }),
  single(
    "poll/async-poll-stackless.wasm",
    "runs",
    (module) => call(module, "local:local/run#run")(),
    () => ({ "local:local/ready": { Thing } }),
  ),
  single(
    "poll/async-poll-synchronous.wasm",
    "runs",
    (module) => call(module, "local:local/run#run")(),
    () => ({ "local:local/ready": { Thing } }),
  ),
  ...["stackless", "synchronous"].map((kind): Case => ({
    title: `yield-${kind}: caller and callee as two modules`,
    files: [`yield/async-yield-callee-${kind}.wasm`, "yield/async-yield-caller.wasm"],
    run: async (bench) => {
      const given = [wasi({}), { "local:local/continue": continuing(), "local:local/ready": { Thing } }];
      await bench.load(`yield/async-yield-callee-${kind}.wasm`, given);
      const caller = await bench.load("yield/async-yield-caller.wasm", given);
      await call(caller, "local:local/run#run")();
    },
  })),
  single("context-sync/component.wasm", "the context is a task's own", async (module) => {
    equal(await call(module, "push-context")(33), 33);
    equal(await call(module, "pull-context")(), 0);
  }),
  single("backpressure-sync/component.wasm", "up and down", async (module) => {
    equal(await call(module, "inc-backpressure")(), undefined);
    equal(await call(module, "dec-backpressure")(), undefined);
  }),
];

/** A future that nobody writes. */
const never = (): Promise<never> => new Promise(() => {});

const streams: readonly Case[] = [
  single("streams/async-closed-stream.wasm", "its stream is at its end", async (module) => {
    const stream = await call(module, "local:local/closed-stream#get")();
    deepEqual(await all(stream), []);
  }),
  single("streams/async-closed-streams.wasm", "a stream's values", async (module) => {
    await call(module, "local:local/closed#read-stream")(
      [Uint8Array.of(42), Uint8Array.of(43, 44)],
      Uint8Array.of(42, 43, 44),
    );
  }),
  ...["read-future", "read-future-post-return"].map((name) =>
    single("streams/async-closed-streams.wasm", `a future's value, ${name}`, async (module) => {
      await call(module, `local:local/closed#${name}`)(Promise.resolve(42), 42, never());
      await turn();
    }),
  ),
  pair("streams", "unit-stream"),
  single("streams/async-unit-stream-callee.wasm", "units for the host", async (module) => {
    const stream = await call(module, "local:local/unit-stream#run")(42);
    equal((await all(stream)).length, 42);
  }),
  {
    title: "read-resource-stream: resources of the host's",
    files: ["streams/async-read-resource-stream.wasm"],
    run: async (bench) => {
      let calls = 0;
      class X {
        foo(): void {
          calls++;
        }
      }
      const foo = async (count: number): Promise<X[]> => Array.from({ length: count }, () => new X());
      const imports = { "local:local/resource-stream": { X, foo } };
      const module = await bench.load("streams/async-read-resource-stream.wasm", [wasi({}), imports]);
      await call(module, "local:local/run#run")();
      ok(calls > 0);
    },
  },
  single("general/async-short-reads.wasm", "resources of the guest's, one by one", async (module) => {
    const { Thing } = (module.exports as Record<string, { Thing: new (text: string) => { get(): Promise<string> } }>)[
      "local:local/short-reads"
    ]!;
    const texts = ["a", "b", "c", "d", "e"];
    const stream = await call(module, "local:local/short-reads#short-reads")(texts.map((text) => new Thing(text)));
    const things: { get(): Promise<string> }[] = [];
    for (let chunk = await stream.read(1); chunk !== undefined; chunk = await stream.read(1)) things.push(...chunk);
    deepEqual(await Promise.all(things.map((thing) => thing.get())), texts);
  }),
  single("general/async-readiness.wasm", "waits until both sides are ready", async (module) => {
    // The guest wants a writer that is not ready at once, and ends with its last bytes.
    const late = (async function* () {
      await sleep(5);
      yield bytes("I am ready");
    })();
    const [stream, expected] = await call(module, "local:local/readiness#start")(late, bytes("I am ready"));
    equal(Buffer.from(await all(stream)).toString(), Buffer.from(expected as Uint8Array).toString());
  }),
  single("general/async-synchronous-transmit.wasm", "a stream and a future in and out", async (module) => {
    const later = sleep(5).then(() => 42);
    const chunks = (async function* () {
      yield bytes("hel");
      await sleep(5);
      yield bytes("lo");
    })();
    const [stream, expected, future, value] = await call(module, "local:local/synchronous-transmit#start")(
      chunks,
      bytes("hello"),
      later,
      42,
    );
    equal(Buffer.from(await all(stream)).toString(), Buffer.from(expected as Uint8Array).toString());
    equal(await future, value);
  }),
  pair("general", "transmit"),
];

interface Command {
  readonly file: string;
  readonly args?: readonly string[];
}

const commands: readonly Command[] = [
  { file: "cli/p3-cli-hello-stdout-post-return.wasm" },
  { file: "cli/p3-cli-hello-stdout.wasm" },
  { file: "cli/p3-cli-much-stdout.wasm", args: ["p3_cli_much_stdout.component", "hello, world\n", "1"] },
  { file: "cli/p3-cli.wasm", args: ["p3_cli.component", "."] },
  ...[
    "clocks/p3-clocks-sleep",
    "fs/p3-file-write",
    "fs/p3-filesystem-file-read-write",
    "fs/p3-readdir",
    ...[
      "content-length",
      "get",
      "invalid-dnsname",
      "invalid-header",
      "invalid-port",
      "invalid-version",
      "large-post",
      "missing-path-and-query",
      "post",
      "put",
      "response-build",
      "timeout",
      "unknown-method",
      "unsupported-scheme",
    ].map((name) => `http/p3-http-outbound-request-${name}`),
    "random/p3-random-imports",
    "sockets/p3-sockets-ip-name-lookup",
    ...["bind", "connect", "listen", "sample-application", "sockopts", "states", "streams"].map(
      (name) => `sockets/p3-sockets-tcp-${name}`,
    ),
    ...["bind", "connect", "receive", "sample-application", "send", "sockopts", "states"].map(
      (name) => `sockets/p3-sockets-udp-${name}`,
    ),
  ].map((name) => ({ file: `${name}.wasm` })),
];

/** The server that the programs expect: it tells the method and the path, and gives the body back. */
async function echoing<T>(use: (address: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    const length = request.headers["content-length"];
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "x-wasmtime-test-method": request.method,
      "x-wasmtime-test-uri": request.url,
      ...(length === undefined ? {} : { "content-length": length }),
    });
    response.flushHeaders();
    request.pipe(response);
  });
  server.on("connect", (_request, socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const programs: readonly Case[] = commands.map(({ file, args }) => ({
  title: `${file.replace(/^.*\/|\.wasm$/g, "")}: runs as a command`,
  files: [file],
  run: (bench) =>
    echoing(async (address) => {
      const folder = mkdtempSync(join(tmpdir(), "tenon-real-"));
      try {
        const said: Uint8Array[] = [];
        const imports = wasi({
          args: args ?? [file.replace(/^.*\/|\.wasm$/g, "")],
          env: { HTTP_SERVER: address },
          stdout: (chunk) => void said.push(chunk),
          stderr: (chunk) => void said.push(chunk),
          preopens: { "/": directory(folder) },
          net: () => true,
          listen: ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"],
        });
        const module = await bench.load(file, [imports]);
        const code = await runCommand(module).catch((error: Error) => {
          throw new Error(
            `${error.message}: ${Buffer.concat(said).toString().trim().replace(/\s+/g, " ").slice(-300)}`,
            { cause: error },
          );
        });
        equal(code, 0, `exit code ${code}: ${Buffer.concat(said).toString().slice(-300)}`);
        if (file.includes("hello-stdout")) match(Buffer.concat(said).toString(), /hello, world/);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
}));

interface Handler {
  readonly file: string;
  readonly request?: { readonly headers: Record<string, string>; readonly body: string; readonly path?: string };
  readonly body: string;
  readonly headers?: Record<string, string>;
}

const asked = { headers: { foo: "bar" }, body: "And the mome raths outgrabe" };

const handlers: readonly Case[] = (
  [
    { file: "http/p3-http-echo.wasm", request: asked, body: asked.body, headers: asked.headers },
    {
      file: "http/p3-http-echo.wasm",
      request: { ...asked, headers: { ...asked.headers, "x-host-to-host": "true" } },
      body: asked.body,
      headers: asked.headers,
    },
    { file: "http/p3-api-proxy.wasm", body: "hello, world!" },
    { file: "cli/p3-cli-serve-hello-world.wasm", body: "Hello, WASI!" },
    { file: "http/p3-http-proxy.wasm", request: { ...asked, path: "/post" }, body: asked.body },
  ] as readonly Handler[]
).map(({ file, request, body, headers = {} }) => ({
  title: `${file.replace(/^.*\/|\.wasm$/g, "")}: answers a request${request?.headers["x-host-to-host"] === undefined ? "" : ", host to host"}`,
  files: [file],
  run: (bench) =>
    echoing(async (address) => {
      const module = await bench.load(file, [wasi({ net: () => true, stdout: () => {}, stderr: () => {} })]);
      const own = file.includes("http-proxy") ? { url: `http://${address}/proxy` } : {};
      const answer = await toFetchHandler(module)(
        new Request(`http://localhost${request?.path ?? "/"}`, {
          ...(request === undefined
            ? {}
            : { method: "POST", body: request.body, headers: { ...request.headers, ...own } }),
        }),
      );
      equal(answer.status, 200);
      equal(await answer.text(), body);
      for (const [name, value] of Object.entries(headers)) equal(answer.headers.get(name), value);
    }),
}));

export const cases: readonly Case[] = [...calls, ...roundTrips, ...streams, ...halves, ...programs, ...handlers];
