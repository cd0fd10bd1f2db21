/**
 * Nothing leaks, nothing is freed twice, and the collector never takes what is still needed.
 *
 * One build counts the blocks of the heap, collected and not; another collects everything it can at each allocation.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Component } from "../../host/node/index.ts";
import { difference, same } from "../differential/same.ts";
import type { Check } from "./check.ts";
import { type Exports, Workshop } from "./harness.ts";
import { buildInstrumented, counterText, type Instrument } from "./instrument.ts";
import { results, valueImports, values } from "./values.ts";

const features = fileURLToPath(new URL("features", import.meta.url));
let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
});
afterAll(() => workshop.close());

async function build(instrument: Instrument): Promise<Component> {
  const wit = await readFile(fileURLToPath(new URL("wit/values.wit", import.meta.url)), "utf8");
  if (instrument === "collect") return buildInstrumented(await workshop.passThrough(wit), instrument);
  const counting = wit.replace("  export t;", "  export t;\n  export live-blocks: func() -> u32;");
  const dir = await workshop.passThrough(counting);
  const index = join(dir, "index.ts");
  const text = (await readFile(index, "utf8")).replace(/export function liveBlocks[^}]*\}/, "");
  await writeFile(index, text + counterText);
  return buildInstrumented(dir, instrument);
}

/** A feature's own module, instrumented. */
async function feature(name: string, instrument: Instrument): Promise<Component> {
  const counting = instrument === "count";
  const wit = await readFile(join(features, name, "world.wit"), "utf8");
  const index = await readFile(join(features, name, "module/index.ts"), "utf8");
  const dir = await workshop.folder({
    "world.wit": counting ? wit.replace(/\}\s*$/, "  export live-blocks: func() -> u32;\n}\n") : wit,
    "index.ts": counting ? index + counterText : index,
  });
  return buildInstrumented(dir, instrument);
}

const instantiate = (component: Component): Exports =>
  component.instantiateSync({ "test:values/t": valueImports() }).exports as Exports;

/** Calls every function with every value. @returns the number of calls */
function callAll({ t }: Exports): number {
  let calls = 0;
  for (const [name, lists] of Object.entries(values)) {
    for (const args of lists) {
      const wanted = args.length > 1 ? args : args[0];
      const got = t[name](...args);
      if (!same(got, wanted)) throw new Error(`${name}: ${difference(got, wanted)}`);
      calls++;
    }
  }
  for (const { name, value } of results) {
    try {
      t[name](value);
    } catch (error) {
      if (!("payload" in (error as object))) throw error;
    }
    calls++;
  }
  return calls;
}

describe("an allocator that counts", () => {
  let component: Component;
  beforeAll(async () => {
    component = await build("count");
  });

  test("finds every block freed again, function by function", () => {
    const exports = instantiate(component);
    callAll(exports);
    const { t } = exports;
    for (const [name, lists] of Object.entries(values)) {
      // The first time may make what then stays, such as a table.
      for (const args of lists) t[name](...args);
      const before = exports.liveBlocks();
      for (let i = 0; i < 20; i++) for (const args of lists) t[name](...args);
      expect([name, exports.liveBlocks() - before]).toEqual([name, 0]);
    }
    for (const { name, value } of results) {
      const call = (): void => {
        try {
          t[name](value);
        } catch (error) {
          if (!("payload" in (error as object))) throw error;
        }
      };
      call();
      const before = exports.liveBlocks();
      for (let i = 0; i < 20; i++) call();
      expect([name, exports.liveBlocks() - before]).toEqual([name, 0]);
    }
  });

  test("counts what is kept: the control", async () => {
    const dir = await workshop.folder({
      "world.wit": "package a:b; world w { export keep: func(x: list<string>); export live-blocks: func() -> u32; }",
      "index.ts": `const kept: string[][] = [];\nexport function keep(x: string[]): void {\n  kept.push(x);\n}\n${counterText}`,
    });
    const exports = (await buildInstrumented(dir, "count")).instantiateSync().exports as Exports;
    exports.keep(["a", "b"]);
    const before = exports.liveBlocks();
    for (let i = 0; i < 10; i++) exports.keep(["a", "b"]);
    // An array, its buffer and two strings each time.
    expect(exports.liveBlocks() - before).toBeGreaterThanOrEqual(40);
  });

  test("stays flat over 100,000 calls, and so does the memory", () => {
    const instance = component.instantiateSync({ "test:values/t": valueImports() });
    const exports = instance.exports as Exports;
    let calls = callAll(exports);
    for (let i = 0; i < 100; i++) calls += callAll(exports);
    const [blocks, bytes] = [exports.liveBlocks(), instance.memoryBytes];
    while (calls < 100_000) calls += callAll(exports);
    expect(exports.liveBlocks()).toBe(blocks);
    expect(instance.memoryBytes).toBe(bytes);
  });
});

describe("resources", () => {
  test("leave nothing behind, neither objects nor places in the table", async () => {
    const exports = (await feature("exported-resources", "count")).instantiateSync().exports as Exports;
    const { shop } = exports;
    const round = (): void => {
      const [pen, ink] = [new shop.Item("pen", 3), new shop.Item("ink", 5)];
      shop.Item.cheapest([pen, ink]);
      const set = shop.Item.merge(pen, ink);
      const sold = shop.sell({ item: set, ticket: new shop.Ticket(2) });
      const till = shop.open();
      till.put(sold.item);
      till.take()[Symbol.dispose]();
      for (const one of [sold.ticket, till]) one[Symbol.dispose]();
      for (const one of shop.twice()) one[Symbol.dispose]();
      try {
        new shop.Ticket(99);
      } catch (error) {
        if (!("payload" in (error as object))) throw error;
      }
      shop.disposed();
    };
    round();
    const before = exports.liveBlocks();
    for (let i = 0; i < 1000; i++) round();
    expect(exports.liveBlocks()).toBe(before);
  });

  test.each(["exported-resources", "imported-resources", "both-sides"])(
    "%s, collected at every allocation",
    async (name) => {
      const component = await feature(name, "collect");
      const { check } = (await import(join(features, name, "check.ts"))) as { check: Check };
      await check.run({
        name: "tenon",
        instantiate: async (imports = {}) => (await component.instantiate(imports)).exports as Exports,
      });
    },
  );
});

describe("a collection at every allocation", () => {
  test("takes what nothing holds: the control", async () => {
    const dir = await workshop.folder({
      "world.wit": "package a:b; world w { export careless: func() -> bool; }",
      // The address keeps nothing alive, so the second text takes the place of the first.
      "index.ts": `export function careless(): bool {
  const address = changetype<usize>("a".repeat(20));
  const other = "b".repeat(20);
  return other.length == 20 && load<u16>(address) != 97;
}`,
    });
    const careless = async (instrument: Instrument): Promise<boolean> =>
      ((await buildInstrumented(dir, instrument)).instantiateSync().exports as Exports).careless();
    expect(await careless("collect")).toBe(true);
  });

  test("takes nothing that is still needed", async () => {
    const exports = instantiate(await build("collect"));
    for (let i = 0; i < 10; i++) callAll(exports);
  });
});
