/** `directory()`: what the machine says in WASI's words, what it has beside files, and that everything opened is closed. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ERROR_CODES, system } from "../../../../host/node/files/errno.ts";
import { checkWindowsName } from "../../../../host/node/files/windows-names.ts";
import { directory, wasi } from "../../../../host/node/wasi.ts";
import {
  CREATE,
  code,
  FOLLOW,
  namesIn,
  NO_CHANGE,
  NO_FOLLOW,
  READ,
  readText,
  rootOf,
  WRITE,
  writeText,
} from "./support.ts";

let path: string;
beforeEach(() => void (path = mkdtempSync(join(tmpdir(), "tenon-directory-"))));
afterEach(() => rmSync(path, { recursive: true, force: true }));

/** Whether a descriptor of this process has something open in a folder. */
function opensBelow(folder: string, descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).startsWith(folder);
  } catch {
    // The listing itself had one.
    return false;
  }
}

describe("directory", () => {
  test("takes a path or a URL of a directory that is there", async () => {
    writeFileSync(join(path, "file"), "text");
    expect(readText(await rootOf(directory(path)), "file")).toBe("text");
    expect(readText(await rootOf(directory(pathToFileURL(path))), "file")).toBe("text");
    expect(() => directory(join(path, "missing"))).toThrow(/Expected a directory at .*missing, got nothing/);
    expect(() => directory(join(path, "file"))).toThrow(/got something else/);
  });

  test("a link to it is the directory that it leads to", async () => {
    mkdirSync(join(path, "real"));
    symlinkSync("real", join(path, "link"));
    for (const hold of process.platform === "linux" ? (["descriptor", "path"] as const) : (["path"] as const)) {
      const root = await rootOf(directory(join(path, "link"), { hold }));
      writeText(root, hold, "text");
      expect(root.stat().type).toBe("directory");
    }
    expect(readdirSync(join(path, "real"))).toContain("path");
  });

  test.skipIf(process.platform !== "linux")("what is opened is closed at the end, counted or not", async () => {
    // Those in the directory: the process has others, which come and go.
    const descriptors = (): number =>
      readdirSync("/proc/self/fd").filter((descriptor) => opensBelow(path, `/proc/self/fd/${descriptor}`)).length;
    mkdirSync(join(path, "a", "b"), { recursive: true });
    writeFileSync(join(path, "a", "b", "file"), "text");
    symlinkSync("b", join(path, "a", "link"));
    const ends: (() => unknown)[] = [];
    const imports = (await wasi({ preopens: { "/": directory(path) } })({
      module: "guest",
      defer: (end: () => unknown) => ends.push(end),
    } as never)) as Record<string, { getDirectories(): [Awaited<ReturnType<typeof rootOf>>, string][] }>;
    const preopens = Object.keys(imports).find((name) => name.startsWith("wasi:filesystem/preopens"))!;
    const root = imports[preopens]!.getDirectories()[0]![0];
    for (let i = 0; i < 50; i++) {
      using _file = root.openAt(FOLLOW, "a/link/../b/file", {}, READ);
      code(() => root.openAt(FOLLOW, "a/link/missing", {}, READ));
      code(() => root.openAt(FOLLOW, "a/b/../../../x", {}, READ));
      code(() => root.openAt(FOLLOW, "a/b", {}, WRITE));
      code(() => root.openAt(FOLLOW, "a/b/file/", {}, READ));
      code(() => root.openAt(FOLLOW, "a/b", { directory: true }, WRITE));
    }
    expect(descriptors()).toBe(1);
    const left = [root.openAt(FOLLOW, "a/b/file", {}, READ), root.openAt(FOLLOW, "a", {}, READ)];
    left[0]!.readViaStream(0n);
    expect(descriptors()).toBe(3);
    for (const end of ends) end();
    expect(descriptors()).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("a pipe makes nobody wait", async () => {
    execFileSync("mkfifo", [join(path, "pipe")]);
    const root = await rootOf(directory(path));
    expect(root.statAt(FOLLOW, "pipe").type).toBe("fifo");
    const pipe = root.openAt(FOLLOW, "pipe", {}, READ);
    expect(pipe.getType()).toBe("fifo");
    expect(code(() => pipe.read(1n, 0n))).toBe("invalid-seek");
    pipe[Symbol.dispose]();
    expect(code(() => root.openAt(FOLLOW, "pipe", {}, { write: true }))).toBe("no-such-device");
  });

  test.skipIf(process.platform !== "linux")("names that are no UTF-8 are told, and not made up", async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe])]), "x");
    const root = await rootOf(directory(path));
    expect(code(() => namesIn(root))).toBe("illegal-byte-sequence");
    rmSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe])]));
    writeFileSync(join(path, "\ufffd"), "x");
    expect(namesIn(root)).toEqual(["\ufffd"]);
  });

  test("times are set to the microsecond, and what is not set stays", async () => {
    const root = await rootOf(directory(path));
    writeText(root, "file", "text");
    const set = { tag: "timestamp", val: { seconds: 1_600_000_000n, nanoseconds: 123_456_000 } } as const;
    // Node takes times as seconds with a fraction: newer ones set its binary form, a nanosecond beside the microsecond.
    const toMicroseconds = (at: { seconds: bigint; nanoseconds: number } | undefined): object => ({
      seconds: at!.seconds,
      nanoseconds: Math.round(at!.nanoseconds / 1_000) * 1_000,
    });
    root.setTimesAt(FOLLOW, "file", NO_CHANGE, set);
    expect(toMicroseconds(root.statAt(FOLLOW, "file").dataModificationTimestamp)).toEqual(set.val);
    const accessed = root.statAt(FOLLOW, "file").dataAccessTimestamp!;
    expect(accessed.seconds).toBeGreaterThan(1_600_000_000n);
    using file = root.openAt(FOLLOW, "file", {}, WRITE);
    file.setTimes(set, NO_CHANGE);
    expect(toMicroseconds(file.stat().dataAccessTimestamp)).toEqual(set.val);
    expect(toMicroseconds(file.stat().dataModificationTimestamp)).toEqual(set.val);
    // Of a link, not of what it leads to.
    root.symlinkAt("file", "link");
    root.setTimesAt(NO_FOLLOW, "link", NO_CHANGE, { tag: "timestamp", val: { seconds: 1n, nanoseconds: 0 } });
    expect(toMicroseconds(file.stat().dataModificationTimestamp)).toEqual(set.val);
  });

  test("sync and files for which each write waits", async () => {
    const root = await rootOf(directory(path));
    for (const how of [{ fileIntegritySync: true }, { dataIntegritySync: true }, { requestedWriteSync: true }]) {
      using file = root.openAt(FOLLOW, "file", CREATE, { ...WRITE, ...how });
      file.write(new Uint8Array([1]), 0n);
      file.sync();
      file.syncData();
    }
    root.sync();
    root.syncData();
    expect(readFileSync(join(path, "file"))).toHaveLength(1);
  });
});

