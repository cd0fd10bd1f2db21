/** `npm run bench [-- --json]`: the host against hand-written adapters and against jco, in one run. */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Row } from "./measure.ts";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const built = spawnSync(
  process.execPath,
  ["--import", "tsx", fileURLToPath(new URL("../../scripts/house/package.ts", import.meta.url))],
  {
    stdio: ["ignore", "ignore", "inherit"],
  },
);
if (built.status !== 0) process.exit(built.status ?? 1);

const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length };
if (!values.json)
  console.log(`Node ${machine.node} on ${machine.cores} × ${machine.cpu}; medians, all contenders in turn\n`);
// What is measured is the package that was just compiled.
await import("./shipped.ts");
const { runCases } = await import("./cases.ts");
const rows = await runCases(values.json ? () => undefined : print);
if (values.json) console.log(JSON.stringify({ machine, rows }, undefined, 2));

function print({ name, medians, goals }: Row): void {
  console.log(name);
  const isSize = name.endsWith("bytes");
  for (const [contender, value] of Object.entries(medians)) {
    console.log(`  ${contender.padEnd(24)}${(isSize ? `${value} B` : duration(value)).padStart(12)}`);
  }
  for (const { of, to, ratio, goal, met } of goals) {
    console.log(`    ${of} / ${to}: ${format(ratio)} × (aim: ${goal}${met ? "" : ", missed"})`);
  }
}

function duration(ns: number): string {
  if (ns < 1e3) return `${format(ns)} ns`;
  return ns < 1e6 ? `${format(ns / 1e3)} µs` : `${format(ns / 1e6)} ms`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
