/**
 * A module: its name, its stable exports, its state machine, its traps and restarts.
 *
 * The record is the inside; users hold the face, which reaches nothing else. The transactions are in `reload.ts` and
 * `unload.ts`, the instance in `version.ts`.
 */
import { ReloadError, UnloadedError, UsageError } from "../errors.ts";
import { formatDecl } from "../model/text.ts";
import type { ExternDecl, ResourceType } from "../model/types.ts";
import type { Source } from "../platform.ts";
import type { Component } from "../runtime/types.ts";
import { observerFor, type HostContext } from "./context.ts";
import { ExportTree } from "./exports.ts";
import { compatibilityKey, versionOf } from "../model/ids.ts";
import { nearestName } from "../model/nearest.ts";
import type { Provider } from "./link.ts";
import { checkNumber, checkOptions } from "./options.ts";
import { Queue } from "./queue.ts";
import { linking } from "./parts.ts";
import { restartPolicy, type RestartPolicy } from "./restart.ts";
import type {
  Imports,
  LoadOptions,
  Module,
  ModuleInfo,
  ModuleState,
  ReloadOptions,
  ReloadReceipt,
  UnloadOptions,
  UnloadReceipt,
} from "./types.ts";
import { unloadModule } from "./unload.ts";
import { Version } from "./version.ts";

/** An import of some version that a module meets. */
export interface DependentImport {
  readonly version: Version;
  /** The compatibility key of the interface. */
  readonly key: string;
  readonly wanted: ExternDecl;
}

export class ModuleRecord implements Provider {
  readonly name: string;
  readonly context: HostContext;
  readonly options: LoadOptions;
  readonly tree: ExportTree;
  readonly queue: Queue = new Queue();
  readonly face: Module;
  /** Identities of exported resources, by interface and name: one for the module's life. */
  readonly resources: Map<string, ResourceType> = new Map();
  readonly loadedAt: Date = new Date();
  /** Read again by a reload without a source; absent when the module came from bytes. */
  source: string | URL | undefined;
  imports: Imports | undefined;
  version: Version;
  phase: "settled" | "reloading" | "unloading" | "unloaded" = "settled";
  traps = 0;
  restarts = 0;
  reloads = 0;
  /** The last component, kept for `hash` after the version is gone. */
  hash: string;
  unloading: Promise<UnloadReceipt> | undefined;
  readonly #policy: RestartPolicy | undefined;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  /** The reload that waits in the queue, and how to refuse it. */
  #waiting: { supersede: () => void } | undefined;
  #lastTrap: Error | undefined;

  constructor(context: HostContext, name: string, source: Source, options: LoadOptions, version: Version) {
    this.context = context;
    this.name = name;
    this.options = options;
    this.imports = options.imports;
    this.source = typeof source === "string" || source instanceof URL ? source : undefined;
    this.version = version;
    this.hash = version.component.hash;
    this.#policy = restartPolicy(options.onTrap ?? context.options.onTrap);
    this.tree = new ExportTree(name);
    this.tree.observe(observerFor(context, name));
    this.face = makeFace(this);
  }

  get component(): Component {
    return this.version.component;
  }

  interfaceObject(id: string): object | undefined {
    return this.tree.interfaceObject(id);
  }

  get state(): ModuleState {
    if (this.phase === "settled") return this.version.trapped ? "trapped" : "live";
    return this.phase;
  }

  get trap(): Error | undefined {
    return this.version.trap;
  }

  /** What a call through a cut handle is told. */
  readonly unloadedError = (): UnloadedError => {
    const cause = this.#lastTrap;
    return new UnloadedError(`Module ${this.name} was unloaded`, cause === undefined ? undefined : { cause });
  };

  readonly trapped = (version: Version, error: Error): void => {
    // A candidate that traps fails its reload; an old version that traps while it drains is gone anyway.
    if (version !== this.version || this.phase === "unloading" || this.phase === "unloaded") return;
    this.traps++;
    this.#lastTrap = error;
    // Listeners must not run on top of the failing call.
    queueMicrotask(() => this.context.events.emit("trapped", { module: this.name, error }));
    this.#scheduleRestart(version, error);
  };

