/**
 * The list of directives that are known not to pass yet, each with its reason.
 *
 * Owns the file's format and the comparison. The comparison is strict both ways: a directive that fails without being
 * listed is a regression, and one that is listed but passes must leave the list. A listed place that no script has is an
 * error too, so the list cannot rot.
 */
import type { Outcome } from "./run.ts";

/** Reason → file → lines on which the directives start. */
export type ExpectedFailures = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface FileResult {
  /** Relative to the directory of scripts, with forward slashes. */
  readonly file: string;
  readonly outcomes: readonly Outcome[];
}

export interface Surprise {
  readonly file: string;
  readonly line: number;
  readonly problem: "fails" | "passes" | "absent";
  readonly reason: string;
}

/** Every difference between what happened and what the list says. */
export function compare(results: readonly FileResult[], expected: ExpectedFailures): readonly Surprise[] {
  const listed = new Map<string, string>();
  for (const [reason, files] of Object.entries(expected)) {
    for (const [file, lines] of Object.entries(files)) for (const line of lines) listed.set(`${file}:${line}`, reason);
  }
  const surprises: Surprise[] = [];
  for (const { file, outcomes } of results) {
    // Two directives may start on one line: the line is listed when any of them fails.
    for (const [line, group] of groupByLine(outcomes)) {
      const key = `${file}:${line}`;
      const reason = listed.get(key);
      const failure = group.find((outcome) => !outcome.passed);
      if (failure !== undefined && reason === undefined) {
        surprises.push({ file, line, problem: "fails", reason: failure.reason ?? "" });
      } else if (failure === undefined && reason !== undefined) {
        surprises.push({ file, line, problem: "passes", reason });
      }
      listed.delete(key);
    }
  }
  for (const [key, reason] of listed) {
    const colon = key.lastIndexOf(":");
    surprises.push({ file: key.slice(0, colon), line: Number(key.slice(colon + 1)), problem: "absent", reason });
  }
  return surprises;
}

/** A list that fits what happened, with the reasons that the outcomes themselves give. */
export function listFailures(results: readonly FileResult[]): ExpectedFailures {
  const list: Record<string, Record<string, number[]>> = {};
  for (const { file, outcomes } of results) {
    for (const [line, group] of groupByLine(outcomes)) {
      const failure = group.find((outcome) => !outcome.passed);
      if (failure === undefined) continue;
      const { outdated, reason = "" } = failure;
      const why =
        outdated === undefined ? summary(reason) : `outdated since WebAssembly/component-model ${outdated.since}`;
      const files = (list[why] ??= {});
      (files[file] ??= []).push(line);
    }
  }
  return Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A missing feature is one reason, wherever it was met. */
function summary(reason: string): string {
  return reason.includes("needs async tasks") ? "needs async" : (/^needs [^:]+/.exec(reason)?.[0] ?? reason);
}

/** Multiple memories, and exceptions as values: modules that an engine of the right age takes. */
const newerCore: readonly Uint8Array<ArrayBuffer>[] = [
  new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 5, 2, 0, 0, 0, 0]),
  new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 31, 64, 0, 11, 11]),
];

/** The list for this engine: nothing may fail for the lack of what it has, newer core features or stack switching. */
export function forThisEngine(expected: ExpectedFailures): ExpectedFailures {
  const met = new Set<string>();
  if (newerCore.every((module) => WebAssembly.validate(module))) met.add("needs core-wasm");
  if ("Suspending" in WebAssembly) met.add("needs jspi");
  return Object.fromEntries(Object.entries(expected).filter(([reason]) => !met.has(reason)));
}

function groupByLine(outcomes: readonly Outcome[]): ReadonlyMap<number, readonly Outcome[]> {
  const groups = new Map<number, Outcome[]>();
  for (const outcome of outcomes) groups.set(outcome.line, [...(groups.get(outcome.line) ?? []), outcome]);
  return groups;
}
