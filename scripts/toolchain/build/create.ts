/**
 * `tenon new`: the skeleton of a module, with every export present and trapping with "not implemented".
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { readWorld } from "../wit/world.ts";
import { readProject, rememberModule, settingsOf } from "./config.ts";
import { BuildError } from "./errors.ts";
import { displayPath, writeAllOrNone, writeGenerated } from "./files.ts";
import { findWit } from "./find-wit.ts";
import { generate } from "./index.ts";

export interface CreateOptions {
  /** The folder to make; it may exist but not hold a module. */
  readonly dir: string;
  /** WIT file or folder. Default: where a build would find it. */
  readonly wit?: string | undefined;
  readonly world?: string | undefined;
  readonly features?: readonly string[] | "all" | undefined;
}

export interface Created {
  /** Absolute paths of what was written for the author, `index.ts` first. */
  readonly files: readonly string[];
  readonly world: string;
  /** The package.json that the module was noted in; `undefined` outside of any project. */
  readonly noted: string | undefined;
  /** The project's tsconfig.json, when it takes every file and so takes the module for TypeScript of its own. */
  readonly takenBy: string | undefined;
  /** The command that builds the module. */
  readonly build: string;
}

/**
 * Writes a module's skeleton and its bindings, and notes the module in the project's package.json.
 *
 * @throws {BuildError} when there is a module already, or the WIT is wrong
 */
export async function createModule(options: CreateOptions): Promise<Created> {
  const folder = resolve(options.dir);
  const index = join(folder, "index.ts");
  if (existsSync(index)) {
    const hint = "Choose another folder, or build the module that is there with `tenon build`";
    throw new BuildError([{ file: index, message: "There is a module already", hint }]);
  }
  const known = settingsOf(await readProject(dirname(folder)), folder);
  const { world = known.world, features = known.features } = options;
  const wit = options.wit ?? known.wit ?? (await findWit(folder));
  const read = await readWorld(wit, { world, preferred: basename(folder), features });
  const guest = generate(read);
  const files = new Map([...guest.skeleton].map(([name, text]) => [join(folder, name), text]));
  for (const path of files.keys()) {
    if (existsSync(path))
      throw new BuildError([{ file: path, message: "The file is there already", hint: "Choose another folder" }]);
  }
  await mkdir(folder, { recursive: true });
  await writeGenerated(join(folder, "bindings"), guest.files);
  await writeAllOrNone(files);
  const ordered = [...files.keys()].sort((a, b) => Number(b === index) - Number(a === index));
  const found = await findWit(folder).catch(() => undefined);
  const said = {
    // What a build finds by itself need not be said.
    wit: found === resolve(wit) ? undefined : resolve(wit),
    world: world === undefined || read.name === basename(folder) ? undefined : read.name,
    features,
  };
  const noted = await rememberModule(folder, said);
  const flags = [
    ...(said.wit === undefined ? [] : ["--wit", wit]),
    ...(said.world === undefined ? [] : ["--world", said.world]),
  ];
  const command = ["tenon build", displayPath(folder), ...(noted === undefined ? flags : [])].join(" ");
  const takenBy = noted === undefined ? undefined : await takingAll(dirname(noted));
  return { files: ordered, world: read.description.name, noted, takenBy, build: command };
}

/** A folder's tsconfig.json that does not say which files it is about. */
async function takingAll(folder: string): Promise<string | undefined> {
  const file = join(folder, "tsconfig.json");
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined || /"(?:include|exclude|files)"\s*:/.test(text) ? undefined : file;
}
