/** Many cycles in one process: reloads, tight loops of loads and unloads, a thousand modules alive at once. */
import { expect, test } from "vitest";
import { attempt, compile, createHost, LimitError } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { counter, math } from "../node/host/fixtures.ts";
import { residentMiB, settle } from "./helpers.ts";

type Api = { exports: { api: Record<string, any> } };

test("20,000 reloads with state handed over: resident memory is flat and the address space bounded", async () => {
  const versions = [await counter(), await counter({ teardown: "trap" })];
  const start = await settle();
  const host = createHost();
  const module = (await host.load(versions[0]!, { name: "counter" })) as unknown as Api & {
    reload: (source: Uint8Array) => Promise<unknown>;
  };
  const { increment } = module.exports.api;
  let calls = 0;
  const curve: number[] = [];
  const began = performance.now();
  let warm = 0;
  for (let i = 1; i <= 20_000; i++) {
    expect(increment()).toBe(++calls);
    await module.reload(versions[i % 2]!);
    if (i === 2_000) warm = (await settle()).residentMiB;
    if (i % 2_000 === 0) curve.push(Math.round(residentMiB()));
  }
  const perReload = (performance.now() - began) / 20_000;
  expect(increment()).toBe(calls + 1);
  const live = await settle();
  console.log(
    `20,000 reloads, ${perReload.toFixed(3)} ms each; resident MiB at every 2,000: ${curve.join(" ")}; settled ${Math.round(live.residentMiB)}`,
  );
  expect(live.memories).toBe(start.memories + 1);
  if (start.reservations !== undefined) expect(live.reservations).toBe(start.reservations + 1);
  expect(live.residentMiB - warm).toBeLessThan(30);
  await host.close();
  expect((await settle()).memories).toBe(start.memories);
});

test("20,000 loads and unloads in a tight loop never run out of address space", async () => {
  const bytes = await math();
  const start = await settle();
  const host = createHost();
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const module = (await host.load(bytes, { name: "math" })) as unknown as Api & { unload: () => Promise<unknown> };
    if (module.exports.api["add"](i, 1) !== i + 1) throw new Error("The sum is wrong");
    await module.unload();
    if (i % 1_000 === 0) most = Math.max(most, residentMiB());
  }
  const after = await settle();
  console.log(
    `20,000 loads and unloads: at most ${Math.round(most)} MiB resident, settled ${Math.round(after.residentMiB)}; memories ${start.memories} → ${after.memories}`,
  );
  expect(after.memories).toBe(start.memories);
  expect(after.reservations).toBe(start.reservations);
});

test("20,000 loads under limits, each ended by one, give all their memory back", async () => {
  const bytes = await parseWat(`(component
    (core module $m (memory (export "memory") 1) (func (export "spin") (loop $l (br $l))))
    (core instance $i (instantiate $m))
    (func (export "spin") (canon lift (core func $i "spin"))))`);
  const start = await settle();
  const host = createHost({ limits: { fuel: 1_000, timeoutMs: 60_000, memoryBytes: 2 ** 20 } });
  let warm = 0;
  for (let i = 1; i <= 20_000; i++) {
    const module = (await host.load(bytes, { name: "spin" })) as unknown as {
      exports: { spin(): void };
      unload(): Promise<unknown>;
    };
    const outcome = attempt(() => module.exports.spin());
    if (outcome.ok || !(outcome.error instanceof LimitError)) throw new Error("The limit did not hold");
    await module.unload();
    if (i === 4_000) warm = (await settle()).residentMiB;
  }
  const after = await settle();
  console.log(`20,000 calls ended by a limit: settled ${Math.round(warm)} → ${Math.round(after.residentMiB)} MiB`);
  expect(after.memories).toBe(start.memories);
  expect(after.reservations).toBe(start.reservations);
  expect(after.residentMiB - warm).toBeLessThan(30);
}, 400_000);

test("an instance with limits that is held after its end keeps no memory, and what it has used stays known", async () => {
  const bytes = await parseWat(`(component
    (core module $m (memory (export "memory") 1) (func (export "f") (loop)))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))`);
  const component = await compile(bytes, { limits: { timeoutMs: 60_000, fuel: 1_000, memoryBytes: 2 ** 20 } });
  const start = await settle();
  const held = component.instantiateSync();
  (held.exports as { f(): void }).f();
  expect((await settle()).memories).toBe(start.memories + 1);
  const { fuel } = held.usage();
  held.dispose();
  expect((await settle()).memories).toBe(start.memories);
  expect(held.usage()).toMatchObject({ fuel, memoryBytes: 0 });
});

test("a thousand modules are alive at once, and all their memory goes", async () => {
  const bytes = await math();
  const start = await settle();
  const host = createHost();
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => host.load(bytes, { name: `math${i}` })));
  expect((await settle()).memories).toBe(start.memories + 1_000);
  for (let i = 0; i < 1_000; i++) {
    expect((host.require(`math${i}`) as unknown as Api).exports.api["add"](i, i)).toBe(2 * i);
  }
  expect(host.manifest()).toHaveLength(1_000);
  expect(await host.close()).toHaveLength(1_000);
  expect((await settle()).memories).toBe(start.memories);
});

test("trap and reload over and over keeps nothing of the trapped instances", async () => {
  const bytes = await math();
  const start = await settle();
  const host = createHost();
  const module = (await host.load(bytes, { name: "math" })) as unknown as Api & {
    reload: (source: Uint8Array) => Promise<unknown>;
  };
  const { boom, add } = module.exports.api;
  const errors: unknown[] = [];
  for (let i = 0; i < 300; i++) {
    errors.push(
      attempt(() => boom()),
      attempt(() => add(1, 2)),
    );
    await module.reload(bytes);
    expect(add(1, 2)).toBe(3);
  }
  expect(errors).toHaveLength(600);
  expect((await settle()).memories).toBe(start.memories + 1);
  await host.close();
});
