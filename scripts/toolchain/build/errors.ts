/**
 * The error of a build: everything that is wrong, with the author's own file and line.
 */
import { TenonError } from "../../../host/errors.ts";

/** One thing that is wrong with a module or its WIT. */
export interface BuildIssue {
  /** Absolute path of a file the author wrote; absent when the issue is in no file. */
  readonly file?: string | undefined;
  /** Counted from 1. */
  readonly line?: number | undefined;
  /** Counted from 1, in UTF-16 code units. */
  readonly column?: number | undefined;
  /** What is wrong. */
  readonly message: string;
  /** What to do about it, one sentence. */
  readonly hint?: string | undefined;
}

/** A module or its WIT is wrong, and nothing was written to the output. */
export class BuildError extends TenonError {
  readonly issues: readonly BuildIssue[];
  /** Files that the build had read, and those it looked for and did not find; a change of one may mend it. Absolute. */
  sources: readonly string[] = [];
  constructor(issues: readonly BuildIssue[], options?: { cause?: unknown }) {
    super("build", issues.map(formatIssue).join("\n"), options);
    this.issues = issues;
  }
}

/** `file:line:column: message` and the hint on a line of its own. */
export function formatIssue({ file, line, column, message, hint }: BuildIssue): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return (place === "" ? "" : `${place}: `) + message + (hint === undefined ? "" : `\n  ${hint}`);
}

/** Line and column of an offset, both from 1. */
export function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}
