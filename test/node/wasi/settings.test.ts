/** `wasi:cli/environment`, `wasi:config` and `wasi:keyvalue`, called as a component's text calls them. */
import { describe, expect, test } from "vitest";
import { type AccessEvent, wasi, type WasiOptions } from "../../../host/node/wasi.ts";

/** The faces of an instance, by interface. */
async function faces(options: WasiOptions): Promise<any> {
  return wasi(options)({ module: "m" });
}

function payload(run: () => unknown): unknown {
  try {
    return ["returned", run()];
  } catch (error) {
    return (error as { payload?: unknown }).payload ?? error;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("settings", () => {
  test("that are not given are empty, and asking for them is a refusal", async () => {
    const events: AccessEvent[] = [];
    const face = await faces({ onAccess: (event) => void events.push(event) });
    const environment = face["wasi:cli/environment"];
    expect([environment.getEnvironment(), environment.getArguments(), environment.initialCwd()]).toEqual([
      [],
      [],
      undefined,
    ]);
    expect([face["wasi:config/store"].get("a"), face["wasi:config/store"].getAll()]).toEqual([undefined, []]);
    expect(events).toHaveLength(5);
    expect(events.filter(({ granted }) => granted)).toEqual([]);
  });

  test("are those that are given, and nothing that an object inherits", async () => {
    const given = { args: ["a"], env: { A: "1" }, cwd: "/w", config: { key: "value" } };
    const face = await faces(given);
    const environment = face["wasi:cli/environment"];
    expect([environment.getEnvironment(), environment.getArguments(), environment.initialCwd()]).toEqual([
      [["A", "1"]],
      ["a"],
      "/w",
    ]);
    const store = face["wasi:config/store"];
    expect([store.get("key"), store.get("toString"), store.getAll()]).toEqual(["value", undefined, [["key", "value"]]]);
  });
});

describe("a bucket", () => {
  test("is refused where none is given, and one of another name is not there", async () => {
    const none = (await faces({}))["wasi:keyvalue/store"];
    expect(payload(() => none.open("a"))).toEqual({ tag: "access-denied" });
    const one = (await faces({ keyvalue: new Map() }))["wasi:keyvalue/store"];
    expect(payload(() => one.open("a"))).toEqual({ tag: "no-such-store" });
    const named = (await faces({ keyvalue: { a: new Map() } }))["wasi:keyvalue/store"];
    for (const name of ["", "default", "toString"])
      expect(payload(() => named.open(name))).toEqual({ tag: "no-such-store" });
    expect(named.open("a").listKeys()).toEqual({ keys: [], cursor: undefined });
  });

  test("keeps what is set, alone and in batches, increments numbers and swaps what has not changed", async () => {
    const kept = new Map<string, Uint8Array>();
    const face = await faces({ keyvalue: kept });
    const bucket = face["wasi:keyvalue/store"].open("");
    bucket.set("a", bytes("1"));
    expect([bucket.get("a"), bucket.exists("a"), bucket.get("b"), bucket.exists("b")]).toEqual([
      bytes("1"),
      true,
      undefined,
      false,
    ]);
    const { setMany, getMany, deleteMany } = face["wasi:keyvalue/batch"];
    setMany(bucket, [
      ["b", bytes("2")],
      ["c", bytes("x")],
    ]);
    expect(getMany(bucket, ["b", "z"])).toEqual([["b", bytes("2")], undefined]);
    const { increment, swap, Cas } = face["wasi:keyvalue/atomics"];
    expect([increment(bucket, "b", 40n), increment(bucket, "new", -1n)]).toEqual([42n, -1n]);
    for (const [key, delta] of [
      ["c", 1n],
      ["b", 2n ** 63n - 1n],
    ] as const)
      expect(payload(() => increment(bucket, key, delta))).toMatchObject({ tag: "other" });
    const cas = Cas.new(bucket, "a");
    expect(cas.current()).toEqual(bytes("1"));
    swap(cas, bytes("2"));
    const late = payload(() => swap(cas, bytes("3"))) as { tag: string; val: { current(): unknown } };
    expect([late.tag, late.val.current(), kept.get("a")]).toEqual(["cas-failed", bytes("2"), bytes("2")]);
    deleteMany(bucket, ["a", "b", "zz"]);
    bucket.delete("c");
    expect(bucket.listKeys().keys).toEqual(["new"]);
  });

  test("that throws is the interface's own error, and one that takes its time needs a guest that can wait", async () => {
    const broken = {
      get: () => {
        throw new Error("gone");
      },
      set: () => {
        throw new Error("gone");
      },
      delete: () => undefined,
      has: async () => true,
      keys: () => [],
    };
    const face = await faces({ keyvalue: broken as never });
    const bucket = face["wasi:keyvalue/store"].open("");
    expect(payload(() => bucket.get("a"))).toEqual({ tag: "other", val: "gone" });
    expect(payload(() => face["wasi:keyvalue/atomics"].swap({ bucket, key: "a" }, bytes("")))).toEqual({
      tag: "store-error",
      val: { tag: "other", val: "gone" },
    });
    expect(payload(() => bucket.exists("a"))).toMatchObject({ name: "UnsupportedError", feature: "jspi" });
    const component = {
      name: "m",
      hash: "",
      imports: ["store", "atomics", "batch"].map((name) => ({
        name: `wasi:keyvalue/${name}@0.2.0-draft2`,
        type: { kind: "instance" as const, exports: [] },
      })),
      exports: [],
      waits: true,
    };
    const slow = {
      ...broken,
      get: async (key: string) => bytes(key),
      keys: async function* () {
        yield "k";
      },
    };
    const later = (await wasi({ keyvalue: slow as never })({ module: "m", component })) as any;
    const waited = later["wasi:keyvalue/store@0.2.0-draft2"].open("");
    expect([await waited.exists("a"), await waited.listKeys()]).toEqual([true, { keys: ["k"], cursor: undefined }]);
    expect(await later["wasi:keyvalue/batch@0.2.0-draft2"].getMany(waited, ["a", "b"])).toEqual([
      ["a", bytes("a")],
      ["b", bytes("b")],
    ]);
  });
});
