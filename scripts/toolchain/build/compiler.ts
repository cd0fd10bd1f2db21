/**
 * The compiler workers: started when first needed, kept warm, started again when asc has ended one.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { TenonError } from "../../../host/errors.ts";
import { MissingPackagesError } from "./packages.ts";
import type { CompileReply, CompileTask, Request, Response } from "./protocol.ts";

interface Pending {
  readonly task: CompileTask;
  resolve(reply: CompileReply): void;
  reject(error: Error): void;
}

/** The compiler ended or failed without saying what is wrong with the module. */
export class CompilerError extends TenonError {
  constructor(message: string) {
    super("compiler", message);
  }
}

/** Compiles on up to `size` threads. Idle threads do not keep the process alive. */
export class CompilerPool {
  private readonly size: number;
  private readonly threads = new Set<Thread>();
  private readonly waiting: Pending[] = [];
  private closed = false;

  constructor(size: number) {
    this.size = size;
  }

  compile(task: CompileTask): Promise<CompileReply> {
    if (this.closed) return Promise.reject(new CompilerError("The builder has been closed"));
    return new Promise((resolve, reject) => {
      this.waiting.push({ task, resolve, reject });
      this.next();
    });
  }

  /** Starts a thread ahead of the first task, so that loading the compiler overlaps with other work. */
  warm(): void {
    if (!this.closed && this.threads.size === 0) this.start();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.waiting.splice(0)) reject(new CompilerError("The builder has been closed"));
    await Promise.all([...this.threads].map((thread) => thread.close()));
  }

  private start(): Thread {
    const thread = new Thread(() => this.threads.delete(thread));
    this.threads.add(thread);
    return thread;
  }

  private next(): void {
    while (this.waiting.length > 0) {
      let thread = [...this.threads].find(({ busy }) => !busy);
      if (thread === undefined && this.threads.size < this.size) thread = this.start();
      if (thread === undefined) return;
      const { task, resolve, reject } = this.waiting.shift()!;
      // The next task is started before this one's caller continues, which may add tasks of its own.
      thread
        .run(task)
        .finally(() => this.next())
        .then(resolve, reject);
    }
  }
}

class Thread {
  private readonly worker: Worker;
  private pending: { resolve(reply: CompileReply): void; reject(error: Error): void } | undefined;
  private lastId = 0;

  constructor(ended: () => void) {
    this.worker = new Worker(bootstrap(), { eval: true, execArgv: [], stdout: true, stderr: true });
    this.worker.unref();
    this.worker.on("message", (response: Response) => {
      const pending = this.settle();
      if ("reply" in response) pending?.resolve(response.reply);
      else if ("missing" in response) pending?.reject(new MissingPackagesError(response.missing));
      else {
        pending?.reject(new CompilerError(`The compiler failed: ${response.error}`));
        // After a failure of an unknown kind the thread's state is unknown: it is ended.
        ended();
        void this.worker.terminate();
      }
    });
    // Of a crash there is no message: its reason stands in the thread's own output only.
    let told = "";
    this.worker.on("error", (error: unknown) => (told += String((error as Error).stack ?? error)));
    this.worker.on("exit", () => {
      ended();
      // Only now: a stream that is being read keeps the process alive, as long as the thread lives.
      for (const stream of [this.worker.stdout, this.worker.stderr]) {
        told = (told + String(stream.setEncoding("utf8").read() ?? "")).slice(-4000);
      }
      const detail = told.replaceAll(/^[\s▌]+|[\s▌]+$/g, "");
      this.settle()?.reject(new CompilerError(`AssemblyScript ended without an answer${detail && `: ${detail}`}`));
    });
  }

  get busy(): boolean {
    return this.pending !== undefined;
  }

  run(task: CompileTask): Promise<CompileReply> {
    this.worker.ref();
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.worker.postMessage({ id: ++this.lastId, task } satisfies Request);
    });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private settle(): Thread["pending"] {
    const { pending } = this;
    this.pending = undefined;
    this.worker.unref();
    return pending;
  }
}

/**
 * The worker's first lines. As TypeScript it is loaded through tsx, which then leaves: it would take several seconds
 * to rewrite the compilers, which are ten megabytes of JavaScript that need no rewriting.
 */
function bootstrap(): string {
  const serve: keyof typeof import("./worker.ts") = "serve";
  const typescript = import.meta.url.endsWith(".ts");
  const worker = JSON.stringify(new URL(typescript ? "./worker.ts" : "./worker.js", import.meta.url).href);
  if (!typescript) return `import(${worker}).then((worker) => worker.${serve}())`;
  const tsx = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  return `import(${JSON.stringify(pathToFileURL(tsx).href)}).then(async ({ register }) => {
    const unregister = register();
    const worker = await import(${worker});
    await unregister();
    worker.${serve}();
  })`;
}
