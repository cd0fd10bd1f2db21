/** Limits of asynchronous calls: of a call from its beginning to its end, however often its guest runs for it. */
import { describe, expect, test } from "vitest";
import { type CallLimits, LimitError, type Limits, TrapError } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { type Any, caught, host, sleep, until } from "../host/support.ts";
import { answeringGuest, blockingGuest, callsGuest, pairGuest } from "./guests.ts";

type Fetch = (n: number, call: { readonly signal: AbortSignal }) => number | Promise<number>;

const suspends = "Suspending" in WebAssembly;
const FOR_EVER = 0xffff_ffff;
const never = (): Promise<number> => new Promise(() => {});

async function load(limits: Limits, fetch: Fetch = (n) => n, wat: string = callsGuest): Promise<Any> {
  const imports = wat.includes('(import "fetch"') ? { fetch } : {};
  return host().load(new Uint8Array(await parseWat(wat)), { name: "guest", limits, imports });
}

/** `f` works in each of its turns: it counts to a million. `g` loops for ever once it has been told of its cancellation. */
const worksGuest = callsGuest
  .replace(
    "(if (i32.eqz (call $get)) (then (call $return (i32.const 7)) (return (i32.const 0))))",
    `(local.set 1 (i32.const 1000000))
      (loop $work (br_if $work (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
      (if (i32.eqz (call $get)) (then (call $return (i32.const 7)) (return (i32.const 0))))`,
  )
  .replace("(call $cancel) (return (i32.const 0))", "(loop $spin (br $spin))");

describe("timeoutMs", () => {
  test("covers what a call waits for: the call is given up, its guest is told, and the instance serves on", async () => {
    let signal: AbortSignal | undefined;
    const module = await load({ timeoutMs: 20 }, (_, call) => ((signal = call.signal), never()));
    const call = module.exports.later(1);
    void signal!.aborted;
    const error = await caught(call);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "timeout", allowed: 20, module: "guest", export: "later" });
    expect(error.used).toBeGreaterThanOrEqual(20);
    expect(error.message).toBe(
      'Gave up the call of export "later" of "guest": no end within 20 ms; its guest waited, and is told',
    );
    expect(module.state).toBe("live");
  });

  test("covers the turns that a call yields for", async () => {
    const module = await load({ timeoutMs: Infinity });
    const { exports } = module.with({ timeoutMs: 20 });
    expect(await caught(exports.turns(FOR_EVER))).toMatchObject({ limit: "timeout", allowed: 20 });
    expect(await module.exports.now(1)).toBe(2);
  });

  test("is that of each call, of two at once", async () => {
    const module = await load({ timeoutMs: Infinity }, never);
    const [short, long] = [module.with({ timeoutMs: 20 }).exports, module.with({ timeoutMs: 60 }).exports];
    const order: string[] = [];
    const errors = await Promise.all(
      [
        [long.later(1), "long"],
        [short.turns(FOR_EVER), "short"],
      ].map(([call, name]) => caught(call).then((error) => (order.push(name), error))),
    );
    expect(errors).toMatchObject([
      { limit: "timeout", allowed: 60 },
      { limit: "timeout", allowed: 20 },
    ]);
    expect(order).toEqual(["short", "long"]);
    expect(await module.exports.now(1)).toBe(2);
  });

  test("ends the instance where the guest computes, also when it has been told of its cancellation", async () => {
    const module = await load({ timeoutMs: 30 }, never, worksGuest);
    const waits = caught(module.exports.later(1));
    expect(await waits).toMatchObject({ limit: "timeout" });
    // The guest was told, and looped for ever.
    expect(module.trap).toMatchObject({ limit: "timeout", allowed: 30 });
    expect(module.state).toBe("trapped");
  });

  test("is that of a call made while another is on the stack, too", async () => {
    let inner: Promise<unknown> | undefined;
    const module = await load({ timeoutMs: Infinity }, (n) => {
      inner = caught(module.with({ timeoutMs: 20 }).exports.turns(FOR_EVER));
      return n;
    });
    expect(await module.exports.later(1)).toBe(2);
    expect(await inner).toMatchObject({ limit: "timeout", allowed: 20 });
    expect(module.state).toBe("live");
  });

  test("leaves a call alone that has its result", async () => {
    const module = await load({ timeoutMs: Infinity });
    expect(await module.with({ timeoutMs: 200 }).exports.turns(3)).toBe(7);
    await sleep(250);
    expect(await module.exports.now(1)).toBe(2);
  });

  test.runIf(suspends)(
    "covers a guest that is suspended, and gives the others their turn when that has ended",
    async () => {
      const waiting: ((value: number) => void)[] = [];
      const module = await load(
        { timeoutMs: Infinity },
        () => new Promise((answer) => waiting.push(answer)),
        blockingGuest,
      );
      const call = caught(module.with({ timeoutMs: 20 }).exports.run(1));
      const other = module.exports.run(1);
      expect(await call).toMatchObject({ limit: "timeout", allowed: 20 });
      expect(module.state).toBe("live");
      for (let i = 0; i < 4; i++) {
        await until(() => waiting.length > 0);
        waiting.shift()!(10);
      }
      expect(await other).toBe(20);
    },
  );
});

