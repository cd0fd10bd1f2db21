/**
 * `npm run fuzz -- [--mutants N] [--seed N] [FILE …]`: a long run of mutated components in one process.
 *
 * Each mutant is scanned, decoded, validated, planned, written as text and evaluated, as far as it gets; core modules are
 * not compiled. Prints the rate, how mutants ended, and the slowest; status 1 when any ended in an error that the host
 * does not promise. Starts from the components of the tests, the built modules below `dist`, and the files given.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { emitBindings } from "../../host/bindings/emit.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { shellOf } from "../../host/runtime/shell.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { chooseSeed } from "../seed.ts";
import { crafted } from "./crafted.ts";
import { mutate, randomFrom, type Range } from "./mutate.ts";
import { isPromised, originals, outsideCoreModules } from "./originals.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { mutants: { type: "string", default: "1000000" }, seed: { type: "string" } },
});
const total = Number(values.mutants);
const seed = chooseSeed({ TENON_SEED: values.seed ?? process.env["TENON_SEED"] ?? "fresh" });
const REPORT_EVERY_MS = 10_000;
const MOST_FAULTS = 20;
// Most mutants end in an error, and its stack costs more than finding the fault did.
Error.stackTraceLimit = 0;

interface Original {
  readonly bytes: Uint8Array;
  readonly all: readonly Range[];
  readonly outside: readonly Range[];
}

async function collect(): Promise<readonly Original[]> {
  const built = fileURLToPath(new URL("../../dist/modules/", import.meta.url));
  const files = existsSync(built) ? readdirSync(built).filter((name) => name.endsWith(".wasm")) : [];
  const components = [
    ...(await originals(seed)),
    ...(await Promise.all(crafted.map((fields) => parseWat(`(component ${fields})`)))),
    ...[...files.map((name) => join(built, name)), ...positionals].map((path) => new Uint8Array(readFileSync(path))),
  ];
  return components.map((bytes) => ({
    bytes,
    all: [{ start: 8, end: bytes.length }],
    outside: outsideCoreModules(bytes),
  }));
}

/** How long a mutant takes by the better of two runs, as one may have waited for other programs. */
function againInMs(mutant: Uint8Array): number {
  const before = performance.now();
  try {
    end(mutant);
  } catch {
    // Judged the first time.
  }
  return performance.now() - before;
}

/** How far a mutant gets. */
function end(mutant: Uint8Array): string {
  shellOf(mutant);
  const text = emitBindings(analyze(mutant).plan);
  new Function(text);
  return "text";
}

const list = await collect();
const random = randomFrom(seed);
const ends = new Map<string, number>();
let faults = 0;
let slowest = { ms: 0, hex: "" };
console.log(`seed ${seed}, ${list.length} originals, ${total} mutants`);

const started = performance.now();
let reported = started;
function report(done: number): void {
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = process.cpuUsage().user / 1e6;
  const kinds = [...ends].sort().map(([name, count]) => `${name} ${count}`);
  console.log(
    `${done} mutants in ${seconds.toFixed(0)} s, ${Math.round(done / seconds)} a second (${Math.round(done / cpuSeconds)} of CPU time); ` +
      `${kinds.join(", ")}; ` +
      `${faults} faults; slowest ${slowest.ms.toFixed(0)} ms; ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
  );
}

for (let done = 1; done <= total && faults < MOST_FAULTS; done++) {
  const original = list[Math.floor(random() * list.length)]!;
  const donor = list[Math.floor(random() * list.length)]!;
  // Code is most of a real component, and changes of it are the engine's to judge.
  const mutant = mutate(original.bytes, random() < 0.9 ? original.outside : original.all, random, donor.bytes);
  const before = performance.now();
  let name: string;
  try {
    name = end(mutant);
  } catch (error) {
    name = error instanceof Error ? error.name : "not an error";
    if (!isPromised(error, [DecodeError, UnsupportedError], mutant)) {
      faults++;
      console.error(`Mutant ${Buffer.from(mutant).toString("hex")} gave`, error);
    }
  }
  const after = performance.now();
  ends.set(name, (ends.get(name) ?? 0) + 1);
  if (after - before > slowest.ms) {
    const ms = Math.min(after - before, againInMs(mutant));
    if (ms > slowest.ms) slowest = { ms, hex: Buffer.from(mutant).toString("hex") };
  }
  if (after - reported > REPORT_EVERY_MS) {
    reported = after;
    report(done);
  }
}
report([...ends.values()].reduce((sum, count) => sum + count, 0));
console.log(`The slowest mutant: ${slowest.hex.length > 4000 ? `${slowest.hex.length / 2} bytes` : slowest.hex}`);
process.exitCode = faults === 0 ? 0 : 1;
