/** What a feature's folder must have beside its WIT and its module. */
import type { BuildOptions, Host } from "./harness.ts";

export interface Check {
  /** How to build it; default: the only world. */
  readonly build?: BuildOptions;
  /** Calls the component under one of the hosts and says what must come of it. */
  run(host: Host): Promise<void>;
}

/** The error of a call that must trap. */
export function trapOf(
  call: () => unknown,
): Error & { trap?: string; guestMessage?: string; position?: { file: string; line: number } } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected the call to trap");
}
