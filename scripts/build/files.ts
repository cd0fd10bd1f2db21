/**
 * Writing files so that nobody ever sees half of one, and content hashes.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

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

/** Makes a folder hold exactly these files; those that are right already keep their time stamps. */
export async function writeFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const wanted = new Map([...files].map(([name, text]) => [join(folder, name), text]));
  const changed = new Map<string, string>();
  for (const [path, text] of wanted) {
    if ((await readFile(path, "utf8").catch(() => undefined)) !== text) changed.set(path, text);
  }
  await writeAllOrNone(changed);
  for (const path of await listFiles(folder)) {
    // Another process may be about to rename its temporary file into place.
    if (!wanted.has(path) && !path.endsWith(".tmp")) await rm(path, { force: true });
  }
}

/** Absolute paths of all files below a folder, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A path as a reader of messages wants it: relative to where they are, unless that is longer. */
export function displayPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") || short === "" ? path : short;
}
