/**
 * The error codes of `wasi:filesystem/types`, one by one: how a guest comes to each in `memory()` and in `directory()`, and for the
 * rest why no test can bring a file system to it.
 */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERROR_CODES } from "../../../../host/node/files/errno.ts";
import {
  directory,
  FileError,
  type FileErrorCode,
  type FileSystem,
  memory,
  readOnly,
} from "../../../../host/node/wasi.ts";
import { code, CREATE, type Descriptor, FOLLOW, NO_FOLLOW, preopened, READ, rootOf, WRITE } from "./support.ts";

/** `dir` holds `file`; a link leads to itself. */
interface Scene {
  readonly root: Descriptor;
  /** The same, of which nothing can be changed. */
  readonly fixed: Descriptor;
  /** Another file system. */
  readonly other: Descriptor;
}

const ONE = new Uint8Array(1);

/** What both file systems answer with each code. */
const EVERYWHERE: Partial<Record<FileErrorCode, (scene: Scene) => unknown>> = {
  "bad-descriptor": ({ root }) => root.openAt(FOLLOW, "dir/file", {}, READ).write(ONE, 0n),
  busy: ({ root }) => root.renameAt(".", root, "elsewhere"),
  "cross-device": ({ root, other }) => root.renameAt("dir", other, "dir"),
  exist: ({ root }) => root.createDirectoryAt("dir"),
  "file-too-large": ({ root }) => root.openAt(FOLLOW, "dir/file", {}, WRITE).write(ONE, 2n ** 64n - 2n),
  invalid: ({ root }) => root.renameAt("dir", root, "dir/inside"),
  "insufficient-memory": ({ root }) => {
    const opened: Descriptor[] = [];
    try {
      for (let i = 0; i < 1_025; i++) opened.push(root.openAt(FOLLOW, "dir/file", {}, READ));
    } finally {
      for (const file of opened) file[Symbol.dispose]();
    }
  },
  "is-directory": ({ root }) => root.unlinkFileAt("dir"),
  loop: ({ root }) => root.statAt(FOLLOW, "link"),
  "name-too-long": ({ root }) => root.openAt(FOLLOW, "a".repeat(256), CREATE, WRITE),
  "no-entry": ({ root }) => root.openAt(FOLLOW, "missing", {}, READ),
  "not-directory": ({ root }) => root.statAt(FOLLOW, "dir/file/below"),
  "not-empty": ({ root }) => root.removeDirectoryAt("dir"),
  "not-permitted": ({ root }) => root.linkAt(NO_FOLLOW, "dir", root, "second"),
  "read-only": ({ fixed }) => fixed.unlinkFileAt("dir/file"),
};

/** What only the machine's files answer, and how Linux is brought to it. */
const MACHINE: Partial<Record<FileErrorCode, (path: string) => unknown>> = {
  // Linux lets nobody read it, not even the superuser.
  access: async () => (await rootOf(directory("/proc/sys/vm"))).openAt(FOLLOW, "drop_caches", {}, READ),
  "illegal-byte-sequence": async (path) => {
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff])]), "");
    (await rootOf(directory(path))).readDirectory().readDirectoryEntry();
  },
  // A device that is always full.
  "insufficient-space": async () =>
    (await rootOf(directory("/dev"))).openAt(FOLLOW, "full", {}, { write: true }).write(ONE, 0n),
  "invalid-seek": async (path) => {
    execFileSync("mkfifo", [join(path, "pipe")]);
    (await rootOf(directory(path))).openAt(FOLLOW, "pipe", {}, READ).read(1n, 0n);
  },
  // Nothing is at the first address of this process.
  io: async () => (await rootOf(directory("/proc/self"))).openAt(FOLLOW, "mem", {}, READ).read(1n, 0n),
  "no-such-device": async (path) => {
    execFileSync("mkfifo", [join(path, "unread")]);
    (await rootOf(directory(path))).openAt(FOLLOW, "unread", {}, { write: true });
  },
  "text-file-busy": async (path) => {
    copyFileSync("/bin/sleep", join(path, "running"));
    const running = spawn(join(path, "running"), ["600"], { stdio: "ignore" });
    try {
      (await rootOf(directory(path))).openAt(FOLLOW, "running", {}, WRITE);
    } finally {
      running.kill("SIGKILL");
    }
  },
};

