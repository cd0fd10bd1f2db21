/**
 * Paths and links that try to leave a file system, with every function that takes a path: nothing outside is read, changed or told of.
 *
 * The shapes are those that got out of other sandboxes: `..` in every disguise, links up, links to links, absolute links, links that
 * are made by the guest and then walked through, the process file system, names that another system would read as separators.
 *
 * A sandbox that fails here must not harm the machine: what changes files is only ever given paths that end in this test's own folder,
 * however far up they lead. Paths to the machine's own files are for functions that read.
 */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { directory, memory, overlay, readOnly, type FileSystem } from "../../../../host/node/wasi.ts";
import { CREATE, code, codeOr, FOLLOW, NO_CHANGE, NO_FOLLOW, READ, rootOf, WRITE, type Descriptor } from "./support.ts";

const SECRET = "this is not for guests";

let folder: string;
let outer: string;
let inside: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tenon-escapes-"));
  // Deep enough that no path of those that change something leads above the folder.
  outer = join(folder, "a", "b", "c", "d", "outer");
  inside = join(outer, "inside");
  mkdirSync(join(inside, "sub", "deep"), { recursive: true });
  mkdirSync(join(outer, "beside"));
  mkdirSync(join(outer, "inside-not"));
  for (const path of ["secret", "beside/secret", "inside-not/secret"]) writeFileSync(join(outer, path), SECRET);
  writeFileSync(join(inside, "file"), "inside");
  writeFileSync(join(inside, "sub", "file"), "inside");
  // Links out of the directory, which somebody else has put there.
  for (const [name, target] of Object.entries(links())) symlinkSync(target, join(inside, name));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function links(): Record<string, string> {
  return {
    up: "..",
    "up-slash": "../",
    "up-file": "../secret",
    "up-beside": "../beside",
    "up-same-prefix": "../inside-not/secret",
    "up-missing": "../missing",
    "up-late": "sub/../../secret",
    "up-deep": "sub/deep/../../../secret",
    "up-dots": "./.././secret",
    "up-slashes": "..//secret",
    "out-and-in": "../inside/file",
    absolute: join(outer, "secret"),
    "absolute-directory": outer,
    "absolute-inside": join(inside, "file"),
    "absolute-slashes": `/${join(outer, "secret")}`,
    "to-link": "up",
    "to-link-file": "to-link/secret",
    "sub/up": "../..",
    "sub/up-file": "../../secret",
    "sub/deep/up": "../../..",
    "to-sub-up": "sub/up/secret",
    loop: "loop",
    "loop-a": "loop-b",
    "loop-b": "loop-a",
    self: ".",
    "self-up": "self/self/../self/../up",
  };
}

/** Links to the machine's own files: only for functions that read. */
const MACHINE_LINKS = { root: "/", passwd: "/etc/passwd", proc: "/proc/self/root", "proc-cwd": "/proc/self/cwd" };

/** Paths to the machine's own files: only for functions that read. */
const MACHINE: readonly string[] = [
  ...["/", "//", "/etc/passwd", "/..", "/../secret", "/proc/self/root/etc/passwd", "/proc/self/fd/0"],
  ...Object.keys(MACHINE_LINKS).flatMap((name) => [
    name,
    `${name}/`,
    `${name}/.`,
    `${name}/etc/passwd`,
    `${name}/../etc`,
  ]),
  ...["proc/self/environ", "proc-cwd/package.json", "C:\\Windows", "C:", "C:/", "\\\\host\\share", "//host/share"],
  ...["~/secret", "~root", "$HOME", "CON", "NUL", "COM¹", "file::$DATA"],
  ...["sub/" + "../".repeat(500) + "etc/passwd", "../".repeat(1_365) + "x", "../../../../../../../../../../etc/passwd"],
];

/** Paths that lead out of the directory, or would in a sandbox that reads them differently, and stay in the test's folder. */
function corpus(): readonly string[] {
  const out = ["secret", "missing", "beside", "beside/secret", "inside-not/secret", "inside/file", "made"];
  const ups = [
    "..",
    "./..",
    "sub/../..",
    "sub/./../../",
    "sub/deep/../../..",
    "..//",
    ".//..",
    "sub//..//..",
    "../inside/..",
  ];
  const upward = ups.flatMap((up) => [up, `${up}/`, ...out.map((path) => `${up}/${path}`)]);
  const linked = Object.keys(links())
    .filter((name) => !["self", "loop", "loop-a", "loop-b"].includes(name))
    .flatMap((name) => [name, `${name}/`, `${name}/.`, `${name}/secret`, `${name}/made`, `${name}/../secret`]);
  const longPath = "x/".repeat(3_000);
  const longName = "n".repeat(256);
  return [
    ...[...upward, ...linked],
    ...["self/..", "self/../secret", "self/self/../../secret", "self/up/secret", `${"self/".repeat(41)}up/secret`],
    ...["loop", "loop/secret", "loop-a/../../secret"],
    ...[join(outer, "secret"), outer, inside, `${inside}/file`, `/${outer}/secret`],
    ...["..\0/secret", "../secret\0", "\0", "file\0/../../secret", "sub\0", "..\u0000"],
    ...["..\\secret", "sub\\..\\..\\secret", "..;/secret", "%2e%2e/secret", "..%2fsecret", "..\u2215secret"],
    ...["．．/secret", "․․/secret", ".. /secret", "... /secret", ".../secret", "..\n/secret", "-"],
    ...[`${longPath}x`, longName, "n".repeat(5_000), `${longName}/../../secret`],
    ...["../INSIDE/file", "UP/secret", "Sub/Up/secret", "", ".", "./", "sub/..", "sub/deep/../.."],
  ];
}

