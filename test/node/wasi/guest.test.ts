/** `tenon/wasi` under a component: in this thread and in workers, in Node and, as it is, in the page. */
import { expect, test } from "vitest";
import { LimitError, type Module, TrapError } from "../../../host/node/index.ts";
import { type AccessEvent, runCommand, wasi, type WasiOptions } from "../../../host/node/wasi.ts";
import { inPage } from "../host/fixtures.ts";
import { caught, host } from "../host/support.ts";
import { thrown } from "../runtime/support.ts";
import { guest, type Guest } from "./guest.ts";

let count = 0;

async function load(options: WasiOptions = {}, more: object = {}): Promise<Module<any> & Guest> {
  return host().load(await guest(), { name: `guest-${count++}`, imports: wasi(options), ...more }) as never;
}

const text = (chunks: readonly Uint8Array[]): string => chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");

async function* slowly(...parts: string[]): AsyncGenerator<string> {
  for (const part of parts) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield part;
  }
}

test("clocks and random numbers are those of the machine unless others are given", async () => {
  const real = await load();
  expect(real.exports.now(2) <= real.exports.now(2)).toBe(true);
  expect(real.exports.random(1)).not.toBe(real.exports.random(1));
  let ticks = 0n;
  const given = await load({ clocks: { now: 1.5, monotonic: () => ++ticks }, random: { seed: "a" } });
  expect([given.exports.now(3), given.exports.now(1), given.exports.wall(1)]).toEqual([3n, 4n, 1_500_000]);
  const again = await load({ random: { seed: "a" } });
  expect(again.exports.random(3)).toBe(given.exports.random(3));
});

test("standard input is text, bytes or what is iterated, and is at its end where none is given", async () => {
  const stdins = [undefined, "", "one", new TextEncoder().encode("two"), ["", "th", "", "ree"]];
  const found = await Promise.all(
    stdins.map(async (stdin) => {
      const stdout: Uint8Array[] = [];
      return [(await load({ stdin, stdout })).exports.echo(), text(stdout)];
    }),
  );
  expect(found).toEqual([
    [0, ""],
    [0, ""],
    [1, "one"],
    [1, "two"],
    [2, "three"],
  ]);
});

test("what a source or a sink of the program throws is the stream's failure, and the guest goes on", async () => {
  const failing = (function* () {
    yield "a";
    throw new Error("torn");
  })();
  const stdout: Uint8Array[] = [];
  const module = await load({ stdin: failing, stdout });
  expect([module.exports.echo(), text(stdout), module.state]).toEqual([1001, "a", "live"]);
  const full = await load({
    stdin: "a",
    stdout: () => {
      throw new Error("full");
    },
  });
  expect([full.exports.echo(), full.state]).toEqual([1, "live"]);
});

test("a call that would have to wait is refused in this thread, with what to turn on", async () => {
  const module = await load({ stdin: slowly("a") });
  const error = thrown(() => module.exports.echo()) as TrapError;
  expect(error).toMatchObject({ name: "TrapError", trap: "import-threw" });
  expect(error.cause).toMatchObject({ name: "UnsupportedError", feature: "jspi" });
  expect((error.cause as Error).message).toMatch(
    /input-stream\.blocking-read.* jspi: true or with isolation: "worker"/,
  );
});

test("a guest may not write more than was permitted: it traps", async () => {
  const module = await load({ stdout: [] });
  expect(thrown(() => module.exports.overwrite())).toMatchObject({ trap: "import-threw" });
  expect((module.trap!.cause as Error).message).toMatch(/that check-write has permitted, got 1048576$/);
});

test("a guest that ends itself with a failure is a trap whose cause has the exit code", async () => {
  const module = await load();
  const error = thrown(() => module.exports.exit(0)) as TrapError;
  expect(error.cause).toMatchObject({ name: "ExitError", code: "exit", exitCode: 1 });
  expect([error.trap, module.state]).toEqual(["exit-failure", "trapped"]);
  expect((await caught(runCommand(await load()))).message).toMatch(/exports no wasi:cli\/run/);
});

