/**
 * What is wrong with a module, in the form in which bundlers show it: with file, line, column and the lines around.
 */
import { readFile } from "node:fs/promises";
import { TenonError } from "../../../host/errors.ts";
import { BuildError, formatIssue } from "../build/errors.ts";

/** A bundler's own form of an error. */
export interface Problem {
  readonly message: string;
  readonly stack: string;
  readonly plugin: string;
  readonly id?: string | undefined;
  readonly loc?: { readonly file: string; readonly line: number; readonly column: number } | undefined;
  readonly frame?: string | undefined;
}

const AROUND = 2;

/**
 * @param firstColumn the number that the bundler gives a line's first column
 * @throws what is no error of tenon's own
 */
export async function problemOf(error: unknown, firstColumn: 0 | 1): Promise<Problem> {
  if (!(error instanceof TenonError)) throw error;
  const issues = error instanceof BuildError ? error.issues : [];
  const place = issues.find(({ file }) => file !== undefined);
  const message = issues.length === 0 ? error.message : issues.map(formatIssue).join("\n");
  const plain: Problem = { message, stack: "", plugin: "tenon", id: place?.file };
  if (place?.file === undefined || place.line === undefined) return plain;
  const { file, line, column = 1 } = place;
  return { ...plain, loc: { file, line, column: column - 1 + firstColumn }, frame: await frameOf(file, line, column) };
}

/** The lines around a place, with a mark under it. */
async function frameOf(file: string, line: number, column: number): Promise<string | undefined> {
  const lines = (await readFile(file, "utf8").catch(() => "")).split(/\r?\n/);
  if (lines.length < line) return undefined;
  const width = String(line + AROUND).length;
  const numbered = lines.map((text, at) => `${String(at + 1).padStart(width)} | ${text}`);
  const mark = `${" ".repeat(width)} | ${" ".repeat(column - 1)}^`;
  return [...numbered.slice(Math.max(0, line - 1 - AROUND), line), mark, ...numbered.slice(line, line + AROUND)].join(
    "\n",
  );
}
