/**
 * The two ends of a worker's channel in Node. Messages go through ports; next to them a count in shared memory is raised with
 * each, so that whoever cannot go back to its event loop waits for the count and takes the message then.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type Worker,
  workerData,
  type WorkerOptions,
} from "node:worker_threads";
import { UsageError } from "../errors.ts";
import type { Answer, Reply, Request, Starter, Thread, ThreadEvents, Threads } from "../worker/messages.ts";
import { wordsOf } from "../words.ts";

/** What a worker is given to begin with. */
interface Ends {
  /** Requests come and replies go here. */
  readonly requests: MessagePort;
  readonly answers: MessagePort;
  /** How many answers and replies there were. */
  readonly counts: Int32Array;
}

const ANSWERS = 0;
const REPLIES = 1;

/** Options of a program that is no file, which a worker must not inherit; all others it may. */
const NO_FILE = /^--(?:experimental-default|input)-type/;

export function threadsOf(start: (options: WorkerOptions) => Worker): Threads {
  return {
    cannotWait: undefined,
    cannotBlock: undefined,
    store: new AsyncLocalStorage(),
    start: (name, events) => new NodeThread(start, name, events),
  };
}

class NodeThread implements Thread {
  readonly #worker: Worker;
  readonly #requests: MessagePort;
  readonly #answers: MessagePort;
  readonly #counts = new Int32Array(new SharedArrayBuffer(8));
  #held = false;
  #over = false;

  constructor(start: (options: WorkerOptions) => Worker, name: string, events: ThreadEvents) {
    const [requests, answers] = [new MessageChannel(), new MessageChannel()];
    const ends: Ends = { requests: requests.port2, answers: answers.port2, counts: this.#counts };
    try {
      this.#worker = start({
        name: `tenon ${name}`,
        workerData: ends,
        transferList: [requests.port2, answers.port2],
        ...(process.execArgv.some((option) => NO_FILE.test(option)) && { execArgv: [] }),
      });
    } catch (cause) {
      throw noWorker(name, cause);
    }
    this.#requests = requests.port1;
    this.#answers = answers.port1;
    this.#requests.on("message", (message: Reply) => events.reply(message));
    this.#requests.unref();
    this.#worker.unref();
    let began = false;
    this.#worker.once("online", () => (began = true));
    this.#worker.once("error", (error: unknown) => {
      if (!this.#over) events.lost(began && isFatal(error) ? (error as Error) : noWorker(name, error));
    });
    this.#worker.once("exit", (code) => {
      if (!this.#over) events.lost(new UsageError(`The worker of module ${name} ended with exit code ${code}`));
    });
  }

  post(message: Request, transfer: readonly ArrayBuffer[] = []): void {
    this.#requests.postMessage(message, transfer);
  }

  answer(message: Answer): void {
    this.#answers.postMessage(message);
    raise(this.#counts, ANSWERS);
  }

  wait(timeoutMs: number): Reply | undefined {
    return waitFor(this.#requests, this.#counts, REPLIES, timeoutMs) as Reply | undefined;
  }

  hold(on: boolean): void {
    if (on === this.#held) return;
    this.#held = on;
    if (on) this.#requests.ref();
    else this.#requests.unref();
  }

  async terminate(): Promise<void> {
    this.#over = true;
    await this.#worker.terminate();
    this.#requests.close();
    this.#answers.close();
  }
}

function isFatal(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function noWorker(name: string, cause: unknown): UsageError {
  return new UsageError(
    `Could not run a worker for module ${name}: ${wordsOf(cause)}. A bundle for Node must leave tenon out, or hold dist/host/node/worker.js beside it`,
    { cause },
  );
}

function raise(counts: Int32Array, which: number): void {
  Atomics.add(counts, which, 1);
  Atomics.notify(counts, which);
}

/** Blocks until a message is there. @returns `undefined` after the time */
function waitFor(port: MessagePort, counts: Int32Array, which: number, timeoutMs: number): unknown {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const seen = Atomics.load(counts, which);
    const received = receiveMessageOnPort(port) as { readonly message: unknown } | undefined;
    if (received !== undefined) return received.message;
    const left = until - performance.now();
    if (left <= 0) return undefined;
    Atomics.wait(counts, which, seen, left);
  }
}

/** The end of a worker that this thread is. */
export function starter(): Starter {
  const { requests, answers, counts } = workerData as Ends;
  return {
    post(message: Reply, transfer: readonly ArrayBuffer[]) {
      requests.postMessage(message, transfer);
      raise(counts, REPLIES);
    },
    listen: (receive) => void requests.on("message", (message: Request) => receive(message)),
    canWait: true,
    wait: () => waitFor(answers, counts, ANSWERS, Number.POSITIVE_INFINITY) as Answer,
  };
}
