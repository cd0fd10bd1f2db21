/**
 * The host: a registry of modules, with one load at a time for each name.
 *
 * Platform-free; `node/` and `browser/` give it their platform.
 */
import { UsageError, type LinkIssue } from "../errors.ts";
import { compareIds, isCompatibleId, withoutVersion } from "../model/ids.ts";
import type { ExternDecl } from "../model/types.ts";
import type { Source } from "../platform.ts";
import type { EngineComponent } from "../runtime/engine.ts";
import type { World } from "../runtime/types.ts";
import { recipeOf } from "../runtime/recipe.ts";
import { traced } from "./context.ts";
import { abortable } from "./source/abortable.ts";
import { Events, failAlone } from "./events.ts";
import { Graph } from "./imports/graph.ts";
import { type HostContext, type ModulePlatform, ModuleRecord, modulesOf } from "./module.ts";
import { publicModule } from "./public-module.ts";
import { ComponentCache } from "./source/component-cache.ts";
import { openSource } from "./source/source.ts";
import { checkOptions } from "../runtime/options.ts";
import { DIRECTORY, HOST, LOAD, REQUEST } from "./options.ts";
import { upkeep } from "./lazy.ts";
import type {
  Host,
  HostEvents,
  HostOptions,
  LoadOptions,
  LoadRequest,
  Module,
  ModuleInfo,
  ObservedCall,
  SharedLoadOptions,
  UnloadReceipt,
} from "./types.ts";
import { Run } from "./life/run.ts";

/** A component that was opened for loading under a name. */
export interface Candidate {
  readonly name: string;
  readonly component: EngineComponent;
  readonly source: Source;
  readonly options: LoadOptions;
}

/** What is told of a load, as soon as it is known. */
interface LoadDetail {
  module?: string;
  hash?: string;
  /** Of several that are loaded together. */
  modules?: readonly string[];
}

/** The module of a name, and whether it came just now. */
export interface Claim {
  readonly module: Module;
  readonly fresh: boolean;
}

/** Makes a host on a platform. `tenon` exports this with the platform filled in. */
export function createHost(platform: ModulePlatform, options: HostOptions = {}): Host {
  return new ModuleHost(platform, options);
}

class ModuleHost implements Host {
  readonly #context: HostContext;
  /** Loads under way, by name: the single flight. */
  readonly #loading = new Map<string, Promise<Module>>();
  #closing: Promise<readonly UnloadReceipt[]> | undefined;

  readonly #close = new AbortController();

  constructor(platform: ModulePlatform, options: HostOptions) {
    checkOptions("createHost", options, HOST);
    this.#context = {
      platform,
      options,
      events: new Events<HostEvents>(),
      graph: new Graph(),
      components: new ComponentCache(),
      closing: this.#close.signal,
      modules: new Map(),
      runs: new Set(),
      report: undefined,
      tracing: platform.tracing,
    };
    platform.tracing?.watch(this, (host) => host.#observeWith(host.#context.report));
  }

  async load(source: Source, options: object = {}): Promise<never> {
    checkOptions<LoadOptions>("load", options, LOAD);
    return traced(this.#context, "load", {} as LoadDetail, async (detail) => {
      const candidate = await this.#open(source, options);
      detail.module = candidate.name;
      detail.hash = candidate.component.hash;
      return (await this.#claim(candidate)).module as never;
    });
  }

