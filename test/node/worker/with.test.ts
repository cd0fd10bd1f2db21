/** Limits of single calls of a module in a worker: they go with the call, and a signal ends it. */
import { expect, test } from "vitest";
import { LimitError, TrapError, UnloadedError, UsageError } from "../../../host/node/index.ts";
import { counter, poker } from "../host/fixtures.ts";
import { type Any, caught, gate, host, sleep } from "../host/support.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { loop } from "./fixtures.ts";

const WORKER = { isolation: "worker" } as const;
const load = async (options: object = {}): Promise<Any> =>
  host().load(await loop(), { name: "loop", ...WORKER, ...options });

test("with({ timeoutMs }) ends the call in the worker that counts, and a wider limit than the module's is not its limit", async () => {
  const module = await load({ limits: { timeoutMs: 200 }, onTrap: "restart" });
  const error = await caught(module.with({ timeoutMs: 20 }).exports.spin());
  expect(error).toBeInstanceOf(LimitError);
  expect(error).toMatchObject({ limit: "timeout", allowed: 20, export: "spin" });
  expect(error.message).not.toContain("worker was ended");
  while (module.state !== "live") await sleep(1);
  expect(await caught(module.with({ timeoutMs: 60_000 }).exports.spin())).toMatchObject({ allowed: 200 });
});

test("with({ timeoutMs }) needs no limit of the module: its worker is ended without being asked", async () => {
  const module = await load();
  expect(await module.with({ timeoutMs: 1_000 }).exports.fine()).toBe(1);
  const error = await caught(module.with({ timeoutMs: 20 }).exports.spin());
  expect(error).toMatchObject({ name: "LimitError", limit: "timeout", allowed: 20, module: "loop", export: "spin" });
  expect(error.message).toContain("the worker was ended");
  expect(module.trap).toBe(error);
});

test("a call that waits for a worker until its timeoutMs is refused, and the worker serves on", async () => {
  const at = gate();
  const imports = { "demo:poke/host": { poke: at.poke } };
  const module: Any = await host().load(await poker(), { name: "p", imports, ...WORKER });
  const running = module.exports.run(1);
  const error = await caught(module.with({ timeoutMs: 10 }).exports.run(2));
  expect(error).toBeInstanceOf(LimitError);
  expect(error).toMatchObject({ limit: "timeout", allowed: 10, module: "p", export: "run" });
  expect(error.message).toContain("its turn did not come within 10 ms");
  at.open();
  expect(await running).toBe(1);
  expect(await module.exports.run(3)).toBe(3);
  expect(at.inside).toEqual([1, 3]);
  expect(module.state).toBe("live");
});

test("with({ fuel, cpuMs }) are kept by the guest, and refused where it does not count", async () => {
  const module = await load({ limits: { fuel: Infinity }, onTrap: "restart" });
  expect(await caught(module.with({ fuel: 1_000 }).exports.spin())).toMatchObject({ limit: "fuel", allowed: 1_000 });
  while (module.state !== "live") await sleep(1);
  expect(await caught(module.with({ cpuMs: 5 }).exports.spin())).toMatchObject({ limit: "cpu", allowed: 5 });
  const uncounted = await load({ name: "uncounted" });
  expect(() => uncounted.with({ fuel: 1_000 })).toThrow(UsageError);
  expect(() => uncounted.with({ fuel: 1_000 })).toThrow("load uncounted with limits.fuel, which may be Infinity");
  expect(() => uncounted.with({ timeout: 5 } as object)).toThrow(
    "Unknown option timeout of with; did you mean timeoutMs?",
  );
});

test.each([
  ["that counts nothing", {}],
  ["that counts its steps", { limits: { timeoutMs: 60_000 } }],
])(
  "a signal ends a call in a worker %s, which throws its reason, and the module keeps the trap",
  async (_, options) => {
    const module = await load(options);
    const controller = new AbortController();
    const call = caught(module.with({ signal: controller.signal }).exports.spin());
    await sleep(20);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(module.trap).toBeInstanceOf(LimitError);
    expect(module.trap).toMatchObject({ limit: "signal", module: "loop", export: "spin" });
    await module.reload();
    expect(await module.exports.fine()).toBe(1);
  },
);

test("a signal that has fired begins no call, and one that fires later leaves what has ended alone", async () => {
  const module = await load();
  const reason = new Error("never");
  expect(await caught(module.with({ signal: AbortSignal.abort(reason) }).exports.spin())).toBe(reason);
  const controller = new AbortController();
  const within = module.with({ signal: controller.signal }).exports;
  expect(await within.fine()).toBe(1);
  controller.abort(reason);
  expect(await module.exports.fine()).toBe(1);
  expect(module.state).toBe("live");
});

