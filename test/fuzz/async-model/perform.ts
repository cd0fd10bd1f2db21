/**
 * What each operation does to the model, and what it may answer.
 *
 * Owns the meaning of operations but not the order of tasks: an operation that calls a task hands it to the checker, which
 * knows who runs.
 */
import { exportsOf } from "./guest.ts";
import type { Operation } from "./ops.ts";
import {
  BLOCKED,
  End,
  eventCodes,
  HostCall,
  ModelTrap,
  Subtask,
  subtaskStates,
  trapIf,
  WaitSet,
  type Event,
  type Waitable,
} from "./state.ts";
import { GuestCaller, Task, type Pending } from "./task.ts";

/** What the model has beside the tasks: who is called, and who runs next. */
export interface World {
  /** A call of the host's function; the answer, when the host gives it at once. */
  callHost(call: HostCall): number | undefined;
  /** A task of `leaf` is called; it runs before its caller does again. */
  call(task: Task): void;
  /** A task that runs now to be told of its cancellation. */
  interrupt(task: Task): void;
  calleeOf(subtask: Subtask): Task | HostCall;
  readonly leaf: Task["instance"];
}

const now = (...answer: number[]): Pending => later(() => answer);

/** One answer, known when it is asked for. */
function later(answer: () => readonly number[]): Pending {
  return { blocks: false, isReady: () => true, answers: () => [{ answer: answer() }] };
}

const done = now(0, 0, 0);

