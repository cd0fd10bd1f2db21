/**
 * When guests and streams leave a turn to the event loop. What is always ready goes on in microtasks, and while there are some no
 * timer fires and no page is drawn: so what has gone on for a while waits for a turn, together with all others of this thread.
 */

/** Milliseconds in which it goes on. A page has 16 for a frame, and needs some of them. */
const MOST_MS = 5;
/** Steps in which it goes on, where a runtime has stopped the clock: it stands for those milliseconds. */
const MOST_STEPS = 4096;
/** Steps after which the clock is read, while none of them takes long. */
const OFTEN = 8;
/** Milliseconds of a step that takes long: after such ones it is read each time. */
const LONG_MS = 0.1;

/** Idle turns after which a frame waits for what only the event loop can bring. */
const MOST_IDLE_TURNS = 1_000_000;

let steps = 0;
let stride = OFTEN;
/** The step at which the clock is read next. */
let due = OFTEN;
let began = 0;
let read = 0;
/** The turn that is asked for, of all that goes on in this one. */
let next: Promise<void> | undefined;
let isOver = false;

/**
 * Counts a step of the scheduler or of a stream.
 * @returns the turn that it has to wait for; `undefined` when it may be made at once
 */
export function turnBefore(macrotask: () => Promise<void>): Promise<void> | undefined {
  if (isOver) return next;
  if (++steps < due) return undefined;
  const now = performance.now();
  if (next === undefined) {
    began = now;
    next = macrotask().then(end);
  } else {
    // Long steps and short ones may come by turns.
    stride = (now - read) / stride > LONG_MS ? 1 : Math.min(2 * stride, OFTEN);
    isOver = now - began >= MOST_MS || steps >= MOST_STEPS;
  }
  read = now;
  due = steps + stride;
  return isOver ? next : undefined;
}

function end(): void {
  next = undefined;
  isOver = false;
  steps = 0;
  due = stride;
}

/** Turns that a frame which cannot be suspended asks for, and in which nothing can run. */
export class IdleTurns {
  /** What asked last. */
  private thread: object | undefined;
  private count = 0;

  /** Counts one more. */
  areTooMany(thread: object): boolean {
    this.count = this.thread === thread ? this.count + 1 : 1;
    this.thread = thread;
    return this.count > MOST_IDLE_TURNS;
  }

  /** Something could run. */
  end(): void {
    this.thread = undefined;
  }
}
