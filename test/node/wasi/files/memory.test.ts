/** `memory()`, and the face of `wasi:filesystem` on it: what guests see of rights, amounts, times and identity. */
import { describe, expect, test } from "vitest";
import { FileError, memory, readOnly, type AccessEvent } from "../../../../host/node/wasi.ts";
import {
  CREATE,
  code,
  FOLLOW,
  namesIn,
  NO_CHANGE,
  NO_FOLLOW,
  preopened,
  READ,
  readText,
  rootOf,
  WRITE,
  writeText,
} from "./support.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("memory", () => {
  test("holds the files given, and gives back what guests have made of them", async () => {
    const given = bytes("given");
    const files = memory({ files: { "a/b/c.txt": "text", "given.bin": given, "empty/": "" } });
    const root = await rootOf(files);
    expect(namesIn(root)).toEqual(["a", "empty", "given.bin"]);
    expect(readText(root, "a/b/c.txt")).toBe("text");
    writeText(root, "given.bin", "GIVE");
    writeText(root, "empty/new", "new");
    expect(new TextDecoder().decode(given)).toBe("given");
    const made = files.files();
    expect(Object.keys(made).sort()).toEqual(["a/b/c.txt", "empty/new", "given.bin"]);
    expect(new TextDecoder().decode(made["given.bin"])).toBe("GIVE");
    const again = await rootOf(memory({ files: made }));
    expect(readText(again, "empty/new")).toBe("new");
  });

  test.each([
    [{ "../up": "x" }, "not-permitted"],
    [{ "a/../../up": "x" }, "not-permitted"],
    [{ a: "x", "a/b": "y" }, "not-directory"],
    [{ "a/b": "x", a: "y" }, "exist"],
    [{ a: "12345" }, "insufficient-space"],
  ])("refuses files that cannot be there: %j", (files, expected) => {
    expect(code(() => memory({ files: files as Record<string, string>, maxBytes: 4 }))).toBe(expected);
  });

  test("maxBytes: more is insufficient-space, nothing of it is kept, and what is removed makes room", async () => {
    const root = await rootOf(memory({ maxBytes: 10, files: { first: "12345" } }));
    using file = root.openAt(FOLLOW, "second", CREATE, WRITE);
    expect(file.write(bytes("12345"), 0n)).toBe(5n);
    expect(code(() => file.write(bytes("6"), 5n))).toBe("insufficient-space");
    expect(code(() => file.setSize(1_000_000_000_000n))).toBe("insufficient-space");
    expect(code(() => file.write(bytes("x"), 2n ** 40n))).toBe("insufficient-space");
    expect(code(() => file.write(bytes("x"), 2n ** 64n - 1n))).toBe("file-too-large");
    expect(file.stat().size).toBe(5n);
    // An open file keeps its bytes until it is closed.
    const first = root.openAt(FOLLOW, "first", {}, READ);
    root.unlinkFileAt("first");
    expect(code(() => file.write(bytes("6"), 5n))).toBe("insufficient-space");
    expect(first.read(10n, 0n)).toEqual([bytes("12345"), true]);
    first[Symbol.dispose]();
    expect(file.write(bytes("67890"), 5n)).toBe(5n);
    file.setSize(0n);
    expect(file.write(bytes("0123456789"), 0n)).toBe(10n);
  });

  test("holds 64 MiB by default", async () => {
    const root = await rootOf(memory());
    using file = root.openAt(FOLLOW, "file", CREATE, WRITE);
    file.setSize(67_108_864n);
    expect(code(() => file.setSize(67_108_865n))).toBe("insufficient-space");
  });

  test("maxEntries: more is insufficient-space", async () => {
    const root = await rootOf(memory({ maxEntries: 2 }));
    root.createDirectoryAt("a");
    root.symlinkAt("a", "b");
    expect(code(() => root.createDirectoryAt("c"))).toBe("insufficient-space");
    expect(code(() => root.openAt(FOLLOW, "c", CREATE, WRITE))).toBe("insufficient-space");
    root.unlinkFileAt("b");
    root.createDirectoryAt("c");
  });

  test("a file that grows reads zeros where nothing was written, also after it was cut", async () => {
    const root = await rootOf(memory());
    using file = root.openAt(FOLLOW, "file", CREATE, WRITE);
    file.write(bytes("abcdef"), 0n);
    file.setSize(2n);
    file.setSize(4n);
    file.write(bytes("z"), 6n);
    expect(file.read(100n, 0n)).toEqual([new Uint8Array([97, 98, 0, 0, 0, 0, 122]), true]);
    expect(file.read(2n, 1n)).toEqual([new Uint8Array([98, 0]), false]);
    expect(file.read(2n, 7n)).toEqual([new Uint8Array(0), true]);
  });

  test("reading copies nothing: what is read is a view of the file", async () => {
    const given = new Uint8Array(65_536);
    const root = await rootOf(memory({ files: { file: given } }));
    using file = root.openAt(FOLLOW, "file", {}, READ);
    expect(file.read(65_536n, 0n)[0].buffer).toBe(given.buffer);
  });

  test("times are those of the module's clock, and what is given at the beginning has none of it", async () => {
    const [entry] = await preopened({
      preopens: { "/": memory({ files: { old: "" } }) },
      clocks: { now: 1_700_000_000_123 },
    });
    const root = entry![0];
    const now = { seconds: 1_700_000_000n, nanoseconds: 123_000_000 };
    expect(root.statAt(FOLLOW, "old").dataModificationTimestamp).toEqual({ seconds: 0n, nanoseconds: 0 });
    writeText(root, "new", "new");
    expect(root.statAt(FOLLOW, "new")).toMatchObject({
      dataAccessTimestamp: now,
      dataModificationTimestamp: now,
      statusChangeTimestamp: now,
    });
    root.setTimesAt(FOLLOW, "old", { tag: "now" }, { tag: "timestamp", val: { seconds: 5n, nanoseconds: 7 } });
    expect(root.statAt(FOLLOW, "old")).toMatchObject({
      dataAccessTimestamp: now,
      dataModificationTimestamp: { seconds: 5n, nanoseconds: 7 },
    });
    root.setTimesAt(FOLLOW, "old", NO_CHANGE, { tag: "now" });
    expect(root.statAt(FOLLOW, "old").dataModificationTimestamp).toEqual(now);
    const wrong = { tag: "timestamp", val: { seconds: 5n, nanoseconds: 1_000_000_000 } } as const;
    expect(code(() => root.setTimesAt(FOLLOW, "old", wrong, NO_CHANGE))).toBe("invalid");
  });

  test("hard links are one file; two files and two file systems are not", async () => {
    const [one, two] = await preopened({ preopens: { "/one": memory(), "/two": memory() } });
    const root = one![0];
    writeText(root, "a", "text");
    root.linkAt(NO_FOLLOW, "a", root, "b");
    expect(root.statAt(FOLLOW, "b").linkCount).toBe(2n);
    expect(root.metadataHashAt(FOLLOW, "b")).toEqual(root.metadataHashAt(FOLLOW, "a"));
    using a = root.openAt(FOLLOW, "a", {}, READ);
    using b = root.openAt(FOLLOW, "b", {}, READ);
    expect(a.isSameObject(b)).toBe(true);
    writeText(root, "c", "text");
    using c = root.openAt(FOLLOW, "c", {}, READ);
    expect(a.isSameObject(c)).toBe(false);
    expect(c.metadataHash()).not.toEqual(a.metadataHash());
    writeText(two![0], "a", "text");
    using other = two![0].openAt(FOLLOW, "a", {}, READ);
    expect(a.isSameObject(other)).toBe(false);
    expect(other.metadataHash()).not.toEqual(a.metadataHash());
    expect(code(() => root.renameAt("a", two![0], "b"))).toBe("cross-device");
    expect(code(() => root.linkAt(NO_FOLLOW, "a", two![0], "b"))).toBe("cross-device");
  });

  test("hashes are the same in every run", async () => {
    const hashes = async (): Promise<unknown> => {
      const root = await rootOf(memory({ files: { a: "", b: "" } }));
      return [root.metadataHash(), root.metadataHashAt(FOLLOW, "a"), root.metadataHashAt(FOLLOW, "b")];
    };
    expect(await hashes()).toEqual(await hashes());
  });
});

