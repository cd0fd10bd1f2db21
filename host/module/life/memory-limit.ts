/** The error when the engine has no room for another memory: how many are alive, and in which modules. */
import { MemoryLimitError, type MemoryOwner } from "../../errors.ts";
import type { SharedContext } from "../context.ts";
import type { Run } from "./run.ts";

export function memoryLimitError(context: SharedContext<Run>, module: string, cause: unknown): MemoryLimitError {
  const owners = memoryOwners(context);
  const oldest = [...owners].sort((a, b) => b.ageMs - a.ageMs).slice(0, 10);
  const names = oldest.slice(0, 3).map(({ module: name, ageMs }) => `${name} (${Math.round(ageMs / 100) / 10} s)`);
  const list = names.length === 0 ? "" : `; the oldest are ${names.join(", ")}`;
  return new MemoryLimitError(
    `The engine refused a linear memory for module ${module}: too many are alive. This host holds ${owners.length} live instances${list}`,
    owners.length,
    oldest,
    { cause },
  );
}

/** Who holds linear memories now. */
function memoryOwners(context: SharedContext<Run>): MemoryOwner[] {
  const now = performance.now();
  return [...context.runs]
    .filter(({ running }) => running)
    .map((run) => ({
      module: run.module,
      memoryBytes: run.memoryBytes,
      ageMs: now - run.bornMs,
    }));
}