test("a call that waits for a worker leaves the queue when its signal fires, and those before it go on", async () => {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const imports = { "demo:poke/host": { poke: () => opened } };
  const module: Any = await host().load(await poker(), { name: "p", imports, ...WORKER });
  const first = module.exports.run(1);
  const controller = new AbortController();
  const { run } = module.with({ signal: controller.signal }).exports;
  const waiting = Array.from({ length: 20 }, (_, i) => caught(run(i)));
  controller.abort(new Error("enough"));
  for (const each of waiting) expect(await each).toBe(controller.signal.reason);
  expect(module.info().activity).toEqual([{ kind: "call", owner: "p", count: 1 }]);
  open();
  expect(await first).toBe(1);
  expect(await module.exports.run(2)).toBe(2);
});

test("many calls with one signal are one listener of it, which is gone with the last", async () => {
  const added: string[] = [];
  const signal = new AbortController().signal;
  for (const key of ["addEventListener", "removeEventListener"] as const) {
    const plain = signal[key].bind(signal) as (...args: unknown[]) => void;
    signal[key] = (...args: unknown[]) => {
      added.push(key);
      plain(...args);
    };
  }
  const module = await load();
  const { fine } = module.with({ signal }).exports;
  expect(await Promise.all([fine(), fine(), fine()])).toEqual([1, 1, 1]);
  expect(added).toEqual(["addEventListener", "removeEventListener"]);
});

test("of several workers a signal ends the one that is at the call, and it is replaced", async () => {
  const module = await load({ instances: 2 });
  const controller = new AbortController();
  const call = caught(module.with({ signal: controller.signal }).exports.spin());
  expect(await module.exports.fine()).toBe(1);
  controller.abort();
  expect(await call).toBe(controller.signal.reason);
  expect(module.state).toBe("live");
  expect(await module.exports.fine()).toBe(1);
});

test("worker-sync: limits go with a call, and a signal that an import fires ends it", async () => {
  const controller = new AbortController();
  const imports = { "demo:poke/host": { poke: () => controller.abort(new Error("enough")) } };
  const module: Any = await host().load(await poker(), { name: "p", imports, isolation: "worker-sync" });
  expect(() => module.with({ signal: controller.signal }).exports.run(1)).toThrow("enough");
  expect(module.trap).toMatchObject({ limit: "signal" });
  const spinning: Any = await host().load(await loop(), { name: "loop", isolation: "worker-sync" });
  expect(() => spinning.with({ timeoutMs: 20 }).exports.spin()).toThrow(LimitError);
  expect(() => spinning.exports.fine()).toThrow(UnloadedError);
  const again = spinning.with({ signal: AbortSignal.abort(new Error("never")) }).exports;
  await spinning.reload();
  expect(() => again.fine()).toThrow("never");
});

test("a call that is held during a hand-over of state keeps its limits", async () => {
  const module: Any = await host().load(await counter(), { name: "counter", ...WORKER });
  await module.exports.api.increment();
  const { increment } = module.with({ signal: AbortSignal.abort(new Error("held")) }).exports.api;
  const reloading = module.reload(await counter({ step: 100 }));
  const errors: Promise<Error>[] = [];
  let reloaded = false;
  void reloading.then(() => (reloaded = true));
  while (!reloaded) {
    errors.push(caught(increment()));
    await sleep(1);
  }
  for (const error of errors) expect((await error).message).toBe("held");
  expect(await module.exports.api.value()).toBe(1);
});

test("a trap of the guest under a signal that has not fired is a trap", async () => {
  const module: Any = await host().load(await counter(), { name: "counter", ...WORKER });
  const error = await caught(module.with({ signal: new AbortController().signal }).exports.api.boom());
  expect(error).toBeInstanceOf(TrapError);
  expect(error.trap).toBe("unreachable");
});

test.each(["worker", "worker-sync"] as const)(
  "stackBytes is kept in a worker (%s), the error's numbers with it",
  async (isolation) => {
    const bytes =
      await parseWat(`(component (core module $m (func $f (export "f") (call $f))) (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))`);
    const module: Any = await host().load(bytes, { name: "deep", isolation, limits: { stackBytes: 10_000 } });
    // 80 bytes for a call.
    const error = await caught((async () => module.exports.f())());
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({
      limit: "stack",
      allowed: 10_000,
      used: 10_000 + 80 - (10_000 % 80),
      trap: "stack-overflow",
    });
  },
);
