/** Linking modules: who meets an import, what fits, what the error says, and resources that cross modules. */
import { expect, test, vi } from "vitest";
import { LinkError, ReloadError, StillRunningError } from "../../../host/node/index.ts";
import { chain, component, counter, keeper, math, poker, things, twice } from "./fixtures.ts";
import { type Any, caught, host } from "./support.ts";

async function refusal(promise: Promise<unknown>): Promise<LinkError> {
  const error = await caught(promise);
  expect(error).toBeInstanceOf(LinkError);
  return error as LinkError;
}

test("an import is met by the user's object first, then the host's, then another module", async () => {
  const here = host({ imports: { "demo:math/api": { add: () => 20 } } });
  await here.load(await math(), { name: "math" });
  const own: Any = await here.load(await twice(), {
    name: "own",
    imports: { "demo:math/api@1.0.0": { add: () => 10 } },
  });
  const shared: Any = await here.load(await twice(), { name: "shared" });
  expect([own.exports.api.twice(1), shared.exports.api.twice(1)]).toEqual([10, 20]);
  expect([own.info().imports, shared.info().imports]).toEqual([
    [{ name: "demo:math/api@1.0.0", from: "imports" }],
    [{ name: "demo:math/api@1.0.0", from: "host" }],
  ]);
  const other = host();
  await other.load(await math(), { name: "math" });
  const linked: Any = await other.load(await twice(), { name: "linked" });
  expect(linked.exports.api.twice(1)).toBe(2);
  expect(linked.info().imports).toEqual([{ name: "demo:math/api@1.0.0", from: "module", module: "math" }]);
});

test("imports may be given by a factory, which sees its scope and may be asynchronous", async () => {
  const names: string[] = [];
  const wanted: unknown[] = [];
  const here = host({
    imports: async ({ module, component: { hash, imports, waits } }) => {
      wanted.push([hash, imports.map(({ name }) => name), waits]);
      return { "demo:math/api": { add: () => names.push(module) } };
    },
  });
  const module: Any = await here.load(await twice(), { name: "t" });
  expect(module.exports.api.twice(1)).toBe(1);
  expect(names).toEqual(["t"]);
  expect(wanted).toEqual([[module.hash, ["demo:math/api@1.0.0"], undefined]]);
  await expect(here.load(await twice(), { name: "u", imports: (() => 5) as never })).rejects.toThrow(
    "Expected imports of module u to be an object, got 5",
  );
});

test("the exact version is preferred, then the highest compatible one, then the first loaded", async () => {
  const here = host();
  for (const [name, version, bias] of [
    ["a", "1.1.0", 1],
    ["b", "1.4.0", 2],
    ["c", "1.4.0", 3],
    ["d", "2.0.0", 4],
  ] as const) {
    await here.load(await math({ version, bias }), { name });
  }
  const answers: number[] = [];
  for (const version of ["1.0.0", "1.1.0", "1.4.0", "2.0.0"]) {
    const user: Any = await here.load(await twice({ version }), { name: `twice ${version}` });
    answers.push(user.exports.api.twice(0));
  }
  expect(answers).toEqual([2, 1, 2, 4]);
  expect(here.providers("demo:math/api@1.2.0").map(({ name }) => name)).toEqual(["b", "c"]);
  expect(here.providers("demo:math/api").map(({ name }) => name)).toEqual(["d", "b", "c", "a"]);
  expect(here.providers("demo:nope/api")).toEqual([]);
});

test("provides gives every interface and function that can be linked to, with its types", async () => {
  const here = host();
  const source = await math({ version: "1.1.0" });
  await here.load(source, { name: "math" });
  await here.load(await poker(), { name: "poker", imports: { "demo:poke/host": { poke: () => undefined } } });
  expect(here.require("poker").info().exports).toEqual(["run"]);
  const provided = here.provides();
  expect(provided.map(({ name }) => name)).toEqual(["demo:math/api@1.1.0", "run"]);
  expect(here.providers("run").map(({ name }) => name)).toEqual(["poker"]);
  const s32 = { kind: "s32" };
  expect(provided[0]!.type).toMatchObject({
    kind: "instance",
    exports: [
      {
        name: "add",
        type: {
          kind: "func",
          params: [
            { name: "a", type: s32 },
            { name: "b", type: s32 },
          ],
          result: s32,
        },
      },
      { name: "grow", type: { kind: "func" } },
      { name: "boom", type: { kind: "func", params: [], result: undefined } },
      { name: "calls", type: { kind: "func" } },
    ],
  });
});

