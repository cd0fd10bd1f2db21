/** What a host tells about itself: the manifest, events in order, observers of calls. */
import { expect, test } from "vitest";
import { type ObservedCall } from "../../../host/node/index.ts";
import { math, poker, things, twice } from "./fixtures.ts";
import { type Any, host } from "./support.ts";

test("the manifest is plain data about every module", async () => {
  const here = host();
  const before = Date.now();
  const provider: Any = await here.load(await math({ version: "1.2.3", pages: 2 }), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  user.exports.api.twice(1);
  user.exports.api.twice(1);
  provider.exports.api.add(1, 1);
  const manifest = here.manifest();
  expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest);
  expect(manifest).toEqual([
    {
      name: "math",
      version: "1.2.3",
      hash: provider.hash,
      world: {
        imports: [],
        exports: [expect.stringMatching(/^demo:math\/api@1\.2\.3: interface \{ add: func\(a: s32, b: s32\) -> s32/)],
      },
      imports: [],
      exports: ["add", "grow", "boom", "calls"].map((name) => `demo:math/api@1.2.3#${name}`),
      uses: [],
      usedBy: ["twice"],
      memoryBytes: 2 * 65536,
      calls: 3,
      traps: 0,
      restarts: 0,
      reloads: 0,
      state: "live",
      activity: [],
      loadedAt: expect.any(String),
    },
    {
      name: "twice",
      version: "1.0.0",
      hash: user.hash,
      world: { imports: [expect.stringMatching(/^demo:math\/api@1\.0\.0: interface/)], exports: [expect.any(String)] },
      imports: [{ name: "demo:math/api@1.0.0", from: "module", module: "math" }],
      exports: ["demo:twice/api@1.0.0#twice"],
      uses: ["math"],
      usedBy: [],
      memoryBytes: 65536,
      calls: 2,
      traps: 0,
      restarts: 0,
      reloads: 0,
      state: "live",
      activity: [],
      loadedAt: expect.any(String),
    },
  ]);
  expect(Date.parse(manifest[0]!.loadedAt)).toBeGreaterThanOrEqual(before);
  expect(provider.info()).toEqual(manifest[0]);
});

test("calls are counted across reloads and retired handles; an unloaded module still tells what it was", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  for (let i = 0; i < 5; i++) module.exports.api.add(1, 1);
  module.exports.api.grow(0);
  await module.reload(await math({ type: "u32", less: true }));
  module.exports.api.add(1, 1);
  expect(module.info().calls).toBe(7);
  await module.unload();
  expect(module.info()).toMatchObject({
    state: "unloaded",
    memoryBytes: 0,
    calls: 7,
    exports: [],
    activity: [],
    usedBy: [],
  });
});

test("an observer sees every call with its time and error, through reloads, until it stops", async () => {
  const here = host();
  const module: Any = await here.load(await math(), { name: "math" });
  const { add, boom } = module.exports.api;
  const calls: ObservedCall[] = [];
  add(1, 2);
  const stop = here.observe((call) => calls.push(call));
  expect(add(1, 2)).toBe(3);
  await module.reload(await math({ bias: 1 }));
  expect(add(1, 2)).toBe(4);
  const user: Any = await here.load(await twice(), { name: "twice" });
  expect(user.exports.api.twice(2)).toBe(5);
  expect(() => boom()).toThrow(/unreachable/);
  expect(calls.map((call) => [call.module, call.export, call.error === undefined])).toEqual([
    ["math", "demo:math/api@1.0.0#add", true],
    ["math", "demo:math/api@1.0.0#add", true],
    // The inner call ends before the outer one.
    ["math", "demo:math/api@1.0.0#add", true],
    ["twice", "demo:twice/api@1.0.0#twice", true],
    ["math", "demo:math/api@1.0.0#boom", false],
  ]);
  for (const { durationMs } of calls) expect(durationMs).toBeGreaterThanOrEqual(0);
  stop();
  stop();
  await module.reload();
  add(1, 2);
  expect(calls).toHaveLength(5);
});

test("observers see methods, statics and constructors, and may come and go in any order", async () => {
  const here = host();
  const module: Any = await here.load(await things(), { name: "things" });
  const { Thing } = module.exports.api;
  const first: string[] = [];
  const second: string[] = [];
  const stopFirst = here.observe((call) => first.push(call.export.split("#")[1]!));
  const stopSecond = here.observe((call) => second.push(call.export.split("#")[1]!));
  const thing = new Thing(1);
  Thing.make(2);
  expect(thing.value()).toBe(1);
  stopFirst();
  thing.value();
  stopSecond();
  thing.value();
  expect(first).toEqual(["Thing", "Thing.make", "Thing.value"]);
  expect(second).toEqual(["Thing", "Thing.make", "Thing.value", "Thing.value"]);
});

test("events come in order and can be left", async () => {
  const here = host();
  const events: string[] = [];
  const stops = (["loaded", "reloaded", "unloaded"] as const).map((event) =>
    here.on(event, (detail) => events.push(`${event} ${detail.module}`)),
  );
  const module = await here.load(await math(), { name: "a" });
  await module.reload();
  const other = await here.load(await poker(), { name: "b", imports: { "demo:poke/host": { poke: () => undefined } } });
  await module.unload();
  for (const stop of stops) stop();
  await other.unload();
  expect(events).toEqual(["loaded a", "reloaded a", "loaded b", "unloaded a"]);
});
