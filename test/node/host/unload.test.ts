/** Unload: what refuses it, what drains, flushes, forces and cascades; what the receipt says; what a teardown may do. */
import { expect, test, vi } from "vitest";
import {
  InUseError,
  StillRunningError,
  UnloadedError,
  UsageError,
  type Host,
  type ImportScope,
} from "../../../host/node/index.ts";
import { counter, keeper, math, poker, things, twice } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

/** A module whose `run(n)` calls `poke(n)` of imports made from a scope. */
async function poking(
  here: Host,
  make: (scope: ImportScope) => (value: number) => unknown,
  name = "poker",
): Promise<{ module: Any; scope: ImportScope }> {
  let scope!: ImportScope;
  const module: Any = await here.load(await poker(), {
    name,
    imports: (given: ImportScope) => {
      scope = given;
      return { "demo:poke/host": { poke: make(given) } };
    },
  });
  return { module, scope };
}

test("unload cuts the handles, says what it released, and is one unload however often it is asked for", async () => {
  const here = host();
  const unloaded: string[] = [];
  here.on("unloaded", ({ module }) => unloaded.push(module));
  const module: Any = await here.load(await math({ pages: 3 }), { name: "math" });
  const { add } = module.exports.api;
  const [receipt, again] = await Promise.all([module.unload(), module.unload()]);
  expect(again).toBe(receipt);
  expect(await module.unload()).toBe(receipt);
  expect(receipt).toMatchObject({
    name: "math",
    memoryBytes: 3 * 65536,
    teardown: "absent",
    deferredRun: 0,
    cut: [],
    errors: [],
    cascaded: [],
  });
  expect(module.state).toBe("unloaded");
  expect(here.get("math")).toBeUndefined();
  expect(() => add(1, 2)).toThrow(new UnloadedError("Module math was unloaded"));
  expect(unloaded).toEqual(["math"]);
  expect(() => module.require("api.nope")).toThrow(UnloadedError);
});

test("the name of an unloaded module can be used again, and old handles stay cut", async () => {
  const here = host();
  const first: Any = await here.load(await math(), { name: "math" });
  const { add } = first.exports.api;
  const unloading = first.unload();
  const second: Any = await here.load(await math({ bias: 1 }), { name: "math" });
  await unloading;
  expect(second).not.toBe(first);
  expect(second.exports.api.add(1, 1)).toBe(3);
  expect(() => add(1, 1)).toThrow(UnloadedError);
});

test("a trapped module unloads; later calls name the first trap as their cause", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  const { add, boom } = module.exports.api;
  expect(() => boom()).toThrow(/unreachable/);
  const trap = module.trap;
  expect(trap).toBeInstanceOf(Error);
  await module.unload();
  const refused = (() => {
    try {
      add(1, 2);
    } catch (error) {
      return error as Error;
    }
    return undefined;
  })();
  expect(refused).toBeInstanceOf(UnloadedError);
  expect(refused?.cause).toBe(trap);
});

test("a provider in use is refused with its users named; cascade unloads them first", async () => {
  const here = host();
  const provider = await here.load(await math(), { name: "math" });
  await here.load(await twice(), { name: "twice" });
  await here.load(await twice({ exports: "demo:other/api@1.0.0" }), { name: "other" });
  const order: string[] = [];
  here.on("unloaded", ({ module }) => order.push(module));
  const refused = await caught(provider.unload({ force: true }));
  expect(refused).toBeInstanceOf(InUseError);
  expect(refused.dependents).toEqual(["other", "twice"]);
  expect(provider.state).toBe("live");
  const receipt = await provider.unload({ cascade: true });
  expect(order.at(-1)).toBe("math");
  expect(receipt.cascaded.map(({ name }) => name).sort()).toEqual(["other", "twice"]);
  expect(here.manifest()).toEqual([]);
});

