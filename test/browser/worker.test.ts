/** Modules in workers of a page: what a page that is not cross-origin isolated can do, and what it is told. */
import { afterEach, expect, test } from "vitest";
import { createHost, LimitError, UnsupportedError, type Host, type Module } from "../../host/browser/index.ts";
import { parseWat } from "./stand-ins/wasm-tools.ts";

type Any = Module<{ imports: object; exports: any }>;

/** `spin` never ends. */
const LOOP = `(component
  (core module $m (memory (export "memory") 1) (func (export "spin") (loop $l (br $l))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))`;

/** Imports a function, and calls it. */
const CALLER = `(component
  (import "poke" (func $poke))
  (core func $lowered (canon lower (func $poke)))
  (core module $m (import "" "poke" (func $poke)) (func (export "run") (call $poke)))
  (core instance $i (instantiate $m (with "" (instance (export "poke" (func $lowered))))))
  (func (export "run") (canon lift (core func $i "run"))))`;

const hosts: Host[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});

const load = async (text: string, options: object = {}): Promise<Any> => {
  const host = createHost();
  hosts.push(host);
  return (await host.load(await parseWat(text), { name: "m", isolation: "worker", ...options } as object)) as Any;
};

const caught = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test("an endless loop in a worker ends at its limit, and the page's timers beat meanwhile", async () => {
  const module = await load(LOOP, { limits: { timeoutMs: 200 } });
  let beats = 0;
  const timer = setInterval(() => beats++, 10);
  const error = await caught(module.exports.spin());
  clearInterval(timer);
  expect(error).toBeInstanceOf(LimitError);
  expect(beats).toBeGreaterThan(2);
});

test("a signal ends a call in a worker of a page, where nothing else limits it, and a forced unload ends one at once", async () => {
  const module = await load(LOOP, { onTrap: "restart" });
  const controller = new AbortController();
  const call = caught(module.with({ signal: controller.signal }).exports.spin());
  controller.abort(new Error("enough"));
  expect(await call).toBe(controller.signal.reason);
  while (module.state !== "live") await new Promise((done) => setTimeout(done, 1));
  const hanging = caught(module.exports.spin());
  const receipt = await module.unload({ force: true });
  expect(await hanging).toMatchObject({ name: "UnloadedError" });
  expect(receipt.cut).toEqual([{ kind: "call", owner: "m", count: 1 }]);
});

test("a page that is not isolated is told what to turn on for a module that imports functions", async () => {
  expect(globalThis.crossOriginIsolated).toBe(false);
  const imports = { poke: () => {} };
  const error = await caught(load(CALLER, { imports }));
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.feature).toBe("worker");
  expect(error.message).toContain("Cross-Origin-Opener-Policy: same-origin");
});

test("a page cannot wait for a worker, and is told so", async () => {
  const error = await caught(load(LOOP, { isolation: "worker-sync" }));
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.message).toContain('isolation: "worker" returns promises');
});

test("a runtime without SharedArrayBuffer runs modules that import nothing, and tells the others what is missing", async () => {
  const shared = Object.getOwnPropertyDescriptor(globalThis, "SharedArrayBuffer");
  const isolation = Object.getOwnPropertyDescriptor(globalThis, "crossOriginIsolated");
  Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
  try {
    const module = await load(LOOP, { limits: { timeoutMs: 50 } });
    expect(await caught(module.exports.spin())).toBeInstanceOf(LimitError);
    const error = await caught(load(CALLER, { imports: { poke: () => {} } }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toContain("imports poke, which its worker would have to wait for");
    // Headers that the page has already would be no advice.
    Object.defineProperty(globalThis, "crossOriginIsolated", { value: true, configurable: true });
    const isolated = await caught(load(CALLER, { imports: { poke: () => {} } }));
    expect(isolated.message).toMatch(/no SharedArrayBuffer.* load the module without isolation$/);
    expect(isolated.message).not.toContain("serve it with");
  } finally {
    Object.defineProperty(globalThis, "crossOriginIsolated", isolation!);
    if (shared !== undefined) Object.defineProperty(globalThis, "SharedArrayBuffer", shared);
  }
});

test("a runtime without workers is told to load without isolation", async () => {
  const { Worker } = globalThis;
  Reflect.deleteProperty(globalThis, "Worker");
  try {
    const error = await caught(load(LOOP));
    expect(error.message).toContain("this runtime has no Worker; load it without isolation");
  } finally {
    globalThis.Worker = Worker;
  }
});
