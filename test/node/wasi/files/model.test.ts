/**
 * File systems against each other, by random sequences: `memory` does what the machine's own file system does, `overlay` does what one
 * file system would with the content of both, and what is below an overlay stays as it was.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { directory, memory, overlay, readOnly, type FileSystem } from "../../../../host/node/wasi.ts";
import { scaled, seed } from "../../../differential/budget.ts";
import { codeOr, namesIn, NO_CHANGE, NO_FOLLOW, readText, rootOf, type Descriptor } from "./support.ts";

const FILES: Record<string, string> = { "a/b/c": "abc", "a/c": "ac", b: "b", "c/a": "ca" };

const names = fc.constantFrom("a", "b", "c");
const paths = fc
  .tuple(
    fc.array(fc.oneof({ weight: 9, arbitrary: names }, fc.constantFrom(".", "..")), { minLength: 1, maxLength: 3 }),
    fc.boolean(),
  )
  .map(([parts, slash]) => parts.join("/") + (slash && parts.length > 1 ? "/" : ""));
const targets = fc.constantFrom("a", "b", "../b", "a/b", "..", ".", "c/../a", "missing", "b/", "../..");
const follow = fc.boolean().map((symlinkFollow) => ({ symlinkFollow }));
const flags = fc.record({ read: fc.constant(true), write: fc.boolean() });
const openFlags = fc.record({
  create: fc.boolean(),
  exclusive: fc.boolean(),
  truncate: fc.boolean(),
  directory: fc.boolean(),
});
const text = fc.constantFrom("", "x", "text", "longer text");

/** A step, and what a guest sees of it. */
type Step = readonly [what: string, run: (root: Descriptor) => unknown];
const step = <T extends unknown[]>(
  name: string,
  run: (root: Descriptor, ...args: T) => unknown,
  ...args: { [K in keyof T]: fc.Arbitrary<T[K]> }
): fc.Arbitrary<Step> =>
  fc
    .tuple(...args)
    .map((values): Step => [
      `${name}(${values.map((value) => JSON.stringify(value)).join(", ")})`,
      (root) => run(root, ...(values as unknown as T)) ?? "done",
    ]);

const steps: fc.Arbitrary<Step> = fc.oneof(
  step("mkdir", (root, path: string) => root.createDirectoryAt(path), paths),
  step("rmdir", (root, path: string) => root.removeDirectoryAt(path), paths),
  step("unlink", (root, path: string) => root.unlinkFileAt(path), paths),
  step("rename", (root, path: string, to: string) => root.renameAt(path, root, to), paths, paths),
  step("rename", (root, path: string, to: string) => root.renameAt(path, root, to), paths, paths),
  step("link", (root, path: string, to: string) => root.linkAt(NO_FOLLOW, path, root, to), paths, paths),
  step("symlink", (root, target: string, path: string) => root.symlinkAt(target, path), targets, paths),
  step("readlink", (root, path: string) => root.readlinkAt(path), paths),
  step("read", (root, path: string) => readText(root, path), paths),
  step(
    "open",
    (
      root,
      ...[path, how, open, access, content]: [
        string,
        { symlinkFollow: boolean },
        object,
        { read: boolean; write: boolean },
        string,
      ]
    ) => {
      using file = root.openAt(how, path, open, access);
      if (file.getType() === "directory") return namesIn(file);
      if (access.write) file.write(new TextEncoder().encode(content), 1n);
      return new TextDecoder().decode(file.read(100n, 0n)[0]);
    },
    paths,
    follow,
    openFlags,
    flags,
    text,
  ),
  step("stat", (root, path: string, how: { symlinkFollow: boolean }) => seen(root, path, how), paths, follow),
  step(
    "set-times",
    (root, path: string, how: { symlinkFollow: boolean }) => {
      root.setTimesAt(how, path, NO_CHANGE, { tag: "timestamp", val: { seconds: 1_000n, nanoseconds: 0 } });
      return root.statAt(how, path).dataModificationTimestamp;
    },
    paths,
    follow,
  ),
);

/** What does not depend on where the file is: the sizes of directories and their links do. */
function seen(root: Descriptor, path: string, how: { symlinkFollow: boolean }): unknown {
  const { type, size, linkCount } = root.statAt(how, path);
  return type === "directory" ? type : { type, size, linkCount };
}

function tree(root: Descriptor, path = ""): unknown {
  using directory = root.openAt(NO_FOLLOW, path === "" ? "." : path, { directory: true }, { read: true });
  return namesIn(directory).map((name) => {
    const at = path === "" ? name : `${path}/${name}`;
    const { type } = root.statAt(NO_FOLLOW, at);
    if (type === "directory") return [name, tree(root, at)];
    return [name, type, type === "symbolic-link" ? codeOr(() => root.readlinkAt(at)) : readText(root, at)];
  });
}

interface Sides {
  readonly one: FileSystem;
  readonly other: FileSystem;
  /** What has to hold when all steps have been taken. */
  check?(): Promise<void>;
  end?(): void;
}