test("an unload from inside the module's own call is refused; forced, it waits for the call to end", async () => {
  const here = host();
  const outcomes: Promise<any>[] = [];
  let force = false;
  const { module } = await poking(here, () => () => {
    outcomes.push(caught(here.require("poker").unload({ force })));
  });
  expect(module.exports.run(7)).toBe(7);
  const refused = await outcomes[0];
  expect(refused).toBeInstanceOf(StillRunningError);
  expect(refused.activity).toEqual([{ kind: "call", owner: "poker", count: 1 }]);
  force = true;
  const run = module.exports.run;
  expect(run(8)).toBe(8);
  expect(await outcomes[1]).toBeUndefined();
  expect(module.state).toBe("unloaded");
  expect(() => run(9)).toThrow(UnloadedError);
});

test("live resources refuse an unload; force cuts and counts them", async () => {
  const module: Any = await host().load(await things(), { name: "things" });
  const { Thing } = module.exports.api;
  const one = new Thing(1);
  const two = new Thing(2);
  const refused = await caught(module.unload());
  expect(refused).toBeInstanceOf(StillRunningError);
  expect(refused.activity).toEqual([{ kind: "resource", owner: "thing", count: 2 }]);
  one[Symbol.dispose]();
  const receipt = await module.unload({ force: true });
  expect(receipt.guestResourcesCut).toBe(1);
  expect(receipt.cut).toEqual([{ kind: "resource", owner: "thing", count: 1 }]);
  expect(() => two.value()).toThrow(UnloadedError);
});

test("a cascade is not stopped by resources that only the dependents hold", async () => {
  const here = host();
  const provider = await here.load(await things(), { name: "things" });
  const user: Any = await here.load(await keeper(), { name: "keeper" });
  expect(user.exports.keep(5)).toBe(5);
  expect(await caught(provider.unload())).toBeInstanceOf(InUseError);
  const receipt = await provider.unload({ cascade: true });
  expect(receipt.cascaded[0]).toMatchObject({ name: "keeper", hostResourcesDisposed: 1 });
  expect(receipt.guestResourcesCut).toBe(0);
});

test("host resources that the guest leaked are disposed at unload, a disposer that throws notwithstanding", async () => {
  const disposed: number[] = [];
  class Thing {
    readonly id: number;
    constructor(id: number) {
      this.id = id;
    }
    value(): number {
      return this.id;
    }
    [Symbol.dispose](): void {
      disposed.push(this.id);
      if (this.id === 13) throw new Error("No luck");
    }
  }
  for (const id of [7, 13]) {
    const user: Any = await host().load(await keeper(), {
      name: "keeper",
      imports: { "demo:things/api@1.0.0": { Thing } },
    });
    expect(user.exports.keep(id)).toBe(id);
    const receipt = await user.unload();
    expect(receipt.hostResourcesDisposed).toBe(1);
    expect(receipt.errors.map(({ message }) => message)).toEqual(id === 13 ? ["No luck"] : []);
  }
  expect(disposed).toEqual([7, 13]);
});

test("pending promises and timers are named with their owners; drain waits for them", async () => {
  const here = host();
  let endWork = (): void => undefined;
  const work = new Promise<void>((resolve) => (endWork = resolve));
  const { module } = await poking(here, (scope) => (value) => {
    if (value === 1) return work;
    scope.setTimeout(() => undefined, 1_000, "heartbeat");
    scope.setInterval(() => undefined, 1_000, "poll").clear();
    return undefined;
  });
  module.exports.run(1);
  module.exports.run(1);
  module.exports.run(2);
  const refused = await caught(module.unload({ drain: 5 }));
  expect(refused).toBeInstanceOf(StillRunningError);
  expect(refused.activity).toEqual([
    { kind: "promise", owner: "demo:poke/host#poke", count: 2 },
    { kind: "timer", owner: "heartbeat", count: 1 },
  ]);
  expect(refused.message).toBe(
    "Cannot unload module poker: 2 promises (demo:poke/host#poke), 1 timer (heartbeat); drain waits for it, force cuts it",
  );
  // Refused means untouched.
  expect(module.state).toBe("live");
  expect(module.exports.run(3)).toBe(3);
  const unloading = module.unload({ drain: 50_000 });
  await sleep(5);
  expect(module.state).toBe("live");
  endWork();
  const receipt = await unloading;
  expect(receipt.cut).toEqual([]);
  // The work was waited for, not the drain.
  expect(receipt.durationMs).toBeLessThan(50_000);
});

