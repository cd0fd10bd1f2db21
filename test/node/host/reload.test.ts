/** Reload: the transaction, a fault at every stage, state, the queue, dependents, and callers while it runs. */
import { expect, test } from "vitest";
import {
  LinkError,
  ReloadError,
  TrapError,
  UnloadedError,
  type ImportScope,
  type ReloadReceipt,
} from "../../../host/node/index.ts";
import { chain, component, counter, inPage, keeper, math, poker, things, twice } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

const STAGES = ["open", "check", "instantiate", "save", "restore", "swap", "drain", "teardown"];

test("reload swaps the version behind the handles and says how long each stage took", async () => {
  const here = host();
  const module: Any = await here.load(await math(), { name: "math" });
  const { exports } = module;
  const { add } = exports.api;
  const receipt = await module.reload(await math({ bias: 10 }));
  expect(add(1, 2)).toBe(13);
  expect(module.exports).toBe(exports);
  expect(exports.api.add).toBe(add);
  expect(Object.keys(receipt.stages)).toEqual(STAGES);
  const sum = Object.values(receipt.stages).reduce((total, ms) => total + ms, 0);
  expect(sum).toBeLessThanOrEqual(receipt.durationMs + 0.1);
  expect(receipt.exports).toEqual({ added: [], removed: [], changed: [] });
  expect(receipt.from).not.toBe(receipt.to);
  expect(module.hash).toBe(receipt.to);
  expect(receipt.old).toMatchObject({ memoryBytes: 65536, teardown: "absent", errors: [] });
});

test("reload with another world: new exports come, old ones go, changed ones are cut with the reason", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  const { add, grow, calls } = module.exports.api;
  const receipt = await module.reload(await math({ type: "u32", more: true, less: true, bias: 1 }));
  expect(receipt.exports).toEqual({
    added: ["demo:math/api@1.0.0#triple"],
    removed: ["demo:math/api@1.0.0#grow"],
    changed: ["demo:math/api@1.0.0#add"],
  });
  expect(() => add(1, 2)).toThrow(
    /demo:math\/api@1\.0\.0#add of module math changed in a reload \(.*expected s32, found u32\); take it again/,
  );
  expect(() => grow(1)).toThrow(new UnloadedError("demo:math/api@1.0.0#grow is no longer exported by module math"));
  expect(calls()).toBe(0);
  expect(module.exports.api.add(1, 2)).toBe(4);
  expect(module.exports.api.triple(2)).toBe(6);
  expect(module.get("api.grow")).toBeUndefined();
});

test("a compatible version of an interface keeps its handles, under its old id and its new one", async () => {
  const module: Any = await host().load(await math({ version: "1.2.0" }), { name: "math" });
  const { add } = module.exports["demo:math/api@1.2.0"];
  await module.reload(await math({ version: "1.3.0", bias: 5 }));
  expect(add(1, 1)).toBe(7);
  expect(module.exports["demo:math/api@1.3.0"].add).toBe(add);
  expect(module.exports["demo:math/api@1.2.0"].add).toBe(add);
  await module.reload(await math({ version: "2.0.0" }));
  expect(() => add(1, 1)).toThrow(UnloadedError);
  expect(module.exports["demo:math/api@1.2.0"]).toBeUndefined();
  expect(module.exports.api.add(1, 1)).toBe(2);
});

test.skipIf(inPage)("without a source the file is read again, and bytes are instantiated again", async () => {
  const { mkdtemp, rm, writeFile } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const directory = await mkdtemp(join(tmpdir(), "tenon-reload-"));
  const path = join(directory, "sums.wasm");
  await writeFile(path, await math());
  const here = host();
  const module: Any = await here.load(path);
  await writeFile(path, await math({ bias: 100 }));
  await module.reload();
  expect(module.exports.api.add(1, 1)).toBe(102);
  await rm(directory, { recursive: true });
  expect((await caught(module.reload())).stage).toBe("open");
  expect(module.exports.api.add(1, 1)).toBe(102);
  const fresh: Any = await here.load(await math(), { name: "fresh" });
  fresh.exports.api.add(1, 1);
  const receipt = await fresh.reload();
  expect(receipt.from).toBe(receipt.to);
  expect(fresh.exports.api.calls()).toBe(0);
});

