/**
 * A thousand calls through a handle while nobody has subscribed to `tenon:call`, though somebody had.
 *
 * Called as `channels.ts "with channels"|"without channels" FILE`; prints milliseconds.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import { createHost } from "../../host/module/host.ts";
import { nodePlatform } from "../../host/node/platform.ts";
import type { Api } from "./adapter.ts";
import { compare } from "./measure.ts";

const [, , side, file] = process.argv;
const platform = side === "with channels" ? nodePlatform : { ...nodePlatform, tracing: undefined };
const host = createHost(platform, {});
const { api } = (await host.load<{ imports: object; exports: { api: Api } }>(await readFile(file!))).exports;
const listener = (): void => undefined;
subscribe("tracing:tenon:call:start", listener);
unsubscribe("tracing:tenon:call:start", listener);
const run = (): number => {
  let sum = 0;
  for (let i = 0; i < 1000; i++) sum = api.add(sum, i) | 0;
  return sum;
};
const { calls } = await compare([{ name: "calls", run }]);
process.stdout.write(`${calls! / 1e6}\n`);
await host.close();
