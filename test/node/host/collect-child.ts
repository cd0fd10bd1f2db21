/**
 * Run by collect.test.ts in a process of its own, without start flags: prints what an unload with `collect` reports, and
 * then has to end by itself although a leak watch, a restart and a timer of a scope are pending.
 */
import { createHost } from "../../../host/node/index.ts";
import { math, poker } from "./fixtures.ts";

async function main(): Promise<void> {
  const host = createHost({ leakDeadlineMs: 60_000, onTrap: { delayMs: 60_000 } });
  const module = await host.load(await math(), { name: "math" });
  const { api } = module.exports as { api: Record<string, (...args: number[]) => number> };
  api["grow"]!(10);
  const receipt = await module.unload({ collect: true });
  const report = await receipt.collected;
  const timed = await host.load(await poker(), {
    name: "timed",
    imports: ({ setTimeout }: { setTimeout: (task: () => void, ms: number) => unknown }) => ({
      "demo:poke/host": { poke: () => void setTimeout(() => undefined, 60_000) },
    }),
  });
  const trapping = await host.load(await math(), { name: "trapping" });
  try {
    (trapping.exports as { api: { boom: () => void } }).api.boom();
  } catch {
    // A restart is scheduled now, a minute from here.
  }
  await host.close();
  console.log(
    JSON.stringify({
      gc: typeof (globalThis as { gc?: unknown }).gc,
      state: timed.state,
      memoryBytes: receipt.memoryBytes,
      report,
    }),
  );
}

await main();
