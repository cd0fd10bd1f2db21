/**
 * From a module's folder to a component: WIT, bindings, AssemblyScript, binaryen, component, declarations.
 *
 * Owns the order of the stages and what is written where. A module that is wrong ends the build with a BuildError, and
 * outputs of an earlier build stay as they were.
 */
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { UnsupportedError } from "../../../host/errors.ts";
import { withoutSections } from "../core-sections.ts";
import type { GuestOutput } from "../guest/contract.ts";
import { generateGuest } from "../guest/index.ts";
import { declarations } from "../types/dts.ts";
import { sourceDeclarations } from "../types/source.ts";
import { componentEmbed, componentNew, metadataAdd, ToolError } from "../wasm-tools.ts";
import { readWit, type WitSources, withWitInput } from "../wit/sources.ts";
import { describeSources, type WitWorld } from "../wit/world.ts";
import { BuildCache, defaultCacheFolder, hashTools, toolVersions } from "./cache.ts";
import { CompilerError, CompilerPool } from "./compiler.ts";
import { explain, explainAbsentImport, explainWarnings } from "./diagnostics.ts";
import { BuildError, type BuildIssue } from "./errors.ts";
import { hashOf, writeAllOrNone, writeGenerated } from "./files.ts";
import { findWit } from "./find-wit.ts";
import { type BuildOptions, settled, type Settled } from "./options.ts";
import { locateUnsupported } from "./unsupported.ts";
import type { CompileReply, CompileTask } from "./protocol.ts";

export { BuildError, type BuildIssue } from "./errors.ts";
export type { BuildOptions } from "./options.ts";

/** @public */
export interface BuildResult {
  /** The module folder's name. */
  readonly name: string;
  /** The world's id, such as `demo:calc/calc@1.0.0`. */
  readonly world: string;
  /** Absolute path of the component. */
  readonly component: string;
  /** Absolute path of the declarations of its world, `<name>.d.ts`. */
  readonly declarations: string;
  /** Absolute path of the declarations of the file itself, `<name>.d.wasm.ts`: its default export is a typed source. */
  readonly sourceDeclarations: string;
  /** Absolute path of the generated AssemblyScript bindings. */
  readonly bindings: string;
  /** Nothing had changed, so nothing was done. */
  readonly cached: boolean;
  /** Sizes in bytes: the core module by itself, and the component. */
  readonly bytes: { readonly core: number; readonly component: number };
  /** Milliseconds by stage, those of the build that made the files. */
  readonly stages: Readonly<Record<Stage, number>>;
  /** Milliseconds this call took. */
  readonly durationMs: number;
  /** Files whose change makes a build necessary, absolute. */
  readonly sources: readonly string[];
  readonly warnings: readonly BuildIssue[];
}

/** @public */
export type Stage = "wit" | "bindings" | "assemblyscript" | "binaryen" | "component" | "declarations";

