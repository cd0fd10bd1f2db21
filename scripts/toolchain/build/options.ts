/**
 * What a build is asked for, and what the project's package.json adds to it.
 */
import { basename, join, resolve } from "node:path";
import { readProject, settingsOf } from "./config.ts";

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
  /** Keep function names, for readable frames. Default `false`. */
  readonly debug?: boolean | undefined;
  /** Default `true`. */
  readonly optimize?: boolean | undefined;
  /** Build even when nothing has changed. Default `false`. */
  readonly force?: boolean | undefined;
  /** Feature gates of the WIT that are open. Default: what the project's package.json says, else none. */
  readonly features?: readonly string[] | "all" | undefined;
}

/** The options of one build, with what the project says filled in. */
export type Settled = Omit<BuildOptions, "outDir"> & { readonly out: string; readonly project: string | undefined };

/** Where a module's component is put that nothing says a place for: beside its sources, in a folder that may be thrown away. */
const defaultOut = "build";

/** What a build of these options is about, with the project's own settings for the module. */
export async function settled({ outDir, ...options }: BuildOptions): Promise<Settled> {
  const folder = resolve(options.dir);
  const project = await readProject(folder);
  const { outDir: said = join(folder, defaultOut), ...settings } = settingsOf(project, folder);
  const { wit = settings.wit, world = settings.world, features = settings.features } = options;
  const out = options.out ?? join(resolve(outDir ?? said), `${basename(folder)}.wasm`);
  return { ...options, wit, world, features, out, project: project.file };
}
