/** The limits of an instance as users give them: names, defaults, and what is refused. */
import type { HostLimits } from "../abi/quota.ts";
import { UsageError } from "../errors.ts";
import { describe } from "../words.ts";
import type { Limits } from "./engine.ts";

/** Wasmtime's: 128 MiB a call, and 100,000 handles. */
const DEFAULTS: HostLimits = { hostCallBytes: 2 ** 27, resources: 100_000 };

/**
 * The limits given, those given later before those given earlier, over the defaults.
 *
 * @throws {UsageError} for a limit that does not exist, or is no integer of at least 0
 */
export function limitsOf(...given: readonly (Limits | undefined)[]): HostLimits {
  const found: Record<string, number> = { ...DEFAULTS };
  for (const limits of given) {
    if (limits === undefined) continue;
    if (typeof limits !== "object" || limits === null) {
      throw new UsageError(`Expected limits to be an object, got ${describe(limits)}`);
    }
    for (const [name, value] of Object.entries(limits) as [string, number | undefined][]) {
      if (!Object.hasOwn(DEFAULTS, name)) {
        throw new UsageError(`Unknown limit ${name}; there are ${Object.keys(DEFAULTS).join(" and ")}`);
      }
      if (value === undefined) continue;
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new UsageError(`Expected limits.${name} to be an integer of at least 0, got ${describe(value)}`);
      }
      found[name] = value;
    }
  }
  return found as unknown as HostLimits;
}
