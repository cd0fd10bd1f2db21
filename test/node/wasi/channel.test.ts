/** The diagnostics channel of `tenon/wasi`, which is Node's. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { wasi } from "../../../host/node/wasi.ts";
import { host } from "../host/support.ts";
import { guest } from "./guest.ts";

test("tenon:access tells of the uses of every module, from when somebody has subscribed", async () => {
  const module = (await host().load(await guest(), { name: "watched", imports: wasi({ stdout: [] }) })) as any;
  module.exports.now(1);
  const told: unknown[] = [];
  const listener = (event: unknown): void => void told.push(event);
  subscribe("tenon:access", listener);
  try {
    module.exports.random(1);
  } finally {
    unsubscribe("tenon:access", listener);
  }
  module.exports.now(1);
  expect(told).toEqual([
    { module: "watched", interface: "wasi:random/random", action: "get-random-u64", granted: true },
  ]);
});