describe("error codes", () => {
  const wit = readFileSync(
    join(
      createRequire(import.meta.url).resolve("@bytecodealliance/jco"),
      "../../lib/wit/builtin/0.2.12/wasi-filesystem/package.wit",
    ),
    "utf8",
  );
  const specified = /enum error-code \{([^}]*)\}/
    .exec(wit)![1]!
    .split(",")
    .map((name) => name.trim());

  test("each one of WASI is given for something that the machine says, and nothing else is", () => {
    expect(new Set(Object.values(ERROR_CODES))).toEqual(new Set(specified.filter((name) => name !== "")));
  });

  test("each one is named after POSIX, where POSIX has the name", () => {
    const posix = Object.keys(constants.errno).filter((name) => name in ERROR_CODES);
    expect(posix.length).toBeGreaterThan(35);
    for (const name of posix) {
      const thrown = code(() =>
        system(() => {
          throw Object.assign(new Error(name), { code: name, errno: -1 });
        }),
      );
      expect(thrown).toBe(ERROR_CODES[name]);
    }
  });

  test("what WASI has no word for is io; what Node refuses is invalid; what is no error of the machine stays what it is", () => {
    const fail = (error: Error) => (): never =>
      system(() => {
        throw error;
      });
    expect(code(fail(Object.assign(new Error(), { code: "EUCLEAN", errno: -117 })))).toBe("io");
    expect(code(fail(Object.assign(new Error(), { code: "ERR_OUT_OF_RANGE" })))).toBe("invalid");
    expect(fail(new TypeError("a bug"))).toThrow(TypeError);
  });
});

test.each([
  ["con", "no-entry"],
  ["NUL", "no-entry"],
  ["nul.txt", "no-entry"],
  ["COM1", "no-entry"],
  ["com¹", "no-entry"],
  ["LPT³.log", "no-entry"],
  ["aux ", "no-entry"],
  ["CONIN$", "no-entry"],
  ["..", "not-permitted"],
  [".. ", "not-permitted"],
  ["...", "not-permitted"],
  ["a.", "not-permitted"],
  ["a ", "not-permitted"],
  ["a\\b", "not-permitted"],
  ["..\\secret", "not-permitted"],
  ["C:", "not-permitted"],
  ["C:secret", "not-permitted"],
  ["file::$DATA", "not-permitted"],
  ["a\u0001", "not-permitted"],
  ["a|b", "not-permitted"],
  ["console", "succeeded"],
  ["com10", "succeeded"],
  ["a.b.c", "succeeded"],
  [".hidden", "succeeded"],
])("names on Windows: %j is %s", (name, expected) => {
  expect(code(() => checkWindowsName(name))).toBe(expected);
});
