/**
 * What every JavaScript runtime must do with tenon, as a program that needs nothing of any of them.
 *
 * Owns the steps and the facts that the README's table "Where it runs" is made of; `programs.ts` bundles it and
 * runs it in each runtime. A step fails by throwing, and the others go on.
 */
import type * as Tenon from "../../host/browser/index.ts";
import type { Source } from "../../host/platform.ts";
import type { Report, Step } from "./report.ts";

/** What the runtime's own few lines hand over. */
export interface Given {
  readonly tenon: typeof Tenon;
  /** A built module of this repository, by name. `undefined` where compiling at run time is forbidden. */
  readonly module: ((name: string) => Source) | undefined;
  /** The module `hello`, written by `tenon bind`. */
  readonly bound: () => Promise<Source>;
  /** The most linear memories to hold at once; the engine may refuse sooner. */
  readonly memories: number;
}

/** Faults of the module `faulty`, and what each must be called whatever the engine's words are. */
const FAULTS = [
  ["unreachable", [], "unreachable"],
  ["memoryOutOfBounds", [], "memory-out-of-bounds"],
  ["integerDivideByZero", [1], "integer-divide-by-zero"],
  ["integerOverflow", [-1], "integer-overflow"],
  ["indirectCallToNull", [], "indirect-call-to-null"],
  ["stackOverflow", [0], "stack-overflow"],
  ["abortWithMessage", ["gone"], "unreachable"],
  ["outOfMemory", [], "out-of-memory"],
  ["importThrew", [], "import-threw"],
] as const;

/** What an engine must lead to that has one text for a call through an empty entry and through one of another type. */
const AMBIGUOUS = "unknown";

/**
 * A component whose `$run` calls `$deep`, which traps; its source map has them in lines 7 and 11 of `lines.ts`:
 * `(func $deep unreachable) (func $run (export "run") call $deep)`.
 */
const LINES =
  "AGFzbQ0AAQABzwEAYXNtAQAAAAEEAWAAAAMDAgAABwcBA3J1bgABCgoCAwAACwQAEAALAI8BEHNvdXJjZU1hcHBpbmdVUkx9ZGF0YTphcHBsaWNh" +
  "dGlvbi9qc29uO2Jhc2U2NCxleUoyWlhKemFXOXVJam96TENKemIzVnlZMlZ6SWpwYklteHBibVZ6TG5SeklsMHNJbTVoYldWeklqcGJYU3dpYldG" +
  "d2NHbHVaM01pT2lKcFEwRk5VU3hKUVVsQkluMD0AEwRuYW1lAQwCAARkZWVwAQNydW4CBAEAAAAHBQFAAAEABgkBAAABAANydW4IBgEAAAAAAAsJ" +
  "AQADcnVuAQAAABcOY29tcG9uZW50LW5hbWUBBgASAQABbQ==";

interface Faulty extends Tenon.World {
  readonly imports: object;
  readonly exports: { readonly faults: Record<string, (...values: readonly unknown[]) => unknown> };
}
interface Counter extends Tenon.World {
  readonly imports: object;
  readonly exports: { readonly counts: { increment(by: number): bigint; value(): bigint } };
}
interface Hello extends Tenon.World {
  readonly imports: object;
  readonly exports: { greet(name: string): string };
}

