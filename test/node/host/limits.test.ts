/**
 * Guests that would freeze, fill or outlive their host, in this thread: every one ends as a failed call, a `LimitError`, while
 * the other modules serve on.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  compile,
  createHost,
  type Host,
  LimitError,
  type Limits,
  type Module,
  TrapError,
  UnsupportedError,
  UsageError,
} from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

interface Exports {
  readonly exports: Record<string, (...values: readonly unknown[]) => unknown>;
  readonly imports: object;
}

const guests = new Map<string, Promise<Uint8Array>>();
/** A component around one core module, whose functions `names` are exported as they are. */
function component(text: string): Promise<Uint8Array> {
  let bytes = guests.get(text);
  if (bytes === undefined) guests.set(text, (bytes = parseWat(`(component ${text})`)));
  return bytes;
}

function lifted(core: string, names: readonly string[], rest = ""): Promise<Uint8Array> {
  const lifts = names.map((name) => `(func (export "${name}") (canon lift (core func $i "${name}")))`);
  return component(`(core module $m ${core}) (core instance $i (instantiate $m)) ${lifts.join(" ")} ${rest}`);
}

/** The same bytes with instructions in place of as many that do nothing, where there are some. */
function written(bytes: Uint8Array, code: readonly number[]): Uint8Array {
  const at = bytes.findIndex((_, i) => code.every((__, j) => bytes[i + j] === 0x01));
  const copy = bytes.slice();
  if (at >= 0) copy.set(code, at);
  return copy;
}

/** Whether the engine has the second form of exceptions: `(func block (try_table (catch_all 0)))`. */
const hasTryTable = WebAssembly.validate(
  new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 13, 1, 11, 0],
    ...[0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x0b, 0x0b, 0x0b],
  ]),
);

let host: Host;
let neighbour: Module<Exports>;
beforeEach(async () => {
  host = createHost();
  neighbour = await host.load<Exports>(await lifted(`(func (export "ok"))`, ["ok"]), { name: "neighbour" });
});
afterEach(() => host.close());

async function load(bytes: Uint8Array, limits: Limits, more: object = {}): Promise<Module<Exports>> {
  return host.load<Exports>(bytes, { name: "guest", limits, ...more });
}

function caught(call: () => unknown): LimitError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toBeInstanceOf(TrapError);
    // Nobody else is touched.
    expect(neighbour.exports["ok"]!()).toBeUndefined();
    return error as LimitError;
  }
  throw new Error("The call ended");
}

/** Functions without loops that each call the next twice. */
const doubling = Array.from({ length: 60 }, (_, i) => `(func $f${i} (call $f${i + 1}) (call $f${i + 1}))`).join(" ");

const loops: Readonly<Record<string, string>> = {
  "an endless loop": `(func (export "f") (loop $l (br $l)))`,
  "an endless loop with work": `(func (export "f") (local i32) (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br $l)))`,
  "a loop by br_table": `(func (export "f") (local i32) (loop $a (loop $b (br_table $a $b $a (local.get 0)))))`,
  "a tail call of itself": `(func $f (export "f") (return_call $f))`,
  "a tail call through a table": `(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") (return_call_indirect (i32.const 0)))`,
  "a loop with a parameter": `(func (export "f") (i32.const 1) (loop $l (param i32) (br $l)))`,
  "a function with several results": `(func $g (result i32 i32) (loop $l (br $l)) (unreachable)) (func (export "f") (call $g) (drop) (drop))`,
  "memory filled for ever": `(memory 16) (func (export "f") (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 1048576)) (br $l)))`,
  "memory copied for ever": `(memory 16) (func (export "f") (loop $l (memory.copy (i32.const 0) (i32.const 64) (i32.const 1000000)) (br $l)))`,
  "four gigabytes filled by one instruction": `(memory 65536) (func (export "f") (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const -1)) (br $l)))`,
  "a table filled for ever": `(table $t 100000 funcref) (func (export "f") (loop $l (table.fill $t (i32.const 0) (ref.null func) (i32.const 100000)) (br $l)))`,
  "a loop around one that is passed by": `(func $no (result i32) (i32.const 0)) (func (export "f") (loop $out (if (call $no) (then (loop $in (br_if $in (call $no))))) (br $out)))`,
  "a loop around one that turns once": `(func $no (result i32) (i32.const 0)) (func (export "f") (loop $out (loop $in (br_if $in (call $no))) (br $out)))`,
  "a loop of calls that end at once": `(func $g (loop $l)) (func (export "f") (loop $l (call $g) (br $l)))`,
  "tail calls in a ring": `(func $a (export "f") (return_call $b)) (func $b (return_call $c)) (func $c (return_call $a))`,
  "functions that each call the next twice": `${doubling} (func $f60) (func (export "f") (call $f0))`,
  "functions that each call the one before twice": `(func $f0) ${Array.from({ length: 60 }, (_, i) => `(func $f${i + 1} (call $f${i}) (call $f${i}))`).join(" ")} (func (export "f") (call $f60))`,
  "something exponential": `(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))) (func (export "f") (call $f (i32.const 60)))`,
};

