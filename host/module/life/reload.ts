/**
 * Reload as a transaction: open → check → instantiate → save / restore → swap → drain → teardown. Everything that can
 * fail comes before the swap and leaves the old version serving; save, restore and swap happen in one synchronous piece,
 * so that no call is lost between them and none is served twice. Where the guest's functions return promises, the calls made
 * between are held (`hand-over.ts`).
 */
import { ReloadError, type LinkIssue, type ReloadStage } from "../../errors.ts";
import { wordsOf } from "../../words.ts";
import { explainMismatch } from "../../model/subtype.ts";
import type { ExternDecl } from "../../model/types.ts";
import type { Source } from "../../platform.ts";
import { linkError } from "../../runtime/link-error.ts";
import type { EngineComponent } from "../../runtime/engine.ts";
import { traced } from "../context.ts";
import { abortable } from "../source/abortable.ts";
import { imports as importsCheck } from "../options.ts";
import { type Checks, checkOptions, flag, number, object, oneOf, text } from "../../runtime/options.ts";
import type { Grants } from "../../rights/types.ts";
import { demandRights } from "../imports/demand.ts";
import { checkDependents, checkWorld } from "../imports/type-check.ts";
import { checkIntegrity } from "../source/integrity.ts";
import type { HostContext, ModuleRecord, Waiting } from "../module.ts";
import type { OpenedSource } from "../source/source.ts";
import { callsOf, holdersOf, refuseHeld, type Holder } from "./refuse.ts";
import { replaceInstance, replacedWords } from "./restart.ts";
import { asError } from "../imports/scope.ts";
import type { RunReceipt, ReloadOptions, ReloadReceipt } from "../types.ts";
import { HandOver, STATE } from "./hand-over.ts";
import { Run } from "./run.ts";

/** How long asynchronous calls may go on on the old version, where `drain` does not say. */
const CALLS_MS = 5_000;

/** The options of `reload`. They are checked here, so that a page which reloads nothing starts without them. */
export const RELOAD: Checks<ReloadOptions> = {
  dependents: oneOf("restart"),
  drain: number,
  force: flag,
  grants: object,
  imports: importsCheck,
  integrity: text,
  maxSourceBytes: number,
  signal: object,
  signature: () => undefined,
  state: flag,
};

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
  readonly #began = performance.now();
  #since = this.#began;

  get total(): number {
    return performance.now() - this.#began;
  }

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

/** A reload that was asked for: its source is being read. */
export interface Request {
  readonly source: Source | undefined;
  readonly options: ReloadOptions;
  /** Absent where the component that serves is instantiated again. */
  readonly opening: Promise<OpenedSource> | undefined;
  readonly waiting: Waiting;
}

/** What modules were granted by a reload, in the place of what their load granted. */
const regranted = new WeakMap<ModuleRecord, Grants>();

/** Reads, waits for its turn, and reloads. */
export async function reloadModule(record: ModuleRecord, request: Request): Promise<ReloadReceipt> {
  const { context, name: module, hash: from } = record;
  try {
    checkOptions("reload", request.options, RELOAD);
  } catch (error) {
    // Its source is being read.
    request.waiting.callOff(error as Error);
    throw error;
  }
  return traced(context, "reload", { module, from } as ReloadDetail, async (detail) => {
    const receipt = await reloadInTurn(record, request);
    detail.hash = receipt.to;
    return receipt;
  });
}

/** What is told of a reload, as soon as it is known. */
interface ReloadDetail {
  readonly module: string;
  /** The hash of the version that is replaced. */
  readonly from: string;
  hash?: string;
}

async function reloadInTurn(record: ModuleRecord, request: Request): Promise<ReloadReceipt> {
  const { waiting, options } = request;
  const stages = new Stages();
  const signal = options.signal;
  let component: EngineComponent | undefined;
  try {
    component = await abortable([signal], () => compiled(record, request));
  } catch (error) {
    // The reload was called off, and its promise has been rejected with the reason.
    if (!record.waiting.has(waiting)) throw error;
    throw await rollBack(record, undefined, { stage: stages.current, cause: error });
  }
  if (!record.waiting.has(waiting)) throw superseded(record);
  for (const earlier of record.waiting) {
    if (earlier === waiting) break;
    earlier.callOff(superseded(record));
  }
  return record.queue.run(async () => {
    if (!record.waiting.delete(waiting)) throw superseded(record);
    return transact(record, component ?? record.component, request, stages);
  });
}

