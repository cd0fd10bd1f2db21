import { describe, expect, test } from "vitest";
import { review } from "../../../host/node/rights.ts";
import type { Grants, Review } from "../../../host/rights/types.ts";
import { componentEmbed, componentNew, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";

const emptyModule = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

const wat = async (fields: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await parseWat(`(component ${fields})`));

/** An import of an interface with functions that take and give nothing. */
function imported(id: string, ...functions: string[]): string {
  const resources = new Set(
    functions.flatMap((name) => /^\[(?:method|static|constructor)\]([^.]+)/.exec(name)?.[1] ?? []),
  );
  const types = [...resources].map((name) => `(export "${name}" (type $${name} (sub resource)))`);
  const items = functions.map((name) => {
    const [, kind, resource] = /^\[(method|static|constructor)\]([^.]+)/.exec(name) ?? [];
    const self = kind === "method" ? ` (param "self" (borrow $${resource}))` : "";
    const result = kind === "constructor" ? ` (result (own $${resource}))` : "";
    return `(export "${name}" (func${self}${result}))`;
  });
  return `(import "${id}" (instance ${[...types, ...items].join(" ")}))`;
}

async function rightsOf(fields: string): Promise<Review> {
  return review(await wat(fields));
}

const actionsOf = ({ rights }: Review): string[] => rights.map(({ capability, action }) => `${capability} ${action}`);

describe("review", () => {
  test("of a component without imports shows that it is pure", async () => {
    const found = await rightsOf(`(core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (component $inner (import "h" (func)))
      (func (export "f") (canon lift (core func $i "f")))`);
    expect(found).toMatchObject({ pure: true, rights: [], own: [], unknown: [], needs: {} });
    expect(found.sentences).toEqual([
      "It imports nothing: it computes with its arguments and its own memory, and reaches nothing else",
    ]);
  });

  test("types alone are no rights", async () => {
    const found = await rightsOf(
      `(import "my:app/types" (instance (type $r (record (field "x" u8))) (export "r" (type (eq $r)))))`,
    );
    expect(found.pure).toBe(true);
  });

  test("tells files by function: one that only reads what it is handed open never opens, writes or deletes", async () => {
    const found = await rightsOf(imported("wasi:filesystem/types@0.2.3", "[method]descriptor.read-via-stream"));
    expect(actionsOf(found)).toEqual(["files read"]);
    expect(found.rights[0]!.functions).toEqual(["wasi:filesystem/types@0.2.3#[method]descriptor.read-via-stream"]);
    expect(found.never.files).toEqual(["look", "open", "write", "manage"]);
    expect(found.sentences).toContain("It can read files that it is handed open");
    expect(found.sentences).toContain("It can never write into files");
    expect(found.sentences).toContain("It can never reach a network");
  });

  test("opening a file may create and empty it, and is told as that", async () => {
    const found = await rightsOf(
      imported("wasi:filesystem/types@0.2.0", "[method]descriptor.open-at", "[method]descriptor.read"),
    );
    expect(actionsOf(found)).toEqual(["files open", "files read"]);
    expect(found.sentences).toContain("It can open files by name, which can create them and empty them");
    expect(found.sentences).toContain("It can read files");
  });

  test("streams and polls give nothing of their own", async () => {
    const found = await rightsOf(
      imported("wasi:io/streams@0.2.0", "[method]output-stream.write") + imported("wasi:io/poll@0.2.0", "poll"),
    );
    expect(found).toMatchObject({ pure: false, rights: [], own: [], unknown: [], needs: {} });
    expect(Object.keys(found.never)).toContain("stdio");
  });

  test("an interface of WASI that is not known is said to be unknown, and nothing of its package is excluded", async () => {
    for (const id of ["wasi:filesystem/types@0.4.0", "wasi:filesystem/extra@0.2.0", "wasi:filesystem/types"]) {
      const found = await rightsOf(imported(id, "[method]descriptor.read"));
      expect(found.rights, id).toEqual([]);
      expect(found.unknown, id).toEqual([
        { name: id, kind: "instance", items: ["descriptor", "[method]descriptor.read"], linkable: true },
      ]);
      expect(found.never, id).not.toHaveProperty("files");
      expect(found.sentences, id).toContain("Apart from what these do, it can never reach a network");
    }
  });

  test("a function of a known interface that is not known is said to be unknown, also where JavaScript spells it alike", async () => {
    const name = "[method]descriptor.WRITE-via-stream";
    const found = await rightsOf(imported("wasi:filesystem/types@0.2.0", name));
    expect(found.unknown).toMatchObject([{ name: "wasi:filesystem/types@0.2.0", items: [name] }]);
    expect(found.never).not.toHaveProperty("files");
    expect(found.needs).toEqual({ "wasi:filesystem/types@0.2": [name] });
  });

  test("your own interfaces, functions, resources, core modules and components are listed with what they are", async () => {
    const found = await rightsOf(`
      ${imported("my:app/db@1.2.0", "get", "[method]cursor.next")}
      (import "store" (instance (export "put" (func))))
      (import "now" (func (result u64)))
      (import "token" (type (sub resource)))
      (import "code" (core module))
      (import "part" (component))`);
    expect(found.own).toEqual([
      { name: "my:app/db@1.2.0", kind: "instance", items: ["cursor", "get", "[method]cursor.next"], linkable: true },
      { name: "store", kind: "instance", items: ["put"], linkable: true },
      { name: "now", kind: "func", items: ["now"], linkable: true },
      { name: "token", kind: "resource-type", items: ["token"], linkable: true },
      { name: "code", kind: "core-module", items: ["code"], linkable: false },
      { name: "part", kind: "component", items: ["part"], linkable: false },
    ]);
    expect(found.needs).toEqual({
      world: ["code", "now", "part", "store#put", "token"],
      "my:app/db@1": ["[method]cursor.next", "cursor", "get"],
    });
    expect(found.sentences).toContain(
      "It can call what you or other modules give it as my:app/db@1.2.0: cursor, get, cursor.next",
    );
    expect(found.sentences).toContain("Apart from what these do, it can never reach a network");
  });

  test("an interface under a name of its own is told by that name and by what it says it is", async () => {
    const found = await rightsOf(
      `(import "primary" (implements "wasi:keyvalue/store@0.2.0") (instance (export "open" (func))))`,
    );
    expect(found.own).toMatchObject([{ name: "primary", implements: "wasi:keyvalue/store@0.2.0" }]);
  });

  test("what a component inside needs is what the outer one imports for it", async () => {
    const found = await rightsOf(`
      (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
      (component $inner (import "r" (instance (export "get-random-u64" (func (result u64))))))
      (instance (instantiate $inner (with "r" (instance $random))))`);
    expect(actionsOf(found)).toEqual(["random secure"]);
  });

  test("a component that this host cannot run is told as any other", async () => {
    const found = await rightsOf(`(import "part" (component (import "x" (func)) (export "y" (func))))
      (import "wasi:http/client@0.3.0" (instance (export "send" (func async))))`);
    expect(actionsOf(found)).toEqual(["network http"]);
    expect(found.own.map(({ name }) => name)).toEqual(["part"]);
  });

  test("is plain data", async () => {
    const bytes = await wat(
      imported("wasi:filesystem/types@0.2.0", "[method]descriptor.read", "x") + imported("a:b/c", "d"),
    );
    const found = await review(bytes, { against: bytes, granted: {} });
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });
});

describe("review against the version before", () => {
  const log = imported("my:app/log@1.0.0", "write");

  test("tells what the update adds and drops, by right and by function", async () => {
    const old = await wat(log + imported("wasi:clocks/wall-clock@0.2.0", "now", "resolution"));
    const next = await wat(
      imported("my:app/log@1.3.0", "write", "clear") +
        imported("wasi:http/outgoing-handler@0.2.0", "handle") +
        imported("wasi:clocks/monotonic-clock@0.2.8", "now"),
    );
    const { update, sentences } = await review(next, { against: old });
    expect(update!.added).toEqual({ network: ["http"], clocks: ["monotonic"], "my:app/log@1": ["clear"] });
    expect(update!.dropped).toEqual({ clocks: ["wall"] });
    expect(update!.changed).toEqual([]);
    expect(sentences).toContain("New in this version, it can send HTTP requests");
    expect(sentences).toContain("New in this version, it uses my:app/log@1: clear");
    expect(sentences).toContain("No longer, it can read the date and time");
  });

  test("a further function for the same right, or a compatible version, is nothing new", async () => {
    const old = await wat(imported("wasi:filesystem/types@0.2.0", "[method]descriptor.read"));
    const next = await wat(
      imported("wasi:filesystem/types@0.2.6", "[method]descriptor.read", "[method]descriptor.read-via-stream"),
    );
    const { update, sentences } = await review(next, { against: old });
    expect(update).toMatchObject({ added: {}, dropped: {}, changed: [] });
    expect(sentences).toContain("Beside the version before, it needs and offers the same");
  });

  test("tells imports and exports whose type is another, and exports that came or went", async () => {
    const build = async (wit: string): Promise<Uint8Array> =>
      componentNew(await componentEmbed(emptyModule, { witSource: `package my:app@1.0.0; ${wit}`, dummy: true }));
    const old =
      await build(`interface db { resource cursor { next: func() -> u32; } find: func(id: u32) -> cursor; same: func(c: borrow<cursor>); }
      interface api { a: func(); b: func(x: string); } world w { import db; export api; export run: func(); }`);
    const next =
      await build(`interface db { resource cursor { next: func() -> u64; } find: func(id: u32) -> cursor; same: func(c: borrow<cursor>); }
      interface api { b: func(x: list<string>); c: func(); } world w { import db; export api; export run: func(); }`);
    const { update } = await review(next, { against: old });
    expect(update!.changed).toMatchObject([
      { name: "my:app/db@1.0.0#[method]cursor.next", reason: "result: expected u32, found u64" },
    ]);
    expect(update!.exports).toMatchObject({
      added: ["my:app/api@1.0.0#c"],
      dropped: ["my:app/api@1.0.0#a"],
      changed: [{ name: "my:app/api@1.0.0#b", from: "func(x: string)", to: "func(x: list<string>)" }],
    });
    expect((await review(old, { against: old })).update).toMatchObject({ changed: [], exports: { changed: [] } });
  });
});

describe("review beside grants", () => {
  const fields =
    imported("wasi:filesystem/types@0.2.3", "[method]descriptor.read", "[method]descriptor.stat") +
    imported("my:app/log@1.4.0", "write", "clear") +
    `(import "now" (func (result u64)))`;

  test.each<[string, Grants, Grants]>([
    ["nothing", {}, { files: ["look", "read"], world: ["now"], "my:app/log@1": ["clear", "write"] }],
    ["what it needs", { files: ["look", "read"], world: ["now"], "my:app/log@1": ["clear", "write"] }, {}],
    ["all of each", { files: true, world: true, "my:app/log@1": true }, {}],
    ["another version of the track", { files: true, world: true, "my:app/log@1.0.0": true }, {}],
    ["every version", { files: true, world: true, "my:app/log": ["clear", "write"] }, {}],
    ["another track", { files: true, world: true, "my:app/log@2": true }, { "my:app/log@1": ["clear", "write"] }],
    [
      "two tracks in part",
      { files: true, world: true, "my:app/log@1.0.0": ["write"], "my:app/log@1.9.0": ["clear"] },
      {},
    ],
    [
      "functions of a known interface",
      { "wasi:filesystem/types@0.2": ["[method]descriptor.read"], world: true, "my:app/log": true },
      { files: ["look"] },
    ],
    [
      "some",
      { files: ["read"], "my:app/log@1": ["write"] },
      { files: ["look"], world: ["now"], "my:app/log@1": ["clear"] },
    ],
  ])("granted %s, tells what is missing", async (_name, granted, missing) => {
    const found = await review(await wat(fields), { granted });
    expect(found.missing).toEqual(missing);
  });

  test("what it says it needs is enough for it", async () => {
    const bytes = await wat(fields);
    const { needs } = await review(bytes);
    expect((await review(bytes, { granted: JSON.parse(JSON.stringify(needs)) as Grants })).missing).toEqual({});
  });

  test("an unknown function of a known interface is granted by its name, never by the capability's actions", async () => {
    const bytes = await wat(imported("wasi:filesystem/types@0.2.3", "[method]descriptor.shred"));
    const missing = { "wasi:filesystem/types@0.2": ["[method]descriptor.shred"] };
    expect((await review(bytes, { granted: { files: true } })).missing).toEqual(missing);
    expect((await review(bytes, { granted: missing })).missing).toEqual({});
  });

  test.each([
    [[], "Expected granted to be an object, got an array of 0"],
    [{ fils: true }, "There is no capability fils to grant in granted; did you mean files?"],
    [{ toString: true }, "There is no capability toString to grant in granted; there are files, network"],
    [{ files: ["raed"] }, "There is no action raed of files to grant; did you mean read?"],
    [{ files: [true] }, "Expected granted.files to be true or a list of names, got an array of 1"],
    [{ files: "read" }, 'Expected granted.files to be true or a list of names, got "read"'],
    [{ files: false }, "Expected granted.files to be true or a list of names, got false"],
    [JSON.parse(`{ "__proto__": { "files": true } }`), "There is no capability __proto__ to grant"],
  ])("%j is refused", async (granted, message) => {
    await expect(review(await wat(""), { granted: granted as Grants })).rejects.toThrow(message);
  });
});
