/**
 * `tenon types`: the module of a WIT world as files, once or whenever the WIT changes.
 */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FolderWatch } from "../build/folder-watch.ts";
import { displayPath, writeAllOrNone } from "../build/files.ts";
import { formatFailure } from "../build/report.ts";
import { types, type TypesOptions, type WorldTypes } from "../index.ts";
import { BuildError } from "../build/errors.ts";

/** What a file's ending asks for. @throws {BuildError} when nothing is written as such a file */
function filesOf(out: string, made: WorldTypes): Map<string, string> {
  if (out.endsWith(".d.ts")) {
    return new Map([
      [out, made.declarations],
      [out.replace(/\.d\.ts$/, ".js"), made.javascript],
    ]);
  }
  if (/\.m?ts$/.test(out)) return new Map([[out, made.text]]);
  const hint = "Name it x.ts, or x.d.ts for declarations and JavaScript beside them";
  throw new BuildError([{ file: out, message: "The output is neither a .ts nor a .d.ts file", hint }]);
}

/** Writes the files that have changed. @returns their absolute paths, and what they were made from */
export async function writeTypes(
  wit: string,
  out: string,
  options: TypesOptions,
): Promise<{ readonly files: readonly string[]; readonly sources: readonly string[] }> {
  const made = await types(wit, options);
  const changed = new Map<string, string>();
  for (const [path, text] of filesOf(resolve(out), made)) {
    if ((await readFile(path, "utf8").catch(() => undefined)) !== text) changed.set(path, text);
  }
  await writeAllOrNone(changed);
  return { files: [...changed.keys()], sources: made.sources };
}

/** Milliseconds of quiet before the WIT is read again. */
const QUIET_MS = 20;

/** Writes again what changes until the process is interrupted. @returns the exit status */
export async function watchTypes(
  wit: string,
  out: string,
  options: TypesOptions,
  streams: { out(text: string): void; err(text: string): void },
): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  let told = "";
  let running = Promise.resolve();
  const write = (): void => void (running = running.then(once));
  const folders = new FolderWatch(
    (path) => {
      if (!path.endsWith(".wit") && !path.endsWith("deps")) return;
      clearTimeout(timer);
      timer = setTimeout(write, QUIET_MS);
    },
    () => {},
  );
  let sources: readonly string[] = [resolve(wit, "x.wit"), resolve(wit)];
  async function once(): Promise<void> {
    try {
      const made = await writeTypes(wit, out, options);
      sources = [...made.sources, resolve(wit, "x.wit")];
      for (const file of made.files) streams.out(`${displayPath(file)}\n`);
      told = "";
    } catch (error) {
      const words = formatFailure(error);
      if (words !== told) streams.err(`${words}\n`);
      told = words;
    }
    if (folders.set(new Set(sources.map(dirname)))) write();
  }
  write();
  await new Promise<void>((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, done);
  });
  clearTimeout(timer);
  await running;
  folders.close();
  return 0;
}
