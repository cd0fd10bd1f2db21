/** Asynchronous exports and imports: promises, signals, order, traps and ends. */
import { describe, expect, test } from "vitest";
import { TrapError, UnloadedError, UnsupportedError } from "../../../host/errors.ts";
import { instantiateWat } from "../runtime/support.ts";
import { answeringGuest, blockingGuest, callsGuest, pairGuest } from "./guests.ts";

type Fetch = (n: number, call: { readonly signal: AbortSignal }) => number | Promise<number>;

const start = (fetch: Fetch = (n) => n) => instantiateWat(callsGuest, { fetch });
const suspends = "Suspending" in WebAssembly;

describe("an asynchronous export", () => {
  test("gives a native promise, of values of every size", async () => {
    const { exports } = await start();
    const promise = exports.now(41);
    expect(promise).toBeInstanceOf(Promise);
    expect(await promise).toBe(42);
    expect(await exports.echo("caf\u00e9 \u{1f600}")).toBe("caf\u00e9 \u{1f600}");
  });

  test("rejects an argument that does not fit, and goes on", async () => {
    const { exports } = await start();
    await expect(exports.now("1")).rejects.toThrow(TypeError);
    expect(await exports.now(1)).toBe(2);
  });

  test("that waits for an import overlaps with others, each with its own context", async () => {
    const waiting: ((value: number) => void)[] = [];
    const { exports } = await start(() => new Promise((resolve) => waiting.push(resolve)));
    const calls = [exports.later(1), exports.later(2), exports.later(3)];
    expect(waiting).toHaveLength(3);
    expect(exports.sum(2, 3)).toBe(5);
    waiting[2]!(30);
    expect(await calls[2]).toBe(31);
    waiting[0]!(10);
    waiting[1]!(20);
    expect(await Promise.all(calls)).toEqual([11, 21, 31]);
  });

  test("is given what an import returns at once, without a wait", async () => {
    const { exports } = await start((n) => n * 10);
    expect(await exports.later(4)).toBe(41);
  });

  test("gets the turns it yields for, beside others", async () => {
    const { exports } = await start();
    const order: string[] = [];
    const long = exports.turns(100).then(() => order.push("long"));
    const short = exports.turns(3).then(() => order.push("short"));
    await Promise.all([long, short]);
    expect(order).toEqual(["short", "long"]);
  });

  test("that yields for ever leaves turns to the event loop", async () => {
    const { exports } = await start();
    const abort = new AbortController();
    const endless = exports.turns(0xffff_ffff, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    abort.abort(new Error("enough"));
    await expect(endless).rejects.toThrow("enough");
    expect(await exports.now(1)).toBe(2);
  });

  test("called by an import of a call under way runs when that has left", async () => {
    let inner: Promise<number> | undefined;
    const { exports } = await start((n) => {
      inner = exports.now(n);
      return n;
    });
    expect(await exports.later(5)).toBe(6);
    expect(await inner).toBe(6);
  });
});

test("a function that returns its result by itself has its post-return function called", async () => {
  const { exports } = await instantiateWat(answeringGuest);
  expect(await exports.tidy(9)).toBe(9);
  expect(exports.tidied()).toBe(9);
});

describe("a signal", () => {
  test("that has aborted keeps the call from beginning", async () => {
    const { exports } = await start();
    await expect(exports.now(1, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  });

  test("ends a call that waits, and its guest is told", async () => {
    const { exports } = await start(() => new Promise(() => {}));
    const abort = new AbortController();
    const call = exports.later(1, { signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow("changed my mind");
    expect(await exports.now(1)).toBe(2);
  });

  test("ends a call also when its guest answers as it is told", async () => {
    const { exports } = await instantiateWat(answeringGuest);
    const abort = new AbortController();
    const call = exports.stubborn({ signal: abort.signal });
    abort.abort(new Error("too late"));
    await expect(call).rejects.toThrow("too late");
  });
});

describe("a trap", () => {
  test("rejects the call, and all that wait are told of it", async () => {
    let signal: AbortSignal | undefined;
    const instance = await start((_, call) => {
      ({ signal } = call);
      return new Promise(() => {});
    });
    const { exports } = instance;
    const waiting = exports.later(1);
    const failing = exports.fail();
    await expect(failing).rejects.toThrow(TrapError);
    await expect(waiting).rejects.toThrow(UnloadedError);
    await expect(exports.now(1)).rejects.toThrow(UnloadedError);
    expect(instance.state).toBe("trapped");
    expect(signal!.aborted).toBe(true);
  });

  test("of a synchronous call rejects what waits", async () => {
    const { exports } = await start(() => new Promise(() => {}));
    const waiting = exports.later(1);
    expect(() => exports.break()).toThrow(TrapError);
    await expect(waiting).rejects.toThrow(UnloadedError);
  });

  test("is what a task without a result ends with", async () => {
    const { exports } = await start();
    await expect(exports.forgets()).rejects.toMatchObject({ trap: "invalid-task-return" });
  });

  test("is what an import's rejection becomes where the function has no error of its own", async () => {
    const { exports } = await start(() => Promise.reject(new Error("offline")));
    await expect(exports.later(1)).rejects.toMatchObject({ trap: "import-threw" });
  });
});

test("the end of an instance rejects what waits, and aborts the signals of imports", async () => {
  let signal: AbortSignal | undefined;
  const instance = await start((_, call) => {
    ({ signal } = call);
    return new Promise(() => {});
  });
  const waiting = instance.exports.later(1);
  instance.dispose();
  await expect(waiting).rejects.toThrow(UnloadedError);
  expect(signal!.aborted).toBe(true);
});

test("a guest waits for another, through a set and its callback", async () => {
  const { exports } = await instantiateWat(pairGuest);
  expect([await exports.run(4), await exports.run(5)]).toEqual([8, 10]);
});

describe("a guest that blocks", () => {
  test("goes on at once with what is there", async () => {
    const { exports } = await instantiateWat(blockingGuest, { fetch: (n: number) => n * 10 });
    expect(await exports.run(1)).toBe(30);
  });

  test.runIf(suspends)("is suspended until the import's promise settles", async () => {
    const { exports } = await instantiateWat(blockingGuest, { fetch: async (n: number) => n * 10 });
    expect(await Promise.all([exports.run(1), exports.run(2)])).toEqual([30, 50]);
  });

  // With JavaScript Promise Integration it waits, as the test above shows.
  test.skipIf(suspends)("traps where the engine cannot suspend it, and says what it waits for", async () => {
    const { exports } = await instantiateWat(blockingGuest, { fetch: async (n: number) => n });
    const trap = await (exports.run(1) as Promise<unknown>).catch((error: unknown) => error);
    expect(trap).toBeInstanceOf(TrapError);
    expect((trap as TrapError).cause).toBeInstanceOf(UnsupportedError);
    expect((trap as TrapError).message).toContain("the import fetch");
  });
});