describe("fuel", () => {
  test("of a call that runs often is the sum, to the step", async () => {
    const measured = await load({ fuel: Infinity });
    const before = measured.usage().fuel!;
    await measured.exports.turns(50);
    const fuel = measured.usage().fuel! - before;
    expect(fuel).toBeGreaterThan(50 * 5);

    const enough = await load({ fuel });
    for (let i = 0; i < 3; i++) expect(await enough.exports.turns(50)).toBe(7);
    const beside = await Promise.all([enough.exports.turns(50), enough.exports.turns(49), enough.exports.now(1)]);
    expect(beside).toEqual([7, 7, 2]);

    // A turn more, and each turn by itself far below the limit.
    const error = await caught(enough.exports.turns(51));
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "fuel", allowed: fuel });
    expect(enough.state).toBe("trapped");
  });

  test("of one call is not that of another beside it", async () => {
    const module = await load({ fuel: Infinity });
    const before = module.usage().fuel!;
    await module.exports.turns(5);
    const fuel = module.usage().fuel! - before;
    const long = module.exports.turns(200);
    expect(await module.with({ fuel }).exports.turns(5)).toBe(7);
    expect(await long).toBe(7);
  });
});

test("work of another component is counted to the call that began the task", async () => {
  // `double` waits for a turn, and then counts.
  const wat = pairGuest.replace(
    "(call $return (i32.mul (call $get) (i32.const 2))) (i32.const 0))",
    `(local.set 1 (i32.const 100000))
      (loop $work (br_if $work (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
      (call $return (i32.mul (call $get) (i32.const 2))) (i32.const 0))`,
  );
  const module = await load({ fuel: Infinity }, undefined, wat);
  expect(await module.with({ fuel: 1_000_000 }).exports.run(4)).toBe(8);
  const error = await caught(module.with({ fuel: 50_000 }).exports.run(4));
  expect(error).toMatchObject({ limit: "fuel", allowed: 50_000 });
});

test("cpuMs is the guest's own time of all its turns, without what it waits for", async () => {
  const module = await load({ cpuMs: 100 }, (n) => sleep(150).then(() => n), worksGuest);
  expect(await module.exports.later(1)).toBe(2);
  expect(await caught(module.exports.turns(FOR_EVER))).toMatchObject({ limit: "cpu", allowed: 100 });
});

describe("the signal of Module.with", () => {
  const aborting = async (module: Any, call: (exports: any) => Promise<unknown>): Promise<unknown> => {
    const controller = new AbortController();
    const limits: CallLimits = { signal: controller.signal };
    const ended = caught(call(module.with(limits).exports));
    await sleep(5);
    controller.abort(new Error("Enough"));
    return ended;
  };

  test("ends a call that yields for ever", async () => {
    const module = await load({ timeoutMs: Infinity });
    expect(await aborting(module, ({ turns }) => turns(FOR_EVER))).toEqual(new Error("Enough"));
    expect(await module.exports.now(1)).toBe(2);
  });

  test("ends a call that waits, and its guest is told, whatever that answers", async () => {
    const module = await load({ timeoutMs: Infinity }, never);
    expect(await aborting(module, ({ later }) => later(1))).toEqual(new Error("Enough"));
    expect(await module.exports.now(1)).toBe(2);
    const stubborn = await load({ timeoutMs: Infinity }, undefined, answeringGuest);
    expect(await aborting(stubborn, (exports) => exports.stubborn())).toEqual(new Error("Enough"));
    expect(stubborn.state).toBe("live");
  });

  test("goes beside that of the call's own options", async () => {
    const module = await load({ timeoutMs: Infinity }, never);
    const { signal } = new AbortController();
    expect(await aborting(module, ({ later }) => later(1, { signal }))).toEqual(new Error("Enough"));
    const own = new AbortController();
    const call = caught(module.with({ signal }).exports.later(1, { signal: own.signal }));
    own.abort(new Error("No more"));
    expect(await call).toEqual(new Error("No more"));
  });

  test("that has fired rejects a call, which does not begin, and throws in a synchronous one", async () => {
    const asked: number[] = [];
    const module = await load({ timeoutMs: Infinity }, (n) => (asked.push(n), n));
    const { exports } = module.with({ signal: AbortSignal.abort(new Error("Too late")) });
    const call = exports.later(1);
    expect(call).toBeInstanceOf(Promise);
    expect(await caught(call)).toEqual(new Error("Too late"));
    expect(() => exports.sum(1, 2)).toThrow("Too late");
    expect(asked).toEqual([]);
    expect(await module.exports.later(1)).toBe(2);
  });

  test("that fires while the guest is on the stack ends the instance, as in a synchronous call", async () => {
    const controller = new AbortController();
    const module = await load({ timeoutMs: Infinity }, (n) => (controller.abort(new Error("Enough")), n));
    const { later } = module.with({ signal: controller.signal }).exports;
    expect(await caught(later(1))).toEqual(new Error("Enough"));
    expect(module.trap).toBeInstanceOf(TrapError);
    expect(module.trap).toMatchObject({ limit: "signal" });
  });
});
