/**
 * Unloading frees what is pending, in the page: 20,000 modules with calls in suspended frames go by where there is room for some
 * 124 memories at once, and the renderer does not grow.
 */
import { expect, test } from "vitest";
import { commands } from "vitest/browser";
import { createHost } from "../../host/browser/index.ts";
import { cycle, type Way, ways } from "../memory/pending.ts";
import { suspendedWays, withoutUnwinding } from "../memory/suspended.ts";
import { parseWat } from "./stand-ins/wasm-tools.ts";

const CYCLES = 20_000;
const WARM = 4_000;
const DRAINED = 10;

async function cycles(all: readonly Way[], from: number, to: number): Promise<void> {
  const place = { host: createHost(), parse: parseWat };
  for (let i = from; i < to; i++) await cycle(place, all[i % all.length]!, i % DRAINED === 0);
  await place.host.close();
}

const residentMiB = async (): Promise<number> => (await commands.rendererResident()) / 2 ** 20;

test("1,000 modules with pending calls that need no frames are unloaded", { timeout: 60_000 }, async () => {
  await cycles(Object.values(ways), 0, 1_000);
});

test(
  "20,000 modules with suspended calls are unloaded, and the renderer does not grow",
  { timeout: 400_000 },
  async () => {
    const all = Object.values(suspendedWays);
    const began = performance.now();
    await cycles(all, 0, WARM);
    const before = await residentMiB();
    await cycles(all, WARM, CYCLES);
    const after = await residentMiB();
    const each = (performance.now() - began) / CYCLES;
    console.log(
      `${CYCLES} cycles, ${each.toFixed(2)} ms each; renderer ${before.toFixed(0)} → ${after.toFixed(0)} MiB`,
    );
    expect(after - before).toBeLessThan(30);
  },
);

test("negative control: stacks that are not unwound run into the limit of memories", { timeout: 60_000 }, async () => {
  const way = suspendedWays["a call waits for an import, and another for its turn"]!;
  const error = await withoutUnwinding(() => cycles([way], 1, 400)).catch(String);
  expect(error).toContain("MemoryLimitError");
});
