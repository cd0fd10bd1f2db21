/** Workers that are ended give back all they had, however often. */
import { expect, test } from "vitest";
import { createHost, type Module } from "../../host/node/index.ts";
import { poker } from "../node/host/fixtures.ts";
import { residentMiB, settle } from "./helpers.ts";

type Poker = Module<{ imports: object; exports: any }>;

const heapMiB = (): number => process.memoryUsage().heapUsed / 2 ** 20;

/** Each takes the tenth of a second that a worker has to end by itself; `TENON_FUZZ_SCALE=10` makes them a thousand. */
const KILLS = Math.ceil(100 * Number(process.env["TENON_FUZZ_SCALE"] ?? 1));
const WARM_UP = 20;

/** Ends a worker in the middle of a call: its guest waits for an import that never answers. */
async function kill(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const host = createHost();
  const imports = { "demo:poke/host": { poke: () => new Promise<void>(() => {}) } };
  const limits = { timeoutMs: 1, startTimeoutMs: 60_000 };
  const module = (await host.load(bytes, { name: "p", imports, isolation: "worker", limits })) as Poker;
  // Not by `expect`, which keeps every promise that it was given until the test ends.
  const error: unknown = await module.exports.run(1).catch((thrown: unknown) => thrown);
  if (!String(error).includes("the worker was ended")) throw error;
  await host.close();
}

test(`${KILLS} killed workers give back their memory and their address space`, async () => {
  const bytes = await poker();
  for (let i = 0; i < WARM_UP; i++) await kill(bytes);
  const before = await settle();
  const [started, heapBefore] = [residentMiB(), heapMiB()];
  for (let i = 0; i < KILLS; i++) await kill(bytes);
  const after = await settle();
  console.log(`${KILLS} kills: ${started.toFixed(0)} -> ${after.residentMiB.toFixed(0)} MiB`);
  expect(after.memories).toBeLessThanOrEqual(before.memories);
  if (before.reservations !== undefined) expect(after.reservations).toBeLessThanOrEqual(before.reservations);
  // A worker that stayed would hold several MiB. A bare worker of Node 20 that has instantiated a core module of its own leaves
  // 32 KiB of the engine's behind, 3 KiB without one, however it ends.
  expect(after.residentMiB - before.residentMiB).toBeLessThan(10 + KILLS * 0.064);
  expect(heapMiB() - heapBefore).toBeLessThan(8);
}, 900_000);

test("a worker that nobody ends is seen: it has an address space of its own", async () => {
  const before = await settle();
  const host = createHost();
  const imports = { "demo:poke/host": { poke: () => {} } };
  await host.load(await poker(), { name: "p", imports, isolation: "worker" });
  const during = await settle();
  await host.close();
  const after = await settle();
  if (before.reservations === undefined) return;
  expect(during.reservations).toBeGreaterThan(before.reservations);
  expect(after.reservations).toBe(before.reservations);
});