test("each module has a state of its own, and what it left open is closed and counted at its end", async () => {
  const provider = wasi({ stdin: "once", stdout: [], random: { seed: 1 } });
  const here = host();
  const [one, two] = await Promise.all(
    ["one", "two"].map(async (name) => here.load(await guest(), { name, imports: provider }) as Promise<any>),
  );
  expect([one.exports.echo(), two.exports.echo()]).toEqual([1, 1]);
  expect(one.exports.random(2)).toBe(two.exports.random(2));
  one.exports.keep(3);
  const receipt = await one.unload();
  expect([receipt.hostResourcesDisposed, receipt.errors]).toEqual([3, []]);
  await two.reload();
  expect(two.exports.echo()).toBe(1);
});

test("who listens is told of uses and refusals, with the module's name, and fails alone", async () => {
  const events: AccessEvent[] = [];
  const onAccess = (event: AccessEvent): void => {
    events.push(event);
    throw new Error("not mine");
  };
  const module = await load({ stdout: [], onAccess });
  module.exports.now(1);
  module.exports.random(1);
  module.exports.echo();
  expect(events.map(({ interface: from, action, granted }) => [from, action, granted])).toEqual([
    ["wasi:clocks/monotonic-clock", "now", true],
    ["wasi:random/random", "get-random-u64", true],
    ["wasi:cli/stdin", "get-stdin", false],
    ["wasi:cli/stdout", "get-stdout", true],
  ]);
  expect(new Set(events.map((event) => event.module))).toEqual(new Set([module.name]));
});

test("lines of a module's output come out at the host's console event, where it says nothing else", async () => {
  const here = host();
  const told: unknown[] = [];
  here.on("console", (line) => void told.push(line));
  const module = (await here.load(await guest(), {
    name: "talks",
    imports: wasi({ stdin: "\u001b[2J\u{1f600}\r\nend" }),
  })) as any;
  module.exports.echo();
  await module.unload();
  expect(told).toEqual([
    { module: "talks", level: "log", text: "\\u{1b}[2J\u{1f600}" },
    { module: "talks", level: "log", text: "end" },
  ]);
});

for (const [name, how, skipped] of [
  // The page of these tests is not isolated, so that a worker in it can wait for nothing.
  ["in a worker", { isolation: "worker" }, inPage],
  // Node 20 and 22 do not have it.
  ["with jspi", { jspi: true }, !("Suspending" in WebAssembly)],
] as const) {
  test.skipIf(skipped)(`${name} the guest waits for its input, its output and its sleep`, async () => {
    const stdout: string[] = [];
    const module = await load(
      {
        stdin: slowly("a", "b"),
        stdout: async (chunk) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          stdout.push(new TextDecoder().decode(chunk));
        },
      },
      how,
    );
    expect(await module.exports.echo()).toBe(2);
    expect(stdout).toEqual(["a", "b"]);
    const before = await module.exports.now(1);
    await module.exports.sleep(20_000_000n);
    expect((await module.exports.now(1)) - before).toBeGreaterThanOrEqual(20_000_000n);
    expect(await caught(module.exports.exit(1) as never)).toMatchObject({ cause: { code: "exit", exitCode: 0 } });
  });
}

// A page that is not isolated has no worker that waits.
test.skipIf(inPage)("an input that a guest waits for is let go with the module", async () => {
  let closed = 0;
  const never = new Promise<never>(() => undefined);
  let ask!: () => void;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const next = (): Promise<never> => {
    ask();
    return never;
  };
  const iterator = { next, return: async () => (closed++, { done: true as const, value: undefined }) };
  const module = await load({ stdin: { [Symbol.asyncIterator]: () => iterator } }, { isolation: "worker" });
  const cut = caught(module.exports.echo() as never);
  await asked;
  const receipt = await module.unload({ force: true });
  expect([(await cut).code, receipt.errors, closed]).toEqual(["unloaded", [], 1]);
});

