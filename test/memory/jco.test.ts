/** What keeps an instance on jco's bindings alive, and what must not. */
import { expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import type { Component } from "../../host/runtime/types.ts";
import { guestBytes, thingsGuest } from "../node/runtime/guests.ts";
import type { Dynamic } from "../node/runtime/support.ts";
import { settle } from "./helpers.ts";

/** Uses an instance and disposes of it. In a function of its own, so that nothing stays on the test's stack. */
function useAndDispose(component: Component<Dynamic>, keep: (api: Record<string, unknown>) => unknown): unknown {
  const instance = component.instantiateSync();
  const { things } = instance.exports;
  const thing = new things.Thing(3);
  thing.value();
  thing[Symbol.dispose]();
  const kept = keep(things);
  instance.dispose();
  return kept;
}

test("after dispose, kept functions and classes hold no memory", async () => {
  const component = await compile<Dynamic>(await guestBytes(thingsGuest), { engine: "jco" });
  const before = (await settle()).memories;
  const kept = Array.from({ length: 10 }, () => useAndDispose(component, (api) => [api["Thing"], api["sum"], api]));
  expect((await settle()).memories).toBe(before);
  expect(kept).toHaveLength(10);
});

test("a kept resource holds its instance, which shows that the count is true", async () => {
  const component = await compile<Dynamic>(await guestBytes(thingsGuest), { engine: "jco" });
  const before = (await settle()).memories;
  const make = (api: Record<string, unknown>): unknown => (api as { makeAll(n: number): unknown }).makeAll(1);
  const kept = Array.from({ length: 3 }, () => useAndDispose(component, make));
  expect((await settle()).memories).toBe(before + 3);
  expect(kept).toHaveLength(3);
});
