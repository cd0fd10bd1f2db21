/**
 * The scope of one instance's imports: deferred clean-ups, timers, and promises that its imports left running.
 *
 * Owns what happens *around* imports; which import is met by whom is `resolve-imports.ts`. Everything here belongs to one
 * instance: a reload or restart opens a new scope and closes the old one.
 */
import { UsageError, type Activity } from "../../errors.ts";
import { wordsOf } from "../../words.ts";
import { scrub } from "../../runtime/trap.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import type { Provider } from "../contract.ts";
import type { Events } from "../events.ts";
import type { HostEvents, ImportEntry, Imports, ImportScope, ScopeTimer } from "../types.ts";
import { givenProvider, importEntries } from "./resolve-imports.ts";

const IMPORTS_DEADLINE_MS = 30_000;

interface Timer {
  readonly owner: string;
  readonly repeats: boolean;
  readonly task: () => void;
  readonly handle: unknown;
}

interface Cleanup {
  readonly owner: string;
  readonly run: () => void | PromiseLike<void>;
}

/** What closing a scope ran, what it cut, and the errors. */
export interface ScopeReceipt {
  readonly deferredRun: number;
  readonly cut: readonly Activity[];
  readonly errors: readonly Error[];
}

export class Scope implements ImportScope {
  readonly module: string;
  readonly component: EngineComponent;
  readonly events: Pick<Events<HostEvents>, "has" | "emit">;
  /** Made when an import asks for the signal: most never do, and one takes as long as an instance. */
  #abort: AbortController | undefined;
  readonly #cleanups = new Set<Cleanup>();
  readonly #timers = new Set<Timer>();
  /** Pending promises by owner: counted, never held, so that a promise that never settles keeps nothing alive. */
  readonly #pending = new Map<string, number>();
  #closed = false;

  constructor(module: string, component: EngineComponent, events: Scope["events"]) {
    this.module = module;
    this.component = component;
    this.events = events;
  }

