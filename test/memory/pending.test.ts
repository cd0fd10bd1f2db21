/**
 * Unloading frees what is pending: 20,000 modules, each with calls that have not ended, are unloaded by force or when these have
 * ended, and nothing is left.
 */
import { describe, expect, test } from "vitest";
import { BYTES, CYCLES, keptOf, RESIDENT, tell, WARM } from "./kept.ts";
import { ways } from "./pending.ts";

describe("modules with pending calls", () => {
  test(
    "are unloaded 20,000 times, and leave no memory, no reservation and nothing on the heap",
    { timeout: 400_000 },
    async () => {
      const kept = await keptOf(ways, CYCLES, { warm: WARM });
      tell(`${CYCLES} modules unloaded with pending calls`, kept);
      expect(kept).toMatchObject({ memories: 0, reservations: 0 });
      expect(kept.bytes).toBeLessThan(BYTES);
      expect(kept.residentMiB).toBeLessThan(RESIDENT);
    },
  );

  test("leave no memory where all is held that a program can have: modules, calls, promises that never settle, streams", async () => {
    const held: unknown[] = [];
    const kept = await keptOf(ways, 900, { warm: 450, held });
    tell("900 modules of which all is held", kept);
    expect(kept).toMatchObject({ memories: 0, reservations: 0 });
    expect(held.length).toBeGreaterThanOrEqual(900);
  });
});

describe("negative control:", () => {
  test("two hundred numbers that are kept of each cycle are seen on the heap", async () => {
    const list: unknown[] = [];
    const after = (): unknown => list.push(Array.from({ length: 200 }, Math.random));
    const kept = await keptOf(ways, 1_500, { warm: 500, after });
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
    const kept = await keptOf({ name: ways["calls wait for promises of an import"]! }, 100, { warm: 50 }).finally(
      () => {
        engine.Instance = original;
      },
    );
    expect(list.length).toBeGreaterThanOrEqual(100);
    expect(kept).toMatchObject({ memories: 100 });
  });
});
