/**
 * Asynchronous calls beside jco's, which need JavaScript Promise Integration: where this Node has none, on the Node 24 of the
 * matrix, in a process that measures all sides in turn.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeOf } from "../matrix/install.ts";
import type { Goal, Medians, Row } from "./measure.ts";

const MAJOR = "24";

/** A row before its ratios are worked out. */
export interface MeasuredRow {
  readonly name: string;
  readonly medians: Medians;
  readonly goals: readonly Goal[];
}

export async function rowsBesideJco(
  makeRow: (name: string, medians: Medians, goals: readonly Goal[]) => Row,
): Promise<Row[]> {
  if ("Suspending" in WebAssembly) return [];
  let node: string;
  try {
    node = nodeOf(MAJOR);
  } catch (error) {
    return [makeRow(`asynchronous calls beside jco: none, since ${(error as Error).message}`, {}, [])];
  }
  const script = fileURLToPath(new URL("jspi-process.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(node, ["--import", "tsx", script]);
  const rows = JSON.parse(stdout) as MeasuredRow[];
  return rows.map(({ name, medians, goals }) => makeRow(`on Node ${MAJOR}: ${name}`, medians, goals));
}
