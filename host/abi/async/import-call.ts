/** What the host is asked by guests: what an import is told of its call, and what is kept while its promise is awaited. */
import type { ImportCall as GivenCall } from "../../model/async-values.ts";
import type { Task } from "./task.ts";

/** What an import is told of its call. */
export class ImportCall implements GivenCall {
  readonly #live: Set<ImportCall>;
  #controller: AbortController | undefined;
  #reason: { readonly value: unknown } | undefined;

  /** @param live those that somebody listens to */
  constructor(live: Set<ImportCall>) {
    this.#live = live;
  }

  /** Aborts when the guest cancels the call, or the instance ends. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason === undefined) this.#live.add(this);
      else this.#controller.abort(this.#reason.value);
    }
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#reason ??= { value: reason };
    this.#live.delete(this);
    this.#controller?.abort(reason);
  }

  /** The call has ended. */
  end(): void {
    if (this.#controller !== undefined) this.#live.delete(this);
  }
}

/** How a promise is waited for in place, where the host is in another thread: what it gives. */
export const NOW: unique symbol = Symbol("now");

/** A promise that can be waited for in place. */
export interface InPlace extends PromiseLike<unknown> {
  readonly [NOW]?: (() => { readonly value: unknown; readonly thrown: boolean }) | undefined;
}

/** A promise of the host's that a guest waits for, and all that it holds: emptied at the end, as it may never settle. */
export class Awaited {
  /** The import, by its number. */
  readonly func: number;
  task: Task | undefined;
  settled: ((value: unknown, thrown: boolean) => void) | undefined;

  constructor(func: number, task: Task | undefined, settled: (value: unknown, thrown: boolean) => void) {
    this.func = func;
    this.task = task;
    this.settled = settled;
  }

  letGo(): void {
    this.task = this.settled = undefined;
  }
}