/** Builds modules, and keeps the compilers warm between them. */
export interface Builder {
  /** @throws {BuildError} when the module or its WIT is wrong */
  build(options: BuildOptions): Promise<BuildResult>;
  /** Starts loading the compilers, for the first build to be quicker. */
  warm(): void;
  /** Ends the compilers. Builds under way are refused. */
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
  return {
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
    warm: () => pool.warm(),
    close: () => pool.close(),
  };
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
  /** Names this build in the cache. */
  private readonly id: string;
  private readonly stages: Record<Stage, number> = {
    wit: 0,
    bindings: 0,
    assemblyscript: 0,
    binaryen: 0,
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
    const started = performance.now();
    await this.checkPlaces();
    const { wit, world, debug, optimize, features } = this.options;
    const sources = await readWit(wit === undefined ? await findWit(this.folder) : resolve(wit));
    const witFiles = [sources.main, ...sources.dependencies].flatMap(({ files }) => files);
    const settings = JSON.stringify([world, debug, optimize, features]);
    const key = hashOf([await hashTools(), settings, ...witFiles.flatMap(({ path, text }) => [basename(path), text])]);
    const { project } = this.options;
    const said = [...witFiles.map(({ path }) => path), ...(project === undefined ? [] : [project])];

    const record = this.options.force === true ? undefined : await this.cache?.valid(this.id, key);
    if (record !== undefined) {
      const known = record.summary as Summary;
      const inputs = [...said, ...Object.keys(record.sources)];
      return { ...known, cached: true, durationMs: performance.now() - started, sources: inputs };
    }

    const { summary, reply, outputs } = await this.make(sources);
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
    if (!info?.isDirectory()) {
      const hint = "Name the folder that has the module's index.ts";
      throw new BuildError([{ file: folder, message: "There is no such module folder", hint }]);
    }
    if (!component.endsWith(".wasm")) {
      throw new BuildError([
        { file: component, message: "The output's name does not end in .wasm", hint: "Correct `out`" },
      ]);
    }
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
  ): Promise<{ summary: Summary; reply: CompileReply; outputs: ReadonlyMap<string, string | Uint8Array> }> {
    // Most likely something has to be compiled; loading the compilers takes as long as all that comes before.
    this.pool.warm();
    const { world: wanted, features } = this.options;
    const world = await this.stage("wit", () =>
      describeSources(sources, { world: wanted, preferred: this.name, features }),
    );
    const bindings = join(this.folder, "bindings");
    const guest = await this.stage("bindings", async () => {
      const generated = generate(world);
      await writeGenerated(bindings, generated.files);
      return generated;
    });
    const reply = await this.compile(guest);
    const core = reply.wasm!;
    const component = await this.stage("component", () => this.componentise(core, world, Object.keys(reply.sources)));
    const text = await this.stage("declarations", async () => declarations(world.description, world.docs));
    const outputs = new Map<string, string | Uint8Array>([
      [this.component, component],
      [this.beside(".d.ts"), text],
      [this.beside(".d.wasm.ts"), sourceDeclarations(basename(this.beside("")), world.description.name)],
    ]);
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

  private async compile(guest: GuestOutput): Promise<CompileReply> {
    const { folder, id, cache } = this;
    const task: CompileTask = {
      folder,
      generated: new Map([...guest.files].map(([name, text]) => [`bindings/${name}`, text])),
      entry: `bindings/${guest.entry}`,
      flags: guest.ascFlags,
      renames: guest.renames,
      exportTypes: guest.exportTypes,
      debug: this.options.debug ?? false,
      optimize: this.options.optimize ?? true,
    };
    const known = this.options.force === true ? undefined : await cache?.compiled(id, task);
    if (known !== undefined) return known;
    const reply = await this.pool.compile(task).catch((error: unknown) => {
      if (!(error instanceof CompilerError)) throw error;
      const hint = "Undo the last change to find what it cannot take, such as an export with the name of a built-in";
      throw new BuildError([{ file: join(folder, "index.ts"), message: error.message, hint }], { cause: error });
    });
    this.stages.assemblyscript = reply.times.load + reply.times.asc;
    this.stages.binaryen = reply.times.binaryen;
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

  /** The core module with its world, wrapped as a component. */
  private async componentise(
    core: Uint8Array,
    { sources, name, features }: WitWorld,
    files: readonly string[],
  ): Promise<Uint8Array> {
    // asc adds sections of its own; what belongs in a component is the code, and names when debugging.
    const bare = withoutSections(core, ({ id, name: section }) => id === 0 && section !== "name");
    try {
      const embedded = await withWitInput(sources, (wit) => componentEmbed(bare, { ...wit, world: name, features }));
      const component = await componentNew(embedded);
      return await metadataAdd(component, [
        ["language", [["AssemblyScript", toolVersions.assemblyscript]]],
        [
          "processed-by",
          [
            ["asc", toolVersions.assemblyscript],
            ["binaryen", toolVersions.binaryen],
          ],
        ],
        ["sdk", [["tenon", toolVersions.tenon]]],
      ]);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      const absent = /failed to resolve import `([^`:$]+)::([^`]+)`/.exec(error.message);
      if (absent !== null) {
        const issue = await explainAbsentImport(absent[1]!, absent[2]!, files);
        throw new BuildError([{ file: join(this.folder, "index.ts"), ...issue }], { cause: error });
      }
      const hint =
        "The compiled module does not fit the world that its bindings were made for; this is a fault of tenon";
      throw new BuildError([{ file: this.folder, message: error.message, hint }], { cause: error });
    }
  }
}

/** The bindings of a world. @throws {BuildError} naming what AssemblyScript cannot express, with its place in the WIT */
export function generate(world: WitWorld): GuestOutput {
  try {
    return generateGuest({ world: world.description, docs: world.docs });
  } catch (error) {
    if (error instanceof UnsupportedError) throw new BuildError([locateUnsupported(world, error)], { cause: error });
    throw error;
  }
}