test("force cuts what is still pending, fires the signal and clears the timers", async () => {
  let fired = 0;
  const { module, scope } = await poking(host(), (given) => () => {
    given.setTimeout(() => fired++, 20, "late");
    given.setInterval(() => fired++, 5, "often");
    return new Promise(() => undefined);
  });
  let aborted = 0;
  scope.signal.addEventListener("abort", () => aborted++);
  module.exports.run(1);
  const receipt = await module.unload({ force: true });
  expect(receipt.cut).toEqual([
    { kind: "promise", owner: "demo:poke/host#poke", count: 1 },
    { kind: "timer", owner: "late", count: 1 },
    { kind: "timer", owner: "often", count: 1 },
  ]);
  expect(aborted).toBe(1);
  expect(scope.signal.reason).toBeInstanceOf(UsageError);
  await sleep(40);
  expect(fired).toBe(0);
  expect(() => scope.setTimeout(() => undefined)).toThrow(/Cannot start a timer: the instance of module poker is gone/);
  expect(() => scope.defer(() => undefined)).toThrow(UsageError);
});

test("the signal of a scope is made for the import that asks, and has fired for one that asks after the end", async () => {
  const { module, scope } = await poking(host(), () => () => undefined);
  let made = 0;
  class Counted extends AbortController {
    constructor() {
      super();
      made++;
    }
  }
  vi.stubGlobal("AbortController", Counted);
  try {
    module.exports.run(1);
    await module.unload();
    expect(made).toBe(0);
    const { signal } = scope;
    expect(made).toBe(1);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(UsageError);
    expect(scope.signal).toBe(signal);
  } finally {
    vi.unstubAllGlobals();
  }
});

test("work that ends on the signal is not reported as cut", async () => {
  const { module } = await poking(
    host(),
    (scope) => () => new Promise<void>((resolve) => scope.signal.addEventListener("abort", () => resolve())),
  );
  module.exports.run(1);
  expect((await module.unload({ force: true })).cut).toEqual([]);
});

test("flush runs pending timeouts at once, those they start as well, and stops intervals", async () => {
  const ran: string[] = [];
  const { module } = await poking(host(), (scope) => () => {
    scope.setTimeout(() => {
      ran.push("first");
      scope.setTimeout(() => ran.push("second"), 60_000);
    }, 60_000);
    scope.setInterval(() => ran.push("never"), 60_000);
  });
  module.exports.run(1);
  const receipt = await module.unload({ flush: true });
  expect(ran).toEqual(["first", "second"]);
  expect(receipt.cut).toEqual([]);
  expect(receipt.durationMs).toBeLessThan(60_000);
});

test("deferred clean-ups run last first, whatever fails among them, and can be taken back", async () => {
  const ran: string[] = [];
  const { module } = await poking(host(), (scope) => {
    scope.defer(() => ran.push("first") as unknown as void);
    scope.defer(function broken() {
      ran.push("broken");
      throw "not even an Error";
    });
    scope.defer(async () => {
      await sleep(5);
      ran.push("slow");
    });
    const takeBack = scope.defer(() => ran.push("never") as unknown as void);
    takeBack();
    return () => undefined;
  });
  const receipt = await module.unload();
  expect(ran).toEqual(["slow", "broken", "first"]);
  expect(receipt.deferredRun).toBe(3);
  expect(receipt.errors.map(({ message }) => message)).toEqual([
    "The deferred clean-up broken of module poker failed: not even an Error",
  ]);
});

