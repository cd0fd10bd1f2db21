/**
 * `npm run build:package`: compiles what `npm pack` ships into `dist/host` and `dist/scripts`.
 *
 * Owns the step from TypeScript to files a consumer loads; what belongs to the package is what the three entry points
 * of the host reach.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

for (const folder of ["host", "scripts"]) rmSync(join(root, "dist", folder), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, "-p", "host/tsconfig.package.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

// The compiler rewrites `.ts` in JavaScript but leaves it in declarations, where not every tool follows it.
for (const folder of ["host", "scripts"]) {
  for (const entry of readdirSync(join(root, "dist", folder), { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".d.ts")) continue;
    const path = join(root, "dist", folder, entry);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(/((?:from|import)\s*\(?\s*["']\.[^"']*)\.ts(["'])/g, "$1.js$2"));
  }
}
