/** `wasi:filesystem` 0.3: the same files as 0.2 has, by streams and asynchronous functions. */
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { directory, type Directory, type FileSystem, memory, readOnly } from "../../../../host/node/wasi.ts";
import { CREATE, NO_CHANGE, NO_FOLLOW, READ, WRITE } from "../files/support.ts";
import { all, bytes, type Face, guestOf, OK, outcome, read, streamOf, type Guest } from "./support.ts";

const FILES = ["filesystem/preopens", "filesystem/types"];
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "tenon-p3-"));
  folders.push(folder);
  return folder;
}

async function rootOf(fileSystem: FileSystem): Promise<[root: Face, guest: Guest]> {
  const guest = await guestOf(FILES, { preopens: { "/": fileSystem } });
  return [guest("filesystem/preopens")["getDirectories"]()[0][0], guest];
}

const err = (tag: string): object => ({ err: { tag } });

describe.each([
  ["memory", () => memory()],
  ["a directory", () => directory(temporary())],
])("wasi:filesystem on %s", (_, make) => {
  test("writes and appends streams, reads them from any offset, and says how each ended", async () => {
    const [root] = await rootOf(make());
    const file = await root["openAt"](NO_FOLLOW, "a", CREATE, WRITE);
    expect(await file["writeViaStream"](streamOf(bytes("hello "), bytes("world")), 0n)).toEqual(OK);
    expect(await file["appendViaStream"](streamOf(bytes("!")))).toEqual(OK);
    expect(await file["writeViaStream"](streamOf(bytes("W")), 6n)).toEqual(OK);
    const [stream, ended] = file["readViaStream"](6n);
    expect(await read(stream)).toBe("World!");
    expect(await ended).toEqual(OK);
    const [nothing] = file["readViaStream"](100n);
    expect(await all(nothing)).toEqual([]);
    expect((await file["stat"]()).size).toBe(12n);
  });

  test("gives chunks that stay what they are when another file is read", async () => {
    const [root] = await rootOf(make());
    for (const name of ["a", "b"]) {
      const file = root["openAt"](NO_FOLLOW, name, CREATE, WRITE);
      await file["writeViaStream"](streamOf(bytes(name.repeat(10))), 0n);
    }
    const [a, b] = ["a", "b"].map((name) => root["openAt"](NO_FOLLOW, name, {}, READ)["readViaStream"](0n)[0]);
    const [first, second] = [await a.next(), await b.next()];
    expect([first.value, second.value]).toEqual([bytes("a".repeat(10)), bytes("b".repeat(10))]);
  });

  test("lists a directory as a stream of entries with their types", async () => {
    const [root] = await rootOf(make());
    root["createDirectoryAt"]("d");
    for (let i = 0; i < 300; i++) root["openAt"](NO_FOLLOW, `f${i}`, CREATE, WRITE)[Symbol.dispose]();
    root["symlinkAt"]("f0", "link");
    const [stream, ended] = root["readDirectory"]();
    const chunks = await all<{ type: object; name: string }[]>(stream);
    expect(chunks.length).toBeGreaterThan(1);
    const entries = chunks.flat();
    expect(entries).toHaveLength(302);
    expect(entries.find(({ name }) => name === "d")).toEqual({ type: { tag: "directory" }, name: "d" });
    expect(entries.find(({ name }) => name === "link")!.type).toEqual({ tag: "symbolic-link" });
    expect(await ended).toEqual(OK);
  });

  test("has error codes as variants, from functions and from streams", async () => {
    const [root] = await rootOf(make());
    expect(await outcome(() => root["openAt"](NO_FOLLOW, "none", {}, READ))).toEqual(err("no-entry"));
    expect(await outcome(() => root["openAt"](NO_FOLLOW, "../a", {}, READ))).toEqual(err("not-permitted"));
    const file = root["openAt"](NO_FOLLOW, "a", CREATE, { write: true });
    const [stream, ended] = file["readViaStream"](0n);
    expect([await all(stream), await ended]).toEqual([[], { tag: "err", val: { tag: "bad-descriptor" } }]);
    const data = streamOf(bytes("a"));
    expect(await root["writeViaStream"](data, 0n)).toEqual({ tag: "err", val: { tag: "bad-descriptor" } });
    expect(data.cancelled).toBe(true);
    const [none, why] = file["readDirectory"]();
    expect([await all(none), await why]).toEqual([[], { tag: "err", val: { tag: "not-directory" } }]);
    expect(await outcome(() => file["writeViaStream"](streamOf(), 2n ** 63n))).toEqual({
      tag: "err",
      val: { tag: "invalid" },
    });
  });

  test("renames, links, removes, and knows the same object by two descriptors", async () => {
    const [root] = await rootOf(make());
    root["createDirectoryAt"]("d");
    const d = root["openAt"](NO_FOLLOW, "d", { directory: true }, READ);
    const file = root["openAt"](NO_FOLLOW, "a", CREATE, WRITE);
    root["renameAt"]("a", d, "b");
    d["linkAt"](NO_FOLLOW, "b", root, "c");
    expect(root["isSameObject"](d)).toBe(false);
    expect(file["isSameObject"](root["openAt"](NO_FOLLOW, "c", {}, READ))).toBe(true);
    expect(file["metadataHash"]()).toEqual(root["metadataHashAt"](NO_FOLLOW, "c"));
    expect([file["getType"](), file["getFlags"]()]).toEqual([{ tag: "regular-file" }, WRITE]);
    root["unlinkFileAt"]("c");
    d["unlinkFileAt"]("b");
    root["removeDirectoryAt"]("d");
    expect((await all<object[]>(root["readDirectory"]()[0])).flat()).toEqual([]);
    expect(await outcome(() => root["removeDirectoryAt"]("d"))).toEqual(err("no-entry"));
  });

  test("keeps times, also those before 1970", async () => {
    const [root] = await rootOf(make());
    const file = root["openAt"](NO_FOLLOW, "a", CREATE, WRITE);
    const before = { seconds: -2n, nanoseconds: 500_000_000 };
    file["setTimes"](NO_CHANGE, { tag: "timestamp", val: before });
    expect(root["statAt"](NO_FOLLOW, "a").dataModificationTimestamp).toEqual(before);
  });
});

