/**
 * The host: a registry of modules, and how they come to be loaded.
 *
 * Platform-free; `node/` and `browser/` give it their platform.
 */
import { LinkError, UsageError, type LinkIssue } from "../errors.ts";
import { compareIds, isCompatibleId, withoutVersion } from "../model/ids.ts";
import type { ExternDecl } from "../model/types.ts";
import type { Platform, Source } from "../platform.ts";
import type { Component, World } from "../runtime/types.ts";
import { observerFor, type HostContext } from "./context.ts";
import { Events } from "./events.ts";
import { Graph } from "./graph.ts";
import { describeIssues, importResolver } from "./link.ts";
import { MemoryWatch } from "./memory.ts";
import { ModuleRecord, providersOf } from "./module.ts";
import { checkIntegrity, ComponentCache, openSource } from "./open.ts";
import { checkNumber, checkOptions } from "./options.ts";
import { linking } from "./parts.ts";
import { restartPolicy } from "./restart.ts";
import { Scope } from "./scope.ts";
import type {
  Host,
  HostEvents,
  HostOptions,
  LoadOptions,
  LoadRequest,
  Module,
  ModuleInfo,
  ObservedCall,
  UnloadReceipt,
} from "./types.ts";
import { Version } from "./version.ts";

const LOAD_OPTIONS = ["name", "imports", "link", "integrity", "bindings", "world", "onTrap"] as const;

/** A component that was opened for loading under a name. */
interface Candidate {
  readonly name: string;
  readonly component: Component;
  readonly source: Source;
  readonly options: LoadOptions;
}

/** Makes a host on a platform. `tenon` exports this with the platform filled in. */
export function createHost(platform: Platform, options: HostOptions = {}): Host {
  return new ModuleHost(platform, options);
}

class ModuleHost implements Host {
  readonly #context: HostContext;
  /** Loads under way, by name: the single flight. */
  readonly #loading = new Map<string, Promise<Module>>();
  #closing: Promise<readonly UnloadReceipt[]> | undefined;

