/**
 * The state machine as a property: random sequences of operations against a model of a few lines, and random operations
 * all at once against what must hold whatever their order.
 */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import {
  createHost,
  InUseError,
  ReloadError,
  StillRunningError,
  TenonError,
  TrapError,
  UnloadedError,
  UsageError,
  type Host,
  type ImportScope,
  type LoadOptions,
  type Module,
  type Source,
} from "../../../host/node/index.ts";
import { scaled, seed } from "../../differential/budget.ts";
import { counter, math, things, twice } from "./fixtures.ts";

type Any = Module<{ imports: object; exports: any }>;

/** Names of providers, by which kind of component they may hold. */
const NAMES = ["a", "b", "c"] as const;
const bias = [0, 100, 200] as const;
let variants: Uint8Array<ArrayBuffer>[];
let broken: Uint8Array<ArrayBuffer>;
let user: Uint8Array<ArrayBuffer>;
let resources: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  variants = await Promise.all(bias.map((value) => math({ bias: value })));
  broken = await counter({ start: "trap" });
  user = await twice();
  resources = await things();
});

/** What the model knows of a module. */
interface Expected {
  variant: number;
  trapped: boolean;
  calls: number;
  /** The provider of a user of `demo:math/api`. */
  provider: string | undefined;
}
interface Model {
  readonly modules: Map<string, Expected>;
}
interface Real {
  readonly host: Host;
  /** Every `add` ever taken, with the module it belonged to. */
  readonly handles: { readonly module: Any; readonly add: (a: number, b: number) => number }[];
}

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

function usersOf(model: Model, name: string): string[] {
  return [...model.modules].flatMap(([other, { provider }]) => (provider === name ? [other] : []));
}

class Load implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly variant: number;
  constructor(name: string, variant: number) {
    this.name = name;
    this.variant = variant;
  }
  check = (): boolean => true;
  async run(model: Model, { host, handles }: Real): Promise<void> {
    const known = model.modules.get(this.name);
    const outcome = host.load(variants[this.variant]!, { name: this.name });
    if (known !== undefined && known.variant !== this.variant) {
      expect(await caught(outcome)).toBeInstanceOf(UsageError);
      return;
    }
    const module = (await outcome) as unknown as Any;
    expect(module).toBe(host.get(this.name));
    if (known !== undefined) return;
    model.modules.set(this.name, { variant: this.variant, trapped: false, calls: 0, provider: undefined });
    handles.push({ module, add: module.exports.api.add });
  }
  toString = (): string => `load(${this.name}, ${this.variant})`;
}

class LoadUser implements fc.AsyncCommand<Model, Real> {
  readonly provider: string;
  constructor(provider: string) {
    this.provider = provider;
  }
  check = (model: Readonly<Model>): boolean =>
    model.modules.has(this.provider) && !model.modules.has(`user of ${this.provider}`);
  async run(model: Model, { host }: Real): Promise<void> {
    const name = `user of ${this.provider}`;
    await host.load(user, { name, link: { "demo:math/api": this.provider } });
    model.modules.set(name, { variant: 0, trapped: false, calls: 0, provider: this.provider });
  }
  toString = (): string => `loadUser(${this.provider})`;
}

class Call implements fc.AsyncCommand<Model, Real> {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
  check = (): boolean => true;
  async run(model: Model, { host, handles }: Real): Promise<void> {
    const handle = handles[this.index % Math.max(1, handles.length)];
    if (handle === undefined) return;
    const { module, add } = handle;
    const known = model.modules.get(module.name);
    if (known === undefined || host.get(module.name) !== (module as unknown as Module)) {
      expect(() => add(1, 2)).toThrow(UnloadedError);
    } else if (known.trapped) {
      expect(() => add(1, 2)).toThrow(UnloadedError);
      known.calls++;
    } else {
      expect(add(1, 2)).toBe(3 + bias[known.variant]!);
      known.calls++;
    }
  }
  toString = (): string => `call(${this.index})`;
}

