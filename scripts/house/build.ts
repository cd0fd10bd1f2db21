/**
 * `npm run build`: every folder of `modules/` becomes a component in `dist/modules/`.
 *
 * All modules are tried, also after one has failed; the exit status is 1 when any did. `--force` builds what has not
 * changed too, `--debug` makes debug builds.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createBuilder } from "../toolchain/build/index.ts";
import { formatFailure, formatResult } from "../toolchain/build/report.ts";
import { packageRoot } from "../toolchain/build/root.ts";

function readOptions(): { force?: boolean | undefined; debug?: boolean | undefined } {
  try {
    return parseArgs({ options: { force: { type: "boolean" }, debug: { type: "boolean" } } }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nUsage: npm run build -- [--force] [--debug]\n`);
    process.exit(2);
  }
}

const { force, debug } = readOptions();
const root = join(packageRoot, "modules");
const names = (await readdir(root, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const builder = createBuilder();
const builds = names.sort().map((name) => {
  const out = join(packageRoot, "dist", "modules", `${name}.wasm`);
  return builder.build({ dir: join(root, name), out, debug, force });
});
for (const build of await Promise.allSettled(builds)) {
  if (build.status === "fulfilled") {
    process.stdout.write(`${formatResult(build.value)}\n`);
  } else {
    process.stderr.write(`${formatFailure(build.reason)}\n`);
    process.exitCode = 1;
  }
}
await builder.close();