  /** Background work has failed. @returns whether a listener got it */
  #failed(owner: string, error: unknown): boolean {
    scrub(error);
    const heard = this.events.has("background-error");
    if (heard) this.events.emit("background-error", { module: this.module, owner, error });
    return heard;
  }

  /**
   * The entries of the module's own imports, then those of the host's; factories are called in this order.
   * @throws {UsageError} when one is no object, or is not there in time
   */
  async providers(own: Imports | undefined, shared: Imports | undefined): Promise<Provider[]> {
    const providers: Provider[] = [];
    for (const { entry, where, origin } of [...importEntries(own, "imports"), ...importEntries(shared, "host")]) {
      providers.push(givenProvider(await this.#given(entry, where), where, origin));
    }
    return providers;
  }

  async #given(entry: ImportEntry, where: string): Promise<object> {
    let given: unknown = entry;
    if (typeof entry === "function") {
      given = entry(this);
      // A factory that never settles would hold up every later reload and unload of the module.
      if (isThenable(given))
        given = await withDeadline(given, IMPORTS_DEADLINE_MS, `The factory of ${where} of module ${this.module}`);
    }
    if (Object(given) === given) return given as object;
    throw new UsageError(`Expected ${where} of module ${this.module} to be an object, got ${wordsOf(given)}`);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#closed) this.#fireSignal();
    }
    return this.#abort.signal;
  }

  // What imports use are functions of their own, so that a factory may take its scope apart: `({ defer }) => …`.

  readonly defer = (
    run: () => void | PromiseLike<void>,
    owner: string = run.name || "deferred clean-up",
  ): (() => void) => {
    this.#assertOpen("defer a clean-up");
    const cleanup = { owner: wordsOf(owner), run };
    this.#cleanups.add(cleanup);
    return () => void this.#cleanups.delete(cleanup);
  };

  readonly setTimeout = (
    task: () => void,
    delayMs: number = 0,
    owner: string = task.name || "setTimeout",
  ): ScopeTimer => {
    const start = (fire: () => void): unknown => setTimeout(fire, delayMs);
    return this.#added({ owner, repeats: false, task }, start);
  };

  readonly setInterval = (
    task: () => void,
    delayMs: number,
    owner: string = task.name || "setInterval",
  ): ScopeTimer => {
    const start = (fire: () => void): unknown => setInterval(fire, delayMs);
    return this.#added({ owner, repeats: true, task }, start);
  };

  readonly track = <T>(promise: PromiseLike<T>, owner: string = "promise"): PromiseLike<T> => {
    const name = wordsOf(owner);
    this.#pending.set(name, (this.#pending.get(name) ?? 0) + 1);
    const settle = (): void => {
      const left = (this.#pending.get(name) ?? 0) - 1;
      if (left > 0) this.#pending.set(name, left);
      else this.#pending.delete(name);
    };
    // Wrapped in a promise of the engine's: an object that only has a `then` may throw when it is called.
    new Promise((resolve) => resolve(promise)).then(settle, (error: unknown) => {
      settle();
      // Without a listener it stays the unhandled rejection that it would be without the tracking.
      if (!this.#failed(name, error)) throw error;
    });
    return promise;
  };

  /** What is running in the background now. Deferred clean-ups are not: they wait for the end. */
  activity(): Activity[] {
    const timers = new Map<string, number>();
    for (const { owner } of this.#timers) timers.set(owner, (timers.get(owner) ?? 0) + 1);
    return [
      ...[...this.#pending].map(([owner, count]): Activity => ({ kind: "promise", owner, count })),
      ...[...timers].map(([owner, count]): Activity => ({ kind: "timer", owner, count })),
    ];
  }

  /** Runs pending timeouts now and stops intervals. Timeouts started by them are flushed as well, to a bound. */
  flush(): void {
    for (let round = 0; round < 100 && this.#timers.size > 0; round++) {
      for (const timer of [...this.#timers]) {
        if (timer.repeats) this.#clear(timer);
        else this.#fire(timer);
      }
    }
  }

  /**
   * Fires the signal, cuts what still runs, then runs the clean-ups, last first. Nothing here throws.
   * @param deadlineMs how long each asynchronous clean-up may take
   */
  async close(deadlineMs: number): Promise<ScopeReceipt> {
    const errors: Error[] = [];
    if (this.#closed) return { deferredRun: 0, cut: [], errors };
    this.#closed = true;
    this.#fireSignal();
    // Work that ends by itself on the signal is not "cut": give its continuations one turn.
    if (this.#pending.size > 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    const cut = this.activity();
    for (const timer of [...this.#timers]) this.#clear(timer);
    this.#pending.clear();
    let deferredRun = 0;
    for (const cleanup of [...this.#cleanups].reverse()) {
      deferredRun++;
      try {
        const done = cleanup.run();
        if (isThenable(done)) await withDeadline(done, deadlineMs, cleanup.owner);
      } catch (error) {
        errors.push(asError(error, `The deferred clean-up ${cleanup.owner} of module ${this.module} failed`));
      }
    }
    this.#cleanups.clear();
    return { deferredRun, cut, errors };
  }

  #fireSignal(): void {
    this.#abort?.abort(new UsageError(`Module ${this.module} was unloaded`));
  }

  #added(it: Omit<Timer, "handle">, start: (fire: () => void) => unknown): ScopeTimer {
    this.#assertOpen("start a timer");
    const timer: Timer = { ...it, owner: wordsOf(it.owner), handle: start(() => this.#fire(timer)) };
    this.#timers.add(timer);
    return { clear: () => this.#clear(timer) };
  }

  #fire(timer: Timer): void {
    if (!this.#timers.has(timer)) return;
    if (!timer.repeats) this.#clear(timer);
    try {
      timer.task();
    } catch (error) {
      if (!this.#failed(timer.owner, error)) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #clear(timer: Timer): void {
    if (!this.#timers.delete(timer)) return;
    if (timer.repeats) clearInterval(timer.handle as never);
    else clearTimeout(timer.handle as never);
  }

  #assertOpen(what: string): void {
    if (this.#closed) throw new UsageError(`Cannot ${what}: the instance of module ${this.module} is gone`);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** An `Error` for whatever was thrown, with its stack read, so that it keeps no wasm frame alive. Never throws. */
export function asError(thrown: unknown, context: string): Error {
  try {
    // An error whose message cannot be read is replaced: its receiver could not read it either.
    if (thrown instanceof Error && typeof thrown.message === "string") {
      scrub(thrown);
      return thrown;
    }
  } catch {
    // A proxy, or a getter that throws.
  }
  return new UsageError(`${context}: ${wordsOf(thrown)}`, { cause: thrown });
}

/** @throws {UsageError} when the promise has not settled within the deadline */
export async function withDeadline<T>(promise: T | PromiseLike<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: unknown;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UsageError(`${what} did not end within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer as never);
  }
}