class CallUser implements fc.AsyncCommand<Model, Real> {
  readonly provider: string;
  constructor(provider: string) {
    this.provider = provider;
  }
  check = (model: Readonly<Model>): boolean => model.modules.has(`user of ${this.provider}`);
  async run(model: Model, { host }: Real): Promise<void> {
    const name = `user of ${this.provider}`;
    const known = model.modules.get(name)!;
    const provider = model.modules.get(this.provider)!;
    const { twice: call } = (host.require(name) as unknown as Any).exports.api;
    known.calls++;
    if (known.trapped) {
      expect(() => call(5)).toThrow(UnloadedError);
      return;
    }
    provider.calls++;
    if (provider.trapped) {
      expect(() => call(5)).toThrow(TrapError);
      known.trapped = true;
    } else {
      expect(call(5)).toBe(10 + bias[provider.variant]!);
    }
  }
  toString = (): string => `callUser(${this.provider})`;
}

class Trap implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  check = (model: Readonly<Model>): boolean => model.modules.has(this.name);
  async run(model: Model, { host }: Real): Promise<void> {
    const known = model.modules.get(this.name)!;
    const { boom } = (host.require(this.name) as unknown as Any).exports.api;
    expect(() => boom()).toThrow(known.trapped ? UnloadedError : TrapError);
    known.trapped = true;
    known.calls++;
  }
  toString = (): string => `trap(${this.name})`;
}

class Reload implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly variant: number | "broken" | "unfit";
  constructor(name: string, variant: number | "broken" | "unfit") {
    this.name = name;
    this.variant = variant;
  }
  check = (model: Readonly<Model>): boolean => model.modules.has(this.name);
  async run(model: Model, { host }: Real): Promise<void> {
    const known = model.modules.get(this.name)!;
    const module = host.require(this.name);
    if (typeof this.variant === "number") {
      await module.reload(variants[this.variant]!);
      known.variant = this.variant;
      known.trapped = false;
    } else if (this.variant === "broken" || usersOf(model, this.name).length > 0) {
      expect(await caught(module.reload(this.variant === "broken" ? broken : resources))).toBeInstanceOf(ReloadError);
    }
  }
  toString = (): string => `reload(${this.name}, ${this.variant})`;
}

class Unload implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly cascade: boolean;
  constructor(name: string, cascade: boolean) {
    this.name = name;
    this.cascade = cascade;
  }
  check = (model: Readonly<Model>): boolean => model.modules.has(this.name);
  async run(model: Model, { host }: Real): Promise<void> {
    const module = host.require(this.name);
    const users = usersOf(model, this.name);
    if (users.length > 0 && !this.cascade) {
      const error = await caught(module.unload());
      expect(error).toBeInstanceOf(InUseError);
      expect((error as InUseError).dependents).toEqual(users);
      return;
    }
    const receipt = await module.unload({ cascade: this.cascade });
    expect(receipt.cascaded.map(({ name }) => name)).toEqual(users);
    expect(receipt.memoryBytes).toBe(65536);
    for (const name of [...users, this.name]) model.modules.delete(name);
    expect(module.state).toBe("unloaded");
  }
  toString = (): string => `unload(${this.name}${this.cascade ? ", cascade" : ""})`;
}

class Inspect implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, { host }: Real): Promise<void> {
    const seen = host.manifest().map(({ name, state, calls, usedBy, uses }) => ({ name, state, calls, usedBy, uses }));
    const wanted = [...model.modules].map(([name, { trapped, calls, provider }]) => ({
      name,
      state: trapped ? "trapped" : "live",
      calls,
      usedBy: usersOf(model, name),
      uses: provider === undefined ? [] : [provider],
    }));
    expect(seen.sort(byName)).toEqual(wanted.sort(byName));
  }
  toString = (): string => "inspect";
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

const name = fc.constantFrom(...NAMES);
const variant = fc.nat({ max: bias.length - 1 });
const commands = [
  fc.tuple(name, variant).map(([at, which]) => new Load(at, which)),
  name.map((at) => new LoadUser(at)),
  fc.nat({ max: 20 }).map((index) => new Call(index)),
  name.map((at) => new CallUser(at)),
  name.map((at) => new Trap(at)),
  fc
    .tuple(name, fc.oneof(variant, fc.constantFrom("broken" as const, "unfit" as const)))
    .map(([at, which]) => new Reload(at, which)),
  fc.tuple(name, fc.boolean()).map(([at, cascade]) => new Unload(at, cascade)),
  fc.constant(new Inspect()),
];

