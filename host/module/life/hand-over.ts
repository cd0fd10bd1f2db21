/**
 * The hand-over of state where calls return promises: what is called between `save` and the swap is held, and made in its
 * order on whatever serves afterwards, be that the new version or, when the hand-over fails, the old one.
 * Where calls return no promises, the hand-over is one synchronous piece, and nothing of this is used.
 */
import { StillRunningError } from "../../errors.ts";
import type { ExternDecl } from "../../model/types.ts";
import { recipeOf } from "../../runtime/recipe.ts";
import { observerFor } from "../context.ts";
import { pathOf, WORLD } from "../exports/resolve-exports.ts";
import type { ModuleRecord } from "../module.ts";
import { abortable } from "../source/abortable.ts";
import type { ReloadReceipt } from "../types.ts";
import type { Run } from "./run.ts";
import { callsOf, describeActivity } from "./refuse.ts";

/** The interface that hands state over. */
export const STATE = "tenon:module/state";

/** How long a moment is waited for in which no call is under way, before calls are held so that there is one. */
const PATIENCE_MS = 200;
/** How long calls are held for those under way to end: one of these may itself wait for one that is held. */
const HOLD_MS = 5_000;
/** How often a hand-over looks whether an unload is forced. */
const LOOK_MS = 10;

export class HandOver {
  readonly #record: ModuleRecord;
  readonly #candidate: Run;
  readonly #signal: AbortSignal | undefined;
  /** Calls that are held, in the order they were made. */
  readonly #calls = new Set<() => void>();

  /** @param signal ends the hand-over, as a forced unload does */
  constructor(record: ModuleRecord, candidate: Run, signal?: AbortSignal) {
    this.#record = record;
    this.#candidate = candidate;
    this.#signal = signal;
  }

  /**
   * Holds calls from a moment on in which none is under way.
   * @throws {StillRunningError} when calls under way do not end while others are held
   */
  async hold(): Promise<void> {
    const { name, run } = this.#record;
    // What is held keeps the limits that it was called with.
    const { inTurn } = await import("../../runtime/call-limits.ts");
    await this.#quiet(PATIENCE_MS);
    // Calls may have begun since.
    this.#stand(inTurn);
    await this.#quiet(HOLD_MS);
    const calls = callsOf(run);
    if (calls.length === 0 || run.trapped) return;
    const depth = calls.reduce((sum, { count }) => sum + count, 0);
    throw new StillRunningError(
      `Calls of module ${name} that were under way (${depth}) did not end within ${HOLD_MS} ms, in which new ones were held: ${describeActivity(calls)}`,
      calls,
    );
  }

  /**
   * Saves the state and restores it in the candidate, where both return promises.
   * @param saved is called between the two
   * @throws what `save` and `restore` throw
   */
  async move(saved: () => void): Promise<ReloadReceipt["state"]> {
    const old = this.#record.run;
    // A call may have trapped while it was waited for.
    if (old.trapped) return "none";
    const state = await this.#step(() => old.lifeCycle(STATE)!["save"]?.());
    if (state === undefined) return "none";
    saved();
    if (this.#candidate.lifeCycle(STATE)?.["restore"] === undefined) return "dropped";
    await this.#step(() => this.#candidate.lifeCycle(STATE)!["restore"]!(state));
    return "moved";
  }

  /** Makes the calls that were held, and holds no more. */
  release(): void {
    this.#record.held = undefined;
    this.#record.observe();
    for (const call of this.#calls) call();
    this.#calls.clear();
  }

  /** Does something that may take long; the signal or a forced unload ends it. */
  async #step<T>(work: () => T | PromiseLike<T>): Promise<T> {
    const record = this.#record;
    const interrupt = new AbortController();
    const look = (): void => {
      if (record.forced) interrupt.abort(record.unloadedError());
    };
    look();
    const looking = setInterval(look, LOOK_MS);
    try {
      return await abortable([interrupt.signal, this.#signal], async () => work());
    } finally {
      clearInterval(looking);
    }
  }

  async #quiet(ms: number): Promise<void> {
    const { run } = this.#record;
    let over = false;
    try {
      // Of a trapped instance nothing is handed over, so its calls need not end first.
      await this.#step(() =>
        run.drain(
          ms,
          () => over || run.trapped,
          () => callsOf(run),
        ),
      );
    } finally {
      over = true;
    }
  }

  #stand(inTurn: typeof import("../../runtime/call-limits.ts").inTurn): void {
    const record = this.#record;
    const { name, component, context } = record;
    const holdable = component.asynchronous === true ? undefined : new Set(asynchronousPaths(WORLD, component.exports));
    const calls = this.#calls;
    const { timeoutMs } = recipeOf(context.options, record.options).limits;
    record.held = (plain, path, current) => {
      // What returns a value cannot wait. Where there is such a function, save and restore are synchronous too, and the swap
      // follows in one piece with them.
      if (holdable?.has(path) === false) return observerFor(context, name)?.(plain, path, current) ?? plain;
      return function (this: unknown, ...args: unknown[]): Promise<unknown> {
        return inTurn({ name, path, timeoutMs }, calls, () => current().apply(this, args));
      };
    };
    record.observe();
  }
}

function asynchronousPaths(container: string, decls: readonly ExternDecl[]): string[] {
  return decls.flatMap(({ name, type }) => {
    if (type.kind === "instance") return asynchronousPaths(name, type.exports);
    return type.kind === "func" && type.async ? [pathOf(container, name)] : [];
  });
}
