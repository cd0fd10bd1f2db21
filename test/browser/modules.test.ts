/** The example modules in a real page: loaded by URL, called, trapped, reloaded, unloaded. */
import { describe, expect, test } from "vitest";
import {
  ComponentError,
  createHost,
  LowerError,
  TrapError,
  UnloadedError,
  UsageError,
} from "../../host/browser/index.ts";
import type { World } from "../../host/browser/index.ts";
import type { Calc, Hello, Ledger } from "../../scripts/house/demo/worlds.ts";

const url = (name: string): string => `/dist/modules/${name}.wasm`;

interface Faulty extends World {
  imports: { "demo:faulty/host": { explode(): void } };
  exports: { faults: Record<string, (...parameters: unknown[]) => unknown> };
}

test("hello is loaded by URL and greets", async () => {
  const host = createHost();
  const hello = await host.load<Hello>(url("hello"));
  expect(hello.name).toBe("hello");
  expect(hello.exports.greet("the page 🪵")).toBe("Hello, the page 🪵!");
  await host.close();
});

test("a URL object, a Response, a promised Response and bytes are sources too", async () => {
  const host = createHost();
  const here = new URL(url("hello"), location.href);
  const bytes = await (await fetch(here)).arrayBuffer();
  for (const source of [here, await fetch(here), fetch(here), bytes, new Uint8Array(bytes)]) {
    const module = await host.load<Hello>(source, { name: "hello" });
    expect(module.exports.greet("you")).toBe("Hello, you!");
    await module.unload();
  }
  await expect(host.load("/dist/modules/missing.wasm")).rejects.toThrow(UsageError);
  await host.close();
});

test("calc takes and gives every kind of value it has", async () => {
  const host = createHost();
  const { api } = (await host.load<Calc>(url("calc"))).exports;
  expect(api.add(2 ** 31 - 1, 1)).toBe(-(2 ** 31));
  expect(api.area({ tag: "rectangle", val: { width: 3, height: 4 } })).toBe(12);
  expect(api.area({ tag: "circle", val: 2 })).toBeCloseTo(Math.PI * 4, 12);
  expect(api.area({ tag: "point" })).toBe(0);
  expect(api.sum([1, 2, 3])).toBe(6n);
  expect(api.sum(new Int32Array(10_000).fill(2 ** 31 - 1))).toBe(10_000n * (2n ** 31n - 1n));
  expect(api.divide(7, 2)).toBe(3);
  expect(() => api.divide(1, 0)).toThrow(ComponentError);
  expect(() => api.add("1" as never, 2)).toThrow(LowerError);
  expect(api.add(20, 22)).toBe(42);
  await host.close();
});

test("ledger gives accounts: objects to hold, lend, give back and drop", async () => {
  const host = createHost();
  const ledger = await host.load<Ledger>(url("ledger"));
  const { accounts } = ledger.exports;
  const ada = new accounts.Account("Ada");
  const bob = accounts.Account.withDeposit("Bob", 500n);
  expect(ada).toBeInstanceOf(accounts.Account);
  accounts.transfer(bob, ada, 200n);
  expect([ada.balance(), bob.balance(), accounts.open()]).toEqual([200n, 300n, 2]);
  const poor = caught(() => accounts.transfer(ada, bob, 900n));
  expect(poor).toMatchObject({ name: "ComponentError", payload: "Ada has 200, not 900" });
  expect([ada.balance(), bob.balance()]).toEqual([200n, 300n]);
  expect(accounts.close(bob)).toBe(300n);
  expect(caught(() => bob.balance()).message).toContain("got an account that was dropped or given away");
  await expect(ledger.unload()).rejects.toThrow("1 live resource (account)");
  ada[Symbol.dispose]();
  expect(accounts.open()).toBe(0);
  expect(await ledger.unload()).toMatchObject({ guestResourcesCut: 0 });
  await host.close();
});

describe("faulty", () => {
  const explosion = new Error("The host's own import");
  const imports = {
    "demo:faulty/host": {
      explode: () => {
        throw explosion;
      },
    },
  };

  test.each([
    ["unreachable", [], "unreachable"],
    ["memoryOutOfBounds", [], "memory-out-of-bounds"],
    ["integerDivideByZero", [7], "integer-divide-by-zero"],
    ["integerOverflow", [-1], "integer-overflow"],
    ["indirectCallToNull", [], "indirect-call-to-null"],
    ["stackOverflow", [0], "stack-overflow"],
    ["abortWithMessage", ["Glue is out"], "unreachable"],
    ["importThrew", [], "import-threw"],
  ])("%s is a trap that locks the instance until a reload", async (name, parameters, trap) => {
    const host = createHost();
    const faulty = await host.load<Faulty>(url("faulty"), { imports });
    const { faults } = faulty.exports;
    expect(faults["ok"]!()).toBe(42);
    const first = caught(() => faults[name]!(...parameters));
    expect(first).toBeInstanceOf(TrapError);
    expect(first).toMatchObject({ trap, module: "faulty" });
    if (name === "abortWithMessage") {
      expect(first).toMatchObject({ guestMessage: "Glue is out", position: { file: "index.ts" } });
    }
    const second = caught(() => faults["ok"]!());
    expect(second).toBeInstanceOf(UnloadedError);
    expect(second.cause).toBe(first);
    await faulty.reload();
    expect(faults["ok"]!()).toBe(42);
    await host.close();
  });
});

test("functions that are held are cut at unload", async () => {
  const host = createHost();
  const hello = await host.load<Hello>(url("hello"));
  const { greet } = hello.exports;
  const receipt = await hello.unload({ collect: true });
  expect(receipt.memoryBytes).toBeGreaterThan(0);
  expect(await receipt.collected).toMatchObject({ reclaimed: true });
  expect(() => greet("you")).toThrow(UnloadedError);
});

function caught(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Nothing was thrown");
}