/** What no test brings a file system to, and why. That of these names the guest's are made is tested in `directory.test.ts`. */
const NEVER: Partial<Record<FileErrorCode, string>> = {
  already: "of sockets: a connection that is being made",
  deadlock: "of locks, which WASI 0.2 has not",
  "in-progress": "of sockets: a connection that is being made",
  interrupted: "of a signal that a handler in C has taken; Node begins again by itself",
  "message-size": "of sockets: a datagram that is too long",
  "no-device": "a special file whose driver cannot do what is asked, which only the superuser makes",
  "no-lock": "of locks, which WASI 0.2 has not",
  "no-tty": "of ioctl, which WASI 0.2 has not",
  "not-recoverable": "of a mutex whose owner has died",
  overflow: "of programs that know no files of 2 GiB and more, as Node does",
  pipe: "each write has an offset, so that a pipe says invalid-seek before",
  quota: "needs a disk with quotas, which only the superuser sets up",
  "too-many-links": "from 65,000 hard links on, on some disks; most take any number",
  "would-block": "files never wait, and a pipe says invalid-seek before",
};

/** What a file system of tenon answers by a rule that the other has not. */
const ONE_OF_THEM: Partial<Record<FileErrorCode, () => unknown>> = {
  "insufficient-space": async () =>
    (await rootOf(memory({ maxBytes: 4 }))).openAt(FOLLOW, "file", CREATE, WRITE).setSize(5n),
  // A file system of the user's own that can be changed, and knows no links.
  unsupported: async () => {
    const whole = memory();
    const without: FileSystem = { root: (use) => Object.assign(whole.root(use), { makeLink: undefined }) };
    (await rootOf(without)).symlinkAt("target", "link");
  },
};

let path: string;
beforeAll(() => void (path = mkdtempSync(join(tmpdir(), "tenon-codes-"))));
afterAll(() => rmSync(path, { recursive: true, force: true }));

async function sceneOf(fileSystem: FileSystem, another: FileSystem): Promise<Scene> {
  const [first, second, third] = await preopened({
    preopens: { "/": fileSystem, "/fixed": readOnly(fileSystem), "/other": another },
  });
  return { root: first![0], fixed: second![0], other: third![0] };
}

const SCENES: Record<string, () => Promise<Scene>> = {
  "memory()": async () => {
    const scene = await sceneOf(memory({ files: { "dir/file": "text" } }), memory());
    scene.root.symlinkAt("link", "link");
    return scene;
  },
  "directory()": async () => {
    const at = mkdtempSync(join(path, "scene-"));
    mkdirSync(join(at, "dir"));
    writeFileSync(join(at, "dir", "file"), "text");
    const scene = await sceneOf(directory(at), memory());
    scene.root.symlinkAt("link", "link");
    return scene;
  },
};

/** The error code of something that has to fail, also later. */
async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "succeeded";
  } catch (error) {
    return code(() => {
      throw error;
    });
  }
}

describe.each(Object.entries(SCENES))("%s", (_, make) => {
  test.each(Object.entries(EVERYWHERE))("answers with %s", async (name, provoke) => {
    const scene = await make();
    expect(code(() => provoke(scene))).toBe(name);
    // What failed has changed nothing.
    expect(scene.root.statAt(FOLLOW, "dir/file").size).toBe(4n);
  });
});

describe.skipIf(process.platform !== "linux")("directory() on Linux", () => {
  test.each(Object.entries(MACHINE))("answers with %s", async (name, provoke) => {
    expect(await codeOf(() => provoke(mkdtempSync(join(path, "machine-"))))).toBe(name);
  });
});

test.each(Object.entries(ONE_OF_THEM))("a limit or a lack answers with %s", async (name, provoke) => {
  expect(await codeOf(provoke)).toBe(name);
});

test("each error code is provoked, or is listed with the reason why it cannot be", () => {
  const provoked = new Set([EVERYWHERE, MACHINE, ONE_OF_THEM].flatMap((cases) => Object.keys(cases)));
  const never = Object.keys(NEVER);
  expect(never.filter((name) => provoked.has(name))).toEqual([]);
  expect([...provoked, ...never].sort()).toEqual([...new Set(Object.values(ERROR_CODES))].sort());
});

test.each([...new Set(Object.values(ERROR_CODES))])(
  "%s of a user's own file system reaches the guest",
  async (name) => {
    const own: FileSystem = {
      root: () => ({
        kind: "directory",
        stat: (asked) => {
          if (asked !== undefined) throw new FileError(name);
          return { type: "directory", size: 0, inode: 1n, device: own };
        },
        list: () => [],
        open: () => {
          throw new FileError(name);
        },
      }),
    };
    const root = await rootOf(own);
    expect([code(() => root.statAt(FOLLOW, "x")), code(() => root.openAt(FOLLOW, "x", {}, READ))]).toEqual([
      name,
      name,
    ]);
  },
);
