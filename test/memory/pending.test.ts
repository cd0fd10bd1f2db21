/**
 * Unloading frees what is pending: 20,000 modules, each with calls that have not ended, are unloaded by force or when these have
 * ended, and nothing is left.
 */
import { describe, expect, test } from "vitest";
import { createHost } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { type Figures, settle } from "./helpers.ts";
import { cycle, type Way, ways } from "./pending.ts";
import { suspendedWays, withoutUnwinding } from "./suspended.ts";

const CYCLES = 20_000;
/** Until the engine has compiled what there is to compile. */
const WARM = 4_000;
/** Every so many end within `drain`, which waits for timers. */
const DRAINED = 10;
/** Bytes of the heap for each cycle, at most: less than the smallest object that anything would keep of a call. */
const BYTES = 128;
/** What the process may grow by, in MiB: a tenth of what the stacks of the cycles would take. */
const RESIDENT = 30;

interface Kept {
  readonly memories: number;
  readonly reservations: number;
  /** Bytes of the heap for each cycle after the warm ones. */
  readonly bytes: number;
  readonly residentMiB: number;
}

interface Measured extends Figures {
  readonly heap: number;
}

async function measured(): Promise<Measured> {
  const figures = await settle();
  return { ...figures, heap: process.memoryUsage().heapUsed };
}

/** What is left of so many cycles. @param after is done in each */
async function keptOf(all: readonly Way[], cycles: number, warm: number, after?: () => unknown): Promise<Kept> {
  const place = { host: createHost(), parse: parseWat };
  for (const way of all) for (const drains of [false, true]) await cycle(place, way, drains);
  const start = await settle();
  let before: Measured | undefined;
  for (let i = 1; i <= cycles; i++) {
    await cycle(place, all[i % all.length]!, i % DRAINED === 0);
    after?.();
    if (i === warm) before = await measured();
  }
  const end = await measured();
  expect(place.host.manifest()).toEqual([]);
  return {
    memories: end.memories - start.memories,
    reservations: (end.reservations ?? 0) - (start.reservations ?? 0),
    bytes: (end.heap - before!.heap) / (cycles - warm),
    residentMiB: end.residentMiB - before!.residentMiB,
  };
}

function tell(what: string, { bytes, residentMiB, memories }: Kept): void {
  console.log(
    `${what}: ${memories} memories, ${bytes.toFixed(1)} B of the heap a cycle, ${residentMiB.toFixed(1)} MiB resident more`,
  );
}

const suspends = "Suspending" in WebAssembly;

describe.each([
  ["without frames", ways, true],
  ["in suspended frames", suspendedWays, suspends],
] as const)("20,000 modules with calls that are pending %s", (what, all, can) => {
  // Node 20 and 22 suspend none: `npm run test:matrix` runs this in newer ones.
  test.runIf(can)(
    "are unloaded, and leave no memory, no reservation and nothing on the heap",
    { timeout: 400_000 },
    async () => {
      const kept = await keptOf(Object.values(all), CYCLES, WARM);
      tell(`${CYCLES} modules unloaded with calls pending ${what}`, kept);
      expect(kept).toMatchObject({ memories: 0, reservations: 0 });
      expect(kept.bytes).toBeLessThan(BYTES);
      expect(kept.residentMiB).toBeLessThan(RESIDENT);
    },
  );
});

describe("negative control:", () => {
  test("two hundred numbers that are kept of each cycle are seen on the heap", async () => {
    const list: unknown[] = [];
    const kept = await keptOf(Object.values(ways), 1_500, 500, () =>
      list.push(Array.from({ length: 200 }, Math.random)),
    );
    tell("Two hundred numbers kept of each", kept);
    expect(kept.bytes).toBeGreaterThan(2 * BYTES);
    expect(list).toHaveLength(1_500);
  });

  test("an instance of which the engine's own exports are kept is seen by its memory", async () => {
    const list: unknown[] = [];
    const engine = WebAssembly as { Instance: typeof WebAssembly.Instance };
    const original = engine.Instance;
    engine.Instance = new Proxy(original, {
      construct(target, args) {
        const instance = Reflect.construct(target, args) as WebAssembly.Instance;
        list.push(instance.exports);
        return instance;
      },
    });
    const kept = await keptOf([ways["calls wait for promises of an import"]!], 100, 50).finally(() => {
      engine.Instance = original;
    });
    expect(list.length).toBeGreaterThanOrEqual(100);
    expect(kept).toMatchObject({ memories: 100 });
  });

  test.runIf(suspends)("stacks that are not unwound keep their memories", async () => {
    // Of those, a call of a synchronous function ends only with its stack.
    const way = suspendedWays["a call waits for an import, and another for its turn"]!;
    const kept = await withoutUnwinding(() => keptOf([way], 100, 50));
    tell("100 modules whose stacks are not unwound", kept);
    // Those that were drained have ended by themselves.
    expect(kept.memories).toBe(90);
    expect(kept.bytes).toBeGreaterThan(BYTES);
  });
});
