/** What one instance may take of the host: bytes handed over at once, and handles alive. Passing either is a trap. */
import type { LimitName } from "../errors.ts";
import { AbiTrap } from "./trap.ts";

/** The limits that the canonical ABI itself enforces, by their names in options and errors. */
export interface HostLimits {
  readonly hostCallBytes: number;
  readonly resources: number;
}

/** A limit that was passed. */
export class LimitTrap extends AbiTrap {
  readonly limit: LimitName;
  readonly allowed: number;
  readonly used: number;
  constructor(limit: LimitName, allowed: number, used: number) {
    super("limit-exceeded", "");
    this.limit = limit;
    this.allowed = allowed;
    this.used = used;
  }
}

/** The limits of one instance, all its components together, and the handles that are alive in their tables. */
export class Quota implements HostLimits {
  readonly hostCallBytes: number;
  readonly resources: number;
  handles = 0;
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

  /** @param left what the limit leaves, below zero */
  passed(left: number): LimitTrap {
    return new LimitTrap("host-call-bytes", this.hostCallBytes, this.hostCallBytes - left);
  }
}
