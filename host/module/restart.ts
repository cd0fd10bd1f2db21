/**
 * When a trapped module is started again: back-off between restarts, and a circuit breaker over a window of time.
 */
import { checkNumber, checkOptions } from "./options.ts";
import type { RestartOptions, TrapPolicy } from "./types.ts";
import { UsageError } from "../errors.ts";

export class RestartPolicy {
  readonly #delayMs: number;
  readonly #factor: number;
  readonly #maxDelayMs: number;
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  /** When restarts were granted, oldest first. */
  #granted: number[] = [];

  constructor(options: RestartOptions) {
    checkOptions("onTrap", options, ["delayMs", "factor", "maxDelayMs", "maxRestarts", "windowMs"]);
    checkNumber("onTrap.delayMs", options.delayMs);
    checkNumber("onTrap.factor", options.factor, 1);
    checkNumber("onTrap.maxDelayMs", options.maxDelayMs);
    checkNumber("onTrap.maxRestarts", options.maxRestarts);
    checkNumber("onTrap.windowMs", options.windowMs);
    this.#delayMs = options.delayMs ?? 10;
    this.#factor = options.factor ?? 2;
    this.#maxDelayMs = options.maxDelayMs ?? 5_000;
    this.#maxRestarts = options.maxRestarts ?? 5;
    this.#windowMs = options.windowMs ?? 60_000;
  }

  /** Milliseconds to wait before the next restart, or `undefined` when there have been too many. */
  next(nowMs: number): number | undefined {
    this.#granted = this.#granted.filter((at) => nowMs - at < this.#windowMs);
    if (this.#granted.length >= this.#maxRestarts) return undefined;
    const delay = this.#delayMs * this.#factor ** this.#granted.length;
    this.#granted.push(nowMs);
    return Math.min(delay, this.#maxDelayMs);
  }

  /** Forgets the past: a new version deserves all its chances. */
  reset(): void {
    this.#granted = [];
  }
}

/** The policy that an option names; `undefined` for `"fail"`. */
export function restartPolicy(policy: TrapPolicy | undefined): RestartPolicy | undefined {
  if (policy === undefined || policy === "fail") return undefined;
  if (policy === "restart") return new RestartPolicy({});
  if (typeof policy === "object" && policy !== null) return new RestartPolicy(policy);
  throw new UsageError(`Expected onTrap to be "fail", "restart" or an object, got ${String(policy)}`);
}