test("what is missing of WASI comes with a line that says where to have it", async () => {
  const wasi = await component(`(component
    (import "wasi:clocks/wall-clock@0.2.0" (instance (export "seconds" (func (result u64))))))`);
  const refused = await refusal(host().load(wasi));
  expect(refused.message.split("\n").slice(1)).toEqual([
    expect.stringMatching(/^ {2}wasi:clocks\/wall-clock@0\.2\.0 is missing: /),
    expect.stringMatching(/^ {2}WASI can be had from tenon\/wasi, denied by default: imports: wasi/),
  ]);
  expect((await refusal(host().load(await twice()))).message).not.toContain("WASI");
});

test("link: false links to no module, and link can name the one that may", async () => {
  const here = host();
  await here.load(await math({ bias: 1 }), { name: "one" });
  await here.load(await math({ bias: 2 }), { name: "two" });
  await refusal(here.load(await twice(), { name: "alone", link: false }));
  const user: Any = await here.load(await twice(), { name: "user", link: { "demo:math/api": "two" } });
  expect(user.exports.api.twice(0)).toBe(2);
  expect(user.info().uses).toEqual(["two"]);
  await refusal(here.load(await twice(), { name: "lost", link: { "demo:math/api@1.0.0": "three" } }));
});

test.each([
  ["1.2.0", "1.0.0", /1\.0\.0 is older than the 1\.2\.0 wanted/],
  ["2.0.0", "1.0.0", /1\.0\.0 does not fit 2\.0\.0: versions fit only within the same major version/],
  ["0.2.0", "0.3.0", /0\.3\.0 does not fit 0\.2\.0: 0\.x versions fit only within the same minor version/],
  ["0.0.2", "0.0.3", /0\.0\.3 does not fit 0\.0\.2: 0\.0\.x versions fit only themselves/],
  ["1.0.0", "1.0.0-rc.1", /the pre-release versions 1\.0\.0-rc\.1 and 1\.0\.0 differ/],
  ["1.0.0", "", /it has no version and 1\.0\.0 is wanted/],
])("wanting %s where %s is provided is refused with the reason in words", async (version, provided, reason) => {
  const here = host();
  await here.load(await math({ version: provided }), { name: "math" });
  const { issues, message } = await refusal(here.load(await twice({ version })));
  expect(issues).toHaveLength(1);
  expect(issues[0]).toMatchObject({ import: `demo:math/api@${version}`, problem: "missing" });
  expect(issues[0]!.nearest).toMatch(/^demo:math\/api.* of module math$/);
  expect(issues[0]!.reason).toMatch(reason);
  expect(message).toMatch(reason);
});

