/** The rows of asynchronous calls as JSON: run by {@link ./beside-jco.ts} on a Node that has JavaScript Promise Integration. */
import type { MeasuredRow } from "./beside-jco.ts";
import type { Goal, Medians, Row } from "./measure.ts";

await import("./shipped.ts");
const { asyncRows } = await import("./async.ts");
const { jspiRows } = await import("./jspi.ts");
const measured: MeasuredRow[] = [];
const keep = (name: string, medians: Medians, goals: readonly Goal[]): Row => {
  measured.push({ name, medians, goals });
  return { name, medians, goals: [] };
};
await jspiRows(keep);
await asyncRows(keep);
console.log(JSON.stringify(measured));