  #scheduleRestart(version: Version, error: Error): void {
    if (this.#policy === undefined) return;
    const delayMs = this.#policy.next(performance.now());
    if (delayMs === undefined) {
      const { restarts } = this;
      queueMicrotask(() => this.context.events.emit("restart-given-up", { module: this.name, restarts, error }));
      return;
    }
    this.stopRestart();
    this.#restartTimer = setTimeout(() => {
      void this.queue.run(() => this.#restart(version));
    }, delayMs);
  }

  stopRestart(): void {
    clearTimeout(this.#restartTimer);
  }

  async #restart(version: Version): Promise<void> {
    // A reload or unload may have come first.
    if (this.version !== version || this.phase !== "settled" || !version.trapped) return;
    try {
      await this.replace(version.component);
    } catch (error) {
      this.#scheduleRestart(version, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.context.events.emit("restarted", { module: this.name, attempt: this.restarts });
  }

  /** Puts a fresh instance of a component in the place of a trapped one. @throws when it cannot be made */
  async replace(component: Component): Promise<void> {
    const old = this.version;
    const fresh = new Version(this.context, this.name, component);
    try {
      await fresh.link(this.imports, this.options.link, () => this.possibleProviders());
      await fresh.instantiate(this.trapped);
      this.swap(fresh);
    } catch (error) {
      await fresh.drop({ teardown: false });
      throw error;
    }
    this.restarts++;
    await old.drop({ teardown: false });
  }

  /**
   * Makes a version the serving one. Synchronous: no call falls between.
   * @param explain tells why types do not fit, when the version is of another component than the one before
   */
  swap(version: Version, explain?: Parameters<ExportTree["apply"]>[2]): ReturnType<ExportTree["apply"]> {
    const change = version.exports();
    this.version = version;
    this.hash = version.component.hash;
    return this.tree.apply(change, this.interfacesInUse(), explain);
  }

  /** Keys of the exported interfaces that other modules import from this one. */
  interfacesInUse(): ReadonlySet<string> {
    return new Set(this.dependentImports().map(({ key }) => key));
  }

  /** Every import of another version that this module meets. */
  dependentImports(): DependentImport[] {
    const found: DependentImport[] = [];
    if (this.context.graph.usedBy(this.name).length === 0) return found;
    for (const version of this.context.versions) {
      for (const { name, module } of version.origins) {
        if (module !== this.name || version.module === this.name) continue;
        const wanted = version.component.imports.find((decl) => decl.name === name);
        if (wanted !== undefined) found.push({ version, key: compatibilityKey(name), wanted });
      }
    }
    return found;
  }

  /** The modules that may meet this one's imports: live ones that do not depend on it. */
  possibleProviders(): ModuleRecord[] {
    const excluded = new Set([this.name, ...this.context.graph.dependents(this.name)]);
    return providersOf(this.context).filter(({ name }) => !excluded.has(name));
  }

  async reload(source: Source | undefined, options: ReloadOptions): Promise<ReloadReceipt> {
    checkOptions("reload", options, ["integrity", "imports", "state", "drain"]);
    checkNumber("drain", options.drain);
    if (this.phase === "unloaded" || this.phase === "unloading") throw this.unloadedError();
    this.#waiting?.supersede();
    return new Promise((resolve, reject) => {
      let superseded = false;
      const ticket = {
        supersede: (): void => {
          superseded = true;
          reject(
            new ReloadError("open", `The reload of module ${this.name} was superseded by a later one before it began`, {
              superseded: true,
            }),
          );
        },
      };
      this.#waiting = ticket;
      this.queue
        .run(async () => {
          if (superseded) return undefined;
          if (this.#waiting === ticket) this.#waiting = undefined;
          return this.#reload(source, options);
        })
        .then((receipt) => receipt !== undefined && resolve(receipt), reject);
    });
  }

  async #reload(source: Source | undefined, options: ReloadOptions): Promise<ReloadReceipt> {
    if (this.phase !== "settled") throw this.unloadedError();
    this.phase = "reloading";
    try {
      const { reloadModule } = await linking();
      return await reloadModule(this, source, options);
    } finally {
      if (this.phase === "reloading") this.phase = "settled";
    }
  }

  /** A reload that succeeded forgives the past. */
  forgive(): void {
    this.stopRestart();
    this.#policy?.reset();
    this.#lastTrap = undefined;
  }

  unload(options: UnloadOptions): Promise<UnloadReceipt> {
    return unloadModule(this, options);
  }

  info(): ModuleInfo {
    const { component } = this;
    return {
      name: this.name,
      version: packageVersion(component.exports),
      hash: this.hash,
      world: { imports: component.imports.map(formatDecl), exports: component.exports.map(formatDecl) },
      imports: [...this.version.origins],
      exports: this.phase === "unloaded" ? [] : this.tree.paths(),
      uses: this.context.graph.uses(this.name),
      usedBy: this.context.graph.usedBy(this.name),
      memoryBytes: this.version.memoryBytes,
      calls: this.tree.calls,
      traps: this.traps,
      restarts: this.restarts,
      reloads: this.reloads,
      state: this.state,
      activity: this.phase === "unloaded" ? [] : this.version.activity(),
      loadedAt: this.loadedAt.toISOString(),
    };
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
export function providersOf(context: HostContext): ModuleRecord[] {
  return [...context.modules.values()].filter(({ phase }) => phase === "settled" || phase === "reloading");
}

function makeFace(record: ModuleRecord): Module {
  return Object.freeze({
    get name() {
      return record.name;
    },
    get state() {
      return record.state;
    },
    get hash() {
      return record.hash;
    },
    get exports() {
      return record.tree.object;
    },
    get trap() {
      return record.trap;
    },
    get: (path: string) => record.tree.find(path),
    require: (path: string) => record.require(path),
    info: () => record.info(),
    reload: (source?: Source, options: ReloadOptions = {}) => record.reload(source, options),
    unload: (options: UnloadOptions = {}) => record.unload(options),
    async [Symbol.asyncDispose]() {
      await record.unload({ force: true, cascade: true });
    },
  });
}

/** The one version that the exported interfaces agree on. */
function packageVersion(exports: readonly ExternDecl[]): string | undefined {
  const own = exports.filter(({ name, type }) => type.kind === "instance" && !name.startsWith("tenon:"));
  const versions = new Set(own.map(({ name }) => versionOf(name)));
  return versions.size === 1 ? [...versions][0] : undefined;
}
