/**
 * Components with asynchronous functions: what their instances need of the machine. Loaded for components that have some.
 *
 * Frames are suspended by JavaScript Promise Integration where the engine has it. The engine never collects a suspended stack: it
 * goes when what it waits for is rejected, with the error of a real trap, which no guest can catch.
 */
import { TRAPPED } from "../abi/entered.ts";
import { type ChannelMachine, ChannelTasks } from "../abi/async/channel-tasks.ts";
import type { CalledInstance } from "../abi/async/tasks.ts";
import type { Underway } from "../abi/async/underway.ts";
import type { ExplainHandle } from "../abi/explain.ts";
import { UnloadedError, UnsupportedError } from "../errors.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { Platform } from "../platform.ts";
import { channelErrors, channelExplainer } from "./channel-errors.ts";
import { kept } from "./copies.ts";
import type { Prepared } from "./prepared.ts";
import {
  addStack,
  type Between,
  type BetweenGuests,
  makeBetween,
  removeStack,
  stacksAreFull,
  tooManyStacks,
  trapError,
} from "./stacks.ts";

/** Whether the engine can suspend frames. */
export function suspends(): boolean {
  return "Suspending" in WebAssembly;
}

const tasksByExports = new WeakMap<object, InstanceTasks>();

/** The tasks of an instance, by what it exports. */
export function tasksOf(exports: object): ChannelTasks | undefined {
  return tasksByExports.get(exports);
}

/** What an instance with tasks is asked for. */
interface WithTasks extends CalledInstance {
  readonly trap: Error | undefined;
  endReason: string;
  readonly explainHandle: ExplainHandle;
  tasks?: InstanceTasks;
  onTrap: ((trap: Error) => void) | undefined;
}

/** What is the same for all instances of a component. */
interface TaskCode {
  /** The functions between guests and the host, compiled. */
  module?: WebAssembly.Module;
}

/**
 * Gives an instance of a plan what its text calls.
 * @param meter limits it
 */
export function equipment(
  plan: KeptPlan,
  { macrotask }: Pick<Platform, "macrotask">,
  meter: Prepared["equip"],
): Prepared["equip"] {
  const code: TaskCode = {};
  const { lifts, hostFuncs } = plan;
  const params = lifts.map(({ type }) => type.params.map((param) => param.type));
  return (made, limits) => {
    const instance = made as typeof made & WithTasks;
    const machine: ChannelMachine = {
      macrotask,
      kept: (lift, args) => args.map((arg, i) => kept(params[lift]![i]!, arg)),
      givenUp: (lift) => {
        const { name, trap, endReason } = instance;
        const what = lift === undefined ? "This call" : `The call of export "${instance.exportName(lift)}"`;
        const why = trap === undefined ? endReason : "another call trapped";
        return new UnloadedError(`${what} of "${name}" was given up: ${why}`, trap && { cause: trap });
      },
      importName: (func) => hostFuncs[func]!.path.join("#"),
      cannotSuspend: (what) =>
        new UnsupportedError(
          "jspi",
          `The guest waits for ${what}, and cannot be suspended here: this engine has no JavaScript Promise Integration (Chromium 137, Firefox 153, Safari 27 and Node 24 have it), or JavaScript stands between its frames`,
        ),
      ...channelErrors(plan, instance),
      stacks: suspends()
        ? {
            refusal: () => (stacksAreFull() ? tooManyStacks(instance.name) : undefined),
            suspend: () => tasks.suspending(),
          }
        : undefined,
    };
    instance.explainHandle.channel = channelExplainer(instance.explainHandle, instance);
    const tasks = (instance.tasks = new InstanceTasks(instance, machine, code));
    const { onTrap } = instance;
    instance.onTrap = (trap) => {
      // The caller whose call trapped is told first, as it is told of no other.
      queueMicrotask(() => tasks.dispose());
      onTrap?.(trap);
    };
    meter?.(made, limits);
  };
}

type Func = (...args: unknown[]) => unknown;

/** What stands for the functions between guests and the host where nothing is suspended, in text that is for every engine. */
function plainly(inward: readonly Between[], outward: readonly Between[]): Record<string, unknown> {
  const called: Func[] = [];
  const functions: Record<string, unknown> = { table: { set: (slot: number, func: Func) => (called[slot] = func) } };
  for (const [name, , , func] of inward) functions[name] = func;
  outward.forEach(([name, , , finished], slot) => {
    functions[name] = (...args: unknown[]) => finished(called[slot]!(...args));
  });
  return functions;
}

class InstanceTasks extends ChannelTasks {
  private readonly code: TaskCode;
  /** What was under way when all calls were given up. */
  private cut: readonly Underway[] | undefined;
  private blocked: WebAssembly.Global | undefined;
  /** Begins a thread whose frames can be suspended. */
  private begins: ((start: (context: number) => unknown, context: number) => unknown) | undefined;

  constructor(instance: CalledInstance, machine: ChannelMachine, code: TaskCode) {
    super(instance, machine);
    this.code = code;
    // Where no frame is suspended, a function of the guest's that has returned is one that was called as any other.
    if (machine.stacks === undefined) this.finished = (packed = 0) => packed;
  }

  override get underway(): readonly Underway[] {
    return this.cut ?? super.underway;
  }

  giveUp(reason?: string): void {
    this.cut = this.underway;
    const instance = this.instance as WithTasks;
    if (reason !== undefined) instance.endReason = reason;
    this.dispose();
  }

  /** The instance has started. */
  serves(exports: object): void {
    tasksByExports.set(exports, this);
  }

  /** Makes the functions in which a guest may be suspended, and those that are called so that it may. */
  functions(
    inward: readonly Between[],
    outward: readonly Between[],
    through: readonly BetweenGuests[] = [],
  ): Record<string, unknown> {
    if (!suspends()) return plainly(inward, outward);
    const slots = outward.length + through.length;
    const { functions, blocked } = makeBetween(this.code, { inward, outward, through, slots }, this);
    this.blocked = blocked;
    const table = functions["table"] as WebAssembly.Table;
    const start = functions["thread"] as Func;
    this.begins = (func, context) => {
      // The function between has one place for the starts of all threads, which it reads at once.
      table.set(outward.length - 1, func);
      return start(context);
    };
    return functions;
  }

  protected override startThread(start: (context: number) => unknown, context: number): unknown {
    return this.begins === undefined ? start(context) : this.begins(start, context);
  }

  /** The function that runs returns to the one between, which suspends. */
  suspending(): void {
    const { blocked } = this;
    // Nothing would unwind it: all that could has been done.
    if (blocked === undefined) throw trapError();
    if (stacksAreFull()) throw tooManyStacks(this.instance.name);
    addStack();
    blocked.value = 1;
  }

  /** What the engine suspends the guest for. */
  readonly wait = (): Promise<void> => new Promise((resolve, reject) => this.sleep(resolve, reject));

  readonly resumed = (): unknown => {
    if (this.ended) throw trapError();
    removeStack();
    try {
      return this.awake();
    } catch (error) {
      // Guests can catch it, and the function between two of them makes another of it.
      const { instance } = this;
      if (instance.root.entered < TRAPPED) instance.root.entered = TRAPPED;
      throw instance.stop(error);
    }
  };

  protected override unwind(): void {
    for (const thread of this.asleep) {
      removeStack();
      thread.frame!.unwind!(trapError());
    }
    // They lead to the core instances, and a handle of the module, which may be held, leads to this.
    this.blocked = this.begins = undefined;
    super.unwind();
  }
}
