/**
 * What a project says of its modules: the key `tenon` of its package.json.
 *
 * Owns reading, checking and changing that key; paths in it are relative to the package.json.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { nearestName } from "../../../host/model/nearest.ts";
import { BuildError, type BuildIssue, position } from "./errors.ts";
import { writeAllOrNone } from "./files.ts";

/** What may be said of one module, or of all that do not say it themselves. Paths are absolute once read. */
export interface ModuleSettings {
  /** WIT file or folder. */
  readonly wit?: string | undefined;
  /** The world's name. */
  readonly world?: string | undefined;
  /** Feature gates of the WIT that are open. */
  readonly features?: readonly string[] | "all" | undefined;
  /** The folder for the component and its declarations. */
  readonly outDir?: string | undefined;
  /** Options of AssemblyScript's compiler. */
  readonly asc?: readonly string[] | undefined;
  /** Transforms of AssemblyScript's compiler: paths, or modules of packages. */
  readonly transforms?: readonly string[] | undefined;
}

/** The key `tenon`, read. */
export interface Project {
  /** The folder of the package.json. */
  readonly root: string;
  /** Its package.json; nothing when the project says nothing of modules. */
  readonly file: string | undefined;
  /** Module folders, or patterns that end in `/*`, with what is said of each. */
  readonly modules: ReadonlyMap<string, ModuleSettings>;
  /** What is said of all modules. */
  readonly shared: ModuleSettings;
}

const settingNames = ["wit", "world", "features", "outDir", "asc", "transforms"] as const;

/** The project that a folder belongs to: that of the nearest package.json. @throws {BuildError} when its key is wrong */
export async function readProject(from: string): Promise<Project> {
  const file = nearestManifest(from);
  const root = file === undefined ? resolve(from) : dirname(file);
  const none: Project = { root, file: undefined, modules: new Map(), shared: {} };
  if (file === undefined) return none;
  const text = await readFile(file, "utf8");
  const manifest = parse(text, file);
  return manifest["tenon"] === undefined ? none : new Reader(file, text).read(manifest["tenon"]);
}

/** What a project says of a module folder: its own settings above those of a pattern above those of all. */
export function settingsOf({ root, modules, shared }: Project, folder: string): ModuleSettings {
  const own = modules.get(resolve(folder)) ?? {};
  const pattern = modules.get(join(dirname(resolve(folder)), "*")) ?? {};
  const said = { ...shared, ...pattern, ...own };
  const place = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(root, path);
  const transforms = said.transforms?.map((name) => absolute(root, name));
  return { ...said, wit: place(said.wit), outDir: place(said.outDir), transforms };
}

/** The path of what is named by a path; the name of a package's module stays. */
export function absolute(from: string, name: string): string {
  return name.startsWith(".") ? resolve(from, name) : name;
}

/** The module folders of a project, absolute and sorted; of a pattern those that have an `index.ts`. */
export async function moduleFolders({ modules }: Project): Promise<string[]> {
  const found = new Set<string>();
  for (const place of modules.keys()) {
    if (!place.endsWith(`${sep}*`)) {
      found.add(place);
      continue;
    }
    const parent = dirname(place);
    for (const entry of await readdir(parent, { withFileTypes: true }).catch(() => [])) {
      const folder = join(parent, entry.name);
      if (entry.isDirectory() && existsSync(join(folder, "index.ts"))) found.add(folder);
    }
  }
  return [...found].sort();
}

/**
 * Notes a module in the project's package.json, so that commands need not be told of it again. What is said there already
 * is left; the file keeps its indentation.
 *
 * @returns the package.json, or `undefined` when the folder is in no project
 */
