/** Who may still hold the memories of an instance that has ended: what was cut with it. */
import type { Activity } from "../../errors.ts";
import type { CollectionReport } from "../../runtime/engine.ts";

/** The report with what was cut among the holders. */
export function withSuspects(report: CollectionReport, cut: readonly Activity[]): CollectionReport {
  const suspects = cut.flatMap(({ kind, owner, count }) => {
    if (kind !== "promise" && kind !== "timer") return [];
    return count === 1
      ? `a ${kind} of ${owner} that was still pending`
      : `${count} ${kind}s of ${owner} that were still pending`;
  });
  return { ...report, holders: [...report.holders, ...suspects] };
}