type Act = (root: Descriptor, path: string) => unknown;

/** Every function that takes a path and changes nothing. What is opened is read. */
const reading: Record<string, Act> = {
  open: (root, path) => used(root, path, FOLLOW, {}, READ),
  "open without following": (root, path) => used(root, path, NO_FOLLOW, {}, READ),
  "open directory": (root, path) => used(root, path, FOLLOW, { directory: true }, READ),
  stat: (root, path) => root.statAt(FOLLOW, path),
  lstat: (root, path) => root.statAt(NO_FOLLOW, path).type === "symbolic-link" || root.statAt(NO_FOLLOW, path),
  hash: (root, path) => root.metadataHashAt(FOLLOW, path),
  readlink: (root, path) => void root.readlinkAt(path),
};

/** Every function that takes a path and changes something. What is opened is written to. */
const changing: Record<string, Act> = {
  "open to write": (root, path) => used(root, path, FOLLOW, {}, WRITE),
  create: (root, path) => used(root, path, FOLLOW, CREATE, WRITE),
  "create exclusively": (root, path) => used(root, path, FOLLOW, { create: true, exclusive: true }, WRITE),
  truncate: (root, path) => used(root, path, FOLLOW, { truncate: true }, WRITE),
  "set times": (root, path) =>
    root.setTimesAt(FOLLOW, path, NO_CHANGE, { tag: "timestamp", val: { seconds: 1n, nanoseconds: 0 } }),
  mkdir: (root, path) => root.createDirectoryAt(path),
  rmdir: (root, path) => root.removeDirectoryAt(path),
  unlink: (root, path) => root.unlinkFileAt(path),
  "rename from": (root, path) => root.renameAt(path, root, "renamed"),
  "rename to": (root, path) => root.renameAt("file", root, path),
  "link from": (root, path) => root.linkAt(NO_FOLLOW, path, root, "linked"),
  "link to": (root, path) => root.linkAt(NO_FOLLOW, "file", root, path),
  symlink: (root, path) => root.symlinkAt("file", path),
};
const acts = { ...reading, ...changing };

function used(root: Descriptor, ...[path, ...how]: [string, ...OpenHow]): unknown {
  using opened = root.openAt(how[0], path, how[1], how[2]);
  if (opened.getType() === "directory") {
    const stream = opened.readDirectory();
    for (let entry; (entry = stream.readDirectoryEntry()) !== undefined;) {
      if (["secret", "beside", "inside-not"].includes(entry.name)) throw new Error(`${path} lists what is outside`);
    }
    return opened.stat();
  }
  const text = new TextDecoder().decode(opened.read(1_000n, 0n)[0]);
  if (text === SECRET) throw new Error(`${path} reads what is outside`);
  if (how[2].write) opened.write(new TextEncoder().encode("written by the guest"), 0n);
  return opened.stat();
}

type OpenHow = [
  flags: typeof FOLLOW,
  open: Parameters<Descriptor["openAt"]>[2],
  flags: { read: boolean; write?: boolean },
];

