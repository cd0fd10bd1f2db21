/** The event loop gets its turns while streams run between ends that are always ready, and guests that go on for ever. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHost, type Host } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { pipeGuest } from "./channel-guests.ts";
import { callsGuest } from "./guests.ts";

type Any = any;

/** So much work without a turn of the event loop is work that never leaves one. */
const MOST = 500_000;
const CHUNK = new Uint8Array(512);

let host: Host;
let steps: number;
/** What has not had its turn yet. */
const missing: Set<string> = new Set();

beforeEach(() => {
  host = createHost();
  steps = 0;
});

afterEach(() => host.close());

/** A step of something without an end. @returns whether a timer and a message still wait for their turn, from the first step on */
function step(): boolean {
  if (steps === 0) {
    const turn = (name: string): (() => void) => {
      missing.add(name);
      return () => void missing.delete(name);
    };
    setTimeout(turn("timer"));
    const { port1, port2 } = new MessageChannel();
    const message = turn("message");
    port1.onmessage = () => {
      port1.close();
      message();
    };
    port2.postMessage(undefined);
  }
  if (++steps > MOST) throw new Error(`The event loop had no turn in ${MOST} steps`);
  return missing.size > 0;
}

function* endless(): Generator<Uint8Array> {
  while (step()) yield CHUNK;
}

async function* endlessPromises(): AsyncGenerator<Uint8Array> {
  while (step()) yield CHUNK;
}

const endlessReadable = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull(controller) {
      if (step()) controller.enqueue(CHUNK);
      else controller.close();
    },
  });

describe("the event loop gets its turn", () => {
  const load = async (name: string): Promise<Any> =>
    (await host.load(await parseWat(pipeGuest({ type: "u8", size: 1 })), { name })).exports;

  test.each([
    ["an iterable", endless],
    ["promises", endlessPromises],
    ["a ReadableStream", endlessReadable],
  ])("while a guest reads %s that is always ready", async (_, source) => {
    const { count } = await load("pipe");
    expect(await count(source())).toBe((steps - 1) * CHUNK.length);
  });

  test("while one guest reads what another gives", async () => {
    const [a, b] = [await load("a"), await load("b")];
    expect(await b.count(await a.copy(endless()))).toBe((steps - 1) * CHUNK.length);
  });

  test.each([
    ["by chunks", (stream: Any) => stream],
    ["as a ReadableStream", (stream: Any) => stream.readable],
  ])("while the program reads a guest's stream %s", async (_, of) => {
    const { copy } = await load("pipe");
    let bytes = 0;
    for await (const chunk of of(await copy(endless()))) bytes += chunk.length;
    expect(bytes).toBe((steps - 1) * CHUNK.length);
  });

  test("while a hundred streams run", async () => {
    const pipes = await Promise.all(Array.from({ length: 100 }, (_, i) => load(`pipe-${i}`)));
    const counts: number[] = await Promise.all(pipes.map((pipe) => pipe.count(endless())));
    expect(counts.reduce((sum, count) => sum + count)).toBe((steps - 100) * CHUNK.length);
  });

  test("while guests wait for promises that have settled", async () => {
    const imports = { fetch: (n: number) => Promise.resolve(n) };
    const calls: Any = (await host.load(await parseWat(callsGuest), { name: "calls", imports })).exports;
    while (step()) await calls.later(1);
  });
});
