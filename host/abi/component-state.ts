/**
 * What the canonical ABI keeps of one component instance: `ComponentInstance` in the specification's definitions.py.
 *
 * Where each operation of the specification is in the host, test/reference/spec-names.test.ts says.
 */
import { HandleTable } from "./handle-table.ts";
import type { Quota } from "./quota.ts";
import { IDLE } from "./entered.ts";

export class ComponentState {
  /** Not a flag, so that one comparison tells a call that it may go on. */
  entered: number = IDLE;
  /** Not while its `realloc` or `post-return` runs. */
  mayLeave = true;
  readonly handles: HandleTable;
  /** The slots of `context.get` and `context.set`: of the task that runs, and there is one at a time. */
  readonly context: [number, number] = [0, 0];

  constructor(quota: Quota) {
    this.handles = new HandleTable(quota);
  }
}
