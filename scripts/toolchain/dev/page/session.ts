/**
 * The page's host and its modules: loads what the dev server has built, and swaps it when it is built again.
 *
 * Owns the modules and what is known of each; draws nothing. Every module goes through its updates one by one.
 */
import { compile, createHost } from "../../../../host/browser/index.ts";
import { LinkError, ReloadError } from "../../../../host/errors.ts";
import type { ImportEntry, Module, ReloadReceipt, UnloadReceipt } from "../../../../host/module/types.ts";
import type { CollectionReport } from "../../../../host/runtime/engine.ts";
import type { BuiltUpdate, Issue, Update } from "../protocol.ts";
import type { Activity } from "./activity.ts";
import { type Description, describe } from "./describe.ts";
import { formatBytes, formatMs } from "./dom.ts";
import { pageImports } from "./imports.ts";
import { MemoryHistory } from "./plot.ts";
import { Shelf } from "./shelf.ts";
import { standIns } from "./stand-ins.ts";

/** How a version came into the page, by stage. */
export interface Journey {
  readonly title: string;
  readonly stages: readonly JourneyStage[];
  readonly totalMs: number;
  readonly state: ReloadReceipt["state"];
}

export interface JourneyStage {
  /** `travel`: what the file system, the server and the line to the page take. */
  readonly phase: "travel" | "build" | "reload";
  readonly stage: string;
  readonly ms: number;
}

/** A failure of the page's own doing: a load, reload or unload that was refused. */
export interface Problem {
  readonly what: "load" | "reload" | "unload";
  readonly error: Error;
}

/** All that the page knows of one module. */
export class Entry {
  readonly name: string;
  readonly memory: MemoryHistory = new MemoryHistory();
  readonly shelf: Shelf = new Shelf();
  building = true;
  /** The latest build's complaints; the version before it serves on. */
  issues: readonly Issue[] = [];
  /** The latest build that went well. */
  offered: BuiltUpdate | undefined;
  /** Absent before the first load and after an unload. */
  module: Module | undefined;
  /** What is known of the version that serves, or served last. */
  description: Description | undefined;
  problem: Problem | undefined;
  journey: Journey | undefined;
  receipt: UnloadReceipt | undefined;
  collected: CollectionReport | undefined;
  /** Whether imports that nobody gives are made up. */
  standIns = false;
  /** Unloaded by the person, so that a build does not load it again. */
  resting = false;

  constructor(name: string) {
    this.name = name;
  }
}

export class Session {
  readonly #host = createHost();
  readonly #activity: Activity;
  readonly #changed: (entry: Entry) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #queues = new Map<string, Promise<void>>();

