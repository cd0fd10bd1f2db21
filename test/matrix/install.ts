/**
 * Runtimes that npm's packages carry as binaries, installed once below `node_modules/.cache`, where `npm ci` need not fetch
 * them for everybody.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The path of a file of that package. @throws {Error} when npm cannot install it */
export function installed(packageName: string, range: string, file: string): string {
  const folder = join(root, "node_modules", ".cache", "tenon", `${packageName}-${range}`);
  const path = join(folder, "node_modules", file);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--silent", `${packageName}@${range}`], {
    cwd: folder,
    stdio: "inherit",
  });
  if (status !== 0 || !existsSync(path)) throw new Error(`npm could not install ${packageName}@${range}`);
  return path;
}
