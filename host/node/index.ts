/**
 * tenon in Node.
 */
import type { Source, TypedSource } from "../platform.ts";
import { createHost as createHostOn } from "../module/host.ts";
import { publicModule } from "../module/public-module.ts";
import type { ModuleRecord } from "../module/module.ts";
import { compileSource, inspectSource } from "../module/compile.ts";
import type { CompileSourceOptions } from "../module/types.ts";
import type { InspectedSource } from "../module/source/inspect.ts";
import type { HostOptions } from "../module/types.ts";
import type { Component, InWorker, World } from "../runtime/types.ts";
import { publishEvents } from "./channels.ts";
import { nodePlatform } from "./platform.ts";
import type { NodeHost } from "./types.ts";
import { watchDirectory, watching } from "./watch.ts";

export * from "../module/public.ts";
export type * from "./types.ts";

/** Makes a host: a registry of modules. Strings as sources are paths, or URLs when they have a scheme. */
export function createHost(
  options: HostOptions & ({ readonly isolation: "worker" } | { readonly jspi: true }),
): NodeHost<"worker">;
export function createHost(options?: HostOptions): NodeHost;
export function createHost(options?: HostOptions): NodeHost {
  const platform = { ...nodePlatform, publish: (record: ModuleRecord) => watching(record, publicModule(record)) };
  return publishEvents(watchDirectory(createHostOn(platform, options) as NodeHost));
}

/** Compiles a component for use without a host. Strings are paths, or URLs when they have a scheme. */
export function compile<W extends World = World>(
  source: Source | TypedSource<W>,
  options: CompileSourceOptions & { readonly jspi: true },
): Promise<Component<InWorker<W>>>;
export function compile<W extends World = World>(
  source: Source | TypedSource<W>,
  options?: CompileSourceOptions,
): Promise<Component<W>>;
export function compile(source: Source, options: CompileSourceOptions = {}): Promise<Component> {
  return compileSource(nodePlatform, source, options);
}

/** What is in a component: imports, exports, WIT, core modules, producers. Nothing of it is run. Strings are paths, or URLs when they have a scheme. */
export function inspect(source: Source): Promise<InspectedSource> {
  return inspectSource(nodePlatform, source);
}
