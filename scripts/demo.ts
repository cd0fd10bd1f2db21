/**
 * `npm start`: builds the example modules and shows the host at work, step by step, each with its measured time.
 *
 * Ends by itself; the exit status is 1 when anything the tour claims did not hold.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import type { Calc } from "../dist/modules/calc.d.ts";
import type { Counter } from "../dist/modules/counter.d.ts";
import type { Faulty } from "../dist/modules/faulty.d.ts";
import type { Hello } from "../dist/modules/hello.d.ts";
import type { LoggerClient } from "../dist/modules/logger-client.d.ts";
import { attempt, createHost, LowerError, ReloadError, TrapError, UnloadedError } from "../host/node/index.ts";
import { createBuilder, type Builder } from "./build/index.ts";
import { duration, expect, failed, heading, say, timed } from "./demo/stage.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const component = (name: string): string => join(root, "dist", "modules", `${name}.wasm`);

const builder = createBuilder();
const host = createHost();
const workshop = await mkdtemp(join(tmpdir(), "tenon-tour-"));
try {
  console.log(styleText("bold", "tenon: modules that load, fail, change and leave while the application runs"));
  await build();
  await load();
  await call();
  await callBack();
  await survive();
  await reload();
  await unload();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await host[Symbol.asyncDispose]();
  await builder.close();
  await rm(workshop, { recursive: true, force: true });
}
if (failed()) process.exitCode = 1;
console.log(process.exitCode === 1 ? "\nNot everything held." : "\nEverything held. The code of this tour is scripts/demo.ts.");

async function build(): Promise<void> {
  heading(
    "1. Build",
    "A module is a folder: an interface written in WIT, and code in AssemblyScript. It becomes one file of WebAssembly, a " +
      "component, that says what it needs and what it offers. Unchanged modules are not built again.",
  );
  for (const name of ["hello", "calc", "counter", "logger-client", "faulty"]) {
    const result = await builder.build({ dir: join(root, "modules", name), out: component(name) });
    say(`${name.padEnd(14)} ${result.bytes.component} bytes${result.cached ? ", unchanged" : ""}`, result.durationMs);
  }
}

async function load(): Promise<void> {
  heading("2. Load", "Loading reads the file, checks it, and links it. There is no generated glue to import and no build step here.");
  const { value: hello, durationMs } = await timed(() => host.load<Hello>(component("hello")));
  say(`loaded "${hello.name}", sha256 ${hello.hash.slice(0, 12)}…`, durationMs);
  const greeting = await timed(() => hello.exports.greet("world"));
  say(`greet("world") → ${JSON.stringify(greeting.value)}`, greeting.durationMs);
  expect(greeting.value === "Hello, world!", "a string went in and another came out");
}

async function call(): Promise<void> {
  heading("3. Call", "Exports are typed functions. Numbers, strings, lists, records, variants and results are ordinary JavaScript values.");
  const { exports } = await host.load<Calc>(component("calc"));
  const { api } = exports;
  const area = await timed(() => api.area({ tag: "rectangle", val: { width: 3, height: 4 } }));
  say(`area of a 3 × 4 rectangle → ${area.value}`, area.durationMs);
  expect(area.value === 12, "a variant with a record inside crossed the border");
  const division = attempt(() => api.divide(1, 0));
  expect(!division.ok, `an error of the module is an ordinary one: ${division.ok ? "" : division.error.message}`);
  // `attempt` is for what a module does; a value of the wrong type is the caller's mistake, so it throws.
  try {
    api.add(1, 2.5);
    expect(false, "a wrong value is refused");
  } catch (error) {
    expect(error instanceof LowerError, `a wrong value is refused: ${(error as Error).message}`);
  }

  const calls = 2_000_000;
  const { durationMs } = await timed(() => {
    let sum = 0;
    for (let i = 0; i < calls; i++) sum = api.add(sum, 1);
    return sum;
  });
  say(`for one call of add, over ${calls.toLocaleString("en")} calls`, durationMs / calls);
}

async function callBack(): Promise<void> {
  heading("4. Call back", "A module can only do what it is given. This one is given a log and a clock, and nothing else.");
  const refused = await host.missing(component("logger-client"));
  say(`without imports it cannot be loaded: ${refused.map((issue) => issue.import).join(", ")} is missing`);
  const lines: string[] = [];
  const client = await host.load<LoggerClient>(component("logger-client"), {
    imports: {
      "demo:log/log@0.1.0": {
        now: () => BigInt(Date.now()),
        write: (entry) => void lines.push(`${entry.level}: ${entry.message}`),
      },
    },
  });
  const { value, durationMs } = await timed(() => client.exports.run("spring cleaning"));
  say(`run("spring cleaning") → ${value} entries`, durationMs);
  for (const line of lines) say(styleText("dim", line));
  expect(lines.length === value, "every entry reached the host as a typed record");
}

async function survive(): Promise<void> {
  heading("5. Survive", "A module that crashes takes nothing with it: the call fails with the reason, the module is locked, the host goes on.");
  const faulty = await host.load<Faulty>(component("faulty"), {
    imports: {
      "demo:faulty/host": {
        explode: () => {
          throw new Error("the host's own function failed");
        },
      },
    },
  });
  const { faults } = faulty.exports;
  const { value: crash, durationMs } = await timed(() => attempt(() => faults.abortWithMessage("out of paper")));
  if (crash.ok) return expect(false, "the module aborts");
  say(crash.error.message, durationMs);
  expect(crash.error instanceof TrapError && crash.error.position !== undefined, "the error knows the module's own file and line");
  const next = attempt(() => faults.ok());
  expect(!next.ok && next.error instanceof UnloadedError, "the next call is refused: nothing runs on a half-updated module");
  for (const [name, fault] of [
    ["stack overflow", () => faults.stackOverflow(0)],
    ["out of memory", () => faults.outOfMemory()],
    ["a host function that throws", () => faults.importThrew()],
  ] as const) {
    await faulty.reload();
    const result = attempt<unknown>(fault);
    const trap = !result.ok && result.error instanceof TrapError ? result.error.trap : "no trap";
    expect(trap !== "no trap", `${name} → ${trap}`);
  }
  await faulty.unload();
}

async function reload(): Promise<void> {
  heading("6. Reload", "Now the counter's source is edited, compiled and swapped in, while the application holds on to its function.");
  const counter = await host.load<Counter>(component("counter"));
  const { increment } = counter.exports.counts;
  increment(2);
  say(`increment(2), increment(1) → ${increment(1)}`);

  const source = join(workshop, "counter");
  await cp(join(root, "modules", "counter"), source, { recursive: true, filter: (path) => !path.endsWith("bindings") });
  const file = join(source, "index.ts");
  await writeFile(file, (await readFile(file, "utf8")).replace("count += by;", "count += by * 10;"));
  const changed = await rebuild(builder, source, "tens");
  say("compiled a new version that counts in tens", changed.durationMs);
  const receipt = await counter.reload(changed.component);
  const stages = Object.entries(receipt.stages).filter(([, ms]) => ms > 0.01);
  say(`swapped it in: ${stages.map(([stage, ms]) => `${stage} ${duration(ms)}`).join(", ")}`, receipt.durationMs);
  const after = increment(1);
  expect(after === 13n, `the same function now answers ${after}: 3 was handed over, and 1 counts ten`);

  await writeFile(join(workshop, "broken.wasm"), (await readFile(changed.component)).subarray(0, 100));
  const broken = await counter.reload(join(workshop, "broken.wasm")).catch((error: unknown) => error);
  say(styleText("dim", broken instanceof Error ? broken.message : "no error"));
  expect(broken instanceof ReloadError && increment(0) === 13n, "a broken version is refused, and the old one still answers 13");
}

async function rebuild(with_: Builder, dir: string, name: string): ReturnType<Builder["build"]> {
  await mkdir(join(workshop, name), { recursive: true });
  return with_.build({ dir, wit: join(root, "wit", "counter.wit"), out: join(workshop, name, "counter.wasm") });
}

async function unload(): Promise<void> {
  heading("7. Unload", "Unloading cuts every function that was handed out, and the engine itself is asked whether the memory is gone.");
  const counter = host.get("counter")!;
  const kept = counter.require("counts.increment");
  const receipt = await counter.unload({ collect: true });
  say(`released ${receipt.memoryBytes.toLocaleString("en")} bytes of linear memory`, receipt.durationMs);
  const late = attempt(() => kept(1));
  expect(!late.ok && late.error instanceof UnloadedError, `a function kept from before says: ${late.ok ? "" : late.error.message}`);
  const collected = await receipt.collected;
  expect(collected.reclaimed, "the engine has reclaimed the memory");
  say(`still loaded: ${host.manifest().map((module) => module.name).join(", ")}`);
}
