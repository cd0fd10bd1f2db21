/**
 * One run of the interpreter guest in tenon beside the model: the host calls exports, aborts some, answers what the guest asks
 * of it, and lets everything that can go on do so in between.
 *
 * Owns the host's side of a run and what is expected of promises and signals. Order and answers are judged by `checker.ts`.
 */
import { TrapError, UnloadedError } from "../../../host/errors.ts";
import type { Component } from "../../../host/runtime/types.ts";
import { nextTurn } from "../../conformance/run/turns.ts";
import { randomFrom } from "../mutate.ts";
import { Checker, type HostCaller, Mismatch } from "./checker.ts";
import { RandomChooser } from "./choose.ts";
import { exportsOf, type GuestOptions } from "./guest.ts";
import { subtaskStates } from "./state.ts";

export interface Run {
  readonly guest: GuestOptions;
  readonly seed: number;
  /** Words for tasks to run, and of a thousand those that are of any kind. */
  readonly words: number;
  readonly hostile: number;
}

/** Turns without a message after which nothing more comes. */
const QUIET = 4;
/** What the host does in a run, at most. */
const STEPS = 40;

interface Pending {
  readonly id: number;
  readonly caller: HostCaller;
  readonly abort: AbortController;
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

interface Asked {
  readonly signal: AbortSignal;
  readonly answer: (value: number) => void;
}

export interface Outcome {
  readonly end: "ended" | "trapped";
  readonly trace: readonly string[];
}

/** @throws {Mismatch} when tenon does what the model does not, with the last of what happened */
export async function drive(component: Component, run: Run): Promise<Outcome> {
  const driver = new Driver(component, run);
  try {
    return await driver.run();
  } catch (error) {
    // What went wrong inside of a call is what the model said then.
    throw driver.fault ?? error;
  } finally {
    driver.end();
  }
}

class Driver {
  fault: unknown;
  readonly #run: Run;
  readonly #chooser: RandomChooser;
  readonly #checker: Checker;
  readonly #instance: ReturnType<Component["instantiateSync"]>;
  readonly #calls: Pending[] = [];
  readonly #asked = new Map<number, Asked>();

  constructor(component: Component, run: Run) {
    this.#run = run;
    this.#chooser = new RandomChooser(randomFrom(run.seed), { ...run, ...run.guest });
    this.#checker = new Checker(run.guest, this.#chooser);
    const judged =
      <A extends readonly unknown[], R>(judge: (...args: A) => R) =>
      (...args: A): R => {
        try {
          return judge(...args);
        } catch (error) {
          this.fault ??= error;
          throw error;
        }
      };
    this.#instance = component.instantiateSync({
      host: {
        next: judged((id: number) => this.#checker.next(id)),
        tell: judged((id: number, what: number, x: number, y: number, z: number) =>
          this.#checker.tell(id, what, x, y, z),
        ),
        call: judged((id: number, { signal }: { readonly signal: AbortSignal }) => this.#call(id, signal)),
      },
    });
  }

  #call(id: number, signal: AbortSignal): number | Promise<number> {
    const call = this.#checker.hostCalls.get(id);
    if (call === undefined) throw new Mismatch(`the guest calls the host as ${id}, which it was not told to do`);
    if (call.answer !== undefined) return call.answer;
    return new Promise((answer) => this.#asked.set(id, { signal, answer }));
  }

  async run(): Promise<Outcome> {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      await this.#quiet();
      if (this.#checker.trapped !== undefined) return this.#trapped();
      this.#compare();
    }
    return { end: "ended", trace: this.#checker.trace };
  }

  /** Something that the host does. */
  #act(): void {
    const checker = this.#checker;
    const chooser = this.#chooser;
    const open = [...checker.hostCalls.values()].filter(
      ({ id, answer, subtask }) => answer === undefined && !subtask.isResolved() && this.#asked.has(id),
    );
    const waiting = this.#calls.filter(({ caller, abort }) => caller.outcome === undefined && !abort.signal.aborted);
    const choice = chooser.below(6);
    if (choice < 2 && open.length > 0) {
      const { id } = chooser.pick(open);
      const value = chooser.below(1000);
      checker.answer(id, value);
      this.#asked.get(id)!.answer(value);
    } else if (choice === 2 && waiting.length > 0) {
      const { id, abort } = chooser.pick(waiting);
      checker.abort(id);
      abort.abort(new Error(`Task ${id} is not wanted`));
    } else if (!chooser.isOver) {
      this.#invoke();
    }
  }

