/** Calls that may wait in this thread, against the same calls written by hand with JavaScript Promise Integration. */
import { compareSlow, type Goal, type Medians, type Row } from "./measure.ts";
import { createHost } from "../../host/node/index.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";

type MakeRow = (name: string, medians: Medians, goals: readonly Goal[]) => Row;
type Call = (value: number) => unknown;
interface Guest {
  imports: { get(value: number): number };
  exports: { twice(value: number): number; ask(value: number): number };
}

const TURNS = 9;
const CALLS = 5_000;

const CORE = `(import "h" "get" (func $get (param i32) (result i32)))
    (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "ask") (param i32) (result i32) (call $get (local.get 0)))`;

const GUEST = `(component
  (import "get" (func $get (param "value" s32) (result s32)))
  (core func $get (canon lower (func $get)))
  (core module $m ${CORE})
  (core instance $i (instantiate $m (with "h" (instance (export "get" (func $get))))))
  (func (export "twice") (param "value" s32) (result s32) (canon lift (core func $i "twice")))
  (func (export "ask") (param "value" s32) (result s32) (canon lift (core func $i "ask"))))`;

export async function jspiRows(makeRow: MakeRow): Promise<Row[]> {
  if (!("Suspending" in WebAssembly)) {
    return [makeRow("calls with jspi: none, since this Node has no JavaScript Promise Integration", {}, [])];
  }
  const host = createHost();
  const bytes = await parseWat(GUEST);
  const load = async (name: string, get: Call): Promise<Record<"twice" | "ask", Call>> =>
    (await host.load<Guest>(bytes, { name, jspi: true, imports: { get: get as never } })).exports;
  const { Suspending, promising } = WebAssembly as unknown as {
    Suspending: new (get: Call) => Function;
    promising(call: unknown): Call;
  };
  const core = new WebAssembly.Module(await parseWat(`(module ${CORE})`));
  const byHand = (get: Function, name: string): Call =>
    promising(new WebAssembly.Instance(core, { h: { get } }).exports[name]);
  const now = (value: number): number => value;
  const soon = async (value: number): Promise<number> => value;
  const calls = async (call: Call): Promise<number> => {
    const began = performance.now();
    for (let i = 0; i < CALLS; i++) await call(i);
    return (performance.now() - began) / CALLS;
  };
  const row = async (name: string, module: Call, hand: Call, limit: number): Promise<Row> =>
    makeRow(
      name,
      await compareSlow(
        [
          { name: "module with jspi", run: () => calls(module) },
          { name: "by hand", run: () => calls(hand) },
        ],
        TURNS,
      ),
      [["module with jspi", "by hand", "at most", limit]],
    );
  const [at, later] = [await load("at-once", now), await load("later", soon)];
  const rows = [
    await row("with jspi, a call that waits for nothing", at.twice, byHand(now, "twice"), 1.5),
    await row("with jspi, an import that returns at once", at.ask, byHand(new Suspending(now), "ask"), 1),
    await row("with jspi, an import that returns a promise", later.ask, byHand(new Suspending(soon), "ask"), 2),
  ];
  await host.close();
  return rows;
}
