/** Modules in workers: a call there and back against a bare message, and how much a pool of two gets done. */
import { Worker } from "node:worker_threads";
import { compareSlow, type Goal, type Medians, type Row } from "./measure.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

type MakeRow = (name: string, medians: Medians, goals: readonly Goal[]) => Row;
interface Guest {
  imports: object;
  exports: { add(a: number, b: number): number; work(): number };
}

const TURNS = 9;
const ROUND_TRIPS = 2_000;
const JOBS = 40;

/** Answers each message as the worker of a module does: on a port of its own. */
const ECHO = `const { workerData } = require("node:worker_threads");
workerData.on("message", ([id, a, b]) => workerData.postMessage([id, a + b]));`;

/** Something that takes some milliseconds, and an addition. */
const GUEST = `(component
  (core module $m
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "work") (result i32) (local $i i32) (local $x i32)
      (loop $l
        (local.set $x (i32.xor (i32.mul (local.get $x) (i32.const 1664525)) (local.get $i)))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000000))))
      (local.get $x)))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
  (func (export "work") (result s32) (canon lift (core func $i "work"))))`;

export async function workerRows(makeRow: MakeRow): Promise<Row[]> {
  // The compiled package, whose worker is a file.
  const { createHost } = (await import(
    new URL("../../dist/host/node/index.js", import.meta.url).href
  )) as typeof import("../../host/node/index.ts");
  await using host = createHost();
  const bytes = await parseWat(GUEST);
  const one = await host.load<Guest>(bytes, { name: "one", isolation: "worker" });
  const two = await host.load<Guest>(bytes, { name: "two", isolation: "worker", instances: 2 });
  const sync = await host.load<Guest>(bytes, { name: "sync", isolation: "worker-sync" });
  const { port1, port2 } = new MessageChannel();
  const echo = new Worker(ECHO, { eval: true, workerData: port2, transferList: [port2 as never] });
  const waiting: ((sum: number) => void)[] = [];
  port1.onmessage = ({ data }: { data: [number, number] }) => waiting.shift()!(data[1]);
  const post = (a: number, b: number): Promise<number> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port1.postMessage([1, a, b]);
    });
  const trips = async (add: (a: number, b: number) => unknown): Promise<number> => {
    const began = performance.now();
    for (let i = 0; i < ROUND_TRIPS; i++) await add(i, 1);
    return (performance.now() - began) / ROUND_TRIPS;
  };
  const jobs = async (work: () => unknown): Promise<number> => {
    const began = performance.now();
    await Promise.all(Array.from({ length: JOBS }, () => work()));
    return (performance.now() - began) / JOBS;
  };
  const { add } = one.exports;
  const rows = [
    makeRow(
      "a call into a worker and back, add(s32, s32)",
      await compareSlow(
        [
          { name: "module in a worker", run: () => trips(add) },
          { name: "worker-sync", run: () => trips(sync.exports.add) },
          { name: "bare message", run: () => trips(post) },
        ],
        TURNS,
      ),
      [["module in a worker", "bare message", "at most", 2]],
    ),
    makeRow(
      "a job of some milliseconds, many at once",
      await compareSlow(
        [
          { name: "two workers", run: () => jobs(two.exports.work) },
          { name: "one worker", run: () => jobs(one.exports.work) },
        ],
        TURNS,
      ),
      [["one worker", "two workers", "at least", 1.6]],
    ),
  ];
  port1.close();
  await echo.terminate();
  return rows;
}
