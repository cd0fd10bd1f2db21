/** Asynchronous components written by `tenon bind`: as when they are compiled, without generating text at run time. */
import { describe, expect, test, vi } from "vitest";
import { generations } from "../../../host/bindings/evaluate.ts";
import { compile, createHost, LimitError, UsageError } from "../../../host/node/index.ts";
import { bind } from "../../../scripts/toolchain/bind.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { pipeGuest } from "../async/channel-guests.ts";
import { blockingGuest, callsGuest, eagerPair, pairGuest } from "../async/guests.ts";
import { type Any, caught } from "../host/support.ts";
import type { Dynamic } from "../runtime/support.ts";
import { bound } from "./written.ts";

const suspends = "Suspending" in WebAssembly;

/** Runs what must evaluate nothing and have no text written. */
async function withoutEvaluation(run: () => Promise<void>): Promise<void> {
  const before = generations();
  const forbidden = vi.spyOn(globalThis, "Function").mockImplementation(() => {
    throw new EvalError("forbidden");
  });
  try {
    await run();
  } finally {
    forbidden.mockRestore();
  }
  expect(generations()).toBe(before);
}

async function exportsOf(guest: string, imports: object = {}): Promise<Dynamic["exports"]> {
  const source = await bound(parseWat(guest));
  return (await (await compile<Dynamic>(source)).instantiate(imports)).exports;
}

describe("an asynchronous component bound ahead of time", () => {
  test("gives promises, waits for imports by a callback, and is cancelled, where evaluation is forbidden", () =>
    withoutEvaluation(async () => {
      const waiting: ((value: number) => void)[] = [];
      const exports = await exportsOf(callsGuest, { fetch: () => new Promise((resolve) => waiting.push(resolve)) });
      expect(await exports.now(41)).toBe(42);
      expect(await exports.echo("caf\u00e9")).toBe("caf\u00e9");
      expect(exports.sum(2, 3)).toBe(5);
      const calls = [exports.later(1), exports.later(2)];
      waiting[1]!(20);
      expect(await calls[1]).toBe(21);
      waiting[0]!(10);
      expect(await calls[0]).toBe(11);
      const abort = new AbortController();
      const turns = exports.turns(0xffff_ffff, { signal: abort.signal });
      abort.abort(new Error("enough"));
      await expect(turns).rejects.toThrow("enough");
      await expect(exports.fail()).rejects.toMatchObject({ name: "TrapError", trap: "unreachable", module: "guest" });
    }));

  test("calls between its components, streams and futures are as ever", () =>
    withoutEvaluation(async () => {
      expect(await (await exportsOf(pairGuest)).run(21)).toBe(42);
      const pipe = await exportsOf(pipeGuest({ type: "u8", size: 1 }));
      const chunks: number[] = [];
      for await (const chunk of await pipe.copy([Uint8Array.of(1, 2), Uint8Array.of(3)])) chunks.push(...chunk);
      expect(chunks).toEqual([1, 2, 3]);
      expect(await pipe.future(Promise.resolve(7))).toBe(7);
    }));

  test("has one text for all engines: a guest that blocks is suspended, or refused where nothing can be", () =>
    withoutEvaluation(async () => {
      const fetch = (n: number): Promise<number> => new Promise((resolve) => setTimeout(resolve, 1, n * 10));
      const call = (await exportsOf(blockingGuest, { fetch })).run(1) as Promise<number>;
      if (suspends) expect(await call).toBe(30);
      else await expect(call).rejects.toMatchObject({ cause: { feature: "jspi" } });
      // What need not wait needs nothing of the engine.
      const eager = await exportsOf(blockingGuest, { fetch: (n: number) => n });
      expect(await eager.run(1)).toBe(3);
      expect((await exportsOf(eagerPair)).synchronous(4)).toBe(20);
    }));

  test("with limits keeps those it is loaded with; a call whose time is over while it waits ends alone", async () => {
    const source = await bound(parseWat(callsGuest), { limits: true });
    const host = createHost();
    const imports = { fetch: () => new Promise<number>(() => undefined) };
    const module = (await host.load(source, { limits: { timeoutMs: 20 }, imports })) as unknown as Any;
    expect(await caught(module.exports.later(1))).toBeInstanceOf(LimitError);
    expect(await module.exports.now(1)).toBe(2);
    expect(module.state).toBe("live");
    const free = (await host.load(source, { name: "free", imports: { fetch: (n: number) => n } })) as unknown as Any;
    expect(await free.exports.later(1)).toBe(2);
    await host.close();
  });

  test("is what a module reloads to and from, with what it has begun finished", async () => {
    const waiting: ((value: number) => void)[] = [];
    const imports = { fetch: () => new Promise<number>((resolve) => waiting.push(resolve)) };
    const host = createHost();
    const source = await bound(parseWat(callsGuest));
    const module = (await host.load(source, { imports })) as unknown as Any;
    const call = module.exports.later(1) as Promise<number>;
    const reloaded = module.reload(await parseWat(callsGuest));
    waiting[0]!(1);
    expect(await call).toBe(2);
    await reloaded;
    await module.reload(source);
    expect(await module.exports.now(1)).toBe(2);
    expect(await (await module.unload({ collect: true })).collected).toMatchObject({ reclaimed: true });
  });

  test("is refused with jspi, by bind and by load, as it waits by itself", async () => {
    const bytes = await parseWat(callsGuest);
    expect(() => bind(bytes, { jspi: true })).toThrow(UsageError);
    expect(() => bind(bytes, { jspi: true })).toThrow("wait by themselves: leave jspi out");
    if (!suspends) return;
    const refused = await caught(createHost().load(await bound(bytes), { jspi: true }));
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused.message).toContain(
      'The functions of "guest" are asynchronous, and wait by themselves: leave jspi out',
    );
  });
});

test("bind says nothing of tasks in the text of a component that has none", async () => {
  const { files } = bind(await parseWat(`(component)`), { name: "plain" });
  expect(files.get("plain.js")).not.toMatch(/asynchronous|tasks/);
});
