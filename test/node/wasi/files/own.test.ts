/** File systems that users write: the one in the README, as it stands there. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { transformSync } from "esbuild";
import { expect, test } from "vitest";
import * as tenonWasi from "../../../../host/node/wasi.ts";
import { CREATE, code, FOLLOW, namesIn, NO_FOLLOW, READ, readText, rootOf, WRITE, writeText } from "./support.ts";

type Generated = (files: Record<string, () => Uint8Array>) => tenonWasi.FileSystem;

function generated(): Generated {
  const readme = readFileSync(join(resolve(import.meta.dirname, "../../../.."), "README.md"), "utf8");
  const [, text] = /^```ts\n([^`]*?FileSystem\b[^`]*?)^```$/ms.exec(readme)!;
  const { code: javascript } = transformSync(text!, { loader: "ts", format: "cjs" });
  const module = { exports: {} as { generated: Generated } };
  // oxlint-disable-next-line no-implied-eval
  new Function("module", "exports", "require", javascript)(module, module.exports, () => tenonWasi);
  return module.exports.generated;
}

test("the file system of the README is read, listed and told of, and nothing in it can be changed", async () => {
  let made = 0;
  const bytes = new TextEncoder().encode("made");
  const fileSystem = generated()({ "report.txt": () => (made++, bytes), empty: () => new Uint8Array(0) });
  const root = await rootOf(fileSystem);
  expect(namesIn(root)).toEqual(["empty", "report.txt"]);
  expect(made).toBe(0);
  expect(readText(root, "./report.txt")).toBe("made");
  expect(root.statAt(FOLLOW, "report.txt")).toMatchObject({ type: "regular-file", size: 4n, linkCount: 1n });
  expect(root.statAt(FOLLOW, ".").type).toBe("directory");
  expect(root.getFlags()).toEqual({ read: true, mutateDirectory: false });
  expect(code(() => readText(root, "missing"))).toBe("no-entry");
  expect(code(() => readText(root, "toString"))).toBe("no-entry");
  expect(code(() => readText(root, "report.txt/"))).toBe("not-directory");
  expect(code(() => readText(root, "../report.txt"))).toBe("not-permitted");
  const changes = [
    () => root.openAt(FOLLOW, "report.txt", {}, WRITE),
    () => root.openAt(FOLLOW, "report.txt", { truncate: true }, READ),
    () => root.openAt(FOLLOW, "new", CREATE, READ),
    () => root.createDirectoryAt("new"),
    () => root.unlinkFileAt("report.txt"),
    () => root.renameAt("report.txt", root, "new"),
    () => root.linkAt(NO_FOLLOW, "report.txt", root, "new"),
    () => root.symlinkAt("report.txt", "new"),
    () => root.setTimesAt(FOLLOW, "report.txt", { tag: "now" }, { tag: "now" }),
  ];
  expect(changes.map(code)).toEqual(changes.map(() => "read-only"));
});

test("over the file system of the README one can write", async () => {
  const fileSystem = generated()({ file: () => new TextEncoder().encode("below") });
  const root = await rootOf(tenonWasi.overlay(tenonWasi.memory(), fileSystem));
  using file = root.openAt(FOLLOW, "file", {}, WRITE);
  file.write(new TextEncoder().encode("B"), 0n);
  writeText(root, "new", "new");
  expect([readText(root, "file"), readText(root, "new")]).toEqual(["Below", "new"]);
  expect(readText(await rootOf(fileSystem), "file")).toBe("below");
});