describe("descriptors", () => {
  test("are refused for what they were not opened for", async () => {
    const root = await rootOf(memory({ files: { file: "text", "dir/": "" } }));
    using read = root.openAt(FOLLOW, "file", {}, READ);
    expect(code(() => read.write(bytes("x"), 0n))).toBe("bad-descriptor");
    expect(code(() => read.setSize(0n))).toBe("bad-descriptor");
    expect(code(() => read.writeViaStream(0n))).toBe("bad-descriptor");
    expect(code(() => read.appendViaStream())).toBe("bad-descriptor");
    expect(code(() => read.readDirectory())).toBe("not-directory");
    expect(code(() => read.statAt(FOLLOW, "x"))).toBe("not-directory");
    expect(read.getFlags()).toEqual(READ);
    using write = root.openAt(FOLLOW, "file", {}, { write: true });
    expect(code(() => write.read(1n, 0n))).toBe("bad-descriptor");
    expect(code(() => write.readViaStream(0n))).toBe("bad-descriptor");
    using dir = root.openAt(FOLLOW, "dir", {}, READ);
    expect(code(() => dir.read(1n, 0n))).toBe("bad-descriptor");
    expect(code(() => root.openAt(FOLLOW, "dir", {}, WRITE))).toBe("is-directory");
    expect(code(() => root.openAt(FOLLOW, "dir", { create: true, directory: true }, READ))).toBe("invalid");
    expect(code(() => root.openAt(FOLLOW, "file", { directory: true }, READ))).toBe("not-directory");
    expect(code(() => root.openAt(FOLLOW, "file", { create: true, exclusive: true }, WRITE))).toBe("exist");
    expect(dir.getFlags()).toEqual({ read: true, mutateDirectory: false });
    using changed = root.openAt(FOLLOW, "dir", {}, { read: true, mutateDirectory: true });
    expect(changed.getFlags()).toEqual({ read: true, mutateDirectory: true });
    expect(dir.getType()).toBe("directory");
    for (const [open, asked, has] of [
      [{}, {}, READ],
      [{ create: true }, READ, READ],
      [{ create: true, exclusive: true }, {}, { read: true, write: true }],
      [{ create: true, exclusive: true }, READ, { read: true, write: true }],
      [{ create: true, exclusive: true }, { write: true }, { read: false, write: true }],
    ] as const) {
      if ("exclusive" in open) root.unlinkFileAt("file");
      using file = root.openAt(FOLLOW, "file", open, asked);
      expect(file.getFlags()).toEqual(has);
    }
  });

  test("streams read and write on, append at the end, and outlive the descriptor", async () => {
    const root = await rootOf(memory());
    const file = root.openAt(FOLLOW, "file", CREATE, WRITE);
    const out = file.writeViaStream(2n);
    const end = file.appendViaStream();
    const input = file.readViaStream(1n);
    file[Symbol.dispose]();
    void out.blockingWriteAndFlush(bytes("cd"));
    void end.blockingWriteAndFlush(bytes("end"));
    void out.blockingWriteAndFlush(bytes("EF"));
    expect(input.blockingRead(100n)).toEqual(bytes("\0cdEFd"));
    expect(() => input.blockingRead(1n)).toThrow(expect.objectContaining({ payload: { tag: "closed" } }));
    for (const stream of [out, end, input]) stream[Symbol.dispose]();
  });

  test("go on meaning a directory that is renamed, and a file that is removed", async () => {
    const root = await rootOf(memory({ files: { "a/file": "text" } }));
    using dir = root.openAt(FOLLOW, "a", { directory: true }, READ);
    using file = root.openAt(FOLLOW, "a/file", {}, WRITE);
    root.renameAt("a", root, "b");
    expect(readText(dir, "file")).toBe("text");
    root.unlinkFileAt("b/file");
    expect(file.write(bytes("TEXT"), 0n)).toBe(4n);
    expect(file.stat().linkCount).toBe(0n);
    root.removeDirectoryAt("b");
    expect(code(() => dir.createDirectoryAt("c"))).toBe("no-entry");
    expect(code(() => root.renameAt("b", root, "c"))).toBe("no-entry");
  });

  test("no more than 1,024 are open at once", async () => {
    const root = await rootOf(memory({ files: { file: "" } }));
    const open = Array.from({ length: 1_023 }, () => root.openAt(FOLLOW, "file", {}, READ));
    expect(code(() => root.openAt(FOLLOW, "file", {}, READ))).toBe("insufficient-memory");
    open[0]![Symbol.dispose]();
    root.openAt(FOLLOW, "file", {}, READ);
  });
});

