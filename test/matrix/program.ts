/**
 * What every JavaScript runtime must do with tenon, as a program that needs nothing of any of them.
 *
 * Owns the steps and the facts that the README's table "Where it runs" is made of; `programs.ts` bundles it and
 * runs it in each runtime. A step fails by throwing, and the others go on.
 */
import type * as Tenon from "../../host/browser/index.ts";
import type * as Rights from "../../host/browser/rights.ts";
import type * as Wasi from "../../host/browser/wasi.ts";
import type { Source } from "../../host/platform.ts";
import type { Report, Step } from "./report.ts";

/** What the runtime's own few lines hand over. */
export interface Given {
  readonly tenon: typeof Tenon;
  readonly wasi: typeof Wasi;
  readonly rights: typeof Rights;
  /** A built module of this repository, by name. `undefined` where compiling at run time is forbidden. */
  readonly module: ((name: string) => Source) | undefined;
  /** A built module as `tenon bind` writes it: `hello` or `prices`. */
  readonly bound: (name: string) => Promise<Source>;
  /** The program of `guest.ts`, and who has signed it; not by this runtime. */
  readonly guest: Guest;
  /** The most linear memories to hold at once; the engine may refuse sooner. */
  readonly memories: number;
}

export interface Guest {
  readonly source: Source;
  /** PEM. */
  readonly publicKey: string;
  /** Base64. */
  readonly signature: string;
}

/** What the program of `guest.ts` needs, and no more. */
const NEEDS =
  "clocks sleep wall, environment arguments variables, exit exit, files look open read write, stdio err in out";

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

