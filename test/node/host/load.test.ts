/** Loading: sources, single flight, integrity, worlds demanded, several at once. Files are in `load-files.test.ts`. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
  compile,
  DecodeError,
  IntegrityError,
  LinkError,
  UnloadedError,
  UsageError,
  type ImportScope,
} from "../../../host/node/index.ts";
import { chain, component, counter, math, twice } from "./fixtures.ts";
import { caught, host } from "./support.ts";

type Api = { exports: Record<string, any> };

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

test("load takes bytes, a view, a Response, a promise of one and a data URL", async () => {
  const bytes = await math();
  const padded = new Uint8Array(bytes.length + 10);
  padded.set(bytes, 5);
  const sources = {
    buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    view: padded.subarray(5, 5 + bytes.length),
    response: new Response(bytes),
    promise: Promise.resolve(new Response(bytes)),
    data: `data:application/wasm;base64,${base64(bytes)}`,
  };
  const here = host();
  for (const [name, source] of Object.entries(sources)) {
    const module: Api = await here.load(source, { name });
    expect(module.exports["api"].add(2, 3), name).toBe(5);
  }
  expect(here.manifest().map(({ name }) => name)).toEqual(Object.keys(sources));
});

test("load names a module after its hash when it came from bytes", async () => {
  const bytes = await math();
  const module = await host().load(bytes);
  expect(module.name).toBe(module.hash.slice(0, 12));
  expect(module.hash).toBe(createHash("sha256").update(bytes).digest("hex"));
});

test("load copies the bytes it is given before it looks at them", async () => {
  const bytes = (await math()).slice();
  const loading = host().load(bytes, { name: "m" });
  await Promise.resolve();
  bytes.fill(0);
  expect(((await loading) as Api).exports["api"].add(1, 1)).toBe(2);
});

test("load says what it could not fetch or use", async () => {
  const here = host();
  await expect(here.load(new Response("", { status: 404 }))).rejects.toThrow(/status 404/);
  await expect(here.load(42 as never)).rejects.toThrow(/^Expected a .*bytes.* as source, got number$/);
  await expect(here.load(null as never)).rejects.toThrow(UsageError);
  await expect(here.load(new Uint8Array([1, 2, 3]))).rejects.toThrow(DecodeError);
  expect(here.manifest()).toEqual([]);
});

test("load refuses an unknown option and names the one that was meant", async () => {
  const bytes = await math();
  await expect(host().load(bytes, { import: {} } as never)).rejects.toThrow(
    "Unknown option import of load; did you mean imports?",
  );
  expect(() => host({ ontrap: "fail" } as never)).toThrow(/Unknown option ontrap .* did you mean onTrap\?/);
  expect(() => host({ onTrap: "explode" } as never)).toThrow(UsageError);
  await expect(host().load(bytes, { name: "" })).rejects.toThrow(UsageError);
});

test("instantiate refuses an unknown option and one that is not what it must be", async () => {
  const component = await compile(await math());
  for (const [options, why] of [
    [{ limit: {} }, "Unknown option limit of instantiate; did you mean limits?"],
    [{ name: "" }, "Expected name to be a string that is not empty, got "],
    [{ onTrap: "fail" }, "Expected onTrap to be a function, got fail"],
    [null, "Expected the options of instantiate to be an object, got null"],
  ] as const) {
    await expect(component.instantiate({}, options as never)).rejects.toThrow(why);
    expect(() => component.instantiateSync({}, options as never)).toThrow(UsageError);
  }
});

test("two loads of one name and the same bytes give one module, at once or in turn", async () => {
  const here = host();
  const events: string[] = [];
  here.on("loaded", ({ module }) => events.push(module));
  const bytes = await math();
  const modules = await Promise.all(Array.from({ length: 20 }, () => here.load(bytes, { name: "m" })));
  modules.push(await here.load(bytes.slice(), { name: "m" }));
  expect(new Set(modules).size).toBe(1);
  expect(events).toEqual(["m"]);
});

test("twenty loads at once run the start function, the factory of imports and the end of each once", async () => {
  const here = host();
  const counts = { started: 0, made: 0, ended: 0 };
  const bytes = await component(`(component
    (import "started" (func $started))
    (core func $started' (canon lower (func $started)))
    (core module $m (import "h" "started" (func $started)) (start $started) (memory (export "memory") 1))
    (core instance $i (instantiate $m (with "h" (instance (export "started" (func $started')))))))`);
  const imports = (scope: ImportScope): object => {
    counts.made++;
    scope.defer(() => void counts.ended++);
    return { started: () => void counts.started++ };
  };
  await Promise.all(Array.from({ length: 20 }, () => here.load(bytes, { name: "m", imports })));
  expect(counts).toEqual({ started: 1, made: 1, ended: 0 });
  await here.require("m").unload();
  expect(counts).toEqual({ started: 1, made: 1, ended: 1 });
});

test("a name with other bytes is refused, whether loaded or being loaded", async () => {
  const here = host();
  const outcomes = await Promise.allSettled([
    here.load(await math(), { name: "m" }),
    here.load(await math({ bias: 1 }), { name: "m" }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const refused = await caught(here.load(await math({ bias: 2 }), { name: "m" }));
  expect(refused).toBeInstanceOf(UsageError);
  expect(refused.code).toBe("name-taken");
  expect(refused.message).toMatch(/already loaded with other bytes .*; reload it/);
});

test("a failed load leaves its name free, and one that waited for it tries by itself", async () => {
  const here = host();
  const bytes = await twice();
  const imports = { "demo:math/api@1.0.0": { add: (a: number, b: number) => a + b } };
  const outcomes = await Promise.allSettled([
    here.load(bytes, { name: "t" }),
    here.load(bytes, { name: "t", imports }),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect((here.require("t") as Api).exports["api"].twice(4)).toBe(8);
});

test("integrity is checked as hex and as base64, before anything is compiled", async () => {
  const bytes = await math();
  const hex = createHash("sha256").update(bytes).digest("hex");
  const text = `sha256-${base64(Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16)))}`;
  const here = host();
  await here.load(bytes, { name: "a", integrity: hex });
  await here.load(bytes, { name: "b", integrity: hex.toUpperCase() });
  await here.load(bytes, { name: "c", integrity: text });
  const garbage = new Uint8Array([0, 1, 2]);
  const refused = await here.load(garbage, { name: "d", integrity: hex }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(IntegrityError);
  expect(refused).toMatchObject({
    code: "integrity",
    expected: hex,
    found: createHash("sha256").update(garbage).digest("hex"),
  });
  await expect(here.load(bytes, { name: "e", integrity: "md5-abc" })).rejects.toThrow(/Expected integrity as/);
});

test("imports are denied unless given: a component without them is refused with every one listed", async () => {
  const refused = await host()
    .load(
      await twice({ also: `(import "extra" (func $extra (param "x" u32))) (core func (canon lower (func $extra)))` }),
    )
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LinkError);
  const { issues } = refused as LinkError;
  expect(issues.map((issue) => [issue.import!.split("#")[0], issue.problem])).toContainEqual([
    "demo:math/api@1.0.0",
    "missing",
  ]);
});

test("a world can be demanded, and everything that does not fit is reported", async () => {
  const here = host();
  const demanded = await compile(await math({ more: true }));
  await here.load(await math({ more: true, bias: 1 }), { name: "fits", world: demanded });
  const refused = await here
    .load(await math({ type: "u32" }), { name: "unfit", world: demanded })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LinkError);
  expect((refused as LinkError).message).toMatch(
    /Module unfit does not fit the world demanded:\n {2}export demo:math\/api@1\.0\.0#add does not fit/,
  );
  expect((refused as LinkError).issues).toMatchObject([
    { export: "demo:math/api@1.0.0#add", problem: "mismatch" },
    { export: "demo:math/api@1.0.0#triple", problem: "missing" },
  ]);
  expect((refused as LinkError).issues[0]).not.toHaveProperty("import");
  expect(here.get("unfit")).toBeUndefined();
  // What the world does not import, the component may not import either.
  const imports = { "demo:math/api": { add: () => 0 } };
  const alone = { exports: [], imports: [] };
  await expect(here.load(await twice(), { imports, world: alone })).rejects.toThrow(/the world does not import it/);
});

test("loadAll loads in dependency order, whatever the order asked for", async () => {
  const here = host();
  const order: string[] = [];
  here.on("loaded", ({ module }) => order.push(module));
  const modules = await here.loadAll([
    { name: "twice", source: await twice() },
    { name: "math", source: await math() },
  ]);
  expect(modules.map(({ name }) => name)).toEqual(["twice", "math"]);
  expect(order).toEqual(["math", "twice"]);
  expect((modules[0] as Api).exports["api"].twice(21)).toBe(42);
});

test("loadAll unloads what it loaded when one of them fails, and keeps what was there", async () => {
  const here = host();
  const bytes = await math();
  await here.load(bytes, { name: "math" });
  const requests = [
    { name: "math", source: bytes },
    { name: "counter", source: await counter() },
    { name: "broken", source: await counter({ start: "trap" }) },
  ];
  await expect(here.loadAll(requests)).rejects.toThrow(/broken/);
  expect(here.manifest().map(({ name }) => name)).toEqual(["math"]);
  await expect(here.loadAll([requests[1]!, requests[1]!])).rejects.toThrow(
    "Two of the modules to load are named counter",
  );
});

test("loadAll refuses a cycle with its path", async () => {
  const here = host();
  const requests = [
    { name: "free", source: await chain("x:x/free@1.0.0") },
    { name: "a", source: await chain("x:x/a@1.0.0", "x:x/b@1.0.0") },
    { name: "b", source: await chain("x:x/b@1.0.0", "x:x/c@1.0.0", "x:x/free@1.0.0") },
    { name: "c", source: await chain("x:x/c@1.0.0", "x:x/a@1.0.0") },
  ];
  const refused = await here.loadAll(requests).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LinkError);
  expect((refused as LinkError).message).toBe("Modules need each other in a cycle: a → b → c → a");
  expect((refused as LinkError).issues.map((issue) => issue.import)).toEqual([
    "x:x/b@1.0.0",
    "x:x/c@1.0.0",
    "x:x/a@1.0.0",
  ]);
  expect(here.manifest()).toEqual([]);
});

test("get and require find modules by name, and close refuses later loads", async () => {
  const here = host();
  const module = await here.load(await math(), { name: "math" });
  expect(here.get("math")).toBe(module);
  expect(here.get("other")).toBeUndefined();
  expect(() => here.require("other")).toThrow("There is no module other; loaded are math");
  const { add } = (module as Api).exports["api"];
  const loading = caught(here.load(await counter(), { name: "late" }));
  const receipts = await here.close();
  expect(receipts.map(({ name }) => name)).toEqual(["math"]);
  for (const refused of [await loading, await caught(here.load(await math()))]) {
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused).toMatchObject({ code: "host-closed", message: "The host is closed" });
  }
  expect(() => add(1, 2)).toThrow(UnloadedError);
  expect(await here.close()).toBe(receipts);
});

test("compile gives the lower level: a component and instances without a host", async () => {
  const made = await compile(await math(), { name: "sums" });
  expect(made.name).toBe("sums");
  using instance = await made.instantiate();
  expect((instance.exports as Record<string, any>)["api"].add(1, 2)).toBe(3);
});
