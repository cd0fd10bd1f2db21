/** What of a plan is asynchronous: the rest runs as if tasks did not exist. */
import { holdsAsync } from "../model/facts.ts";
import type { FuncType } from "../model/types.ts";
import type { Plan, TaskBuiltin, Trampoline } from "./plan.ts";

/** Built-ins that have no effect where every call runs to its end. */
const idle: ReadonlySet<string> = new Set(["backpressure.inc", "backpressure.dec", "thread.yield"]);

/** Whether an instance of a plan has tasks that may outlive the call that began them, or values that belong to such tasks. */
export function isAsynchronous({ lifts, hostFuncs, trampolines }: Plan): boolean {
  return (
    lifts.some(({ type }) => isAsyncFunc(type)) ||
    hostFuncs.some(({ type }) => isAsyncFunc(type)) ||
    trampolines.some((item) => item.kind === "task" && !idle.has(item.name))
  );
}

function isAsyncFunc(type: FuncType): boolean {
  return type.async || type.params.some((param) => holdsAsync(param.type)) || holdsAsync(type.result);
}

/**
 * The component instances of which a frame may have to be suspended. Those that only cancel and wait for that are none: what
 * they cancel has ended by then, but where another guest is at the other end.
 */
export function suspendingComponents({ trampolines }: Plan): ReadonlySet<number> {
  return new Set(trampolines.flatMap((item) => (blocks(item) && !isCancel(item) ? [item.component] : [])));
}

/**
 * The same where synchronous functions may be suspended too: those that wait, those that call a function of the host's, which may
 * return a promise, and those that call such a guest.
 */
export function allSuspendingComponents(plan: Plan): ReadonlySet<number> {
  const { lifts, trampolines } = plan;
  const found = new Set(suspendingComponents(plan));
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const item of trampolines) {
      if (item.kind !== "lower" || item.type.async) continue;
      if (item.func.kind === "host" || found.has(lifts[item.func.lift]!.component)) found.add(item.component);
    }
  }
  return found;
}

/** Whether the caller of a core function that the host makes may have to wait in it. */
export function blocks(item: Trampoline): boolean {
  if (item.kind === "lower") return item.type.async && item.options.async === undefined;
  return item.kind === "task" && (item.async === false || waits.has(item.name) || readsSync(item));
}

function readsSync({ name, options }: TaskBuiltin): boolean {
  return /\.(read|write)$/.test(name) && options?.async === undefined;
}

function isCancel(item: Trampoline): boolean {
  return item.kind === "task" && item.name.includes("cancel");
}

const waits: ReadonlySet<string> = new Set([
  "waitable-set.wait",
  "thread.yield",
  "thread.suspend",
  "thread.suspend-then-resume",
  "thread.yield-then-resume",
  "thread.suspend-then-promote",
  "thread.yield-then-promote",
]);