test("state is handed over; an option or a version without it starts afresh", async () => {
  const module: Any = await host().load(await counter(), { name: "counter" });
  const { increment, value } = module.exports.api;
  increment();
  increment();
  expect((await module.reload(await counter({ step: 10 }))).state).toBe("moved");
  expect(increment()).toBe(12);
  expect((await module.reload(await counter({ step: 3 }), { state: false })).state).toBe("none");
  expect(value()).toBe(0);
  increment();
  expect((await module.reload(await counter({ save: "absent", restore: "absent" }))).state).toBe("dropped");
  expect(value()).toBe(0);
  expect((await module.reload(await counter())).state).toBe("none");
});

const importsOf =
  (fail: boolean) =>
  (scope: ImportScope): object => {
    if (fail) throw new Error(`No imports for ${scope.module}`);
    return {};
  };

/** Everything that can go wrong before the swap, by stage. */
const faults: {
  readonly name: string;
  readonly stage: string;
  readonly reload: (module: Any) => Promise<ReloadReceipt>;
  readonly cause: RegExp;
}[] = [
  { name: "no such file", stage: "open", reload: (module) => module.reload("/no/such.wasm"), cause: /ENOENT|404/ },
  { name: "not a component", stage: "open", reload: (module) => module.reload(new Uint8Array(40)), cause: /at byte/ },
  {
    name: "wrong bytes",
    stage: "open",
    reload: async (module) => module.reload(await counter(), { integrity: "0".repeat(64) }),
    cause: /SHA-256/,
  },
  {
    name: "an invalid core module",
    stage: "open",
    reload: async (module) => module.reload(await broken()),
    cause: /core module|type mismatch/,
  },
  {
    name: "imports that nothing meets",
    stage: "check",
    reload: async (module) => module.reload(await counter({ teardown: "note" })),
    cause: /demo:counter\/host/,
  },
  {
    name: "an import factory that throws",
    stage: "check",
    reload: async (module) => module.reload(await counter(), { imports: importsOf(true) }),
    cause: /No imports for counter/,
  },
  {
    name: "a world that does not fit",
    stage: "check",
    reload: async (module) => module.reload(await math()),
    cause: /does not export it/,
  },
  {
    name: "a start function that traps",
    stage: "instantiate",
    reload: async (module) => module.reload(await counter({ start: "trap" })),
    cause: /unreachable/,
  },
  {
    name: "a state that is refused",
    stage: "restore",
    reload: async (module) => module.reload(await counter({ restore: "refuse" })),
    cause: /refused/,
  },
  {
    name: "a restore that traps",
    stage: "restore",
    reload: async (module) => module.reload(await counter({ restore: "trap" })),
    cause: /unreachable/,
  },
];

async function broken(): Promise<Uint8Array<ArrayBuffer>> {
  // A body that leaves nothing where an i32 is promised: valid as text, refused by the engine.
  return component(`(component (core module $m (memory (export "memory") 1) (func (export "f") (result i32) nop))
    (core instance $i (instantiate $m)) (func (export "f") (result u32) (canon lift (core func $i "f"))))`);
}

test.each(faults)(
  "a fault while reloading ($name) is a ReloadError of stage $stage and the old version serves on",
  async ({ stage, reload, cause }) => {
    const here = host();
    const events: string[] = [];
    here.on("reload-failed", ({ module, error }) => events.push(`${module} ${(error as ReloadError).stage}`));
    here.on("reloaded", () => events.push("reloaded"));
    here.on("trapped", () => events.push("trapped"));
    const module: Any = await here.load(await counter(), { name: "counter", world: await demand() });
    const { increment } = module.exports.api;
    increment();
    const before = module.info();
    const error = await caught(reload(module));
    expect(error).toBeInstanceOf(ReloadError);
    expect(error.stage).toBe(stage);
    expect(error.message).toMatch(cause);
    expect(error.cause).toBeInstanceOf(Error);
    expect(module.state).toBe("live");
    expect(increment()).toBe(2);
    expect(module.exports.api.increment).toBe(increment);
    expect(events).toEqual([`counter ${stage}`]);
    expect(module.info()).toEqual({ ...before, calls: 2 });
    // And the next one succeeds.
    await module.reload(await counter({ step: 5 }));
    expect(increment()).toBe(7);
  },
);

