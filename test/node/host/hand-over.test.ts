/** The hand-over of state where every export returns a promise: calls made meanwhile are held, and none is lost. */
import { afterEach, expect, test } from "vitest";
import {
  LimitError,
  ReloadError,
  StillRunningError,
  TrapError,
  TrappedError,
  UnloadedError,
  type Host,
  type HostOptions,
} from "../../../host/node/index.ts";
import { createHost as createHostOn } from "../../../host/module/host.ts";
import { asynchronousPlatform, type Interference } from "./asynchronous-engine.ts";
import { counter, math, things } from "./fixtures.ts";
import { type Any, caught, sleep } from "./support.ts";

const hosts: Host[] = [];

function slowHost(interference?: Interference, options?: HostOptions): Host {
  const made = createHostOn(asynchronousPlatform(interference), options);
  hosts.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((made) => made.close()));
});

/** Holds the first call of a function until it is opened. */
function valve(name: string): Interference & { readonly reached: Promise<void>; open(): void } {
  let open!: () => void;
  let arrive!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  let first = true;
  return {
    reached,
    open: () => open(),
    before: (at) => {
      if (at !== name || !first) return undefined;
      first = false;
      arrive();
      return opened;
    },
  };
}

test("reload: under the load of callers whose calls overlap, no call is lost and none is served twice", async () => {
  const here = slowHost();
  const module: Any = await here.load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  const versions = await Promise.all([
    counter(),
    counter({ teardown: "trap" }),
    counter({ restore: "refuse" }),
    counter({ start: "trap" }),
    counter({ restore: "trap" }),
  ]);
  const answers: number[] = [];
  let done = false;
  const caller = async (turn: number): Promise<void> => {
    while (!done) {
      answers.push((await increment()) as number);
      // Some of these leave moments in which no call is under way.
      if (turn % 4 === 0) await sleep(1);
    }
  };
  const callers = Array.from({ length: 8 }, (_, turn) => caller(turn));
  const outcomes: string[] = [];
  for (let i = 0; i < 10; i++) {
    outcomes.push(
      await module.reload(versions[i % versions.length]!).then(
        () => "good",
        ({ stage }: ReloadError) => stage,
      ),
    );
  }
  done = true;
  await Promise.all(callers);
  const once = ["good", "good", "restore", "instantiate", "restore"];
  expect(outcomes).toEqual([...once, ...once]);
  // Every answer is one more than some earlier one: a lost or doubled call would leave a gap or repeat a number.
  expect(answers.length).toBeGreaterThan(100);
  expect(answers.sort((a, b) => a - b)).toEqual(answers.map((_, index) => index + 1));
  expect(await module.exports.api.value()).toBe(answers.length);
  expect(module.info().calls).toBe(answers.length + 1);
});

test("reload holds the calls made between save and swap, and makes them in their order on the new version", async () => {
  const saving = valve("save");
  const module: Any = await slowHost(saving).load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  await increment();
  const reloading = module.reload(await counter({ step: 10 }));
  await saving.reached;
  const settled: number[] = [];
  const held = [increment(), increment(), increment()];
  for (const call of held) void call.then((value: number) => settled.push(value));
  await sleep(20);
  expect(settled).toEqual([]);
  saving.open();
  expect((await reloading).state).toBe("moved");
  expect((await Promise.all(held)).sort((a, b) => a - b)).toEqual([11, 21, 31]);
});

test("a held call ends with its signal and at its timeoutMs at once, and is not made; the others are", async () => {
  const saving = valve("save");
  const module: Any = await slowHost(saving).load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  const reloading = module.reload(await counter({ step: 10 }));
  await saving.reached;
  const controller = new AbortController();
  const reason = new Error("enough");
  const stopped = caught(module.with({ signal: controller.signal }).exports.api.increment());
  const late = caught(module.with({ timeoutMs: 10 }).exports.api.increment());
  const held = increment();
  controller.abort(reason);
  expect(await stopped).toBe(reason);
  expect(await late).toBeInstanceOf(LimitError);
  expect(await late).toMatchObject({ limit: "timeout", allowed: 10, module: "counter" });
  expect((await late).message).toContain("its turn did not come within 10 ms");
  expect(await caught(module.with({ signal: controller.signal }).exports.api.increment())).toBe(reason);
  saving.open();
  expect((await reloading).state).toBe("moved");
  expect(await held).toBe(10);
  expect(await increment()).toBe(20);
});

test("limits.timeoutMs of a module is that of held calls which have none of their own", async () => {
  const saving = valve("save");
  const here = slowHost(saving, { limits: { timeoutMs: 60_000 } });
  const module: Any = await here.load(await counter(), { name: "counter", limits: { timeoutMs: 10 } });
  const reloading = module.reload(await counter({ step: 10 }));
  await saving.reached;
  expect(await caught(module.exports.api.increment())).toMatchObject({ limit: "timeout", allowed: 10 });
  saving.open();
  await reloading;
});

