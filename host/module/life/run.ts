/**
 * One run of a component under a module's name: an instance, the scope of its imports, and where they are met.
 *
 * Owns the instance's beginning and end; what is swapped and when is the business of `reload.ts` and `unload.ts`. The
 * instance is reached through this object only, never through a local of a suspended function, so that dropping it here
 * drops it everywhere.
 */
import { EngineLimitError, type Activity } from "../../errors.ts";
import { toCamelCase } from "../../model/spelling.ts";
import type { ResourceBindings } from "../../model/subtype.ts";
import { scrub } from "../../runtime/trap.ts";
import type {
  CollectionReport,
  CollectOptions,
  EndReceipt,
  EngineComponent,
  EngineInstance,
  CallLimits,
  Usage,
} from "../../runtime/engine.ts";
import { abortable } from "../source/abortable.ts";
import type { SharedContext } from "../context.ts";
import type { ExportingModule } from "../contract.ts";
import { importResolver, isConsole } from "../imports/resolve-imports.ts";
import { resolveExports, type ExportChange } from "../exports/resolve-exports.ts";
import { tracing as tracer, upkeep } from "../lazy.ts";
import { asError, Scope, withDeadline } from "../imports/scope.ts";
import { trackImports } from "../imports/tracking.ts";
import type { RunReceipt, ImportOrigin, Imports, LoadOptions } from "../types.ts";

/** How long a clean-up may take, and how long a call that is still under way: only asynchronous ones in this thread can be. */
const DEADLINE_MS = 5_000;
const TEARDOWN = "tenon:module/teardown";

export class Run {
  readonly module: string;
  readonly component: EngineComponent;
  readonly scope: Scope;
  bornMs: number = performance.now();
  origins: readonly ImportOrigin[] = [];
  /** The component's imported resources → the identities of those that meet them. */
  resources: ResourceBindings = new Map();
  readonly #context: SharedContext<Run>;
  #imports: Record<string, unknown> | undefined;
  #instance: EngineInstance | undefined;

  constructor(context: SharedContext<Run>, module: string, component: EngineComponent) {
    this.#context = context;
    this.module = module;
    this.component = component;
    this.scope = new Scope(module, component, context.events);
  }

