/**
 * Restarts after a trap, where a policy asks for them: a fresh instance at once, growing delays while calls go on trapping,
 * and an end after so many restarts in a row.
 */
import type { TrapError } from "../../errors.ts";
import { asError } from "../imports/scope.ts";
import type { ModuleRecord, Restarts } from "../module.ts";
import type { RestartOptions, TrapPolicy } from "../types.ts";
import { atLeast, type Checks, checkOptions, number } from "../../runtime/options.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import { Run } from "./run.ts";

/**
 * Makes the restarts of a module by a policy.
 * @throws {UsageError} for a policy that is none
 */
export function restartsBy(policy: Exclude<TrapPolicy, "fail">): (record: ModuleRecord) => Restarts {
  const options: RestartOptions = policy === "restart" ? {} : policy;
  checkOptions("onTrap", options, RESTART);
  return (record) => new Restarter(record, options);
}

const RESTART: Checks<RestartOptions> = {
  delayMs: number,
  factor: atLeast(1),
  maxDelayMs: number,
  maxRestarts: number,
  windowMs: number,
};

class Restarter implements Restarts {
  readonly #record: ModuleRecord;
  readonly #delayMs: number;
  readonly #factor: number;
  readonly #maxDelayMs: number;
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  /** When restarts were granted since a call was last served, oldest first. */
  #granted: number[] = [];
  /** The module's calls when its last instance began. */
  #callsBefore = 0;
  #exited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When a fresh instance will be tried; `undefined` when none will. */
  #dueAt: number | undefined;

  constructor(record: ModuleRecord, options: RestartOptions) {
    this.#record = record;
    this.#delayMs = options.delayMs ?? 10;
    this.#factor = options.factor ?? 2;
    this.#maxDelayMs = options.maxDelayMs ?? 5_000;
    this.#maxRestarts = options.maxRestarts ?? 5;
    this.#windowMs = options.windowMs ?? 60_000;
  }

  /** The serving version has trapped, inside a call. One that has exited is not needed any more. */
  trapped(run: Run, error: Error): void {
    if ((this.#exited = (error as TrapError).trap === "exit")) return this.stop();
    // The call that trapped is counted as well: more than one call means that one was served.
    if (this.#record.tree.calls - this.#callsBefore > 1) this.#granted = [];
    this.#schedule(run, error);
  }

  /** Milliseconds until a fresh instance is tried; `undefined` when none will be. */
  get retryAfterMs(): number | undefined {
    return this.#dueAt === undefined ? undefined : Math.max(0, this.#dueAt - performance.now());
  }

  /** The end of the message of a refused call, after "it has trapped and". */
  get outlook(): string | undefined {
    if (this.#exited) return undefined;
    const { retryAfterMs } = this;
    if (retryAfterMs !== undefined) return `will be tried again in ${Math.ceil(retryAfterMs)} ms`;
    const count = this.#granted.length;
    return `was given up after ${count} restart${count === 1 ? "" : "s"} in a row; reload it`;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dueAt = undefined;
  }

  /** A new version serves: no restart is due, and those before it do not count. */
  reset(): void {
    this.stop();
    this.#granted = [];
    this.#callsBefore = this.#record.tree.calls;
  }

  #schedule(run: Run, error: Error): void {
    this.stop();
    const record = this.#record;
    const now = performance.now();
    this.#granted = this.#granted.filter((at) => now - at < this.#windowMs);
    const earlier = this.#granted.length;
    if (earlier >= this.#maxRestarts) {
      const { restarts } = record;
      queueMicrotask(() => record.context.events.emit("restart-given-up", { module: record.name, restarts, error }));
      return;
    }
    this.#granted.push(now);
    const delayMs = earlier === 0 ? 0 : Math.min(this.#delayMs * this.#factor ** (earlier - 1), this.#maxDelayMs);
    this.#dueAt = now + delayMs;
    const restart = (): void => void record.queue.run(() => this.#restart(run));
    // Without a delay the restart comes right after the failing call, not inside it.
    if (delayMs === 0) queueMicrotask(restart);
    else this.#timer = setTimeout(restart, delayMs);
  }

  async #restart(run: Run): Promise<void> {
    const record = this.#record;
    // A reload or unload may have come first.
    if (record.run !== run || record.phase !== "settled" || !run.trapped) return;
    try {
      await replaceInstance(record, run.component, () => this.#begin());
    } catch (error) {
      this.#schedule(run, asError(error, `The restart of module ${record.name} failed`));
      return;
    }
    record.context.events.emit("restarted", { module: record.name, attempt: record.restarts });
  }

  #begin(): void {
    this.#dueAt = undefined;
    this.#callsBefore = this.#record.tree.calls;
  }
}

/**
 * Puts a fresh instance of a component in the place of a trapped one.
 * @param swapped is called when it serves, in the same synchronous piece
 * @throws when it cannot be made
 */
export async function replaceInstance(
  record: ModuleRecord,
  component: EngineComponent,
  swapped?: () => void,
): Promise<void> {
  const old = record.run;
  const fresh = new Run(record.context, record.name, component);
  try {
    await fresh.link(record.imports, record.options.link, () => record.possibleProviders());
    await fresh.instantiate(record.trapped);
    record.swap(fresh);
    swapped?.();
  } catch (error) {
    await fresh.end({ teardown: false });
    throw error;
  }
  record.restarts++;
  await old.end({ teardown: false, endReason: replacedWords("the instance that trapped and was replaced") });
}

/** The reason in the error of a call of an object whose instance was replaced. */
export function replacedWords(what: string): string {
  return `it belongs to ${what} at ${new Date().toISOString()}`;
}
