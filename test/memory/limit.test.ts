/** The engine's own limit on live linear memories: the refusal says how many are alive and who has held them longest. */
import { expect, test } from "vitest";
import { createHost, MemoryLimitError } from "../../host/node/index.ts";
import { math } from "../node/host/fixtures.ts";
import { settle } from "./helpers.ts";

test("when the engine refuses one more memory, the error names the live instances; unloading one makes room", async () => {
  const bytes = await math();
  const start = await settle();
  const host = createHost();
  let loaded = 0;
  let refused: unknown;
  while (refused === undefined && loaded < 50_000) {
    await host.load(bytes, { name: `math${loaded}` }).then(
      () => loaded++,
      (error: unknown) => (refused = error),
    );
  }
  console.log(`The engine refused after ${loaded} live modules: ${String(refused)}`);
  expect(loaded).toBeGreaterThan(1_000);
  expect(refused).toBeInstanceOf(MemoryLimitError);
  const { live, oldest, message, cause } = refused as MemoryLimitError;
  expect(live).toBe(loaded);
  expect(oldest).toHaveLength(10);
  expect(oldest.map(({ module }) => module)).toEqual(Array.from({ length: 10 }, (_, i) => `math${i}`));
  expect(oldest[0]!.memoryBytes).toBe(65536);
  expect(oldest[0]!.ageMs).toBeGreaterThan(oldest[9]!.ageMs);
  expect(message).toContain(`This host holds ${loaded} live instances; the oldest are math0 (`);
  expect(cause).toBeInstanceOf(Error);
  expect(host.get(`math${loaded}`)).toBeUndefined();
  // One hole in the address space may be taken by the engine itself; ten leave room.
  for (let i = 0; i < 10; i++) await host.require(`math${i}`).unload();
  await host.load(bytes, { name: "again" });
  await host.close();
  // Thousands are swept on threads of their own, which may be waiting for a processor.
  await expect.poll(async () => (await settle()).memories, { timeout: 60_000 }).toBe(start.memories);
});
