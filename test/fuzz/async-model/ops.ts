/**
 * The operations of the interpreter guest: what one word of a script means to the guest, to the model and to a reader.
 *
 * Owns the numbers. A word is asked for by a task and holds an operation and three operands of 16 bits.
 */

/** In the order of their numbers. */
export const operations = [
  // The end of a turn of the task: its last one, until an event of a set, until others have run, and any code at all.
  "exit",
  "until-event",
  "until-others-ran",
  "end-with-code",
  // Tasks.
  "task.return",
  "task.return-stream",
  "task.cancel",
  "backpressure.inc",
  "backpressure.dec",
  // Waitable sets.
  "set.new",
  "set.poll",
  "set.drop",
  "join",
  // Calls: `id` of the task to be, or of the host's call.
  "subtask.drop",
  "subtask.cancel",
  "call-host",
  "call-plain",
  "call-with-stream",
  "call-with-future",
  "call-for-stream",
  // Streams and futures.
  "stream.new",
  "stream.read",
  "stream.write",
  "stream.cancel-read",
  "stream.cancel-write",
  "stream.drop-readable",
  "stream.drop-writable",
  "future.new",
  "future.read",
  "future.write",
  "future.cancel-read",
  "future.cancel-write",
  "future.drop-readable",
  "future.drop-writable",
  // Memory.
  "fill",
  "sum",
  "load",
  // What may block the task where it stands.
  "set.wait",
  "thread.yield",
  "sync subtask.cancel",
  "sync call-host",
  "sync call-plain",
  "sync stream.read",
  "sync stream.write",
  "sync stream.cancel-read",
  "sync stream.cancel-write",
  "sync future.read",
  "sync future.write",
  "sync future.cancel-read",
  "sync future.cancel-write",
] as const;

export type OperationName = (typeof operations)[number];

export interface Operation {
  readonly name: OperationName;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Whether a task may stop inside of it. */
export const isBlocking = (name: OperationName): boolean =>
  name === "set.wait" || name === "thread.yield" || name.startsWith("sync ");

export function wordOf({ name, a, b, c }: Operation): bigint {
  return BigInt(operations.indexOf(name)) | (BigInt(a) << 8n) | (BigInt(b) << 24n) | (BigInt(c) << 40n);
}

/** Whether it is about streams or futures. */
export const isCopying = (name: OperationName): boolean => /stream|future/.test(name);

/** What a task tells: that it starts, that an event came, or what an operation gave. */
export const tells = { answer: 0, start: 1, event: 2 } as const;

/** Element types of the guest's streams. The futures' is u8. */
export type Element = "none" | "u8" | "u32";

export const bytesOf = (element: Element): number => ({ none: 0, u8: 1, u32: 4 })[element];
