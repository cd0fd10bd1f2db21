/** Pending calls under the life cycle of modules: what refuses, waits for, names and cuts them. */
import { describe, expect, test } from "vitest";
import { type Host, type ModuleInfo, StillRunningError, TrapError, UnloadedError } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { type Any, caught, host, sleep, until } from "../host/support.ts";
import { blockingGuest, callsGuest } from "./guests.ts";

const suspends = "Suspending" in WebAssembly;
const infoOf = (here: Host, name: string): ModuleInfo => here.manifest().find((info) => info.name === name)!;
const bytes = async (wat: string): Promise<Uint8Array> => new Uint8Array(await parseWat(wat));
/** `later` adds 101 to what it waited for, and not 1. */
const nextGuest = callsGuest.replaceAll(
  "(i32.add (call $cell-drop (local.get $cell)) (i32.const 1))",
  "(i32.add (call $cell-drop (local.get $cell)) (i32.const 101))",
);
/** The guest as another's provider: its `later` is the `fetch` that the other imports. */
const providerOf = (wat: string): string =>
  wat
    .replace('(import "fetch"', '(import "get"')
    .replace('(func (export "later") async', '(func (export "fetch") async');

/** An import `fetch` whose promises the test settles, in any order. */
function fetches(): {
  fetch(n: number, call: { readonly signal: AbortSignal }): Promise<number>;
  readonly waiting: { readonly n: number; readonly signal: AbortSignal; answer(value: number): void }[];
} {
  const waiting: ReturnType<typeof fetches>["waiting"] = [];
  return {
    waiting,
    fetch: (n, { signal }) => new Promise((answer) => waiting.push({ n, signal, answer })),
  };
}

describe("unload", () => {
  test("is refused while calls wait, names exports and imports, and leaves the module as it was", async () => {
    const { fetch, waiting } = fetches();
    const module: Any = await host().load(await bytes(callsGuest), { name: "p", imports: { fetch } });
    const calls = [module.exports.later(1), module.exports.later(2)];
    const error = await caught(module.unload());
    expect(error).toBeInstanceOf(StillRunningError);
    expect(error.activity).toEqual([
      { kind: "call", owner: "later", count: 2, waitsFor: "fetch" },
      { kind: "promise", owner: "fetch", count: 2 },
    ]);
    expect(error.message).toBe(
      "Cannot unload module p: 2 calls under way (later, which waits for fetch), 2 promises (fetch); drain waits for it, force cuts it",
    );
    for (const { n, answer } of waiting) answer(n * 10);
    expect(await Promise.all(calls)).toEqual([11, 21]);
    expect((await module.unload()).cut).toEqual([]);
  });

  test("waits with drain until the calls have ended, serving others meanwhile", async () => {
    const { fetch, waiting } = fetches();
    const module: Any = await host().load(await bytes(callsGuest), { name: "p", imports: { fetch } });
    const call = module.exports.later(1);
    const unloading = module.unload({ drain: 60_000 });
    await sleep(5);
    expect(await module.exports.now(1)).toBe(2);
    waiting[0]!.answer(5);
    expect(await call).toBe(6);
    expect((await unloading).cut).toEqual([]);
  });

  test("with force rejects what waits, aborts the signals of imports, and says so in the receipt", async () => {
    const { fetch, waiting } = fetches();
    const here = host();
    const trapped: unknown[] = [];
    here.on("trapped", (event) => trapped.push(event));
    const module: Any = await here.load(await bytes(callsGuest), {
      name: "p",
      // The end of the scope rejects the import, which is no outcome of the call any more.
      imports: ({ signal }) => ({
        fetch: (n: number, call: { readonly signal: AbortSignal }) =>
          Promise.race([
            fetch(n, call),
            new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
          ]),
      }),
    });
    const call = caught(module.exports.later(1));
    const { signal } = waiting[0]!;
    const receipt = await module.unload({ force: true });
    expect(await call).toEqual(
      new UnloadedError('The call of export "later" of "p" was given up: it has been unloaded'),
    );
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(UnloadedError);
    expect(receipt.cut).toEqual([
      { kind: "call", owner: "later", count: 1, waitsFor: "fetch" },
      { kind: "promise", owner: "fetch", count: 1 },
    ]);
    expect(receipt.errors).toEqual([]);
    expect(trapped).toEqual([]);
  });

  test("names a call that only gives turns", async () => {
    const module: Any = await host().load(await bytes(callsGuest), { name: "p", imports: { fetch: (n: number) => n } });
    const call = caught(module.exports.turns(0xffff_ffff));
    expect((await caught(module.unload())).activity).toEqual([{ kind: "call", owner: "turns", count: 1 }]);
    const receipt = await module.unload({ force: true });
    expect(receipt.cut).toEqual([{ kind: "call", owner: "turns", count: 1 }]);
    expect(await call).toBeInstanceOf(UnloadedError);
  });

  test.runIf(suspends)("says which call has the turn that another waits for", async () => {
    const { fetch } = fetches();
    const module: Any = await host().load(await bytes(blockingGuest), { name: "p", imports: { fetch } });
    const calls = [caught(module.exports.run(1)), caught(module.exports.run(2))];
    expect((await caught(module.unload())).activity).toEqual([
      { kind: "call", owner: "run", count: 1, waitsFor: "fetch" },
      { kind: "call", owner: "run", count: 1, waitsFor: "its turn, which run has" },
      { kind: "promise", owner: "fetch", count: 1 },
    ]);
    await module.unload({ force: true });
    expect((await Promise.all(calls)).every((error) => error instanceof UnloadedError)).toBe(true);
  });
});

