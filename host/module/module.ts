/**
 * A module: its name, its stable exports, its state machine, its traps and restarts.
 *
 * Users hold the object that `public-module.ts` makes of it. The transactions are in `reload.ts`, `restart.ts` and `unload.ts`,
 * the instance in `run.ts`.
 */
import { type TrapError, TrappedError, UnloadedError, UsageError } from "../errors.ts";
import type { ExternDecl, ResourceType } from "../model/types.ts";
import type { ServedComponent, Source } from "../platform.ts";
import type { CallLimits, EngineComponent, EnginePlatform } from "../runtime/engine.ts";
import { recipeOf } from "../runtime/recipe.ts";
import { observerFor, type SharedContext } from "./context.ts";
import type { Face } from "./exports/slots.ts";
import { ExportTree } from "./exports/tree.ts";
import { compatibilityKey, versionOf } from "../model/ids.ts";
import { nearestName } from "../model/nearest.ts";
import type { DependentImport, ExportingModule } from "./contract.ts";
import { mayProvide } from "./imports/resolve-imports.ts";
import { isBytes, isPlace, openSource } from "./source/source.ts";
import { Queue } from "./life/queue.ts";
import { upkeep } from "./lazy.ts";
import type {
  Imports,
  LoadOptions,
  Module,
  ModuleInfo,
  ModuleState,
  ReloadOptions,
  ReloadReceipt,
  UnloadReceipt,
} from "./types.ts";
import type { Run } from "./life/run.ts";

/** A platform whose modules may have more than those of others. */
export interface ModulePlatform extends EnginePlatform {
  /** Makes what users hold of a module. Default `publicModule`. */
  readonly publish?: ((record: ModuleRecord) => Module) | undefined;
}

/** What the parts of one host share. */
export interface HostContext extends SharedContext<Run> {
  readonly platform: ModulePlatform;
  /** Modules by name, in the order they were loaded. */
  readonly modules: Map<string, ModuleRecord>;
}

/** The restarts of a module after its traps. */
export interface Restarts {
  /** Milliseconds until a fresh instance is tried; `undefined` when none will be. */
  readonly retryAfterMs: number | undefined;
  /** The end of the message of a refused call, after "it has trapped and"; the usual one where nothing is said. */
  readonly outlook: string | undefined;
  /** The serving version has trapped or exited, inside a call. */
  trapped(run: Run, error: Error): void;
  /** Cancels a restart that is due. */
  stop(): void;
  /** A new version serves: no restart is due, and those before it do not count. */
  reset(): void;
}

/** A reload that was asked for and has not begun. */
export interface Waiting {
  readonly options: ReloadOptions;
  callOff(error: Error): void;
}

export class ModuleRecord implements ExportingModule {
  readonly name: string;
  readonly context: HostContext;
  readonly options: LoadOptions;
  readonly tree: ExportTree;
  readonly queue: Queue = new Queue();
  /** What users hold. */
  readonly public: Module;
  /** Identities of exported resources, by interface and name: one for the module's life. */
  readonly resources: Map<string, ResourceType> = new Map();
  readonly loadedAt: Date = new Date();
  /** Read again by a reload without a source; absent when the module came from bytes. */
  source: string | URL | ServedComponent | undefined;
  imports: Imports | undefined;
  run: Run;
  phase: "settled" | "reloading" | "unloading" | "unloaded" = "settled";
  traps = 0;
  restarts = 0;
  reloads = 0;
  /** The last component, kept for `hash` after the version is gone. */
  hash: string;
  unloading: Promise<UnloadReceipt> | undefined;
  /** A forced unload waits for its turn: operations that drain stop draining. */
  forced = false;
  /** Holds calls, while state is handed over and calls return promises. */
  held: Face | undefined;
  /** Reloads that have not begun, in the order they were asked for. */
  readonly waiting: Set<Waiting> = new Set();
  /** Absent when a trap is final. */
  readonly restarter: Restarts | undefined;
  #lastTrap: Error | undefined;
  /** What the last version that was locked has done. */
  #fate: "trapped" | "exited" | undefined;
  #detach: (() => void) | undefined;

