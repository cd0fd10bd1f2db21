/**
 * From a module's folder to a component: WIT, bindings, AssemblyScript, component, declarations.
 *
 * Owns the order of the stages and what is written where. A module that is wrong ends the build with a BuildError, and
 * outputs of an earlier build stay as they were.
 */
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { UnsupportedError } from "../../../host/errors.ts";
import type { GuestOutput } from "../guest/contract.ts";
import { generateGuest } from "../guest/index.ts";
import { declarations } from "../types/dts.ts";
import { sourceDeclarations } from "../types/source.ts";
import { readWit, type WitSources } from "../wit/sources.ts";
import { describeSources, type WitWorld } from "../wit/world.ts";
import { hashTransforms, refuseUnknown } from "./asc-options.ts";
import { BuildCache, defaultCacheFolder, hashTools } from "./cache.ts";
import { CompilerError, CompilerPool } from "./compiler.ts";
import { componentOf } from "./component.ts";
import { explain, explainWarnings } from "./diagnostics.ts";
import { BuildError } from "./errors.ts";
import { hashOf, writeAllOrNone, writeGenerated } from "./files.ts";
import { findWit } from "./find-wit.ts";
import { type BuildOptions, settled, type Settled } from "./options.ts";
import { compilerPackage, requirePackages, witPackage } from "./packages.ts";
import type { BuildResult, Stage } from "./result.ts";
import { sourceMapFrom, sourceMapUrl } from "./source-map.ts";
import { locateUnsupported } from "./unsupported.ts";
import { type WatchEvent, type Watching, watchModules, type WatchOptions } from "./watch.ts";
import type { CompileReply, CompileTask } from "./protocol.ts";

export { BuildError, type BuildIssue } from "./errors.ts";
export type { BuildOptions } from "./options.ts";
export type { BuildResult, Stage } from "./result.ts";
export type { WatchEvent, Watching, WatchOptions } from "./watch.ts";

/** Builds modules, and keeps the compilers warm between them. */
export interface Builder {
  /**
   * @throws {BuildError} when the module or its WIT is wrong
   * @throws {MissingPackagesError} when the compilers are not installed
   */
  build(options: BuildOptions): Promise<BuildResult>;
  /** Builds modules now and whenever something that they are made of changes, until it is closed. */
  watch(options: WatchOptions, listener: (event: WatchEvent) => void): Watching;
  /** Starts loading the compilers, for the first build to be quicker. */
  warm(): void;
  /** Ends watching and the compilers. Builds under way are refused. */
  close(): Promise<void>;
}

export interface BuilderOptions {
  /** Where records of earlier builds are kept; `false` builds always. Default `node_modules/.cache/tenon`. */
  readonly cache?: string | false | undefined;
  /** Compilers that may run at once. Default: the number of processors, at most 4. */
  readonly threads?: number | undefined;
}

/** A builder that stays warm until it is closed. */
export function createBuilder(options: BuilderOptions = {}): Builder {
  const pool = new CompilerPool(options.threads ?? Math.min(4, availableParallelism()));
  const cache = options.cache === false ? undefined : new BuildCache(options.cache ?? defaultCacheFolder());
  // Two builds of one folder at once would write the same files; the second waits and then finds them fresh.
  const running = new Map<string, Promise<unknown>>();
  const watches = new Set<Watching>();
  const builder: Builder = {
    build: async (options) => {
      const folder = resolve(options.dir);
      const before = running.get(folder);
      const build = (before ?? Promise.resolve())
        .catch(() => {})
        .then(async () => new Build(await settled(options), pool, cache).run());
      running.set(folder, build);
      try {
        return await build;
      } finally {
        if (running.get(folder) === build) running.delete(folder);
      }
    },
    watch: (options, listener) => {
      const watching = watchModules(builder, options, listener);
      watches.add(watching);
      return watching;
    },
    warm: () => pool.warm(),
    close: async () => {
      await Promise.all([pool.close(), ...[...watches].map((watching) => watching.close())]);
    },
  };
  return builder;
}

/** Builds one module. @throws {BuildError} when the module or its WIT is wrong */
export async function buildModule(options: BuildOptions & BuilderOptions): Promise<BuildResult> {
  const builder = createBuilder(options);
  try {
    return await builder.build(options);
  } finally {
    await builder.close();
  }
}

type Summary = Omit<BuildResult, "cached" | "durationMs" | "sources">;