test("any sequence of operations leaves the host as the model says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (sequence) => {
      const host = createHost();
      const real: Real = { host, handles: [] };
      try {
        await fc.asyncModelRun(() => ({ model: { modules: new Map() }, real }), sequence);
      } finally {
        await host.close();
      }
      for (const { add } of real.handles) expect(() => add(1, 1)).toThrow(UnloadedError);
    }),
    { seed, numRuns: scaled(1_000) },
  );
});

/** An operation for the test of simultaneity: started, not awaited. */
type Operation =
  | { readonly kind: "load" | "reload"; readonly name: string; readonly variant: number }
  | { readonly kind: "unload"; readonly name: string; readonly force: boolean }
  | { readonly kind: "trap" | "user" | "broken"; readonly name: string }
  | { readonly kind: "tick" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constantFrom("load" as const, "reload" as const), name, variant }),
  fc.record({ kind: fc.constant("unload" as const), name, force: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("trap" as const, "user" as const, "broken" as const), name }),
  fc.constant({ kind: "tick" as const }),
);

test("operations all at once settle one by one, fail only with errors of their own, and leave the host consistent", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      const host = createHost({ onTrap: { delayMs: 0, maxRestarts: 100 } });
      const outcomes: Promise<unknown>[] = [];
      const start = (outcome: Promise<unknown>): void => {
        outcomes.push(outcome);
        // Looked at below; until then a rejection is not unhandled.
        outcome.catch(() => undefined);
      };
      for (const item of operations) {
        if (item.kind === "tick") {
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        const module = host.get(item.name) as unknown as Any | undefined;
        if (item.kind === "load") start(host.load(variants[item.variant]!, { name: item.name }));
        else if (item.kind === "user")
          start(host.load(user, { name: `user of ${item.name}`, link: { "demo:math/api": item.name } }));
        else if (module === undefined) continue;
        else if (item.kind === "reload") start(module.reload(variants[item.variant]!));
        else if (item.kind === "broken") start(module.reload(broken));
        else if (item.kind === "unload") start(module.unload({ force: item.force, cascade: item.force }));
        else start(Promise.resolve().then(() => module.exports.api.boom()));
      }
      for (const outcome of await Promise.allSettled(outcomes)) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason).toBeInstanceOf(TenonError);
        expect(outcome.reason).not.toBeInstanceOf(StillRunningError);
      }
      const manifest = host.manifest();
      const names = new Set(manifest.map(({ name: at }) => at));
      for (const { name: at, uses, usedBy, state } of manifest) {
        expect(["live", "trapped"]).toContain(state);
        for (const other of [...uses, ...usedBy]) expect(names.has(other), `${at} and ${other}`).toBe(true);
        const { exports } = host.require(at) as unknown as Any;
        if (state === "live" && "grow" in exports.api) expect(exports.api.add(1, 1) % 100).toBe(2);
      }
      const receipts = await host.close();
      expect(receipts).toHaveLength(manifest.length);
    }),
    { seed, numRuns: scaled(1_000) },
  );
});

/** An operation of the hostile kind: sources that never come, signals, and programs that throw what cannot be read. */
type Hostile =
  | { readonly kind: "load"; readonly name: string; readonly variant: number; readonly imports: number }
  | { readonly kind: "reload"; readonly name: string; readonly variant: number; readonly imports: number }
  | { readonly kind: "hang" | "hang-reload"; readonly name: string; readonly aborted: "before" | "later" | "never" }
  | { readonly kind: "unload"; readonly name: string; readonly force: boolean; readonly drain: boolean }
  | { readonly kind: "abort" | "trap" | "user" | "missing" | "close" | "tick"; readonly name: string };

const imports = fc.nat({ max: 4 });
const hostile: fc.Arbitrary<Hostile> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ kind: fc.constantFrom("load" as const, "reload" as const), name, variant, imports }),
  },
  {
    weight: 15,
    arbitrary: fc.record({
      kind: fc.constantFrom("hang" as const, "hang-reload" as const),
      name,
      aborted: fc.constantFrom("before" as const, "later" as const, "never" as const),
    }),
  },
  {
    weight: 15,
    arbitrary: fc.record({ kind: fc.constant("unload" as const), name, force: fc.boolean(), drain: fc.boolean() }),
  },
  {
    weight: 25,
    arbitrary: fc.record({
      kind: fc.constantFrom("abort" as const, "trap" as const, "user" as const, "missing" as const, "tick" as const),
      name,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), name }) },
);