describe("readOnly", () => {
  test("answers everything that would change something with read-only", async () => {
    const files = memory({ files: { file: "text", "dir/": "" } });
    const root = await rootOf(readOnly(files));
    const attempts = [
      () => root.openAt(FOLLOW, "file", {}, WRITE),
      () => root.openAt(FOLLOW, "file", { truncate: true }, READ),
      () => root.openAt(FOLLOW, "new", CREATE, READ),
      () => root.createDirectoryAt("new"),
      () => root.removeDirectoryAt("dir"),
      () => root.unlinkFileAt("file"),
      () => root.renameAt("file", root, "new"),
      () => root.linkAt(NO_FOLLOW, "file", root, "new"),
      () => root.symlinkAt("file", "new"),
      () => root.setTimesAt(FOLLOW, "file", { tag: "now" }, { tag: "now" }),
      () => root.setTimes({ tag: "now" }, { tag: "now" }),
    ];
    expect(attempts.map(code)).toEqual(attempts.map(() => "read-only"));
    expect(readText(root, "file")).toBe("text");
    expect(root.getFlags()).toEqual({ read: true, mutateDirectory: false });
    using file = root.openAt(FOLLOW, "file", CREATE, READ);
    expect(file.stat().size).toBe(4n);
    expect(Object.keys(files.files())).toEqual(["file"]);
  });
});

