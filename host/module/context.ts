/**
 * What the parts of one host share. Internal: users see `Host` and `Module` only.
 */
import type { EnginePlatform } from "../runtime/engine.ts";
import type { Events } from "./events.ts";
import type { Graph } from "./imports/graph.ts";
import type { ModuleRecord } from "./module.ts";
import type { ComponentCache } from "./source/component-cache.ts";
import type { Observer } from "./exports/slots.ts";
import type { HostEvents, HostOptions, ObservedCall } from "./types.ts";
import type { Version } from "./life/run.ts";

export interface HostContext {
  readonly platform: EnginePlatform;
  readonly options: HostOptions;
  readonly events: Events<HostEvents>;
  readonly graph: Graph;
  readonly components: ComponentCache;
  /** Fires when the host is closed. */
  readonly closing: AbortSignal;
  /** Modules by name, in the order they were loaded. */
  readonly modules: Map<string, ModuleRecord>;
  /** Every version that is linked and not dropped: candidates and old versions that drain included. */
  readonly versions: Set<Version>;
  /** Set while somebody observes calls. */
  report: ((call: ObservedCall) => void) | undefined;
}

export function observerFor(context: HostContext, module: string): Observer | undefined {
  return context.report === undefined ? undefined : { module, report: context.report };
}
