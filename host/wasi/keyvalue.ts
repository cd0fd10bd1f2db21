/** `wasi:keyvalue`: store, atomics and batch, on buckets that are like a `Map`. */
import { wordsOf } from "../words.ts";
import { fail } from "./io/error.ts";
import { after, isThenable, type MaybePromise } from "./maybe.ts";
import type { Bucket as Kept, WasiOptions } from "./options.ts";
import type { Faces, WasiState } from "./state.ts";

const STORE = "wasi:keyvalue/store";
const ATOMICS = "wasi:keyvalue/atomics";
const BATCH = "wasi:keyvalue/batch";

/** The resource `bucket`. */
class Bucket {
  readonly #state: WasiState;
  readonly #kept: Kept;

  constructor(state: WasiState, kept: Kept) {
    this.#state = state;
    this.#kept = kept;
  }

  /** Asks what keeps the values; what it throws is the interface's `other`. */
  ask<T>(
    what: string,
    question: (kept: Kept) => MaybePromise<T>,
    payload: (error: object) => unknown = (error) => error,
  ): MaybePromise<T> {
    const failed = (error: unknown): never => fail(payload({ tag: "other", val: wordsOf(error) }));
    let answer: MaybePromise<T>;
    try {
      answer = question(this.#kept);
    } catch (error) {
      return failed(error);
    }
    if (!isThenable(answer)) return answer;
    const promise = answer;
    return this.#state.waiting.for(what, () => promise.then(undefined, failed));
  }

  get(key: string): MaybePromise<Uint8Array | undefined> {
    return this.ask(`${STORE}#[method]bucket.get`, (kept) => kept.get(key));
  }

  set(key: string, value: Uint8Array, what: string = `${STORE}#[method]bucket.set`): MaybePromise<void> {
    return after(
      this.ask(what, (kept) => kept.set(key, value) as MaybePromise<unknown>),
      nothing,
    );
  }

  delete(key: string, what: string = `${STORE}#[method]bucket.delete`): MaybePromise<void> {
    return after(
      this.ask(what, (kept) => kept.delete(key) as MaybePromise<unknown>),
      nothing,
    );
  }

  exists(key: string): MaybePromise<boolean> {
    return this.ask(`${STORE}#[method]bucket.exists`, (kept) => kept.has(key));
  }

  /** All at once: no cursor is given, so none comes back, whatever its type is in a draft. */
  listKeys(): MaybePromise<{ readonly keys: readonly string[]; readonly cursor: undefined }> {
    const keys = this.ask(`${STORE}#[method]bucket.list-keys`, (kept) => {
      const found = kept.keys();
      return Symbol.asyncIterator in found ? collected(found) : [...found];
    });
    return after(keys, (all) => ({ keys: all, cursor: undefined }));
  }
}

function nothing(): void {}

async function collected(keys: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found;
}

/** The resource `cas`: a value as it was, to be replaced if it still is. */
class Cas {
  readonly bucket: Bucket;
  readonly key: string;
  readonly before: Uint8Array | undefined;

  constructor(bucket: Bucket, key: string, before: Uint8Array | undefined) {
    this.bucket = bucket;
    this.key = key;
    this.before = before;
  }

  static new(bucket: Bucket, key: string): MaybePromise<Cas> {
    const found = bucket.ask(`${ATOMICS}#[static]cas.new`, (kept) => kept.get(key));
    return after(found, (before) => new Cas(bucket, key, before));
  }

  current(): Uint8Array | undefined {
    return this.before;
  }
}

/** The bucket of a name; one that is alone is called `default` or nothing. */
function find(given: WasiOptions["keyvalue"], name: string): Kept | undefined {
  if (given === undefined) return undefined;
  if (typeof given.get === "function") return name === "" || name === "default" ? (given as Kept) : undefined;
  return Object.hasOwn(given, name) ? (given as Readonly<Record<string, Kept>>)[name] : undefined;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The sum with the number that a value is the decimal digits of; a key that is not there is 0. */
function sumOf(value: Uint8Array | undefined, delta: bigint): bigint {
  const text = value === undefined ? "0" : decoder.decode(value);
  const sum = /^-?\d{1,20}$/.test(text) ? BigInt(text) + delta : undefined;
  if (sum !== undefined && BigInt.asIntN(64, sum) === sum) return sum;
  return fail({ tag: "other", val: "The value is no number that can be incremented so" });
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** One after the other, in order. */
function each<T, R>(all: readonly T[], use: (item: T) => MaybePromise<R>): MaybePromise<R[]> {
  const found: R[] = [];
  const keep = (value: R): void => void found.push(value);
  const from = (start: number): MaybePromise<R[]> => {
    for (let i = start; i < all.length; i++) {
      const value = use(all[i]!);
      if (isThenable(value)) return value.then(keep).then(() => from(i + 1));
      keep(value);
    }
    return found;
  };
  return from(0);
}

export const keyvalueFaces: Faces = {
  [STORE]: (state) => ({
    Bucket,
    open(name: string) {
      const { keyvalue } = state.options;
      const found = find(keyvalue, name);
      if (state.watched) state.access(STORE, "open", found !== undefined, name);
      if (found === undefined) return fail({ tag: keyvalue === undefined ? "access-denied" : "no-such-store" });
      return new Bucket(state, found);
    },
  }),
  [ATOMICS]: () => ({
    Cas,
    increment(bucket: Bucket, key: string, delta: bigint) {
      const what = `${ATOMICS}#increment`;
      return after(
        bucket.ask(what, (kept) => kept.get(key)),
        (value) => {
          const sum = sumOf(value, delta);
          return after(bucket.set(key, encoder.encode(String(sum)), what), () => sum);
        },
      );
    },
    swap({ bucket, key, before }: Cas, value: Uint8Array) {
      const what = `${ATOMICS}#swap`;
      const asked = <T>(question: (kept: Kept) => MaybePromise<T>): MaybePromise<T> =>
        bucket.ask(what, question, (error) => ({ tag: "store-error", val: error }));
      return after(
        asked((kept) => kept.get(key)),
        (now) => {
          if (!same(now, before)) return fail({ tag: "cas-failed", val: new Cas(bucket, key, now) });
          return after(
            asked((kept) => kept.set(key, value) as MaybePromise<unknown>),
            nothing,
          );
        },
      );
    },
  }),
  [BATCH]: () => ({
    getMany: (bucket: Bucket, keys: readonly string[]) =>
      each(keys, (key) =>
        after(
          bucket.ask(`${BATCH}#get-many`, (kept) => kept.get(key)),
          (value) => (value === undefined ? undefined : [key, value]),
        ),
      ),
    setMany: (bucket: Bucket, all: readonly (readonly [key: string, value: Uint8Array])[]) =>
      after(
        each(all, ([key, value]) => bucket.set(key, value, `${BATCH}#set-many`)),
        nothing,
      ),
    deleteMany: (bucket: Bucket, keys: readonly string[]) =>
      after(
        each(keys, (key) => bucket.delete(key, `${BATCH}#delete-many`)),
        nothing,
      ),
  }),
};