test("everything missing or mismatched is listed at once, with the nearest provider and the reason", async () => {
  const here = host();
  await here.load(await chain("demo:x/alpha@1.0.0"), { name: "alpha" });
  await here.load(await math({ type: "u32" }), { name: "math" });
  const many = await component(`(component
    (import "demo:x/alhpa@1.0.0" (instance $a (export "f" (func (result u32)))))
    (import "demo:math/api@1.0.0" (instance $m (export "add" (func (param "a" s32) (param "b" s32) (result s32)))))
    (import "demo:given/api" (instance $g (export "one" (func)) (export "two" (func))))
    (import "nothing-like-it" (func $n))
    (core func (canon lower (func $a "f"))) (core func (canon lower (func $m "add")))
    (core func (canon lower (func $g "one"))) (core func (canon lower (func $g "two"))) (core func (canon lower (func $n))))`);
  const { issues } = await refusal(here.load(many, { name: "many", imports: { "demo:given/api": { one: () => 0 } } }));
  const found = new Map(issues.map((issue) => [issue.import, issue]));
  expect([...found.keys()].sort()).toEqual([
    "demo:given/api#two",
    "demo:math/api@1.0.0",
    "demo:x/alhpa@1.0.0",
    "nothing-like-it",
  ]);
  expect(found.get("demo:x/alhpa@1.0.0")).toMatchObject({
    problem: "missing",
    nearest: "demo:x/alpha@1.0.0 of module alpha",
  });
  expect(found.get("demo:math/api@1.0.0")).toMatchObject({
    problem: "mismatch",
    nearest: "demo:math/api@1.0.0 of module math",
    reason: "`add`: parameter 1 `a`: expected s32, found u32",
  });
  expect(found.get("demo:given/api#two")).toMatchObject({ problem: "missing" });
  expect(found.get("nothing-like-it")).toMatchObject({ problem: "missing" });
  expect(await here.missing(many, { imports: { "demo:given/api": { one: () => 0 } } })).toEqual(issues);
  expect(here.get("many")).toBeUndefined();
});

test("missing says nothing is when everything is there, and loads nothing", async () => {
  const here = host();
  expect((await here.missing(await twice())).map((issue) => issue.import)).toEqual(["demo:math/api@1.0.0"]);
  await here.load(await math(), { name: "math" });
  expect(await here.missing(await twice())).toEqual([]);
  expect(here.provides().map(({ name }) => name)).toEqual(["demo:math/api@1.0.0"]);
  expect(here.manifest()).toHaveLength(1);
});

test("a module that is being loaded holds on to its providers", async () => {
  const here = host();
  const provider = await here.load(await math(), { name: "math" });
  let open!: () => void;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const user = here.load(await twice(), { name: "twice" });
  const refused = provider.unload();
  open();
  await gate;
  const [loaded, unloaded] = await Promise.allSettled([user, refused]);
  // Whoever came first wins, and the other is told.
  expect([loaded.status, unloaded.status].sort()).toEqual(["fulfilled", "rejected"]);
});

test("a trap in a provider fails the call of its dependent, and each is locked by itself", async () => {
  const here = host();
  const provider: Any = await here.load(await math(), { name: "math" });
  const user: Any = await here.load(await twice(), { name: "twice" });
  expect(() => provider.exports.api.boom()).toThrow(/unreachable/);
  expect(() => user.exports.api.twice(1)).toThrow(/import "demo:math\/api@1\.0\.0#add" threw/);
  expect([provider.state, user.state]).toEqual(["trapped", "trapped"]);
  await provider.reload();
  await user.reload();
  expect(user.exports.api.twice(1)).toBe(2);
});

