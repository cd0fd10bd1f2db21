/**
 * What the parts of one host share, but its registry of modules (`HostContext` in `module.ts`). Internal: users see `Host` and
 * `Module` only.
 */
import type { EnginePlatform } from "../runtime/engine.ts";
import type { Events } from "./events.ts";
import type { Graph } from "./imports/graph.ts";
import type { ComponentCache } from "./source/component-cache.ts";
import { observed, type Face } from "./exports/slots.ts";
import type { HostEvents, HostOptions, ObservedCall } from "./types.ts";

/** @typeParam V a version of a module; named by those who have versions */
export interface SharedContext<V = unknown> {
  readonly platform: EnginePlatform;
  readonly options: HostOptions;
  readonly events: Events<HostEvents>;
  readonly graph: Graph;
  readonly components: ComponentCache;
  /** Fires when the host is closed. */
  readonly closing: AbortSignal;
  /** Every version that is linked and not dropped: candidates and old versions that drain included. */
  readonly runs: Set<V>;
  /** Set while somebody observes calls. */
  report: ((call: ObservedCall) => void) | undefined;
}

/** What stands in front of a module's functions while somebody observes calls. */
export function observerFor({ report }: Pick<SharedContext, "report">, module: string): Face | undefined {
  return report && ((plain, path) => observed(plain, path, { module, report }));
}
