/** The limits of an instance as users give them: names, defaults, and what is refused. */
import type { HostLimits, MeteredLimits } from "../abi/quota.ts";
import type { Limits, Recipe } from "./engine.ts";
import { type Check, checkOptions, type Checks, expect, oneOf } from "./options.ts";

/** Wasmtime's: 128 MiB a call, and 100,000 handles. */
const DEFAULTS: HostLimits = { hostCallBytes: 2 ** 27, resources: 100_000 };

const limit = expect("an integer of at least 0", (value) => Number.isSafeInteger(value) && (value as number) >= 0);

export const amount: Check = expect("a number above 0", (value) => typeof value === "number" && value > 0);

const LIMITS: Checks<Limits> = {
  hostCallBytes: limit,
  resources: limit,
  memoryBytes: limit,
  onMemoryLimit: oneOf("refuse", "trap"),
  tableElements: limit,
  timeoutMs: amount,
  cpuMs: amount,
  fuel: amount,
  stackBytes: limit,
  startTimeoutMs: amount,
  yieldMs: amount,
};

/** Whether core modules have to be rewritten for these limits, and whether they count. `undefined`: not at all. */
export function meteringOf({ limits }: Recipe): { readonly counts: boolean } | undefined {
  const given = (name: keyof Limits): boolean => limits[name] !== undefined;
  const counts = (["timeoutMs", "cpuMs", "fuel", "startTimeoutMs", "yieldMs"] as const).some(given);
  return counts || (["memoryBytes", "tableElements", "stackBytes"] as const).some(given) ? { counts } : undefined;
}

/**
 * The limits given, those given later before those given earlier, over the defaults.
 *
 * @throws {UsageError} for a limit that does not exist, or is no integer of at least 0
 */
export function limitsOf(...given: readonly (Limits | undefined)[]): MeteredLimits {
  const found: Record<string, number | string> = { ...DEFAULTS };
  for (const limits of given) {
    checkOptions("limits", limits, LIMITS);
    for (const [name, value] of Object.entries(limits ?? {})) if (value !== undefined) found[name] = value;
  }
  return found as unknown as MeteredLimits;
}
