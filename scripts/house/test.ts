/**
 * `npm test`: builds what the tests load, finds or installs Chromium, and runs vitest with whatever arguments came.
 *
 * A test never skips because an artifact is missing: what cannot be built fails the run here.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensureChromium } from "./chromium.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

function run(title: string, parameters: readonly string[]): void {
  const started = performance.now();
  const { status, error } = spawnSync(process.execPath, parameters, { cwd: root, stdio: "inherit" });
  if (status === 0) {
    console.log(`${title} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  console.error(`${title} failed${error === undefined ? "" : `: ${error.message}`}`);
  process.exit(status ?? 1);
}

// A few arguments keep the run small, and then a browser may not be needed at all.
const wanted = process.argv.slice(2);
const projects = wanted.flatMap((argument, index) => (argument === "--project" ? [wanted[index + 1]] : []));
try {
  if (projects.length === 0 || projects.includes("browser")) {
    process.env["CHROMIUM_PATH"] = ensureChromium((line) => console.log(line));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
run("Compiling the package", ["--import", "tsx", "scripts/house/package.ts"]);
run("Building the modules", ["--import", "tsx", "scripts/house/build.ts"]);
const { status } = spawnSync(process.execPath, [vitest, "run", "--config", "test/vitest.config.ts", ...wanted], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
