/**
 * Unload: cut the handles, end the version, make the receipt. What refuses an unload, or makes it wait, is in
 * `refuse.ts`.
 *
 * Until the handles are cut nothing has happened: a refused unload leaves the module exactly as it was. From then on
 * nothing stops it: whatever fails is in the receipt.
 */
import { UnloadedError, UsageError } from "../../errors.ts";
import type { ModuleRecord } from "../module.ts";
import { checkOptions } from "../../runtime/options.ts";
import { UNLOAD } from "../options.ts";
import { upkeep } from "../lazy.ts";
import { asError } from "../imports/scope.ts";
import type { RunReceipt, UnloadOptions, UnloadReceipt } from "../types.ts";

export async function unloadModule(record: ModuleRecord, options: UnloadOptions): Promise<UnloadReceipt> {
  checkOptions("unload", options, UNLOAD);
  const { context, name } = record;
  if (context.options.unloading === false && options.force !== true) {
    throw new UsageError(`Cannot unload module ${name}: the host has unloading: false; force does it anyway`);
  }
  // A forced unload without a drain of its own ends the drains of the operations before it in the queue.
  if (options.force === true && !options.drain) record.forced = true;
  return record.queue.run(async () => {
    // A second unload gives the receipt of the first.
    if (record.unloading !== undefined) return record.unloading;
    const began = performance.now();
    const receipts: UnloadReceipt[] = [];
    let waits = Boolean(options.drain || options.flush);
    for (;;) {
      const used = context.graph.usedBy(name).length > 0;
      const activity = options.force === true && !waits ? [] : record.run.activity();
      // Asked again after every wait, and cut in the same synchronous piece.
      if (!used && activity.length === 0) break;
      const { prepareUnload, stillRunning } = await upkeep();
      // Activity found now refuses the unload, also when it has ended while the words for it were being loaded.
      if (!used && !waits) throw stillRunning(record, activity);
      waits = false;
      receipts.push(...(await prepareUnload(record, options, began)));
    }
    return (record.unloading = commit(record, options, began, receipts));
  });
}

async function commit(
  record: ModuleRecord,
  options: UnloadOptions,
  began: number,
  cascaded: readonly UnloadReceipt[],
): Promise<UnloadReceipt> {
  const { context, name, hash } = record;
  record.phase = "unloading";
  let dropped: RunReceipt;
  try {
    record.calledOff(new UnloadedError(`Module ${name} was unloaded before the reload began`));
    record.tree.cut(record.unloadedError);
    dropped = await record.run.end({
      teardown: true,
      collect: options.collect,
      collectDeadlineMs: options.collectDeadlineMs,
    });
  } catch (error) {
    dropped = failedDrop(asError(error, `The end of module ${name} failed`));
  }
  record.phase = "unloaded";
  if (context.modules.get(name) === record) context.modules.delete(name);
  const receipt = unloadReceipt(dropped, { name, hash, durationMs: performance.now() - began, cascaded });
  context.events.emit("unloaded", { module: name, receipt });
  return receipt;
}

/** The receipt when the drop itself failed: nothing is known but the error. */
function failedDrop(error: Error): RunReceipt {
  const collected = { reclaimed: false, memories: 0, pending: 0, waitedMs: 0, asked: false, holders: [error.message] };
  return {
    memoryBytes: 0,
    hostResourcesDisposed: 0,
    guestResourcesCut: 0,
    deferredRun: 0,
    teardown: "failed",
    cut: [],
    errors: [error],
    collected: Promise.resolve(collected),
  };
}

/** Spreading a receipt would read `collected`, and reading it begins the watch. */
function unloadReceipt(
  dropped: RunReceipt,
  own: Pick<UnloadReceipt, "name" | "hash" | "durationMs" | "cascaded">,
): UnloadReceipt {
  const descriptors = { ...Object.getOwnPropertyDescriptors(own), ...Object.getOwnPropertyDescriptors(dropped) };
  return Object.defineProperties({}, descriptors) as UnloadReceipt;
}
