/**
 * What an import names: a component's file, or a module of the project by its folder or its WIT.
 *
 * Owns telling components from core modules, and modules from other folders. What is neither is left to the bundler.
 */
import { existsSync } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { moduleFolders, readProject, settingsOf } from "../build/config.ts";
import { BuildError } from "../build/errors.ts";
import { findWit } from "../build/find-wit.ts";

/** Something that can be imported as a source. */
export interface Place {
  /** What the import names, absolute: the component, the WIT file or the folder. */
  readonly path: string;
  /** The default name of what is loaded from it. */
  readonly name: string;
  /** The module's folder; absent where the component is ready. */
  readonly folder: string | undefined;
  /** Where TypeScript looks for the types of the import. */
  readonly types: string;
}

/**
 * The file or folder that an import may mean, before anybody looks at it.
 * @param root the folder of paths that begin with a slash and name nothing otherwise
 */
export function pathOf(source: string, importer: string | undefined, root: string): string | undefined {
  if (/[\0?#]|^[a-z][a-z+.-]+:/i.test(source)) return undefined;
  const from = importer === undefined ? undefined : importer.replace(/[?#].*$/, "");
  if (/^\.\.?(?:\/|$)/.test(source)) {
    return from === undefined || !isAbsolute(from) ? undefined : resolve(dirname(from), source);
  }
  if (isAbsolute(source)) return existsSync(source) ? source : join(root, source);
  if (!/\.(?:wasm|wit)$/.test(source)) return undefined;
  try {
    return createRequire(from !== undefined && isAbsolute(from) ? from : join(root, "index.js")).resolve(source);
  } catch {
    return undefined;
  }
}

/**
 * What is at a path; `undefined` where it is the bundler's.
 * @throws {BuildError} for a WIT that belongs to no module
 */
export async function placeAt(path: string): Promise<Place | undefined> {
  if (path.endsWith(".wasm")) return (await isComponent(path)) ? component(path) : undefined;
  if (path.endsWith(".wit")) return existsSync(path) ? world(path) : undefined;
  if (/\.[cm]?[jt]sx?$/.test(path)) return undefined;
  return (await isModuleFolder(path)) ? { path, name: basename(path), folder: path, types: `${path}.d.ts` } : undefined;
}

function component(path: string): Place {
  return {
    path,
    name: basename(path, ".wasm"),
    folder: undefined,
    types: path.replace(/\.wasm$/, ".d.wasm.ts"),
  };
}

async function world(path: string): Promise<Place> {
  const above = dirname(path);
  const beside = [above, ...(basename(above) === "wit" ? [dirname(above)] : [])].find((each) =>
    existsSync(join(each, "index.ts")),
  );
  const folders = beside === undefined ? await implementations(path) : [beside];
  const [folder] = folders;
  if (folder === undefined || folders.length > 1) {
    const message =
      folder === undefined
        ? "No module implements this WIT: there is no index.ts beside it, and no module that package.json lists has it"
        : `Several modules implement this WIT: ${folders.join(", ")}`;
    throw new BuildError([{ file: path, message, hint: "Import the folder of the module that is meant" }]);
  }
  return { path, name: basename(folder), folder, types: path.replace(/\.wit$/, ".d.wit.ts") };
}

/** The modules of the project that are built from a WIT, which stands elsewhere. */
async function implementations(path: string): Promise<string[]> {
  const project = await readProject(dirname(path));
  const found: string[] = [];
  for (const folder of await moduleFolders(project)) {
    const wit = settingsOf(project, folder).wit ?? (await findWit(folder).catch(() => undefined));
    if (wit !== undefined && (wit === path || wit === dirname(path))) found.push(folder);
  }
  return found;
}

/** The eighth byte of the preamble tells the layer: a component, or a core module. */
const COMPONENT: readonly number[] = [0x00, 0x61, 0x73, 0x6d];

async function isComponent(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(8), 0, 8, 0);
    return bytesRead === 8 && COMPONENT.every((byte, at) => buffer[at] === byte) && buffer[6] === 1 && buffer[7] === 0;
  } finally {
    await file.close();
  }
}

/** A folder with an `index.ts` and a WIT of its own or generated bindings, or one that the project lists as a module. */
async function isModuleFolder(path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory() || !existsSync(join(path, "index.ts"))) return false;
  const names = await readdir(path);
  if (names.some((name) => name.endsWith(".wit"))) return true;
  if (names.includes("wit") && (await readdir(join(path, "wit")).catch(() => [])).some((it) => it.endsWith(".wit"))) {
    return true;
  }
  if (names.includes("bindings") && existsSync(join(path, "bindings", "tenon.ts"))) return true;
  return (await moduleFolders(await readProject(path))).includes(path);
}