test("reload whose restore is refused gives the held calls to the old version", async () => {
  const restoring = valve("restore");
  const module: Any = await slowHost(restoring).load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  await increment();
  const failing = caught(module.reload(await counter({ step: 10, restore: "refuse" })));
  await restoring.reached;
  const held = increment();
  restoring.open();
  expect(await failing).toMatchObject({ stage: "restore", cause: { payload: "refused" } });
  expect(await held).toBe(2);
  expect(module.state).toBe("live");
});

test("reload that a signal ends in the middle gives the held calls to the old version at once", async () => {
  const restoring = valve("restore");
  const module: Any = await slowHost(restoring).load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  const controller = new AbortController();
  const failing = caught(module.reload(await counter({ step: 10 }), { signal: controller.signal }));
  await restoring.reached;
  const held = increment();
  controller.abort(new Error("no more time"));
  // The guest's restore never ends: the calls do not wait for that.
  expect(await held).toBe(1);
  expect(module.state).toBe("reloading");
  restoring.open();
  expect(await failing).toMatchObject({ stage: "restore", cause: { code: "aborted" } });
  expect(await increment()).toBe(2);
});

test("reload whose save traps gives the held calls to a fresh instance of the old version", async () => {
  const saving = valve("save");
  const module: Any = await slowHost(saving).load(await counter({ save: "trap" }), { name: "counter" });
  const { increment } = module.exports.api;
  await increment();
  const failing = caught(module.reload(await counter({ step: 10 })));
  await saving.reached;
  const held = increment();
  saving.open();
  const error = await failing;
  expect(error).toMatchObject({ stage: "save", cause: expect.any(TrapError) });
  expect(error.message).toContain("a fresh one of the old version serves and its state is lost");
  expect(await held).toBe(1);
});

test("reload whose save traps where no fresh instance can be made: the held calls say that it has trapped", async () => {
  const saving = valve("save");
  let open = 2;
  const module: Any = await slowHost(saving).load(await counter({ save: "trap" }), {
    name: "counter",
    imports: () => {
      if (open-- === 0) throw new Error("closed");
      return {};
    },
  });
  const failing = caught(module.reload(await counter()));
  await saving.reached;
  const held = caught(module.exports.api.increment());
  saving.open();
  expect((await failing).message).toContain("no fresh one could be made");
  expect(await held).toBeInstanceOf(TrappedError);
});

test("unload with force in the middle of a hand-over settles the reload, the held calls and itself", async () => {
  const saving = valve("save");
  const here = slowHost(saving);
  const module: Any = await here.load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  const failing = caught(module.reload(await counter({ step: 10 })));
  await saving.reached;
  const held = [increment(), increment()];
  const unloading = module.unload({ force: true });
  expect(await failing).toMatchObject({ stage: "save", cause: expect.any(UnloadedError) });
  // They were given to the old version, which ends when they have.
  expect((await Promise.all(held)).sort()).toEqual([1, 2]);
  saving.open();
  expect(await unloading).toMatchObject({ name: "counter", errors: [] });
  expect(() => increment()).toThrow(UnloadedError);
  expect(here.get("counter")).toBeUndefined();
});

test("unload without force waits for the hand-over and what it held", async () => {
  const saving = valve("save");
  const module: Any = await slowHost(saving).load(await counter(), { name: "counter" });
  const reloading = module.reload(await counter({ step: 10 }));
  await saving.reached;
  const held = module.exports.api.increment();
  const unloading = module.unload({ drain: 5_000 });
  saving.open();
  await reloading;
  expect(await held).toBe(10);
  expect(await unloading).toMatchObject({ cut: [] });
});

test("close in the middle of a hand-over settles everything", async () => {
  const restoring = valve("restore");
  const here = slowHost(restoring);
  const module: Any = await here.load(await counter(), { name: "counter" });
  const failing = caught(module.reload(await counter()));
  await restoring.reached;
  const held = module.exports.api.increment();
  const closing = here.close();
  // The reload gives up before the guest's restore ends.
  expect(await held).toBe(1);
  restoring.open();
  expect(await failing).toBeInstanceOf(ReloadError);
  expect((await closing).map(({ name }) => name)).toEqual(["counter"]);
});

