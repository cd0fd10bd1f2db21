/**
 * How a page starts workers. Bundlers know the form of the expression and put the worker's script beside the page's own.
 */
import { UsageError } from "../errors.ts";
import type { Answer, Reply, Request, Thread, ThreadEvents, Threads } from "../worker/messages.ts";
import { AnswerWriter, CHUNK_BYTES } from "../worker/answers.ts";
import { wordsOf } from "../words.ts";
import type { FromWorker, ToWorker } from "./channel.ts";

export const threads: Threads = {
  get cannotWait() {
    if (typeof SharedArrayBuffer !== "undefined") return undefined;
    // WebKitGTK 2.50: the headers have come and change nothing.
    if (globalThis.crossOriginIsolated) {
      return "this engine gives a page no SharedArrayBuffer, although it is cross-origin isolated; load the module without isolation";
    }
    return "the page is not cross-origin isolated; serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or load the module without isolation";
  },
  cannotBlock: `a thread that may wait for another, and a page has none: isolation: "worker" returns promises`,
  start(name, events) {
    if (typeof Worker === "undefined") {
      throw new UsageError(
        `Could not run a worker for module ${name}: this runtime has no Worker; load it without isolation`,
      );
    }
    return new PageThread(name, events);
  },
};

class PageThread implements Thread {
  readonly #worker: Worker;
  readonly #answers: AnswerWriter | undefined;

  constructor(name: string, events: ThreadEvents) {
    try {
      this.#worker = started(`tenon ${name}`);
    } catch (cause) {
      throw noWorker(name, wordsOf(cause), cause);
    }
    const shared = typeof SharedArrayBuffer === "undefined" ? undefined : new SharedArrayBuffer(CHUNK_BYTES);
    this.#answers = shared && new AnswerWriter(shared);
    let began = false;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      began = true;
      if (data === "more") this.#answers!.more();
      else if (data !== "here") events.reply(data as Reply);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      // A script that could not be loaded has no words.
      const words =
        event.message === undefined || event.message === "" ? "its script could not be loaded" : event.message;
      events.lost(began ? new Error(words) : noWorker(name, words));
    };
    this.#worker.postMessage(shared satisfies ToWorker);
  }

  post(message: Request, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  answer(message: Answer): void {
    this.#answers!.write(message);
  }

  hold(): void {
    // No worker keeps a page open.
  }

  async terminate(): Promise<void> {
    this.#worker.terminate();
  }
}

function started(name: string): Worker {
  try {
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "SecurityError") throw error;
    // A script of another origin cannot be a worker; one that imports it can.
    const script = new URL("worker.js", import.meta.url).href;
    const url = URL.createObjectURL(new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" }));
    return new Worker(url, { type: "module", name });
  }
}

function noWorker(name: string, why: string, cause?: unknown): UsageError {
  return new UsageError(
    `Could not run a worker for module ${name}: ${why}. The bundler must follow new URL("./worker.js", import.meta.url) in tenon, as Vite and webpack do, and others with tenon/plugin; and the page's Content-Security-Policy allow worker-src 'self'`,
    cause === undefined ? undefined : { cause },
  );
}