describe("wasi:filesystem", () => {
  test("gives nothing that was not given, and tells of each refusal", async () => {
    const guest = await guestOf(FILES);
    expect(guest("filesystem/preopens")["getDirectories"]()).toEqual([]);
    expect(guest.events).toMatchObject([{ interface: "wasi:filesystem/preopens", granted: false }]);
    const [root, with_] = await rootOf(readOnly(memory()));
    expect(await outcome(() => root["createDirectoryAt"]("d"))).toEqual(err("read-only"));
    expect(with_.events.at(-1)).toMatchObject({ action: "create-directory-at", target: "/d", granted: false });
  });

  test("writes what was read by 0.3 to the machine's files, and a stream outlives its descriptor", async () => {
    const folder = temporary();
    writeFileSync(join(folder, "in"), "x".repeat(200_000));
    const [root] = await rootOf(directory(folder));
    const from = root["openAt"](NO_FOLLOW, "in", {}, READ);
    const to = root["openAt"](NO_FOLLOW, "out", CREATE, WRITE);
    const [stream, ended] = from["readViaStream"](0n);
    const data = { read: async () => (await stream.next()).value, cancel: async () => undefined };
    const written = to["writeViaStream"](data, 0n);
    from[Symbol.dispose]();
    to[Symbol.dispose]();
    expect([await written, await ended]).toEqual([OK, OK]);
    expect(readFileSync(join(folder, "out"), "utf8")).toBe("x".repeat(200_000));
  });

  test("closes a file when the stream of it has been dropped too", async () => {
    let closed = 0;
    const file = {
      kind: "file" as const,
      stat: () => ({ type: "regular-file" as const, size: 1, inode: 1n, device: 0 }),
      read: () => bytes("a"),
      close: () => void closed++,
    };
    const root = {
      kind: "directory" as const,
      stat: () => ({ type: "directory" as const, size: 0, inode: 0n, device: 0 }),
      list: () => [],
      open: () => file,
    } satisfies Directory;
    const [descriptor] = await rootOf({ root: () => root });
    const opened = descriptor["openAt"](NO_FOLLOW, "a", {}, READ);
    const [stream, ended] = opened["readViaStream"](0n);
    expect((await stream.next()).value).toEqual(bytes("a"));
    opened[Symbol.dispose]();
    expect(closed).toBe(0);
    await stream.return();
    expect(await ended).toEqual(OK);
    expect(closed).toBe(1);
  });
});