  #invoke(): void {
    const suited = exportsOf(this.#run.guest).filter(({ takes, gives }) => takes === "nothing" && gives === "u32");
    const { name } = this.#chooser.pick(suited);
    const of = this.#chooser.pick(["main", "main", "leaf"] as const);
    const id = this.#chooser.newTask();
    const abort = new AbortController();
    const pending: Pending = { id, abort, caller: this.#checker.invoke(of, name, id), outcome: undefined };
    this.#calls.push(pending);
    const call = (this.#instance.exports as Record<string, (...args: unknown[]) => Promise<unknown>>)[
      `${of}${name.charAt(0).toUpperCase()}${name.slice(1)}`
    ]!;
    call(id, { signal: abort.signal }).then(
      (value) => (pending.outcome = { value }),
      (error: unknown) => (pending.outcome = { error }),
    );
  }

  /** Until nothing more happens by itself. */
  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET;) {
      const { messages } = this.#checker;
      await nextTurn();
      if (this.fault !== undefined) throw this.fault;
      this.#checker.unwind();
      quiet = this.#checker.messages === messages ? quiet + 1 : 0;
    }
    const ready = this.#checker.ready();
    if (ready.length === 0) return;
    // A trap on the way in is not told by the guest.
    if (this.#instance.state === "trapped") this.#checker.trapped ??= this.#checker.trapOnEntry();
    if (this.#checker.trapped !== undefined) return;
    throw this.#mismatch(`nothing goes on, but these tasks could: ${ready.map(({ id }) => id).join(", ")}`);
  }

  /** What promises and signals say now. */
  #compare(): void {
    for (const { id, caller, abort, outcome } of this.#calls) {
      // Who aborts a call is told so at once, whatever the guest does of it.
      const expected = abort.signal.aborted ? "cancelled" : caller.outcome;
      const agrees =
        expected === undefined
          ? outcome === undefined
          : outcome !== undefined &&
            (expected === "cancelled"
              ? "error" in outcome && outcome.error === abort.signal.reason
              : "value" in outcome && outcome.value === (expected as { readonly value: number }).value);
      if (!agrees) throw this.#mismatch(`call ${id} is to give ${show(expected)}, and gives ${show(outcome)}`);
    }
    for (const [id, { signal }] of this.#asked) {
      const { state } = this.#checker.hostCalls.get(id)!.subtask;
      const isCancelled = state === subtaskStates["cancelled before it returned"];
      if (signal.aborted !== isCancelled)
        throw this.#mismatch(`the signal of the host's call ${id} is ${signal.aborted ? "" : "not "}aborted`);
    }
  }

  /** What is left when a rule was broken: every call that was under way is told, and every one of the host's is aborted. */
  #trapped(): Outcome {
    const { codes } = this.#checker.trapped!;
    for (const { id, caller, abort, outcome } of this.#calls) {
      if (caller.outcome !== undefined || abort.signal.aborted) continue;
      const error = outcome !== undefined && "error" in outcome ? outcome.error : undefined;
      const trap = error instanceof UnloadedError ? error.cause : error;
      if (!(trap instanceof TrapError) || !codes.includes(trap.trap)) {
        throw this.#mismatch(`call ${id} is to be told of the trap ${codes.join(" or ")}, and gives ${show(outcome)}`);
      }
    }
    for (const [id, { signal }] of this.#asked) {
      const { subtask } = this.#checker.hostCalls.get(id)!;
      if (!subtask.isResolved() && !signal.aborted)
        throw this.#mismatch(`the host's call ${id} is not aborted after a trap`);
    }
    return { end: "trapped", trace: this.#checker.trace };
  }

  end(): void {
    this.#instance.dispose();
  }

  #mismatch(what: string): Mismatch {
    return new Mismatch(`${what}\n  ${this.#checker.trace.slice(-40).join("\n  ")}`);
  }
}

function show(value: unknown): string {
  if (value === undefined || value === "cancelled") return String(value);
  const { error } = value as { error?: unknown };
  return error === undefined ? JSON.stringify(value) : `the error ${String(error)}`;
}
