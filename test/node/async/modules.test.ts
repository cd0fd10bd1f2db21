/** Asynchronous functions of modules: through the handles of a host, with its types, signals and refusals. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  attempt,
  type CallOptions,
  type CallResult,
  compile,
  createHost,
  type Host,
  type ImportCall,
  type Module,
  TrappedError,
  TrapError,
  UnloadedError,
  type World,
} from "../../../host/node/index.ts";
import { declarations } from "../../../scripts/toolchain/types/dts.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { callsGuest, sleepsGuest } from "./guests.ts";

/** As the declarations of the guest have it: the first test reads this text. */
interface Calls extends World {
  imports: {
    fetch(n: number, call: ImportCall): number | PromiseLike<number>;
  };
  exports: {
    now(n: number, options?: CallOptions): Promise<number>;
    echo(text: string, options?: CallOptions): Promise<string>;
    later(n: number, options?: CallOptions): Promise<number>;
    turns(n: number, options?: CallOptions): Promise<number>;
    fail(options?: CallOptions): Promise<number>;
    forgets(options?: CallOptions): Promise<number>;
    break(): void;
    sum(a: number, b: number): number;
  };
}

const bytes = async (wat: string): Promise<Uint8Array> => new Uint8Array(await parseWat(wat));
const load = async (host: Host, name: string, fetch: Calls["imports"]["fetch"] = (n) => n): Promise<Module<Calls>> =>
  host.load<Calls>(await bytes(callsGuest), { name, imports: { fetch } });

test("the declarations of a component have its asynchronous functions as they are", async () => {
  const { imports, exports } = await compile(await bytes(callsGuest));
  const own = await readFile(fileURLToPath(import.meta.url), "utf8");
  expect(declarations({ name: "demo:calls/calls", imports, exports })).toBe(
    [
      "// The world demo:calls/calls, for the host. Written by tenon; do not edit.",
      'import type { CallOptions, ImportCall, World } from "tenon";',
      "",
      `export ${/^interface Calls [^]*?^\}$/m.exec(own)![0]}`,
      "",
    ].join("\n"),
  );
});

describe("an asynchronous export of a module", () => {
  test("takes a signal beside its parameters", async () => {
    await using host = createHost();
    const { exports } = await load(host, "a");
    const abort = new AbortController();
    const endless = exports.turns(0xffff_ffff, { signal: abort.signal });
    expect(await exports.now(1, {})).toBe(2);
    abort.abort(new Error("enough"));
    await expect(endless).rejects.toThrow("enough");
    await expect(exports.now(1, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    expect(await exports.echo("a")).toBe("a");
    expect(exports.sum(1, 2)).toBe(3);
  });

  test("under attempt gives a promise of its outcome, also where the call is refused", async () => {
    const host = createHost();
    const { exports } = await load(host, "a");
    const good = attempt(() => exports.now(1));
    expectTypeOf(good).toEqualTypeOf<Promise<CallResult<number>>>();
    expect(await good).toEqual({ ok: true, value: 2 });
    const trapped = await attempt(() => exports.forgets());
    expect(!trapped.ok && trapped.error).toBeInstanceOf(TrapError);
    for (const error of [TrappedError, UnloadedError]) {
      const refused = attempt(() => exports.now(1));
      expect(refused).toBeInstanceOf(Promise);
      const outcome = await refused;
      expect(!outcome.ok && outcome.error).toBeInstanceOf(error);
      expect(() => exports.sum(1, 2)).toThrow(error);
      await host.close();
    }
  });

  test("meets the import of another module, whose end gives its calls up", async () => {
    await using host = createHost();
    const giver = await load(host, "giver", (n) => (n === 0 ? new Promise<number>(() => {}) : n * 10));
    const { later } = giver.exports;
    expect(await (await load(host, "taker", later)).exports.later(4)).toBe(42);
    let inner: Promise<number> | undefined;
    const other = await load(host, "other", (n, call) => (inner = later(n, call)));
    const waiting = other.exports.later(0);
    const ended = expect(waiting).rejects.toBeInstanceOf(UnloadedError);
    const given = attempt(() => inner!);
    await other.unload({ force: true });
    await ended;
    const outcome = await given;
    expect(!outcome.ok && outcome.error).toBeInstanceOf(UnloadedError);
    expect(await later(1)).toBe(11);
  });
});

test("a guest waits for an asynchronous import without a result, which is given its call", async () => {
  await using host = createHost();
  let wake!: () => void;
  const given: unknown[] = [];
  const sleep = (ms: bigint, { signal }: ImportCall): Promise<void> => {
    given.push(ms, signal);
    return new Promise((resolve) => (wake = resolve));
  };
  interface Sleeps extends World {
    imports: { sleep(ms: bigint, call: ImportCall): void | PromiseLike<void> };
    exports: { run(options?: CallOptions): Promise<number> };
  }
  const { exports } = await host.load<Sleeps>(await bytes(sleepsGuest), { name: "sleeps", imports: { sleep } });
  let woken = false;
  const running = exports.run().then((value) => [value, woken]);
  await new Promise((resolve) => setTimeout(resolve));
  expect(given).toEqual([5n, expect.any(AbortSignal)]);
  woken = true;
  wake();
  expect(await running).toEqual([7, true]);
});

describe("in a worker", () => {
  test("calls go on beside each other, and a signal gives one up before it begins and while its guest waits", async () => {
    await using host = createHost({ isolation: "worker" });
    const asked: number[] = [];
    const signals: AbortSignal[] = [];
    let answer!: (value: number) => void;
    const fetch = (n: number, { signal }: ImportCall): Promise<number> => {
      asked.push(n);
      signals.push(signal);
      return new Promise((resolve) => (answer = resolve));
    };
    const { exports } = await host.load<Calls>(await bytes(callsGuest), { name: "a", imports: { fetch } });
    await expect(exports.later(0, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    const [first, second] = [new AbortController(), new AbortController()];
    const began = exports.later(1, { signal: first.signal });
    const waits = exports.later(2, { signal: second.signal });
    const last = exports.later(3);
    expect(await exports.now(3, { signal: first.signal })).toBe(4);
    await expect.poll(() => asked).toEqual([1, 2, 3]);
    second.abort(new Error("not now"));
    await expect(waits).rejects.toThrow("not now");
    first.abort(new Error("enough"));
    await expect(began).rejects.toThrow("enough");
    expect(await exports.sum(1, 2)).toBe(3);
    answer(10);
    expect(await last).toBe(11);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, false]);
  });

  test("an asynchronous import is given its call, whose signal aborts when the module is unloaded", async () => {
    await using host = createHost();
    const signals: AbortSignal[] = [];
    const fetch = (n: number, { signal }: ImportCall): number | Promise<number> => {
      signals.push(signal);
      return n === 0 ? new Promise(() => {}) : n * 10;
    };
    const module = await host.load<Calls>(await bytes(callsGuest), {
      name: "a",
      isolation: "worker",
      imports: { fetch },
    });
    expect(await module.exports.later(1)).toBe(11);
    const waiting = module.exports.later(0);
    const ended = expect(waiting).rejects.toBeInstanceOf(UnloadedError);
    await expect.poll(() => signals.length).toBe(2);
    expect(signals[1]!.aborted).toBe(false);
    await module.unload({ force: true });
    await ended;
    expect(signals[1]!.aborted).toBe(true);
    expect(signals[1]!.reason).toBeInstanceOf(UnloadedError);
  });
});
