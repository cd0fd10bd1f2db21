/**
 * `npm run test:matrix`: the tests on every Node that tenon supports, and the program beside this file on newer Nodes and on
 * the other runtimes: Deno, Bun and browsers.
 *
 * npm's own packages carry most binaries; they are installed once, below `node_modules/.cache`. `--node 22` and `--runtime
 * Firefox` (or `"Node 22"`; both repeatable) run only those; arguments after `--` go to vitest. Status 1 when any failed or could not be
 * had. What differs between the engines is printed, and the README's table has to say the same.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { nodeOf } from "./install.ts";
import { runtimes } from "./runtimes.ts";
import { disagreements } from "./table.ts";

const MAJORS: readonly string[] = ["20", "22", "24", "26"];
const names = runtimes.map(({ name }) => name);

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values, positionals } = parseArgs({
  options: { node: { type: "string", multiple: true }, runtime: { type: "string", multiple: true } },
  allowPositionals: true,
});
const all = values.node === undefined && values.runtime === undefined;
const wanted = { nodes: values.node ?? (all ? MAJORS : []), runtimes: values.runtime ?? (all ? names : []) };
const unknown = [
  ...wanted.nodes.filter((major) => !MAJORS.includes(major)),
  ...wanted.runtimes.filter((name) => !names.includes(name)),
];
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: the matrix has Node ${MAJORS.join(", ")}, and ${names.join(", ")}`);
  process.exit(2);
}

interface Row {
  readonly name: string;
  readonly line: string;
  readonly seconds: number;
  readonly failed: boolean;
}

/** Runs vitest on one Node; everything it starts by the name `node` is that Node too. */
function runOn(node: string): Row {
  const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`\n── Node ${version} ──`);
  const began = performance.now();
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const projects = ["--project", "node", "--project", "memory"];
  const run = spawnSync(node, [vitest, "run", "--config", "test/vitest.config.ts", ...projects, ...positionals], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1" },
  });
  const failed = run.status !== 0;
  if (failed) console.log(run.stdout + run.stderr);
  const line = run.stdout.trimEnd().split("\n").at(-1) ?? "no output";
  console.log(line);
  return { name: `Node ${version}`, line, seconds: (performance.now() - began) / 1000, failed };
}

for (const script of ["package.ts", "build.ts"]) {
  const built = spawnSync(process.execPath, ["--import", "tsx", join(root, "scripts", "house", script)], {
    stdio: "inherit",
  });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
const rows = wanted.nodes.map((major) => runOn(nodeOf(major)));
if (wanted.nodes.length > 0) {
  const calls = await parseWat(`(module (table 2 funcref) (elem (i32.const 1) $other) (type $none (func))
    (func $other (param i32))
    (func (export "a") (call_indirect (type $none) (i32.const 0)))
    (func (export "b") (call_indirect (type $none) (i32.const 1))))`);
  console.log("");
  for (const major of wanted.nodes) {
    const probe = join(import.meta.dirname, "probe.mjs");
    const { stdout } = spawnSync(nodeOf(major), [probe, Buffer.from(calls).toString("base64")], { encoding: "utf8" });
    console.log(stdout.trim());
  }
}
const readme = readFileSync(join(root, "README.md"), "utf8");
for (const runtime of runtimes.filter(({ name }) => wanted.runtimes.includes(name))) {
  console.log(`\n── ${runtime.name} ──`);
  const began = performance.now();
  const { steps: told, facts } = await runtime.run().catch((error: Error) => ({
    steps: [{ name: "the runtime runs the program", error: error.message }],
    facts: {},
  }));
  const steps = [...told];
  if (runtime.inTable && Object.keys(facts).length > 0) {
    const error = disagreements(readme, runtime.name, facts).join("; ");
    steps.push({ name: "the README's table says what it found", ...(error === "" ? {} : { error }) });
  }
  for (const { name, error } of steps)
    console.log(error === undefined ? `ok      ${name}` : `FAILED  ${name}: ${error}`);
  if (Object.keys(facts).length > 0) console.log(JSON.stringify(facts));
  const failures = steps.filter(({ error }) => error !== undefined).length;
  const line = `${steps.length - failures} passed, ${failures} failed`;
  const seconds = (performance.now() - began) / 1000;
  rows.push({ name: runtime.name, line, seconds, failed: failures > 0 });
}
console.log("");
for (const { name, line, seconds, failed } of rows) {
  console.log(`${failed ? "FAILED" : "ok    "}  ${name.padEnd(14)}  ${line}  (${seconds.toFixed(0)} s)`);
}
process.exitCode = rows.some(({ failed }) => failed) ? 1 : 0;