// A page cannot block its thread.
test.skipIf(inPage)("a sleep in this thread ends with the time of its call", async () => {
  const module = await load({}, { limits: { timeoutMs: 30 } });
  module.exports.sleep(1_000_000n);
  const error = thrown(() => module.exports.sleep(3_600_000_000_000n));
  expect(error).toBeInstanceOf(LimitError);
  expect(error).toMatchObject({ limit: "timeout", allowed: 30 });
});

// A page that is not isolated has no worker that waits.
const ENGINES: [string, object][] = [
  ["this thread", {}],
  ...(inPage ? [] : ([["a worker", { isolation: "worker" }]] as [string, object][])),
  // Node 20 and 22 have no JavaScript Promise Integration.
  ...("Suspending" in WebAssembly ? ([["this thread with jspi", { jspi: true }]] as [string, object][]) : []),
];

test.each(ENGINES)(
  "a guest in %s that ends itself with 0 has exited, which is no trap and brings no restart",
  async (_, how) => {
    const here = host();
    const told: unknown[] = [];
    for (const event of ["trapped", "exited", "restarted", "restart-given-up"] as const)
      here.on(event, (detail) => told.push([event, detail]));
    const options = { ...how, imports: wasi(), onTrap: "restart" } as object;
    const module = (await here.load(await guest(), { name: "ends", ...options })) as any;
    const error = await caught((async () => module.exports.exit(1))());
    expect(error).toMatchObject({ name: "TrapError", trap: "exit", cause: { name: "ExitError", exitCode: 0 } });
    expect(error.message).toBe(`Exit in "ends", export "exit": The guest ended itself with the exit code 0`);
    const after = await caught((async () => module.exports.random(1))());
    expect(after).toMatchObject({
      name: "ExitedError",
      code: "exited",
      retryAfterMs: undefined,
      cause: { trap: "exit" },
    });
    expect(after.message).toMatch(/: it has exited and is locked until it is reloaded$/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toEqual([["exited", { module: "ends", error }]]);
    expect([module.state, module.trap, module.info().traps, module.info().restarts]).toEqual(["exited", error, 0, 0]);
    // A reload has it begin again; another exit code is a fault, which the policy answers.
    await module.reload(await guest());
    expect([module.state, module.info().state]).toEqual(["live", "live"]);
    expect(await caught((async () => module.exports.exit(0))())).toMatchObject({
      trap: "exit-failure",
      cause: { exitCode: 1 },
    });
    while (told.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(told.slice(1).map(([event]: any) => event)).toEqual(["trapped", "restarted"]);
    expect([module.info().traps, module.info().restarts]).toEqual([1, 1]);
  },
);

test.each(ENGINES.filter(([, how]) => Object.keys(how).length > 0))(
  "one of two instances in %s that ends itself with 0 is replaced: its call is told, and the module is live without a trap",
  async (_, how) => {
    const here = host();
    const told: unknown[] = [];
    for (const event of ["trapped", "exited", "restarted", "restart-given-up"] as const)
      here.on(event, (detail) => told.push([event, detail]));
    const options = { ...how, instances: 2, imports: wasi() } as object;
    const module = (await here.load(await guest(), { name: "ends", ...options })) as any;
    const { exit, random } = module.exports;
    for (let round = 0; round < 3; round++) {
      // Both at once, and calls that wait until there are others.
      const calls = [exit(1), exit(1), random(1), random(1)];
      const outcomes = (await Promise.allSettled(calls)) as PromiseRejectedResult[];
      expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
      for (const { reason } of outcomes.slice(0, 2)) {
        expect(reason).toMatchObject({ name: "TrapError", trap: "exit", cause: { name: "ExitError", exitCode: 0 } });
        expect(reason.message).toBe(`Exit in "ends", export "exit": The guest ended itself with the exit code 0`);
      }
    }
    // As after a trap of one, which is no event of the module either: it goes on.
    expect([module.state, module.trap, module.info().traps, module.info().restarts, told]).toEqual([
      "live",
      undefined,
      0,
      0,
      [],
    ]);
    expect((await module.unload()).errors).toEqual([]);
  },
);
