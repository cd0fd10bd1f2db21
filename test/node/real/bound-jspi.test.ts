/**
 * Modules written by `tenon bind --jspi`: calls that wait, without generating text at run time. Node 20 and 22 have no JavaScript
 * Promise Integration: there only the refusal is tested, and the rest in newer Nodes (`npm run test:matrix`).
 */
import { describe, expect, test } from "vitest";
import { compile, LimitError, UnloadedError, UsageError } from "../../../host/node/index.ts";
import { generations } from "../../../host/bindings/evaluate.ts";
import { poker, things } from "../host/fixtures.ts";
import { type Any, caught, gate, host } from "../host/support.ts";
import { loop } from "../worker/fixtures.ts";
import { bound } from "./written.ts";

test("a module bound with jspi is refused without it, by load and by compile, and says what to do", async () => {
  const source = await bound(poker(), { jspi: true });
  const error = await caught(host().load(source));
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toContain('The module "guest" was written by `tenon bind --jspi` for calls that may wait');
  expect((await caught(compile(source))).message).toContain("load it with jspi: true, or bind it again without");
});

describe.runIf("Suspending" in WebAssembly)("a module bound ahead of time", () => {
  test("without jspi is refused with it, and says how to have it", async () => {
    const error = await caught(host().load(await bound(poker()), { jspi: true }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain("bind it again with --jspi, or load the component that it was made from");
  });

  test("with jspi has calls that wait, and no text is generated", async () => {
    const source = await bound(poker(), { jspi: true });
    const before = generations();
    const at = gate();
    const imports = { "demo:poke/host": { poke: at.poke } };
    const here = host();
    const module = (await here.load(source, { imports, jspi: true, queue: 1 })) as unknown as Any;
    const calls = [module.exports.run(1), module.exports.run(2)];
    expect(await caught(module.exports.run(3))).toMatchObject({ code: "queue-full" });
    expect(at.inside).toEqual([1]);
    at.open();
    expect(await Promise.all(calls)).toEqual([1, 2]);
    // The same source again shares what was made of it.
    await here.load(source, { name: "other", imports, jspi: true, queue: 1 });
    expect(generations()).toBe(before);
    const component = await compile(source, { jspi: true });
    const instance = (await component.instantiate(imports as object)) as unknown as Any;
    expect(await instance.exports.run(4)).toBe(4);
  });

  test("with jspi serves by several instances, with resources", async () => {
    const source = await bound(things({ bias: 0 }), { jspi: true });
    const module = (await host().load(source, { jspi: true, instances: 2 })) as unknown as Any;
    const { Thing, peek } = module.exports.api;
    const all = await Promise.all([1, 2].map((value) => new Thing(value)));
    expect(await Promise.all(all.map((thing) => peek(thing)))).toEqual([1001, 1002]);
    expect((await module.unload({ force: true })).guestResourcesCut).toBe(2);
  });

  test("with jspi and limits keeps those, yieldMs too; a forced unload cuts what computes", async () => {
    const source = await bound(loop(), { jspi: true, limits: true });
    const load = async (name: string, limits: object): Promise<Any> =>
      (await host().load(source, { name, jspi: true, limits })) as unknown as Any;
    const late = await load("late", { timeoutMs: 20 });
    const error = await caught(late.exports.spin());
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "timeout", allowed: 20, export: "spin" });
    const yielding = await load("yielding", { yieldMs: 1 });
    const call = caught(yielding.exports.spin());
    await yielding.unload({ force: true });
    expect(await call).toBeInstanceOf(UnloadedError);
    const plain = await caught(load("plain", { stackBytes: 1000 }));
    expect(plain.message).toContain("bind it with --stack");
  });
});
