/** Asynchronous calls: against the least that could be written by hand, against synchronous ones, and against jco where it can. */
import { compareSlow, type Goal, type Medians, type Row } from "./measure.ts";
import { bytesInFlight } from "./in-flight.ts";
import { createHost } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { callsGuest, eagerPair } from "../node/async/guests.ts";

type MakeRow = (name: string, medians: Medians, goals: readonly Goal[]) => Row;
type Call = (value: number) => unknown;
interface Guest {
  imports: { fetch(n: number): number | Promise<number> };
  exports: { now(n: number): Promise<number>; later(n: number): Promise<number> };
}
interface Pair {
  imports: {};
  exports: { asynchronous(times: number): number; synchronous(times: number): number };
}

const TURNS = 9;
const CALLS = 5_000;
const IN_FLIGHT = 10_000;
/** jco takes a millisecond for what waits. */
const JCO_CALLS = { now: 1_000, later: 50 } as const;

export async function asyncRows(makeRow: MakeRow): Promise<Row[]> {
  const host = createHost();
  const bytes = await parseWat(callsGuest);
  const soon = (n: number): Promise<number> => Promise.resolve(n);
  const { exports } = await host.load<Guest>(bytes, { name: "calls", imports: { fetch: soon } });
  const hand = await byHand(soon);
  const jco = await throughJco(soon);
  const calls = async (call: Call, count = CALLS): Promise<number> => {
    const began = performance.now();
    for (let i = 0; i < count; i++) await call(i);
    return (performance.now() - began) / count;
  };
  const row = async (name: string, of: "now" | "later", atLeast: number): Promise<Row> => {
    const contenders = [
      { name: "module", run: () => calls(exports[of]) },
      { name: "by hand", run: () => calls(hand[of]) },
      { name: "bare async function", run: () => calls(async (n) => n) },
      ...(jco === undefined ? [] : [{ name: "jco", run: () => calls(jco[of], JCO_CALLS[of]) }]),
    ];
    return makeRow(name, await compareSlow(contenders, TURNS), [
      ["module", "by hand", "at most", 2.5],
      ...(jco === undefined ? [] : [["jco", "module", "at least", atLeast] as const]),
    ]);
  };
  const rows = [
    await row("an asynchronous call that returns at once", "now", 50),
    await row("an asynchronous call that waits for a promise of the host", "later", 1_000),
  ];
  const pair = (await host.load<Pair>(await parseWat(eagerPair), { name: "pair", imports: {} })).exports;
  const times = async (call: (times: number) => number): Promise<number> => {
    const began = performance.now();
    call(CALLS);
    return (performance.now() - began) / CALLS;
  };
  rows.push(
    makeRow(
      "a call between guests that returns at once",
      await compareSlow(
        [
          { name: "asynchronous", run: () => times(pair.asynchronous) },
          { name: "synchronous", run: () => times(pair.synchronous) },
        ],
        TURNS,
      ),
      [["asynchronous", "synchronous", "at most", 2]],
    ),
    makeRow(`one of ${IN_FLIGHT} calls that wait at once`, await inFlight(), []),
    makeRow(`one of ${IN_FLIGHT} calls that wait at once, bytes`, await bytesInFlight(IN_FLIGHT), []),
  );
  await host.close();
  return rows;

  async function inFlight(): Promise<Medians> {
    const waiting: ((n: number) => void)[] = [];
    const fetch = (): Promise<number> => new Promise((resolve) => waiting.push(resolve));
    const { exports: many } = await host.load<Guest>(bytes, { name: "many", imports: { fetch } });
    return compareSlow(
      [
        {
          name: "module",
          async run() {
            waiting.length = 0;
            const began = performance.now();
            const promises = Array.from({ length: IN_FLIGHT }, (_, i) => many.later(i));
            waiting.forEach((resolve, i) => resolve(i));
            await Promise.all(promises);
            return (performance.now() - began) / IN_FLIGHT;
          },
        },
      ],
      TURNS,
    );
  }
}

/** The same core module with adapters that check nothing and serve one call at a time. */
async function byHand(fetch: (n: number) => Promise<number>): Promise<Record<"now" | "later", Call>> {
  const text = /\(core module \$M([\s\S]*?)\n {2}\(core instance \$m/.exec(callsGuest)![1]!;
  const module = new WebAssembly.Module(await parseWat(`(module ${text}`));
  const memory = new WebAssembly.Memory({ initial: 4 });
  let returned = 0;
  let context = 0;
  let wait: Promise<void> | undefined;
  const instance = new WebAssembly.Instance(module, {
    libc: { memory },
    "": {
      fetch(n: number, pointer: number) {
        wait = fetch(n).then((value) => void new DataView(memory.buffer).setInt32(pointer, value, true));
        return 1 | (1 << 4);
      },
      return: (value: number) => void (returned = value),
      "return-string": () => undefined,
      cancel: () => undefined,
      "set-new": () => 2,
      join: () => undefined,
      "drop-subtask": () => undefined,
      "drop-set": () => undefined,
      get: () => context,
      set: (value: number) => void (context = value),
    },
  });
  const exported = instance.exports as Record<string, (...args: number[]) => number>;
  return {
    now(n) {
      exported["now"]!(n);
      return Promise.resolve(returned);
    },
    later(n) {
      exported["later"]!(n);
      return wait!.then(() => {
        exported["later-event"]!(1, 1, 2);
        return returned;
      });
    },
  };
}

/** jco runs an asynchronous export only where the engine can suspend frames. */
async function throughJco(fetch: (n: number) => Promise<number>): Promise<Record<"now" | "later", Call> | undefined> {
  if (!("Suspending" in WebAssembly)) return undefined;
  const { jcoComponent } = await import("../../scripts/toolchain/wasm-tools.ts");
  try {
    const glue = await jcoComponent(await parseWat(callsGuest));
    return glue.instantiate({ fetch: { default: fetch } } as never) as unknown as Record<"now" | "later", Call>;
  } catch {
    return undefined;
  }
}