  /** @param changed hears of everything worth drawing again */
  constructor(activity: Activity, changed: (entry: Entry) => void) {
    this.#activity = activity;
    this.#changed = changed;
    for (const [event, label] of [
      ["trapped", "trap"],
      ["exited", "exit"],
    ] as const) {
      this.#host.on(event, ({ module, error }) => {
        this.#entries.get(module)?.memory.mark(label);
        activity.add({ module, kind: "fault", label, text: error.message });
        this.#tell(module);
      });
    }
    this.#host.on("console", ({ module, level, text }) => activity.add({ module, kind: "log", label: level, text }));
    setInterval(() => this.sample(), 500);
  }

  get entries(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** Reads how much memory every module has. */
  sample(): void {
    for (const entry of this.#entries.values()) entry.memory.add(entry.module?.info().memoryBytes ?? 0);
  }

  /** Takes an update of the dev server. */
  update(update: Update): void {
    const entry = this.#entries.get(update.name) ?? new Entry(update.name);
    this.#entries.set(update.name, entry);
    entry.building = update.kind === "building";
    if (update.kind === "built") {
      entry.offered = update;
      entry.issues = [];
      this.#enqueue(entry, () => this.#offer(entry, update));
    } else if (update.kind === "failed") {
      entry.issues = update.issues;
      const [first] = update.issues;
      const place = first?.file === undefined ? "" : `${first.file}:${first.line ?? 1}: `;
      this.#activity.add({
        module: entry.name,
        kind: "fault",
        label: "build failed",
        text: place + (first?.message ?? ""),
      });
    } else if (update.kind === "removed") {
      this.#enqueue(entry, () => this.#remove(entry));
    }
    this.#changed(entry);
  }

  /** Takes away the modules that the dev server does not have any more. */
  keep(names: readonly string[]): void {
    for (const name of this.#entries.keys()) if (!names.includes(name)) this.update({ kind: "removed", name });
  }

  /** A fresh instance of the version that serves; its state is handed over unless it has trapped. */
  reload(entry: Entry): Promise<void> {
    return this.#enqueue(entry, () => this.#reload(entry, undefined));
  }

  /** Loads a module that was unloaded, or could not be loaded. @param standIns whether imports that nobody gives are made up */
  load(entry: Entry, standIns: boolean = entry.standIns): Promise<void> {
    entry.resting = false;
    entry.standIns = standIns;
    return this.#enqueue(entry, () => this.#load(entry));
  }

  unload(entry: Entry, options: { force?: boolean; cascade?: boolean } = {}): Promise<void> {
    return this.#enqueue(entry, () => this.#unload(entry, options));
  }

  #enqueue(entry: Entry, work: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(entry.name) ?? Promise.resolve();
    const after = before.then(work).catch((error: unknown) => {
      this.#fail(entry, "load", error);
    });
    this.#queues.set(entry.name, after);
    return after;
  }

  #tell(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) this.#changed(entry);
  }

  #fail(entry: Entry, what: Problem["what"], error: unknown): void {
    const problem = error instanceof Error ? error : new Error(String(error));
    entry.problem = { what, error: problem };
    this.#activity.add({ module: entry.name, kind: "fault", label: `${what} refused`, text: problem.message });
    this.#changed(entry);
  }

  async #offer(entry: Entry, update: BuiltUpdate): Promise<void> {
    // A later build is in the queue already, or the person wants no version at all.
    if (entry.offered !== update || entry.resting) return;
    if (entry.module === undefined) await this.#load(entry);
    else if (entry.module.hash !== update.hash) await this.#reload(entry, update);
    else this.#changed(entry);
  }

  async #load(entry: Entry): Promise<void> {
    const { offered } = entry;
    if (offered === undefined || entry.module !== undefined) return;
    const began = performance.now();
    try {
      await this.#describe(entry, offered);
      const imports = await this.#importsFor(entry, offered);
      entry.module = await this.#host.load(offered.url, { name: entry.name, imports, integrity: offered.hash });
    } catch (error) {
      this.#fail(entry, "load", error);
      return;
    }
    entry.problem = undefined;
    entry.receipt = undefined;
    entry.collected = undefined;
    entry.journey = undefined;
    this.sample();
    const took = formatMs(performance.now() - began);
    this.#activity.add({
      module: entry.name,
      kind: "event",
      label: "loaded",
      text: `${formatBytes(offered.byteLength)} in ${took}`,
    });
    this.#changed(entry);
    this.#retryOthers(entry);
  }

  /** What the page gives; with stand-ins, also what neither it nor another module does. */
  async #importsFor({ name, standIns: made }: Entry, { url }: BuiltUpdate): Promise<readonly ImportEntry[]> {
    const given = [pageImports(this.#activity)];
    if (!made) return given;
    const [component, missing] = await Promise.all([
      compile(url, { name }),
      this.#host.missing(url, { name, imports: given }),
    ]);
    const names = new Set(missing.map((issue) => issue.import?.replace(/#.*/, "")));
    const unmet = component.imports.filter((decl) => names.has(decl.name));
    return [...given, standIns(name, unmet, this.#activity) as ImportEntry];
  }

  /** Loads again what could not be linked before this module was there. */
  #retryOthers(loaded: Entry): void {
    for (const entry of this.#entries.values()) {
      if (entry === loaded || entry.module !== undefined || entry.resting) continue;
      if (entry.problem?.error instanceof LinkError) void this.#enqueue(entry, () => this.#load(entry));
    }
  }

  async #reload(entry: Entry, update: BuiltUpdate | undefined): Promise<void> {
    const { module } = entry;
    if (module === undefined) return this.#load(entry);
    const reloadAt = Date.now();
    let receipt: ReloadReceipt;
    try {
      receipt = await (update === undefined
        ? module.reload()
        : module.reload(update.url, { integrity: update.hash, imports: await this.#importsFor(entry, update) }));
    } catch (error) {
      if (!(error instanceof ReloadError && error.superseded)) this.#fail(entry, "reload", error);
      return;
    }
    entry.problem = undefined;
    entry.journey = journeyOf(receipt, update, reloadAt);
    entry.memory.mark("reload");
    this.sample();
    const { state } = receipt;
    const kept = state === "moved" ? ", state kept" : "";
    const what = receipt.from === receipt.to ? "a fresh instance" : `version ${receipt.to.slice(0, 12)}`;
    this.#activity.add({
      module: entry.name,
      kind: "event",
      label: "reloaded",
      text: `${what} in ${formatMs(receipt.durationMs)}${kept}`,
    });
    if (update !== undefined) await this.#describe(entry, update);
    this.#changed(entry);
  }

  async #describe(entry: Entry, { url, docs }: BuiltUpdate): Promise<void> {
    const { imports, exports } = await compile(url, { name: entry.name });
    entry.description = describe({ name: entry.name, imports, exports, docs });
  }

  async #unload(entry: Entry, options: { force?: boolean; cascade?: boolean }): Promise<void> {
    const { module } = entry;
    if (module === undefined) return;
    let receipt: UnloadReceipt;
    try {
      receipt = await module.unload({ ...options, collectDeadlineMs: 60_000 });
    } catch (error) {
      this.#fail(entry, "unload", error);
      return;
    }
    this.#gone(entry, receipt);
    for (const cascaded of receipt.cascaded) {
      const dependent = this.#entries.get(cascaded.name);
      if (dependent !== undefined) this.#gone(dependent, cascaded);
    }
  }

  /** Notes that a module was unloaded by the person, and waits for the engine's word on its memory. */
  #gone(entry: Entry, receipt: UnloadReceipt): void {
    entry.module = undefined;
    entry.resting = true;
    entry.problem = undefined;
    entry.journey = undefined;
    entry.receipt = receipt;
    entry.collected = undefined;
    entry.shelf.clear();
    entry.memory.mark("unload");
    this.sample();
    this.#activity.add({
      module: entry.name,
      kind: "event",
      label: "unloaded",
      text: `${formatBytes(receipt.memoryBytes)} let go`,
    });
    this.#changed(entry);
    void receipt.collected.then((report) => {
      if (entry.receipt !== receipt) return;
      entry.collected = report;
      this.#changed(entry);
    });
  }

  async #remove(entry: Entry): Promise<void> {
    await entry.module?.unload({ force: true, cascade: true });
    entry.module = undefined;
    this.#entries.delete(entry.name);
    this.#activity.add({ module: entry.name, kind: "event", label: "removed", text: "Its folder is gone" });
    this.#changed(entry);
  }
}

