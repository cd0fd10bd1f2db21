/** What is under way in an instance with tasks, by name, and what it waits for: asked when something is to be ended. */
import { callOf, type HostCall } from "./host-call.ts";
import type { Awaited } from "./import-call.ts";
import { type Task, type TaskInstance, type Thread, Wait } from "./task.ts";

/** A call of the host's that has not ended, or that has its result and goes on; or calls of an import whose promise is awaited. */
export interface Underway {
  readonly kind: "call" | "promise";
  /** The export or the import. */
  readonly owner: string;
  readonly count: number;
  /** In words; absent where it goes on by itself. */
  readonly waitsFor?: string | undefined;
}

interface Looked {
  /** The module's name. */
  readonly name: string;
  readonly calls: Iterable<HostCall>;
  readonly components: readonly TaskInstance[];
  readonly awaited: Iterable<Awaited>;
  /** The task that is on the stack. */
  readonly runs: Task | undefined;
  readonly names: { ofExport(lift: number): string; ofImport(func: number): string };
}

export function underwayOf(looked: Looked): Underway[] {
  const { calls, components, names, name, runs } = looked;
  const awaited = [...looked.awaited];
  const threads = new Set(components.flatMap((component) => [...component.living, ...component.parked]));
  const found = new Map<string, { kind: "call" | "promise"; owner: string; count: number; waitsFor?: string }>();
  const add = (kind: "call" | "promise", owner: string, waitsFor?: string): void => {
    const key = `${kind} ${owner} ${waitsFor}`;
    const item = found.get(key);
    if (item === undefined) found.set(key, { kind, owner, count: 1, ...(waitsFor !== undefined && { waitsFor }) });
    else item.count++;
  };
  // A call that has its result may go on: it is known by the threads of its task.
  const all = new Set(calls);
  for (const { task } of threads) {
    const call = callOf(task);
    if (call !== undefined) all.add(call);
  }
  for (const call of all) add("call", names.ofExport(call.lift.index), waitOf(call, threads, awaited, names));
  if (runs !== undefined && callOf(runs) === undefined) add("call", name);
  for (const { func } of awaited) add("promise", names.ofImport(func));
  return [...found.values()];
}

function waitOf(
  call: HostCall,
  threads: ReadonlySet<Thread>,
  awaited: readonly Awaited[],
  names: Looked["names"],
): string | undefined {
  if (call.implicit === undefined) return "its turn";
  const reasons = new Set<string>();
  for (const { func, task } of awaited) {
    if (task !== undefined && callOf(task) === call) reasons.add(names.ofImport(func));
  }
  // One that has not begun may be on its way into the queue, and nowhere else.
  const own = [...new Set([...threads].filter(({ task }) => callOf(task) === call)).add(call.implicit)];
  for (const thread of own) {
    const reason = blockedBy(thread, names);
    if (reason !== undefined) reasons.add(reason);
  }
  // What waits for its own callees waits for what these wait for.
  if (reasons.size === 0 && own.some(({ wait }) => wait === Wait.SET || wait === Wait.EVENT)) return "an event";
  return reasons.size === 0 ? undefined : [...reasons].join(" and ");
}

/** Who keeps a thread from going on, where that is another call. */
function blockedBy({ wait, task, inLoop }: Thread, names: Looked["names"]): string | undefined {
  const { exclusive, backpressure } = task.instance;
  if (wait === Wait.SUSPENDED) return "another thread to resume it";
  if (wait === Wait.ENTRY && backpressure > 0) return "the guest to take calls again";
  const locked = wait === Wait.ENTRY || wait === Wait.LOCK || (wait === Wait.SET && inLoop);
  if (!locked || exclusive === undefined) return wait === Wait.ENTRY ? "its turn" : undefined;
  const holder = callOf(exclusive.task);
  return holder === undefined ? "its turn" : `its turn, which ${names.ofExport(holder.lift.index)} has`;
}