/** Everything outside, as far as one can see it: names, contents, links, times. */
function outside(): string {
  const hash = createHash("sha256");
  const visit = (path: string): void => {
    const stat = lstatSync(path, { bigint: true });
    hash.update(`${path} ${stat.mode} ${stat.ino} ${stat.mtimeNs} ${stat.nlink}`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    else if (stat.isFile()) hash.update(readFileSync(path));
    else for (const name of readdirSync(path)) if (join(path, name) !== inside) visit(join(path, name));
  };
  // Its own time is that of the directory granted, which is in it.
  for (const name of readdirSync(outer)) if (name !== "inside") visit(join(outer, name));
  return `${readdirSync(outer).join()} ${hash.digest("hex")}`;
}

const fileSystems: Record<string, () => FileSystem> = {
  "directory by descriptors": () => directory(inside, { hold: process.platform === "linux" ? "descriptor" : "path" }),
  "directory by paths": () => directory(inside, { hold: "path" }),
  readOnly: () => readOnly(directory(inside)),
  "overlay of memory over a directory": () => overlay(memory(), readOnly(directory(inside))),
  "overlay of a directory over memory": () => overlay(directory(inside), memory({ files: { "sub/lower": "inside" } })),
  memory: () => memoryWithLinks(),
};

/** What the directory holds, in memory: links out of it are links to what is not there. */
function memoryWithLinks(): FileSystem {
  const made = memory({ files: { file: "inside", "sub/file": "inside", "sub/deep/": "" } });
  const root = made.root({ now: () => 0n });
  const sub = root.open("sub", directoryOnly);
  if (sub.kind !== "directory") throw new Error("sub is a directory");
  const deep = sub.open("deep", directoryOnly);
  if (deep.kind !== "directory") throw new Error("sub/deep is a directory");
  for (const [path, target] of Object.entries(links())) {
    const at = path.startsWith("sub/deep/") ? deep : path.startsWith("sub/") ? sub : root;
    at.makeLink!(path.split("/").at(-1)!, target);
  }
  return made;
}

const directoryOnly = { read: true, write: false, create: false, exclusive: false, truncate: false, directory: true };

describe.each(Object.keys(fileSystems))("%s", (name) => {
  test.each(Object.keys(acts))("%s: no path leads out", async (act) => {
    const before = outside();
    const root = await rootOf(fileSystems[name]!());
    const secret = lstatSync(join(outer, "secret"), { bigint: true });
    const told: string[] = [];
    for (const path of corpus()) {
      // Lexically, and by what links add to that, the path ends in the test's own folder.
      expect(join(inside, path.startsWith("/") ? "." : path).startsWith(folder)).toBe(true);
      const outcome = codeOr(() => acts[act]!(root, path) ?? "done");
      if (typeof outcome === "object" && "size" in outcome && outcome.size === secret.size) told.push(path);
    }
    expect(told).toEqual([]);
    expect(outside()).toBe(before);
  });

  test("the machine's own files are not read, and not told of", async () => {
    for (const [link, target] of Object.entries(MACHINE_LINKS)) symlinkSync(target, join(inside, link));
    const root = await rootOf(fileSystems[name]!());
    const outcomes = MACHINE.flatMap((path) => Object.values(reading).map((act) => code(() => act(root, path))));
    // Without following, a link is told of as the link that it is.
    const refused = new Set(["not-permitted", "no-entry", "loop", "name-too-long", "invalid", "not-directory"]);
    const links = outcomes.filter((outcome) => !refused.has(outcome));
    expect(links.filter((outcome) => outcome !== "succeeded")).toEqual([]);
    expect(links).toHaveLength(name === "memory" ? 0 : Object.keys(MACHINE_LINKS).length);
  });

  test("what is refused does not tell whether something is there", async () => {
    const root = await rootOf(fileSystems[name]!());
    for (const act of Object.values(acts)) {
      for (const up of ["../", "up/", "sub/up/", "self/../", `${outer}/`, "to-link/"]) {
        expect(code(() => act(root, `${up}secret`))).toBe("not-permitted");
        expect(code(() => act(root, `${up}missing`))).toBe("not-permitted");
      }
    }
  });

  test("a link that the guest makes leads nowhere either", async () => {
    const root = await rootOf(fileSystems[name]!());
    const before = outside();
    if (name !== "readOnly") {
      expect(code(() => root.symlinkAt("/etc", "made"))).toBe("not-permitted");
      root.symlinkAt("../secret", "made");
      root.symlinkAt("sub", "in");
      root.symlinkAt("in/../../beside", "made-too");
      expect(code(() => root.statAt(FOLLOW, "made"))).toBe("not-permitted");
      root.symlinkAt("..", "above");
      expect(code(() => root.removeDirectoryAt("above/"))).toBe("not-permitted");
      expect(code(() => root.statAt(FOLLOW, "made-too/secret"))).toBe("not-permitted");
      // Moved to where its target would be inside, it is that; moved back, it is not.
      root.renameAt("made", root, "sub/made");
      expect(code(() => root.statAt(FOLLOW, "sub/made"))).toBe("no-entry");
      root.renameAt("sub/made", root, "made");
      expect(code(() => root.openAt(FOLLOW, "made", CREATE, WRITE))).toBe("not-permitted");
    } else expect(code(() => root.symlinkAt("../secret", "made"))).toBe("read-only");
    expect(outside()).toBe(before);
  });

  test("a descriptor of a directory inside is a root of its own", async () => {
    const root = await rootOf(fileSystems[name]!());
    using sub = root.openAt(FOLLOW, "sub", { directory: true }, READ);
    expect(code(() => sub.statAt(FOLLOW, "../file"))).toBe("not-permitted");
    expect(code(() => sub.statAt(FOLLOW, "deep/../../file"))).toBe("not-permitted");
    expect(code(() => sub.statAt(FOLLOW, "up/inside/file"))).toBe("not-permitted");
    expect(sub.statAt(FOLLOW, "deep/../file").size).toBe(6n);
  });
});

test("all file systems answer every path with the same", async () => {
  const of = async (name: string): Promise<Record<string, string>> => {
    const root = await rootOf(fileSystems[name]!());
    return Object.fromEntries(
      corpus().flatMap((path) =>
        ["open", "stat", "readlink", "open directory", "hash"].map((act) => [
          `${act} ${JSON.stringify(path)}`,
          code(() => acts[act]!(root, path)),
        ]),
      ),
    );
  };
  const expected = await of("memory");
  for (const name of Object.keys(fileSystems)) expect(await of(name), name).toEqual(expected);
});
