/**
 * What Node and every browser have in common beside the language and WebAssembly, as far as the host's middle uses it.
 *
 * Owns nothing at run time; `node/` and `browser/` see the full types of their platform instead of these. Whatever is
 * not declared here does not exist for the middle, so a use of `process` or `document` there is a type error.
 */

interface TextDecoder {
  decode(bytes?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string;
}
declare const TextDecoder: {
  new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder;
};

interface TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}
declare const TextEncoder: { new (): TextEncoder };

interface URL {
  readonly href: string;
  readonly protocol: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
}
declare const URL: { new (url: string): URL };

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: any;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
declare const AbortController: { new (): AbortController };

interface ReadableStreamDefaultController<R = Uint8Array> {
  enqueue(chunk: R): void;
  close(): void;
  error(reason?: unknown): void;
}
interface ReadableByteStreamController extends ReadableStreamDefaultController {
  readonly byobRequest: { readonly view: ArrayBufferView | null; respond(bytesWritten: number): void } | null;
}
interface ReadableStream<R = Uint8Array> {
  readonly locked: boolean;
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: R }>;
    cancel(): Promise<void>;
  };
}
declare const ReadableStream: {
  new (source: {
    type: "bytes";
    pull(controller: ReadableByteStreamController): Promise<void>;
    cancel(): Promise<void>;
  }): ReadableStream;
  new <R = Uint8Array>(
    source: {
      start?(controller: ReadableStreamDefaultController<R>): void;
      pull?(controller: ReadableStreamDefaultController<R>): Promise<void>;
      cancel?(): void;
    },
    strategy?: { highWaterMark: number },
  ): ReadableStream<R>;
};
interface Headers {
  get(name: string): string | null;
  has(name: string): boolean;
  [Symbol.iterator](): IterableIterator<[name: string, value: string]>;
}
interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: ReadableStream | null;
}
interface Response {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  readonly type: string;
  readonly headers: Headers;
  readonly body: ReadableStream | null;
  arrayBuffer(): Promise<ArrayBuffer>;
  clone(): Response;
}
declare const Response: {
  new (
    body: ReadableStream | Uint8Array<ArrayBuffer> | null,
    init: { status?: number; headers?: Record<string, string> | [name: string, value: string][] },
  ): Response;
};
declare function fetch(
  url: string,
  init: {
    method: string;
    headers: [name: string, value: string][];
    body?: Uint8Array<ArrayBuffer>;
    redirect: "manual";
    signal: AbortSignal;
  },
): Promise<Response>;

declare function setTimeout(task: () => void, delayMs?: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function setInterval(task: () => void, delayMs?: number): unknown;
declare function clearInterval(timer: unknown): void;
declare function atob(base64: string): string;
declare function btoa(bytes: string): string;
declare function queueMicrotask(task: () => void): void;

declare const console: Readonly<Record<"debug" | "log" | "info" | "warn" | "error", (text: string) => void>>;

declare const performance: {
  readonly timeOrigin: number;
  now(): number;
  measure(name: string, options: { start: number; end: number; detail: object }): unknown;
  clearMeasures(name: string): void;
};
interface CryptoKey {
  readonly type: "private" | "public" | "secret";
}
declare const crypto: {
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  readonly subtle: {
    digest(algorithm: string, bytes: BufferSource): Promise<ArrayBuffer>;
    importKey(
      format: "raw" | "pkcs8",
      key: BufferSource,
      algorithm: { name: string },
      extractable: boolean,
      usages: ("sign" | "verify")[],
    ): Promise<CryptoKey>;
    exportKey(format: "raw" | "pkcs8", key: CryptoKey): Promise<ArrayBuffer>;
    generateKey(
      algorithm: { name: "Ed25519" },
      extractable: boolean,
      usages: ("sign" | "verify")[],
    ): Promise<CryptoKey | { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }>;
    sign(algorithm: { name: string }, key: CryptoKey, bytes: BufferSource): Promise<ArrayBuffer>;
    verify(algorithm: { name: string }, key: CryptoKey, signature: BufferSource, bytes: BufferSource): Promise<boolean>;
  };
};