test("reload of calls that never leave a moment without one holds new ones until those under way have ended", async () => {
  const module: Any = await slowHost().load(await counter(), { name: "counter" });
  const { increment } = module.exports.api;
  let done = false;
  const answers: Promise<number>[] = [];
  const traffic = (async () => {
    // A new one is under way before the last has ended.
    while (!done) {
      answers.push(increment());
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  expect((await module.reload(await counter())).state).toBe("moved");
  done = true;
  await traffic;
  const all = (await Promise.all(answers)).sort((a, b) => a - b);
  expect(all).toEqual(all.map((_, index) => index + 1));
});

test("reload is refused when a call under way does not end while others are held; the old version serves", async () => {
  const stuck = valve("value");
  const module: Any = await slowHost(stuck).load(await counter(), { name: "counter" });
  const { increment, value } = module.exports.api;
  const waiting = value();
  const failing = caught(module.reload(await counter({ step: 10 })));
  const error = await failing;
  expect(error).toMatchObject({ stage: "save", cause: expect.any(StillRunningError) });
  expect(error.message).toMatch(/Calls of module counter that were under way \(1\) did not end within 5000 ms/);
  expect(await increment()).toBe(1);
  stuck.open();
  expect(await waiting).toBe(1);
  expect((await module.reload(await counter({ step: 10 }))).state).toBe("moved");
});

test("reload without state lets calls under way end on the version they began on, while the new one serves", async () => {
  const stuck = valve("calls");
  const module: Any = await slowHost(stuck).load(await math(), { name: "math" });
  const { add, calls } = module.exports.api;
  const waiting = calls();
  await stuck.reached;
  const reloading = module.reload(await math({ bias: 10 }));
  let sums = 0;
  while ((await add(1, 1)) === 2) sums++;
  stuck.open();
  expect(await waiting).toBe(sums);
  expect((await reloading).old).toMatchObject({ cut: [], errors: [] });
});

test("restart: a call that traps while others are held gives these to the new version, and no restart follows", async () => {
  const trapping = valve("boom");
  const here = slowHost(trapping, { onTrap: "restart" });
  const module: Any = await here.load(await counter(), { name: "counter" });
  const { increment, boom } = module.exports.api;
  const trap = caught(boom());
  await trapping.reached;
  const reloading = module.reload(await counter({ step: 10 }));
  // A call that is not held is answered within a few macrotasks.
  let held: Promise<unknown> | undefined;
  while (held === undefined) {
    const call = increment();
    let answered = false;
    void call.then(() => (answered = true));
    for (let turn = 0; turn < 50 && !answered; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!answered) held = call;
  }
  trapping.open();
  expect(await trap).toBeInstanceOf(TrapError);
  expect((await reloading).state).toBe("none");
  expect(await held).toBe(10);
  expect(module.info()).toMatchObject({ state: "live", restarts: 0, reloads: 1, traps: 1 });
});

test("observe reports each held call once, with its path", async () => {
  const saving = valve("save");
  const here = slowHost(saving);
  const seen: string[] = [];
  here.observe(({ export: path }) => seen.push(path));
  const module: Any = await here.load(await counter(), { name: "counter" });
  const reloading = module.reload(await counter());
  await saving.reached;
  const held = [module.exports.api.increment(), module.exports.api.value()];
  // One that begins to observe meanwhile hears of them too.
  const late: string[] = [];
  here.observe(({ export: path }) => late.push(path));
  saving.open();
  await reloading;
  await Promise.all(held);
  await sleep(1);
  const paths = ["demo:counter/api@1.0.0#increment", "demo:counter/api@1.0.0#value"];
  expect(seen.sort()).toEqual(paths);
  expect(late.sort()).toEqual(paths);
});

test("methods of objects are held as functions are, and run on the version that the object belongs to", async () => {
  const saving = valve("save");
  const module: Any = await slowHost(saving).load(await things({ state: true }), { name: "things" });
  const thing = new module.exports.api.Thing(5);
  expect(await thing.value()).toBe(5);
  const reloading = module.reload(await things({ bias: 1, state: true }), { drain: 10_000 });
  await saving.reached;
  let answer: number | undefined;
  const held = thing.value().then((value: number) => (answer = value));
  await sleep(20);
  expect(answer).toBeUndefined();
  saving.open();
  expect(await held).toBe(5);
  expect(await new module.exports.api.Thing(5).value()).toBe(6);
  thing[Symbol.dispose]();
  await reloading;
});

test("unload waits for a teardown that is a promise, and tells of one that fails", async () => {
  const noted: number[] = [];
  const here = slowHost();
  const imports = { "demo:counter/host": { note: (value: number) => void noted.push(value) } };
  const module: Any = await here.load(await counter({ teardown: "note" }), { name: "counter", imports });
  await module.exports.api.increment();
  expect(await module.unload()).toMatchObject({ teardown: "ran", errors: [] });
  expect(noted).toEqual([1]);
  const failing: Any = await here.load(await counter({ teardown: "trap" }), { name: "failing" });
  expect(await failing.unload()).toMatchObject({ teardown: "failed", errors: [expect.any(TrapError)] });
});
