/** The backstop behind `Symbol.dispose`: wrappers of guest resources that a program forgets. */
import { expect, test } from "vitest";
import { compileGuest, thingsGuest } from "../node/runtime/guests.ts";

const collect = (globalThis as { gc?: () => void }).gc!;

/** Collects until the condition holds; finalizers run in a task of their own. */
async function eventually(condition: () => boolean): Promise<boolean> {
  for (let round = 0; round < 50 && !condition(); round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return condition();
}

test("a guest's resource that the host forgets is dropped in the guest", async () => {
  const instance = (await compileGuest(thingsGuest)).instantiateSync();
  const api = instance.exports.things;
  const kept = new api.Thing(1);
  for (let i = 0; i < 100; i++) new api.Thing(i).value();
  expect(await eventually(() => api.alive() === 1)).toBe(true);
  expect(instance.resources().heldByHost).toEqual(new Map([["thing", 1]]));
  expect(kept.value()).toBe(1);
});

test("one that was disposed of or given away is not dropped a second time", async () => {
  const instance = (await compileGuest(thingsGuest)).instantiateSync();
  const api = instance.exports.things;
  const use = (): void => {
    new api.Thing(1)[Symbol.dispose]();
    api.keep(new api.Thing(2));
    thrownAway(api);
  };
  use();
  expect(await eventually(() => api.alive() === 1)).toBe(true);
  // The kept one is still there: its wrapper went, it did not.
  expect(api.giveBack().value()).toBe(2);
  expect(instance.state).toBe("live");
});

// oxlint-disable-next-line no-explicit-any
function thrownAway(api: any): void {
  new api.Thing(3);
}

test("a destructor that traps in the backstop locks the instance and reaches onTrap, not the process", async () => {
  const traps: Error[] = [];
  const instance = (await compileGuest(thingsGuest)).instantiateSync({}, { onTrap: (trap) => traps.push(trap) });
  const api = instance.exports.things;
  (() => thrownAway(api))();
  api.failNextDrop();
  expect(await eventually(() => instance.state === "trapped")).toBe(true);
  expect(traps).toHaveLength(1);
});
