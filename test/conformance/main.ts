/**
 * `npm run conformance -- DIR [--json] [--verbose] [--expected FILE] [--update]`: runs every component test script
 * (`.wast`) below a directory and prints passed / total, a file and in all.
 *
 * Owns the command line and the printing. Exits 1 when anything differs from the list of expected failures.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { compare, forThisEngine, listFailures, type ExpectedFailures, type FileResult } from "./run/expected.ts";
import type { Outdated } from "./run/outdated.ts";

const defaultList = fileURLToPath(new URL("./expected-failures.json", import.meta.url));

const usage = `Usage: npm run conformance -- DIR [options]

Runs every .wast script below DIR.

  --no-jspi         take WebAssembly.Suspending from the engine first, as an engine without stack switching is
  --json            print figures and failures as JSON
  --verbose         print every failure with its reason
  --filter TEXT     only files whose path contains TEXT
  --expected FILE   the list of known failures (default test/conformance/expected-failures.json)
  --update          write the list anew from what failed`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      "no-jspi": { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      filter: { type: "string", default: "" },
      expected: { type: "string", default: defaultList },
      update: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const directory = positionals[0];
  if (values.help || directory === undefined || positionals.length > 1) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  enableProposals();
  if (values["no-jspi"]) withoutSuspending();
  const files = findScripts(directory).filter((file) => file.includes(values.filter));
  if (files.length === 0) {
    console.error(`No .wast script was found below ${directory}`);
    return 2;
  }
  // Only now: the engine's flags must be set before it compiles the first module.
  const { runScript } = await import("./run/run.ts");
  const results: FileResult[] = [];
  for (const file of files) {
    try {
      results.push({ file, outcomes: await runScript(readFileSync(join(directory, file), "utf8"), file) });
    } catch (cause) {
      throw new Error(`${join(directory, file)}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
  if (values.update) {
    writeFileSync(values.expected, `${JSON.stringify(listFailures(results), null, 2)}\n`);
  }
  const expected = readExpected(values.expected, files, values.filter !== "");
  const surprises = compare(results, expected);
  if (values.json) console.log(JSON.stringify(toJson(results, surprises), null, 2));
  else printTable(results, values.verbose, surprises);
  return surprises.length === 0 ? 0 : 1;
}

/** A proposal that the scripts use and that one generation of engines has behind a flag; Node 20's has it not at all. */
function enableProposals(): void {
  if (Number(process.versions.node.split(".")[0]) === 22) setFlagsFromString("--experimental-wasm-exnref");
}

/** Before the host is loaded, which looks once at what the engine has. */
function withoutSuspending(): void {
  for (const name of ["Suspending", "promising", "SuspendError"]) Reflect.deleteProperty(WebAssembly, name);
}

function findScripts(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".wast"))
    .map((file) => relative(directory, join(directory, file)).split(sep).join("/"))
    .sort();
}

function readExpected(path: string, files: readonly string[], partial: boolean): ExpectedFailures {
  const list = forThisEngine(JSON.parse(readFileSync(path, "utf8")) as ExpectedFailures);
  // A list that names no file of this directory is about another one.
  const isAbout = Object.values(list).some((entries) => Object.keys(entries).some((file) => files.includes(file)));
  if (!partial && isAbout) return list;
  return Object.fromEntries(
    Object.entries(list).map(([reason, entries]) => [
      reason,
      Object.fromEntries(Object.entries(entries).filter(([file]) => files.includes(file))),
    ]),
  );
}

interface Figures {
  passed: number;
  total: number;
}

function tally(results: readonly FileResult[], keyOf: (result: FileResult) => string): Map<string, Figures> {
  const figures = new Map<string, Figures>();
  for (const result of results) {
    const entry = figures.get(keyOf(result)) ?? { passed: 0, total: 0 };
    entry.passed += result.outcomes.filter((outcome) => outcome.passed).length;
    entry.total += result.outcomes.length;
    figures.set(keyOf(result), entry);
  }
  return figures;
}

const directoryOf = (result: FileResult): string =>
  result.file.includes("/") ? result.file.slice(0, result.file.lastIndexOf("/")) : ".";

function toJson(results: readonly FileResult[], surprises: ReturnType<typeof compare>): object {
  const all = results.flatMap((result) => result.outcomes);
  return {
    passed: all.filter((outcome) => outcome.passed).length,
    total: all.length,
    forAnotherReason: all.filter((outcome) => outcome.forAnotherReason === true).length,
    suspending: "Suspending" in WebAssembly,
    outdated: outdatedOf(results),
    byTextParser: all.filter((outcome) => outcome.byTextParser === true).length,
    directories: Object.fromEntries(tally(results, directoryOf)),
    files: Object.fromEntries(tally(results, (result) => result.file)),
    failures: results.flatMap(({ file, outcomes }) =>
      outcomes.filter((outcome) => !outcome.passed).map(({ line, kind, reason }) => ({ file, line, kind, reason })),
    ),
    surprises,
  };
}

function printTable(results: readonly FileResult[], verbose: boolean, surprises: ReturnType<typeof compare>): void {
  const row = (name: string, { passed, total }: Figures): void =>
    console.log(`${String(passed).padStart(5)} / ${String(total).padEnd(5)} ${name}`);
  for (const result of results) {
    row(result.file, tally([result], () => "").get("")!);
    if (!verbose) continue;
    for (const { line, kind, passed, reason } of result.outcomes) {
      if (!passed) console.log(`              line ${line}, ${kind}: ${reason}`);
    }
  }
  console.log();
  for (const [directory, figures] of tally(results, directoryOf)) row(directory, figures);
  row("in all", tally(results, () => "").get("")!);
  const all = results.flatMap((result) => result.outcomes);
  const byText = all.filter((outcome) => outcome.byTextParser === true).length;
  const otherwise = all.filter((outcome) => outcome.forAnotherReason === true).length;
  console.log(`\nOf those passed, ${byText} were refused by the text parser already, as the script wants.`);
  console.log(`Of those not passed, ${otherwise} were refused, but for another reason than the script says.`);
  printOutdated(results);
  const words = {
    fails: "fails unexpectedly",
    passes: "passes now: take it off the list",
    absent: "is listed but absent",
  };
  for (const { file, line, problem, reason } of surprises) console.log(`${file}:${line} ${words[problem]} (${reason})`);
  console.log(surprises.length === 0 ? "Nothing differs from the list of expected failures." : "");
}

/** The directives that the specification has overtaken, with what they give. */
function outdatedOf(results: readonly FileResult[]): readonly (Outdated & { file: string; line: number })[] {
  return results.flatMap(({ file, outcomes }) =>
    outcomes.flatMap(({ line, outdated }) =>
      outdated === undefined ? [] : [{ file, line, now: outdated.now, since: outdated.since }],
    ),
  );
}

function printOutdated(results: readonly FileResult[]): void {
  const rows = outdatedOf(results);
  const traps = rows.filter((row) => row.now !== "TextRefused").length;
  console.log(
    `Of those not passed, ${rows.length} expect what WebAssembly/component-model has changed since, and give what it says now; ` +
      `${traps} of them the trap of now:`,
  );
  for (const { file, line, now, since } of rows) console.log(`  ${file}:${line} gives ${now} since ${since}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  // What is wrong with the call: a directory or list that cannot be read, an option that does not exist, a script that
  // is not made of s-expressions.
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
