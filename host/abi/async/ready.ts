/** Whether a thread that waits may go on, and with what it does: `ready_func` in the specification's definitions.py. */
import { type Task, type Thread, Wait } from "./task.ts";
import { Event, type EventTuple, type Waitable, type WaitableSet } from "./waitable.ts";

/** `has_backpressure` */
export function isHeld({ instance, lift }: Task): boolean {
  return instance.backpressure > 0 || (lift!.exclusive && instance.exclusive !== undefined);
}

/** Whether a thread can go on. One that waits for a lock is put where it is found when that is free. */
export function isReady(thread: Thread): boolean {
  if (thread.wait === Wait.RUNS) return false;
  if (thread.cancelled) return true;
  const { instance } = thread.task;
  const locked = thread.inLoop && instance.exclusive !== undefined;
  switch (thread.wait) {
    case Wait.TURN:
      return true;
    case Wait.ENTRY:
      if (!isHeld(thread.task)) return true;
      instance.parked.push(thread);
      return false;
    case Wait.LOCK:
      if (!locked) return true;
      instance.parked.push(thread);
      return false;
    case Wait.SET:
      if (!(thread.on as WaitableSet).hasEvent()) return false;
      if (locked) instance.parked.push(thread);
      return !locked;
    case Wait.EVENT:
      return (thread.on as Waitable).pending;
    default:
      return thread.released;
  }
}

/** Ends the wait of a thread. @param event filled with what it goes on with */
export function endWait(thread: Thread, event: EventTuple): void {
  const { on, wait, cancelled } = thread;
  thread.wait = Wait.RUNS;
  thread.on = undefined;
  thread.cancellable = thread.released = false;
  event.code = cancelled ? Event.TASK_CANCELLED : Event.NONE;
  event.index = event.payload = 0;
  if (wait === Wait.SET) {
    (on as WaitableSet).wakes(thread);
    if (!cancelled) (on as WaitableSet).take(event);
  } else if (wait === Wait.EVENT) {
    (on as Waitable).waiter = undefined;
    (on as Waitable).take(event);
  } else if (wait === Wait.ENTRY) {
    thread.task.instance.waitingToEnter--;
  }
}