  constructor(
    context: HostContext,
    { name, options }: { readonly name: string; readonly options: LoadOptions },
    run: Run,
    makePublic: (record: ModuleRecord) => Module,
    makeRestarter?: (record: ModuleRecord) => Restarts,
  ) {
    this.context = context;
    this.name = name;
    this.options = options;
    this.imports = options.imports;
    this.run = run;
    this.hash = run.component.hash;
    this.restarter = makeRestarter?.(this);
    this.tree = new ExportTree(name);
    this.observe();
    this.public = makePublic(this);
  }

  /** Puts in front of the exports what stands there now: what holds calls, else who observes them. */
  observe(): void {
    this.tree.show(this.held ?? observerFor(this.context, this.name));
  }

  get component(): EngineComponent {
    return this.run.component;
  }

  /** Whether this module may lend an export to others. */
  mayProvide(id: string): boolean {
    return mayProvide(this.options.provides, id);
  }

  exported(decl: ExternDecl): unknown {
    return this.tree.exported(decl);
  }

  get state(): ModuleState {
    if (this.phase === "settled") return this.run.trapped ? this.#fate! : "live";
    return this.phase;
  }

  get trap(): Error | undefined {
    return this.run.trap;
  }

  /** The error of a call through a cut handle. */
  readonly unloadedError = (): UnloadedError => {
    const cause = this.#lastTrap;
    return new UnloadedError(`Module ${this.name} was unloaded`, cause && { cause });
  };

  readonly trapped = (run: Run, error: Error): void => {
    // A candidate that traps fails its reload; an old version that traps while it drains is gone anyway.
    if (run !== this.run || this.phase === "unloading" || this.phase === "unloaded") return;
    const fate = (error as TrapError).trap === "exit" ? "exited" : "trapped";
    if (fate === "trapped") this.traps++;
    this.#fate = fate;
    this.#lastTrap = error;
    // Listeners must not run on top of the failing call.
    queueMicrotask(() => this.context.events.emit(fate, { module: this.name, error }));
    this.restarter?.trapped(run, error);
    this.tree.lock((path) => {
      const why = this.restarter?.outlook ?? "is locked until it is reloaded";
      return new TrappedError(
        `Cannot call ${path} of module ${this.name}: it has ${fate} and ${why}`,
        this.restarter?.retryAfterMs,
        { cause: this.run.trap ?? error },
        fate,
      );
    });
  };

  /** Notes where the serving version came from. A source that changes is told who follows it. */
  follow(source: Source | undefined): void {
    const place = isPlace(source) ? source : undefined;
    if (place === this.source) return;
    this.#detach?.();
    this.source = place;
    this.#detach = (place as Partial<ServedComponent> | undefined)?.attach?.(this.public);
  }

  /** Refuses the reloads that have not begun, and cancels a restart that is due. */
  calledOff(error: Error): void {
    this.restarter?.stop();
    this.follow(undefined);
    for (const reload of [...this.waiting]) reload.callOff(error);
  }

  /**
   * Makes a version the serving one. Synchronous: no call falls between.
   * @param explain tells why types do not fit, when the version is of another component than the one before
   */
  swap(run: Run, explain?: Parameters<ExportTree["apply"]>[2]): ReturnType<ExportTree["apply"]> {
    const change = run.exports();
    this.run = run;
    this.hash = run.component.hash;
    return this.tree.apply(change, this.interfacesInUse(), explain);
  }

  /** Keys of the exported interfaces that other modules import from this one. */
  interfacesInUse(): ReadonlySet<string> {
    return new Set(this.dependentImports().map(({ wanted }) => compatibilityKey(wanted.name)));
  }

  /** Every import of another version that this module meets. */
  dependentImports(): DependentImport<Run>[] {
    const found: DependentImport<Run>[] = [];
    if (this.context.graph.usedBy(this.name).length === 0) return found;
    for (const run of this.context.runs) {
      if (run.module === this.name) continue;
      const names = new Set(run.origins.flatMap(({ name, module }) => (module === this.name ? [name] : [])));
      for (const wanted of run.component.imports) if (names.has(wanted.name)) found.push({ run, wanted });
    }
    return found;
  }

