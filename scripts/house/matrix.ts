/**
 * `npm run test:matrix`: the tests that run in Node, on every Node that tenon supports.
 *
 * npm's own packages of Node carry the binaries; they are installed once, below `node_modules/.cache`. Arguments after
 * `--` go to vitest; `--node 22` (repeatable) runs some of the versions. Status 1 when any version failed. At the end
 * stands what differs between the engines, asked of each by `matrix/probe.mjs`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseWat } from "../toolchain/wasm-tools.ts";

const MAJORS = ["20", "22", "24", "26"] as const;

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values, positionals } = parseArgs({
  options: { node: { type: "string", multiple: true } },
  allowPositionals: true,
});
const wanted = values.node ?? [...MAJORS];
const unknown = wanted.filter((major) => !(MAJORS as readonly string[]).includes(major));
if (unknown.length > 0) {
  console.error(`Node ${unknown.join(", ")} is not in the matrix, which has ${MAJORS.join(", ")}`);
  process.exit(2);
}

/** The path of that Node, installed first where it is not yet. */
function nodeOf(major: string): string {
  const folder = join(root, "node_modules", ".cache", "tenon", `node-${major}`);
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const path = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--silent", `${name}@${major}`], {
    cwd: folder,
    stdio: "inherit",
  });
  if (status !== 0 || !existsSync(path)) throw new Error(`npm could not install ${name}@${major}`);
  return path;
}

interface Row {
  readonly version: string;
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
  return { version, line, seconds: (performance.now() - began) / 1000, failed };
}

for (const script of ["package.ts", "build.ts"]) {
  const built = spawnSync(process.execPath, ["--import", "tsx", join(import.meta.dirname, script)], {
    stdio: "inherit",
  });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
const rows = wanted.map((major) => runOn(nodeOf(major)));
const calls = await parseWat(`(module (table 2 funcref) (elem (i32.const 1) $other) (type $none (func))
  (func $other (param i32))
  (func (export "a") (call_indirect (type $none) (i32.const 0)))
  (func (export "b") (call_indirect (type $none) (i32.const 1))))`);
console.log("");
for (const major of wanted) {
  const probe = join(import.meta.dirname, "matrix", "probe.mjs");
  const { stdout } = spawnSync(nodeOf(major), [probe, Buffer.from(calls).toString("base64")], { encoding: "utf8" });
  console.log(stdout.trim());
}
console.log("");
for (const { version, line, seconds, failed } of rows) {
  console.log(`${failed ? "FAILED" : "ok    "}  Node ${version.padEnd(9)}  ${line}  (${seconds.toFixed(0)} s)`);
}
process.exitCode = rows.some(({ failed }) => failed) ? 1 : 0;