  /**
   * Calls the import factories and meets every import.
   * @param modules those that may meet imports, this one's dependents excluded
   * @param signals give up waiting for a factory
   * @throws {LinkError} with everything unmet
   */
  async link(
    imports: Imports | undefined,
    link: LoadOptions["link"],
    modules: () => readonly ExportingModule[],
    signals: readonly (AbortSignal | undefined)[] = [],
  ): Promise<void> {
    const { options, closing } = this.#context;
    const given = await abortable([closing, ...signals], () => this.scope.providers(imports, options.imports));
    const { imports: wanted } = this.component;
    if (wanted.some(isConsole))
      given.push(...(await (await upkeep()).hostConsole(this.module, wanted, link, this.#context)));
    const resolve = await importResolver(this.component, given, link);
    const { imports: met, origins, uses, resources, issues } = resolve(modules);
    if (issues.length > 0) throw (await upkeep()).linkError(`Cannot link module ${this.module}`, issues);
    // From here on the providers know of their new dependent, also while it is still being instantiated.
    this.#context.graph.hold(this, this.module, uses);
    this.#context.runs.add(this);
    this.origins = origins;
    this.resources = resources;
    const fromModules = new Set(origins.flatMap(({ name, from }) => (from === "module" ? [name] : [])));
    // Where imports may return promises, the guest waits for them.
    const tracked = this.component.asynchronous ? met : trackImports(wanted, met, this.scope, fromModules);
    const { tracing } = this.#context;
    this.#imports = tracing?.wants("import")
      ? (await tracer()).traceImports(wanted, tracked, this.module, tracing, toCamelCase)
      : tracked;
  }

  /** Makes the instance. @throws {MemoryLimitError} when the engine has no room for its memories */
  async instantiate(onTrap: (run: Run, error: Error) => void): Promise<void> {
    try {
      await this.#start(onTrap);
    } catch (error) {
      scrub(error);
      if (!(error instanceof EngineLimitError)) throw error;
      throw (await upkeep()).memoryLimitError(this.#context, this.module, error);
    }
    this.#imports = undefined;
    this.bornMs = performance.now();
  }

  /** A function of its own, so that no suspended frame holds the instance. */
  #start(onTrap: (run: Run, error: Error) => void): Promise<void> {
    const options = { name: this.module, onTrap: (error: Error) => onTrap(this, error) };
    const kept = (instance: EngineInstance): void => void (this.#instance = instance);
    return this.component.start(this.#imports ?? {}, options).then(kept);
  }

  /** Resolves the exports for a swap. */
  exports(): ExportChange {
    return resolveExports(this.module, this.component.exports, this.#instance!.exports);
  }

  /** Whether there is an instance now. */
  get running(): boolean {
    return this.#instance !== undefined;
  }

  get trap(): Error | undefined {
    return this.#instance?.trap;
  }

  get trapped(): boolean {
    return this.#instance?.state === "trapped";
  }

  get memoryBytes(): number {
    return this.usage().memoryBytes;
  }

  usage(): Usage {
    return this.#instance?.usage() ?? { memoryBytes: 0 };
  }

  /** The stable exports with calls under tighter limits; `undefined` where calls cannot be limited. */
  limited<T extends object>(exports: T, limits: CallLimits): T | undefined {
    return this.#instance?.limited?.(exports, limits);
  }

  /** Everything that an unload would cut short. */
  activity(): Activity[] {
    return [...this.#held(), ...this.scope.activity()];
  }

  /** What is cut with the instance: calls that have not ended, and resources. */
  #held(): readonly Activity[] {
    const instance = this.#instance;
    if (instance === undefined) return [];
    const { depth, pending } = instance;
    const calls: readonly Activity[] =
      pending?.underway ?? (depth > 0 ? [{ kind: "call", owner: this.module, count: depth }] : []);
    // Nobody can use the resources of a trapped instance any more.
    const resources = this.trapped
      ? []
      : [...instance.resources().heldByHost].map(([owner, count]): Activity => ({ kind: "resource", owner, count }));
    return [...calls, ...resources];
  }

  /** Resources of others that the guest holds, by name. */
  held(): ReadonlyMap<string, number> {
    return this.#instance?.resources().heldByGuest ?? new Map();
  }

  /** An exported interface of the life cycle. What it holds leads to the instance: it is called, and kept nowhere. */
  lifeCycle(path: string): Record<string, (...args: unknown[]) => unknown> | undefined {
    const decl = this.component.exports.find(({ name }) => name === path || name.startsWith(`${path}@`));
    if (decl === undefined || this.#instance === undefined) return undefined;
    return (this.#instance.exports as Record<string, Record<string, (...args: unknown[]) => unknown>>)[decl.name];
  }

  /**
   * Waits until no call is under way. Calls are synchronous, so one macrotask is enough unless the engine can suspend.
   * @param forced gives up when it says so
   */
  async quiet(forced: () => boolean): Promise<void> {
    while (this.#instance?.depth && !forced()) await this.#context.platform.macrotask();
  }

  /** Waits until nothing is active, the deadline has passed, or `forced` says so. */
  async drain(
    drainMs: number,
    forced: () => boolean,
    active: () => readonly Activity[] = () => this.activity(),
  ): Promise<void> {
    const deadline = performance.now() + drainMs;
    let left = drainMs;
    for (let waitMs = 1; left > 0; waitMs = Math.min(waitMs * 2, 20)) {
      if (forced() || active().length === 0) return;
      await new Promise<void>((resolve) => setTimeout(resolve, Math.min(waitMs, left)));
      left = deadline - performance.now();
    }
  }

  /**
   * Ends the version: teardown hook, signal, clean-ups, instance. Nothing here throws; errors go into the receipt. The
   * handles must have been cut or moved on before.
   */
  async end(options: {
    teardown: boolean;
    collect?: boolean | undefined;
    collectDeadlineMs?: number | undefined;
    /** The reason in the errors of later calls of its objects. */
    endReason?: string;
  }): Promise<RunReceipt> {
    const context = this.#context;
    // Before the signals of imports fire: what these give then is no outcome of a call.
    this.#instance?.pending?.giveUp(options.endReason);
    const giveUpAt = this.#instance?.cutsCalls ? 0 : performance.now() + DEADLINE_MS;
    const late = (): boolean => performance.now() > giveUpAt;
    await this.quiet(late);
    const errors: Error[] = [];
    const teardown = options.teardown ? await this.#teardown(errors) : "skipped";
    const heldBefore = this.#held();
    const scope = await this.scope.close(DEADLINE_MS);
    // A clean-up may have called into the instance.
    await this.quiet(late);
    const ended = await this.#endInstance(options);
    context.runs.delete(this);
    context.graph.release(this);
    // Finalizers run between macrotasks: without one, a loop of unloads would never free anything.
    await context.platform.macrotask();
    const cut = [...heldBefore, ...scope.cut];
    const ask = options.collect;
    const collected = async (how: CollectOptions): Promise<CollectionReport> => {
      const report = await ended.collected(how);
      return report.reclaimed ? report : (await upkeep()).withSuspects(report, cut);
    };
    const settle = lazily(() => collected({ ask, deadlineMs: options.collectDeadlineMs }));
    this.#reportLeak(collected);
    if (ask) await settle();
    return {
      ...ended,
      ...scope,
      teardown,
      cut,
      errors: [
        ...errors,
        ...scope.errors,
        ...ended.errors.map((error) => asError(error, `The end of module ${this.module} failed`)),
      ],
      get collected() {
        return settle();
      },
    };
  }

  async #teardown(errors: Error[]): Promise<RunReceipt["teardown"]> {
    const hook = this.lifeCycle(TEARDOWN)?.["beforeUnload"];
    if (hook === undefined) return "absent";
    if (this.trapped) return "skipped";
    try {
      await withDeadline(hook(), DEADLINE_MS, TEARDOWN);
      return "ran";
    } catch (error) {
      errors.push(asError(error, `The teardown of module ${this.module} failed`));
      return "failed";
    }
  }

  /** A function of its own, so that no suspended frame holds the instance. */
  #endInstance({
    collect,
    endReason,
  }: {
    readonly collect?: boolean | undefined;
    readonly endReason?: string;
  }): Promise<EndReceipt> {
    const instance = this.#instance;
    this.#instance = undefined;
    this.#imports = undefined;
    return instance === undefined ? Promise.resolve(NOTHING) : instance.end({ endReason, measure: collect });
  }

  #reportLeak(collected: (how: CollectOptions) => Promise<CollectionReport>): void {
    const { options, events } = this.#context;
    const { leakDeadlineMs: deadlineMs } = options;
    if (deadlineMs === undefined) return;
    void collected({ deadlineMs, background: true }).then((report) => {
      if (!report.reclaimed) events.emit("leaked", { module: this.module, report });
    });
  }
}

/** The end of an instance that was never made. */
const NOTHING: EndReceipt = {
  memoryBytes: 0,
  hostResourcesDisposed: 0,
  guestResourcesCut: 0,
  errors: [],
  collected: async () => ({ reclaimed: true, memories: 0, pending: 0, waitedMs: 0, asked: false, holders: [] }),
};

function lazily(make: () => Promise<CollectionReport>): () => Promise<CollectionReport> {
  let promise: Promise<CollectionReport> | undefined;
  return () => (promise ??= make());
}
