/**
 * What a program may say to `wasi`, and the checks of it. Whatever is absent is denied.
 */
import { UsageError } from "../errors.ts";
import { type Check, type Checks, checkOptions, expect, isObject } from "../runtime/options.ts";
import type { FileSystem } from "./files/file-system.ts";
import type { MaybePromise } from "./maybe.ts";
import { listenRuleOf, ruleOf } from "./net/rules.ts";
import type { NetOption, Secret } from "./net/types.ts";

/** Bytes or text, at once or as they come. */
export type StdinFrom =
  | Uint8Array
  | string
  | Iterable<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>
  | ByteStream;

/** A stream of the web, as far as it is read. */
export interface ByteStream {
  getReader(): {
    read(): PromiseLike<{ readonly done: boolean; readonly value?: Uint8Array | string | undefined }>;
    cancel(): PromiseLike<void>;
  };
}

/**
 * Where bytes go: a function, an array that they are added to, or the program's own stream. While a promise that a function
 * returns is pending, the guest waits.
 */
export type OutputTo = ((chunk: Uint8Array) => unknown) | Uint8Array[];

/** The keys and values of a bucket of `wasi:keyvalue`. A `Map` is one; its methods may return promises where the guest can wait. */
export interface Bucket {
  get(key: string): MaybePromise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array): unknown;
  delete(key: string): unknown;
  has(key: string): MaybePromise<boolean>;
  keys(): Iterable<string> | AsyncIterable<string>;
}

/** One use of a right, or one refusal. Plain data. */
export interface AccessEvent {
  /** The module's name. */
  readonly module: string;
  /** Without its version: `wasi:filesystem/types`. */
  readonly interface: string;
  /** The function, as WIT names it: `open-at`, `get-environment`. */
  readonly action: string;
  /** What it was for: a path, a host and port, a key; absent where there is one thing only. */
  readonly target?: string | undefined;
  readonly granted: boolean;
}

