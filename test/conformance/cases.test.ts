/**
 * Our own component test scripts (`cases/*.wast`), each directive of which must hold.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runScript } from "./run/run.ts";

const cases = new URL("cases/", import.meta.url);

for (const file of readdirSync(cases).filter((name) => name.endsWith(".wast"))) {
  test(`every directive of ${file} holds`, async () => {
    const outcomes = await runScript(readFileSync(new URL(file, cases), "utf8"));
    expect(outcomes.length).toBeGreaterThan(15);
    expect(outcomes.filter((outcome) => !outcome.passed)).toEqual([]);
  });
}
