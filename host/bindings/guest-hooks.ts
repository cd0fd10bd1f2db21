/** What a guest may export for the host beside its interfaces. Hosts that do not know the name leave it alone. */
import type { Plan } from "../plan/plan.ts";

/** The core export by which a guest tells the host what its last abort said. */
export const ABORT_HOOK = "tenon:abort";

/** Whether a core module has the abort hook, with a memory to read its words from. */
export function hasAbortHook({ type }: Plan["modules"][number]): boolean {
  const has = (name: string, kind: string): boolean =>
    type.exports.some((e) => e.name === name && e.type.kind === kind);
  return has(ABORT_HOOK, "core-func") && has("memory", "core-memory");
}