export async function rememberModule(folder: string, settings: ModuleSettings): Promise<string | undefined> {
  const file = nearestManifest(dirname(resolve(folder)));
  if (file === undefined) return undefined;
  const text = await readFile(file, "utf8");
  const manifest = parse(text, file);
  const project = await readProject(dirname(file));
  const known = settingsOf(project, folder);
  const root = dirname(file);
  const said = Object.fromEntries(
    Object.entries(settings)
      .filter(
        ([name, value]) =>
          value !== undefined && JSON.stringify(value) !== JSON.stringify(known[name as keyof ModuleSettings]),
      )
      .map(([name, value]) => [name, name === "wit" || name === "outDir" ? portable(root, String(value)) : value]),
  );
  const covered = project.modules.has(resolve(folder)) || project.modules.has(join(dirname(resolve(folder)), "*"));
  if (covered && Object.keys(said).length === 0) return file;
  const key = (manifest["tenon"] ?? {}) as Record<string, unknown>;
  const place = portable(root, folder);
  const { modules = [] } = key as { modules?: readonly string[] | Record<string, object> };
  // A list says nothing of each: as soon as something is to be said it becomes an object.
  const listed = Array.isArray(modules) && Object.keys(said).length === 0;
  const entries = Array.isArray(modules)
    ? modules.map((one: string): [string, object] => [one, {}])
    : Object.entries(modules);
  key["modules"] = listed
    ? [...(modules as readonly string[]), place]
    : { ...Object.fromEntries(entries), [place]: { ...Object.fromEntries(entries)[place], ...said } };
  manifest["tenon"] = key;
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? "  ";
  await writeAllOrNone(new Map([[file, `${JSON.stringify(manifest, null, indent)}\n`]]));
  return file;
}

function portable(root: string, path: string): string {
  return relative(root, resolve(path)).replaceAll(sep, "/") || ".";
}

function nearestManifest(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) return undefined;
  }
}

function parse(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    const issue = { file, message: `The package.json is no JSON: ${(cause as Error).message}` };
    throw new BuildError([issue], { cause });
  }
}

/** Checks the key part by part; the first thing that is wrong ends it, with its line. */
class Reader {
  private readonly file: string;
  private readonly text: string;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  read(value: unknown): Project {
    const root = dirname(this.file);
    const { modules = [], ...shared } = this.object("tenon", value, ["modules", ...settingNames]);
    const entries = Array.isArray(modules)
      ? modules.map((place): [unknown, unknown] => [place, {}])
      : Object.entries(this.object("modules", modules));
    const places = entries.map(([place, settings]): [string, ModuleSettings] => {
      if (typeof place !== "string") throw this.wrong("modules", "a list of folders", place);
      const star = place.replace(/[/\\]\*$/, "");
      if (star.includes("*")) throw this.wrong(place, "a folder, or one that ends in /* for all folders in it", place);
      const path = resolve(root, star);
      return [star === place ? path : join(path, "*"), this.settings(place, settings)];
    });
    return { root, file: this.file, modules: new Map(places), shared: this.settings("tenon", shared) };
  }

  private settings(name: string, value: unknown): ModuleSettings {
    const said = this.object(name, value, settingNames);
    for (const key of ["wit", "world", "outDir"]) {
      if (said[key] !== undefined && typeof said[key] !== "string") throw this.wrong(key, "a string", said[key]);
    }
    for (const [key, wanted] of [
      ["features", 'a list of names, or "all"'],
      ["asc", "a list of options"],
      ["transforms", "a list of paths or modules"],
    ] as const) {
      const value = said[key];
      const listed = Array.isArray(value) && value.every((one) => typeof one === "string");
      if (value !== undefined && !listed && !(key === "features" && value === "all"))
        throw this.wrong(key, wanted, value);
    }
    return said as ModuleSettings;
  }

  private object(name: string, value: unknown, known?: readonly string[]): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.wrong(name, "an object", value);
    for (const key of Object.keys(value)) {
      if (known === undefined || known.includes(key)) continue;
      const near = nearestName(key, known);
      const message = `Unknown setting "${key}" under \`tenon\``;
      const hint = near === undefined ? `There are ${known.join(", ")}` : `Did you mean "${near}"?`;
      throw new BuildError([{ ...this.place(key), message, hint }]);
    }
    return value as Record<string, unknown>;
  }

  private wrong(name: string, wanted: string, found: unknown): BuildError {
    return new BuildError([
      { ...this.place(name), message: `Expected "${name}" to be ${wanted}, got ${JSON.stringify(found)}` },
    ]);
  }

  /** Where a key stands: JSON's own parser does not tell. */
  private place(key: string): Pick<BuildIssue, "file" | "line" | "column"> {
    const start = Math.max(0, this.text.indexOf('"tenon"'));
    const at = this.text.indexOf(JSON.stringify(key), start);
    return { file: this.file, ...position(this.text, at < 0 ? start : at) };
  }
}
