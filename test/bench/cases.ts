/** What is compared: each case with its contenders, the first of which is the one the ratios are about. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { emitBindings } from "../../host/bindings/emit.ts";
import { decodeComponent } from "../../host/binary/decode.ts";
import { compile, createHost } from "../../host/node/index.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { jcoComponent, parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { adapt, type Api, type Person } from "./adapter.ts";
import { asyncRows } from "./async.ts";
import { rowsBesideJco } from "./beside-jco.ts";
import { frameRows } from "./frames.ts";
import { streamRows } from "./async-streams.ts";
import { jspiRows } from "./jspi.ts";
import { limitRows } from "./limits.ts";
import { compare, compareSlow, type Contender, type Goal, type Medians, type Row } from "./measure.ts";
import { saves } from "./save.ts";
import { wasiRows } from "./wasi.ts";
import { workerRows } from "./workers.ts";

const file = fileURLToPath(new URL("component.wat", import.meta.url));
const cold = fileURLToPath(new URL("cold.ts", import.meta.url));
const files = fileURLToPath(new URL("files.ts", import.meta.url));
const channelCalls = fileURLToPath(new URL("channels.ts", import.meta.url));

/** Runs every case. `report` hears of each row as it is done. */
export async function runCases(report: (row: Row) => void): Promise<Row[]> {
  const bytes = new Uint8Array(await parseWat(await readFile(file, "utf8")));
  const core = coreModule(bytes);
  const glue = await jcoComponent(bytes);
  const host = createHost();
  const component = await compile(bytes);
  const instance = component.instantiateSync();
  const direct = (instance.exports as { api: Api }).api;
  const jco = glue.instantiate()["api"] as Api;
  const hand = adapt(core);
  const module = await host.load<{ imports: object; exports: { api: Api } }>(bytes, { name: "bench" });
  const handle = module.exports.api;

  const rows: Row[] = [];
  const done = (row: Row): void => {
    rows.push(row);
    report(row);
  };
  const calls = async (name: string, call: (api: Api) => unknown, goals: readonly Goal[]): Promise<void> => {
    const medians = await compare([
      { name: "instance", run: () => call(direct) },
      { name: "module handle", run: () => call(handle) },
      { name: "by hand", run: () => call(hand) },
      { name: "jco", run: () => call(jco) },
    ]);
    done(makeRow(name, medians, goals));
  };

  const scalar = scalarContenders({ instance: direct, "module handle": handle, "by hand": hand, jco });
  done(
    makeRow("add(s32, s32), a thousand calls", await compare(scalar), [
      ["instance", "by hand", "at most", 1.5],
      ["module handle", "by hand", "at most", 4],
      ["jco", "instance", "at least", 100],
      ["jco", "module handle", "at least", 100],
    ]),
  );
  await calls("string of 16, in and out", (api) => api.echo("sixteen letters!"), [
    ["instance", "by hand", "at most", 1.3],
    ["module handle", "by hand", "at most", 1.5],
    ["jco", "module handle", "at least", 10],
  ]);
  done(await channels(bytes));
  const data = new Uint8Array(65_536).fill(7);
  await calls("list<u8> of 64 KiB, in", (api) => api.count(data), [["module handle", "by hand", "at most", 1.1]]);
  const people: Person[] = Array.from({ length: 1000 }, (_, id) => ({
    id,
    name: `Person ${id}`,
    score: id / 7,
    active: id % 2 === 0,
  }));
  await calls("1,000 records, in and out", (api) => api.people(people), [
    ["module handle", "by hand", "at most", 1.5],
    ["jco", "module handle", "at least", 3],
  ]);

  for (let i = 0; i < 5; i++) {
    await module.reload(bytes);
    for (let call = 0; call < 2000; call++) handle.add(call, 1);
  }
  const reloaded = scalarContenders({ "module handle": handle, "by hand": hand });
  done(makeRow("the same after five reloads", await compare(reloaded), [["module handle", "by hand", "at most", 4]]));

  const instantiate = await compare([
    { name: "tenon", run: () => component.instantiateSync() },
    { name: "raw instance", run: () => new WebAssembly.Instance(core) },
    { name: "jco", run: () => glue.instantiate() },
  ]);
  done(makeRow("instantiate", instantiate, [["tenon", "raw instance", "at most", 1.5]]));
  done(
    makeRow("reload, same world", await reloads(module, bytes), [["reload", "compile + instantiate", "at most", 2]]),
  );
  done(makeRow("cold: bytes to first result", await coldStarts(bytes), [["jco", "tenon", "at least", 10]]));
  const saved = { ...(await saves()), aim: 300e6 };
  done(
    makeRow("save a module's source: its new code answers", saved, [
      ["in a page", "aim", "at most", 1],
      ["in Node", "aim", "at most", 1],
    ]),
  );
  const text = emitBindings(analyze(bytes).plan);
  done(
    makeRow("generated text, bytes", { tenon: text.length, jco: glue.source.length }, [
      ["tenon", "jco", "at most", 0.1],
    ]),
  );
  for (const row of await limitRows(makeRow)) done(row);
  for (const row of await jspiRows(makeRow)) done(row);
  for (const row of await asyncRows(makeRow)) done(row);
  for (const row of await rowsBesideJco(makeRow)) done(row);
  for (const row of await streamRows(makeRow)) done(row);
  // From here on every promise of this process costs more: Node 20 tells workers which call an import belongs to by hooks on all.
  for (const row of await workerRows(makeRow)) done(row);
  for (const row of await frameRows(makeRow)) done(row);
  for (const row of await wasiRows(makeRow)) done(row);
  for (const row of await fileRows()) done(row);
  await module.unload();
  await host[Symbol.asyncDispose]();
  return rows;
}