  constructor(platform: Platform, options: HostOptions) {
    checkOptions("createHost", options, ["imports", "onTrap", "unloading", "leakDeadlineMs"]);
    checkNumber("leakDeadlineMs", options.leakDeadlineMs);
    restartPolicy(options.onTrap);
    this.#context = {
      platform,
      options,
      events: new Events<HostEvents>(),
      graph: new Graph(),
      watch: new MemoryWatch(platform),
      components: new ComponentCache(),
      modules: new Map(),
      versions: new Set(),
      report: undefined,
    };
  }

  async load<W extends World = World>(source: Source, options: LoadOptions<W> = {}): Promise<Module<W>> {
    const candidate = await this.#open(source, options as unknown as LoadOptions);
    return (await this.#claim(candidate)) as unknown as Module<W>;
  }

  async loadAll(requests: readonly LoadRequest[]): Promise<Module[]> {
    const candidates = await Promise.all(requests.map(({ source, ...options }) => this.#open(source, options)));
    const names = candidates.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new UsageError(`Two of the modules to load are named ${twice}`);
    const byName = new Map(candidates.map((candidate) => [candidate.name, candidate]));
    const { loadOrder } = await linking();
    const before = new Set(this.#context.modules.keys());
    const loaded: Module[] = [];
    try {
      for (const name of loadOrder(candidates, this.#context.options.imports))
        loaded.push(await this.#claim(byName.get(name)!));
    } catch (error) {
      for (const module of loaded.reverse()) {
        if (!before.has(module.name)) await module.unload({ force: true, cascade: true });
      }
      throw error;
    }
    return names.map((name) => this.#context.modules.get(name)!.face);
  }

  async loadDirectory(directory: string, options: Omit<LoadOptions, "name" | "integrity"> = {}): Promise<Module[]> {
    checkOptions("loadDirectory", options, ["imports", "link", "world", "onTrap"]);
    const { list } = this.#context.platform;
    if (list === undefined) throw new UsageError("Directories can only be loaded where there are files");
    const files = await list(directory);
    return this.loadAll(files.map((file) => ({ ...options, source: `${directory.replace(/\/+$/, "")}/${file}` })));
  }

  async #open(source: Source, options: LoadOptions): Promise<Candidate> {
    this.#assertOpen();
    checkOptions("load", options, LOAD_OPTIONS);
    restartPolicy(options.onTrap);
    const { platform, components } = this.#context;
    const opened = await openSource(platform, source, options.bindings);
    const name = options.name ?? opened.label ?? opened.hash.slice(0, 12);
    if (typeof name !== "string" || name === "") throw new UsageError("Expected name to be a string that is not empty");
    checkIntegrity(options.integrity, opened.hash, `module ${name}`);
    const component = await components.compile(opened);
    return { name, component, source, options };
  }

  /** Gives the one module of a name: the one that is there, the one that is being loaded, or a new one. */
  async #claim(candidate: Candidate): Promise<Module> {
    const { name, component } = candidate;
    for (;;) {
      this.#assertOpen();
      const loading = this.#loading.get(name);
      if (loading !== undefined) {
        await loading.catch(() => undefined);
        continue;
      }
      const existing = this.#context.modules.get(name);
      if (existing === undefined) break;
      if (existing.phase === "unloading") {
        await existing.unloading?.catch(() => undefined);
        continue;
      }
      if (existing.hash === component.hash) return existing.face;
      throw new UsageError(
        `Module ${name} is already loaded with other bytes (${existing.hash.slice(0, 12)}, not ${component.hash.slice(0, 12)}); reload it, or choose another name`,
      );
    }
    const started = this.#start(candidate).finally(() => this.#loading.delete(name));
    this.#loading.set(name, started);
    return started;
  }

  async #start({ name, component, source, options }: Candidate): Promise<Module> {
    const context = this.#context;
    if (options.world !== undefined) {
      const issues = (await linking()).checkWorld(component, options.world);
      if (issues.length > 0) {
        throw new LinkError(`Module ${name} does not fit the world demanded: ${describeIssues(issues)}`, issues);
      }
    }
    const version = new Version(context, name, component);
    let record: ModuleRecord | undefined;
    try {
      await version.link(options.imports, options.link, () => providersOf(context).filter((it) => it.name !== name));
      await version.instantiate((at, error) => record?.trapped(at, error));
      this.#assertOpen();
      record = new ModuleRecord(context, name, source, options, version);
      record.swap(version);
    } catch (error) {
      await version.drop({ teardown: false });
      throw error;
    }
    context.modules.set(name, record);
    context.events.emit("loaded", { module: name, hash: component.hash });
    return record.face;
  }

  get(name: string): Module | undefined {
    return this.#context.modules.get(name)?.face;
  }

  require(name: string): Module {
    const module = this.get(name);
    if (module !== undefined) return module;
    throw new UsageError(
      `There is no module ${name}; loaded are ${[...this.#context.modules.keys()].join(", ") || "none"}`,
    );
  }

  provides(): readonly ExternDecl[] {
    const seen = new Map<string, ExternDecl>();
    for (const { component } of providersOf(this.#context)) {
      for (const decl of component.exports)
        if (decl.type.kind === "instance" && !seen.has(decl.name)) seen.set(decl.name, decl);
    }
    return [...seen.values()];
  }

  providers(interfaceId: string): readonly Module[] {
    const any = withoutVersion(interfaceId) === interfaceId;
    const found: { readonly module: Module; readonly id: string }[] = [];
    for (const { face, component } of providersOf(this.#context)) {
      const fitting = component.exports.find(
        ({ name, type }) =>
          type.kind === "instance" && (any ? withoutVersion(name) === interfaceId : isCompatibleId(name, interfaceId)),
      );
      if (fitting !== undefined) found.push({ module: face, id: fitting.name });
    }
    return found.sort((a, b) => compareIds(b.id, a.id)).map(({ module }) => module);
  }

  async missing(source: Source, options: LoadOptions = {}): Promise<readonly LinkIssue[]> {
    const { name, component } = await this.#open(source, options);
    const scope = new Scope(name, () => false);
    try {
      const own = await scope.given(options.imports, "imports");
      const shared = await scope.given(this.#context.options.imports, "the host's imports");
      const { link, world } = options;
      const resolve = await importResolver(component, own, shared, link);
      const { issues } = resolve(() => providersOf(this.#context));
      return world === undefined ? issues : [...issues, ...(await linking()).checkWorld(component, world)];
    } finally {
      await scope.close(0);
    }
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
    const report = before === undefined ? observer : (call: ObservedCall): void => (before(call), observer(call));
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
    for (const { name, tree } of context.modules.values()) tree.observe(observerFor(context, name));
  }

  close(): Promise<readonly UnloadReceipt[]> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<readonly UnloadReceipt[]> {
    // What is being loaded fails when it sees that the host is closing; wait for it to have cleaned up.
    await Promise.allSettled(this.#loading.values());
    const receipts = new Set<UnloadReceipt>();
    for (const record of [...this.#context.modules.values()].reverse()) {
      const receipt = await record.unload({ force: true, cascade: true });
      for (const each of [...receipt.cascaded, receipt]) receipts.add(each);
    }
    return [...receipts];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new UsageError("The host is closed");
  }
}
