import { expect, test } from "vitest";
import { nearestName, newEffort } from "../../host/model/nearest.ts";

test("nearestName finds what was misspelt: letters changed, added, dropped or swapped", () => {
  const names = ["get-value", "set-value", "render"];
  expect(["get-valeu", "getvalue", "set-values", "Render", "rende"].map((name) => nearestName(name, names))).toEqual([
    "get-value",
    "get-value",
    "set-value",
    "render",
    "render",
  ]);
  expect(nearestName("unrelated-thing", names)).toBeUndefined();
});

test("nearestName compares no long names, and no more than the effort allows", () => {
  const long = `a:b/${"c".repeat(90_000)}`;
  expect(nearestName(`${long}x`, [`${long}y`])).toBeUndefined();
  const effort = newEffort();
  const names = Array.from({ length: 100 }, (_, i) => `name-${"x".repeat(100)}-${i}`);
  let guesses = 0;
  for (let i = 0; i < 2_000; i++) if (nearestName(`nome-${"x".repeat(100)}-1`, names, effort) !== undefined) guesses++;
  expect(guesses).toBeGreaterThan(0);
  expect(guesses).toBeLessThan(100);
});
