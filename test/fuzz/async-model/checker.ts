/**
 * The model run in step with a host: it decides what each task does next, and judges by the order in which tasks ask and tell
 * whether the host ran one that may run, and whether each answer is one that may be given.
 *
 * Where the specification leaves a choice (which task that is ready goes on, which event of a set comes first, whether a wait
 * that is over at once blocks), the host's own choice is taken, so one model judges every schedule. Owns the stack of tasks.
 */
import { exportsOf, type GuestOptions } from "./guest.ts";
import { tells, wordOf, type Operation } from "./ops.ts";
import { eventsOf, perform, type World } from "./perform.ts";
import { Instance, ModelTrap, eventCodes, type End, type HostCall, type Subtask } from "./state.ts";
import { GuestCaller, Task, type Caller } from "./task.ts";

/** The host did what the specification does not allow. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

/** Chooses what a task does next, and how the host's function answers. */
export interface Chooser {
  operation(task: Task): Operation;
  hostAnswer(call: HostCall): number | undefined;
}

/** A call of an export by the host. */
export class HostCaller implements Caller {
  outcome: { readonly value: number } | "cancelled" | undefined;
  start(): number {
    return 0;
  }
  resolve(result: { readonly value: number; readonly end: End | undefined } | undefined): void {
    this.outcome = result === undefined ? "cancelled" : { value: result.value };
  }
}

export class Checker implements World {
  readonly main: Instance;
  readonly leaf: Instance;
  readonly tasks = new Map<number, Task>();
  readonly hostCalls = new Map<number, HostCall>();
  readonly trace: string[] = [];
  readonly options: GuestOptions;
  /** The rule that the guest has broken; nothing goes on after that. */
  trapped: ModelTrap | undefined;
  /** Everything the guest has asked and told. */
  messages = 0;
  readonly #chooser: Chooser;
  readonly #callees = new Map<Subtask, Task | HostCall>();
  /** Innermost last. */
  readonly #stack: Task[] = [];

  constructor(options: GuestOptions, chooser: Chooser) {
    this.options = options;
    this.#chooser = chooser;
    this.main = new Instance("main", options.element);
    this.leaf = new Instance("leaf", options.element);
  }

  /** The host calls an export. */
  invoke(instance: "main" | "leaf", name: string, id: number): HostCaller {
    const caller = new HostCaller();
    const of = exportsOf(this.options).find((item) => item.name === name)!;
    this.#note(`host calls ${instance}.${name} as ${id}`);
    this.call(new Task(id, this[instance], of, caller));
    return caller;
  }

  /** The host asks a task to end. */
  abort(id: number): void {
    this.#note(`host aborts ${id}`);
    const task = this.tasks.get(id)!;
    if (task.state === "resolved") return;
    if (task.requestCancel()) this.#stack.push(task);
  }

  /** The host settles what its function gave. */
  answer(id: number, value: number): void {
    this.#note(`host answers call ${id} with ${value}`);
    this.hostCalls.get(id)!.answer = value;
  }

  /** A task asks for its next word. */
  next(id: number): bigint {
    this.#hear(`${id} asks`);
    const task = this.#stack.at(-1);
    if (task?.id !== id || task.standing.at !== "between")
      throw this.#mismatch(`task ${id} asks, but it is not running`);
    const operation = this.#chooser.operation(task);
    this.#note(`${task.instance.name} ${id}: ${operation.name} ${operation.a} ${operation.b} ${operation.c}`);
    try {
      const pending = perform(this, task, operation);
      if (pending !== undefined) task.standing = { at: "operation", pending };
      else if (isOver(task)) this.#stack.pop();
    } catch (error) {
      if (!(error instanceof ModelTrap)) throw error;
      this.#note(`trap ${error.codes}: ${error.message}`);
      this.trapped = error;
    }
    return wordOf(operation);
  }

  /** A task tells something. */
  tell(id: number, what: number, ...given: readonly number[]): void {
    const name = Object.entries(tells).find(([, code]) => code === what)?.[0];
    this.#hear(`${id} tells ${name} ${given.map((item) => item >>> 0).join(" ")}`);
    const task = this.tasks.get(id);
    if (task === undefined) throw this.#mismatch(`there is no task ${id}`);
    const unsigned = given.map((item) => item >>> 0);
    this.#reach(task);
    try {
      if (what === tells.start) this.#start(task, unsigned);
      else if (what === tells.event) this.#event(task, unsigned);
      else this.#answered(task, unsigned);
    } catch (error) {
      // Only a start can trap here, when it takes what its caller no longer has; then nothing would have been told.
      if (error instanceof ModelTrap) throw this.#mismatch(`expected the trap ${error.codes}: ${error.message}`);
      throw error;
    }
  }