describe("limits", () => {
  describe.each(Object.entries(loops))("end %s", (_, core) => {
    test.each([
      ["timeoutMs", "timeout", 20],
      ["cpuMs", "cpu", 20],
      ["fuel", "fuel", 1_000_000],
    ] as const)("by %s", async (option, limit, allowed) => {
      const guest = await load(await lifted(core, ["f"]), { [option]: allowed });
      const error = caught(() => guest.exports["f"]!());
      expect(error).toMatchObject({ limit, allowed, trap: "limit-exceeded", module: "guest", export: "f" });
      expect(error.used).toBeGreaterThanOrEqual(allowed);
      expect(guest.state).toBe("trapped");
    });
  });

  test("end a guest whose own handler catches everything", async () => {
    // loop, try, loop, br 0, end, catch_all, end, br 0, end: the first form of exceptions, which no assembler writes any more.
    const code = [0x03, 0x40, 0x06, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x19, 0x0b, 0x0c, 0, 0x0b];
    const bytes = await lifted(`(func (export "f") ${"nop ".repeat(code.length)})`, ["f"]);
    const guest = await load(written(bytes, code), { timeoutMs: 20 });
    expect(caught(() => guest.exports["f"]!()).limit).toBe("timeout");
  });

  describe("end two core modules that call each other for ever", () => {
    const turns = (call: string, jump: string): Promise<Uint8Array> =>
      component(`
        (core module $a (type $t (func)) (table (export "t") 1 funcref) (func $f (export "f") (${jump} (type $t) (i32.const 0))))
        (core module $b (import "" "f" (func $f)) (import "" "t" (table 1 funcref)) (elem (i32.const 0) func $g) (func $g (${call} $f)))
        (core instance $i (instantiate $a)) (core instance $j (instantiate $b (with "" (instance $i))))
        (func (export "f") (canon lift (core func $i "f")))`);

    test.each([
      [{ timeoutMs: 20 }, "timeout"],
      [{ fuel: 100_000 }, "fuel"],
    ] as const)("by tail calls: %o", async (limits, limit) => {
      const guest = await load(await turns("return_call", "return_call_indirect"), limits);
      expect(caught(() => guest.exports["f"]!()).limit).toBe(limit);
    });

    test("by recursion, without a limit of the stack too", async () => {
      const bytes = await turns("call", "call_indirect");
      const limited = await load(bytes, { stackBytes: 100_000 });
      expect(caught(() => limited.exports["f"]!())).toMatchObject({ limit: "stack", trap: "stack-overflow" });
      await limited.unload();
      const free = await load(bytes, {});
      expect(() => free.exports["f"]!()).toThrow(expect.objectContaining({ trap: "stack-overflow" }));
      expect(neighbour.exports["ok"]!()).toBeUndefined();
    });
  });

  describe("a guest that calls an import for ever", () => {
    const calling = (): Promise<Uint8Array> =>
      component(`
        (import "back" (func $back)) (core func $back' (canon lower (func $back)))
        (core module $m (import "" "back" (func $back)) (func (export "f") (loop $l (call $back) (br $l))))
        (core instance $i (instantiate $m (with "" (instance (export "back" (func $back'))))))
        (func (export "f") (canon lift (core func $i "f")))`);

    test.each([
      ["timeoutMs", "timeout", 20],
      ["cpuMs", "cpu", 20],
      ["fuel", "fuel", 100_000],
    ] as const)("is ended by %s", async (option, limit, allowed) => {
      const guest = await load(await calling(), { [option]: allowed }, { imports: { back: () => {} } });
      expect(caught(() => guest.exports["f"]!()).limit).toBe(limit);
    });

    test("and is entered again from there is ended at once: two guests through the program as well", async () => {
      const guest = await load(
        await calling(),
        { timeoutMs: 10_000 },
        { imports: { back: () => guest.exports["f"]!() } },
      );
      expect(() => guest.exports["f"]!()).toThrow(expect.objectContaining({ name: "TrapError" }));
      await guest.unload();
      const [a, b]: [Module<Exports>, Module<Exports>] = [
        await host.load<Exports>(await calling(), { name: "a", imports: { back: () => b.exports["f"]!() } }),
        await host.load<Exports>(await calling(), { name: "b", imports: { back: () => a.exports["f"]!() } }),
      ];
      expect(() => a.exports["f"]!()).toThrow(TrapError);
      expect([a.state, b.state]).toEqual(["trapped", "trapped"]);
      expect(neighbour.exports["ok"]!()).toBeUndefined();
    });
  });

  test.each([
    // The canonical ABI has no list as long as that.
    ["2^31", 0x80000000, { trap: "list-out-of-bounds" }],
    ["2^28 - 1", 0x0fffffff, { limit: "host-call-bytes", allowed: 2 ** 27 }],
  ])("end a guest that gives back %s bytes, which are there", async (_, length, wanted) => {
    const bytes = await component(`
      (core module $m (memory (export "memory") 65536)
        (func (export "f") (result i32) (i32.store (i32.const 4) (i32.const ${length})) (i32.const 0)))
      (core instance $i (instantiate $m))
      (func (export "f") (result (list u8)) (canon lift (core func $i "f") (memory (core memory $i "memory"))))`);
    const guest = await load(bytes, { timeoutMs: 10_000 });
    expect(() => guest.exports["f"]!()).toThrow(expect.objectContaining(wanted));
    expect(neighbour.exports["ok"]!()).toBeUndefined();
  });

  test("end a guest that makes handles for ever", async () => {
    const bytes = await component(`
      (type $r' (resource (rep i32))) (core func $new (canon resource.new $r'))
      (core module $m (import "" "new" (func $new (param i32) (result i32))) (func (export "f") (loop $l (drop (call $new (i32.const 1))) (br $l))))
      (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
      (func (export "f") (canon lift (core func $i "f")))`);
    const guest = await load(bytes, { resources: 1000 });
    expect(caught(() => guest.exports["f"]!())).toMatchObject({ limit: "resources", allowed: 1000, used: 1001 });
  });

  test("end a start function, and nothing of the instance remains", async () => {
    const bytes = await lifted(`(func $s (loop $l (br $l))) (start $s) (func (export "f"))`, ["f"]);
    for (const limits of [{ startTimeoutMs: 20 }, { timeoutMs: 20 }, { fuel: 10_000 }] satisfies Limits[]) {
      await expect(load(bytes, limits)).rejects.toBeInstanceOf(LimitError);
      expect(host.get("guest")).toBeUndefined();
    }
  });

  test("end realloc, post-return and a destructor", async () => {
    const bytes = await component(`
      (core module $m (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (unreachable))
        (func (export "take") (param i32 i32))
        (func (export "give") (result i32) (i32.const 1))
        (func (export "after") (param i32) (loop $l (br $l)))
        (func (export "drop") (param i32) (loop $l (br $l))))
      (core instance $i (instantiate $m))
      (type $r' (resource (rep i32) (dtor (core func $i "drop"))))
      (export $r "r" (type $r'))
      (core func $new (canon resource.new $r'))
      (core module $n (import "" "new" (func $new (param i32) (result i32))) (func (export "make") (result i32) (call $new (i32.const 1))))
      (core instance $j (instantiate $n (with "" (instance (export "new" (func $new))))))
      (func (export "take") (param "s" string) (canon lift (core func $i "take") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (func (export "give") (result u32) (canon lift (core func $i "give") (post-return (core func $i "after"))))
      (func (export "make") (result (own $r)) (canon lift (core func $j "make")))`);
    for (const use of [
      (guest: Module<Exports>) => guest.exports["take"]!("text"),
      (guest: Module<Exports>) => guest.exports["give"]!(),
      (guest: Module<Exports>) => (guest.exports["make"]!() as Disposable)[Symbol.dispose](),
    ]) {
      const guest = await load(bytes, { timeoutMs: 20 });
      expect(caught(() => use(guest)).limit).toBe("timeout");
      await guest.unload({ force: true });
    }
  });

  test("end restore and teardown: the old version serves on, and the module goes", async () => {
    const state = (restore: string, teardown: string): Promise<Uint8Array> =>
      component(`
        (core module $m (memory (export "memory") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
          (func (export "save") (result i32) (i32.const 16))
          (func (export "restore") (param i32 i32) (result i32) ${restore} (i32.const 32))
          (func (export "before-unload") ${teardown}))
        (core instance $i (instantiate $m))
        (func $save (result (list u8)) (canon lift (core func $i "save") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (func $restore (param "saved" (list u8)) (result (result (error string)))
          (canon lift (core func $i "restore") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (func $before (canon lift (core func $i "before-unload")))
        (instance (export "tenon:module/state@0.1.0") (export "save" (func $save)) (export "restore" (func $restore)))
        (instance (export "tenon:module/teardown@0.1.0") (export "before-unload" (func $before)))`);
    const endless = `(loop $l (br $l))`;
    const guest = await load(await state("", endless), { timeoutMs: 20 });
    await expect(guest.reload(await state(endless, ""))).rejects.toMatchObject({ cause: { limit: "timeout" } });
    expect(guest.state).toBe("live");
    const receipt = await guest.unload();
    expect(receipt.teardown).toBe("failed");
    expect(receipt.errors[0]).toBeInstanceOf(LimitError);
  });

  test("memoryBytes refuses growth, or traps, and counts all memories of an instance", async () => {
    const core = `(memory $a 1) (memory $b (export "b") 1)
      (func (export "f") (loop $l (br_if $l (i32.ne (memory.grow $a (i32.const 1)) (i32.const -1)))
        (br_if $l (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1)))))`;
    const single = core.replace("(memory $a 1)", "").replaceAll("$a", "$b");
    const bytes = await lifted(single, ["f"]);
    const guest = await load(bytes, { memoryBytes: 10 * 65_536 });
    guest.exports["f"]!();
    expect(guest.usage()).toMatchObject({ memoryBytes: 10 * 65_536, peakMemoryBytes: 10 * 65_536 });
    await guest.unload();
    const trapping = await load(bytes, { memoryBytes: 10 * 65_536, onMemoryLimit: "trap" });
    expect(caught(() => trapping.exports["f"]!())).toMatchObject({ limit: "memory", allowed: 655_360, used: 720_896 });
    await trapping.unload();
    await expect(load(bytes, { memoryBytes: 65_535 })).rejects.toMatchObject({ limit: "memory", used: 65_536 });
  });

  test.each([
    ["memory", `(memory $m 1)`, `(memory.grow $m (i32.const 1))`],
    ["table", `(table $t 1 funcref)`, `(table.grow $t (ref.null func) (i32.const 1))`],
  ])(
    "the clock is looked at each time a %s grows, which takes an engine as long as thousands of steps",
    async (_, field, grow) => {
      const core = `${field} (func (export "f") (local $i i32) (loop $l (drop ${grow})
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300)))))`;
      const guest = await load(await lifted(core, ["f"]), { timeoutMs: 1e-6 });
      expect(caught(() => guest.exports["f"]!())).toMatchObject({ limit: "timeout" });
    },
  );

  test("tableElements refuses growth", async () => {
    const core = `(table $t 4 funcref) (func (export "f") (loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 10)) (i32.const -1))))
      (if (i32.ne (table.size $t) (i32.const 94)) (then unreachable)))`;
    const guest = await load(await lifted(core, ["f"]), { tableElements: 100 });
    expect(guest.exports["f"]!()).toBeUndefined();
    await guest.unload();
    await expect(load(await lifted(core, ["f"]), { tableElements: 3 })).rejects.toMatchObject({
      limit: "table-elements",
    });
  });

  describe("stackBytes", () => {
    // 80 bytes for a call, 8 for its parameter.
    const deep = `(func $f (export "f") (param i32) (result i32)
      (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 7))))`;
    const thrower = `(tag $e) (func $h (param i32) (if (local.get 0) (then (call $h (i32.sub (local.get 0) (i32.const 1)))) (else (throw $e))))`;
    const lift = (core: string): Promise<Uint8Array> =>
      component(`(core module $m ${core}) (core instance $i (instantiate $m))
        (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "f")))`);

    test("ends a recursion that is deeper, by a byte", async () => {
      const guest = await load(await lift(deep), { stackBytes: 101 * 88 });
      for (let i = 0; i < 3; i++) expect(guest.exports["f"]!(100)).toBe(7);
      const error = caught(() => guest.exports["f"]!(101));
      expect(error).toMatchObject({ limit: "stack", allowed: 8888, used: 8976, trap: "stack-overflow", export: "f" });
      expect(error.message).toContain("8976 bytes of the stack, of at most 8888");
    });

    test.each([
      ["without other limits", {}],
      ["beside others", { fuel: 10_000_000, timeoutMs: 10_000 }],
    ])("ends endless recursion %s, with the host's own stack nearly as it was", async (_, more) => {
      const guest = await load(await lifted(`(func $f (export "f") (call $f))`, ["f"]), {
        stackBytes: 65_536,
        ...more,
      });
      expect(caught(() => guest.exports["f"]!())).toMatchObject({ limit: "stack", allowed: 65_536 });
    });

    test("ends recursion through a second core module, both together", async () => {
      const bytes = await component(`
        (core module $a (table (export "t") 1 funcref) (func $f (export "f") (param i32) (result i32)
          (if (result i32) (local.get 0) (then (call_indirect (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
            (else (i32.const 7)))))
        (core module $b (import "" "f" (func $f (param i32) (result i32))) (import "" "t" (table 1 funcref))
          (elem (i32.const 0) func $g) (func $g (param i32) (result i32) (call $f (local.get 0))))
        (core instance $i (instantiate $a)) (core instance $j (instantiate $b (with "" (instance $i))))
        (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "f")))`);
      // A hundred turns take 17,688 bytes, of which each module alone has half.
      const enough = await load(bytes, { stackBytes: 17_688 });
      for (let i = 0; i < 3; i++) expect(enough.exports["f"]!(100)).toBe(7);
      await enough.unload();
      const short = await load(bytes, { stackBytes: 17_687 });
      expect(caught(() => short.exports["f"]!(100))).toMatchObject({ limit: "stack", used: 17_688 });
    });

    test.each([
      ["returns", `(func $g (result i32) (loop (return (i32.const 1))) (unreachable))`],
      ["branches to the end", `(func $g (result i32) (block (br 1 (i32.const 1))) (unreachable))`],
      ["branches by table", `(func $g (result i32) (br_table 0 (i32.const 1) (i32.const 0)))`],
      ["tail calls", `(func $h (result i32) (call $n) (i32.const 1)) (func $g (result i32) (return_call $h))`],
      [
        "several results",
        `(func $h (result i32 i64) (call $n) (i32.const 1) (i64.const 2)) (func $g (result i32) (drop (call $h)))`,
      ],
      [
        "a reference",
        `(func $h (result funcref) (call $n) (ref.null func)) (func $g (result i32) (ref.is_null (call $h)))`,
      ],
      // try, i32.const 9, call 1, catch_all, end: the first form of exceptions, which no assembler writes any more.
      ["what is caught", `${thrower} (func $g (result i32) ${"nop ".repeat(8)} (call $n) (i32.const 1))`],
      [
        "what is caught by table",
        `${thrower} (func $g (result i32) (block (try_table (catch_all 0) (call $h (i32.const 9)))) (call $n) (i32.const 1))`,
      ],
      [
        "what is caught at the beginning of a loop",
        `${thrower} (func $g (result i32) (local i32) (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 1)))
           (if (i32.lt_u (local.get 0) (i32.const 9)) (then (try_table (catch_all $l) (call $h (i32.const 2)))))) (local.get 0))`,
      ],
    ])("gives back what was taken after %s", async (_, fields) => {
      // Node 20 has the first form of exceptions only.
      if (fields.includes("try_table") && !hasTryTable) return;
      const core = `(func $n (loop)) ${fields} (func (export "f") (local i32) (loop $l (drop (call $g))
        (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))))`;
      for (const more of [{}, { fuel: Infinity }]) {
        const bytes = written(await lifted(core, ["f"]), [0x06, 0x40, 0x41, 9, 0x10, 1, 0x19, 0x0b]);
        const guest = await load(bytes, { stackBytes: 2000, ...more });
        for (let i = 0; i < 3; i++) expect(guest.exports["f"]!()).toBeUndefined();
        await guest.unload();
      }
    });
  });

  test("end a guest that has the host make objects of a long list", async () => {
    const bytes = await component(`
      (core module $m (memory (export "memory") 200)
        (func (export "f") (result i32) (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 700000)) (i32.const 0)))
      (core instance $i (instantiate $m))
      (type $r' (record (field "a" u32) (field "b" (tuple u32 u32)) (field "c" u32)))
      (export $r "r" (type $r'))
      (func (export "f") (result (list $r)) (canon lift (core func $i "f") (memory (core memory $i "memory"))))`);
    const guest = await load(bytes, { timeoutMs: 1 });
    expect(caught(() => guest.exports["f"]!())).toMatchObject({ limit: "timeout", allowed: 1 });
  });

  test("timeoutMs covers imports, cpuMs does not", async () => {
    const bytes = await component(`
      (import "wait" (func $wait)) (core func $wait' (canon lower (func $wait)))
      (core module $m (import "" "wait" (func $wait)) (func (export "f") (call $wait)))
      (core instance $i (instantiate $m (with "" (instance (export "wait" (func $wait'))))))
      (func (export "f") (canon lift (core func $i "f")))`);
    const wait = (): void => {
      const until = performance.now() + 30;
      while (performance.now() < until);
    };
    const timed = await load(bytes, { timeoutMs: 20 }, { imports: { wait } });
    expect(caught(() => timed.exports["f"]!()).limit).toBe("timeout");
    await timed.unload();
    const metered = await load(bytes, { cpuMs: 20 }, { imports: { wait } });
    expect(metered.exports["f"]!()).toBeUndefined();
    expect(metered.usage().cpuMs).toBeLessThan(20);
  });

  test("a caller's deadline covers the modules it calls, and the error says whose it was", async () => {
    const loop = await lifted(`(func (export "spin") (loop $l (br $l)))`, ["spin"]);
    await host.load(loop, { name: "callee", limits: { timeoutMs: 10_000 } });
    const bytes = await component(`
      (import "spin" (func $spin)) (core func $spin' (canon lower (func $spin)))
      (core module $m (import "" "spin" (func $spin)) (func (export "f") (call $spin)))
      (core instance $i (instantiate $m (with "" (instance (export "spin" (func $spin'))))))
      (func (export "f") (canon lift (core func $i "f")))`);
    const caller = await host.load<Exports>(bytes, { name: "caller", limits: { timeoutMs: 20 } });
    expect(() => caller.exports["f"]!()).toThrow(/"callee".*the 20 ms that a call of "caller" has are over/);
    expect(host.get("callee")!.trap).toMatchObject({ limit: "timeout", allowed: 20 });
  });

  test("fuel is the same for every call of the same work, and counted by usage", async () => {
    const core = `(func (export "f") (local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 1000)))))`;
    const guest = await load(await lifted(core, ["f"]), { fuel: Infinity });
    guest.exports["f"]!();
    const once = guest.usage().fuel!;
    // Nine instructions in a turn, and those around the loop.
    expect(once).toBe(9002);
    for (let i = 0; i < 9; i++) guest.exports["f"]!();
    expect(guest.usage().fuel).toBe(10 * once);
    await guest.unload();
    const enough = await load(await lifted(core, ["f"]), { fuel: once });
    for (let i = 0; i < 3; i++) enough.exports["f"]!();
    await enough.unload();
    const short = await load(await lifted(core, ["f"]), { fuel: once - 1 });
    expect(caught(() => short.exports["f"]!())).toMatchObject({ limit: "fuel", allowed: once - 1 });
  });

  test("fuel is this number on every engine: loops, recursion, calls of every kind, tables of branches, memory filled and grown", async () => {
    const core = `
      (memory 1) (table 4 funcref) (elem (i32.const 0) $even $odd $leaf $sum)
      (type $unary (func (param i32) (result i32)))
      (func $even (param i32) (result i32) (if (result i32) (local.get 0) (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
      (func $odd (param i32) (result i32) (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
      (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func $checked (param i32) (result i32) (if (i32.gt_u (local.get 0) (i32.const 100000)) (then (call $end) (unreachable))) (i32.load8_u (local.get 0)))
      (func $end (loop $l (br $l)))
      (func $sum (param i32) (result i32) (local $s i32)
        (loop $l (local.set $s (i32.add (local.get $s) (call $checked (local.get 0))))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (i32.gt_s (local.get 0) (i32.const 0)))) (local.get $s))
      (func $fib (param i32) (result i32) (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (local.get 0))))
        (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))
      (func (export "f") (local $i i32) (local $j i32)
        (loop $i (local.set $j (i32.const 0))
          (block $out (loop $j
            (block $two (block $one (block $none (br_table $none $one $two (i32.and (local.get $j) (i32.const 3))))
              (drop (call_indirect (type $unary) (local.get $j) (i32.and (local.get $i) (i32.const 3)))))
              (i32.store (i32.mul (local.get $j) (i32.const 4)) (local.get $i)))
            (br_if $out (i32.gt_u (local.get $j) (i32.const 40)))
            (local.set $j (i32.add (local.get $j) (i32.const 1))) (br $j)))
          (memory.fill (i32.const 0) (local.get $i) (i32.const 5000)) (memory.copy (i32.const 100) (i32.const 0) (local.get $i))
          (br_if $i (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2000))))
        (drop (call $fib (i32.const 18))) (drop (memory.grow (i32.const 3))) (memory.fill (i32.const 9) (i32.const 1) (i32.const 200000)))`;
    const bytes = await lifted(core, ["f"]);
    for (const more of [{}, { timeoutMs: 60_000 }, { cpuMs: 60_000, stackBytes: 100_000 }]) {
      const guest = await load(bytes, { fuel: 1e9, ...more });
      guest.exports["f"]!();
      expect(guest.usage().fuel).toBe(10_634_649);
      guest.exports["f"]!();
      expect(guest.usage().fuel).toBe(2 * 10_634_649);
      await guest.unload();
    }
  });

  test("a module that passed its limit is restarted by policy", async () => {
    const guest = await load(await lifted(loops["an endless loop"]!, ["f"]), { timeoutMs: 10 }, { onTrap: "restart" });
    caught(() => guest.exports["f"]!());
    await expect.poll(() => guest.state).toBe("live");
    expect(caught(() => guest.exports["f"]!()).limit).toBe("timeout");
  });

  test("a module without limits runs the code it came with, and has its memory alone told", async () => {
    const guest = await load(await lifted(`(memory (export "m") 2) (func (export "f"))`, ["f"]), {});
    expect(guest.usage()).toEqual({ memoryBytes: 2 * 65_536 });
  });

  test("code that cannot be rewritten is refused by name, where limits are set and only there", async () => {
    const bytes = await lifted(`(memory 1 1 shared) (func (export "f") (drop (i32.atomic.load (i32.const 0))))`, ["f"]);
    const error = await load(bytes, { timeoutMs: 10 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error).toMatchObject({ feature: "limits", message: expect.stringContaining("0xfe") as unknown });
    expect((await load(bytes, {})).state).toBe("live");
  });

  test.each([
    [{ timeoutMs: 0 }, "Expected timeoutMs to be a number above 0, got 0"],
    [{ fuel: -1 }, "Expected fuel to be a number above 0, got -1"],
    [{ memoryBytes: 1.5 }, "Expected memoryBytes to be an integer of at least 0, got 1.5"],
    [{ onMemoryLimit: "explode" }, 'Expected onMemoryLimit to be "refuse" or "trap", got explode'],
    [{ timeout: 5 }, "Unknown option timeout of limits; did you mean timeoutMs?"],
  ])("that make no sense are refused: %o", async (limits, message) => {
    const bytes = await lifted(`(func (export "f"))`, ["f"]);
    const error = await load(bytes, limits as Limits).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
  });
});

describe("compile", () => {
  test("takes limits for all instances; an instance cannot have what the code was not made for", async () => {
    const bytes = await lifted(loops["an endless loop"]!, ["f"]);
    const limited = await compile<Exports>(bytes, { limits: { timeoutMs: 15 } });
    const spin = (exports: Exports["exports"]): unknown => exports["f"]!();
    expect(caught(() => spin(limited.instantiateSync().exports))).toMatchObject({ limit: "timeout", allowed: 15 });
    expect(() => limited.instantiateSync({}, { limits: { stackBytes: 5000 } })).toThrow(UsageError);
    const tighter = limited.instantiateSync({}, { limits: { timeoutMs: 5 } });
    expect(caught(() => spin(tighter.exports)).allowed).toBe(5);
    const free = await compile<Exports>(bytes);
    expect(() => free.instantiateSync({}, { limits: { timeoutMs: 5 } })).toThrow(UsageError);
    expect(free.instantiateSync({}, { limits: { resources: 5 } }).state).toBe("live");
  });
});

describe("Module.with", () => {
  test("puts calls under tighter limits, and leaves others alone", async () => {
    const core = `(func (export "spin") (loop $l (br $l))) (func (export "ok"))`;
    const guest = await load(await lifted(core, ["spin", "ok"]), { timeoutMs: Infinity });
    const { exports } = guest.with({ timeoutMs: 15 });
    expect(exports["ok"]!()).toBeUndefined();
    expect(caught(() => exports["spin"]!())).toMatchObject({ limit: "timeout", allowed: 15 });
  });

  test("never widens a limit", async () => {
    const guest = await load(await lifted(loops["an endless loop"]!, ["f"]), { timeoutMs: 15 });
    expect(caught(() => guest.with({ timeoutMs: 60_000 }).exports["f"]!()).allowed).toBe(15);
  });

  test("throws the reason of a signal that fires while the guest runs, and keeps the trap", async () => {
    const bytes = await component(`
      (import "abort" (func $abort)) (core func $abort' (canon lower (func $abort)))
      (core module $m (import "" "abort" (func $abort)) (func (export "f") (call $abort) (loop $l (br $l))))
      (core instance $i (instantiate $m (with "" (instance (export "abort" (func $abort'))))))
      (func (export "f") (canon lift (core func $i "f")))`);
    const controller = new AbortController();
    const reason = new Error("Enough");
    const guest = await load(bytes, { timeoutMs: 10_000 }, { imports: { abort: () => controller.abort(reason) } });
    const { exports } = guest.with({ signal: controller.signal });
    expect(() => exports["f"]!()).toThrow(reason);
    expect(guest.trap).toMatchObject({ limit: "signal" });
  });

  test("does not begin a call whose signal has fired already", async () => {
    const guest = await load(await lifted(`(func (export "f"))`, ["f"]), { timeoutMs: 10_000 });
    const reason = new Error("Too late");
    expect(() => guest.with({ signal: AbortSignal.abort(reason) }).exports["f"]!()).toThrow(reason);
    expect(guest.state).toBe("live");
  });

  test("refuses options that do not exist", async () => {
    const guest = await load(await lifted(`(func (export "f"))`, ["f"]), { timeoutMs: Infinity });
    expect(() => guest.with({ timeout: 5 } as never)).toThrow(
      "Unknown option timeout of with; did you mean timeoutMs?",
    );
  });

  test("refuses a module that counts nothing", async () => {
    const guest = await load(await lifted(`(func (export "f"))`, ["f"]), {});
    expect(() => guest.with({ timeoutMs: 5 })).toThrow("load guest with limits.timeoutMs, which may be Infinity");
  });
});
