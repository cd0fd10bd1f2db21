/** Streams of bytes in chunks of 64 KiB against the same copies by hand; jco 1.35 cannot run these guests in Node 20. */
import { createHost } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { pipeGuest } from "../node/async/channel-guests.ts";
import { compareSlow, type Goal, type Medians, type Row } from "./measure.ts";

type MakeRow = (name: string, medians: Medians, goals: readonly Goal[]) => Row;

const TURNS = 7;
const CHUNKS = 2_000;
const SIZE = 65_536;

interface Pipe {
  copy(stream: unknown): Promise<{ read(): Promise<Uint8Array | undefined> }>;
  count(stream: unknown): Promise<number>;
}

export async function streamRows(makeRow: MakeRow): Promise<Row[]> {
  const host = createHost();
  const bytes = await parseWat(pipeGuest({ type: "u8", size: 1, count: SIZE }));
  const load = async (name: string): Promise<Pipe> => (await host.load(bytes, { name })).exports as unknown as Pipe;
  const [a, b] = [await load("a"), await load("b")];
  const chunk = new Uint8Array(SIZE).fill(7);
  const chunks = function* (): Generator<Uint8Array> {
    for (let i = 0; i < CHUNKS; i++) yield chunk;
  };
  const [first, second] = [0, 1].map(() => new Uint8Array(new WebAssembly.Memory({ initial: 16 }).buffer));
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / CHUNKS;
  };
  const row = async (name: string, module: () => Promise<unknown>, hand: () => Promise<unknown>): Promise<Row> =>
    makeRow(
      name,
      await compareSlow(
        [
          { name: "module", run: () => timed(module) },
          { name: "by hand", run: () => timed(hand) },
        ],
        TURNS,
      ),
      [["module", "by hand", "at most", 2]],
    );
  const rows = [
    await row(
      "64 KiB of a stream<u8>, through a guest to the host",
      async () => {
        const stream = await a.copy(chunks());
        while ((await stream.read()) !== undefined);
      },
      async () => {
        for (const given of chunks()) {
          first!.set(given, 1024);
          await Promise.resolve(first!.slice(1024, 1024 + SIZE));
        }
      },
    ),
    await row(
      "64 KiB of a stream<u8>, through a guest to another",
      async () => b.count(await a.copy(chunks())),
      async () => {
        for (const given of chunks()) {
          first!.set(given, 1024);
          second!.set(first!.subarray(1024, 1024 + SIZE), 1024);
          await Promise.resolve();
        }
      },
    ),
  ];
  await host[Symbol.asyncDispose]();
  return rows;
}