  #start(task: Task, [handed]: readonly number[]): void {
    const { at } = task.standing;
    if (at !== "starting" && !(at === "entering" && task.isReady())) {
      throw this.#mismatch(`task ${task.id} starts, but it may not enter`);
    }
    if (at === "entering") {
      task.instance.entering--;
      task.start({ at: "between" });
    } else {
      task.standing = { at: "between" };
    }
    if (handed !== task.handed) throw this.#mismatch(`task ${task.id} is handed ${handed}, not ${task.handed}`);
  }

  #event(task: Task, given: readonly number[]): void {
    const { standing } = task;
    if (standing.at !== "loop") throw this.#mismatch(`task ${task.id} gets an event, but it does not wait for one`);
    const { set, cancel } = standing;
    if (!cancel && task.instance.exclusive !== undefined) {
      throw this.#mismatch(
        `task ${task.id} goes on beside ${task.instance.exclusive.id}, which has the instance to itself`,
      );
    }
    const events: readonly { event: readonly number[]; take?: () => void }[] = cancel
      ? [{ event: [eventCodes.cancelled, 0, 0] }]
      : set === undefined
        ? [{ event: [eventCodes.none, 0, 0] }]
        : eventsOf(this, set);
    const chosen = events.find(({ event }) => same(event, given));
    if (chosen === undefined) {
      throw this.#mismatch(
        `task ${task.id} gets the event ${given.join(" ")}, not one of ${listOf(events.map(({ event }) => event))}`,
      );
    }
    chosen.take?.();
    task.resume();
  }

  #answered(task: Task, given: readonly number[]): void {
    const { standing } = task;
    if (standing.at !== "operation") throw this.#mismatch(`task ${task.id} answers, but it was asked nothing`);
    const answers = standing.pending.answers();
    const chosen = answers.find(({ answer }) => same(answer, given));
    if (chosen === undefined) {
      throw this.#mismatch(
        `task ${task.id} answers ${given.join(" ")}, not one of ${listOf(answers.map(({ answer }) => answer))}`,
      );
    }
    chosen.take?.();
    task.standing = { at: "between" };
  }

  /** Makes the task the one that runs: it is, or those above it have stopped, or all have and it goes on by itself. */
  #reach(task: Task): void {
    while (this.#stack.length > 0 && this.#stack.at(-1) !== task) this.#stop();
    if (this.#stack.length === 0) this.#stack.push(task);
  }

  /** The innermost task stops where it is. */
  #stop(): void {
    const task = this.#stack.at(-1)!;
    const { standing } = task;
    const may = standing.at === "loop" ? !standing.cancel : standing.at === "operation" && standing.pending.blocks;
    if (!may) throw this.#mismatch(`another runs, but task ${task.id} may not stop: it stands at ${standing.at}`);
    this.#stack.pop();
  }

  /** Nothing runs now. */
  unwind(): void {
    if (this.trapped !== undefined) return;
    while (this.#stack.length > 0) this.#stop();
  }

  /** The tasks that would go on now, were it their turn. What the host has answered has arrived. */
  ready(): readonly Task[] {
    if (this.trapped !== undefined) return [];
    for (const call of this.hostCalls.values()) call.land();
    return [...this.tasks.values()].filter((task) => task.isReady());
  }

  /** The trap that may have come when a task was let in: what it takes is no longer its caller's to give. */
  trapOnEntry(): ModelTrap | undefined {
    const codes: string[] = [];
    for (const task of this.ready()) {
      try {
        if (task.standing.at === "entering") task.start({ at: "between" });
      } catch (error) {
        if (!(error instanceof ModelTrap)) throw error;
        codes.push(...error.codes);
      }
    }
    return codes.length === 0 ? undefined : new ModelTrap(codes.join(","), "a task that cannot take what it was given");
  }

  callHost(call: HostCall): number | undefined {
    this.hostCalls.set(call.id, call);
    this.#callees.set(call.subtask, call);
    return this.#chooser.hostAnswer(call);
  }

  call(task: Task): void {
    if (this.tasks.has(task.id)) throw new Error(`Task ${task.id} is called twice`);
    this.tasks.set(task.id, task);
    if (task.caller instanceof GuestCaller) this.#callees.set(task.caller.subtask, task);
    if (task.arrive()) this.#stack.push(task);
  }

  interrupt(task: Task): void {
    this.#stack.push(task);
  }

  calleeOf(subtask: Subtask): Task | HostCall {
    return this.#callees.get(subtask)!;
  }

  #hear(words: string): void {
    this.messages++;
    this.#note(words);
    if (this.trapped !== undefined) throw this.#mismatch("the guest goes on after a trap");
  }

  #note(line: string): void {
    this.trace.push(line);
  }

  #mismatch(what: string): Mismatch {
    return new Mismatch(`${what}\n  ${this.trace.slice(-40).join("\n  ")}`);
  }
}

function isOver({ standing }: Task): boolean {
  return standing.at === "over";
}

function same(one: readonly number[], other: readonly number[]): boolean {
  return one.every((item, index) => item === other[index]);
}

function listOf(answers: readonly (readonly number[])[]): string {
  return answers.length === 0 ? "none" : answers.map((answer) => answer.join(" ")).join(", ");
}
