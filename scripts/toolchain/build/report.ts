/**
 * The result or failure of a build as text for a terminal.
 */
import { sep } from "node:path";
import { TenonError } from "../../../host/errors.ts";
import { formatIssue } from "./errors.ts";
import { displayPath } from "./files.ts";
import type { BuildResult } from "./index.ts";

/** One line, and one more for each warning. */
export function formatResult(result: BuildResult): string {
  const { name, world, component, cached, bytes, durationMs, stages, warnings } = result;
  const parts = Object.entries(stages)
    .filter(([, time]) => time >= 1)
    .map(([stage, time]) => `${stage} ${Math.round(time)}`);
  const how = cached ? "unchanged" : `${Math.round(durationMs)} ms (${parts.join(", ")})`;
  const line = `${name}: ${world} → ${displayPath(component)}, ${bytes.component} bytes, ${how}`;
  return [line, ...warnings.map((warning) => `  warning: ${formatIssue(warning)}`)].join("\n");
}

/** Why a build failed, with paths from where the reader is. A fault of tenon itself keeps its stack. */
export function formatFailure(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  const text = reason instanceof TenonError ? reason.message : (reason.stack ?? reason.message);
  return text.replaceAll(`${process.cwd()}${sep}`, "");
}