/** What a request is made of, for the option `fetch`. */
export interface HttpInit {
  readonly method: string;
  readonly headers: [name: string, value: string][];
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Always: the guest is told of redirects, and its next request is checked as its first was. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

/** Options of `wasi`. */
export interface WasiOptions {
  /** The command line, the program's name first. Default none. `wasi:cli/environment` */
  readonly args?: readonly string[] | undefined;
  /** Environment variables. Default none. `wasi:cli/environment` */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The working directory that the guest is told, a path of its own. Default none. `wasi:cli/environment` */
  readonly cwd?: string | undefined;
  /**
   * Standard input: bytes, text, an iterable of these, also an asynchronous one, or a `ReadableStream`, for which the guest waits. `"inherit"`: the
   * program's own, in Node. Default: at its end. `wasi:cli/stdin`
   */
  readonly stdin?: "inherit" | StdinFrom | undefined;
  /**
   * Standard output: a function that gets the bytes, an array that they are added to, or `"inherit"`: the program's own. Default: lines
   * of the host's `console`, with the module's name and bounded as that is. `wasi:cli/stdout`
   */
  readonly stdout?: "inherit" | OutputTo | undefined;
  /** As `stdout`. Default: lines of the host's `console`, with the level `error`. `wasi:cli/stderr` */
  readonly stderr?: "inherit" | OutputTo | undefined;
  /**
   * `"real"`: the machine's. Or given ones: `now` in milliseconds since 1970 and `monotonic` in nanoseconds, fixed or a function;
   * sleeping takes no time and puts them forward. Default `"real"`. `wasi:clocks`
   */
  readonly clocks?:
    | "real"
    | {
        readonly now?: number | Date | (() => number | Date) | undefined;
        readonly monotonic?: bigint | (() => bigint) | undefined;
      }
    | undefined;
  /** `"real"`: the platform's secure generator. With a seed the same bytes come in every run, which are no secret. Default `"real"`. `wasi:random` */
  readonly random?: "real" | { readonly seed: number | string } | undefined;
  /**
   * File systems by the path that the guest has for each: `memory()`, `directory(path)` in Node, `readOnly` and `overlay` of these, or
   * one of your own. Default none: the guest has no files. `wasi:filesystem`
   */
  readonly preopens?: Readonly<Record<string, FileSystem>> | undefined;
  /**
   * What of the network may be reached: `"host"` at any port, `"host:port"`, `"*.host"` for what is below a host, an address, or `"*"` for
   * all that is public; or a function that is asked each time. Addresses of this machine and of private networks have to be
   * named themselves, also where a name leads to them; `"localhost"` names those of this machine. Default: nothing. `wasi:http`, and
   * `wasi:sockets` in Node
   */
  readonly net?: NetOption | undefined;
  /** Addresses, with a port or at any, where a guest may listen: `"127.0.0.1:8080"`. Default none. `wasi:sockets`, in Node */
  readonly listen?: readonly string[] | undefined;
  /**
   * Secrets by the name of an environment variable, in which the guest finds a placeholder. In headers, `Basic` credentials among them, and
   * the query of requests to the secret's own hosts it is replaced; with another host the request is refused. In bodies it stays. Hosts are named as in `net`, which has to allow
   * them too; over plain `http:` a secret goes only where its host is named with a port. Default none. `wasi:http`
   */
  readonly secrets?: Readonly<Record<string, Secret>> | undefined;
  /**
   * What makes the requests of guests, as the platform's `fetch` does; addresses that names lead to are its own matter then. Default: in
   * Node its `http` and `https`, to the addresses that have been checked; in pages their `fetch`. `wasi:http`
   */
  readonly fetch?: ((url: string, init: HttpInit) => PromiseLike<Response>) | undefined;
  /** Settings. Default none. `wasi:config/store` */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /** The one bucket, called `default` or nothing; or buckets by name. Default: every bucket is refused. `wasi:keyvalue` */
  readonly keyvalue?: Bucket | Readonly<Record<string, Bucket>> | undefined;
  /** Called with each use of a right and each refusal. What it throws is dropped. */
  readonly onAccess?: ((event: AccessEvent) => void) | undefined;
}

const isText = (value: unknown): value is string => typeof value === "string";

const texts: Check = (value, name) => {
  expect("an object of strings", isObject)(value, name);
  for (const [key, each] of Object.entries(value as object))
    expect("a string without NUL", (it) => isText(it) && !it.includes("\0"))(each, `${name}.${key}`);
};

const list: Check = (value, name) => {
  expect("an array of strings", Array.isArray)(value, name);
  for (const [index, each] of (value as unknown[]).entries())
    expect("a string without NUL", (it) => isText(it) && !it.includes("\0"))(each, `${name}[${index}]`);
};

const input = expect(
  `bytes, a string, an iterable, a stream or "inherit"`,
  (value) =>
    isText(value) ||
    (isObject(value) && ("getReader" in value || Symbol.iterator in value || Symbol.asyncIterator in value)),
);
const output = expect(
  `a function, an array or "inherit"`,
  (value) => value === "inherit" || typeof value === "function" || Array.isArray(value),
);

const clocks: Check = (value, name) => {
  if (value === "real") return;
  expect(`"real" or an object`, isObject)(value, name);
  checkOptions<{ now?: unknown; monotonic?: unknown }>(name, value as object, {
    now: expect(
      "milliseconds, a Date or a function",
      (it) => typeof it === "function" || Number.isFinite(it instanceof Date ? it.getTime() : it),
    ),
    monotonic: expect(
      "nanoseconds as a bigint that is not negative, or a function",
      (it) => typeof it === "function" || (typeof it === "bigint" && it >= 0n),
    ),
  });
};

const random: Check = (value, name) => {
  if (value === "real") return;
  expect(`"real" or an object with a seed`, isObject)(value, name);
  checkOptions<{ seed: unknown }>(name, value as { seed: unknown }, {
    seed: expect("a number or a string", (it) => isText(it) || Number.isFinite(it)),
  });
  expect("a number or a string", (it) => it !== undefined)((value as { seed?: unknown }).seed, `${name}.seed`);
};

const isBucket = (value: unknown): boolean =>
  isObject(value) &&
  ["get", "set", "delete", "has", "keys"].every((name) => typeof (value as never)[name] === "function");

const keyvalue: Check = (value, name) => {
  if (isBucket(value)) return;
  expect("a Map, or an object of Maps", isObject)(value, name);
  for (const [key, each] of Object.entries(value as object))
    expect("a Map, or an object with its get, set, delete, has and keys", isBucket)(each, `${name}.${key}`);
};

const fileSystems: Check = (value, name) => {
  expect("an object of file systems", isObject)(value, name);
  for (const [key, each] of Object.entries(value as object)) {
    expect("a path without NUL", (it) => it !== "" && !String(it).includes("\0"))(key, `${name}: the name`);
    expect("a file system", (it) => isObject(it) && typeof (it as { root?: unknown }).root === "function")(
      each,
      `${name}[${JSON.stringify(key)}]`,
    );
  }
};

const entries =
  (check: (entry: unknown, name: string) => unknown): Check =>
  (value, name) => {
    expect("an array", Array.isArray)(value, name);
    for (const [index, each] of (value as unknown[]).entries()) check(each, `${name}[${index}]`);
  };

const net: Check = (value, name) => {
  if (typeof value === "function") return;
  expect("an array or a function", Array.isArray)(value, name);
  entries(ruleOf)(value, name);
};

/** What is wrong is named and not shown. */
const secrets: Check = (value, name) => {
  expect("an object of secrets", isObject)(value, name);
  for (const [key, each] of Object.entries(value as object) as [string, Partial<Secret> | undefined][]) {
    if (typeof each?.value !== "string" || !/^[\x20-\x7e]+$/.test(each.value))
      throw new UsageError(`Expected ${name}.${key}.value to be a string of printable ASCII that is not empty`);
    entries(ruleOf)(each.hosts, `${name}.${key}.hosts`);
  }
};

export const WASI: Checks<WasiOptions> = {
  args: list,
  env: texts,
  cwd: expect("a path", isText),
  stdin: input,
  stdout: output,
  stderr: output,
  clocks,
  random,
  preopens: fileSystems,
  net,
  listen: entries(listenRuleOf),
  secrets,
  fetch: expect("a function", (value) => typeof value === "function"),
  config: texts,
  keyvalue,
  onAccess: expect("a function", (value) => typeof value === "function"),
};
