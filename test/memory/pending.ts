/**
 * Calls that are left pending in every way there is, and the end of their instances: by force, or within `drain`, when what they
 * wait for has come. Runs in Node and in a page; what needs suspended frames is in `suspended.ts`.
 */
import { UnloadedError } from "../../host/errors.ts";
import type { Host, Module } from "../../host/module/types.ts";
import { pipeGuest } from "../node/async/channel-guests.ts";
import { callsGuest } from "../node/async/guests.ts";

export type Any = Module<{ imports: object; exports: any }>;

/** What is pending, and how it ends. */
export interface Begun {
  /** Those that use others come first. */
  readonly modules: readonly Any[];
  readonly calls: readonly Promise<unknown>[];
  /** Has what is pending end by itself; absent where nothing can. */
  readonly finish?: () => unknown;
}

/** Where modules are loaded. */
export interface Place {
  readonly host: Host;
  /** The binary of a component's text. */
  readonly parse: (wat: string) => Promise<Uint8Array>;
  /** Where what a program can hold is held. */
  readonly held?: unknown[] | undefined;
}

/** Loads modules, and leaves something pending in them. */
export type Way = (place: Place) => Promise<Begun>;

const parsed = new Map<string, Promise<Uint8Array>>();

export async function load(place: Place, wat: string, imports: object = {}, options: object = {}): Promise<Any> {
  let bytes = parsed.get(wat);
  if (bytes === undefined) parsed.set(wat, (bytes = place.parse(wat)));
  return (await place.host.load(await bytes, { imports, ...options } as object)) as Any;
}

/** A promise that settles when it is told to. */
export function told<T = void>(): { readonly promise: Promise<T>; readonly settle: (value: T) => void } {
  let settle!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (settle = resolve));
  return { promise, settle };
}

/** A source of bytes that gives three, and ends when it is told to. */
export function source(): { readonly given: AsyncIterable<Uint8Array>; readonly end: () => void } {
  const { promise, settle } = told();
  async function* give(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1, 2, 3);
    await promise;
  }
  return { given: give(), end: settle };
}

async function lengthOf(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}

const over = new Error("It has had its turns");

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Of calls that end before it does: none may leave anything with it. */
const { signal } = new AbortController();

const pipe: string = pipeGuest({ type: "u8", size: 1 });
/** The guest of the calls as another's provider: its `later` is the `fetch` that the other imports. */
const provider: string = callsGuest
  .replace('(import "fetch"', '(import "get"')
  .replace('(func (export "later") async', '(func (export "fetch") async');

/** Ways that need nothing of the engine: the guest waits in the event loop of its callback. */
export const ways: Readonly<Record<string, Way>> = {
  "calls wait for promises of an import": async (place) => {
    const { promise, settle } = told<number>();
    const module = await load(place, callsGuest, { fetch: () => promise.then((value) => value) });
    const calls = [1, 2, 3].map((n) => module.exports.later(n, { signal }));
    return { modules: [module], calls, finish: () => settle(7) };
  },
  "a call gives turns": async (place) => {
    const module = await load(place, callsGuest, { fetch: () => 0 });
    const ending = new AbortController();
    const call: Promise<unknown> = module.exports.turns(0x7fff_ffff, { signal: ending.signal });
    const calls = [call.catch((error: unknown) => error === over || Promise.reject(error))];
    return { modules: [module], calls, finish: () => ending.abort(over) };
  },
  "a call reads a stream of the host's": async (place) => {
    const module = await load(place, pipe);
    const { given, end } = source();
    return { modules: [module], calls: [module.exports.count(given, { signal })], finish: end };
  },
  "a call writes what nobody reads": async (place) => {
    const module = await load(place, pipe);
    const stream = await module.exports.copy([Uint8Array.of(1, 2, 3)]);
    await Promise.resolve();
    return { modules: [module], calls: [], finish: () => lengthOf(stream) };
  },
  "the host reads what no guest writes": async (place) => {
    const module = await load(place, pipe);
    const stream = await module.exports.never();
    // A read is no call: no unload waits for it.
    stream.read().catch(() => undefined);
    return { modules: [module], calls: [], finish: () => stream.cancel() };
  },
  "a call waits for a future of the host's, and the host for one of its own": async (place) => {
    const module = await load(place, pipe);
    const { promise, settle } = told<number>();
    return { modules: [module], calls: [module.exports.value(promise)], finish: () => settle(7) };
  },
  "a call waits for one of another module": async (place) => {
    const { promise, settle } = told<number>();
    const provides = await load(place, provider, { get: () => promise }, { name: "provider" });
    const module = await load(place, callsGuest, {}, { name: "consumer" });
    const calls = [1, 2].map((n) => module.exports.later(n, { signal }));
    return { modules: [module, provides], calls, finish: () => settle(7) };
  },
  "a call reads a stream of another module": async (place) => {
    const writes = await load(place, pipe, {}, { name: "writer" });
    const reads = await load(place, pipe, {}, { name: "reader" });
    const { given, end } = source();
    const calls = [reads.exports.count(await writes.exports.copy(given))];
    return { modules: [reads, writes], calls, finish: end };
  },
  "a call waits for a future of another module": async (place) => {
    const writes = await load(place, pipe, {}, { name: "writer" });
    const reads = await load(place, pipe, {}, { name: "reader" });
    const { promise, settle } = told<number>();
    const calls = [reads.exports.value(writes.exports.value(promise))];
    return { modules: [reads, writes], calls, finish: () => settle(7) };
  },
};

/** Loads, leaves pending, unloads. @throws {Error} when a call ends otherwise than it should */
export async function cycle(place: Place, way: Way, drains: boolean): Promise<void> {
  const begun = await way(place);
  const { modules, calls, finish } = begun;
  place.held?.push(begun);
  const drained = drains && finish !== undefined;
  const outcomes = Promise.allSettled(calls);
  for (const module of modules) {
    const ended = module.unload(drained ? { drain: 60_000 } : { force: true });
    if (drained) {
      await turn();
      finish();
    }
    await ended;
  }
  for (const outcome of await outcomes) {
    const error: unknown = outcome.status === "rejected" ? outcome.reason : undefined;
    if (error !== undefined && !(error instanceof UnloadedError)) throw error;
    if ((error === undefined) !== drained) throw new Error(`A call ended with ${String(error)}`);
  }
}
