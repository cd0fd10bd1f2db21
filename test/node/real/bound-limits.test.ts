/** Modules written by `tenon bind --limits`: limits without compiling anything at run time. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BoundComponent, createHost, type Host, LimitError, type Module } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { bound } from "./written.ts";

interface Exports {
  readonly exports: Record<string, () => unknown>;
  readonly imports: object;
}

let host: Host;
beforeEach(() => void (host = createHost()));
afterEach(() => host.close());

describe("a module bound ahead of time", () => {
  const guestWith = async (limits: boolean | "stack"): Promise<BoundComponent> => {
    const bytes = parseWat(`(component
      (core module $m (memory (export "m") 1) (func (export "f") (loop $l (br $l))) (func (export "ok")) (func $r (export "deep") (call $r)))
      (core instance $i (instantiate $m))
      (func (export "f") (canon lift (core func $i "f"))) (func (export "ok") (canon lift (core func $i "ok")))
      (func (export "deep") (canon lift (core func $i "deep"))))`);
    return bound(bytes, { limits });
  };

  test("with limits keeps those it is loaded with, and runs without any", async () => {
    const source = await guestWith(true);
    const guest = await host.load(source, { name: "guest", limits: { timeoutMs: 15, memoryBytes: 2 ** 20 } });
    const { exports } = guest as Module<Exports>;
    expect(exports["ok"]!()).toBeUndefined();
    expect(() => exports["f"]!()).toThrow(LimitError);
    expect(guest.trap).toMatchObject({ limit: "timeout", allowed: 15 });
    await expect(host.load(source, { name: "small", limits: { memoryBytes: 100 } })).rejects.toBeInstanceOf(LimitError);
    const free = await host.load(source, { name: "free" });
    expect((free as Module<Exports>).exports["ok"]!()).toBeUndefined();
  });

  test("with a measured stack keeps stackBytes, also beside others; without refuses it, and says how to have it", async () => {
    const source = await guestWith("stack");
    const guest = (await host.load(source, { limits: { stackBytes: 10_000, fuel: 1e6 } })) as Module<Exports>;
    expect(guest.exports["ok"]!()).toBeUndefined();
    expect(() => guest.exports["deep"]!()).toThrow(LimitError);
    expect(guest.trap).toMatchObject({ limit: "stack", allowed: 10_000 });
    const free = (await host.load(source, { name: "free" })) as Module<Exports>;
    expect(() => free.exports["deep"]!()).toThrow("stack-overflow");
    expect(free.trap).not.toBeInstanceOf(LimitError);
    await expect(host.load(await guestWith(true), { name: "other", limits: { stackBytes: 10_000 } })).rejects.toThrow(
      "bind it with --stack",
    );
  });

  test("without them refuses limits, and says how to have them", async () => {
    const source = await guestWith(false);
    await expect(host.load(source, { limits: { timeoutMs: 15 } })).rejects.toThrow('bind "guest" again with --limits');
    expect((await host.load(source)).state).toBe("live");
  });
});