describe("reload", () => {
  test("swaps at once, and pending calls finish on the old version within drain", async () => {
    const { fetch, waiting } = fetches();
    const here = host();
    const module: Any = await here.load(await bytes(callsGuest), { name: "p", imports: { fetch } });
    const old = module.exports.later(1);
    const reloading = module.reload(await bytes(nextGuest), { drain: 60_000 });
    await until(() => infoOf(here, "p").reloads > 0);
    const fresh = module.exports.later(2);
    waiting[1]!.answer(20);
    expect(await fresh).toBe(121);
    waiting[0]!.answer(10);
    expect(await old).toBe(11);
    expect((await reloading).old.cut).toEqual([]);
  });

  test("gives up calls that do not end within drain, and names them", async () => {
    const { fetch, waiting } = fetches();
    const module: Any = await host().load(await bytes(callsGuest), { name: "p", imports: { fetch } });
    const call = caught(module.exports.later(1));
    const receipt = await module.reload(await bytes(nextGuest), { drain: 5 });
    expect((await call).message).toContain(
      'The call of export "later" of "p" was given up: it belongs to the version replaced at',
    );
    expect(receipt.old.cut).toContainEqual({ kind: "call", owner: "later", count: 1, waitsFor: "fetch" });
    expect(waiting[0]!.signal.aborted).toBe(true);
  });

  test("under load: every call ends once, on one version or named as cut", async () => {
    const here = host();
    const served = new Map<number, number>();
    const fetch = async (n: number): Promise<number> => {
      served.set(n, (served.get(n) ?? 0) + 1);
      await sleep(n % 5);
      return n;
    };
    const module: Any = await here.load(await bytes(callsGuest), { name: "p", imports: { fetch } });
    const outcomes: { readonly n: number; readonly value?: number; readonly error?: unknown }[] = [];
    let on = true;
    let next = 0;
    const caller = async (): Promise<void> => {
      while (on) {
        const n = next++;
        try {
          outcomes.push({ n, value: await module.exports.later(n) });
        } catch (error) {
          outcomes.push({ n, error });
        }
      }
    };
    const callers = Array.from({ length: 20 }, caller);
    let cut = 0;
    for (let i = 0; i < 10; i++) {
      const drain = i % 2 === 0 ? 10_000 : 1;
      const { old } = await module.reload(await bytes(i % 2 === 0 ? nextGuest : callsGuest), { drain });
      for (const { kind, count } of old.cut) if (kind === "call") cut += count;
    }
    on = false;
    await Promise.all(callers);
    expect(outcomes).toHaveLength(next);
    expect(new Set(outcomes.map(({ n }) => n)).size).toBe(next);
    for (const { n, value, error } of outcomes) {
      if (error === undefined) expect([n + 1, n + 101]).toContain(value);
      else expect(error).toBeInstanceOf(UnloadedError);
    }
    expect(outcomes.filter(({ error }) => error !== undefined)).toHaveLength(cut);
    expect([...served.values()].every((times) => times === 1)).toBe(true);
  });

  test.each(["consumer", "provider"])(
    "of the %s of two linked modules, with a call pending through both",
    async (side) => {
      const here = host();
      const { fetch: get, waiting } = fetches();
      const provider: Any = await here.load(await bytes(providerOf(callsGuest)), {
        name: "provider",
        imports: { get },
      });
      const consumer: Any = await here.load(await bytes(callsGuest), { name: "consumer" });
      const old = consumer.exports.later(1);
      const reloading =
        side === "consumer"
          ? consumer.reload(await bytes(nextGuest), { drain: 60_000 })
          : provider.reload(await bytes(providerOf(nextGuest)), { drain: 60_000 });
      await until(() => infoOf(here, side).reloads > 0);
      const fresh = consumer.exports.later(2);
      for (const { n, answer } of waiting) answer(n * 10);
      expect(await Promise.all([old, fresh])).toEqual([12, 122]);
      expect((await reloading).old.cut).toEqual([]);
      expect((await caught(provider.unload())).message).toContain("it is used by consumer");
    },
  );

  test("of a provider that gives up a call traps who waits for it, where the import has no error", async () => {
    const here = host();
    const { fetch: get } = fetches();
    const provider: Any = await here.load(await bytes(providerOf(callsGuest)), { name: "provider", imports: { get } });
    const consumer: Any = await here.load(await bytes(callsGuest), { name: "consumer" });
    const call = caught(consumer.exports.later(1));
    await provider.reload(await bytes(providerOf(nextGuest)), { drain: 5 });
    const error = await call;
    expect(error).toMatchObject({ trap: "import-threw", module: "consumer" });
    expect(error.cause).toBeInstanceOf(UnloadedError);
  });
});