/** From saving a file to the new code answering, by stage; without a saved file only the reload itself. */
function journeyOf(receipt: ReloadReceipt, update: BuiltUpdate | undefined, reloadAt: number): Journey {
  // What comes after the swap, the old version's end, does not keep the new code from answering.
  const { open, check, instantiate, save, restore, swap } = receipt.stages;
  const saved = update?.saved;
  const stages: JourneyStage[] = [];
  const add = (phase: JourneyStage["phase"], times: readonly (readonly [string, number])[]): void => {
    for (const [stage, ms] of times) if (ms > 0) stages.push({ phase, stage, ms });
  };
  if (saved !== undefined && update !== undefined) {
    add("travel", [["notice", saved.startedAt - saved.savedAt]]);
    add("build", update.stages);
    const built = update.stages.reduce((sum, [, ms]) => sum + ms, 0);
    add("build", [["files", saved.builtAt - saved.startedAt - built]]);
    add("travel", [["push", reloadAt - saved.builtAt]]);
  }
  add("reload", Object.entries({ open, check, instantiate, save, restore, swap }));
  const title = saved === undefined ? "Reloaded" : `From saving ${saved.file} to the new code answering`;
  return { title, stages, totalMs: stages.reduce((sum, { ms }) => sum + ms, 0), state: receipt.state };
}