async function compiled(record: ModuleRecord, { opening, options }: Request): Promise<EngineComponent | undefined> {
  if (opening === undefined) return undefined;
  const opened = await opening;
  if (options.integrity !== undefined) {
    checkIntegrity(options.integrity, opened.hash, `the new version of module ${record.name}`);
  }
  return record.context.components.get(opened);
}

function superseded({ name }: ModuleRecord): ReloadError {
  return new ReloadError("open", `The reload of module ${name} was superseded by a later one before it began`, {
    superseded: true,
  });
}

/** The module's turn: nothing else of its life goes on meanwhile but calls. */
async function transact(
  record: ModuleRecord,
  component: EngineComponent,
  { source, options }: Pick<Request, "source" | "options">,
  stages: Stages,
): Promise<ReloadReceipt> {
  if (record.phase !== "settled") throw record.unloadedError();
  record.phase = "reloading";
  const old = record.run;
  const forced = (): boolean => record.forced;
  let candidate: Run | undefined;
  let handOver: HandOver | undefined;
  let swapped: Swapped;
  let holders: readonly Holder[] = [];
  try {
    stages.enter("check");
    candidate = new Run(record.context, record.name, component);
    const { world } = record.options;
    if (world !== undefined) refuse(record, checkWorld(component, world));
    const grants = options.grants ?? regranted.get(record) ?? record.options.grants;
    await demandRights(`The new version of module ${record.name}`, component, grants);
    const cuts = options.force === true || options.dependents === "restart" || Boolean(options.drain);
    if (!cuts) refuseHeld(record);
    const imports = options.imports ?? record.imports;
    await candidate.link(imports, record.options.link, () => record.possibleProviders(), [options.signal]);
    refuse(record, checkDependents(record, candidate, record.dependentImports()));
    stages.enter("instantiate");
    await candidate.instantiate(record.trapped);
    await abortable([options.signal], async () => undefined);
    let state: ReloadReceipt["state"] = "none";
    const { asynchronous } = old.component;
    const moves = options.state !== false && !old.trapped && old.lifeCycle(STATE) !== undefined;
    if (!returnsPromises(old.component)) await old.quiet(forced);
    else if (moves) {
      stages.enter("save");
      handOver = new HandOver(record, candidate, options.signal);
      await handOver.hold();
      if (asynchronous === true) state = await handOver.move(() => stages.enter("restore"));
      stages.enter("check");
    }
    // Dependents may have come, and taken resources, while the instance was made.
    refuse(record, checkDependents(record, candidate, record.dependentImports()));
    if (!cuts) refuseHeld(record);
    holders = holdersOf(record);
    if (moves && asynchronous !== true) state = moveState(old, candidate, stages);
    stages.enter("swap");
    swapped = { state, exports: record.swap(candidate, explainMismatch) };
    record.imports = imports;
    if (options.grants !== undefined) regranted.set(record, options.grants);
    if (source !== undefined) record.follow(source);
    record.reloads++;
    record.clearTraps();
    handOver?.release();
  } catch (error) {
    throw await rollBack(record, candidate, { stage: stages.current, cause: error, handOver });
  } finally {
    record.phase = "settled";
  }
  stages.enter("drain");
  // Calls that return promises may be under way on the old version, which ends when they have; or, where these may wait for ever,
  // when their time has passed.
  if (isAsync(old.component.exports)) {
    await old.drain(options.drain ?? CALLS_MS, forced, () => callsOf(old));
  } else await old.quiet(forced);
  const { restarted, errors } = await restartHolders(record.context, options, holders);
  await old.drain(options.drain ?? 0, forced);
  stages.enter("teardown");
  const dropped = await old.end({ teardown: true, endReason: replacedWords("the version replaced") });
  stages.leave();
  const receipt: ReloadReceipt = {
    name: record.name,
    from: old.component.hash,
    to: component.hash,
    stages: stages.times,
    durationMs: stages.total,
    state: swapped.state,
    exports: swapped.exports,
    restarted,
    old: errors.length === 0 ? dropped : withErrors(dropped, errors),
  };
  record.context.events.emit("reloaded", { module: record.name, receipt });
  return receipt;
}

