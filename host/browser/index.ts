/**
 * tenon in a page or a worker. The same surface as in Node.
 */
import type { Source, TypedSource } from "../platform.ts";
import { createHost as createHostOn } from "../module/host.ts";
import { compileSource, inspectSource } from "../module/compile.ts";
import type { CompileSourceOptions } from "../module/types.ts";
import type { InspectedSource } from "../module/source/inspect.ts";
import type { Host, HostOptions } from "../module/types.ts";
import type { Component, InWorker, World } from "../runtime/types.ts";
import { browserPlatform } from "./platform.ts";

export * from "../module/public.ts";

/** Makes a host: a registry of modules. Strings as sources are URLs, relative to the page. */
export function createHost(
  options: HostOptions & ({ readonly isolation: "worker" } | { readonly jspi: true }),
): Host<"worker">;
export function createHost(options?: HostOptions): Host;
export function createHost(options?: HostOptions): Host {
  return createHostOn(browserPlatform, options);
}

/** Compiles a component for use without a host. Strings are URLs, relative to the page. */
export function compile<W extends World = World>(
  source: Source | TypedSource<W>,
  options: CompileSourceOptions & { readonly jspi: true },
): Promise<Component<InWorker<W>>>;
export function compile<W extends World = World>(
  source: Source | TypedSource<W>,
  options?: CompileSourceOptions,
): Promise<Component<W>>;
export function compile(source: Source, options: CompileSourceOptions = {}): Promise<Component> {
  return compileSource(browserPlatform, source, options);
}

/** What is in a component: imports, exports, WIT, core modules, producers. Nothing of it is run. Strings are URLs, relative to the page. */
export function inspect(source: Source): Promise<InspectedSource> {
  return inspectSource(browserPlatform, source);
}
