/**
 * How the tests start workers in Node: from a bundle of the worker's first module, since Node 20 reads no TypeScript. It stands
 * in for `host/node/thread.ts`, which the tests of the package use as it is.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import { threadsOf } from "../../host/node/channel.ts";

const directory = mkdtempSync(join(tmpdir(), "tenon-worker-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const entry = join(directory, "worker.mjs");
buildSync({
  entryPoints: [fileURLToPath(new URL("../../host/node/worker.ts", import.meta.url))],
  outfile: entry,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "silent",
});

export const threads: ReturnType<typeof threadsOf> = threadsOf((options) => new Worker(entry, options));
