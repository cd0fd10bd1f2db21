/** What the bytes of a component, or bindings written ahead of time, become: all that instances in this thread share. */
import type { Instantiate } from "../bindings/evaluate.ts";
import type { Places } from "../debug/range.ts";
import type { MeteredLimits } from "../abi/quota.ts";
import type { KeptPlan } from "../plan/plan.ts";
import type { Metering } from "./metering.ts";
import type { Waited } from "./waiting.ts";

export interface Prepared {
  readonly plan: KeptPlan;
  readonly instantiate: Instantiate;
  /** By their place in the plan; `undefined` for those that are imported. */
  readonly modules: readonly (WebAssembly.Module | undefined)[];
  /** What leads from frames to the author's lines, where the component brings them. */
  readonly lines?: Places | undefined;
  /** Gives an instance what limits its calls or has them wait, where its code was made for that. */
  readonly equip?: ((instance: Metering & Waited, limits: MeteredLimits) => void) | undefined;
}
