/** Parts of the host that are loaded when they are first needed. */
import { expect, test } from "vitest";
import { UsageError } from "../../../host/node/index.ts";
import { lazy } from "../../../host/runtime/lazy.ts";

test("part loads once, also for those who ask while it is being loaded", async () => {
  let loads = 0;
  const ask = lazy("compiler", async () => ++loads);
  expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
  expect(await ask()).toBe(1);
});

test("part says what could not be loaded and why, and tries again for the next who asks", async () => {
  let online = false;
  const ask = lazy("compiler", async () => {
    if (!online) throw new TypeError("Failed to fetch");
    return "loaded";
  });
  await expect(ask()).rejects.toThrow(UsageError);
  await expect(ask()).rejects.toThrow("Could not load the compiler of the host: TypeError: Failed to fetch");
  online = true;
  expect(await ask()).toBe("loaded");
});
