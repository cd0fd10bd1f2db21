/** A stream that the dev page runs through a function: whatever is done to its module meanwhile, nothing of it is lost. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { UnloadedError } from "../../host/errors.ts";
import { createHost, type Host, type Module } from "../../host/node/index.ts";
import { type Flow, flow } from "../../scripts/toolchain/dev/page/flow.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { pipeGuest } from "./async/channel-guests.ts";

let host: Host;
let module: Module;
let calls: number;
let given: number;
let closed: boolean;
let controller: AbortController;

beforeEach(async () => {
  host = createHost();
  module = await host.load(await parseWat(pipeGuest({ type: "u8", size: 1 })), { name: "pipe" });
  calls = given = 0;
  closed = false;
  controller = new AbortController();
});

afterEach(() => host.close());

/** Numbers in order, until there are enough. */
async function* numbers(isEnough: () => boolean): AsyncGenerator<Uint8Array, void> {
  try {
    while (!isEnough()) {
      yield Uint8Array.of(given++ & 255);
      await new Promise((resolve) => setTimeout(resolve));
    }
  } finally {
    closed = true;
  }
}

function through(name: string, isEnough: () => boolean): AsyncGenerator<Uint8Array, void> {
  const call: Flow["call"] = (bytes) => {
    calls++;
    return (module.exports as Record<string, Flow["call"]>)[name]!(bytes);
  };
  return flow({ module, call, source: numbers(isEnough), signal: controller.signal });
}

const inOrder = (): number[] => Array.from({ length: given }, (_, i) => i & 255);

test("flow goes on through the new version where its module is reloaded, and loses nothing", async () => {
  const found: number[] = [];
  let until = Infinity;
  let reloading: Promise<unknown> | undefined;
  for await (const chunk of through("copy", () => given >= until)) {
    found.push(...chunk);
    if (found.length >= 5) reloading ??= module.reload();
    // Some more by the new version.
    if (calls > 1 && until === Infinity) until = given + 5;
  }
  await reloading;
  expect(calls).toBe(2);
  expect(found).toEqual(inOrder());
  expect(closed).toBe(true);
});

test("flow ends with its source, and calls a function that ends before it no second time", async () => {
  const found: number[] = [];
  for await (const chunk of through("copy", () => given >= 20)) found.push(...chunk);
  expect(found).toEqual(inOrder());
  expect({ calls, closed }).toEqual({ calls: 1, closed: true });

  const call: Flow["call"] = async () => {
    calls++;
    return { readable: new Response(Uint8Array.of(7)).body } as never;
  };
  const source = numbers(() => false);
  const chunks: Uint8Array[] = [];
  for await (const chunk of flow({ module, call, source, signal: controller.signal })) chunks.push(chunk);
  expect(chunks).toEqual([Uint8Array.of(7)]);
  expect(calls).toBe(2);
});

test("flow ends when its signal fires, and when nobody takes what comes", async () => {
  let count = 0;
  for await (const chunk of through("copy", () => false)) {
    count += chunk.length;
    if (count >= 3) controller.abort();
  }
  expect(closed).toBe(true);

  controller = new AbortController();
  closed = false;
  for await (const _ of through("copy", () => false)) break;
  expect(closed).toBe(true);
  await expect.poll(() => module.info().activity).toEqual([]);
});

test("flow throws what an unload makes of its stream", async () => {
  const run = async (): Promise<void> => {
    for await (const _ of through("copy", () => false)) {
      if (given === 3) await module.unload({ force: true });
    }
  };
  await expect(run()).rejects.toThrow(UnloadedError);
  expect(closed).toBe(true);
});
