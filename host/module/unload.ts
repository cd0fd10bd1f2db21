/**
 * Unload: refuse, drain or force; cut the handles; end the version; say what came of it.
 *
 * Until the handles are cut nothing has happened: a refused unload leaves the module exactly as it was.
 */
import { InUseError, StillRunningError, UsageError, type Activity } from "../errors.ts";
import type { ModuleRecord } from "./module.ts";
import { checkNumber, checkOptions } from "./options.ts";
import type { DropReceipt, UnloadOptions, UnloadReceipt } from "./types.ts";

export async function unloadModule(record: ModuleRecord, options: UnloadOptions): Promise<UnloadReceipt> {
  checkOptions("unload", options, ["drain", "flush", "force", "cascade", "collect", "collectDeadlineMs"]);
  checkNumber("drain", options.drain);
  checkNumber("collectDeadlineMs", options.collectDeadlineMs);
  if (record.context.options.unloading === false && options.force !== true) {
    throw new UsageError(
      `Cannot unload module ${record.name}: this host was made with unloading: false; force does it anyway`,
    );
  }
  return record.queue.run(async () => {
    // Unloading twice is one unload.
    if (record.unloading !== undefined) return record.unloading;
    const prepared = await prepare(record, options);
    record.unloading = commit(record, options, prepared);
    return record.unloading;
  });
}

interface Prepared {
  readonly receipts: readonly UnloadReceipt[];
  readonly began: number;
}

/** Drains, refuses, and unloads dependents. Returns when the module may be cut, in the same synchronous piece. */
async function prepare(record: ModuleRecord, options: UnloadOptions): Promise<Prepared> {
  const began = performance.now();
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
    if (dependent !== undefined) receipts.push(await dependent.unload({ ...options, drain: 0, collect: false }));
  }
  // Others may have come to use it, or calls have begun, while the dependents went.
  do {
    await settle(record, options, began);
    refuseInUse(record, { ...options, cascade: false });
  } while (options.force !== true && record.version.activity().length > 0);
  return { receipts, began };
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
    for (const [resource, count] of record.context.modules.get(name)?.version.held() ?? []) {
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
  if (options.flush === true) record.version.scope.flush();
  const active = (): Activity[] => without(record.version.activity(), held());
  let activity = active();
  if (activity.length === 0) return;
  const left = (options.drain ?? 0) - (performance.now() - began);
  if (left > 0) {
    await record.version.drain(left, active);
    activity = active();
  }
  if (activity.length === 0 || options.force === true) return;
  throw new StillRunningError(
    `Cannot unload module ${record.name}: ${describeActivity(activity)}; drain waits for it, force cuts it`,
    activity,
  );
}

function describeActivity(activity: readonly Activity[]): string {
  return activity
    .map(({ kind, owner, count }) => {
      const what = kind === "call" ? "call under way" : kind === "resource" ? "live resource" : kind;
      return `${count} ${what}${count === 1 || kind === "call" ? "" : "s"} (${owner})`;
    })
    .join(", ");
}

async function commit(
  record: ModuleRecord,
  options: UnloadOptions,
  { receipts, began }: Prepared,
): Promise<UnloadReceipt> {
  const { context, name, hash } = record;
  record.phase = "unloading";
  record.stopRestart();
  record.tree.cut(record.unloadedError);
  const dropped = await record.version.drop({
    teardown: true,
    collect: options.collect === true,
    collectDeadlineMs: options.collectDeadlineMs,
  });
  record.phase = "unloaded";
  if (context.modules.get(name) === record) context.modules.delete(name);
  const receipt = unloadReceipt(dropped, { name, hash, durationMs: performance.now() - began, cascaded: receipts });
  context.events.emit("unloaded", { module: name, receipt });
  return receipt;
}

/** Spreading a receipt would read `collected`, and reading it begins the watch. */
function unloadReceipt(
  dropped: DropReceipt,
  own: Pick<UnloadReceipt, "name" | "hash" | "durationMs" | "cascaded">,
): UnloadReceipt {
  const descriptors = { ...Object.getOwnPropertyDescriptors(own), ...Object.getOwnPropertyDescriptors(dropped) };
  return Object.defineProperties({}, descriptors) as UnloadReceipt;
}
