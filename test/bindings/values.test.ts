/** Every value type, in exported and imported functions, under both hosts: host → module → import → module → host. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../host/node/index.ts";
import type { ValueType } from "../../host/model/types.ts";
import { camelCase } from "../reference/mapping.ts";
import { difference, same } from "../differential/same.ts";
import { jcoHandlesType, jcoHandlesValue } from "../differential/deviations.ts";
import { type Exports, type Host, hostsOf, Workshop } from "./harness.ts";
import { results, valueImports, values } from "./values.ts";

let workshop: Workshop;
let hosts: readonly Host[];
/** The types of the parameters, by the function's JavaScript name. */
const types = new Map<string, readonly ValueType[]>();
/** Functions that jco answered wrongly, as the one list of deviations says. */
const deviating = new Set<string>();

beforeAll(async () => {
  workshop = await Workshop.open();
  const wit = await readFile(fileURLToPath(new URL("wit/values.wit", import.meta.url)), "utf8");
  const { component } = await workshop.build(await workshop.passThrough(wit));
  hosts = await hostsOf(component);
  const [exported] = (await compile(component)).exports;
  if (exported?.type.kind !== "instance") throw new Error("Expected one interface");
  for (const { name, type } of exported.type.exports) {
    if (type.kind === "func")
      types.set(
        camelCase(name),
        type.params.map((param) => param.type),
      );
  }
});
afterAll(() => workshop.close());

/** Whether jco answers a call with its arguments, or what it does instead. */
function outcome(t: Exports, func: string, args: readonly unknown[]): unknown {
  try {
    return t[func](...args);
  } catch (error) {
    return error;
  }
}

describe.each(["tenon", "jco"])("%s", (name) => {
  const start = async (): Promise<Exports> => {
    const host = hosts.find((one) => one.name === name)!;
    return (await host.instantiate({ "test:values/t": valueImports() })).t;
  };

  test.each(Object.entries(values))("%s", async (func, lists) => {
    const t = await start();
    const type: ValueType = { kind: "tuple", types: types.get(func)! };
    for (const args of lists) {
      const wanted = args.length > 1 ? args : args[0];
      const got = outcome(t, func, args);
      const deviates = name === "jco" && !(jcoHandlesType(type, "utf16") && jcoHandlesValue(args));
      if (same(got, wanted)) continue;
      if (!deviates) throw got instanceof Error ? got : new Error(difference(got, wanted));
      deviating.add(func);
    }
  });

  test.each(results)("$name($value)", async ({ name: func, value, ...wanted }) => {
    const t = await start();
    if (!("throws" in wanted)) {
      expect(t[func](value)).toEqual(wanted.returns);
      return;
    }
    expect(() => t[func](value)).toThrow(expect.objectContaining({ payload: wanted.throws }));
  });
});

test("the list of deviations leaves out nothing that jco does right", () => {
  expect([...deviating].sort()).toEqual(["fixed", "fixedHuge", "fixedMany", "maps", "options", "text"]);
});
