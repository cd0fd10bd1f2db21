/**
 * What tasks do: operations chosen at random, most of them such as the state allows, a few of any kind.
 *
 * Owns the odds. Every task ends some day: when the words of a run are used up, each task gives its result and exits.
 */
import { layout } from "./guest.ts";
import { isBlocking, isCopying, operations, type Operation, type OperationName } from "./ops.ts";
import { End, Subtask, WaitSet, type Waitable } from "./state.ts";
import type { Chooser } from "./checker.ts";
import type { Task } from "./task.ts";

export type Random = () => number;

export interface Odds {
  /** Words until tasks only end. */
  readonly words: number;
  /** How many words of a thousand are of any kind. */
  readonly hostile: number;
  readonly blocking: boolean;
  readonly streams: boolean;
}

/** Where results of calls are put, one after the other. */
const RESULTS = (layout.buffers - layout.results) / 4;

export class RandomChooser implements Chooser {
  readonly #random: Random;
  readonly #odds: Odds;
  #words: number;
  #lastTask = 0;
  #lastCall = 0;
  #lastResult = 0;

  constructor(random: Random, odds: Odds) {
    this.#random = random;
    this.#odds = odds;
    this.#words = odds.words;
  }

  newTask(): number {
    return ++this.#lastTask;
  }
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  get isOver(): boolean {
    return this.#words <= 0;
  }

  hostAnswer(): number | undefined {
    return this.below(3) === 0 ? this.below(1000) : undefined;
  }

  operation(task: Task): Operation {
    this.#words--;
    if (this.isOver) return this.#ending(task);
    if (this.below(1000) < this.#odds.hostile) return this.#any(task);
    const choices = this.#choices(task);
    return choices[this.below(choices.length)]!();
  }

  #result(): number {
    this.#lastResult = (this.#lastResult + 1) % RESULTS;
    return layout.results + this.#lastResult * 4;
  }

