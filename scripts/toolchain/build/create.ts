/**
 * `tenon new`: the skeleton of a module, with every export present and trapping with "not implemented".
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { readWorld } from "../wit/world.ts";
import { BuildError } from "./errors.ts";
import { displayPath, writeAllOrNone, writeGenerated } from "./files.ts";
import { findWit } from "./find-wit.ts";
import { generate } from "./index.ts";

export interface CreateOptions {
  /** The folder to make; it may exist but not hold a module. */
  readonly dir: string;
  readonly wit: string;
  readonly world?: string | undefined;
  readonly features?: readonly string[] | "all" | undefined;
}

export interface Created {
  /** Absolute paths of what was written for the author, `index.ts` first. */
  readonly files: readonly string[];
  readonly world: string;
  /** The command that builds the module. */
  readonly build: string;
}

/** Writes a module's skeleton and its bindings. @throws {BuildError} when there is a module already, or the WIT is wrong */
export async function createModule({ dir, wit, world, features }: CreateOptions): Promise<Created> {
  const folder = resolve(dir);
  const index = join(folder, "index.ts");
  if (existsSync(index)) {
    const hint = "Choose another folder, or build the module that is there with `tenon build`";
    throw new BuildError([{ file: index, message: "There is a module already", hint }]);
  }
  const read = await readWorld(wit, { world, preferred: basename(folder), features });
  const guest = generate(read);
  const files = new Map([...guest.skeleton].map(([name, text]) => [join(folder, name), text]));
  for (const path of files.keys()) {
    if (existsSync(path))
      throw new BuildError([{ file: path, message: "The file is there already", hint: "Choose another folder" }]);
  }
  await writeGenerated(join(folder, "bindings"), guest.files);
  await writeAllOrNone(files);
  const ordered = [...files.keys()].sort((a, b) => Number(b === index) - Number(a === index));
  return { files: ordered, world: read.description.name, build: await buildCommand(folder, wit, read.name, world) };
}

/** The shortest command that builds it: what `tenon build` finds by itself need not be said. */
async function buildCommand(folder: string, wit: string, name: string, world: string | undefined): Promise<string> {
  const found = await findWit(folder).catch(() => undefined);
  const parts = ["tenon build", displayPath(folder)];
  if (found !== resolve(wit)) parts.push("--wit", wit);
  if (world !== undefined && name !== basename(folder)) parts.push("--world", world);
  return parts.join(" ");
}