test("the forced end of a consumer cancels its call of its provider", async () => {
  const here = host();
  const { fetch: get, waiting } = fetches();
  const provider: Any = await here.load(await bytes(providerOf(callsGuest)), { name: "provider", imports: { get } });
  const consumer: Any = await here.load(await bytes(callsGuest), { name: "consumer" });
  const call = caught(consumer.exports.later(1));
  await consumer.unload({ force: true });
  expect(await call).toBeInstanceOf(UnloadedError);
  // What it waited for in turn was its guest's to cancel.
  expect(infoOf(here, "provider").activity).toEqual([{ kind: "promise", owner: "get", count: 1 }]);
  waiting[0]!.answer(1);
  await sleep(1);
  expect((await provider.unload()).cut).toEqual([]);
});

describe("a trap", () => {
  test("is told once: its call has it, the others have its cause, and a restart serves on", async () => {
    const { fetch, waiting } = fetches();
    const here = host();
    const events: string[] = [];
    here.on("trapped", ({ module }) => events.push(`trapped ${module}`));
    here.on("restarted", ({ module }) => events.push(`restarted ${module}`));
    const observed: string[] = [];
    here.observe(({ export: path, error }) => observed.push(`${path} ${(error as Error | undefined)?.name}`));
    const module: Any = await here.load(await bytes(callsGuest), { name: "p", imports: { fetch }, onTrap: "restart" });
    const others = [caught(module.exports.later(1)), caught(module.exports.later(2))];
    const trap = await caught(module.exports.fail());
    expect(trap).toBeInstanceOf(TrapError);
    for (const error of await Promise.all(others)) {
      expect(error).toBeInstanceOf(UnloadedError);
      expect(error.cause).toBe(trap);
    }
    expect(waiting.every(({ signal }) => signal.aborted)).toBe(true);
    await until(() => infoOf(here, "p").restarts > 0);
    expect(await module.exports.now(1)).toBe(2);
    expect(events).toEqual(["trapped p", "restarted p"]);
    expect(observed.toSorted()).toEqual([
      "fail TrapError",
      "later UnloadedError",
      "later UnloadedError",
      "now undefined",
    ]);
    expect((await module.unload()).cut).toEqual([]);
  });
});
