/** Each folder of `features/` is a WIT, a module and what both hosts must see. */
import { existsSync, readdirSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
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

/** A copy of the feature's module with its WIT; without a module, one that hands every call on to its imports. */
async function moduleOf(name: string, check: Check): Promise<string> {
  const from = join(folder, name);
  if (!existsSync(join(from, "module"))) {
    return workshop.passThrough(await readFile(join(from, "world.wit"), "utf8"), check.build);
  }
  const dir = await workshop.folder({}, join(from, "module"));
  await cp(from, dir, { recursive: true, filter: (path) => !/(\/module|check\.ts)$/.test(path) });
  return dir;
}

describe.each(readdirSync(folder))("%s", (name) => {
  test(`${name}: does what the WIT says, under tenon and under jco`, async () => {
    const { check } = (await import(join(folder, name, "check.ts"))) as { check: Check };
    const dir = await moduleOf(name, check);
    const { component, warnings } = await workshop.build(dir, check.build);
    expect(warnings).toEqual([]);
    for (const host of await hostsOf(component)) await check.run(host);
  });
});