/** Gives those that hold resources of the old version fresh instances, while it still answers their teardown. */
async function restartHolders(
  context: HostContext,
  { dependents }: ReloadOptions,
  holders: readonly Holder[],
): Promise<{ readonly restarted: readonly string[]; readonly errors: readonly Error[] }> {
  const restarted: string[] = [];
  const errors: Error[] = [];
  if (dependents !== "restart") return { restarted, errors };
  for (const { run } of holders) {
    const holder = context.modules.get(run.module);
    // It may have gone or been replaced by itself; what drains is not brought back.
    if (holder === undefined || holder.run !== run) continue;
    try {
      await holder.queue.run(async () => {
        if (holder.run === run)
          await transact(holder, run.component, { source: undefined, options: { dependents } }, new Stages());
      });
      restarted.push(holder.name);
    } catch (error) {
      errors.push(asError(error, `The restart of module ${holder.name} failed`));
    }
  }
  return { restarted, errors };
}

/** Spreading a receipt would read `collected`, and reading it begins the watch. */
function withErrors(dropped: RunReceipt, errors: readonly Error[]): RunReceipt {
  const all = [...dropped.errors, ...errors];
  return Object.defineProperty(dropped, "errors", { value: all, enumerable: true });
}

/** @throws {LinkError} when there are issues */
function refuse(record: ModuleRecord, issues: readonly LinkIssue[]): void {
  if (issues.length === 0) return;
  throw linkError(`The new version of module ${record.name} does not fit`, issues);
}

interface Swapped {
  readonly state: ReloadReceipt["state"];
  readonly exports: ReloadReceipt["exports"];
}

/** Whether calls may return promises. */
function returnsPromises({ asynchronous, exports }: EngineComponent): boolean {
  return asynchronous === true || isAsync(exports);
}

/** Whether some functions are asynchronous by their type. */
function isAsync(decls: readonly ExternDecl[]): boolean {
  return decls.some(({ type }) =>
    type.kind === "func" ? type.async : type.kind === "instance" && isAsync(type.exports),
  );
}

/** Saves and restores, where both are synchronous: the swap follows in the same piece. */
function moveState(old: Run, candidate: Run, stages: Stages): Swapped["state"] {
  if (old.trapped) return "none";
  stages.enter("save");
  const saved = old.lifeCycle(STATE)?.["save"]?.();
  if (saved === undefined) return "none";
  stages.enter("restore");
  const restore = candidate.lifeCycle(STATE)?.["restore"];
  restore?.(saved);
  return restore === undefined ? "dropped" : "moved";
}

interface Failure {
  readonly stage: ReloadStage;
  readonly cause: unknown;
  /** Holds calls that the old version is to serve. */
  readonly handOver?: HandOver | undefined;
}

/** Drops the candidate and makes sure that the old version serves. @returns the error to throw */
async function rollBack(
  record: ModuleRecord,
  candidate: Run | undefined,
  { stage, cause, handOver }: Failure,
): Promise<ReloadError> {
  asError(cause, "");
  // `save` runs in the old instance: if it traps there, that instance is lost, and a fresh one of the same version serves.
  const lost = stage === "save" && record.run.trapped;
  if (!lost) handOver?.release();
  await candidate?.end({ teardown: false });
  let note = "";
  if (lost) {
    record.restarter?.stop();
    try {
      await replaceInstance(record, record.component, () => handOver?.release());
      note = "; it trapped the old instance, so a fresh one of the old version serves and its state is lost";
    } catch (error) {
      asError(error, "");
      note = "; it trapped the old instance, and no fresh one could be made";
    }
    handOver?.release();
  }
  const error = new ReloadError(stage, `Could not reload module ${record.name} (${stage}): ${wordsOf(cause)}${note}`, {
    cause,
  });
  record.context.events.emit("reload-failed", { module: record.name, error });
  return error;
}