async function demand(): Promise<{ exports: never[] | any }> {
  const { compile } = await import("../../../host/node/index.ts");
  const { exports } = await compile(await counter({ save: "absent", restore: "absent" }));
  return { exports };
}

test("a save that traps loses the old instance: a fresh one of the old version serves, and the error says so", async () => {
  const here = host();
  const events: string[] = [];
  for (const event of ["trapped", "restarted", "reload-failed"] as const) here.on(event, () => events.push(event));
  const module: Any = await here.load(await counter({ save: "trap" }), { name: "counter" });
  const { increment, value } = module.exports.api;
  increment();
  const error = await caught(module.reload(await counter({ step: 9 })));
  expect(error).toMatchObject({ stage: "save" });
  expect(error.message).toMatch(/a fresh one of the old version serves and its state is lost/);
  expect(error.cause).toBeInstanceOf(TrapError);
  expect(module.state).toBe("live");
  expect(value()).toBe(0);
  expect(increment()).toBe(1);
  expect(module.info()).toMatchObject({ traps: 1, restarts: 1, reloads: 0 });
  expect(events).toContain("reload-failed");
  expect((await module.reload(await counter({ step: 9 }), { state: false })).to).toBe(module.hash);
  expect(increment()).toBe(9);
});

test("a teardown that traps is in the receipt; the new version serves", async () => {
  const module: Any = await host().load(await counter({ teardown: "trap" }), { name: "counter" });
  const receipt = await module.reload(await counter({ step: 2 }));
  expect(receipt.old.teardown).toBe("failed");
  expect(receipt.old.errors[0]).toBeInstanceOf(TrapError);
  expect(module.exports.api.increment()).toBe(2);
});

test("a refused version leaves nothing behind: its deferred clean-ups have run and its memory is counted nowhere", async () => {
  const ran: string[] = [];
  const imports = (scope: ImportScope): object => {
    scope.defer(() => ran.push("deferred") as unknown as void);
    scope.signal.addEventListener("abort", () => ran.push("aborted"));
    return {};
  };
  const module: Any = await host().load(await counter(), { name: "counter" });
  await caught(module.reload(await counter({ restore: "trap" }), { imports }));
  expect(ran).toEqual(["aborted", "deferred"]);
  expect(module.info().memoryBytes).toBe(65536);
});

test("reload brings a trapped module back, whatever trapped", async () => {
  const module: Any = await host().load(await counter(), { name: "counter" });
  const { increment, boom } = module.exports.api;
  increment();
  expect(() => boom()).toThrow(TrapError);
  expect(() => increment()).toThrow(UnloadedError);
  expect(module.state).toBe("trapped");
  expect((await caught(module.reload(await counter({ start: "trap" })))).stage).toBe("instantiate");
  expect(module.state).toBe("trapped");
  const receipt = await module.reload(await counter());
  // A locked instance cannot be asked for its state.
  expect(receipt.state).toBe("none");
  expect(receipt.old.teardown).toBe("absent");
  expect(increment()).toBe(1);
  expect(module.trap).toBeUndefined();
});

test("of several waiting reloads the last one wins; the others are told that they were superseded", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  const versions = await Promise.all([1, 2, 3, 4].map((bias) => math({ bias })));
  // The first has begun and waits for its imports, so that the others wait for it.
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const first = module.reload(versions[0], { imports: () => gate.then(() => ({})) });
  while (module.state !== "reloading") await sleep(0);
  const [second, third, fourth] = versions.slice(1).map((bytes) => module.reload(bytes));
  const refusal = { code: "reload", superseded: true, stage: "open" };
  await Promise.all([second, third].map((waiting) => expect(waiting).rejects.toMatchObject(refusal)));
  open();
  await Promise.all([first, fourth]);
  expect(module.exports.api.add(0, 0)).toBe(4);
  expect(module.info().reloads).toBe(2);
});

test("an unload waits for the reload that runs, and reloads after it are refused", async () => {
  const module: Any = await host().load(await math(), { name: "math" });
  let go!: () => void;
  const imports = (): Promise<object> => new Promise((resolve) => (go = (): void => resolve({})));
  const reload = module.reload(await math({ bias: 1 }), { imports });
  while (module.state !== "reloading") await sleep(0);
  const unload = module.unload();
  const late = expect(module.reload(await math({ bias: 2 }))).rejects.toThrow(UnloadedError);
  await sleep(5);
  go();
  expect((await reload).to).toBe((await unload).hash);
  await late;
  await expect(module.reload()).rejects.toThrow(UnloadedError);
});