  /** The task gives its result, and exits. */
  #ending(task: Task): Operation {
    if (task.of.lifting === "synchronous") return word("exit", this.below(1000));
    if (task.state === "resolved") return word("exit");
    if (task.state === "cancel delivered") return word("task.cancel");
    if (task.of.gives === "u32") return word("task.return", this.below(1000));
    const end = task.instance.table.all().find((entry) => isToHandOn(entry, "stream"));
    return end === undefined ? word("stream.new") : word("task.return-stream", end.index);
  }

  /** An operation of any kind, with operands that may mean something. */
  #any(task: Task): Operation {
    const isSuited = (name: OperationName): boolean =>
      !["exit", "fill", "sum", "load", "backpressure.inc"].includes(name) &&
      (this.#odds.blocking || !isBlocking(name)) &&
      (this.#odds.streams || !isCopying(name)) &&
      (task.of.lifting === "callback" || !/^(until-|end-)/.test(name)) &&
      !/call-/.test(name);
    const name = this.pick(operations.filter(isSuited));
    if (name === "end-with-code") return word(name, 3 + this.below(13));
    const handle = (): number =>
      this.below(4) === 0 ? this.below(30) : (this.pick(task.instance.table.all())?.index ?? 0);
    const at = layout.buffers + this.below(64);
    if (name.includes("stream.read") || name.includes("stream.write")) return word(name, handle(), at, this.below(20));
    return word(name, handle(), name === "join" ? handle() : at);
  }

  /** What the state allows, once for each unit of its odds. */
  #choices(task: Task): readonly (() => Operation)[] {
    const { instance, of } = task;
    const all = instance.table.all();
    const sets = all.filter((entry) => entry instanceof WaitSet);
    const ends = all.filter((entry) => entry instanceof End);
    const subtasks = all.filter((entry) => entry instanceof Subtask);
    const waitables = [...ends, ...subtasks].filter((item) => !item.hasSyncWaiter);
    const choices: (() => Operation)[] = [];
    const offer = (weight: number, choice: () => Operation): void => {
      for (let count = 0; count < weight; count++) choices.push(choice);
    };
    const offerFor = <T>(weight: number, items: readonly T[], choice: (item: T) => Operation): void => {
      if (items.length > 0) offer(weight, () => choice(this.pick(items)));
    };

    // Sets, and waiting.
    if (sets.length < 3) offer(2, () => word("set.new"));
    offerFor(3, sets, ({ index }) => word("set.poll", index));
    offerFor(
      1,
      sets.filter(({ members, waiters }) => members.size + waiters === 0),
      ({ index }) => word("set.drop", index),
    );
    offerFor(4, waitables, (item) => word("join", item.index, this.#setFor(item, sets)));
    const hopeful = sets.filter(({ members }) => members.size > 0);
    if (of.lifting === "callback") {
      offerFor(6, hopeful, ({ index }) => word("until-event", index));
      offer(2, () => word("until-others-ran"));
    }
    if (this.#odds.blocking) {
      offerFor(2, hopeful, ({ index }) => word("set.wait", index));
      offer(1, () => word("thread.yield"));
    }

    // Streams and futures.
    if (this.#odds.streams && ends.length < 8) {
      offer(2, () => word("stream.new"));
      offer(1, () => word("future.new"));
    }
    const idle = ends.filter(({ state }) => state === "idle");
    offerFor(8, idle, (end) => this.#copy(end, ""));
    const apart = idle.filter(({ set }) => set === undefined);
    if (this.#odds.blocking) offerFor(1, apart, (end) => this.#copy(end, "sync "));
    const copying = ends.filter(({ state, hasSyncWaiter }) => state === "copying" && !hasSyncWaiter);
    offerFor(2, copying, (end) => word(`${end.channel.kind}.cancel-${end.side}`, end.index));
    if (this.#odds.blocking) {
      const cancellable = copying.filter(({ set }) => set === undefined);
      offerFor(1, cancellable, (end) => word(`sync ${end.channel.kind}.cancel-${end.side}`, end.index));
    }
    const droppable = ends.filter(
      ({ state, side, channel }) =>
        state === "done" || (state === "idle" && !(channel.kind === "future" && side === "write")),
    );
    offerFor(2, droppable, ({ index, channel, side }) =>
      word(`${channel.kind}.drop-${side === "read" ? "readable" : "writable"}`, index),
    );

    // Calls.
    offer(3, () => word("call-host", ++this.#lastCall, this.#result()));
    if (instance.name === "main") {
      offer(4, () => word("call-plain", this.newTask(), this.#result()));
      if (this.#odds.streams) offer(1, () => word("call-for-stream", this.newTask(), this.#result()));
      const hand = (kind: "stream" | "future"): void =>
        offerFor(
          3,
          all.filter((entry) => isToHandOn(entry, kind)),
          ({ index }) => word(`call-with-${kind}`, this.newTask(), this.#result(), index),
        );
      hand("stream");
      hand("future");
    }
    if (this.#odds.blocking) {
      offer(1, () => word("sync call-host", ++this.#lastCall));
      if (instance.name === "main") offer(1, () => word("sync call-plain", this.newTask()));
    }
    offerFor(
      2,
      subtasks.filter(({ delivered }) => delivered),
      ({ index }) => word("subtask.drop", index),
    );
    const running = subtasks.filter(({ delivered, isCancelling }) => !delivered && !isCancelling);
    offerFor(2, running, ({ index }) => word("subtask.cancel", index));
    if (this.#odds.blocking) {
      offerFor(
        1,
        running.filter(({ set }) => set === undefined),
        ({ index }) => word("sync subtask.cancel", index),
      );
    }
    if (instance.backpressure < 2) offer(1, () => word("backpressure.inc"));
    if (instance.backpressure > 0) offer(3, () => word("backpressure.dec"));

    // Memory.
    const at = (): number => layout.buffers + this.below(64);
    offer(2, () => word("fill", at(), this.below(100), this.below(256)));
    offer(3, () => word("sum", layout.buffers, 512));
    offerFor(3, instance.results, (at) => word("load", at));

    // The end.
    if (of.lifting === "synchronous") offer(1, () => word("exit", this.below(1000)));
    else if (task.state === "resolved") offer(2, () => word("exit"));
    else if (task.state === "cancel delivered") offer(4, () => word("task.cancel"));
    if (of.lifting !== "synchronous" && task.state !== "resolved") offer(1, () => this.#ending(task));
    return choices;
  }

  #setFor(_waitable: Waitable, sets: readonly WaitSet[]): number {
    return sets.length === 0 || this.below(5) === 0 ? 0 : this.pick(sets).index;
  }

  #copy(end: End, sync: "" | "sync "): Operation {
    const { kind } = end.channel;
    const name = `${sync}${kind}.${end.side}` as const;
    return word(name, end.index, layout.buffers + 4 * this.below(64), kind === "stream" ? this.below(12) : 0);
  }
}

function isToHandOn(entry: object, kind: "stream" | "future"): boolean {
  return (
    entry instanceof End &&
    entry.side === "read" &&
    entry.channel.kind === kind &&
    entry.state === "idle" &&
    entry.set === undefined
  );
}

function word(name: OperationName, a = 0, b = 0, c = 0): Operation {
  return { name, a, b, c };
}
