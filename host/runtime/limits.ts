/** The limits of an instance as users give them: names, defaults, and what is refused. */
import type { HostLimits } from "../abi/quota.ts";
import type { Limits } from "./engine.ts";
import { checkOptions, type Checks, expect } from "./options.ts";

/** Wasmtime's: 128 MiB a call, and 100,000 handles. */
const DEFAULTS: HostLimits = { hostCallBytes: 2 ** 27, resources: 100_000 };

const limit = expect("an integer of at least 0", (value) => Number.isSafeInteger(value) && (value as number) >= 0);

const LIMITS: Checks<Limits> = { hostCallBytes: limit, resources: limit };

/**
 * The limits given, those given later before those given earlier, over the defaults.
 *
 * @throws {UsageError} for a limit that does not exist, or is no integer of at least 0
 */
export function limitsOf(...given: readonly (Limits | undefined)[]): HostLimits {
  const found: Record<string, number> = { ...DEFAULTS };
  for (const limits of given) {
    checkOptions("limits", limits, LIMITS);
    for (const [name, value] of Object.entries(limits ?? {})) if (value !== undefined) found[name] = value;
  }
  return found as unknown as HostLimits;
}