test("dependents go on across a reload of their provider: their next call reaches the new version", async () => {
  const here = host();
  const provider = await here.load(await math(), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  expect(user.exports.api.twice(4)).toBe(8);
  await provider.reload(await math({ bias: 1, more: true, version: "1.1.0" }));
  expect(user.exports.api.twice(4)).toBe(9);
  expect(user.info().uses).toEqual(["math"]);
});

test("a provider's new version that does not fit its dependents is refused with who and why", async () => {
  const here = host();
  const provider: Any = await here.load(await math(), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  for (const [bytes, reason] of [
    [await math({ type: "u32" }), /module twice uses it: `add`: parameter 1 `a`: expected s32, found u32/],
    [await math({ version: "2.0.0" }), /module twice uses it: the new version does not export it/],
    [await counter(), /module twice uses it/],
  ] as const) {
    const error = await caught(provider.reload(bytes));
    expect(error).toMatchObject({ stage: "check" });
    expect(error.cause).toBeInstanceOf(LinkError);
    expect(error.cause.issues).toHaveLength(1);
    expect(error.message).toMatch(reason);
    expect(user.exports.api.twice(4)).toBe(8);
  }
});

test("a provider's reload is refused while dependents hold its resources, and may drain, restart or cut them", async () => {
  const here = host();
  const owner: Any = await here.load(await things(), { name: "things" });
  const user: Any = await here.load(await keeper(), { name: "keeper" });
  const idle: Any = await here.load(await keeper(), { name: "idle" });
  const own = new owner.exports.api.Thing(1);
  expect(user.exports.keep(3)).toBe(3);
  const refused = await caught(owner.reload(await things({ bias: 10 })));
  expect(refused).toMatchObject({ code: "reload", stage: "check" });
  expect(refused.message).toMatch(
    /^Could not reload module things \(check\): Modules hold resources of the old version: 1 live resource \(thing, held by keeper\); drain/,
  );
  expect([user.exports.ask(), own.value()]).toEqual([3, 1]);
  // What the program itself holds it must know of; that goes with the drain, as before.
  const draining = owner.reload(await things({ bias: 10 }), { drain: 60_000 });
  while (owner.exports.api.live() > 1) await sleep(1);
  expect([user.exports.ask(), own.value()]).toEqual([3, 1]);
  await user.reload();
  own[Symbol.dispose]();
  expect((await draining).old.guestResourcesCut).toBe(0);
  expect(user.exports.keep(3)).toBe(13);
  const restarts: string[] = [];
  here.on("reloaded", ({ module }) => restarts.push(module));
  const receipt = await owner.reload(await things({ bias: 20 }), { dependents: "restart" });
  expect(receipt.restarted).toEqual(["keeper"]);
  expect(restarts).toEqual(["keeper", "things"]);
  expect(receipt.old.errors).toEqual([]);
  expect([user.state, idle.info().reloads]).toEqual(["live", 0]);
  expect(user.exports.keep(3)).toBe(23);
  await owner.reload(await things({ bias: 30 }), { force: true });
  expect(() => user.exports.ask()).toThrow(/belongs to the version replaced at/);
});

test("a trapped provider holds nothing for anybody: its reload is not refused", async () => {
  const here = host();
  const owner: Any = await here.load(await things({ dtor: "trap" }), { name: "things" });
  const user: Any = await here.load(await keeper(), { name: "keeper" });
  expect(user.exports.keep(3)).toBe(3);
  expect(() => new owner.exports.api.Thing(1)[Symbol.dispose]()).toThrow(TrapError);
  await owner.reload(await things());
  expect(owner.state).toBe("live");
});

test("a restart of a dependent that fails is told in the receipt, and the provider serves its new version", async () => {
  const here = host();
  const owner: Any = await here.load(await things(), { name: "things" });
  let open = true;
  const imports = (): object => {
    if (!open) throw Object.create(null);
    return {};
  };
  const user: Any = await here.load(await keeper(), { name: "keeper", imports });
  user.exports.keep(1);
  open = false;
  const receipt = await owner.reload(await things({ bias: 5 }), { dependents: "restart" });
  expect(receipt.restarted).toEqual([]);
  expect(receipt.old.errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Could not reload module keeper \(check\)/),
  ]);
  expect(new owner.exports.api.Thing(1).value()).toBe(6);
});