test("clean-ups run after a trap too, and a refused load runs those that were deferred", async () => {
  const ran: string[] = [];
  const here = host();
  const { module } = await poking(here, (scope) => {
    scope.defer(() => ran.push("after the trap") as unknown as void);
    return () => {
      throw new Error("Pulled out");
    };
  });
  expect(() => module.exports.run(1)).toThrow(/Pulled out/);
  expect(module.state).toBe("trapped");
  await module.unload();
  const imports = (scope: ImportScope): object => {
    scope.defer(() => ran.push("after the refusal") as unknown as void);
    return {};
  };
  await expect(here.load(await poker(), { name: "refused", imports })).rejects.toThrow(/demo:poke\/host/);
  expect(ran).toEqual(["after the trap", "after the refusal"]);
});

test("the teardown hook runs with its imports in place; one that traps does not stop the unload", async () => {
  const noted: number[] = [];
  const imports = { "demo:counter/host": { note: (value: number) => noted.push(value) as unknown as void } };
  const here = host();
  const polite: Any = await here.load(await counter({ teardown: "note" }), { name: "polite", imports });
  polite.exports.api.increment();
  polite.exports.api.increment();
  expect((await polite.unload()).teardown).toBe("ran");
  expect(noted).toEqual([2]);
  const rude: Any = await here.load(await counter({ teardown: "trap" }), { name: "rude" });
  const receipt = await rude.unload();
  expect(receipt.teardown).toBe("failed");
  expect(receipt.errors.map((error) => (error as { code?: string }).code)).toEqual(["trap"]);
  expect(rude.state).toBe("unloaded");
  const trapped: Any = await here.load(await counter({ teardown: "trap" }), { name: "trapped" });
  expect(() => trapped.exports.api.boom()).toThrow();
  expect((await trapped.unload()).teardown).toBe("skipped");
});

test("a host can be made that never unloads unless forced", async () => {
  const module: Any = await host({ unloading: false }).load(await math(), { name: "math" });
  await expect(module.unload()).rejects.toThrow(/unloading: false; force does it anyway/);
  expect(module.exports.api.add(1, 2)).toBe(3);
  await module.reload(await math({ bias: 1 }));
  expect(module.exports.api.add(1, 2)).toBe(4);
  expect((await module.unload({ force: true })).memoryBytes).toBe(65536);
});

test("a host that never unloads refuses a cascade as well, which changes nothing, and ends with all its modules", async () => {
  const here = host({ unloading: false });
  const provider: Any = await here.load(await math(), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  await expect(provider.unload({ cascade: true })).rejects.toThrow(/unloading: false; force does it anyway/);
  expect([provider.state, user.state, user.exports.api.twice(4)]).toEqual(["live", "live", 8]);
  const receipts = await here.close();
  expect(receipts.map(({ name }) => name)).toEqual(["twice", "math"]);
  expect(() => user.exports.api.twice(4)).toThrow(UnloadedError);
});

test("a factory may take its scope apart", async () => {
  const done: string[] = [];
  const imports = ({ module, signal, defer, setTimeout: later, setInterval: often, track }: ImportScope): object => {
    defer(() => void done.push(module, String(signal.aborted)));
    later(() => done.push("later"), 60_000);
    often(() => {}, 60_000).clear();
    void track(Promise.resolve());
    return { "demo:poke/host": { poke: () => {} } };
  };
  const module = await host().load(await poker(), { name: "poker", imports });
  await module.unload({ flush: true });
  expect(done).toEqual(["later", "poker", "true"]);
});

test("unload refuses options that do not exist or make no sense", async () => {
  const module = await host().load(await math(), { name: "math" });
  await expect(module.unload({ cascades: true } as never)).rejects.toThrow(
    /Unknown option cascades of unload; did you mean cascade\?/,
  );
  await expect(module.unload({ drain: -1 })).rejects.toThrow(/Expected drain to be a number of at least 0, got -1/);
  await expect(module.unload({ drain: Number.NaN })).rejects.toThrow(UsageError);
});
