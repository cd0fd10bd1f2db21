/**
 * `tenon/build`: the toolchain for programs, such as plugins of bundlers and test runners.
 *
 * Nothing is read, written or loaded before a function is called; the compilers are peer dependencies that building needs.
 */
import { resolve } from "node:path";
import { moduleFolders, readProject } from "./build/config.ts";
import { worldModule } from "./types/world-module.ts";
import { readWorld, type WorldOptions } from "./wit/world.ts";

export { bind, type BindOptions, type BoundFiles } from "./bind.ts";
export { BuildError, type BuildIssue, formatIssue } from "./build/errors.ts";
export { MissingPackagesError } from "./build/packages.ts";
export {
  type Builder,
  type BuilderOptions,
  buildModule as build,
  type BuildOptions,
  type BuildResult,
  createBuilder,
  type Stage,
  type WatchEvent,
  type Watching,
  type WatchOptions,
} from "./build/index.ts";

/** Options of {@link types}. */
export interface TypesOptions extends Omit<WorldOptions, "preferred"> {}

/** What {@link types} makes. */
export interface WorldTypes {
  /** The world's id, such as `demo:calc/calc@1.0.0`. */
  readonly world: string;
  /** A TypeScript module: the world's types, and its description at run time, for the option `world` of `load`. */
  readonly text: string;
  /** The same as JavaScript. */
  readonly javascript: string;
  /** The declarations of {@link javascript}, the text of a `.d.ts` file. */
  readonly declarations: string;
  /** Files whose change changes the text, absolute. */
  readonly sources: readonly string[];
}

/**
 * What a host needs to know of a WIT world before there is any module of it. Nothing is written.
 *
 * @param wit WIT file or folder
 * @throws {BuildError} with file and line when the WIT is wrong
 */
export async function types(wit: string, options: TypesOptions = {}): Promise<WorldTypes> {
  const { sources, description, docs } = await readWorld(resolve(wit), options);
  const { typescript, javascript, declarations } = worldModule(description, docs);
  const files = [sources.main, ...sources.dependencies].flatMap((one) => one.files);
  return {
    world: description.name,
    text: typescript,
    javascript,
    declarations,
    sources: files.map(({ path }) => path),
  };
}

/**
 * The module folders that a project's package.json lists under `tenon`, absolute.
 *
 * @param from a folder of the project; default the working directory
 * @throws {BuildError} when what the package.json says is wrong
 */
export async function projectModules(from: string = "."): Promise<readonly string[]> {
  return moduleFolders(await readProject(resolve(from)));
}
