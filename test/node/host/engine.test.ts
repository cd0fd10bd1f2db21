/** The seam between a module and what runs it: any engine of the platform's, recipes, and ends that wait. */
import { expect, test } from "vitest";
import { compile, LimitError, TrapError, type Limits } from "../../../host/node/index.ts";
import { createHost as createHostOn } from "../../../host/module/host.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import type { Engine, EngineInstance, EnginePlatform } from "../../../host/runtime/engine.ts";
import { recipeKey, recipeOf } from "../../../host/runtime/recipe.ts";
import { component, counter } from "./fixtures.ts";
import { type Any, host, sleep } from "./support.ts";

const { thread } = nodePlatform.engines;

/** An engine as in another thread: whatever it is asked takes a while, and nothing of it but calls is synchronous. */
function slow(log: string[]): Engine {
  const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
  const faceOf = (instance: EngineInstance): EngineInstance => ({
    name: instance.name,
    exports: instance.exports,
    get state() {
      return instance.state;
    },
    get trap() {
      return instance.trap;
    },
    get depth() {
      return instance.depth;
    },
    resources: () => instance.resources(),
    usage: () => instance.usage(),
    end: async (options) => {
      await wait();
      log.push("end");
      const receipt = await instance.end(options);
      await wait();
      return receipt;
    },
  });
  return {
    async open(content, recipe, platform) {
      log.push(`open${recipeKey(recipe)}`);
      const opened = await thread.open(content, recipe, platform);
      return {
        ...opened,
        prepare: async (name) => {
          await wait();
          log.push("prepare");
          const component = await opened.prepare(name);
          const { hash, imports, exports } = component;
          return {
            name: component.name,
            hash,
            imports,
            exports,
            describe: () => component.describe(),
            missing: (given) => component.missing(given),
            start: async (given, options) => {
              await wait();
              const instance = await component.start(given, options);
              log.push("start");
              await wait();
              return faceOf(instance);
            },
          };
        },
      };
    },
  };
}

function platformOf(log: string[]): EnginePlatform {
  return { ...nodePlatform, engines: { ...nodePlatform.engines, thread: slow(log) } };
}

test("a module is loaded, reloaded with its state, restarted and unloaded by an engine whose every step waits", async () => {
  const log: string[] = [];
  const here = createHostOn(platformOf(log));
  const bytes = await counter();
  const module: Any = await here.load(bytes, { name: "c", onTrap: "restart" });
  expect(log).toEqual(["open", "prepare", "start"]);
  const { increment, value, boom } = module.exports.api;
  increment();
  // Calls go on while the new version is made, and none of them is lost.
  let calling = true;
  const calls = (async () => {
    for (; calling; await sleep(0)) increment();
  })();
  const reloaded = module.reload(bytes);
  const receipt = await reloaded;
  calling = false;
  await calls;
  expect(log.slice(3)).toEqual(["open", "start", "end"]);
  expect([receipt.state, receipt.old.memoryBytes]).toEqual(["moved", 65_536]);
  expect(value()).toBe(module.info().calls - 1);
  log.length = 0;
  const restarted = new Promise((resolve) => here.on("restarted", resolve));
  expect(boom).toThrow(TrapError);
  await restarted;
  expect([module.state, value(), log]).toEqual(["live", 0, ["start", "end"]]);
  const gone = await module.unload({ collect: true });
  expect(await gone.collected).toMatchObject({ reclaimed: true, memories: 1, pending: 0, holders: [] });
  expect(log.slice(2)).toEqual(["end"]);
  expect(here.manifest()).toEqual([]);
});

test("the recipe is known when a source is opened, and keeps apart what is prepared of the same bytes", async () => {
  const log: string[] = [];
  const here = createHostOn(platformOf(log), { limits: { resources: 7 } });
  const bytes = await counter();
  const load = (name: string, limits?: Limits): Promise<unknown> => here.load(bytes, { name, limits });
  await load("a");
  await load("b", { resources: undefined });
  await load("c", { hostCallBytes: 5 });
  await load("d", { hostCallBytes: 5, resources: 7 });
  const opened = log.filter((entry) => entry.startsWith("open"));
  expect(opened).toEqual([
    "open resources=7",
    "open resources=7",
    "open hostCallBytes=5 resources=7",
    "open hostCallBytes=5 resources=7",
  ]);
  expect(log.filter((entry) => entry === "prepare")).toHaveLength(2);
  await here.close();
});

test("each module has the limits of its own recipe, also when two share their bytes", async () => {
  const here = host();
  const bytes = await component(`(component
    (core module $M (memory (export "m") 1) (func (export "f") (result i32)
      (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 100)) (i32.const 0)))
    (core instance $i (instantiate $M))
    (func (export "f") (result (list u8)) (canon lift (core func $i "f") (memory (core memory $i "m")))))`);
  const wide: Any = await here.load(bytes, { name: "wide" });
  const tight: Any = await here.load(bytes, { name: "tight", limits: { hostCallBytes: 50 } });
  expect(wide.exports.f()).toHaveLength(100);
  expect(tight.exports.f).toThrow(LimitError);
  await tight.reload(bytes);
  expect(tight.exports.f).toThrow(LimitError);
  expect(wide.exports.f()).toHaveLength(100);
});

test("recipes that say the same have the same key, and the default has none", () => {
  expect(recipeKey(recipeOf())).toBe("");
  expect(recipeKey(recipeOf({}, { limits: { resources: undefined } }))).toBe("");
  const key = recipeKey(recipeOf({ limits: { resources: 1 } }, { limits: { hostCallBytes: 2 } }));
  expect(recipeKey(recipeOf({ limits: { hostCallBytes: 2, resources: 1 } }))).toBe(key);
  expect(recipeKey(recipeOf({ limits: { hostCallBytes: 1, resources: 2 } }))).not.toBe(key);
});

test("an instance without a host ends with a receipt and a proof, as often as it is asked", async () => {
  const instance = (await compile(await counter())).instantiateSync();
  expect(instance.usage()).toEqual({ memoryBytes: 65_536 });
  const receipt = await instance.end({ measure: true });
  expect(receipt).toMatchObject({ memoryBytes: 65_536, errors: [] });
  expect([instance.state, instance.usage().memoryBytes]).toEqual(["unloaded", 0]);
  expect(await receipt.collected({ ask: true })).toMatchObject({ reclaimed: true, memories: 1, asked: true });
  expect((await instance.end()).memoryBytes).toBe(65_536);
});
