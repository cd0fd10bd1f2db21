/** Every value type, in exported and imported functions, under both hosts: host → module → import → module → host. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { difference, same } from "../differential/same.ts";
import { type Host, hostsOf, Workshop } from "./harness.ts";
import { results, valueImports, values } from "./values.ts";

let workshop: Workshop;
let hosts: readonly Host[];

beforeAll(async () => {
  workshop = await Workshop.open();
  const wit = await readFile(fileURLToPath(new URL("wit/values.wit", import.meta.url)), "utf8");
  const { component } = await workshop.build(await workshop.passThrough(wit));
  hosts = await hostsOf(component);
});
afterAll(() => workshop.close());

/** What jco gets wrong; tenon is held to the value. */
const deviations: Readonly<Record<string, string>> = {
  options: "loses the middle one of three options in a row",
  maps: "has two variables of one name where maps are in lists",
  text: "drops a leading U+FEFF",
  fixed: "gives an array where the mapping has a typed array",
  fixedHuge: "gives an array where the mapping has a typed array",
  fixedMany: "gives an array where the mapping has a typed array",
};

describe.each(["tenon", "jco"])("%s", (name) => {
  test.each(Object.entries(values))("%s", async (func, lists) => {
    if (name === "jco" && func in deviations) return;
    const { t } = await hosts.find((host) => host.name === name)!.instantiate({ "test:values/t": valueImports() });
    for (const args of lists) {
      const wanted = args.length > 1 ? args : args[0];
      const got = t[func](...args);
      if (!same(got, wanted)) throw new Error(difference(got, wanted));
    }
  });

  test.each(results)("$name($value)", async ({ name: func, value, ...wanted }) => {
    const { t } = await hosts.find((host) => host.name === name)!.instantiate({ "test:values/t": valueImports() });
    if (!("throws" in wanted)) {
      expect(t[func](value)).toEqual(wanted.returns);
      return;
    }
    expect(() => t[func](value)).toThrow(expect.objectContaining({ payload: wanted.throws }));
  });
});
