/** Endings under whatever is thrown: a module always reaches `unloaded`, its name is free, `close` settles, nothing spins. */
import { expect, test, vi } from "vitest";
import { createHost, UnloadedError, UsageError, type ImportScope } from "../../../host/node/index.ts";
import { createHost as createHostOn } from "../../../host/module/host.ts";
import { nodePlatform } from "../../../host/node/platform.ts";
import { component, counter, keeper, math, poker, things, twice } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

/** The promise, or a failure of the test when it hangs; nothing here takes a second by itself. */
async function soon<T>(promise: Promise<T>, ms = 30_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not settled within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Unreadable extends Error {
  override get message(): string {
    throw new Error("No message");
  }
  override get stack(): string {
    throw new Error("No stack");
  }
  override get cause(): unknown {
    throw new Error("No cause");
  }
}

const thrower = (): never => {
  throw new RangeError("No looking");
};

/** What a program of the user's may throw. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  "an error": () => new Error("plain"),
  null: () => null,
  undefined: () => undefined,
  "a symbol": () => Symbol("s"),
  "a frozen error": () => Object.freeze(new Error("frozen")),
  "an object without prototype": () => Object.create(null) as object,
  "an error with getters that throw": () => new Unreadable(),
  "a proxy that throws": () =>
    new Proxy(new Error("inside"), { get: thrower, getPrototypeOf: thrower, has: thrower, ownKeys: thrower }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

const noting = `(component
  (import "note" (func $note))
  (core func $note' (canon lower (func $note)))
  (core module $m (import "h" "note" (func $note)) (memory (export "memory") 1) (func (export "f") call $note))
  (core instance $i (instantiate $m (with "h" (instance (export "note" (func $note'))))))
  (func $f (canon lift (core func $i "f")))
  (instance $teardown (export "before-unload" (func $f)))
  (export "tenon:module/teardown@0.1.0" (instance $teardown)))`;

test.each(Object.entries(THROWN))(
  "a module whose clean-ups and teardown throw %s is unloaded, with errors that can be read in the receipt",
  async (_, thrown) => {
    const here = createHost();
    const imports = (scope: ImportScope): object => {
      scope.defer(() => {
        throw thrown();
      });
      scope.defer(() => Promise.reject(thrown()), "rejecting");
      scope.defer(
        () => {
          throw thrown();
        },
        Symbol("not a name") as never,
      );
      return {
        note: () => {
          throw thrown();
        },
      };
    };
    const module: Any = await here.load(await component(noting), { name: "m", imports });
    await here.load(await counter(), { name: "other" });
    const receipt = await soon(module.unload());
    expect(module.state).toBe("unloaded");
    expect(receipt).toMatchObject({ teardown: "failed", deferredRun: 3, memoryBytes: 65536 });
    expect(receipt.errors).toHaveLength(4);
    for (const error of receipt.errors) {
      expect(error instanceof Error).toBe(true);
      expect(typeof error.message).toBe("string");
    }
    expect(here.get("m")).toBeUndefined();
    // The name is free, and loading it does not wait for what is over.
    const again = await soon(here.load(await component(noting), { name: "m", imports }));
    expect(again).not.toBe(module);
    const receipts = await soon(here.close());
    expect(receipts.map(({ name }) => name).sort()).toEqual(["m", "other"]);
  },
);

test.each(Object.entries(THROWN))(
  "a factory of imports that throws %s fails its load or reload, and leaves the name or the old version",
  async (_, thrown) => {
    const here = host();
    const factories = [
      () => {
        throw thrown();
      },
      () => Promise.reject(thrown()),
    ];
    for (const imports of factories) {
      const failed = vi.fn();
      await soon(here.load(await counter(), { name: "m", imports: imports as never }).then(undefined, failed));
      expect(failed).toHaveBeenCalledOnce();
      expect(here.manifest()).toEqual([]);
    }
    const module: Any = await soon(here.load(await counter(), { name: "m" }));
    for (const imports of factories) {
      const error = await soon(caught(module.reload(undefined, { imports: imports as never })));
      expect(error).toMatchObject({ code: "reload", stage: "check" });
      expect(module.exports.api.increment()).toBeGreaterThan(0);
    }
  },
);

test.each(Object.entries(THROWN))("a disposer that throws %s is in the receipt", async (_, thrown) => {
  const here = host();
  class Thing {
    value(): number {
      return 1;
    }
    [Symbol.dispose](): void {
      throw thrown();
    }
  }
  const api = { Thing: Object.assign(Thing, { make: () => new Thing() }), peek: () => 1, live: () => 1 };
  const module: Any = await here.load(await keeper(), { name: "keeper", imports: { "demo:things/api": api } });
  module.exports.keep(1);
  const receipt = await soon(module.unload());
  expect(receipt.hostResourcesDisposed).toBe(1);
  expect(receipt.errors).toHaveLength(1);
  expect(typeof receipt.errors[0]!.message).toBe("string");
  expect(module.state).toBe("unloaded");
});

test("an end that fails where nothing should is an end all the same", async () => {
  let broken = false;
  const platform = {
    ...nodePlatform,
    macrotask: () => (broken ? Promise.reject(Object.create(null)) : nodePlatform.macrotask()),
  };
  const here = createHostOn(platform);
  const modules = await Promise.all(["a", "b"].map(async (name) => here.load(await math(), { name })));
  broken = true;
  const receipt = await soon(modules[0]!.unload());
  expect(receipt.errors).toHaveLength(1);
  expect(await receipt.collected).toMatchObject({ reclaimed: false });
  expect(modules[0]!.state).toBe("unloaded");
  expect((await soon(here.close())).map(({ name }) => name)).toEqual(["b"]);
  expect(here.manifest()).toEqual([]);
});

test("close unloads every module, whatever the ends of the others do", async () => {
  const here = createHost();
  const names = ["a", "b", "c", "d"];
  for (const name of names) {
    const imports = (scope: ImportScope): object => {
      scope.defer(() => {
        throw Object.create(null);
      });
      return {};
    };
    await here.load(await math(), { name, imports });
  }
  await here.load(await twice(), { name: "user", link: { "demo:math/api": "b" } });
  const receipts = await soon(here.close());
  expect(receipts.map(({ name }) => name).sort()).toEqual([...names, "user"]);
  expect(receipts.findIndex(({ name }) => name === "user")).toBeLessThan(
    receipts.findIndex(({ name }) => name === "b"),
  );
});

test("a forced unload and close do not wait for a drain that was asked for before", async () => {
  const here = createHost();
  const imports = { "demo:poke/host": { poke: () => new Promise<void>(() => undefined) } };
  const module: Any = await here.load(await poker(), { name: "poker", imports });
  module.exports.run(1);
  const patient = module.unload({ drain: 60_000 });
  const reload = here.load(await things(), { name: "things" }).then(async (owner: Any) => {
    const held = new owner.exports.api.Thing(1);
    const reloading = owner.reload(undefined, { drain: 60_000 });
    await sleep(20);
    return { held, reloading };
  });
  const { reloading } = await reload;
  const refused = caught(patient);
  const receipts = await soon(here.close());
  expect(receipts.map(({ name }) => name).sort()).toEqual(["poker", "things"]);
  await soon(reloading);
  // The first unload was answered by what became of the second, or refused.
  expect([undefined, "still-running"]).toContain((await soon(refused))?.code);
});

test("loadAll answers with a module that was unloaded meanwhile, and a rollback keeps its cause", async () => {
  const here = createHost();
  here.on("loaded", ({ module }) => {
    if (module === "first") void here.require("first").unload({ force: true });
  });
  const [first, second] = await soon(
    here.loadAll([
      { source: await math(), name: "first" },
      { source: await counter(), name: "second" },
    ]),
  );
  await sleep(20);
  expect([first!.state, second!.state]).toEqual(["unloaded", "live"]);
  // Somebody else comes to use what is rolled back.
  const late = createHost();
  late.on("loaded", async ({ module }) => {
    if (module === "math") await caught(late.load(await twice(), { name: "user" }));
  });
  const imports = (): never => {
    throw new UsageError("The cause");
  };
  const error = await soon(
    caught(
      late.loadAll([
        { source: await math(), name: "math" },
        { source: await counter(), name: "counter", imports },
      ]),
    ),
  );
  expect(error.message).toBe("The cause");
  await soon(Promise.all([here.close(), late.close()]));
});

test("a load of a name that is being unloaded waits for the end and comes after it", async () => {
  const here = host();
  const imports = (scope: ImportScope): object => {
    scope.defer(() => sleep(30));
    return {};
  };
  const module: Any = await here.load(await math(), { name: "m", imports });
  const { add } = module.exports.api;
  const unload = module.unload();
  expect(module.state).toBe("unloading");
  const again: Any = await soon(here.load(await math(), { name: "m" }));
  await unload;
  expect(again.exports.api.add(1, 1)).toBe(2);
  expect(() => add(1, 1)).toThrow(UnloadedError);
});
