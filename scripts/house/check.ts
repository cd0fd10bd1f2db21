/**
 * `npm run check`: everything that can be said about the project without running it.
 *
 * Types in each platform's own project, lint, format, the house rules, dead code, and the package as a consumer gets
 * it. All checks run, also after one has failed; the exit status is 1 when any did. `--only NAME` (repeatable) runs
 * some of them, `--root DIR` looks at another tree.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ALLOWED, lintViolations } from "./check/lint.ts";
import {
  headerViolations,
  layerViolations,
  lengthViolations,
  mentionViolations,
  placeViolations,
  topLevelViolations,
  type Violation,
} from "./check/rules.ts";
import { reference, withReference } from "./reference.ts";
import { readSourceTree, readTopLevel, type SourceFile } from "./check/source-tree.ts";

interface Check {
  readonly name: string;
  /** What is wrong, as text for people; empty when all is well. */
  run(): Promise<string>;
}

const home = fileURLToPath(new URL("../..", import.meta.url));
const { values: options } = parseArgs({
  options: { only: { type: "string", multiple: true }, root: { type: "string" } },
});
const root = resolve(options.root ?? home);

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of the project's own dependencies. */
function run(command: string, parameters: readonly string[]): Promise<Outcome> {
  return new Promise((settle, refuse) => {
    const local = join(home, "node_modules", ".bin", command);
    const child = spawn(existsSync(local) ? local : command, parameters, {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk));
    child.on("error", (error) => refuse(new Error(`${command} did not start: ${error.message}`)));
    child.on("close", (status) => settle({ status, out, err }));
  });
}

/** A check by a program: its output counts when it fails. */
async function program(command: string, parameters: readonly string[]): Promise<string> {
  const { status, out, err } = await run(command, parameters);
  return status === 0 ? "" : (out + err).trim() || `${command} ended with ${status}`;
}

/** The linter, with the findings of `ALLOWED` left out. */
async function lint(): Promise<string> {
  const { out, err } = await run("oxlint", ["--deny-warnings", "--format", "json", "-c", join(home, ".oxlintrc.json")]);
  return out.startsWith("{") ? told(lintViolations(out, options.root === undefined ? ALLOWED : {})) : out + err;
}

function told(violations: readonly Violation[]): string {
  return violations
    .map(({ path, line, message }) => `${path}${line === undefined ? "" : `:${line}`}: ${message}`)
    .join("\n");
}

let tree: readonly SourceFile[] | undefined;
function rule(name: string, judge: (files: readonly SourceFile[]) => readonly Violation[]): Check {
  return {
    name,
    run: async () => told(judge((tree ??= readSourceTree(root)))),
  };
}

/** Whether the README's tables say what the sources say. */
async function checkReference(): Promise<string> {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  if (withReference(readme, reference(root)) === readme) return "";
  return "The README's reference is not that of the sources: run npx tsx scripts/house/reference.ts";
}

/** Packs the package and asks what a consumer of it asks: do its entry points resolve, with types, everywhere. */
async function checkPackage(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tenon-check-"));
  try {
    const packed = await program("npm", ["pack", "--silent", "--pack-destination", directory]);
    if (packed !== "") return packed;
    const tarball = join(
      directory,
      `tenon-${(await import("../../package.json", { with: { type: "json" } })).default.version}.tgz`,
    );
    const answers = await Promise.all([
      program("publint", ["run", "--strict", tarball]),
      // CommonJS consumers get no types from an ES module package on purpose.
      program("attw", [tarball, "--profile", "esm-only", "--no-emoji"]),
    ]);
    return answers.filter((answer) => answer !== "").join("\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const projects = [
  "host",
  "host/node",
  "host/browser",
  "host/cli",
  "scripts",
  "scripts/toolchain/guest/assembly",
  "test",
  "test/browser",
  "test/types",
  "scripts/toolchain/dev/page",
];
const checks: readonly Check[] = [
  ...projects
    .filter((project) => existsSync(join(root, project, "tsconfig.json")))
    .map((project) => ({ name: `types ${project}`, run: () => program("tsc", ["-p", project, "--pretty", "false"]) })),
  { name: "lint", run: lint },
  { name: "format", run: () => program("oxfmt", ["--check"]) },
  rule("layers", layerViolations),
  rule("length", lengthViolations),
  rule("headers", headerViolations),
  rule("mentions", mentionViolations),
  rule("places", placeViolations),
  rule("top-level", () => topLevelViolations(readTopLevel(root))),
  { name: "reference", run: checkReference },
  { name: "dead-code", run: () => program("knip", ["--no-progress", "--no-config-hints"]) },
  { name: "package", run: checkPackage },
];

const chosen = checks.filter(
  ({ name }) => options.only === undefined || options.only.some((only) => name.startsWith(only)),
);
if (chosen.length === 0) {
  console.error(`No such check: ${options.only?.join(", ")}. There are: ${checks.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const failures: string[] = [];
const queue = [...chosen];
async function work(): Promise<void> {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const started = performance.now();
    const problems = await check.run().catch((error: unknown) => String(error));
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
    console.log(`${problems === "" ? "ok    " : "FAILED"} ${seconds} s  ${check.name}`);
    if (problems !== "") failures.push(`\n── ${check.name} ──\n${problems}`);
  }
}
await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work));

for (const failure of failures) console.error(failure);
console.log(`\n${chosen.length - failures.length} checks passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
