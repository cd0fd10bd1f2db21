/**
 * Where a module's WIT is when no option names it.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { worldNames } from "../wit/tokens.ts";
import { BuildError } from "./errors.ts";

/**
 * The WIT of a module folder: its own `wit` folder or `.wit` file, else the file or folder with the module's name in a
 * `wit` folder further up, or that folder itself when it has only one world.
 *
 * @throws {BuildError} when there is none
 */
export async function findWit(folder: string): Promise<string> {
  const name = basename(folder);
  if (existsSync(join(folder, "wit"))) return join(folder, "wit");
  const own = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".wit"));
  const [only] = own.includes(`${name}.wit`) ? [`${name}.wit`] : own.length === 1 ? own : [];
  if (only !== undefined) return join(folder, only);
  for (let up = dirname(resolve(folder)); ; up = dirname(up)) {
    for (const candidate of [join(up, "wit", `${name}.wit`), join(up, "wit", name)]) {
      if (existsSync(candidate)) return candidate;
    }
    if (await hasOneWorld(join(up, "wit"))) return join(up, "wit");
    if (up === dirname(up)) break;
  }
  const message = own.length > 1 ? "The module has several .wit files" : `There is no WIT for the module "${name}"`;
  throw new BuildError([{ file: folder, message, hint: "Name the file or folder with --wit" }]);
}

async function hasOneWorld(folder: string): Promise<boolean> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".wit"));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.flatMap(worldNames).length === 1;
}