/** Executes the operation. @returns what it answers; nothing for one that ends the turn of the task */
export function perform(world: World, task: Task, operation: Operation): Pending | undefined {
  const { instance } = task;
  const { table } = instance;
  const { name, a, b, c } = operation;
  const [first, second] = name.replace("sync ", "").split(".") as [string, string | undefined];
  const sync = name.startsWith("sync ");
  switch (name) {
    case "exit":
      if (task.of.lifting === "synchronous") task.resolve({ value: a, end: undefined });
      task.exit();
      return undefined;
    case "until-others-ran":
      task.loop(undefined);
      return undefined;
    case "until-event":
      task.loop(table.get(a, WaitSet));
      return undefined;
    case "end-with-code":
      throw new ModelTrap("invalid-callback-code", `a callback's code ${a}`);
    case "task.return":
    case "task.return-stream": {
      const gives = name === "task.return" ? "u32" : "stream";
      trapIf(task.of.lifting === "synchronous", "invalid-task-return", "a return in a task lifted synchronously");
      trapIf(task.of.gives !== gives, "invalid-task-return", "a return of another type");
      const end = gives === "stream" ? instance.lift(a, "stream") : undefined;
      trapIf(task.state === "resolved", "invalid-task-return", "a second return");
      task.resolve({ value: a, end });
      return done;
    }
    case "task.cancel":
      trapIf(task.of.lifting === "synchronous", "invalid-task-return", "a cancel in a task lifted synchronously");
      task.cancel();
      return done;
    case "backpressure.inc":
      instance.backpressure++;
      return done;
    case "backpressure.dec":
      instance.backpressure--;
      trapIf(instance.backpressure < 0, "backpressure-overflow", "less backpressure than none");
      return done;
    case "set.new":
      return now(table.add(new WaitSet()), 0, 0);
    case "set.poll": {
      const set = table.get(a, WaitSet);
      return pollOf(world, set);
    }
    case "set.wait":
      return waitOf(world, table.get(a, WaitSet));
    case "set.drop": {
      const set = table.get(a, WaitSet);
      table.remove(a);
      trapIf(set.members.size > 0 || set.waiters > 0, "waitable-set-in-use", "a set dropped in use");
      return done;
    }
    case "join": {
      const waitable = table.waitable(a);
      trapIf(waitable.hasSyncWaiter, "waitable-in-set", "a join while waited for");
      waitable.join(b === 0 ? undefined : table.get(b, WaitSet));
      return done;
    }
    case "subtask.drop": {
      const subtask = table.get(a, Subtask);
      table.remove(a);
      trapIf(!subtask.delivered, "subtask-not-resolved", "a subtask dropped before its end was told");
      subtask.join(undefined);
      return done;
    }
    case "subtask.cancel":
    case "sync subtask.cancel":
      return cancelOf(world, table.get(a, Subtask), sync);
    case "call-host":
    case "sync call-host": {
      const subtask = new Subtask(instance, sync ? undefined : b);
      subtask.state = subtaskStates.started;
      let value = 0;
      const call = new HostCall(a, subtask, (given) => {
        value = given;
        if (!sync) instance.store(b, given);
      });
      call.answer = world.callHost(call);
      call.land();
      return callOf(world, task, subtask, sync ? () => value : undefined);
    }
    case "call-plain":
    case "sync call-plain":
    case "call-with-stream":
    case "call-with-future":
    case "call-for-stream": {
      const subtask = new Subtask(instance, sync ? undefined : b);
      let value = 0;
      const kind = name === "call-with-stream" ? "stream" : name === "call-with-future" ? "future" : undefined;
      const caller = new GuestCaller(instance, subtask, kind && { kind, index: c }, (given) => {
        value = given;
        if (!sync) instance.store(b, given);
      });
      const export_ = name.replace("sync ", "").replace("call-", "");
      const of = exportsOf({ element: instance.element, blocking: true, streams: true }).find(
        (item) => item.name === export_,
      )!;
      world.call(new Task(a, world.leaf, of, caller));
      return callOf(world, task, subtask, sync ? () => value : undefined);
    }
    case "fill": {
      let byte = c;
      for (let index = 0; index < b; index++) {
        instance.memory[a + index] = byte;
        byte = (Math.imul(byte, 5) + 1) >>> 0;
      }
      return done;
    }
    case "sum": {
      let sum = 0;
      for (let index = 0; index < b; index++) sum = (Math.imul(sum, 31) + instance.memory[a + index]!) >>> 0;
      return now(sum, 0, 0);
    }
    case "load":
      return now(instance.load(a), 0, 0);
    case "thread.yield":
      return { ...done, blocks: true };
    case "stream.new":
    case "future.new":
      return now(...instance.open(first as "stream" | "future"), 0);
    default: {
      const kind = first as "stream" | "future";
      const side = /read/.test(second!) ? "read" : "write";
      const end = instance.end(a, kind, side);
      if (second!.startsWith("drop-")) {
        table.remove(a);
        end.drop();
        return done;
      }
      if (second!.startsWith("cancel-")) {
        trapIf(end.state !== "copying" || end.hasSyncWaiter, "stream-busy", "a cancel of no copy");
        // A stream of units is let off: it never waits, and programs of today make such a cancel, which the specification refuses.
        const refused = sync && end.channel.element !== "none" && end.set !== undefined;
        trapIf(refused, "waitable-in-set", "a synchronous cancel of an end in a set");
        end.cancel();
      } else {
        trapIf(end.state === "done", "stream-done", "a copy of an end that is done");
        trapIf(end.state !== "idle", "stream-busy", "a copy while copying");
        trapIf(sync && end.set !== undefined, "waitable-in-set", "a synchronous copy of an end in a set");
        end.start(instance, b, kind === "future" ? 1 : c);
      }
      return copyOf(end, sync);
    }
  }
}

/** The end has its event now, or says that it comes later, or waits for it. */
function copyOf(end: End, sync: boolean): Pending {
  if (end.hasEvent()) return now(end.takeEvent()[2], 0, 0);
  return sync ? awaiting(end) : now(BLOCKED, 0, 0);
}

/** Waits for the event of one waitable, in the middle of an operation. */
function awaiting(waitable: Waitable): Pending {
  waitable.hasSyncWaiter = true;
  return {
    blocks: true,
    isReady: () => waitable.hasEvent(),
    answers: () => {
      if (!waitable.hasEvent()) return [];
      const answer = [waitable.peekEvent()[2], 0, 0];
      return [
        {
          answer,
          take: () => {
            waitable.hasSyncWaiter = false;
            waitable.takeEvent();
          },
        },
      ];
    },
  };
}