/** One build of one module. */
class Build {
  private readonly options: Settled;
  private readonly pool: CompilerPool;
  private readonly cache: BuildCache | undefined;
  private readonly folder: string;
  private readonly name: string;
  private readonly component: string;
  /** What was read or looked for so far, absolute. */
  private readonly seen = new Set<string>();
  /** Names this build in the cache. */
  private readonly id: string;
  private readonly stages: Record<Stage, number> = {
    wit: 0,
    bindings: 0,
    assemblyscript: 0,
    component: 0,
    declarations: 0,
  };

  constructor(options: Settled, pool: CompilerPool, cache: BuildCache | undefined) {
    this.options = options;
    this.pool = pool;
    this.cache = cache;
    this.folder = resolve(options.dir);
    this.name = basename(this.folder);
    this.component = resolve(options.out);
    this.id = hashOf([this.folder, this.component]).slice(0, 32);
  }

  /** A file beside the component, named like it. */
  private beside(ending: string): string {
    return this.component.replace(/\.wasm$/, ending);
  }

  async run(): Promise<BuildResult> {
    try {
      return await this.build();
    } catch (error) {
      if (error instanceof BuildError) error.sources = [...this.seen];
      throw error;
    }
  }

  private async build(): Promise<BuildResult> {
    const started = performance.now();
    requirePackages([compilerPackage, witPackage]);
    const { project } = this.options;
    if (project !== undefined) this.seen.add(project);
    await this.checkPlaces();
    const { wit, world, debug, optimize, sourceMap, asc, features, console: hostConsole } = this.options;
    const sources = await readWit(wit === undefined ? await findWit(this.folder) : resolve(wit));
    const witFiles = [sources.main, ...sources.dependencies].flatMap(({ files }) => files);
    for (const { path } of witFiles) this.seen.add(path);
    const transforms = await hashTransforms(this.options.transforms, this.folder);
    for (const { path } of transforms) this.seen.add(path);
    // A source map names its sources from where the build ran.
    const from = sourceMap === false ? "" : process.cwd();
    const settings = JSON.stringify([world, debug, optimize, sourceMap, from, asc, transforms, features, hostConsole]);
    const key = hashOf([await hashTools(), settings, ...witFiles.flatMap(({ path, text }) => [basename(path), text])]);

    const record = this.options.force === true ? undefined : await this.cache?.valid(this.id, key);
    if (record !== undefined) {
      const known = record.summary as Summary;
      const inputs = [...this.seen, ...Object.keys(record.sources)];
      return { ...known, cached: true, durationMs: performance.now() - started, sources: inputs };
    }

    const said = [...this.seen];
    const { summary, reply, outputs } = await this.make(sources, transforms);
    await this.cache?.save(this.id, {
      key,
      sources: reply.sources,
      absent: reply.absent,
      outputs: Object.fromEntries([...outputs].map(([path, contents]) => [path, hashOf([contents])])),
      summary,
    });
    const inputs = [...said, ...Object.keys(reply.sources)];
    return { ...summary, cached: false, durationMs: performance.now() - started, sources: inputs };
  }

  private async checkPlaces(): Promise<void> {
    const { folder, component } = this;
    const info = await stat(folder).catch(() => undefined);
    if (!info?.isDirectory()) throw noFolder(folder);
    if (!component.endsWith(".wasm")) {
      throw new BuildError([
        { file: component, message: "The output's name does not end in .wasm", hint: "Correct `out`" },
      ]);
    }
    this.checkIndex();
  }

  private checkIndex(): void {
    const { folder } = this;
    if (!existsSync(join(folder, "index.ts"))) {
      const hint = `Write it, or let \`tenon new ${basename(folder)} --wit PATH\` write its skeleton`;
      throw new BuildError([{ file: join(folder, "index.ts"), message: "The module has no index.ts", hint }]);
    }
  }

  private async stage<T>(name: Stage, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    this.stages[name] = performance.now() - started;
    return result;
  }