interface Prices extends Tenon.World {
  readonly imports: object;
  readonly exports: {
    readonly basket: {
      total(things: readonly string[]): Promise<bigint>;
      receipt(things: readonly string[]): Promise<Tenon.GuestStream<number, Uint8Array>>;
    };
  };
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

interface Ran {
  /** Absent when the call failed. */
  readonly exitCode?: number;
  readonly error?: unknown;
  /** What it wrote, with `|` for NUL. */
  readonly output: string;
  /** Actions and targets that were refused, each once. */
  readonly refused: string;
  /** How many clean-ups failed at unload. */
  readonly errors: number;
}

/** Runs the program of `guest.ts` once, in a host of its own. */
async function runGuest(
  { tenon, wasi, guest }: Given,
  options: Wasi.WasiOptions,
  where: { isolation: "worker" } | { jspi: true } | object = {},
): Promise<Ran> {
  let output = "";
  const refused = new Set<string>();
  const decoder = new TextDecoder();
  const imports = wasi.wasi({
    ...options,
    stdout: (chunk) => void (output += decoder.decode(chunk, { stream: true }).replaceAll("\0", "|")),
    onAccess: ({ action, target, granted }) => {
      if (!granted) refused.add(target === undefined ? action : `${action} ${target}`);
    },
  });
  const host = tenon.createHost();
  try {
    const module = await host.load(guest.source, { name: "guest", imports, ...where });
    const ended = await wasi.runCommand(module).then(
      (exitCode) => ({ exitCode }),
      (error: unknown) => ({ error }),
    );
    const { errors } = await module.unload();
    return { ...ended, output, refused: [...refused].join(" "), errors: errors.length };
  } finally {
    await host.close();
  }
}

/** Options of a program of `guest.ts` that sleeps. */
const sleeping = (wasi: typeof Wasi): Wasi.WasiOptions => ({
  args: ["guest", "sleep"],
  preopens: { "/": wasi.memory() },
});

/** Runs every step that the runtime allows. Never rejects. */
export async function run(given: Given): Promise<Report> {
  const { tenon, wasi, rights, module } = given;
  const steps: Step[] = [];
  const facts: Record<string, string | number | boolean> = {
    agent: globalThis.navigator?.userAgent ?? "",
    suspends: "Suspending" in WebAssembly,
    isolated: globalThis.crossOriginIsolated ?? "no page",
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
    const hello = await host.load<Hello>(await given.bound("hello"));
    equal("greet", hello.exports.greet("world"), "Hello, world!");
    const receipt = await hello.unload();
    equal("memory given back", receipt.memoryBytes > 0, true);
    await host.close();
  });
  await step("a bound module with asynchronous functions waits for its imports and gives a stream", async () => {
    const host = tenon.createHost();
    const price = (thing: string): Promise<number> =>
      new Promise((resolve) => setTimeout(resolve, thing.length, thing.length));
    const imports = { "demo:prices/shop": { price } };
    const { basket } = (await host.load<Prices>(await given.bound("prices"), { imports })).exports;
    equal("total", await basket.total(["tea", "bread"]), 8n);
    let text = "";
    for await (const chunk of await basket.receipt(["tea"])) text += new TextDecoder().decode(chunk);
    equal("receipt", text, "tea: 3\n");
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
  await step("a program of WASI has its arguments, environment, output and files in memory", async () => {
    const files = wasi.memory();
    const ran = await runGuest(given, { args: ["guest"], env: { A: "ü" }, preopens: { "/": files } });
    equal("exit code", ran.exitCode, 0);
    equal("output", ran.output, "guest|A=ü|written and read|");
    equal("file", new TextDecoder().decode(files.files()["note.txt"]), "written and read\0");
    equal("closed with the module", ran.errors, 0);
  });
  await step("what a program of WASI is not given is refused at the call, and told", async () => {
    const none = await runGuest(given, {});
    equal("exit code", none.exitCode, 1);
    equal("output", none.output, "");
    equal("no files", none.refused, "get-arguments get-stdin get-directories get-environment");
    const kept = await runGuest(given, {
      args: ["guest"],
      env: { A: "b" },
      preopens: { "/": wasi.readOnly(wasi.memory()) },
    });
    equal("exit code of one that may only read", kept.exitCode, 1);
    equal("no writing", kept.refused, "get-stdin open-at /note.txt");
  });
  await step(
    "a program of WASI that sleeps waits in a worker, where a worker can wait, else the load is refused",
    async () => {
      const ran = runGuest(given, sleeping(wasi), { isolation: "worker" });
      // All that the matrix runs has it but a page of WebKitGTK, cross-origin isolated as it is.
      facts["waits in a worker"] = typeof SharedArrayBuffer === "function";
      if (facts["waits in a worker"] === true) {
        const { exitCode, output } = await ran;
        equal("exit code", exitCode, 0);
        equal("output", output, "guest|sleep|written and read|slept|");
      } else {
        const error = await rejection(ran);
        if (!(error instanceof tenon.UnsupportedError)) throw error as Error;
        equal("feature", error.feature, "worker");
        equal("headers are no advice to an isolated page", error.message.includes("Cross-Origin"), false);
      }
    },
  );
  await step("a program of WASI sleeps in its own thread, or its call fails and says what to turn on", async () => {
    const { exitCode, output, error } = await runGuest(given, sleeping(wasi));
    facts["sleeps in its own thread"] = error === undefined;
    equal("output", output, `guest|sleep|written and read|${error === undefined ? "slept|" : ""}`);
    if (error === undefined) return equal("exit code", exitCode, 0);
    const cause = error instanceof tenon.TrapError ? error.cause : error;
    if (!(cause instanceof tenon.UnsupportedError)) throw error as Error;
    equal("feature", cause.feature, "jspi");
  });
  await step(
    "with jspi a call waits for the promise of an import, where the engine can, else the load is refused",
    async () => {
      const host = tenon.createHost();
      let settled = false;
      const explode = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        settled = true;
      };
      const imports = { "demo:faulty/host": { explode } };
      const loaded = host.load(module("faulty"), { jspi: true, imports });
      if (facts["suspends"] === true) {
        const { faults } = (await loaded).exports as Faulty["exports"];
        await faults["importThrew"]!();
        equal("the promise has settled before the call has", settled, true);
        const { exitCode, output } = await runGuest(given, sleeping(wasi), { jspi: true });
        equal("exit code of one that sleeps", exitCode, 0);
        equal("output of one that sleeps", output, "guest|sleep|written and read|slept|");
      } else {
        const error = await rejection(loaded);
        if (!(error instanceof tenon.UnsupportedError)) throw error as Error;
        equal("feature", error.feature, "jspi");
      }
      await host.close();
    },
  );
  await step("a review tells what a component needs, and a load that is granted less is refused", async () => {
    const { needs, pure, never } = await rights.review(given.guest.source);
    const told = Object.entries(needs).map(([capability, actions]) => [capability, ...(actions as string[])].join(" "));
    equal("needs", told.join(", "), NEEDS);
    equal("pure", pure, false);
    equal("never", never.network?.includes("http"), true);
    const host = tenon.createHost();
    const { files, ...less } = needs;
    const error = await rejection(host.load(given.guest.source, { name: "guest", imports: wasi.wasi(), grants: less }));
    if (!(error instanceof rights.RightsError)) throw error as Error;
    equal("missing", JSON.stringify(error.missing), JSON.stringify({ files }));
    await host.load(given.guest.source, { name: "guest", imports: wasi.wasi(), grants: needs });
    await host.close();
  });
  await step("a signature is verified where the engine has Ed25519, else the load is refused", async () => {
    const { source, publicKey, signature } = given.guest;
    const has = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]).then(
      () => true,
      () => false,
    );
    facts["ed25519"] = has;
    const host = tenon.createHost();
    const load = (keys: readonly string[]): Promise<unknown> =>
      host.load(source, { name: "guest", imports: wasi.wasi(), signedBy: keys, signature });
    if (has) {
      const own = await rights.generateKeyPair();
      await load([own.publicKey, publicKey]);
      const error = await rejection(load([own.publicKey]));
      if (!(error instanceof rights.SignatureError)) throw error as Error;
      const bytes = new TextEncoder().encode("signed here");
      await rights.verify(bytes, await rights.sign(bytes, own.privateKey), [own.publicKey]);
    } else {
      const error = await rejection(load([publicKey]));
      if (!(error instanceof tenon.UnsupportedError)) throw error as Error;
    }
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
