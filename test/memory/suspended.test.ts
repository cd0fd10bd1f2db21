/**
 * The engine never collects a suspended stack: unloading unwinds it. 20,000 modules, each with one or two, are unloaded by force or
 * when their calls have ended, and nothing is left. In a page as well: `test/browser/suspended.test.ts`.
 *
 * Node 20 and 22 suspend nothing: `.ci/run` runs this file in Node 24.
 */
import { describe, expect, test } from "vitest";
import { BYTES, CYCLES, keptOf, RESIDENT, tell, WARM } from "./kept.ts";
import { suspendedWays, withoutUnwinding } from "./suspended.ts";

describe.runIf("Suspending" in WebAssembly)("modules with suspended calls", () => {
  test(
    "are unloaded 20,000 times, and leave no memory, no reservation, no stack and nothing on the heap",
    { timeout: 400_000 },
    async () => {
      const kept = await keptOf(suspendedWays, CYCLES, { warm: WARM });
      tell(`${CYCLES} modules unloaded with suspended calls`, kept);
      expect(kept).toMatchObject({ memories: 0, reservations: 0 });
      expect(kept.bytes).toBeLessThan(BYTES);
      expect(kept.residentMiB).toBeLessThan(RESIDENT);
    },
  );

  test("leave no memory where all is held that a program can have: modules, calls, promises that never settle", async () => {
    const held: unknown[] = [];
    const kept = await keptOf(suspendedWays, 500, { warm: 250, held });
    tell("500 modules of which all is held", kept);
    expect(kept).toMatchObject({ memories: 0, reservations: 0 });
    expect(held.length).toBeGreaterThanOrEqual(500);
  });

  test("negative control: keep their memories where their stacks are not unwound", async () => {
    // Of the others, a call of a synchronous function ends only with its stack.
    const name = "a call waits for an import, and another for its turn";
    const kept = await withoutUnwinding(() => keptOf({ [name]: suspendedWays[name]! }, 100, { warm: 50 }));
    tell("100 modules whose stacks are not unwound", kept);
    // Those that were drained have ended by themselves.
    expect(kept.memories).toBe(90);
    expect(kept.bytes).toBeGreaterThan(BYTES);
  });
});