function equal(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what}: wanted ${String(wanted)}, got ${String(got)}`);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

/** Runs every step that the runtime allows. Never rejects. */
export async function run(given: Given): Promise<Report> {
  const { tenon, module } = given;
  const steps: Step[] = [];
  const facts: Record<string, string | number | boolean> = {
    agent: globalThis.navigator?.userAgent ?? "",
    suspends: "Suspending" in WebAssembly,
  };
  const step = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      steps.push({ name });
    } catch (error) {
      steps.push({ name, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  };

  await step("a bound module is loaded and called without compiling anything", async () => {
    const host = tenon.createHost();
    const hello = await host.load<Hello>(await given.bound());
    equal("greet", hello.exports.greet("world"), "Hello, world!");
    const receipt = await hello.unload();
    equal("memory given back", receipt.memoryBytes > 0, true);
    await host.close();
  });
  if (module === undefined) return { steps, facts };

  await step("a component is loaded and called", async () => {
    const host = tenon.createHost();
    const hello = await host.load<Hello>(module("hello"));
    equal("greet", hello.exports.greet("Ünïcödé 🜁"), "Hello, Ünïcödé 🜁!");
    await host.close();
  });
  await step("a reload hands state over, and what was taken from the exports goes on", async () => {
    const host = tenon.createHost();
    const counter = await host.load<Counter>(module("counter"), { name: "counter" });
    const { increment } = counter.exports.counts;
    equal("increment", increment(41), 41n);
    await counter.reload(module("counter"));
    equal("increment after the reload", increment(1), 42n);
    await host.close();
  });
  await step("every fault is a failed call with its code, and the other modules serve on", async () => {
    const host = tenon.createHost();
    const hello = await host.load<Hello>(module("hello"));
    const explode = (): never => {
      throw new Error("The import throws");
    };
    for (const [fault, values, code] of FAULTS) {
      const faulty = await host.load<Faulty>(module("faulty"), {
        name: fault,
        imports: { "demo:faulty/host": { explode } },
      });
      const error = thrown(() => faulty.exports.faults[fault]!(...values));
      if (!(error instanceof tenon.TrapError)) throw new Error(`${fault}: not a TrapError but ${String(error)}`);
      if (code === "indirect-call-to-null") facts["empty table entry"] = error.trap;
      if (!(code === "indirect-call-to-null" && error.trap === AMBIGUOUS)) equal(fault, error.trap, code);
      const after = thrown(() => faulty.exports.faults["ok"]!());
      if (!(after instanceof tenon.TrappedError)) throw new Error(`After ${fault}: ${String(after)}`);
      equal("greet", hello.exports.greet("you"), "Hello, you!");
      await faulty.unload();
    }
    await host.close();
  });
  await step("a trap names the lines, else the functions, where the engine tells them", async () => {
    const bytes = Uint8Array.from(atob(LINES), (character) => character.charCodeAt(0));
    const component = await tenon.compile(bytes);
    const { run } = component.instantiateSync().exports as { run(): void };
    const error = thrown(run);
    if (!(error instanceof tenon.TrapError)) throw new Error(`Not a TrapError but ${String(error)}`);
    const { frames, position } = error;
    const lines = frames.map(({ file, line, column }) => `${file}:${line}:${column}`).join(" ");
    const told = frames.length === 0 ? "nothing" : lines === "lines.ts:7:9 lines.ts:11:9" ? "lines" : "functions";
    facts["frames of a trap"] = told;
    equal("position", position?.line, told === "lines" ? 7 : undefined);
    if (told === "nothing") return;
    equal("functions", frames.map(({ function: name }) => name).join(" "), "deep run");
    equal("no other lines", told === "lines" || frames.every(({ line }) => line === undefined), true);
    equal("the guest's frames in the stack", (error.stack ?? "").includes("deep"), true);
  });
  await step("a module that traps is restarted by policy", async () => {
    const host = tenon.createHost();
    const explode = (): void => {};
    const faulty = await host.load<Faulty>(module("faulty"), {
      imports: { "demo:faulty/host": { explode } },
      onTrap: "restart",
    });
    thrown(() => faulty.exports.faults["unreachable"]!());
    for (let turn = 0; turn < 1000 && faulty.state !== "live"; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    equal("ok", faulty.exports.faults["ok"]!(), 42);
    await host.close();
  });
  await step("limits of time, steps and memory end a guest, and steps are the same everywhere", async () => {
    const host = tenon.createHost();
    const limits = { timeoutMs: 30, fuel: 50_000_000, memoryBytes: 2 ** 24 };
    const faulty = await host.load<Faulty>(module("faulty"), {
      imports: { "demo:faulty/host": { explode: () => {} } },
      limits,
    });
    equal("ok", faulty.exports.faults["ok"]!(), 42);
    const full = thrown(() => faulty.exports.faults["outOfMemory"]!());
    equal("growing is refused", full instanceof tenon.TrapError && full.trap, "out-of-memory");
    equal("nothing has grown", faulty.usage().memoryBytes <= limits.memoryBytes, true);
    const counter = await host.load<Counter>(module("counter"), { limits: { fuel: Infinity } });
    for (let i = 0; i < 1000; i++) counter.exports.counts.increment(1);
    facts["steps"] = counter.usage().fuel ?? 0;
    const short = await host
      .load<Counter>(module("counter"), { name: "short", limits: { fuel: 1 } })
      .catch((error: unknown) => error);
    if (!(short instanceof tenon.LimitError)) throw new Error(`Not a LimitError but ${String(short)}`);
    await host.close();
  });
  await step("an import that nobody gives is refused before anything runs", async () => {
    const host = tenon.createHost();
    const error = await rejection(host.load(module("faulty")));
    if (!(error instanceof tenon.LinkError)) throw new Error(`Not a LinkError but ${String(error)}`);
    equal("the name is free", host.get("faulty"), undefined);
    await host.close();
  });
  await step("bytes that are no component are refused", async () => {
    const host = tenon.createHost();
    const error = await rejection(host.load(new TextEncoder().encode("not a component")));
    if (!(error instanceof tenon.DecodeError)) throw new Error(`Not a DecodeError but ${String(error)}`);
    await host.close();
  });
  await step("unload closes what the module had, and a kept function keeps nothing alive", async () => {
    const host = tenon.createHost();
    const hello = await host.load<Hello>(module("hello"));
    const { greet } = hello.exports;
    const receipt = await hello.unload();
    equal("memory given back", receipt.memoryBytes > 0, true);
    const error = thrown(() => greet("nobody"));
    if (!(error instanceof tenon.UnloadedError)) throw new Error(`Not an UnloadedError but ${String(error)}`);
    await host.close();
  });
  await step("too many memories at once are a typed error, and there is room again after unloading", async () => {
    const host = tenon.createHost();
    const live: Tenon.Module<Hello>[] = [];
    let refused: unknown;
    while (live.length < given.memories && refused === undefined) {
      try {
        live.push(await host.load<Hello>(module("hello"), { name: `hello-${live.length}` }));
      } catch (error) {
        refused = error;
      }
    }
    facts["modules"] = refused === undefined ? `over ${live.length}` : live.length;
    if (refused !== undefined && !(refused instanceof tenon.MemoryLimitError)) throw refused as Error;
    equal("greet", live[0]!.exports.greet("first"), "Hello, first!");
    for (const one of live) await one.unload();
    live.length = 0;
    const again = await host.load<Hello>(module("hello"));
    equal("greet", again.exports.greet("again"), "Hello, again!");
    await host.close();
  });
  return { steps, facts };
}
