/**
 * Runtimes that npm's packages carry as binaries, installed once below `node_modules/.cache`, where `npm ci` need not fetch
 * them for everybody.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

const folderOf = (packageName: string, range: string): string =>
  join(root, "node_modules", ".cache", "tenon", `${packageName}-${range}`);

/** The path of a file of that package, where it has been installed. */
export function kept(packageName: string, range: string, file: string): string | undefined {
  const path = join(folderOf(packageName, range), "node_modules", file);
  return existsSync(path) ? path : undefined;
}

/** The path of a file of that package. @throws {Error} when npm cannot install it */
export function installed(packageName: string, range: string, file: string): string {
  const folder = folderOf(packageName, range);
  const there = kept(packageName, range, file);
  if (there !== undefined) return there;
  // Test files that need one package install it beside each other, and the first to be done gives it its name.
  mkdirSync(dirname(folder), { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(made, "package.json"), JSON.stringify({ private: true }));
    const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--silent", `${packageName}@${range}`], {
      cwd: made,
      stdio: "inherit",
    });
    if (status !== 0) throw new Error(`npm could not install ${packageName}@${range}`);
    try {
      renameSync(made, folder);
    } catch (cause) {
      if (kept(packageName, range, file) === undefined) throw cause;
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  const path = kept(packageName, range, file);
  if (path === undefined) throw new Error(`${packageName}@${range} has no ${file}`);
  return path;
}

/** The path of that Node. */
export function nodeOf(major: string): string {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  return installed(name, major, join(name, "bin", process.platform === "win32" ? "node.exe" : "node"));
}
