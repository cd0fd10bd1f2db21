/** From a module written by `tenon bind` to a component: no decoding, no evaluation. */
import { FORMAT } from "../bindings/format.ts";
import type { BoundComponent, Platform } from "../platform.ts";
import { type Compilation, componentOf } from "./compile.ts";
import { faults } from "./lazy.ts";
import { meteringOf } from "./limits.ts";
import type { Prepared } from "./prepared.ts";
import type { Component } from "./types.ts";
import { assertOk, readResponse } from "./response.ts";

export function isBound(value: unknown): value is BoundComponent {
  return typeof (value as BoundComponent | undefined | null)?.instantiate === "function";
}

/**
 * Makes a component of bindings written ahead of time and the core modules beside them.
 *
 * @throws {UsageError} when the bindings were written by a version of tenon with another format
 * @throws {IntegrityError} when a core module is not the one the bindings were made for
 */
export async function compileBound(bound: BoundComponent, how: Omit<Compilation, "hash">): Promise<Component> {
  const { hash, name: label } = bound;
  const { name = label, platform } = how;
  if (bound.format !== FORMAT) {
    throw (await parts()).otherFormat(bound, FORMAT);
  }
  if (meteringOf(how.recipe) !== undefined && bound.metered === undefined) {
    throw (await parts()).withoutLimits(bound);
  }
  const loading = Promise.all(
    bound.modules.map(async (module) => {
      if (module === undefined || !("url" in module)) return module;
      const { bytes, compiled } = await fetchModule(platform, module.url);
      const hash = await platform.sha256(bytes);
      if (hash !== module.hash) {
        throw (await parts()).otherModule(bound.name, module.url, module.hash, hash);
      }
      return compiled ?? WebAssembly.compile(bytes);
    }),
  );
  const [modules, words] = await Promise.all([loading, faults()]);
  const { plan, instantiate } = bound as unknown as Prepared;
  const more =
    (bound.metered ?? bound.lines ?? bound.asynchronous) && (await (await parts()).partsOf(bound, modules, platform));
  return componentOf({ plan, instantiate, modules, ...more }, { ...how, hash, name }, words);
}

const parts = (): Promise<typeof import("./bound-parts.ts")> => import("./bound-parts.ts");

/** A core module, compiled while it arrives where a server calls it one: engines cache the compiled code by URL. */
async function fetchModule(
  platform: Pick<Platform, "open">,
  url: URL | string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly compiled?: WebAssembly.Module | undefined }> {
  const opened = await platform.open(url);
  if (opened instanceof Uint8Array) return { bytes: opened };
  assertOk(opened);
  const [bytes, compiled] = await Promise.all([
    readResponse(opened.clone()),
    WebAssembly.compileStreaming?.(opened).catch(() => undefined),
  ]);
  return { bytes, compiled };
}
