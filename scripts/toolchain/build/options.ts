/**
 * What a build is asked for, and what the project's package.json adds to it.
 */
import { basename, join, resolve } from "node:path";
import { checkAscOptions } from "./asc-options.ts";
import { absolute, readProject, settingsOf } from "./config.ts";
import type { SourceMapPlace } from "./source-map.ts";

export interface BuildOptions {
  /** The module's folder; its `index.ts` is the module. */
  readonly dir: string;
  /**
   * WIT file or folder. Default: what the project's package.json says; else `wit` or a `.wit` file in the folder; else the
   * module's name in a `wit` further up, or that `wit` itself when it has one world.
   */
  readonly wit?: string | undefined;
  /** Default: what the project's package.json says, else the package's only world, or the one named like the module's folder. */
  readonly world?: string | undefined;
  /** The component's path, `.wasm`; the declarations are put beside it. Default `<name of the folder>.wasm` in `outDir`. */
  readonly out?: string | undefined;
  /** The folder for the component. Default: what the project's package.json says, else `build` in the module's folder. */
  readonly outDir?: string | undefined;
  /** Not optimised, with function names and a source map: quick to build, and faults have their places. Default `false`. */
  readonly debug?: boolean | undefined;
  /** Default `true`, and `false` when debugging. */
  readonly optimize?: boolean | undefined;
  /**
   * `"inline"`: the core module holds its source map; `"file"`: it stands beside the component as `<name>.wasm.map`. Default
   * `"inline"` when debugging, else `false`.
   */
  readonly sourceMap?: SourceMapPlace | undefined;
  /**
   * Options of AssemblyScript's compiler, as on its own command line, such as `["--enable", "simd"]`. Default: what the
   * project's package.json says, else none.
   */
  readonly asc?: readonly string[] | undefined;
  /**
   * Transforms of AssemblyScript's compiler: paths, from the working directory, or modules of packages, such as
   * `json-as/transform`. Default: what the project's package.json says, else none.
   */
  readonly transforms?: readonly string[] | undefined;
  /**
   * Whether what the module writes with `console` and `trace` reaches the host: where the world imports no function that
   * takes it, the component then imports `tenon:module/console`, which tenon's host meets by itself and others do not. Default
   * `true`.
   */
  readonly console?: boolean | undefined;
  /** Build even when nothing has changed. Default `false`. */
  readonly force?: boolean | undefined;
  /** Feature gates of the WIT that are open. Default: what the project's package.json says, else none. */
  readonly features?: readonly string[] | "all" | undefined;
}

/** The options of one build, with defaults and what the project says filled in. */
export interface Settled {
  readonly dir: string;
  readonly wit: string | undefined;
  readonly world: string | undefined;
  readonly features: BuildOptions["features"];
  readonly out: string;
  readonly debug: boolean;
  readonly optimize: boolean;
  readonly sourceMap: SourceMapPlace;
  readonly asc: readonly string[];
  /** Absolute, or modules of packages. */
  readonly transforms: readonly string[];
  readonly console: boolean;
  readonly force: boolean;
  /** The package.json that says something of modules. */
  readonly project: string | undefined;
}

/** Where a module's component is put that nothing says a place for: beside its sources, in a folder that may be thrown away. */
const defaultOut = "build";

/**
 * What a build of these options is about, with the project's own settings for the module.
 *
 * @throws {UsageError} when an option of the compiler is the build's own
 */
export async function settled(options: BuildOptions): Promise<Settled> {
  const { dir, debug = false, optimize = !debug, sourceMap = debug ? "inline" : false, force = false } = options;
  const folder = resolve(dir);
  const project = await readProject(folder);
  const said = settingsOf(project, folder);
  const { wit = said.wit, world = said.world, features = said.features, asc = said.asc ?? [] } = options;
  const outDir = resolve(options.outDir ?? said.outDir ?? join(folder, defaultOut));
  const out = options.out ?? join(outDir, `${basename(folder)}.wasm`);
  const transforms = options.transforms?.map((name) => absolute(process.cwd(), name)) ?? said.transforms ?? [];
  checkAscOptions(asc);
  const asked = { debug, optimize, sourceMap, console: options.console ?? true, force };
  return { dir, wit, world, features, out, asc, transforms, project: project.file, ...asked };
}