const unreadable = (): unknown =>
  new Proxy(new Error("inside"), {
    get: () => {
      throw new Error("No looking");
    },
    getPrototypeOf: () => {
      throw new Error("No looking");
    },
  });

/** Factories of imports, each wrong in its own way. */
const FACTORIES: readonly ((scope: ImportScope) => object | Promise<object>)[] = [
  () => ({}),
  (scope) => {
    scope.defer(() => {
      throw Object.create(null);
    });
    scope.defer(() => Promise.reject(unreadable()));
    return {};
  },
  () => {
    throw unreadable();
  },
  () => Promise.reject(null),
  (scope) => {
    scope.track(new Promise((resolve) => scope.signal.addEventListener("abort", resolve)), "until the end");
    scope.setTimeout(() => undefined, 60_000);
    return new Promise((resolve) => setTimeout(() => resolve({}), 2));
  },
];

test("whatever hangs, throws or is given up, every operation settles, every module ends and every name is free", async () => {
  const runs = scaled(300);
  let settledOperations = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: 10, maxLength: 40 }), async (operations) => {
      const host = createHost({ onTrap: { delayMs: 0, maxRestarts: 3 } });
      const modules = new Set<Module>();
      const controllers: AbortController[] = [];
      const outcomes: Promise<PromiseSettledResult<unknown>>[] = [];
      const start = (outcome: Promise<unknown>): void => {
        outcomes.push(Promise.allSettled([outcome]).then(([settled]) => settled!));
      };
      const signal = (aborted: "before" | "later" | "never"): AbortSignal => {
        const controller = new AbortController();
        if (aborted === "before") controller.abort(null);
        if (aborted === "later") controllers.push(controller);
        return controller.signal;
      };
      const never = (): Promise<never> => new Promise(() => undefined);
      const load = async (source: Source, options: LoadOptions): Promise<void> => {
        modules.add(await host.load(source, options));
      };
      for (const item of operations) {
        const module = host.get(item.name) as unknown as Any | undefined;
        switch (item.kind) {
          case "load":
            start(load(variants[item.variant]!, { name: item.name, imports: FACTORIES[item.imports]! }));
            break;
          case "hang":
            start(load(never(), { name: item.name, signal: signal(item.aborted) }));
            break;
          case "user":
            start(load(user, { name: `user of ${item.name}`, link: { "demo:math/api": item.name } }));
            break;
          case "missing":
            start(host.missing(never(), { signal: signal("later") }));
            break;
          case "abort":
            controllers.pop()?.abort(unreadable());
            break;
          case "close":
            start(host.close());
            break;
          case "tick":
            await new Promise((resolve) => setTimeout(resolve, 1));
            break;
          case "trap":
            if (module !== undefined) start(Promise.resolve().then(() => module.exports.api.boom()));
            break;
          case "reload":
            if (module !== undefined)
              start(module.reload(variants[item.variant]!, { imports: FACTORIES[item.imports]! }));
            break;
          case "hang-reload":
            if (module !== undefined) start(module.reload(never(), { signal: signal(item.aborted) }));
            break;
          case "unload":
            if (module !== undefined)
              start(module.unload({ force: item.force, cascade: item.force, drain: item.drain ? 20 : 0 }));
        }
      }
      await within(host.close(), "close");
      for (const outcome of outcomes) {
        const settled = await within(outcome, "an operation");
        settledOperations++;
        // Errors are the host's own, but for what a factory of the program's threw at a load.
        if (settled.status === "fulfilled" || isThrownByFactory(settled.reason)) continue;
        expect(settled.reason).toBeInstanceOf(TenonError);
      }
      expect(host.manifest()).toEqual([]);
      for (const module of modules) expect(module.state).toBe("unloaded");
    }),
    { seed, numRuns: runs },
  );
  console.log(`${settledOperations} operations settled`);
  expect(settledOperations).toBeGreaterThan(5 * runs);
});

/** A promise that must settle. */
async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Stuck: ${what} did not settle within 20 s`)), 20_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function isThrownByFactory(reason: unknown): boolean {
  if (reason === null) return true;
  try {
    return !(reason instanceof Object);
  } catch {
    return true;
  }
}
