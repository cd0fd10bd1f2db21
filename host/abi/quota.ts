/** What one instance may take of the host: bytes handed over at once, and handles alive. Passing either is a trap. */
import type { LimitName } from "../errors.ts";
import { AbiTrap } from "./trap.ts";

/** The limits that the canonical ABI itself enforces, by their names in options and errors. */
export interface HostLimits {
  readonly hostCallBytes: number;
  readonly resources: number;
}

/** The limits of an instance; of those that only rewritten code keeps, what is absent is not limited. */
export interface MeteredLimits extends HostLimits {
  readonly memoryBytes?: number | undefined;
  readonly onMemoryLimit?: "refuse" | "trap" | undefined;
  readonly tableElements?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly cpuMs?: number | undefined;
  readonly fuel?: number | undefined;
  readonly startTimeoutMs?: number | undefined;
  readonly stackBytes?: number | undefined;
  readonly yieldMs?: number | undefined;
}

/** A limit that was passed. */
export class LimitTrap extends AbiTrap {
  readonly limit: LimitName;
  readonly allowed: number;
  readonly used: number;
  /** The instance whose limit it is, where it is another than the one that ran. */
  readonly owner: string | undefined;
  constructor(limit: LimitName, allowed: number, used: number, owner?: string) {
    super("limit-exceeded", "");
    this.limit = limit;
    this.allowed = allowed;
    this.used = used;
    this.owner = owner;
  }
}

/** The limits of one instance, all its components together, and the handles that are alive in their tables. */
export class Quota implements HostLimits {
  readonly hostCallBytes: number;
  readonly resources: number;
  handles = 0;
  /** Looks at the clock while much is lifted, where time is limited; set before the first memory is attached. */
  look: (() => LimitTrap | undefined) | undefined;
  /** The trap of the limit that was passed: never the fault of a value that is being lowered. */
  trap: LimitTrap | undefined;

  constructor({ hostCallBytes, resources }: HostLimits) {
    this.hostCallBytes = hostCallBytes;
    this.resources = resources;
  }

  addHandle(): void {
    if (++this.handles <= this.resources) return;
    throw (this.trap = new LimitTrap("resources", this.resources, this.handles--));
  }

  /** @param left what the limit leaves; not below zero when it is only time to look at the clock */
  passed(left: number): LimitTrap | undefined {
    return left < 0 ? new LimitTrap("host-call-bytes", this.hostCallBytes, this.hostCallBytes - left) : this.look?.();
  }
}
