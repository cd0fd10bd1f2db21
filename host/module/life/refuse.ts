/**
 * What stands against an end or a replacement: dependents, calls, resources, background work. Waits for them as the
 * options allow, and names them in errors.
 */
import { InUseError, StillRunningError, type Activity } from "../../errors.ts";
import type { ModuleRecord } from "../module.ts";
import type { UnloadOptions, UnloadReceipt } from "../types.ts";
import type { Run } from "./run.ts";
import { unloadModule } from "./unload.ts";

/**
 * Drains, and unloads dependents first.
 * @returns the receipts of the dependents
 * @throws {InUseError} naming dependents that may not be unloaded
 * @throws {StillRunningError} naming what goes on
 */
export async function prepareUnload(
  record: ModuleRecord,
  options: UnloadOptions,
  began: number,
): Promise<readonly UnloadReceipt[]> {
  const receipts: UnloadReceipt[] = [];
  const chain = [...record.context.graph.dependents(record.name), record.name];
  refuseInUse(record, options);
  // All are asked before any is touched.
  for (const [index, name] of chain.entries()) {
    const member = record.context.modules.get(name);
    if (member !== undefined) await settle(member, options, began, () => heldBy(record, chain.slice(0, index)));
  }
  for (const name of chain.slice(0, -1)) {
    const dependent = record.context.modules.get(name);
    if (dependent !== undefined) receipts.push(await unloadModule(dependent, { ...options, drain: 0, collect: false }));
  }
  // Others may have come to use it, or calls have begun, while the dependents went.
  await settle(record, options, began);
  refuseInUse(record, { ...options, cascade: false });
  return receipts;
}

function refuseInUse(record: ModuleRecord, options: UnloadOptions): void {
  if (options.cascade === true) return;
  const dependents = record.context.graph.usedBy(record.name);
  if (dependents.length === 0) return;
  throw new InUseError(
    `Cannot unload module ${record.name}: it is used by ${dependents.join(", ")}; unload them first, or cascade`,
    dependents,
  );
}

/** Resources that modules hold, by name: they go when their holders go. */
function heldBy(record: ModuleRecord, names: readonly string[]): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const name of names) {
    for (const [resource, count] of record.context.modules.get(name)?.run.held() ?? []) {
      held.set(resource, (held.get(resource) ?? 0) + count);
    }
  }
  return held;
}

function without(activity: readonly Activity[], held: ReadonlyMap<string, number>): Activity[] {
  return activity.flatMap((item) => {
    const count = item.kind === "resource" ? item.count - (held.get(item.owner) ?? 0) : item.count;
    return count > 0 ? [{ ...item, count }] : [];
  });
}

/**
 * Waits for activity to end as the options allow.
 * @param held resources that are about to go by themselves
 * @throws {StillRunningError} naming what goes on
 */
async function settle(
  record: ModuleRecord,
  options: UnloadOptions,
  began: number,
  held: () => ReadonlyMap<string, number> = () => new Map(),
): Promise<void> {
  if (options.flush === true) record.run.scope.flush();
  const active = (): Activity[] => without(record.run.activity(), held());
  let activity = active();
  if (activity.length === 0) return;
  const left = (options.drain ?? 0) - (performance.now() - began);
  if (left > 0) {
    await record.run.drain(left, () => record.forced, active);
    activity = active();
  }
  if (activity.length === 0 || options.force === true) return;
  throw stillRunning(record, activity);
}

/** The refusal of an unload that would cut something short. */
export function stillRunning(record: ModuleRecord, activity: readonly Activity[]): StillRunningError {
  return new StillRunningError(
    `Cannot unload module ${record.name}: ${describeActivity(activity)}; drain waits for it, force cuts it`,
    activity,
  );
}

/** Calls that have not ended. */
export function callsOf(run: Run): Activity[] {
  return run.activity().filter(({ kind }) => kind === "call");
}

/** Activity in words. */
export function describeActivity(activity: readonly Activity[]): string {
  return activity
    .map(({ kind, owner, count, waitsFor }) => {
      const what = kind === "resource" ? "live resource" : kind;
      const way = kind === "call" ? " under way" : "";
      return `${count} ${what}${count === 1 ? "" : "s"}${way} (${owner}${waitsFor === undefined ? "" : `, which waits for ${waitsFor}`})`;
    })
    .join(", ");
}

/** A version of another module that holds resources of a module. */
export interface Holder {
  readonly run: Run;
  readonly activity: readonly Activity[];
}

/** Who holds resources of the serving version. Nobody can use those of a trapped one any more. */
export function holdersOf(record: ModuleRecord): Holder[] {
  if (record.run.trapped) return [];
  // By identity: a resource may have come through a module that exports it again.
  const own = new Set(record.resources.values());
  if (own.size === 0) return [];
  return [...record.context.runs].flatMap((run): Holder[] => {
    if (run.module === record.name) return [];
    const names = new Set([...run.resources].flatMap(([wanted, found]) => (own.has(found) ? [wanted.name] : [])));
    const activity = [...run.held()].flatMap(([resource, count]): Activity[] =>
      names.has(resource) && count > 0
        ? [{ kind: "resource", owner: `${resource}, held by ${run.module}`, count }]
        : [],
    );
    return activity.length === 0 ? [] : [{ run, activity }];
  });
}

/** @throws {StillRunningError} when other modules hold resources that a swap would cut */
export function refuseHeld(record: ModuleRecord): void {
  const activity = holdersOf(record).flatMap((holder) => holder.activity);
  if (activity.length === 0) return;
  throw new StillRunningError(
    `Modules hold resources of the old version: ${describeActivity(activity)}; drain lets them go on for a while, force cuts them, dependents: "restart" gives their holders fresh instances`,
    activity,
  );
}
