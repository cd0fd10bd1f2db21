/**
 * `npm start`: a tour of tenon in the terminal, for a reader who has never heard of components.
 *
 * Everything shown is done while it is shown, on modules compiled from this repository's AssemblyScript. The tour ends
 * by itself, with a status other than zero when anything it says did not hold.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import {
  ComponentError,
  createHost,
  type Host,
  LinkError,
  LowerError,
  type Module,
  ReloadError,
  TrapError,
  UnloadedError,
} from "../../host/node/index.ts";
import { wasi } from "../../host/node/wasi.ts";
import { BuildError, type Builder, createBuilder } from "../toolchain/build/index.ts";
import { compileFloor } from "./demo/floor.ts";
import { Stage } from "./demo/stage.ts";
import type {
  Calc,
  Counter,
  Entry,
  Faulty,
  Floor,
  Hello,
  Ledger,
  LoggerClient,
  Prices,
  Shape,
  Shout,
} from "./demo/worlds.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const workshop = mkdtempSync(join(tmpdir(), "tenon-tour-"));
const stage = new Stage(
  (line) => process.stdout.write(`${line.replaceAll(`${workshop}${sep}`, "")}\n`),
  process.stdout.isTTY && !process.env["NO_COLOR"],
);
const builder = createBuilder();
const host = createHost();
const component = (name: string): string => join(workshop, `${name}.wasm`);

try {
  await tour();
} catch (error) {
  stage.holds(
    `The tour goes on to its end, but: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
    false,
  );
} finally {
  await host.close();
  await builder.close();
  rmSync(workshop, { recursive: true, force: true });
}
stage.end();
process.exitCode = stage.failures === 0 ? 0 : 1;

async function tour(): Promise<void> {
  stage.title(
    "tenon: load, call, replace and unload pieces of a program while it runs",
    "A component is a compiled WebAssembly program that says, in a language called WIT, what it needs and what it gives.",
    "tenon loads components into a running TypeScript program. Times are measured on this machine, now.",
  );
  await compileModules(builder);
  const greet = await loadAndCall(host);
  await typedCalls(host);
  await resources(host);
  await callBack(host);
  await twoLanguages(host);
  await waiting(host);
  await streaming(host);
  await trap(host);
  const counter = await reload(host, builder);
  await unload(host, counter, greet);
}

async function compileModules(builder: Builder): Promise<void> {
  stage.step(
    "Compile",
    "The folders of modules/ hold AssemblyScript, a TypeScript for WebAssembly. Each becomes a component.",
  );
  const names = readdirSync(join(root, "modules"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const builds = names.map(async (name) => {
    const dir = join(root, "modules", name);
    return stage.timed(
      name,
      () => builder.build({ dir, out: component(name) }),
      ({ bytes, cached }) => `${(bytes.component / 1024).toFixed(1)} KiB${cached ? ", nothing had changed" : ""}`,
    );
  });
  const built = await Promise.all(builds);
  stage.holds(`${built.length} modules became components`, built.length === names.length && built.length > 0);
}

async function loadAndCall(host: Host): Promise<(name: string) => string> {
  stage.step(
    "Load and call",
    "Two lines: load the file, call the function. Its WIT says: greet: func(name: string) -> string",
  );
  const hello = await stage.timed(
    "load hello",
    () => host.load<Hello>(component("hello")),
    ({ hash }) => `sha-256 ${hash.slice(0, 12)}…`,
  );
  const { greet } = hello.exports;
  const greeting = await stage.timed('greet("mortise")', () => greet("mortise"), JSON.stringify);
  stage.holds("The greeting names who was greeted", greeting.includes("mortise"));
  const calls = 100_000;
  const began = performance.now();
  for (let i = 0; i < calls; i++) greet("mortise");
  const each = ((performance.now() - began) / calls) * 1e6;
  stage.note(`${calls.toLocaleString("en")} calls more`, `${each.toFixed(0)} ns each, strings in and out`);
  return greet;
}

async function typedCalls(host: Host): Promise<void> {
  stage.step(
    "Typed values",
    "Records, variants, lists and results cross the border as ordinary JavaScript values, and are checked there.",
  );
  const calc = await host.load<Calc>(component("calc"));
  const { api } = calc.exports;
  const rectangle: Shape = { tag: "rectangle", val: { width: 3, height: 4 } };
  const area = await stage.timed("area of 3 × 4", () => api.area(rectangle), String);
  stage.holds("The area is 12", area === 12);
  const refused = await stage.fails("divide(1, 0)", ComponentError, () => api.divide(1, 0));
  stage.holds("A module's `err` arrives as an error with its payload", typeof refused?.payload === "string");
  const wrong = { tag: "rectangle", val: { width: "wide", height: 4 } } as unknown as Shape;
  const lower = await stage.fails("a string for a number", LowerError, () => api.area(wrong));
  stage.holds("The error says where the value was wrong", lower?.path.endsWith("width") === true);
  stage.holds("After both, the module still answers", api.add(20, 22) === 42);
}

async function resources(host: Host): Promise<void> {
  stage.step(
    "Resources",
    "A resource is an object that lives in the module. The program holds it, lends it, gives it back, or drops it.",
  );
  const ledger = await host.load<Ledger>(component("ledger"));
  const { accounts } = ledger.exports;
  const ada = new accounts.Account("Ada");
  const bob = accounts.Account.withDeposit("Bob", 500n);
  await stage.timed(
    "Bob pays Ada 200",
    () => accounts.transfer(bob, ada, 200n),
    () => `Ada has ${ada.balance()}, Bob ${bob.balance()}`,
  );
  stage.holds("Both accounts have changed", ada.balance() === 200n && bob.balance() === 300n);
  const poor = await stage.fails("Ada pays Bob 900", ComponentError, () => accounts.transfer(ada, bob, 900n));
  stage.holds("Too little is refused, and nothing moved", poor !== undefined && ada.balance() === 200n);
  const left = await stage.timed("close Bob's account", () => accounts.close(bob), String);
  stage.holds("What was given away is the module's", left === 300n && accounts.open() === 1);
  await stage.fails("use it all the same", LowerError, () => bob.balance());
  ada[Symbol.dispose]();
  stage.holds("What is dropped is gone", accounts.open() === 0);
}

async function callBack(host: Host): Promise<void> {
  stage.step(
    "Imports",
    "This module needs something: a log to write to. A module can reach nothing that it was not given.",
  );
  const link = await stage.fails("load without a log", LinkError, () => host.load(component("logger-client")));
  stage.holds(
    "The error lists what is missing",
    link?.issues.every(({ import: name }) => name?.startsWith("demo:log/")) === true,
  );
  const entries: Entry[] = [];
  const log = { write: (entry: Entry) => void entries.push(entry), now: () => BigInt(Date.now()) };
  const client = await host.load<LoggerClient>(component("logger-client"), { imports: { "demo:log/log": log } });
  const count = await stage.timed(
    'run("tidy up")',
    () => client.exports.run("tidy up"),
    (n) => `${n} entries written`,
  );
  for (const { level, message, fields } of entries) {
    stage.note(`  ${level}`, [message, ...fields.map(([name, value]) => `${name}=${value}`)].join(" "));
  }
  stage.holds("Every entry reached our own function", entries.length === count && count > 0);
}

async function twoLanguages(host: Host): Promise<void> {
  stage.step(
    "Two languages, and WASI",
    "A module written by hand in WebAssembly's text calls calc, which is AssemblyScript: neither knows what the other is.",
    "For the system it has WASI, as programs of Rust, C, Go and Python do. It reaches what it is granted, and no more.",
  );
  const bytes = await stage.timed("compile floor", compileFloor, ({ length }) => `${(length / 1024).toFixed(1)} KiB`);
  const printed: Uint8Array[] = [];
  const floor = await host.load<Floor>(bytes, { name: "floor", imports: wasi({ stdout: printed }) });
  const line = await stage.timed(
    "measure(6, 7)",
    () => {
      floor.exports.measure(6, 7);
      return Buffer.concat(printed).toString().trimEnd();
    },
    (text) => `it asks calc, and prints: ${text}`,
  );
  const calc = host.manifest().find(({ name }) => name === "calc");
  stage.holds("calc multiplied, for floor", line === "42 m²" && calc?.usedBy.includes("floor") === true);
  const variables = Object.keys(process.env).length;
  stage.holds(`Of this process's ${variables} environment variables it sees none`, floor.exports.visible() === 0);
  const imports = wasi({ env: { UNIT: "metre" }, stdout: printed });
  const granted = await host.load<Floor>(bytes, { name: "floor-granted", imports });
  stage.holds("Granted one, it sees that one", granted.exports.visible() === 1);
}

async function waiting(host: Host): Promise<void> {
  stage.step(
    "Calls that wait",
    "This module asks for prices that take a while. Its function gives a promise; meanwhile the program goes on, and so does the module.",
  );
  const order: string[] = [];
  const given: AbortSignal[] = [];
  const price = async (thing: string, { signal }: { readonly signal: AbortSignal }): Promise<number> => {
    order.push(`asked for ${thing}`);
    given.push(signal);
    if (thing === "gold") throw new ComponentError("Not in this shop");
    await new Promise((resolve) => setTimeout(resolve, 15 * thing.length));
    order.push(`told of ${thing}`);
    return thing.length * 100;
  };
  const imports = { "demo:prices/shop": { price } };
  const prices = await host.load<Prices>(component("prices"), { imports });
  const { total, receipt } = prices.exports.basket;
  const sum = await stage.timed("three prices", () => total(["glue", "oak", "chisel"]), String);
  stage.holds("The sum of all three came back", sum === 1300n);
  const asked = order.slice(0, 3).every((line) => line.startsWith("asked"));
  stage.holds("All were asked for before the first was told: one wait, not three", asked && order.length === 6);
  order.length = 0;
  const lines: string[] = [];
  for await (const bytes of await receipt(["chisel", "oak", "glue"])) {
    lines.push(...Buffer.from(bytes).toString().trimEnd().split("\n"));
    stage.note("  a line of its stream", lines.at(-1)!);
  }
  const told = order.filter((line) => line.startsWith("told")).map((line) => line.slice("told of ".length));
  stage.holds(
    "The receipt came line by line, in the order of the answers",
    lines.length === 3 && lines.every((line, i) => line === `${told[i]}: ${told[i]!.length * 100}`),
  );
  given.length = 0;
  const refused = await stage.fails("one that is refused", ComponentError, () => total(["oak", "gold"]));
  stage.holds("The module gave up the other", refused?.payload === "Not in this shop" && given[0]?.aborted === true);
}

async function streaming(host: Host): Promise<void> {
  stage.step(
    "A stream",
    "Bytes run through this module into a `Response`, as they come. Meanwhile the module is replaced, and the stream goes on.",
  );
  const shout = await host.load<Shout>(component("shout"));
  const given: string[] = [];
  async function* text(): AsyncGenerator<Uint8Array> {
    // Three lines more after the module has been replaced.
    for (let left = 3; left > 0; left -= shout.info().reloads) {
      given.push(`line ${given.length + 1} of a text that is not all there yet`);
      yield new TextEncoder().encode(`${given.at(-1)}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const { readable } = await shout.exports.shout(text());
  const lines: string[] = [];
  let replacing: Promise<unknown> | undefined;
  let shownAfter = 0;
  for await (const chunk of new Response(readable).body!.pipeThrough(new TextDecoderStream())) {
    lines.push(...chunk.trimEnd().split("\n"));
    const isReplaced = shout.info().reloads > 0;
    if (replacing === undefined || (isReplaced && shownAfter++ === 0)) {
      stage.note(isReplaced ? "after the reload" : "out, in capitals", lines.at(-1)!);
    }
    replacing ??= shout.reload();
  }
  await replacing;
  stage.holds("It was replaced while its stream ran", shownAfter > 0);
  const whole = lines.join() === given.join().toUpperCase();
  stage.holds(`All ${given.length} lines came out, on the instance that the stream began with`, whole);
  const next = new Response((await shout.exports.shout(text())).readable);
  stage.holds("The next stream runs through the fresh one", (await next.text()).startsWith("LINE"));
}

async function trap(host: Host): Promise<void> {
  stage.step(
    "A trap",
    "When a module faults, its memory may be half-changed. The call fails, and the module is locked; the program goes on.",
  );
  const imports = { "demo:faulty/host": { explode: () => undefined } };
  const faulty = await host.load<Faulty>(component("faulty"), { imports });
  const { faults } = faulty.exports;
  const first = await stage.fails("the module aborts", TrapError, () => faults.abortWithMessage("The glue is wet"));
  if (first?.position !== undefined) {
    stage.note("where, in its own source", `${first.position.file}, line ${first.position.line}`);
  }
  stage.holds("The module's own words arrive", first?.guestMessage === "The glue is wet");
  const next = await stage.fails("the next call", UnloadedError, () => faults.ok());
  stage.holds("It is refused, and the first trap is the reason given", next?.cause === first && first !== undefined);
  const others = host.manifest().filter(({ name }) => name !== faulty.name);
  const untouched = others.length > 0 && others.every(({ state }) => state === "live");
  stage.holds(`The ${others.length} other modules are untouched`, untouched);
  await stage.timed(
    "a fresh instance",
    () => faulty.reload(),
    ({ durationMs }) => `serves after ${durationMs.toFixed(1)} ms`,
  );
  stage.holds("The function we held all along answers again", faults.ok() === 42);
}

async function reload(host: Host, builder: Builder): Promise<Module<Counter>> {
  stage.step(
    "Reload",
    "Now we edit a module's source, compile it, and put it in place while the program keeps the functions it holds.",
  );
  const dir = join(workshop, "counter");
  const wit = join(root, "wit", "counter.wit");
  mkdirSync(dir);
  cpSync(join(root, "modules", "counter", "index.ts"), join(dir, "index.ts"));
  const counter = await host.load<Counter>(component("counter"));
  const { increment, value } = counter.exports.counts;
  for (let i = 0; i < 5; i++) increment(1);
  stage.note("counted to", String(value()));

  edit(dir, "count += by;", "count += by * 10;");
  const out = join(workshop, "counter-2.wasm");
  await stage.timed(
    "compile the new version",
    () => builder.build({ dir, wit, out }),
    ({ bytes }) => `${bytes.component} bytes`,
  );
  const receipt = await stage.timed(
    "reload",
    () => counter.reload(out),
    ({ stages }) =>
      Object.entries(stages)
        .filter(([, ms]) => ms >= 0.05)
        .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
        .join(", "),
  );
  stage.holds("The count was handed over", value() === 5n && receipt.state === "moved");
  stage.holds("The very function we held runs the new code: 5 + 1 × 10 is 15", increment(1) === 15n);

  edit(dir, "count += by * 10;", "count += by * ten;");
  const mistake = await stage.fails("a mistake in the source", BuildError, () => builder.build({ dir, wit, out }));
  stage.holds("It is reported with file and line", /index\.ts:\d+/.test(mistake?.message ?? ""));

  edit(dir, "count += by * ten;", "count += by * 100;");
  edit(dir, "saved.length != 8", "saved.length != 16");
  edit(dir, "Expected 8 bytes", "Expected 16 bytes");
  await builder.build({ dir, wit, out });
  const refused = await stage.fails("a version that misreads", ReloadError, () => counter.reload(out));
  stage.holds("It was refused before it served a single call", refused?.stage === "restore");
  stage.holds("The version before serves on, with its count", counter.state === "live" && increment(1) === 25n);
  return counter;
}

function edit(dir: string, from: string, to: string): void {
  const path = join(dir, "index.ts");
  const source = readFileSync(path, "utf8");
  if (!source.includes(from)) throw new Error(`modules/counter no longer says ${from}`);
  writeFileSync(path, source.replace(from, to));
}

async function unload(host: Host, counter: Module<Counter>, greet: (name: string) => string): Promise<void> {
  stage.step(
    "Unload",
    "The module goes, and with it its memory, also while the program still holds its functions. The receipt proves it.",
  );
  const { increment } = counter.exports.counts;
  const receipt = await stage.timed(
    "unload counter",
    () => counter.unload({ collect: true }),
    ({ memoryBytes }) => `${memoryBytes / 1024} KiB released`,
  );
  const report = await stage.timed(
    "ask the engine",
    () => receipt.collected,
    ({ reclaimed, memories }) =>
      reclaimed ? `it has reclaimed ${memories} of ${memories} memories` : "it still holds the memory",
  );
  stage.holds("The engine itself says that the memory is gone", report.reclaimed && report.memories > 0);
  await stage.fails("a call of a held function", UnloadedError, () => increment(1));
  stage.holds("A module that was not unloaded still answers", greet("tenon").includes("tenon"));
  const receipts = await host.close();
  stage.note("close the host", `${receipts.length} modules unloaded: ${receipts.map(({ name }) => name).join(", ")}`);
  stage.holds("Nothing is left", host.manifest().length === 0);
}