describe("wasi:filesystem", () => {
  test("without preopens there are none", async () => {
    expect(await preopened({})).toEqual([]);
  });

  test("onAccess is told of every use and every refusal, with the path from the preopen on", async () => {
    const events: AccessEvent[] = [];
    const [entry] = await preopened({
      preopens: { "/data": readOnly(memory({ files: { "a/file": "" } })) },
      onAccess: (event) => events.push(event),
    });
    const root = entry![0];
    events.length = 0;
    using dir = root.openAt(FOLLOW, "a", { directory: true }, READ);
    using _file = dir.openAt(FOLLOW, "file", {}, READ);
    code(() => dir.unlinkFileAt("file"));
    code(() => dir.openAt(FOLLOW, "../x", {}, READ));
    code(() => dir.renameAt("file", root, "y"));
    const told = (action: string, target: string, granted: boolean): AccessEvent => ({
      module: "guest",
      interface: "wasi:filesystem/types",
      action,
      target,
      granted,
    });
    expect(events).toEqual([
      told("open-at", "/data/a", true),
      told("open-at", "/data/a/file", true),
      told("unlink-file-at", "/data/a/file", false),
      told("open-at", "/data/a/../x", false),
      told("rename-at", "/data/y", false),
      told("rename-at", "/data/a/file", false),
    ]);
  });

  test("a file system of the user's own: what it throws is an error code, or a fault of the host", async () => {
    const broken = {
      root: () => ({
        kind: "directory" as const,
        stat: (name?: string) => {
          if (name === "fault") throw new TypeError("not an error code");
          if (name !== undefined) throw new FileError("io");
          return { type: "directory" as const, size: 0, inode: 1n, device: broken };
        },
        list: () => [],
        open: () => {
          throw new FileError("no-lock");
        },
      }),
    };
    const root = await rootOf(broken);
    expect(code(() => root.statAt(FOLLOW, "x"))).toBe("io");
    expect(code(() => root.openAt(FOLLOW, "x", {}, READ))).toBe("no-lock");
    expect(code(() => root.createDirectoryAt("x"))).toBe("read-only");
    expect(() => root.statAt(FOLLOW, "fault")).toThrow(TypeError);
  });

  test("what is no file system is refused when wasi is called", async () => {
    await expect(preopened({ preopens: { "/": {} as never } })).rejects.toThrow(/file system/);
    await expect(preopened({ preopens: { "": memory() } })).rejects.toThrow(/path/);
  });
});