  private async make(
    sources: WitSources,
    transforms: CompileTask["transforms"],
  ): Promise<{ summary: Summary; reply: CompileReply; outputs: ReadonlyMap<string, string | Uint8Array> }> {
    // Most likely something has to be compiled; loading the compilers takes as long as all that comes before.
    this.pool.warm();
    const { world: wanted, features } = this.options;
    const world = await this.stage("wit", () =>
      describeSources(sources, { world: wanted, preferred: this.name, features }),
    );
    const bindings = join(this.folder, "bindings");
    const guest = await this.stage("bindings", async () => {
      const generated = generate(world, this.options.console);
      // Nothing is written to a folder that is being removed while its build begins.
      this.checkIndex();
      await writeGenerated(bindings, generated.files).catch((error: unknown) => {
        throw existsSync(this.folder) ? error : noFolder(this.folder);
      });
      return generated;
    });
    const reply = await this.compile(guest, transforms);
    const core = reply.wasm!;
    const map = reply.map === undefined ? undefined : sourceMapFrom(reply.map, this.folder, process.cwd());
    const component = await this.stage("component", () => this.componentise(core, world, reply, map));
    const text = await this.stage("declarations", async () => declarations(world.description, world.docs));
    const outputs = new Map<string, string | Uint8Array>([
      [this.component, component],
      [this.beside(".d.ts"), text],
      [this.beside(".d.wasm.ts"), sourceDeclarations(basename(this.beside("")), world.description.name)],
    ]);
    const { sourceMap } = this.options;
    if (map !== undefined && sourceMap === "file") outputs.set(this.beside(".wasm.map"), map);
    await writeAllOrNone(outputs);
    const warnings = explainWarnings({ folder: this.folder, index: "", guest, diagnostics: reply.diagnostics });
    const summary: Summary = {
      name: this.name,
      world: world.description.name,
      component: this.component,
      declarations: this.beside(".d.ts"),
      sourceDeclarations: this.beside(".d.wasm.ts"),
      bindings,
      bytes: { core: core.length, component: component.length },
      stages: this.stages,
      warnings,
    };
    return { summary, reply, outputs };
  }

  private componentise(
    core: Uint8Array,
    world: WitWorld,
    { sources }: CompileReply,
    map: string | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const beside = this.options.sourceMap === "file";
    const url = map && (beside ? basename(this.beside(".wasm.map")) : sourceMapUrl(map));
    return componentOf({ folder: this.folder, core, world, sources: Object.keys(sources), sourceMapUrl: url });
  }

  private async compile(guest: GuestOutput, transforms: CompileTask["transforms"]): Promise<CompileReply> {
    const { folder, id, cache, options } = this;
    const task: CompileTask = {
      folder,
      generated: new Map([...guest.files].map(([name, text]) => [`bindings/${name}`, text])),
      entry: `bindings/${guest.entry}`,
      flags: [...guest.ascFlags, ...options.asc],
      renames: guest.renames,
      exportTypes: guest.exportTypes,
      debug: options.debug,
      optimize: options.optimize,
      sourceMap: options.sourceMap !== false,
      transforms,
    };
    const known = this.options.force === true ? undefined : await cache?.compiled(id, task);
    if (known !== undefined) return known;
    const reply = await this.pool.compile(task).catch((error: unknown) => {
      if (!(error instanceof CompilerError)) throw error;
      const hint = "Undo the last change to find what it cannot take, such as an export with the name of a built-in";
      throw new BuildError([{ file: join(folder, "index.ts"), message: error.message, hint }], { cause: error });
    });
    this.stages.assemblyscript = reply.times.load + reply.times.asc;
    for (const path of [...Object.keys(reply.sources), ...reply.absent]) this.seen.add(path);
    refuseUnknown(reply.unknown);
    if (reply.wasm !== undefined) {
      await cache?.saveCompiled(id, task, reply);
      return reply;
    }
    const index = await readFile(join(folder, "index.ts"), "utf8");
    const issues = explain({ folder, index, guest, diagnostics: reply.diagnostics });
    if (issues.length > 0) throw new BuildError(issues);
    throw new BuildError([
      { file: join(folder, "index.ts"), message: `AssemblyScript could not compile the module: ${reply.failure}` },
    ]);
  }
}

function noFolder(folder: string): BuildError {
  const hint = "Name the folder that has the module's index.ts";
  return new BuildError([{ file: folder, message: "There is no such module folder", hint }]);
}

/** The bindings of a world. @throws {BuildError} naming what AssemblyScript cannot express, with its place in the WIT */
export function generate(world: WitWorld, hostConsole?: boolean): GuestOutput {
  try {
    return generateGuest({ world: world.description, docs: world.docs, hostConsole });
  } catch (error) {
    if (error instanceof UnsupportedError) throw new BuildError([locateUnsupported(world, error)], { cause: error });
    throw error;
  }
}
