/** What limits cost: kernels of real work with a deadline and without, how late an endless loop ends, how fast code is rewritten. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { meterModule } from "../../host/instrument/meter.ts";
import { compile, type Limits } from "../../host/node/index.ts";
import { build } from "../../scripts/toolchain/index.ts";
import { compare, type Goal, type Medians, type Row } from "./measure.ts";

type Kernels = Record<string, (count: number) => unknown>;

/** Sizes that take about a millisecond each. */
const kernels: Readonly<Record<string, number>> = {
  sort: 8_000,
  hash: 1_000_000,
  matrix: 80,
  parse: 20_000,
  strings: 8_000,
  fib: 24,
  sieve: 150_000,
  lookup: 30_000,
};
const DEADLINE_MS = 50;

export async function limitRows(
  makeRow: (name: string, medians: Medians, goals: readonly Goal[]) => Row,
): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-kernels-"));
  try {
    const dir = fileURLToPath(new URL("module", import.meta.url));
    const { component } = await build({ dir, out: join(folder, "kernels.wasm"), cache: false });
    const bytes = new Uint8Array(await readFile(component));
    const instance = async (limits: Limits): Promise<Kernels> => {
      const made = await compile(bytes, { limits });
      return made.instantiateSync().exports as Kernels;
    };
    const free = await instance({});
    const limited = await instance({ timeoutMs: 60_000 });
    const measured = await instance({ stackBytes: 900_000 });
    const rows: Row[] = [];
    const all: Medians[] = [];
    for (const [name, count] of Object.entries(kernels)) {
      const medians = await compare([
        { name: "no limit", run: () => free[name]!(count) },
        { name: "timeoutMs", run: () => limited[name]!(count) },
        { name: "stackBytes", run: () => measured[name]!(count) },
      ]);
      all.push(medians);
      rows.push(makeRow(`limits: ${name}`, medians, []));
    }
    // The kernel in the middle stands for all.
    const ratio = (medians: Medians): number => medians["timeoutMs"]! / medians["no limit"]!;
    const middle = [...all].sort((a, b) => ratio(a) - ratio(b))[all.length >> 1]!;
    rows.push(makeRow("limits: the median kernel", middle, [["timeoutMs", "no limit", "at most", 1.5]]));
    rows.push(
      makeRow(`limits: an endless loop with ${DEADLINE_MS} ms`, await endings(instance), [
        ["ended", "limit", "at most", 1.1],
      ]),
    );
    rows.push(makeRow("limits: rewriting a megabyte", await rewriting(), []));
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function endings(instance: (limits: Limits) => Promise<Kernels>): Promise<Medians> {
  const took: number[] = [];
  for (let turn = 0; turn < 9; turn++) {
    const guest = await instance({ timeoutMs: DEADLINE_MS });
    const began = performance.now();
    try {
      guest["spin"]!(0);
    } catch {
      took.push((performance.now() - began) * 1e6);
    }
  }
  return { ended: took.sort((a, b) => a - b)[took.length >> 1]!, limit: DEADLINE_MS * 1e6 };
}

/** The largest module of other people that is at hand: the WebAssembly of wasm-tools. */
async function rewriting(): Promise<Medians> {
  const tools = createRequire(import.meta.url).resolve("@bytecodealliance/jco-transpile");
  const path = join(
    tools.slice(0, tools.lastIndexOf("jco-transpile")),
    "jco-transpile",
    "vendor",
    "wasm-tools.core.wasm",
  );
  const module = new Uint8Array(await readFile(path));
  const medians = await compare([
    { name: "tenon", run: () => meterModule(module, { counts: true }) },
    { name: "compile", run: () => WebAssembly.compile(module) },
  ]);
  const megabytes = module.length / 2 ** 20;
  return Object.fromEntries(Object.entries(medians).map(([name, ns]) => [name, ns / megabytes]));
}