  async loadAll(requests: readonly LoadRequest[]): Promise<Module[]> {
    for (const request of requests) checkOptions("loadAll", request, REQUEST);
    return traced(this.#context, "load", {} as LoadDetail, async (detail) => {
      const candidates = await Promise.all(requests.map(({ source, ...options }) => this.#open(source, options)));
      detail.modules = candidates.map(({ name }) => name);
      return (await upkeep()).loadAll(this.#context, candidates, (candidate) => this.#claim(candidate));
    });
  }

  async loadDirectory<W extends World = World>(
    directory: string,
    options: SharedLoadOptions<W> = {},
  ): Promise<Module<W>[]> {
    checkOptions<SharedLoadOptions>("loadDirectory", options as unknown as LoadOptions, DIRECTORY);
    const sources = await (await upkeep()).listComponents(this.#context.platform, directory);
    const requests = sources.map((source) => ({ ...options, source })) as unknown as LoadRequest[];
    return this.loadAll(requests) as unknown as Promise<Module<W>[]>;
  }

  /** Reads and compiles a source; what it is called is known then. */
  #open(source: Source, given: LoadOptions): Promise<Candidate> {
    const { platform, components, closing, options: shared } = this.#context;
    const { grants = shared.grants, maxSourceBytes = shared.maxSourceBytes, signedBy = shared.signedBy } = given;
    const options = { ...given, grants, maxSourceBytes, signedBy };
    const recipe = recipeOf(shared, options);
    return abortable([options.signal, closing], async (signal) => {
      const opened = await openSource(platform, source, { ...options, recipe, signal });
      const { name = opened.label ?? opened.hash.slice(0, 12), integrity } = options;
      if (integrity !== undefined) (await upkeep()).checkIntegrity(integrity, opened.hash, `module ${name}`);
      return { name, component: await components.get(opened), source, options };
    });
  }

  /** Gives the one module of a name: the one that is there, the one that is being loaded, or a new one. */
  async #claim(candidate: Candidate): Promise<Claim> {
    const { name, options } = candidate;
    const { modules, closing } = this.#context;
    for (;;) {
      const existing = modules.get(name);
      // Both settle after their entry has left its map: the next turn of the loop does not find it again.
      const ahead = this.#loading.get(name) ?? (existing?.phase === "unloading" ? existing.unloading : undefined);
      await abortable([options.signal, closing], async () => ahead?.catch(() => undefined));
      if (ahead !== undefined || modules.get(name) !== existing || this.#loading.has(name)) continue;
      if (existing === undefined) break;
      await (await upkeep()).checkSame(existing, candidate);
      return { module: existing.public, fresh: false };
    }
    const started = this.#start(candidate).finally(() => this.#loading.delete(name));
    this.#loading.set(name, started);
    return { module: await started, fresh: true };
  }

  async #start(candidate: Candidate): Promise<Module> {
    const context = this.#context;
    const { name, component, options } = candidate;
    if (options.world ?? options.grants) await (await upkeep()).demandFit(name, component, options);
    const onTrap = options.onTrap ?? context.options.onTrap ?? "fail";
    const restarts = onTrap === "fail" ? undefined : (await upkeep()).restartsBy(onTrap);
    const run = new Run(context, name, component);
    let record: ModuleRecord | undefined;
    try {
      // It is not among them yet itself.
      await run.link(options.imports, options.link, () => modulesOf(context), [options.signal]);
      await run.instantiate((at, error) => record?.trapped(at, error));
      await abortable([options.signal, context.closing], async () => undefined);
      record = new ModuleRecord(context, candidate, run, context.platform.publish ?? publicModule, restarts);
      record.swap(run);
      record.follow(candidate.source);
    } catch (error) {
      await run.end({ teardown: false });
      throw error;
    }
    context.modules.set(name, record);
    context.events.emit("loaded", { module: name, hash: component.hash });
    return record.public;
  }

  get<W extends World = World>(name: string): Module<W> | undefined {
    return this.#context.modules.get(name)?.public as unknown as Module<W> | undefined;
  }

  require<W extends World = World>(name: string): Module<W> {
    const module = this.get<W>(name);
    if (module !== undefined) return module;
    throw new UsageError(
      `There is no module ${name}; loaded are ${[...this.#context.modules.keys()].join(", ") || "none"}`,
    );
  }

  provides(): readonly ExternDecl[] {
    const seen = new Map<string, ExternDecl>();
    for (const provider of modulesOf(this.#context)) {
      for (const decl of provider.component.exports)
        if (isLent(decl) && provider.mayProvide(decl.name) && !seen.has(decl.name)) seen.set(decl.name, decl);
    }
    return [...seen.values()];
  }

  providers(wanted: string): readonly Module[] {
    const any = withoutVersion(wanted) === wanted;
    const found: { readonly module: Module; readonly id: string }[] = [];
    for (const provider of modulesOf(this.#context)) {
      const { public: module, component } = provider;
      const fitting = component.exports.find(
        (decl) =>
          isLent(decl) &&
          provider.mayProvide(decl.name) &&
          (any ? withoutVersion(decl.name) === wanted : isCompatibleId(decl.name, wanted)),
      );
      if (fitting !== undefined) found.push({ module, id: fitting.name });
    }
    return found.sort((a, b) => compareIds(b.id, a.id)).map(({ module }) => module);
  }

  async missing(source: Source, options: LoadOptions = {}): Promise<readonly LinkIssue[]> {
    checkOptions("missing", options, LOAD);
    const candidate = await this.#open(source, options);
    return (await upkeep()).missingImports(this.#context, candidate);
  }

  manifest(): readonly ModuleInfo[] {
    return [...this.#context.modules.values()].map((record) => record.info());
  }

  on<K extends keyof HostEvents>(event: K, listener: (detail: HostEvents[K]) => void): () => void {
    return this.#context.events.on(event, listener);
  }

  observe(observer: (call: ObservedCall) => void): () => void {
    const context = this.#context;
    const before = context.report;
    const report = (call: ObservedCall): void => {
      before?.(call);
      // An observer that throws fails alone, as a listener does.
      failAlone(() => observer(call));
    };
    let active = true;
    // Observers may stop in any order: one that has stopped is skipped until those above it stop as well.
    const guarded = (call: ObservedCall): void => (active ? report(call) : before?.(call));
    this.#observeWith(guarded);
    return () => {
      if (!active) return;
      active = false;
      if (context.report === guarded) this.#observeWith(before);
    };
  }

  #observeWith(report: HostContext["report"]): void {
    const context = this.#context;
    context.report = report;
    for (const record of context.modules.values()) record.observe();
  }

  close(): Promise<readonly UnloadReceipt[]> {
    return (this.#closing ??= this.#unloadAll());
  }

  async #unloadAll(): Promise<readonly UnloadReceipt[]> {
    const { modules, graph } = this.#context;
    // What is being read or loaded gives up; wait for it to have cleaned up.
    this.#close.abort(new UsageError("The host is closed", { code: "host-closed" }));
    await Promise.allSettled(this.#loading.values());
    const receipts = new Set<UnloadReceipt>();
    let failed: { readonly error: unknown } | undefined;
    for (const name of [...modules.keys()].reverse()) {
      // Dependents first, each by itself: none keeps another from its end.
      for (const each of [...graph.dependents(name), name]) {
        try {
          const receipt = await modules.get(each)?.public.unload({ force: true });
          for (const one of receipt === undefined ? [] : [...receipt.cascaded, receipt]) receipts.add(one);
        } catch (error) {
          failed ??= { error };
        }
      }
    }
    if (failed !== undefined) throw failed.error;
    return [...receipts];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Whether modules lend each other exports of this sort. */
function isLent({ type: { kind } }: ExternDecl): boolean {
  return kind === "instance" || kind === "func" || kind === "resource-type";
}