async function agree(make: () => Sides, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 40 }), async (sequence) => {
      const sides = make();
      try {
        const [one, other] = [await rootOf(sides.one), await rootOf(sides.other)];
        for (const [what, run] of sequence) {
          expect(
            codeOr(() => run(other)),
            what,
          ).toEqual(codeOr(() => run(one)));
        }
        expect(tree(other)).toEqual(tree(one));
        await sides.check?.();
      } finally {
        sides.end?.();
      }
    }),
    { seed, numRuns: scaled(runs) },
  );
}

function onDisk(files: Record<string, string>): { path: string; end(): void } {
  const path = mkdtempSync(join(tmpdir(), "tenon-model-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return { path, end: () => rmSync(path, { recursive: true, force: true }) };
}

test.skipIf(process.platform !== "linux").each(["descriptor", "path"] as const)(
  "memory and a directory held by its %s agree",
  async (hold) => {
    const sides = (): Sides => {
      const disk = onDisk(FILES);
      return { one: directory(disk.path, { hold }), other: memory({ files: FILES }), end: disk.end };
    };
    await agree(sides, 150);
  },
);

test("an overlay agrees with one file system that holds what both hold", async () => {
  const sides = (): Sides => {
    const lower = memory({ files: FILES });
    return {
      one: memory({ files: FILES }),
      other: overlay(memory(), lower),
      check: async () => expect(tree(await rootOf(lower))).toEqual(tree(await rootOf(memory({ files: FILES })))),
    };
  };
  await agree(sides, 300);
});

test("an overlay on a directory begins where the last one has ended", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 20 }),
      fc.array(steps, { maxLength: 20 }),
      async (first, then) => {
        const upper = onDisk({});
        const lower = onDisk(FILES);
        try {
          const plain = await rootOf(memory({ files: FILES }));
          for (const sequence of [first, then]) {
            const root = await rootOf(overlay(directory(upper.path), readOnly(directory(lower.path))));
            for (const [what, run] of sequence) {
              expect(
                codeOr(() => run(root)),
                what,
              ).toEqual(codeOr(() => run(plain)));
            }
            expect(tree(root)).toEqual(tree(plain));
          }
          const untouched = await rootOf(directory(lower.path));
          expect(tree(untouched)).toEqual(tree(await rootOf(memory({ files: FILES }))));
        } finally {
          upper.end();
          lower.end();
        }
      },
    ),
    { seed, numRuns: scaled(60) },
  );
});

test("an overlay whose upper side is full changes nothing, and shows what it showed", async () => {
  const lower = memory({ files: { "a/big": "x".repeat(100), "a/small": "y", b: "b" } });
  const root = await rootOf(overlay(memory({ maxBytes: 50 }), lower));
  const before = tree(root);
  const write = { read: true, write: true };
  expect(codeOr(() => root.openAt(NO_FOLLOW, "a/big", {}, write))).toBe("insufficient-space");
  expect(codeOr(() => root.renameAt("a", root, "c"))).toBe("insufficient-space");
  expect(codeOr(() => root.linkAt(NO_FOLLOW, "a/big", root, "c"))).toBe("insufficient-space");
  expect(tree(root)).toEqual(before);
  root.openAt(NO_FOLLOW, "a/big", { truncate: true }, write)[Symbol.dispose]();
  expect(readText(root, "a/big")).toBe("");
});

test("names of an overlay's own notes are neither seen nor made", async () => {
  const root = await rootOf(overlay(memory(), memory({ files: { a: "a", ".wh.b": "b" } })));
  root.unlinkFileAt("a");
  expect(namesIn(root)).toEqual([]);
  for (const name of [".wh.a", ".wh.b", ".wh..wh..opq"]) {
    expect(codeOr(() => root.statAt(NO_FOLLOW, name))).toBe("no-entry");
    expect(codeOr(() => root.unlinkFileAt(name))).toBe("no-entry");
    expect(codeOr(() => root.createDirectoryAt(name))).toBe("not-permitted");
    expect(codeOr(() => root.openAt(NO_FOLLOW, name, { create: true }, { read: true }))).toBe("not-permitted");
    expect(codeOr(() => root.symlinkAt("a", name))).toBe("not-permitted");
  }
});

test("an overlay on files of the machine leaves what is below untouched, and notes what is hidden beside", async () => {
  const [upper, lower] = [onDisk({}), onDisk(FILES)];
  try {
    const root = await rootOf(overlay(directory(upper.path), directory(lower.path)));
    root.unlinkFileAt("b");
    root.unlinkFileAt("a/c");
    expect(existsSync(join(lower.path, "b"))).toBe(true);
    expect(readdirSync(upper.path).sort()).toEqual([".wh.b", "a"]);
    expect(readdirSync(join(upper.path, "a"))).toEqual([".wh.c"]);
  } finally {
    upper.end();
    lower.end();
  }
});