test("a reload cannot make modules need each other in a circle", async () => {
  const here = host();
  const first = await here.load(await chain("x:x/a@1.0.0"), { name: "a" });
  const second: Any = await here.load(await chain("x:x/b@1.0.0", "x:x/a@1.0.0"), { name: "b" });
  await here.load(await chain("x:x/c@1.0.0", "x:x/b@1.0.0"), { name: "c" });
  const error = await caught(first.reload(await chain("x:x/a@1.0.0", "x:x/c@1.0.0")));
  expect(error).toMatchObject({ stage: "check" });
  expect(error.cause.issues.map((issue: { import: string }) => issue.import)).toEqual(["x:x/c@1.0.0"]);
  expect(second.exports.b.f()).toBe(2);
});

test("old resources end with their version, or go on until the drain is over; the class stays the same", async () => {
  const module: Any = await host().load(await things(), { name: "things" });
  const { Thing, peek } = module.exports.api;
  const first = new Thing(1);
  await module.reload(await things({ bias: 10 }));
  expect(() => first.value()).toThrow(UnloadedError);
  expect(() => peek(first)).toThrow("Expected borrow<thing> at it, got a thing of another instance");
  const second = new Thing(1);
  expect(second.value()).toBe(11);
  expect(first).toBeInstanceOf(Thing);
  expect(second).toBeInstanceOf(Thing);
  expect(module.exports.api.Thing).toBe(Thing);
  const draining = module.reload(await things({ bias: 20 }), { drain: 5_000 });
  const serves = (): number => {
    using probe = new Thing(0);
    return probe.value();
  };
  while (serves() !== 20) await new Promise((resolve) => setImmediate(resolve));
  // The new version serves already; the old one's object still works.
  expect(second.value()).toBe(11);
  second[Symbol.dispose]();
  const receipt = await draining;
  expect(receipt.old.guestResourcesCut).toBe(0);
  expect(receipt.stages.drain).toBeLessThan(4_000);
  expect(Thing.make(2).value()).toBe(22);
});

test("a reload asked for from inside a call lets that call finish on the version it began on", async () => {
  const here = host();
  const reloads: Promise<ReloadReceipt>[] = [];
  const module: Any = await here.load(await poker(), {
    name: "poker",
    imports: { "demo:poke/host": { poke: () => void reloads.push(here.require("poker").reload()) } },
  });
  expect(module.exports.run(5)).toBe(5);
  const receipt = await reloads[0]!;
  expect(receipt.old.errors).toEqual([]);
  expect(module.exports.run(6)).toBe(6);
  await reloads[1];
});

test("under the load of concurrent callers no call is lost and none is served twice", async () => {
  const here = host();
  const module: Any = await here.load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  const versions = await Promise.all([
    counter(),
    counter({ teardown: "trap" }),
    counter({ restore: "refuse" }),
    counter({ start: "trap" }),
  ]);
  let calls = 0;
  let done = false;
  const seen = new Set<number>();
  const caller = async (turn: number): Promise<void> => {
    while (!done) {
      // Every answer is one more than some earlier one: a lost or doubled call would leave a gap or repeat a number.
      const answer = increment() as number;
      calls++;
      seen.add(answer);
      if (turn % 3 === 0) await Promise.resolve();
      else if (turn % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
      else await new Promise((resolve) => setTimeout(resolve, 0));
      if (calls % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const callers = Array.from({ length: 12 }, (_, turn) => caller(turn));
  let good = 0;
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    await module.reload(versions[i % versions.length]!).then(
      () => good++,
      () => refused++,
    );
  }
  done = true;
  await Promise.all(callers);
  console.log(
    `${calls} calls from 12 callers during ${good + refused} reloads, ${refused} of them refused: ${calls - seen.size} lost or doubled`,
  );
  expect([good, refused]).toEqual([100, 100]);
  expect(calls).toBeGreaterThan(1_000);
  expect(seen.size).toBe(calls);
  expect([...seen].reduce((most, answer) => Math.max(most, answer))).toBe(calls);
  expect(module.exports.api.value()).toBe(calls);
  expect(module.info().calls).toBe(calls + 1);
});
