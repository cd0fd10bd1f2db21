/**
 * Asynchronous calls, streams and futures as a user's compiler sees them. As in surface.ts nothing runs: each line must
 * compile, and what stands under a `@ts-expect-error` must not.
 */
import {
  attempt,
  type CallOptions,
  type CallResult,
  type ErrorContext,
  type GuestStream,
  type Host,
  type ImportCall,
  type InWorker,
  type Module,
  type StreamSource,
  type World,
} from "tenon";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_ extends true>(): void {}

interface Row extends Disposable {
  name(options?: CallOptions): Promise<string>;
}
interface Feed extends World {
  imports: {
    "demo:feed/pages@0.1.0": {
      fetch(url: string, call: ImportCall): Uint8Array | PromiseLike<Uint8Array>;
      copy(bytes: GuestStream<number, Uint8Array>, done: Promise<void>): StreamSource<number, Uint8Array>;
    };
  };
  exports: {
    sum(a: number, b: number, options?: CallOptions): Promise<number>;
    bytes(from: StreamSource<number, Uint8Array>, names: StreamSource<string>): GuestStream<number, Uint8Array>;
    lines(from: StreamSource<readonly string[]>, later: PromiseLike<number> | number): GuestStream<string[]>;
    rows(all: StreamSource<Row>): GuestStream<Row>;
    ticks(from: StreamSource<undefined, number>): [GuestStream<undefined, number>, Promise<Row>];
    failed(error: ErrorContext): ErrorContext;
  };
}

/** An asynchronous export is a function that returns a promise; it takes a signal, and `attempt` gives a promise of its outcome. */
export async function calls({ exports }: Module<Feed>, signal: AbortSignal): Promise<void> {
  const sum: number = await exports.sum(1, 2, { signal });
  holds<Equal<ReturnType<typeof exports.sum>, Promise<number>>>();
  const outcome = attempt(() => exports.sum(sum, 2));
  holds<Equal<typeof outcome, Promise<CallResult<number>>>>();
  await exports.sum(1, 2, { signal: undefined });
  // @ts-expect-error there is no such option
  await exports.sum(1, 2, { timeout: 5 });
  // @ts-expect-error a signal is no option
  await exports.sum(1, 2, signal);
  const words: string = exports.failed(exports.failed({ debugMessage: "lost" })).debugMessage;
  // @ts-expect-error words are no error context
  exports.failed(words);
}

/** What a stream of a component gives, and in which ways it is read. */
export async function readers({ exports }: Module<Feed>): Promise<void> {
  await using bytes = exports.bytes([1, 2, 3], []);
  for await (const chunk of bytes) holds<Equal<typeof chunk, Uint8Array>>();
  const some = await bytes.read(16);
  holds<Equal<typeof some, Uint8Array | undefined>>();
  new Response(bytes.readable as ReadableStream<Uint8Array<ArrayBuffer>>);
  for await (const chunk of exports.lines([], 1)) holds<Equal<typeof chunk, string[][]>>();
  const [ticks, row] = exports.ticks(new Set([3]));
  for await (const units of ticks) holds<Equal<typeof units, number>>();
  using one = await row;
  // @ts-expect-error a stream is read in chunks
  const first: number | undefined = await bytes.read();
  // @ts-expect-error a stream is no list
  void [bytes.length, one, first];
  await bytes.cancel();
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What may be given for a stream. */
export function sources({ exports }: Module<Feed>, bytes: Uint8Array<ArrayBuffer>, names: string[], row: Row): void {
  exports.bytes(bytes, names);
  exports.bytes([bytes, bytes], names);
  exports.bytes(new Response(bytes).body!, new Set(names));
  exports.bytes(new Blob([bytes]).stream(), new Set([names, "one more"]));
  exports.bytes(chunksOf(bytes), names.values());
  exports.bytes(new Set([bytes, 1, [2, 3]]), new ReadableStream<string>());
  exports.bytes(exports.bytes(bytes, names), names);
  exports.lines([names, ["a"]], 5);
  exports.lines([names].values(), Promise.resolve(5));
  exports.lines(exports.lines([names], 1), 5);
  exports.rows([row]);
  exports.rows(exports.rows(new Set([row])));
  exports.ticks([undefined, undefined]);
  // @ts-expect-error a stream of bytes has no strings
  exports.bytes(["a"], names);
  // @ts-expect-error nor numbers of another size
  exports.bytes(new Uint16Array(2), names);
  // @ts-expect-error a string is no stream of strings
  exports.bytes(bytes, "a");
  // @ts-expect-error where elements are lists, the items of an iterable are elements
  exports.lines(new Set([[names]]), 5);
  // @ts-expect-error a promise of a stream is none
  exports.bytes(Promise.resolve(bytes), names);
  // @ts-expect-error a future of numbers has no string
  exports.lines([names], Promise.resolve("5"));
  // @ts-expect-error names are no bytes
  exports.bytes(exports.lines([names], 1), names);
}

/** What meets an asynchronous import, and what a component exports to another. */
export async function imports(host: Host, giver: Module<Feed>): Promise<void> {
  const feed = await host.load<Feed>("feed.wasm", {
    imports: {
      "demo:feed/pages": {
        fetch: async (url, { signal }) => new Uint8Array(await (await fetch(url, { signal })).arrayBuffer()),
        copy: (bytes, done) => (void done.then(() => bytes.cancel()), bytes),
      },
    },
  });
  const given: { sum(a: number, b: number, call: ImportCall): number | PromiseLike<number> } = giver.exports;
  const spliced: {
    bytes(from: GuestStream<number, Uint8Array>, names: GuestStream<string>): StreamSource<number, Uint8Array>;
  } = giver.exports;
  await host.load<Feed>("feed.wasm", {
    // @ts-expect-error a promise of a string is no promise of bytes
    imports: { "demo:feed/pages": { fetch: async (url) => url, copy: (bytes) => bytes } },
  });
  void [feed, given, spliced];
}

/** In a worker, and where calls may wait, a promise is no promise of a promise, and streams stay streams. */
export async function isolated(host: Host, signal: AbortSignal): Promise<void> {
  const { exports } = await host.load<Feed>("feed.wasm", { isolation: "worker" });
  holds<Equal<typeof exports, InWorker<Feed>["exports"]>>();
  const sum: number = await exports.sum(1, 2, { signal });
  const bytes = await exports.bytes(new Response("a").body!, ["a"]);
  holds<Equal<typeof bytes, GuestStream<number, Uint8Array>>>();
  await exports.bytes(bytes, new Set(["a"]));
  const lines = await exports.lines([["a"]], Promise.resolve(sum));
  holds<Equal<typeof lines, GuestStream<string[]>>>();
  for await (const rows of await exports.rows([])) {
    const name: string = await rows[0]!.name({ signal });
    void name;
  }
  const [, row] = await exports.ticks([]);
  const name: Promise<string> = (await row).name();
  const suspended = await host.load<Feed>("feed.wasm", { jspi: true });
  const outcome = attempt(() => suspended.exports.sum(1, 2));
  holds<Equal<typeof outcome, Promise<CallResult<number>>>>();
  // @ts-expect-error a stream of bytes has no strings
  await exports.bytes(["a"], []);
  // @ts-expect-error a string is no stream of strings
  await exports.bytes(bytes, "a");
  void name;
}