/**
 * A thousand calls in a loop of the contender's own: made by `Function`, so that no two share what the engine learns at
 * the call, as in an application where each call site calls one function.
 */
function scalarContenders(apis: Record<string, Api>): Contender[] {
  const text = "let sum = 0; return () => { for (let i = 0; i < 1000; i++) sum = add(sum, i) | 0; return sum; };";
  return Object.entries(apis).map(([name, { add }]) => ({ name, run: new Function("add", text)(add) as () => number }));
}

/**
 * Calls while nobody has subscribed to `tenon:call`, on a platform with channels and on one without, each in processes of its
 * own: what the engine learns of one side's calls must not slow the other's.
 */
async function channels(bytes: Uint8Array<ArrayBuffer>): Promise<Row> {
  const medians = await inProcesses(channelCalls, ["with channels", "without channels"], bytes);
  return makeRow("add(s32, s32), a thousand calls, nobody subscribed", medians, [
    ["with channels", "without channels", "at most", 1.1],
  ]);
}

/** Files of a guest, against preview2-shim. */
async function fileRows(): Promise<Row[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", files]);
  return Object.entries(JSON.parse(stdout) as Record<string, Medians>).map(([name, medians]) =>
    makeRow(name, medians, [
      ["preview2-shim", "directory", "at least", 1],
      ["preview2-shim", "memory", "at least", 1],
    ]),
  );
}

async function reloads(
  module: { reload(source: Uint8Array): Promise<unknown> },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Medians> {
  const coreBytes = coreBytesOf(bytes);
  let version = 0;
  return compareSlow(
    [
      {
        name: "reload",
        run: () => {
          const next = withVersion(bytes, version++);
          return timed(() => module.reload(next));
        },
      },
      {
        name: "compile + instantiate",
        run: () => {
          const next = withVersion(coreBytes, version++);
          return timed(async () => new WebAssembly.Instance(await WebAssembly.compile(next)));
        },
      },
    ],
    101,
  );
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

/** The same module with a custom section of its own, so that neither the host nor the engine has met the bytes before. */
function withVersion(bytes: Uint8Array, version: number): Uint8Array<ArrayBuffer> {
  const payload = [1, 0x76, version & 0xff, (version >> 8) & 0xff];
  return Uint8Array.from([...bytes, 0, payload.length, ...payload]);
}

function coldStarts(bytes: Uint8Array<ArrayBuffer>): Promise<Medians> {
  return inProcesses(cold, ["tenon", "jco"], bytes);
}

/** A script that prints milliseconds, run in turns in a new process for each side. */
async function inProcesses(script: string, sides: readonly string[], bytes: Uint8Array<ArrayBuffer>): Promise<Medians> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-bench-"));
  try {
    const path = join(folder, "component.wasm");
    await writeFile(path, bytes);
    const start = (side: string) => async (): Promise<number> => {
      const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script, side, path]);
      return Number(stdout);
    };
    return await compareSlow(
      sides.map((name) => ({ name, run: start(name) })),
      5,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function coreBytesOf(component: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const found = decodeComponent(component).definitions.find((item) => item.kind === "core-module");
  if (found === undefined) throw new Error("Expected a component with a core module");
  return component.slice(found.start, found.end);
}

function coreModule(component: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  return new WebAssembly.Module(coreBytesOf(component));
}

function makeRow(name: string, medians: Medians, goals: readonly Goal[]): Row {
  return {
    name,
    medians,
    goals: goals.map(([of, to, kind, limit]) => {
      const ratio = medians[of]! / medians[to]!;
      return { of, to, ratio, goal: `${kind} ${limit}`, met: kind === "at most" ? ratio <= limit : ratio >= limit };
    }),
  };
}
