/**
 * What the parts of one host share, but its registry of modules (`HostContext` in `module.ts`). Internal: users see `Host` and
 * `Module` only.
 */
import type { TracedFunction, TracedOperation, Tracing } from "../platform.ts";
import type { EnginePlatform } from "../runtime/engine.ts";
import type { Events } from "./events.ts";
import type { Graph } from "./imports/graph.ts";
import type { ComponentCache } from "./source/component-cache.ts";
import { observed, type Face } from "./exports/slots.ts";
import { tracing as tracer } from "./lazy.ts";
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
  /** Who is told of what this host does: the platform's, and with `profile` the developer tools. */
  tracing: Tracing | undefined;
}

/** Runs an operation, and tells those who want to know. */
export async function traced<T, D extends object>(
  context: Pick<SharedContext, "options" | "tracing">,
  operation: TracedOperation,
  detail: D,
  task: (detail: D) => Promise<T>,
): Promise<T> {
  if (context.options.profile === true) context.tracing = (await tracer()).profiled(context.tracing);
  const { tracing } = context;
  return tracing?.wants(operation) ? tracing.run(operation, detail, () => task(detail)) : task(detail);
}

/** What stands in front of a module's functions while somebody observes calls. */
export function observerFor(
  { report, tracing }: Pick<SharedContext, "report" | "tracing">,
  module: string,
): Face | undefined {
  const wrap = tracing?.wants("call") ? tracing.wrap : undefined;
  if (report === undefined && wrap === undefined) return undefined;
  return (plain, path) => {
    const told = wrap ? wrap("call", plain as TracedFunction, { module, export: path }) : plain;
    return report ? observed(told, path, { module, report }) : told;
  };
}