/** Imports things and exports `demo:shelf/api`, whose `pick` makes one. */
function shelf(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "demo:things/api@1.0.0" (instance $api
      (export "thing" (type $thing (sub resource)))
      (export "[constructor]thing" (func (param "value" u32) (result (own $thing))))))
    (alias export $api "thing" (type $thing))
    (core func $make (canon lower (func $api "[constructor]thing")))
    (core module $m
      (import "t" "make" (func $make (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "pick") (param i32) (result i32) (call $make (local.get 0))))
    (core instance $i (instantiate $m (with "t" (instance (export "make" (func $make))))))
    (func $pick (param "value" u32) (result (own $thing)) (canon lift (core func $i "pick")))
    (component $face
      (import "thing" (type $thing (sub resource)))
      (import "pick" (func $pick (param "value" u32) (result (own $thing))))
      (export $out "thing" (type $thing))
      (export "pick" (func $pick) (func (param "value" u32) (result (own $out)))))
    (instance $shelf (instantiate $face (with "thing" (type $thing)) (with "pick" (func $pick))))
    (export "demo:shelf/api@1.0.0" (instance $shelf)))`);
}

/** Imports things and a shelf of the same things; `run` picks one and asks its value. */
function picker(): Promise<Uint8Array<ArrayBuffer>> {
  return component(`(component
    (import "demo:things/api@1.0.0" (instance $api
      (export "thing" (type $thing (sub resource)))
      (export "[method]thing.value" (func (param "self" (borrow $thing)) (result u32)))))
    (alias export $api "thing" (type $thing))
    (import "demo:shelf/api@1.0.0" (instance $shelf
      (export "thing" (type $t (eq $thing)))
      (export "pick" (func (param "value" u32) (result (own $t))))))
    (core func $value (canon lower (func $api "[method]thing.value")))
    (core func $pick (canon lower (func $shelf "pick")))
    (core func $drop (canon resource.drop $thing))
    (core module $m
      (import "t" "value" (func $value (param i32) (result i32)))
      (import "t" "pick" (func $pick (param i32) (result i32)))
      (import "t" "drop" (func $drop (param i32)))
      (memory (export "memory") 1)
      (func (export "run") (param i32) (result i32) (local $thing i32)
        (local.set $thing (call $pick (local.get 0)))
        (call $value (local.get $thing))
        (call $drop (local.get $thing))))
    (core instance $i (instantiate $m (with "t" (instance
      (export "value" (func $value)) (export "pick" (func $pick)) (export "drop" (func $drop))))))
    (func (export "run") (param "value" u32) (result u32) (canon lift (core func $i "run"))))`);
}

test("resources keep their identity across modules and reloads, and die with their owner", async () => {
  const here = host();
  const owner: Any = await here.load(await things(), { name: "things" });
  const user: Any = await here.load(await keeper(), { name: "keeper" });
  const { Thing, live } = owner.exports.api;
  expect(user.exports.keep(9)).toBe(9);
  expect(live()).toBe(1);
  const back = user.exports.give();
  expect(back).toBeInstanceOf(Thing);
  expect(back.value()).toBe(9);
  expect(user.exports.take(back)).toBe(9);
  expect(live()).toBe(0);
  expect(user.exports.keep(3)).toBe(3);
  // The thing that keeper holds is the old version's, and would be gone.
  const refused = await caught(owner.reload(await things({ bias: 50 })));
  expect(refused).toBeInstanceOf(ReloadError);
  expect(refused.cause).toBeInstanceOf(StillRunningError);
  expect(refused.cause.activity).toEqual([{ kind: "resource", owner: "thing, held by keeper", count: 1 }]);
  expect(user.exports.ask()).toBe(3);
  await owner.reload(await things({ bias: 50 }), { force: true });
  expect(() => user.exports.ask()).toThrow(/of "things": it belongs to the version replaced at \d{4}-\d\d-\d\dT/);
  await user.reload();
  expect(user.exports.keep(3)).toBe(53);
});

test("two interfaces that share a resource must be met by modules that share it", async () => {
  const here = host();
  const owner: Any = await here.load(await things(), { name: "things" });
  await here.load(await shelf(), { name: "shelf" });
  const user: Any = await here.load(await picker(), { name: "picker" });
  expect(user.exports.run(5)).toBe(5);
  expect(owner.exports.api.live()).toBe(0);
  // Who exports another's resource again exports its class.
  const again: Any = here.require("shelf");
  expect(again.exports.api.Thing).toBe(owner.exports.api.Thing);
  expect(again.get("demo:shelf/api#Thing")).toBe(owner.exports.api.Thing);
  expect(again.exports.api.pick(4).value()).toBe(4);
  // The identity is the module's, not the version's: all of them fit again after the owner's reload.
  await owner.reload(await things({ bias: 1 }));
  expect(user.exports.run(5)).toBe(6);
  const late: Any = await here.load(await picker(), { name: "late" });
  expect(late.exports.run(7)).toBe(8);
});

test("a resource that came through a module which exports it again is held against its owner's reload", async () => {
  const here = host();
  const owner: Any = await here.load(await things(), { name: "things" });
  await here.load(await shelf(), { name: "shelf" });
  // Imports the shelf alone.
  const far: Any = await here.load(
    await component(`(component
      (import "demo:shelf/api@1.0.0" (instance $shelf
        (export "thing" (type $thing (sub resource)))
        (export "pick" (func (param "value" u32) (result (own $thing))))))
      (alias export $shelf "thing" (type $thing))
      (core func $pick (canon lower (func $shelf "pick")))
      (core func $drop (canon resource.drop $thing))
      (core module $m
        (import "t" "pick" (func $pick (param i32) (result i32)))
        (import "t" "drop" (func $drop (param i32)))
        (global $kept (mut i32) (i32.const 0))
        (func (export "keep") (param i32) (global.set $kept (call $pick (local.get 0))))
        (func (export "drop") (call $drop (global.get $kept))))
      (core instance $i (instantiate $m (with "t" (instance (export "pick" (func $pick)) (export "drop" (func $drop))))))
      (func (export "keep") (param "value" u32) (canon lift (core func $i "keep")))
      (func (export "let-go") (canon lift (core func $i "drop"))))`),
    { name: "far" },
  );
  far.exports.keep(7);
  const refused = await caught(owner.reload(await things({ bias: 1 })));
  expect(refused).toBeInstanceOf(ReloadError);
  expect(refused.cause).toBeInstanceOf(StillRunningError);
  expect(refused.cause.activity).toEqual([{ kind: "resource", owner: "thing, held by far", count: 1 }]);
  far.exports.letGo();
  expect([far.state, owner.exports.api.live()]).toEqual(["live", 0]);
  far.exports.keep(8);
  expect((await owner.reload(await things({ bias: 2 }), { dependents: "restart" })).restarted).toEqual(["far"]);
  expect(far.state).toBe("live");
});

test("another module's resource of the same name and bytes does not do", async () => {
  const here = host();
  const bytes = await things();
  await here.load(bytes, { name: "one" });
  await here.load(bytes, { name: "two" });
  await here.load(await shelf(), { name: "shelf", link: { "demo:things/api": "two" } });
  const link = { "demo:things/api": "one" };
  const { issues } = await refusal(here.load(await picker(), { name: "picker", link }));
  expect(issues).toMatchObject([{ import: "demo:shelf/api@1.0.0", problem: "mismatch" }]);
  expect(issues[0]!.reason).toMatch(/resource/);
  const user: Any = await here.load(await picker(), { name: "picker", link: { "demo:things/api": "two" } });
  expect(user.exports.run(1)).toBe(1);
});

test("an import of types alone needs nobody", async () => {
  const module = await host().load(
    await component(
      `(component (import "demo:types/api@1.0.0" (instance (type $t (record (field "a" u32))) (export "t" (type (eq $t))))))`,
    ),
    { name: "types" },
  );
  expect(module.info().imports).toEqual([]);
  expect((await host().load(await counter(), { name: "counter" })).info().uses).toEqual([]);
});

test("imports may be the methods of a class instance, which keep their this", async () => {
  class Ear {
    readonly heard: number[] = [];
    poke(value: number): void {
      this.heard.push(value);
    }
  }
  const ear = new Ear();
  const module: Any = await host().load(await poker(), { name: "poker", imports: { "demo:poke/host": ear } });
  expect(module.exports.run(7)).toBe(7);
  expect(ear.heard).toEqual([7]);
});

test("a factory that never settles fails the load or reload after its deadline instead of holding up the module", async () => {
  const here = host();
  const bytes = await poker();
  const imports = { "demo:poke/host": { poke: () => undefined } };
  const module: Any = await here.load(bytes, { name: "poker", imports });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const reload = module.reload(bytes, { imports: () => new Promise<object>(() => undefined) });
    const refused = expect(reload).rejects.toThrow(
      /The factory of imports of module poker did not end within 30000 ms/,
    );
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(module.state).toBe("reloading");
    const unload = module.unload();
    expect(module.exports.run(1)).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
    expect((await unload).errors).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});