function cancelOf(world: World, subtask: Subtask, sync: boolean): Pending {
  trapIf(subtask.delivered || subtask.isCancelling, "subtask-not-resolved", "a cancel of no call under way");
  trapIf(sync && subtask.set !== undefined, "waitable-in-set", "a synchronous cancel of a subtask in a set");
  const take = (): void => {
    subtask.hasSyncWaiter = false;
    subtask.takeEvent();
  };
  if (subtask.isResolved())
    return { ...later(() => [subtask.state, 0, 0]), answers: () => [{ answer: [subtask.state, 0, 0], take }] };
  subtask.isCancelling = true;
  const callee = world.calleeOf(subtask);
  if (callee instanceof HostCall) {
    // The host's own answer may have been on its way.
    if (callee.answer === undefined) subtask.progress(subtaskStates["cancelled before it returned"]);
  } else if (callee.requestCancel()) {
    world.interrupt(callee);
  }
  subtask.hasSyncWaiter = sync;
  const isOver = (): boolean => subtask.isResolved() || (callee instanceof HostCall && callee.answer !== undefined);
  return {
    blocks: sync,
    isReady: () => (sync ? isOver() : true),
    answers: () => {
      if (!isOver()) return sync ? [] : [{ answer: [BLOCKED, 0, 0] }];
      const cancelled = subtaskStates["cancelled before it returned"];
      if (subtask.isResolved()) return [{ answer: [subtask.state, 0, 0], take }];
      return [
        {
          answer: [subtaskStates.returned, 0, 0],
          take: () => {
            (callee as HostCall).land();
            take();
          },
        },
        {
          answer: [cancelled, 0, 0],
          take: () => {
            subtask.progress(cancelled);
            take();
          },
        },
      ];
    },
  };
}

/** What a call answers: its result, where it is synchronous, or how far it has come. */
function callOf(world: World, task: Task, subtask: Subtask, value: (() => number) | undefined): Pending {
  if (value !== undefined) {
    const land = (): void => {
      const callee = world.calleeOf(subtask);
      if (callee instanceof HostCall) callee.land();
    };
    return {
      blocks: true,
      isReady: () => {
        land();
        return subtask.isResolved();
      },
      answers: () => {
        land();
        return subtask.isResolved() ? [{ answer: [value(), 0, 0], take: () => subtask.deliver() }] : [];
      },
    };
  }
  return {
    blocks: false,
    isReady: () => true,
    answers: () => {
      if (subtask.isResolved()) {
        return [{ answer: [subtaskStates.returned, 0, 0], take: () => subtask.deliver() }];
      }
      const { table } = task.instance;
      const index = table.add(subtask);
      subtask.tells = true;
      return [{ answer: [subtask.state + index * 16, 0, 0] }];
    },
  };
}

/** The events that a set may deliver now. What the host has answered may arrive with it. */
export function eventsOf(world: World, set: WaitSet): readonly { readonly event: Event; readonly take: () => void }[] {
  return [...set.members].flatMap((waitable): readonly { readonly event: Event; readonly take: () => void }[] => {
    const callee = waitable instanceof Subtask ? world.calleeOf(waitable) : undefined;
    const isOnItsWay = callee instanceof HostCall && callee.answer !== undefined && !callee.subtask.isResolved();
    if (isOnItsWay) {
      return [
        {
          event: [eventCodes.subtask, waitable.index, subtaskStates.returned] satisfies Event,
          take: () => {
            callee.land();
            waitable.takeEvent();
          },
        },
      ];
    }
    return waitable.hasEvent() ? [{ event: waitable.peekEvent(), take: () => void waitable.takeEvent() }] : [];
  });
}

function pollOf(world: World, set: WaitSet): Pending {
  return {
    blocks: false,
    isReady: () => true,
    answers: () => {
      const events = eventsOf(world, set);
      // An answer of the host that is on its way need not be seen yet.
      const isCertain = [...set.members].some((waitable) => waitable.hasEvent());
      return [
        ...events.map(({ event, take }) => ({ answer: event, take })),
        ...(isCertain ? [] : [{ answer: [0, 0, 0] }]),
      ];
    },
  };
}

function waitOf(world: World, set: WaitSet): Pending {
  set.waiters++;
  return {
    blocks: true,
    isReady: () => eventsOf(world, set).length > 0,
    answers: () =>
      eventsOf(world, set).map(({ event, take }) => ({
        answer: event,
        take: () => {
          set.waiters--;
          take();
        },
      })),
  };
}
