/**
 * The result or failure of a build as text for a terminal.
 */
import { sep } from "node:path";
import { TenonError } from "../../../host/errors.ts";
import { formatIssue } from "./errors.ts";
import { displayPath } from "./files.ts";
import type { Builder, BuildResult, WatchOptions } from "./index.ts";

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

/** Where lines are written. */
interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** Builds what changes and tells of it until the process is interrupted. @returns the exit status */
export async function watchUntilInterrupted(
  builder: Builder,
  options: WatchOptions,
  { out, err }: Streams,
): Promise<number> {
  const interrupted = new Promise<void>((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, done);
  });
  const watching = builder.watch(options, (event) => {
    if (event.kind === "built") out(`${formatResult(event.result)}\n`);
    else if (event.kind === "failed") err(`${formatFailure(event.error)}\n`);
    else out(`${displayPath(event.dir)}: removed\n`);
  });
  void watching.ready.then(() => out("Watching; Ctrl+C ends it\n"));
  await interrupted;
  await builder.close();
  return 0;
}
