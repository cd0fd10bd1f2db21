/**
 * `npm run dev`: a local page that shows the modules running, and swaps them while their sources are edited.
 *
 * `npm run dev -- [--port N] [--modules DIR] [--wit DIR] [--optimize] [FILE.wasm …]`; the files are components that are shown as
 * they are, and loaded again when they change.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Update } from "../toolchain/dev/protocol.ts";
import { startDevServer } from "../toolchain/dev/server.ts";

const USAGE = "npm run dev -- [--port N] [--modules DIR] [--wit DIR] [--optimize] [FILE.wasm ...]";
const root = resolve(import.meta.dirname, "..", "..");

function usage(message: string): never {
  console.error(`${message}\nUsage: ${USAGE}`);
  process.exit(2);
}

function readArguments(): {
  values: { port?: string; modules: string; wit: string; optimize: boolean; help: boolean };
  positionals: string[];
} {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: "string" },
        modules: { type: "string", default: join(root, "modules") },
        wit: { type: "string", default: join(root, "wit") },
        optimize: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    usage((error as Error).message);
  }
}

function tell(update: Update): void {
  if (update.kind === "built") {
    const stages = update.stages.map(([stage, ms]) => `${stage} ${ms.toFixed(0)} ms`).join(", ");
    console.log(`  built    ${update.name}  ${update.hash.slice(0, 12)}  ${stages === "" ? "unchanged" : stages}`);
  } else if (update.kind === "failed") {
    for (const { file, line, column, message, hint } of update.issues) {
      const place = [file, line, column].filter((part) => part !== undefined).join(":");
      console.error(
        `  failed   ${update.name}  ${place}: ${message}${hint === undefined ? "" : `\n           ${hint}`}`,
      );
    }
  } else if (update.kind === "removed") {
    console.log(`  removed  ${update.name}`);
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(`Usage: ${USAGE}`);
  process.exit(0);
}
const port = values.port === undefined ? undefined : Number(values.port);
if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
  usage(`Expected --port to be a number from 0 to 65535, got ${values.port}`);
}

const server = await startDevServer({
  ...{ modules: values.modules, wit: values.wit, components: positionals, optimize: values.optimize, port },
  out: join(root, "dist", "dev"),
  onUpdate: tell,
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
console.log(`\n  tenon dev  ${server.url}\n  Save a module's source and the open page takes it over. Ctrl+C ends.\n`);
// Vite minds SIGTERM by itself.
process.once("SIGINT", () => void server.close().then(() => process.exit(0)));
