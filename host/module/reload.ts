/**
 * Reload as a transaction: open → check → instantiate → save / restore → swap → drain → teardown. Everything that can
 * fail comes before the swap and leaves the old version serving; save, restore and swap happen in one synchronous piece,
 * so that no call is lost between them and none is served twice.
 */
import { LinkError, ReloadError, type LinkIssue, type ReloadStage } from "../errors.ts";
import { explainMismatch } from "../model/subtype.ts";
import type { Source } from "../platform.ts";
import { scrub } from "../runtime/trap.ts";
import type { Component } from "../runtime/types.ts";
import { checkDependents, checkWorld } from "./fit.ts";
import { describeIssues } from "./link.ts";
import type { ModuleRecord } from "./module.ts";
import { checkIntegrity, openSource } from "./open.ts";
import type { ReloadOptions, ReloadReceipt } from "./types.ts";
import { Version } from "./version.ts";

/** Measures stages; the one that is open is the one that failed. */
class Stages {
  readonly times: Record<ReloadStage, number> = {
    open: 0,
    check: 0,
    instantiate: 0,
    save: 0,
    restore: 0,
    swap: 0,
    drain: 0,
    teardown: 0,
  };
  current: ReloadStage = "open";
  #since = performance.now();

  enter(stage: ReloadStage): void {
    this.leave();
    this.current = stage;
  }

  leave(): void {
    const now = performance.now();
    this.times[this.current] += now - this.#since;
    this.#since = now;
  }
}

/** Called while the record's phase is `reloading`; the phase is `settled` again once the versions are swapped. */
export async function reloadModule(
  record: ModuleRecord,
  source: Source | undefined,
  options: ReloadOptions,
): Promise<ReloadReceipt> {
  const began = performance.now();
  const stages = new Stages();
  const old = record.version;
  let candidate: Version | undefined;
  let swapped: Swapped;
  try {
    const component = await open(record, source, options);
    candidate = new Version(record.context, record.name, component);
    stages.enter("check");
    const { world } = record.options;
    if (world !== undefined) refuse(record, checkWorld(component, world));
    const imports = options.imports ?? record.imports;
    await candidate.link(imports, record.options.link, () => record.possibleProviders());
    refuse(record, checkDependents(record, candidate, record.dependentImports()));
    stages.enter("instantiate");
    await candidate.instantiate(record.trapped);
    await old.quiet();
    // Dependents may have come while the instance was made.
    refuse(record, checkDependents(record, candidate, record.dependentImports()));
    swapped = swap(record, candidate, options, stages);
    record.imports = imports;
    if (typeof source === "string" || source instanceof URL) record.source = source;
    else if (source !== undefined) record.source = undefined;
  } catch (error) {
    throw await rollBack(record, candidate, stages.current, error);
  } finally {
    record.phase = "settled";
  }
  record.reloads++;
  record.forgive();
  stages.enter("drain");
  await old.drain(options.drain ?? 0);
  stages.enter("teardown");
  const dropped = await old.drop({ teardown: true });
  stages.leave();
  const receipt: ReloadReceipt = {
    name: record.name,
    from: old.component.hash,
    to: candidate.component.hash,
    stages: stages.times,
    durationMs: performance.now() - began,
    state: swapped.state,
    exports: swapped.exports,
    old: dropped,
  };
  record.context.events.emit("reloaded", { module: record.name, receipt });
  return receipt;
}

async function open(record: ModuleRecord, source: Source | undefined, options: ReloadOptions): Promise<Component> {
  const again = source ?? record.source;
  // Bytes are not kept: without a source the same component is instantiated again.
  if (again === undefined) return record.component;
  const opened = await openSource(record.context.platform, again, record.options.bindings);
  checkIntegrity(options.integrity, opened.hash, `the new version of module ${record.name}`);
  return record.context.components.compile(opened);
}

/** @throws {LinkError} when there are issues */
function refuse(record: ModuleRecord, issues: readonly LinkIssue[]): void {
  if (issues.length === 0) return;
  throw new LinkError(`The new version of module ${record.name} does not fit: ${describeIssues(issues)}`, issues);
}

interface Swapped {
  readonly state: ReloadReceipt["state"];
  readonly exports: ReloadReceipt["exports"];
}

/** The synchronous piece. */
function swap(record: ModuleRecord, candidate: Version, options: ReloadOptions, stages: Stages): Swapped {
  const old = record.version;
  let state: Swapped["state"] = "none";
  if (options.state !== false && !old.trapped) {
    stages.enter("save");
    const saved = old.save();
    if (saved !== undefined) {
      stages.enter("restore");
      state = candidate.restore(saved) ? "moved" : "dropped";
    }
  }
  stages.enter("swap");
  return { state, exports: record.swap(candidate, explainMismatch) };
}

/** Drops the candidate and makes sure that the old version serves. @returns the error to throw */
async function rollBack(
  record: ModuleRecord,
  candidate: Version | undefined,
  stage: ReloadStage,
  cause: unknown,
): Promise<ReloadError> {
  scrub(cause);
  await candidate?.drop({ teardown: false });
  let note = "";
  // `save` runs in the old instance: if it traps there, that instance is lost, and a fresh one of the same version serves.
  if (stage === "save" && record.version.trapped) {
    record.stopRestart();
    try {
      await record.replace(record.component);
      note = "; it trapped the old instance, so a fresh one of the old version serves and its state is lost";
    } catch (error) {
      scrub(error);
      note = "; it trapped the old instance, and no fresh one could be made";
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  const error = new ReloadError(stage, `Could not reload module ${record.name} (${stage}): ${reason}${note}`, {
    cause,
  });
  record.context.events.emit("reload-failed", { module: record.name, error });
  return error;
}
