/**
 * Writing files so that nobody ever sees half of one, and content hashes.
 */
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isGenerated } from "../guest/writer.ts";
import { BuildError } from "./errors.ts";

/** SHA-256 as lower-case hex, of parts that cannot run into each other. */
export function hashOf(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(`${part.length}:`);
    hash.update(part);
  }
  return hash.digest("hex");
}

/** The hash of a file's contents; `undefined` when there is none. */
export async function hashFile(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes === undefined ? undefined : hashOf([bytes]);
}

let lastTemporary = 0;

/** Writes all of the files or none: each beside its place first, then all are renamed into theirs. */
export async function writeAllOrNone(files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const staged: [string, string][] = [];
  try {
    for (const [path, contents] of files) {
      const temporary = `${path}.${process.pid}-${++lastTemporary}.tmp`;
      await mkdir(dirname(path), { recursive: true });
      staged.push([temporary, path]);
      await writeFile(temporary, contents);
    }
    for (const [temporary, path] of staged) await rename(temporary, path);
  } catch (error) {
    await Promise.all(staged.map(([temporary]) => rm(temporary, { force: true })));
    throw error;
  }
}

/**
 * Makes the generated files of a folder exactly these; those that are right already keep their time stamps.
 *
 * The folder stands among what an author wrote, so only files that say they were generated are written over or deleted.
 *
 * @throws {BuildError} when the folder is a link or no folder, or a file that has to be written is somebody else's
 */
export async function writeGenerated(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const info = await lstat(folder).catch(() => undefined);
  if (info !== undefined && !info.isDirectory()) {
    const what = info.isSymbolicLink() ? "a link" : "no folder";
    const hint = "Files are written and deleted there: move it away, and the build makes the folder";
    throw new BuildError([{ file: folder, message: `The folder of generated bindings is ${what}`, hint }]);
  }
  // Not what it stands in: a module's folder that has just been moved away is not made again.
  if (info === undefined) await mkdir(folder);
  const changed = new Map<string, string>();
  for (const [name, text] of files) {
    const path = join(folder, name);
    const before = await readFile(path, "utf8").catch(() => undefined);
    if (before === text) continue;
    if (before !== undefined && !isGenerated(before)) {
      const message = "A file that was not generated stands where one has to be written";
      throw new BuildError([{ file: path, message, hint: "Move it out of the folder of generated bindings" }]);
    }
    changed.set(path, text);
  }
  // Made again by every build: nobody commits it. An author who thinks otherwise changes the file, and it stays so.
  const ignore = join(folder, ".gitignore");
  if (info === undefined) changed.set(ignore, "*\n");
  await writeAllOrNone(changed);
  for (const entry of info === undefined ? [] : await readdir(folder, { withFileTypes: true })) {
    // Not the temporary file that another process is about to rename into its place.
    if (!entry.isFile() || !entry.name.endsWith(".ts") || files.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (isGenerated(await readFile(path, "utf8").catch(() => ""))) await rm(path, { force: true });
  }
}

/** A path as a reader of messages wants it: relative to where they are, unless that is longer. */
export function displayPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") || short === "" ? path : short;
}