  /** The modules that may meet this one's imports: live ones that do not depend on it. */
  possibleProviders(): ModuleRecord[] {
    const excluded = new Set([this.name, ...this.context.graph.dependents(this.name)]);
    return modulesOf(this.context).filter(({ name }) => !excluded.has(name));
  }

  async reload(source: Source | undefined, options: ReloadOptions): Promise<ReloadReceipt> {
    if (this.phase === "unloaded" || this.phase === "unloading") throw this.unloadedError();
    // The source is read before the queue gives the reload its turn: a source that never ends blocks no other operation.
    const again = source ?? this.source;
    const called = isBytes(again) ? undefined : new AbortController();
    const { platform, closing, options: shared } = this.context;
    const { signedBy } = this.options;
    const maxSourceBytes = options.maxSourceBytes ?? this.options.maxSourceBytes;
    const recipe = recipeOf(shared, this.options);
    const reading = { ...options, signedBy, recipe, maxSourceBytes };
    const opening = again === undefined ? undefined : openSource(platform, again, reading, closing, called?.signal);
    opening?.catch(() => undefined);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        options,
        callOff: (error) => {
          this.waiting.delete(waiting);
          called?.abort(error);
          reject(error);
        },
      };
      this.waiting.add(waiting);
      upkeep()
        .then(({ reloadModule }) => reloadModule(this, { source, opening, waiting, options }))
        .finally(() => this.waiting.delete(waiting))
        .then(resolve, reject);
    });
  }

  /** After a reload that succeeded: the last trap and the restarts before it do not count any more. */
  clearTraps(): void {
    this.restarter?.reset();
    this.#lastTrap = undefined;
  }

  info(): ModuleInfo {
    const { component } = this;
    return {
      name: this.name,
      version: packageVersion(component.exports),
      hash: this.hash,
      world: component.describe(),
      imports: [...this.run.origins],
      exports: this.phase === "unloaded" ? [] : this.tree.paths(),
      uses: this.context.graph.uses(this.name),
      usedBy: this.context.graph.usedBy(this.name),
      memoryBytes: this.run.memoryBytes,
      calls: this.tree.calls,
      traps: this.traps,
      restarts: this.restarts,
      reloads: this.reloads,
      state: this.state,
      activity: this.phase === "unloaded" ? [] : this.run.activity(),
      loadedAt: this.loadedAt.toISOString(),
    };
  }

  with(limits: CallLimits): { readonly exports: object } {
    const exports = this.run.limited(this.tree.object, limits);
    if (exports !== undefined) return { exports };
    throw new UsageError(`To limit calls, load ${this.name} with limits.timeoutMs, which may be Infinity`);
  }

  require(path: string): Function {
    const found = this.tree.find(path);
    if (found !== undefined) return found;
    if (this.phase === "unloaded") throw this.unloadedError();
    const paths = this.tree.paths();
    const near = nearestName(path, [...paths, ...paths.map((full) => full.slice(full.indexOf("#") + 1))]);
    const hint = near === undefined ? `it exports ${paths.join(", ") || "nothing"}` : `did you mean ${near}?`;
    throw new UsageError(`Module ${this.name} exports no ${path}; ${hint}`);
  }
}

/** Modules whose exports may meet imports now. */
export function modulesOf(context: HostContext): ModuleRecord[] {
  return [...context.modules.values()].filter(({ phase }) => phase === "settled" || phase === "reloading");
}

/** The one version that the exported interfaces agree on. */
function packageVersion(exports: readonly ExternDecl[]): string | undefined {
  const own = exports.filter(({ name, type }) => type.kind === "instance" && !name.startsWith("tenon:"));
  const versions = new Set(own.map(({ name }) => versionOf(name)));
  return versions.size === 1 ? [...versions][0] : undefined;
}
