/**
 * `tenon/wasi` in a page or a worker: WASI without a file system, sockets and standard streams of the machine's.
 */
import { wasiOn, type WasiImports } from "../wasi/provider.ts";
import type { WasiOptions } from "../wasi/options.ts";
import type { WasiPlatform } from "../wasi/state.ts";

export * from "../wasi/public.ts";

const platform: WasiPlatform = {
  monotonic: () => BigInt(Math.round(performance.now() * 1e6)),
  inherit: {},
};

/**
 * Imports of WASI 0.2 and 0.3 for components, to stand in `imports` of `createHost` or `load`. Each module gets a state of its own, which
 * ends with it. What the options do not give is denied.
 * @throws {UsageError} for options that do not exist or do not fit
 */
export function wasi(options?: WasiOptions): WasiImports {
  return wasiOn(platform, options);
}
