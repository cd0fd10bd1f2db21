/** Each folder of `features/` is a WIT, a module and what both hosts must see. */
import { readdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "./check.ts";
import { hostsOf, Workshop } from "./harness.ts";

const folder = fileURLToPath(new URL("features", import.meta.url));
let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(() => workshop.close());

describe.each(readdirSync(folder))("%s", (name) => {
  test("does what the WIT says, under tenon and under jco", async () => {
    const { check } = (await import(join(folder, name, "check.ts"))) as { check: Check };
    const dir = await workshop.folder({}, join(folder, name, "module"));
    await cp(join(folder, name), dir, { recursive: true, filter: (path) => !/(\/module|check\.ts)$/.test(path) });
    const { component, warnings } = await workshop.build(dir, check.build);
    expect(warnings).toEqual([]);
    for (const host of await hostsOf(component)) await check.run(host);
  });
});
