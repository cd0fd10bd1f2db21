/** Bytes that a call takes while it waits, beside many others. */
import { createHost, type World } from "../../host/node/index.ts";
import { nodePlatform } from "../../host/node/platform.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { suspendedGuest } from "../memory/suspended.ts";
import { callsGuest } from "../node/async/guests.ts";
import type { Medians } from "./measure.ts";

/** The most stacks that may be suspended at once are a thousand. */
const STACKS = 900;

interface Guest extends World {
  readonly imports: object;
  readonly exports: Readonly<Record<string, (n: number) => Promise<number>>>;
}

async function settled(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 3; i++) await nodePlatform.collect!();
  return process.memoryUsage();
}

/**
 * What is more of the heap and outside of it for each call, with its promise and what the import waits for; of suspended ones, of
 * the process too, as stacks are in neither. The first time counts: what is mapped once stays.
 */
export async function bytesInFlight(calls: number): Promise<Medians> {
  const host = createHost();
  const never = (): Promise<number> => new Promise(() => undefined);
  const load = async (wat: string): Promise<Guest["exports"]> =>
    (await host.load<Guest>(await parseWat(wat), { imports: { fetch: never } })).exports;
  const measure = async (count: number, call: (n: number) => Promise<number>): Promise<[own: number, all: number]> => {
    const promises: Promise<number>[] = Array.from({ length: count });
    const before = await settled();
    for (let i = 0; i < count; i++) promises[i] = call(i);
    // Given up with the host, in the end.
    for (const promise of promises) promise.catch(() => undefined);
    await nodePlatform.macrotask();
    const after = await settled();
    const own = after.heapUsed + after.external - before.heapUsed - before.external;
    return [own, after.rss - before.rss].map((bytes) => Math.round(bytes / promises.length)) as [number, number];
  };
  const { later } = await load(callsGuest);
  const medians: Record<string, number> = {
    module: (await measure(calls, later!))[0],
    "bare async function": (await measure(calls, async (n) => n + (await never())))[0],
  };
  if ("Suspending" in WebAssembly) {
    const { sleeps } = await load(suspendedGuest);
    const [own, all] = await measure(STACKS, sleeps!);
    medians["suspended"] = own;
    medians["suspended, of the process"] = all;
  }
  for (const { name } of host.manifest()) await host.get(name)!.unload({ force: true });
  await host.close();
  return medians;
}
