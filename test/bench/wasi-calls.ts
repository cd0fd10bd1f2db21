/**
 * Calls of WASI from one component, on one side: `tenon/wasi`, or preview2-shim under this host or under jco's glue.
 *
 * Called as `wasi-calls.ts SIDE FILE` with its standard output thrown away, which is what the component writes to; prints
 * nanoseconds of a call as JSON to standard error.
 */
import { readFile } from "node:fs/promises";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import { compile } from "../../host/node/index.ts";
import { wasi } from "../../host/node/wasi.ts";
import { jcoComponent } from "../../scripts/toolchain/wasm-tools.ts";
import type { Guest } from "../node/wasi/guest.ts";
import { compare } from "./measure.ts";

const TIMES = 1_000;

const [, , side, file] = process.argv;
const bytes = new Uint8Array(await readFile(file!));
const exports = await start();
const medians = await compare([
  { name: "monotonic-clock.now", run: () => exports.now(TIMES) },
  { name: "wall-clock.now", run: () => exports.wall(TIMES) },
  { name: "random.get-random-u64", run: () => exports.random(TIMES) },
  { name: "16 bytes to stdout", run: () => exports.write(TIMES) },
]);
for (const name of Object.keys(medians)) medians[name]! /= TIMES;
process.stderr.write(JSON.stringify(medians), () => process.exit(0));

async function start(): Promise<Guest["exports"]> {
  if (side === "tenon/wasi") {
    const component = await compile(bytes);
    const imports = await wasi({ stdout: "inherit" })({ module: "bench", component });
    return (await component.instantiate(imports)).exports as never;
  }
  const shim = new WASIShim().getImportObject() as object as Record<string, never>;
  if (side === "preview2-shim") return (await (await compile(bytes)).instantiate(shim)).exports as never;
  return (await jcoComponent(bytes)).instantiate(shim) as never;
}
